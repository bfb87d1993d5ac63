"""The digest: all of what counts is in it, nothing else, and no two histories are written alike."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Filled,
    Log,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)
from simulator.digest import Digest

ALICE, BOB, TOKEN = (Address(bytes([number]) * 20) for number in (0x0A, 0x0B, 0x0C))
ENV = BlockEnv(number=7, timestamp=1_584_000_000, base_fee=30, gas_limit=10_000_000)


def tx(**fields):
    defaults = {"sender": ALICE, "nonce": 3, "to": BOB, "data": b"\x01\x02", "value": 5, "gas": 90_000}
    return Transaction(**(defaults | {"max_fee": 50, "max_tip": 2} | fields))


def receipt(transaction=None, **fields):
    defaults = {"status": True, "gas_used": 21_000, "effective_price": 32, "output": b"", "logs": (), "created": None}
    return Receipt(transaction or tx(), **(defaults | fields))


def digest_of(outcomes, *, env=ENV, gas_used=21_000, accounts=((ALICE, 10, 4),)):
    digest = Digest()
    digest.block(env, gas_used, outcomes)
    digest.finish(accounts)
    return digest.hexdigest()


def test_version_1_is_the_sha256_of_the_documented_records():
    log = Log(TOKEN, (b"\x11" * 32, b"\x22" * 32), b"\x33\x34\x35")
    outcomes = [
        receipt(logs=(log,)),
        receipt(tx(to=None, value=0), status=False, gas_used=60_000, created=TOKEN),
    ]
    block = b"B" + (7).to_bytes(8, "big") + (1_584_000_000).to_bytes(8, "big") + (30).to_bytes(32, "big")
    block += (81_000).to_bytes(8, "big") + (2).to_bytes(4, "big")
    sent = hashlib.sha256(b"\x01\x02").digest()
    first = b"T" + b"\x0a" * 20 + (3).to_bytes(8, "big") + b"\x01" + b"\x0b" * 20 + (5).to_bytes(32, "big") + sent
    first += b"\x01" + (21_000).to_bytes(8, "big") + (32).to_bytes(32, "big") + b"\x00" + bytes(20)
    first += (1).to_bytes(4, "big")
    logged = b"\x0c" * 20 + b"\x02" + (3).to_bytes(8, "big") + b"\x11" * 32 + b"\x22" * 32 + b"\x33\x34\x35"
    second = b"T" + b"\x0a" * 20 + (3).to_bytes(8, "big") + b"\x00" + bytes(20) + bytes(32) + sent
    second += b"\x00" + (60_000).to_bytes(8, "big") + (32).to_bytes(32, "big") + b"\x01" + b"\x0c" * 20
    second += (0).to_bytes(4, "big")
    end = b"E" + (2).to_bytes(8, "big")
    end += b"\x0a" * 20 + (10).to_bytes(32, "big") + (4).to_bytes(8, "big")
    end += b"\x0b" * 20 + (2**255).to_bytes(32, "big") + (0).to_bytes(8, "big")
    expected = hashlib.sha256(b"wavetank\x01" + block + first + logged + second + end).hexdigest()
    assert digest_of(outcomes, gas_used=81_000, accounts=[(BOB, 2**255, 0), (ALICE, 10, 4)]) == expected


@pytest.mark.parametrize(
    "changed",
    [
        receipt(tx(sender=BOB)),
        receipt(tx(nonce=4)),
        receipt(tx(to=TOKEN)),
        receipt(tx(to=None)),
        receipt(tx(value=6)),
        receipt(tx(data=b"\x01\x03")),
        receipt(status=False),
        receipt(gas_used=21_001),
        receipt(effective_price=33),
        receipt(created=TOKEN),
        receipt(logs=(Log(TOKEN, (), b""),)),
    ],
    ids=["sender", "nonce", "to", "creation", "value", "input", "status", "gas", "price", "created", "logs"],
)
def test_everything_a_receipt_says_is_in_the_digest(changed):
    assert digest_of([changed]) != digest_of([receipt()])


@pytest.mark.parametrize("fields", [{"number": 8}, {"timestamp": 1_584_000_013}, {"base_fee": 31}], ids=str)
def test_the_header_is_in_the_digest(fields):
    assert digest_of([receipt()], env=ENV._replace(**fields)) != digest_of([receipt()])


@pytest.mark.parametrize("accounts", [[(ALICE, 11, 4)], [(ALICE, 10, 5)], [(BOB, 10, 4)], []], ids=str)
def test_what_accounts_hold_at_the_end_is_in_the_digest(accounts):
    assert digest_of([], accounts=accounts) != digest_of([])


def test_gas_used_is_in_the_digest():
    assert digest_of([], gas_used=1) != digest_of([], gas_used=2)


def test_limits_and_fee_caps_are_not_in_the_digest():
    assert digest_of([receipt(tx(gas=1, max_fee=99, max_tip=99))]) == digest_of([receipt()])


def test_the_words_of_a_revert_are_not_in_the_digest():
    assert digest_of([receipt(status=False, output=b"no")]) == digest_of([receipt(status=False, output=b"")])


def test_what_is_not_in_the_block_is_not_in_the_digest():
    aside = [Skipped(tx(nonce=9), "nonce gap", dropped=False), Filled(Virtual(1_000_000, 40), 900_000)]
    assert digest_of([aside[0], receipt(), aside[1]]) == digest_of([receipt()])


def test_a_bundle_is_its_transactions_in_order():
    one, two = receipt(), receipt(tx(nonce=4))
    bundle = BundleReceipt(Bundle((one.transaction, two.transaction)), (one, two))
    assert digest_of([bundle]) == digest_of([one, two])
    assert digest_of([two, one]) != digest_of([one, two])


def test_an_empty_block_is_in_the_digest():
    once, twice = Digest(), Digest()
    once.block(ENV, 0, [])
    twice.block(ENV, 0, [])
    twice.block(ENV._replace(number=8), 0, [])
    once.finish([])
    twice.finish([])
    assert once.hexdigest() != twice.hexdigest()


def test_the_order_accounts_are_given_in_does_not_matter():
    held = [(ALICE, 1, 2), (BOB, 3, 4), (TOKEN, 5, 6)]
    assert digest_of([], accounts=held) == digest_of([], accounts=iter(held[::-1]))


words = st.lists(st.sampled_from([b"\x00" * 32, b"\x01" * 32]), max_size=4)
logs = st.lists(st.tuples(words, st.sampled_from([b"", b"\x00", b"\x00" * 32, b"\x01" * 32, b"\x01" * 64])), max_size=3)


@given(logs, logs)
def test_logs_are_written_alike_only_when_they_are_equal(first, second):
    one, two = ([receipt(logs=tuple(Log(TOKEN, tuple(t), d) for t, d in each))] for each in (first, second))
    assert (digest_of(one) == digest_of(two)) == (first == second)


def test_a_topic_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="not 32 bytes"):
        digest_of([receipt(logs=(Log(TOKEN, (b"\x01" * 31,), b""),))])


def test_an_account_given_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Digest().finish([(ALICE, 1, 0), (ALICE, 2, 0)])


def test_an_unfinished_digest_has_no_value():
    digest = Digest()
    digest.block(ENV, 0, [])
    with pytest.raises(ValueError, match="finish"):
        digest.hexdigest()


def test_nothing_is_added_after_the_end():
    digest = Digest()
    digest.finish([])
    with pytest.raises(ValueError, match="finished"):
        digest.block(ENV, 0, [])
    with pytest.raises(ValueError, match="finished"):
        digest.finish([])


def test_an_unknown_version_is_refused():
    with pytest.raises(ValueError, match="version 2 is unknown"):
        Digest(version=2)
