"""Settling a block by guesses gives what walking its candidates gives."""

from collections.abc import Sequence
from random import Random

import pytest
from test_mempool_reference import Story, facts

from simulator.chain.inclusion import Inclusion
from simulator.chain.revm import RevmChain
from simulator.chain.types import (
    Address,
    BlockEnv,
    Bundle,
    BundleReceipt,
    Candidate,
    Filled,
    Outcome,
    Receipt,
    Skipped,
    Transaction,
    Virtual,
)

REVERTER = Address("0x" + "ee" * 20)
MOST_GUESSES = 60


class PlainNode:
    """What a node does: it mines what it gets, in order, and passes over what it must."""

    def __init__(self, gas_limit: int) -> None:
        self.chain = RevmChain("exact", gas_limit=gas_limit)
        self.guesses = 0

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        inclusion = Inclusion(env, candidates, self.chain.nonce)
        for _ in range(MOST_GUESSES):
            self.guesses += 1
            guess = inclusion.guess()
            mark = self.chain.snapshot()
            receipts = [o for o in self.chain.execute(env, guess.transactions) if isinstance(o, Receipt)]
            outcomes = inclusion.judge(receipts)
            if outcomes is not None:
                self.chain._release(mark)
                return outcomes
            assert not guess.certain or any(self.lacks(sender, wei) for sender, wei in guess.costs.items())
            self.chain.revert(mark)
        raise AssertionError("the guesses do not end")

    def lacks(self, sender: Address, wei: int) -> bool:
        return self.chain.balance(sender) < wei


@pytest.mark.parametrize("seed", range(100))
def test_a_node_that_mines_guesses_decides_like_the_model_chain(seed):
    story = Story(Random(seed), plain=True)
    node = PlainNode(story.gas_limit)
    for sender in story.senders:
        node.chain.fund(sender, story.chain.balances[sender])
    for number in range(1, 4):
        for _ in range(15):
            story.send()
            story.offer()
        env, candidates, outcomes = story.block(number)
        assert [facts(outcome) for outcome in node.execute(env, candidates)] == [facts(o) for o in outcomes]


A, B = (Address("0x" + digit * 40) for digit in "ab")
ENV = BlockEnv(1, 1, 0, 100_000)


def transfer(sender: Address, nonce: int = 0, gas: int = 21_000) -> Transaction:
    return Transaction(sender, nonce, B, b"", 0, gas, 1, 1)


def receipt(tx: Transaction, used: int = 21_000, status: bool = True) -> Receipt:
    return Receipt(tx, status, used, 1, b"", ())


def settle(candidates: Sequence[Candidate]) -> Inclusion:
    return Inclusion(ENV, candidates, lambda _: 0)


def test_a_block_with_room_for_every_limit_is_certain():
    guess = settle([transfer(A), Virtual(58_000, 1), transfer(B)]).guess()
    assert guess.certain
    assert guess.transactions == [transfer(A), transfer(B)]
    assert guess.costs == {A: 21_000, B: 21_000}


def test_a_limit_that_fits_only_by_what_earlier_ones_leave_is_tried():
    inclusion = settle([transfer(A, gas=50_000), Virtual(20_000, 1), transfer(B, gas=50_000)])
    guess = inclusion.guess()
    assert not guess.certain
    first, second = guess.transactions
    assert inclusion.judge([receipt(first), receipt(second)]) is not None


def test_what_did_not_fit_is_left_out_of_the_next_guess_and_what_follows_is_tried():
    big = transfer(B, gas=70_000)
    inclusion = settle([transfer(A, gas=60_000), big, transfer(B)])
    first, second = inclusion.guess().transactions
    assert second is big  # of the same sender and nonce as the last, which waits behind it
    assert inclusion.judge([receipt(first, used=40_000), receipt(big)]) is None
    first, last = inclusion.guess().transactions
    outcomes = inclusion.judge([receipt(first, used=40_000), receipt(last)])
    assert outcomes is not None
    assert outcomes[1] == Skipped(big, "gas limit does not fit", False)
    assert isinstance(outcomes[2], Receipt)


def test_a_bundle_whose_second_transaction_fails_leaves_nothing_and_what_follows_stays():
    bundle = Bundle((transfer(A), transfer(A, 1)))
    inclusion = settle([bundle, transfer(B)])
    one, two, other = inclusion.guess().transactions
    assert inclusion.judge([receipt(one), receipt(two, status=False), receipt(other)]) is None
    assert inclusion.guess().transactions == [other]
    outcomes = inclusion.judge([receipt(other)])
    assert outcomes is not None
    assert outcomes[0] == Skipped(bundle, "bundle reverted", True)


def test_a_bundle_that_holds_is_one_outcome():
    bundle = Bundle((transfer(A), transfer(A, 1)))
    inclusion = settle([Virtual(10_000, 9), bundle])
    receipts = tuple(map(receipt, inclusion.guess().transactions))
    outcomes = inclusion.judge(receipts)
    assert outcomes == [Filled(Virtual(10_000, 9), 10_000), BundleReceipt(bundle, receipts)]


def test_what_a_node_leaves_out_without_a_reason_of_ours_could_not_be_paid():
    inclusion = settle([transfer(A), transfer(A, 1), transfer(B)])
    *_, last = inclusion.guess().transactions
    outcomes = inclusion.judge([receipt(last)])
    assert outcomes is not None
    assert outcomes[:2] == [
        Skipped(transfer(A), "insufficient funds", True),
        Skipped(transfer(A, 1), "nonce gap", False),
    ]
