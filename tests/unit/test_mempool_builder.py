"""The order in which a builder puts what waits."""

from mempool_samples import ALICE, BOB, CAROL, receipt, sent

from simulator.chain.types import Bundle, Candidate, Transaction, Virtual
from simulator.mempool import Mempool


def waiting(*transactions: Transaction) -> Mempool:
    pool = Mempool()
    for tx in transactions:
        assert pool.add(tx).accepted
    return pool


def test_the_order_is_by_what_the_builder_earns_after_the_base_fee() -> None:
    capped, generous = sent(ALICE, cap=12, tip=5), sent(BOB, cap=100, tip=3)
    pool = waiting(capped, generous)
    assert pool.candidates(10) == [generous, capped]  # 3 and 12 - 10 = 2
    assert pool.candidates(5) == [capped, generous]  # 5 and 3


def test_a_higher_fee_cap_alone_is_worth_nothing() -> None:
    first, second = sent(ALICE, cap=20, tip=3), sent(BOB, cap=500, tip=3)
    assert waiting(first, second).candidates(10) == [first, second]


def test_without_a_base_fee_the_whole_price_decides() -> None:
    low, high = sent(ALICE, cap=30, tip=30), sent(BOB, cap=31, tip=31)
    assert waiting(low, high).candidates(0) == [high, low]


def test_equal_tips_stand_by_arrival_and_a_replacement_loses_its_place() -> None:
    first, second = sent(ALICE, cap=100, tip=10), sent(BOB, cap=110, tip=11)
    pool = waiting(first, second)
    dearer = sent(ALICE, cap=110, tip=11)
    pool.add(dearer)
    assert pool.candidates(0) == [second, dearer]


def test_a_senders_nonces_stay_in_sequence_and_a_better_one_follows_at_once() -> None:
    opening, better = sent(ALICE, 0, tip=5), sent(ALICE, 1, tip=50)
    above, between, below = sent(BOB, 0, tip=6), sent(BOB, 1, tip=5), sent(CAROL, 0, tip=4)
    pool = waiting(better, below, opening, above, between)
    assert pool.candidates(0) == [above, opening, better, between, below]


def test_a_worse_one_of_a_sender_waits_for_its_own_place() -> None:
    opening, worse, other = sent(ALICE, 0, tip=9), sent(ALICE, 1, tip=2), sent(BOB, 0, tip=5)
    assert waiting(opening, worse, other).candidates(0) == [opening, other, worse]


def test_what_stands_behind_a_gap_is_no_candidate() -> None:
    before, after = sent(ALICE, 4), sent(ALICE, 6)
    pool = waiting(after, before)
    assert pool.candidates(0) == [before]
    pool.add(sent(ALICE, 5))
    assert pool.candidates(0) == [before, sent(ALICE, 5), after]


def test_a_fee_cap_below_the_base_fee_waits_and_holds_up_its_sender() -> None:
    cheap, dear, other = sent(ALICE, 0, cap=20), sent(ALICE, 1, cap=90), sent(BOB, 0, cap=90)
    pool = waiting(cheap, dear, other)
    assert pool.candidates(21) == [other]
    assert pool.candidates(20) == [other, cheap, dear]  # 20 - 20 = 0 is left for the builder
    assert pool.candidates(10) == [cheap, dear, other]


def test_a_senders_next_is_taken_up_after_what_was_included() -> None:
    first, second = sent(ALICE, 0), sent(ALICE, 1)
    pool = waiting(first, second)
    pool.settle([receipt(first)])
    assert pool.candidates(0) == [second]


def test_building_changes_nothing() -> None:
    pool = waiting(sent(ALICE, 0), sent(ALICE, 1), sent(BOB, 0))
    pool.add_bundle(Bundle((sent(CAROL),)))
    demand = [Virtual(1, 3), Virtual(1, 30)]
    assert pool.candidates(5, demand) == pool.candidates(5, demand)


# --------------------------------------------------------------------- demand


def test_demand_takes_its_place_by_tip_and_yields_to_a_transaction_that_pays_the_same() -> None:
    low, equal, high = Virtual(1, 9), Virtual(2, 10), Virtual(3, 11)
    tx = sent(ALICE, tip=10)
    assert waiting(tx).candidates(0, [low, equal, high]) == [high, tx, equal, low]


def test_demand_of_equal_tips_keeps_its_order() -> None:
    demand = [Virtual(3, 5), Virtual(1, 5), Virtual(2, 5)]
    assert Mempool().candidates(0, demand) == demand


# -------------------------------------------------------------------- bundles


def order(pool: Mempool, *bundles: Bundle, base_fee: int = 0) -> list[Candidate]:
    for bundle in bundles:
        pool.add_bundle(bundle)
    return pool.candidates(base_fee)


def test_a_bundle_stands_at_its_mean_tip_weighted_by_gas_limits() -> None:
    # (2 * 30,000 + 12 * 60,000) / 90,000 = 8.67, rounded down to 8
    bundle = Bundle((sent(ALICE, tip=2, gas=30_000), sent(BOB, tip=12, gas=60_000)))
    above, below = sent(CAROL, 0, tip=9), sent(CAROL, 1, tip=8)
    assert order(waiting(above, below), bundle) == [above, bundle, below]


def test_a_bundle_comes_before_a_transaction_that_pays_as_much() -> None:
    bundle, tx = Bundle((sent(ALICE, tip=8),)), sent(BOB, tip=8)
    assert order(waiting(tx), bundle) == [bundle, tx]


def test_a_bundle_counts_what_is_left_after_the_base_fee() -> None:
    bundle, tx = Bundle((sent(ALICE, cap=21, tip=20),)), sent(BOB, cap=100, tip=2)
    assert order(waiting(tx), bundle, base_fee=20) == [tx, bundle]


def test_a_bundle_behind_a_waiting_transaction_comes_no_later_than_that() -> None:
    report, other = sent(ALICE, tip=50), sent(CAROL, tip=49)
    bundle = Bundle((report, sent(BOB, tip=1, gas=500_000)))
    assert order(waiting(report, other), bundle) == [bundle, report, other]


def test_a_bundle_behind_a_transaction_that_does_not_wait_gets_no_better_place() -> None:
    bundle = Bundle((sent(ALICE, tip=50), sent(BOB, tip=1, gas=500_000)))
    other = sent(CAROL, tip=49)
    assert order(waiting(other), bundle) == [other, bundle]


def test_of_bundles_at_one_place_the_one_that_pays_more_comes_first_then_the_earlier() -> None:
    report = sent(ALICE, tip=50)
    low, late = (Bundle((report, sent(sender, tip=3))) for sender in (BOB, CAROL))
    high = Bundle((report, sent(BOB, tip=9)))
    assert order(waiting(report), low, high, late) == [high, low, late, report]
