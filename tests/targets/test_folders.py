"""Artifact folders of Foundry, Hardhat and Brownie give the same contracts by name, or one line that says why not."""

import json
from pathlib import Path

import projects
import pytest

from simulator.chain.artifact_folders import ArtifactFolder
from simulator.chain.artifacts import read_artifact
from simulator.chain.types import Address
from simulator.errors import ConfigError

TOOLS = {"foundry": projects.foundry, "hardhat": projects.hardhat, "brownie": projects.brownie}
SOMEWHERE = Address("0x" + "ab" * 20)
pytestmark = [pytest.mark.forge, pytest.mark.xdist_group("targets")]


@pytest.fixture(scope="module", params=TOOLS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    place = tmp_path_factory.mktemp(request.param)
    return request.param, TOOLS[request.param](place, projects.source())


def write(path: Path, **data: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"abi": [], "bytecode": {"object": "0x00"}, **data}))
    return path


def refused(folder: Path, name: str = "Vault") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        ArtifactFolder(folder).read(name).creation_code()
    assert "\n" not in str(caught.value)
    return caught.value


# ---------------------------------------------------------------- three tools


def test_the_kind_is_told_from_the_folder(made):
    kind, folder = made
    assert ArtifactFolder(folder).kind == kind
    assert ArtifactFolder(folder).names() == ["IFeed", "IToken", "Lender", "Loan", "Ratio"]


def test_a_contract_is_found_by_its_name_and_by_its_source(made):
    kind, folder = made
    artifacts, project = ArtifactFolder(folder), "src" if made[0] == "foundry" else "contracts"
    assert artifacts.read("Lender").name == "Lender"
    assert {"adjust", "liquidate"} <= set(artifacts.read("Lender").abi.functions)
    for source in ("Lender.sol", f"{project}/Lender.sol"):
        assert artifacts.find(f"{source}:Lender") == artifacts.find("Lender")
    if kind != "brownie":  # which keeps one contract of a name
        refused(folder, "Other.sol:Lender")


def test_libraries_are_linked_where_the_code_lacks_them(made):
    artifact = ArtifactFolder(made[1]).read("Lender")
    (library,) = artifact.links
    assert library.rpartition(":")[2] == "Ratio"
    assert ArtifactFolder(made[1]).read(library).name == "Ratio"
    done = artifact.linked({library: SOMEWHERE})
    assert not done.links
    assert done.bytecode.count(bytes.fromhex(SOMEWHERE[2:])) == len(artifact.links[library]) > 0
    assert bytes.fromhex(SOMEWHERE[2:]) not in artifact.bytecode
    assert len(done.bytecode) == len(artifact.bytecode)
    assert done.source_hash == artifact.source_hash


def test_an_unlinked_contract_is_refused_by_the_name_of_its_library(made):
    fault = refused(made[1], "Lender")
    assert "Lender is not linked to" in fault.what
    assert "Ratio" in fault.what


@pytest.mark.parametrize("name", ["IFeed", "Loan"])
def test_an_interface_and_an_abstract_contract_have_no_bytecode(made, name):
    assert f"{name} has no bytecode" in str(refused(made[1], name))


def test_an_unknown_name_says_the_nearest(made):
    assert "the nearest that exists is Lender" in refused(made[1], "Lander").mend


def test_every_tool_gives_the_same_code(tmp_path):
    """But for metadata, which each tool asks for in its own way: so functions and sizes of what is linked."""
    folders = [ArtifactFolder(make(tmp_path / kind, projects.source())) for kind, make in TOOLS.items()]
    artifacts = [folder.read("Lender") for folder in folders]
    assert len({frozenset(each.abi.functions) for each in artifacts}) == 1
    assert len({len(next(iter(each.links.values()))) for each in artifacts}) == 1


# --------------------------------------------------------------------- faults


def test_of_several_contracts_of_one_name_the_path_says_which(tmp_path):
    one = write(tmp_path / "a" / "Vault.sol" / "Vault.json")
    other = write(tmp_path / "b" / "Vault.sol" / "Vault.json")
    fault = refused(tmp_path)
    assert "a/Vault.sol/Vault.json, b/Vault.sol/Vault.json" in fault.what
    assert fault.mend == 'say which, as in "a/Vault.sol:Vault"'
    assert ArtifactFolder(tmp_path).find("a/Vault.sol:Vault") == one
    assert ArtifactFolder(tmp_path).find("b/Vault.sol:Vault") == other


def test_versions_of_a_compiler_are_versions_of_one_contract(tmp_path):
    write(tmp_path / "Vault.sol" / "Vault.0.8.20.json")
    assert ArtifactFolder(tmp_path).read("Vault").name == "Vault"


@pytest.mark.parametrize("inside", ["out", "artifacts", "build"])
def test_a_projects_root_says_which_folder_it_means(tmp_path, inside):
    write(tmp_path / inside / ("contracts" if inside == "build" else "Vault.sol") / "Vault.json")
    assert refused(tmp_path).mend == f"name {tmp_path / inside}"


@pytest.mark.parametrize("made_up", ["nothing", "empty", "file"])
def test_a_folder_without_artifacts_is_refused(tmp_path, made_up):
    place = tmp_path / made_up
    if made_up == "empty":
        place.mkdir()
    if made_up == "file":
        place.write_text("{}")
    assert "out" in refused(place).mend


@pytest.mark.parametrize("text", ["", "[]", '{"abi": []', '{"abi": 5, "bytecode": "0x"}', '{"bytecode": "0x00"}'])
def test_a_broken_artifact_is_named(tmp_path, text):
    path = write(tmp_path / "Vault.sol" / "Vault.json")
    path.write_text(text)
    assert str(path) in str(refused(tmp_path))


def test_odd_hexadecimal_and_a_library_that_nobody_names_are_refused(tmp_path):
    path = write(tmp_path / "Vault.sol" / "Vault.json", bytecode={"object": "0x600"})
    assert "not a contract artifact" in str(refused(tmp_path))
    placeholder = f"__${'0123456789abcdef' * 2}ab$__"
    write(path, bytecode={"object": f"0x6000{placeholder}00"})
    artifact = read_artifact(path)
    assert artifact.links == {placeholder.strip("_"): (2,)}
    assert "is not linked to" in str(refused(tmp_path))
