"""Calldata templates agree with a general encoder, and what comes back is named."""

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from simulator.chain.abi import Abi, Codec, Revert, keccak256
from simulator.chain.accounts import account, created_address
from simulator.chain.artifacts import load_artifact
from simulator.chain.types import Address, Log

WORDS = {
    "uint256": st.integers(0, 2**256 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "address": st.binary(min_size=20, max_size=20).map(Address),
    "bool": st.booleans(),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "uint256[]": st.lists(st.integers(0, 2**256 - 1), max_size=4),
}
PARAMETERS = st.lists(st.sampled_from(sorted(WORDS)), max_size=6)


@given(PARAMETERS, st.data())
def test_templates_encode_and_decode_as_a_general_encoder_does(kinds, data):
    values = [data.draw(WORDS[kind]) for kind in kinds]
    codec = Codec([{"type": kind} for kind in kinds])
    encoded = codec.encode(*values)
    assert encoded == encode(kinds, values)
    assert [list(v) if isinstance(v, tuple) else v for v in codec.decode(encoded)] == [
        list(v) if isinstance(v, tuple) else v for v in decode(kinds, encoded)
    ]


@pytest.mark.parametrize("value", [-1, 2**256])
def test_a_value_out_of_range_is_refused(value):
    with pytest.raises(OverflowError):
        Codec([{"type": "uint256"}]).encode(value)


def test_a_wrong_count_is_refused_with_the_types():
    with pytest.raises(TypeError, match="takes 1 values"):
        Codec([{"type": "uint256"}]).encode(1, 2)


def test_short_return_data_is_refused():
    with pytest.raises(ValueError, match="too few"):
        Codec([{"type": "uint256"}]).decode(b"\0" * 31)


def test_a_custom_error_carries_its_numbers():
    abi = load_artifact("GuardedFeed").abi
    selector = keccak256(b"StalePrice(uint256,uint256)")[:4]
    assert abi.decode_revert(selector + encode(["uint256"] * 2, [7201, 7200])) == Revert("StalePrice", (7201, 7200))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (b"", "EmptyRevert()"),
        (keccak256(b"Error(string)")[:4] + encode(["string"], ["no"]), "Error(no)"),
        (keccak256(b"Panic(uint256)")[:4] + encode(["uint256"], [0x11]), "Panic(overflow)"),
        (bytes.fromhex("deadbeef"), "0xdeadbeef()"),
    ],
)
def test_reverts_without_a_custom_error_are_named_too(output, reason):
    assert str(Abi([]).decode_revert(output)) == reason


def test_an_event_has_its_arguments_by_name():
    abi = load_artifact("PushFeed").abi
    topic = keccak256(b"AnswerUpdated(int256,uint256,uint256)")
    emitter = Address("0x" + "ab" * 20)
    log = Log(emitter, (topic, encode(["int256"], [-5]), encode(["uint256"], [3])), encode(["uint256"], [99]))
    event = abi.decode_log(log)
    assert (event.name, event.address, event.log) == ("AnswerUpdated", emitter, log)
    assert event.args == {"current": -5, "roundId": 3, "updatedAt": 99}
    assert abi.decode_log(log._replace(topics=(b"\1" * 32,))) is None
    with pytest.raises(ValueError, match="31 bytes are too few for AnswerUpdated"):
        abi.decode_log(log._replace(data=bytes(31))).args  # noqa: B018


def test_an_address_is_canonical_from_birth():
    assert Address("0x" + "AB" * 20) == Address(b"\xab" * 20) == "0x" + "ab" * 20
    for wrong in ("0x12", "ab" * 21, "0x" + "zz" * 20):
        with pytest.raises(ValueError, match="20-byte address"):
            Address(wrong)


def test_created_addresses_follow_the_known_examples():
    # Of the account 0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0, as published with the rule.
    sender = Address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(sender, 0) == "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1) == "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    assert created_address(sender, 2) == "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"


def test_accounts_depend_on_seed_and_name_alone():
    assert account(1, "alice") == account(1, "alice")
    assert len({account(seed, name).address for seed in (1, 2) for name in ("alice", "bob")}) == 4
