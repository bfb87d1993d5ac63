"""The fee market, and what the pending pool takes, keeps and lets go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mempool_samples import ALICE, BOB, CAROL, receipt, sent
from reference_builder import next_base_fee

from simulator.chain.types import Bundle, BundleReceipt, Skipped
from simulator.mempool import Dropped, Eip1559, Legacy, Mempool

# ------------------------------------------------------------------ the fee market


@pytest.mark.parametrize(
    ("base_fee", "gas_limit", "gas_used", "following"),
    [
        (1000, 20, 20, 1125),  # full: an eighth up
        (1000, 20, 0, 875),  # empty: an eighth down
        (1000, 20, 10, 1000),
        (1000, 20, 11, 1012),  # 1000 // 10 // 8 = 12
        (1, 20, 11, 2),  # up by one at least
        (0, 20, 11, 1),
        (8, 20, 0, 7),
        (7, 20, 0, 7),  # the floor: an eighth of seven rounds to nothing
        (1000, 21, 10, 1000),  # an odd limit's half is rounded down
        (10**9, 30_029_122, 30_025_257, 1_124_967_822),  # mainnet 12,965,000, the first with a base fee
    ],
)
def test_base_fee_moves_by_at_most_an_eighth_in_integers(
    base_fee: int, gas_limit: int, gas_used: int, following: int
) -> None:
    fees = Eip1559(base_fee, gas_limit)
    fees.advance(gas_used)
    assert fees.base_fee == following


@given(st.integers(0, 10**15), st.integers(2, 10**9), st.data())
def test_base_fee_is_what_the_eip_demands_of_the_next_header(
    base_fee: int, gas_limit: int, data: st.DataObject
) -> None:
    gas_used = data.draw(st.integers(0, gas_limit))
    fees = Eip1559(base_fee, gas_limit)
    fees.advance(gas_used)
    assert fees.base_fee == next_base_fee(base_fee, gas_used, gas_limit)


def test_there_is_no_base_fee_before_eip_1559() -> None:
    fees = Legacy()
    fees.advance(10**9)
    assert fees.base_fee == 0


# ----------------------------------------------------------------- replacement


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ((100, 10), (110, 11), True),
        ((100, 10), (109, 11), False),
        ((100, 10), (110, 10), False),
        ((100, 10), (200, 10), False),  # one fee alone is not enough
        ((15, 15), (16, 16), True),  # 16.5 is rounded down
        ((5, 5), (5, 5), False),  # and so is 5.5, but both must be higher
        ((5, 5), (6, 6), True),
        ((5, 0), (6, 0), False),
        ((0, 0), (1, 1), True),
        ((10**30, 10**30), (11 * 10**29, 11 * 10**29), True),
        ((10**30, 10**30), (11 * 10**29 - 1, 11 * 10**29), False),
    ],
)
def test_a_replacement_raises_both_fees_by_ten_percent(
    old: tuple[int, int], new: tuple[int, int], replaces: bool
) -> None:
    pool = Mempool()
    first, second = (sent(ALICE, cap=cap, tip=tip) for cap, tip in (old, new))
    assert pool.add(first) == (True, "", None)
    admission = pool.add(second)
    assert admission.accepted is replaces
    assert admission.replaced == (first if replaces else None)
    assert bool(admission.reason) is not replaces
    assert list(pool.pending()) == [second if replaces else first]


def test_other_nonces_and_senders_are_not_replaced() -> None:
    pool = Mempool()
    waiting = [sent(ALICE, 0), sent(ALICE, 1), sent(BOB, 0)]
    assert all(pool.add(tx).accepted for tx in waiting)
    assert list(pool.pending()) == waiting
    assert len(pool) == 3


# ------------------------------------------------------------------- admission


def test_a_tip_above_the_fee_cap_is_refused() -> None:
    pool = Mempool()
    assert pool.add(sent(ALICE, cap=9, tip=10)).reason == "tip above fee cap"
    assert pool.add(sent(ALICE, cap=10, tip=10)).accepted
    assert len(pool) == 1


def test_a_nonce_that_was_seen_in_a_block_is_refused() -> None:
    pool = Mempool()
    pool.settle([receipt(sent(ALICE, 3))])
    assert pool.add(sent(ALICE, 3)).reason == "nonce too low"
    assert pool.add(sent(ALICE, 0)).reason == "nonce too low"
    assert pool.add(sent(ALICE, 4)).accepted
    assert pool.add(sent(BOB, 0)).accepted


def test_pending_lists_by_arrival_and_a_replacement_arrives_anew() -> None:
    pool = Mempool()
    first, second, third = sent(ALICE, 1), sent(BOB, 0), sent(ALICE, 0)
    for tx in (first, second, third):
        pool.add(tx)
    assert list(pool.pending()) == [first, second, third]
    dearer = sent(ALICE, 1, cap=200, tip=20)
    pool.add(dearer)
    assert list(pool.pending()) == [second, third, dearer]


def test_pending_does_not_show_bundles() -> None:
    pool = Mempool()
    pool.add_bundle(Bundle((sent(ALICE),)))
    assert list(pool.pending()) == []
    assert len(pool) == 0


# ---------------------------------------------------------------------- expiry


def test_a_transaction_expires_at_its_time_and_not_before() -> None:
    pool = Mempool()
    first, second, forever = sent(ALICE, 0), sent(BOB, 0), sent(CAROL, 0)
    pool.add(first, expires=20)
    pool.add(second, expires=10)
    pool.add(forever)
    assert pool.expire(9.5) == []
    assert pool.expire(10) == [second]
    assert pool.expire(25) == [first]
    assert list(pool.pending()) == [forever]


def test_expiry_follows_a_replacement_and_leaves_it_its_own_time() -> None:
    pool = Mempool()
    pool.add(sent(ALICE), expires=10)
    dearer = sent(ALICE, cap=200, tip=20)
    pool.add(dearer, expires=20)
    assert pool.expire(10) == []
    assert pool.expire(20) == [dearer]


def test_what_left_in_a_block_does_not_expire_and_may_be_sent_again() -> None:
    pool = Mempool()
    included, dropped = sent(ALICE), sent(BOB)
    pool.add(included, expires=10)
    pool.add(dropped, expires=10)
    pool.settle([receipt(included), Skipped(dropped, "insufficient funds", True)])
    assert pool.add(dropped, expires=30).accepted
    assert pool.expire(10) == []
    assert pool.expire(30) == [dropped]


# -------------------------------------------------------------------- settling


def test_settle_takes_out_what_was_included_tells_what_was_dropped_and_keeps_the_rest() -> None:
    pool = Mempool()
    included, dropped, passed_over, untried = sent(ALICE, 0), sent(BOB, 0), sent(ALICE, 1), sent(ALICE, 2)
    for tx in (included, dropped, passed_over, untried):
        pool.add(tx)
    left = pool.settle(
        [
            receipt(included),
            Skipped(dropped, "insufficient funds", True),
            Skipped(passed_over, "gas limit does not fit", False),
        ]
    )
    assert left == [Dropped(dropped, "insufficient funds")]
    assert list(pool.pending()) == [passed_over, untried]


def test_a_used_nonce_drops_what_else_waits_with_it_or_below() -> None:
    pool = Mempool()
    lower, same, higher = sent(ALICE, 1), sent(ALICE, 2), sent(ALICE, 3)
    for tx in (lower, same, higher):
        pool.add(tx)
    private = receipt(sent(ALICE, 2, tip=50))
    left = pool.settle([BundleReceipt(Bundle((private.transaction,)), (private,))])
    assert left == [
        Dropped(lower, "nonce too low"),
        Dropped(same, "nonce too low"),
    ]
    assert list(pool.pending()) == [higher]


def test_a_public_transaction_in_a_bundle_is_included_once() -> None:
    pool = Mempool()
    report, behind = sent(ALICE), sent(BOB)
    pool.add(report)
    bundle = Bundle((sent(ALICE), behind))  # equal to the one that waits, and not the same object
    pool.add_bundle(bundle)
    both = BundleReceipt(bundle, (receipt(bundle.transactions[0]), receipt(behind)))
    left = pool.settle([both, Skipped(report, "nonce too low", True)])
    assert left == []
    assert len(pool) == 0
    assert pool.candidates(0) == []


# --------------------------------------------------------------------- bundles


def test_a_bundle_is_offered_to_its_blocks_and_then_drops_what_is_private() -> None:
    pool = Mempool()
    report, behind = sent(ALICE), sent(BOB)
    pool.add(report)
    bundle = Bundle((report, behind))
    pool.add_bundle(bundle, blocks=2)
    failed = Skipped(bundle, "bundle reverted", True)
    assert pool.candidates(0) == [bundle, report]
    assert pool.settle([failed]) == []
    assert pool.candidates(0) == [bundle, report]
    assert pool.settle([failed]) == [Dropped(behind, "bundle reverted")]
    assert pool.candidates(0) == [report]


def test_a_bundle_that_no_builder_saw_yet_does_not_age() -> None:
    pool = Mempool()
    bundle = Bundle((sent(ALICE),))
    pool.add_bundle(bundle)
    assert pool.settle([receipt(sent(BOB))]) == []
    assert pool.candidates(0) == [bundle]


def test_a_private_transaction_is_not_dropped_while_another_bundle_offers_it() -> None:
    pool = Mempool()
    shared = sent(ALICE)
    short, long = Bundle((shared, sent(BOB, tip=2))), Bundle((shared, sent(BOB, tip=3)))
    pool.add_bundle(short, blocks=1)
    pool.add_bundle(long, blocks=2)
    failures = [Skipped(short, "bundle reverted", True), Skipped(long, "bundle reverted", True)]
    assert [each.transaction for each in pool.settle(failures)] == [sent(BOB, tip=2)]
    assert [each.transaction for each in pool.settle(failures[1:])] == [shared, sent(BOB, tip=3)]


def test_a_private_transaction_of_two_bundles_that_lapse_together_is_dropped_once() -> None:
    pool = Mempool()
    shared = sent(ALICE)
    bundles = Bundle((shared,)), Bundle((shared, sent(BOB)))
    for bundle in bundles:
        pool.add_bundle(bundle)
    left = pool.settle([Skipped(bundle, "bundle reverted", True) for bundle in bundles])
    assert [each.transaction for each in left] == [shared, sent(BOB)]


def test_a_dropped_public_transaction_departs_with_the_last_bundle_that_offers_it() -> None:
    pool = Mempool()
    report = sent(ALICE)
    bundle = Bundle((report,))
    pool.add(report)
    pool.add_bundle(bundle, blocks=2)
    poor = [Skipped(bundle, "insufficient funds", True), Skipped(report, "insufficient funds", True)]
    assert pool.settle(poor) == []
    assert pool.candidates(0) == [bundle]
    assert pool.settle(poor[:1]) == [Dropped(report, "insufficient funds")]


def test_a_bundle_with_a_used_nonce_leaves_at_once_and_is_refused_later() -> None:
    pool = Mempool()
    report, behind = sent(ALICE), sent(BOB)
    pool.add(report)
    bundle = Bundle((report, behind))
    pool.add_bundle(bundle, blocks=5)
    included = receipt(report)
    left = pool.settle([Skipped(bundle, "gas limit does not fit", True), included])
    assert left == [Dropped(behind, "gas limit does not fit")]
    assert pool.candidates(0) == []
    assert pool.add_bundle(bundle).reason == "nonce too low"


@pytest.mark.parametrize(("members", "blocks"), [((), 1), ((sent(ALICE),), 0)])
def test_a_bundle_of_nothing_or_for_no_block_is_an_error(members: tuple, blocks: int) -> None:
    with pytest.raises(ValueError, match=f"a bundle of {len(members)} transactions for {blocks} blocks"):
        Mempool().add_bundle(Bundle(members), blocks)
