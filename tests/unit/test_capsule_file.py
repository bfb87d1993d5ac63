"""A capsule's file says all of it, and is read only as it was written."""

import io
import json
import zipfile
from dataclasses import replace
from hashlib import sha256
from random import Random

import pytest
from capsule_samples import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.capsule.content import Expected, Page
from simulator.capsule.file import load, packed, save
from simulator.capsule.tape import Funding, Opening
from simulator.chain.accounts import account
from simulator.chain.types import Address, BlockEnv, Bundle, Transaction
from simulator.cli import main
from simulator.errors import ConfigError

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
WORDS = st.integers(0, 2**256 - 1)
COUNTS = st.integers(0, 2**62)
TRANSACTIONS = st.builds(
    Transaction, ADDRESSES, COUNTS, st.none() | ADDRESSES, st.binary(max_size=99), WORDS, COUNTS, WORDS, WORDS
)
BUNDLES = st.builds(Bundle, st.lists(TRANSACTIONS, min_size=1, max_size=3).map(tuple))
EXPECTED = st.builds(
    Expected, st.booleans(), COUNTS, st.binary(min_size=4, max_size=4), st.text(max_size=9), st.text(max_size=9)
)


@st.composite
def pages(draw):
    env = BlockEnv(draw(COUNTS), draw(COUNTS), draw(WORDS), draw(COUNTS))
    page = Page(env, draw(st.lists(TRANSACTIONS | BUNDLES, max_size=3)), draw(COUNTS), ())
    return page._replace(expected=[draw(EXPECTED) for _ in page.transactions])


OPENINGS = st.builds(lambda name, wei: Opening(account(11, name), wei), st.text(max_size=9), WORDS)
STEPS = st.lists(OPENINGS | st.builds(Funding, ADDRESSES, WORDS) | pages(), max_size=8)


@pytest.fixture(scope="module")
def whole():
    return packed(sample())


def refused(path, data):
    """The one line about a file that is no sound capsule."""
    path.write_bytes(data)
    with pytest.raises(ConfigError) as told:
        load(path)
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)
    return str(told.value)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_what_is_read_is_what_was_written(tmp_path_factory, steps):
    capsule, path = replace(sample(), steps=steps), tmp_path_factory.mktemp("capsules") / "x.capsule"
    save(capsule, path)
    found = load(path)
    assert found.steps == steps
    assert found == capsule
    assert packed(found) == path.read_bytes()


@pytest.mark.slow
def test_any_changed_byte_is_noticed(tmp_path, whole):
    for at in range(len(whole)):
        refused(tmp_path / "x", whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :])


def test_a_file_that_is_cut_off_anywhere_or_too_long_is_noticed(tmp_path, whole):
    for end in [*range(200), *range(200, len(whole), 37), len(whole) - 1]:
        assert "no capsule" in refused(tmp_path / "x", whole[:end]) or end >= len(b"wavetank capsule ")
    assert "cut off" in refused(tmp_path / "x", whole[: len(whole) // 2])
    assert "damaged" in refused(tmp_path / "x", whole + b"\0")


@pytest.mark.parametrize(("version", "mend"), [(2, "pip install --upgrade"), (999, "--upgrade"), (0, "--capsule")])
def test_another_version_is_refused_with_the_command_that_mends(tmp_path, whole, version, mend):
    line = refused(tmp_path / "x", whole.replace(b"capsule 1 ", b"capsule %d " % version, 1))
    assert f"version {version}, and this program reads 1" in line
    assert mend in line


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"{}", bytes(500), b"wavetank capsule of mine" * 20])
def test_other_files_are_no_capsules(tmp_path, data):
    assert "no capsule" in refused(tmp_path / "x", data)


def rezipped(whole, **members):
    """A capsule with other members and the right hash, as somebody may write who is no friend."""
    found = zipfile.ZipFile(io.BytesIO(whole[whole.index(b"\n") + 1 :]))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in found.namelist():
            data = members.get(name.partition(".")[0], found.read(name))
            if data is not None:
                archive.writestr(name, data)
    body = content.getvalue()
    return b"wavetank capsule 1 %d %s\n" % (len(body), sha256(body).hexdigest().encode()) + body


def about(whole, **changes):
    found = json.loads(zipfile.ZipFile(io.BytesIO(whole[whole.index(b"\n") + 1 :])).read("capsule.json"))
    return json.dumps({key: v for key, v in {**found, **changes}.items() if v is not ...}).encode()


@pytest.mark.parametrize(
    "members",
    [
        lambda _: {"capsule": None},
        lambda _: {"capsule": b"[]"},
        lambda _: {"capsule": b"\xff"},
        lambda _: {"blocks": None},
        lambda _: {"blocks": b"PAR1 and more"},
        lambda whole: {"capsule": about(whole, seed=12)},  # names would be other accounts
        lambda whole: {"capsule": about(whole, setup=...)},
        lambda whole: {"capsule": about(whole, digest_version=7)},
        lambda whole: {"capsule": about(whole, chain={"id": 1})},
        lambda whole: {"capsule": about(whole, tables={"blocks": 1})},
    ],
)
def test_a_right_hash_over_wrong_content_is_noticed(tmp_path, whole, members):
    refused(tmp_path / "x", rezipped(whole, **members(whole)))
    load_it = tmp_path / "sound"
    load_it.write_bytes(rezipped(whole))
    assert load(load_it) == sample()


def test_content_that_was_changed_under_a_right_hash_is_read_or_refused_and_nothing_else(tmp_path, whole):
    members = zipfile.ZipFile(io.BytesIO(whole[whole.index(b"\n") + 1 :]))
    random = Random(1)
    refusals = 0
    for name in members.namelist():
        data = members.read(name)
        for _ in range(40):
            at = random.randrange(len(data))
            changed = data[:at] + bytes([data[at] ^ random.randrange(1, 256)]) + data[at + 1 :]
            (tmp_path / "x").write_bytes(rezipped(whole, **{name.partition(".")[0]: changed}))
            try:
                load(tmp_path / "x")
            except ConfigError as told:
                assert "\n" not in str(told)  # noqa: PT017
                refusals += 1
    assert refusals > 100


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path, capsys):
    for path in (tmp_path / "none", tmp_path):
        assert main(["replay", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert "cannot be read" in err


def test_a_place_that_cannot_be_written_to_is_refused_and_left_as_it_was(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        save(sample(), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
