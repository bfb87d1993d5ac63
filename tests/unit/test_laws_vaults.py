"""The laws of shares hold at every moment of random lives, and each fails where what it is about is broken."""

from functools import partial

import pytest

from simulator.units import WAD
from simulator.validation.catalogue import chosen
from simulator.validation.law import NoData, judge
from simulator.validation.share_bench import LoanShares, PoolShares, VaultShares
from simulator.validation.vaults import require_tricks, tried


@pytest.mark.slow
@pytest.mark.parametrize("law", chosen(["erc4626"]), ids=lambda law: law.name)
def test_a_law_of_shares_holds(law):
    finding = judge(law)
    assert finding.verdict == "holds", finding


KINDS = {
    "vault": partial(VaultShares, costly=False),
    "costly": partial(VaultShares, costly=True),
    "pool": partial(PoolShares, inverse=False),
    "inverse": partial(PoolShares, inverse=True),
    "loans": LoanShares,
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_trick_can_be_tried_on_each_kind(kind):
    done = tried([KINDS[kind](11)], 40)
    assert all(len(tries) >= 15 for tries in done)
    assert min(done.round_trips) < 0  # rounding is against whoever comes
    assert min(done.donations) < -WAD // 10**10


def test_too_few_tries_are_no_data():
    with pytest.raises(NoData, match="round_trips: 5 tries"):
        require_tricks(tried([LoanShares(1)], 5))


class Rewarding(LoanShares):
    """Who leaves gets a unit more."""

    def leave(self, who):
        super().leave(who)
        self.lab.endow(self.asset, who, 1)


class Returning(LoanShares):
    """A gift comes back with a unit."""

    def give(self, amount):
        super().give(amount)
        self.lab.endow(self.asset, self.giver, amount + 1)


class Robbing(VaultShares):
    """A gift drives the price of what the vault holds down a little."""

    def give(self, amount):
        self.lab.wait(-3)
        self.bench.say(int(self.price * 0.99 * WAD), int(self.price * WAD))


class Charging(VaultShares):
    """After a gift whoever comes pays."""

    def give(self, amount):
        super().give(amount)
        self.lab.wait(-1)
        limits = (2**112 - 1, WAD // 100, 0, 0, 0, 0)
        self.lab.do(self.lab.owner, self.vault, "setLimits", limits)


class Promising(PoolShares):
    """Previews are a unit too high."""

    def ask(self, view, *args):
        return super().ask(view, *args) + view.startswith("preview")


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        (Rewarding(1), "round_trips"),
        (Returning(1), "donations"),
        (Robbing(1, costly=False), "losses"),
        (Charging(1, costly=False), "late"),
        (Promising(1, inverse=False), "surprises"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_contract_that_breaks_a_law_is_seen(broken, seen):
    assert max(getattr(tried([broken], 30), seen)) > (1e-6 if seen == "late" else 0)
