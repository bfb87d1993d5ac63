"""A difference between two chains is found wherever it is, the first one, and told in words."""

import pytest

from simulator.chain.artifacts import load_artifact
from simulator.chain.compare import Decoder, first_difference, first_state_difference
from simulator.chain.revm import RevmChain
from simulator.chain.types import (
    Address,
    Bundle,
    BundleReceipt,
    Filled,
    Log,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

ALICE, BOB, ENGINE = (Address("0x" + digits * 20) for digits in ("a1", "b0", "ce"))
ABI = load_artifact("CdpEngine").abi
CALL = ABI.functions["adjust"].encode(b"ETH".ljust(32, b"\0"), ALICE, 5, -7)
TX = Transaction(ALICE, 3, ENGINE, CALL, 0, 400_000, 9, 2)
LOG = Log(ENGINE, (bytes(32),), b"\1")
DECODE = Decoder({ENGINE: ("CdpEngine", ABI)}, {ALICE: "alice"})


def receipt(tx=TX, **changes):
    fields = {"status": True, "gas_used": 21_000, "effective_price": 3, "output": b"", "logs": (), "created": None}
    return Receipt(tx, **(fields | changes))


def difference(a, b):
    return first_difference(a, b, DECODE, ("revm", "anvil"))


SAME = [
    receipt(),
    receipt(status=False, output=b"why"),
    receipt(logs=(LOG,)),
    Skipped(TX, "nonce gap", False),
    Filled(Virtual(10, 1), 7),
    BundleReceipt(Bundle((TX,)), (receipt(),)),
]


def test_equal_outcomes_have_no_difference():
    again = [
        receipt(),
        receipt(status=False, output=b"why"),
        receipt(logs=(LOG,)),
        Skipped(TX, "nonce gap", False),
        Filled(Virtual(10, 1), 7),
        BundleReceipt(Bundle((TX,)), (receipt(),)),
    ]
    assert difference(SAME, again) is None


def test_what_a_success_returned_is_not_compared():
    assert difference([receipt(output=b"\1")], [receipt()]) is None


@pytest.mark.parametrize(
    ("place", "other", "what"),
    [
        (0, receipt(gas_used=21_001), "gas used"),
        (0, receipt(effective_price=4), "effective price"),
        (0, receipt(created=BOB), "created"),
        (0, receipt(status=False), "status"),
        (0, receipt(tx=TX._replace(nonce=4)), "candidate"),
        (0, Skipped(TX, "nonce gap", False), "outcome"),
        (1, receipt(status=False, output=b"because"), "revert data"),
        (2, receipt(logs=()), "logs"),
        (2, receipt(logs=(LOG, LOG)), "logs"),
        (2, receipt(logs=(LOG._replace(data=b"\2"),)), "logs"),
        (3, Skipped(TX, "nonce too low", False), "reason"),
        (3, Skipped(TX, "nonce gap", True), "dropped"),
        (4, Filled(Virtual(10, 1), 8), "gas used"),
        (4, Filled(Virtual(10, 2), 7), "candidate"),
        (5, BundleReceipt(Bundle((TX,)), (receipt(gas_used=1),)), "gas used"),
        (5, BundleReceipt(Bundle((TX,)), ()), "count"),
        (5, Skipped(Bundle((TX,)), "bundle reverted", True), "outcome"),
    ],
)
def test_every_part_of_an_outcome_is_compared(place, other, what):
    changed = [*SAME[:place], other, *SAME[place + 1 :]]
    assert f"candidate {place} of {len(SAME)} differs in {what}\n" in difference(SAME, changed)
    assert f"candidate {place} of {len(SAME)} differs in {what}\n" in difference(changed, SAME)


def test_a_missing_outcome_is_a_difference():
    assert difference(SAME, SAME[:-1]) == "revm has 6 outcomes, anvil has 5"


def test_only_the_first_difference_is_told_with_call_and_reason_decoded():
    refused = load_artifact("CdpEngine").abi
    selector = next(s for s, (name, _) in refused.errors.items() if name == "NothingToRepay")
    told = difference(
        [receipt(), receipt(), receipt(gas_used=1)], [receipt(), receipt(status=False, output=selector), receipt()]
    )
    assert told.splitlines() == [
        "candidate 1 of 3 differs in status",
        "  CdpEngine.adjust(ETH, alice, 5, -7) from alice with nonce 3, value 0, gas 400000, max fee 9, max tip 2",
        "  revm: included, status True, gas used 21000, effective price 3, created None",
        "  anvil: included, status False, gas used 21000, effective price 3, created None, "
        f"NothingToRepay() (0x{selector.hex()})",
    ]


@pytest.mark.parametrize("data", [b"", b"\1", CALL[:40], b"\xff" * 400])
def test_calldata_and_revert_data_that_nobody_can_decode_are_shown_as_bytes(data):
    tx = TX._replace(data=data)
    told = difference([receipt(tx=tx)], [receipt(tx=tx, status=False, output=CALL[:3] + data)])
    assert f"0x{data[:64].hex()}" in told


def test_a_state_difference_is_named():
    a, b = RevmChain(), RevmChain()
    accounts, slots = [ALICE, BOB], [(ENGINE, 1)]
    assert first_state_difference(a, b, accounts, slots, DECODE) is None
    b.fund(ALICE, 5)
    told = first_state_difference(a, b, accounts, slots, DECODE, ("revm", "anvil"))
    assert told == "balance of alice: revm 0, anvil 5"
