import json
from operator import itemgetter
from typing import Any

import brownie
from brownie import project
from steps import ETH, MARKET, said

from scripts.deploy import DEBT_FLOOR, ROOT, System, write_deployment
from simulator.units import WAD, to_wad

ARTIFACTS = sorted((ROOT / "simulator" / "artifacts").glob("*.json"))


def test_brownie_compiles_what_ships() -> None:
    shipped = [json.loads(path.read_text()) for path in ARTIFACTS]
    build = project.get_loaded_projects()[0]._build
    assert [name for name in map(itemgetter("contract"), shipped) if not build.contains(name)] == []
    different = [artifact["contract"] for artifact in shipped if artifact != artifact | shape(build, artifact)]
    assert different == []
    assert sum(len(artifact["bytecode"]) > 2 for artifact in shipped) >= 10, "it did compare code"


def shape(build: Any, artifact: dict[str, Any]) -> dict[str, Any]:
    """What Brownie compiled, as the artifact says it. Brownie names the constructor."""
    built = build.get(artifact["contract"])
    abi = [
        {key: value for key, value in entry.items() if (entry["type"], key) != ("constructor", "name")}
        for entry in built["abi"]
    ]
    return {"abi": abi, "bytecode": "0x" + built["bytecode"], "deployedBytecode": "0x" + built["deployedBytecode"]}


def test_the_engine_has_every_collateral_on_its_terms(system: System) -> None:
    for symbol, market in MARKET.items():
        terms = system.engine.collaterals(market.id)
        consumer = system.delays.get(symbol, system.guards[symbol])
        house = system.houses[symbol].address if symbol in system.houses else brownie.ZERO_ADDRESS
        assert terms[:3] == (system.tokens[symbol], consumer, house)
        assert terms[5] == to_wad(market.bonus)
        assert terms[10] == DEBT_FLOOR * WAD


def test_each_way_of_liquidation_is_deployed(system: System) -> None:
    assert {symbol: house._name for symbol, house in system.houses.items()} == {
        "BTC": "EnglishAuction",
        "GOLD": "DutchAuction",
    }


def test_only_the_engine_mints(system: System, alice: Any) -> None:
    assert system.dollar.hasAllRoles(system.engine, system.dollar.MINTER())
    with brownie.reverts(said("Unauthorized")):
        system.dollar.mint(alice, 1, {"from": alice})


def test_every_dollar_is_somebodys_debt(system: System, owner: Any) -> None:
    debt = system.engine.debtOf(ETH, owner)
    assert debt >= system.dollar.totalSupply() > 0
    assert debt - system.dollar.totalSupply() < WAD, "no more than a few seconds of interest"


def test_a_collateral_is_added_once_and_by_the_owner(system: System, owner: Any, alice: Any) -> None:
    terms = system.engine.collaterals(ETH)
    with brownie.reverts(revert_pattern=r"CollateralExists: b'ETH.*"):
        system.engine.addCollateral(ETH, terms, {"from": owner})
    with brownie.reverts(said("Unauthorized")):
        system.engine.addCollateral(b"NEW".ljust(32, b"\0"), terms, {"from": alice})


def test_the_file_names_every_contract_and_where_its_abi_is(system: System, tmp_path: Any) -> None:
    place = tmp_path / "made" / "deployment.json"
    write_deployment(system, place)
    written = json.loads(place.read_text())
    assert written["chain_id"] == 31337
    assert {name: entry["address"] for name, entry in written["contracts"].items()} == {
        name: contract.address for name, contract in system.named().items()
    }
    for entry in written["contracts"].values():
        assert json.loads((ROOT / entry["abi"]).read_text())["abi"]
