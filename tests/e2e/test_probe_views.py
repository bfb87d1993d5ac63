"""What a prober asks of the chain is what agents know from events, wherever both can tell."""

import pytest
from clearing_storms import storm
from option_ground import world_of

from simulator.protocols.margin_capability import Margin
from simulator.protocols.option_capability import Options


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = world_of(storm(tmp_path_factory.mktemp("views")))
    world.run()
    return world


def capability(world, kind):
    (found,) = (each for protocol in world.protocols for each in protocol.capabilities() if isinstance(each, kind))
    return found


def test_an_option_market_on_a_branch_is_the_mirrored_one(world):
    options = capability(world, Options)
    assert options.positions
    for (owner, id), position in options.positions.items():
        assert options.position_of(owner, id) == (position.size, position.collateral, position.base)
        assert options.cash_of(owner) == options.cash(owner)
    assert options.reserves() == (options.fund, options.pool_cash)
    for expiry, price in options.locked.items():
        assert options.settlement_price(expiry) == pytest.approx(price)
    marks = {id: options.mark_of(id) for id in options.series}
    assert any(mark is not None for mark in marks.values())
    for id, mark in marks.items():
        assert options.mark(id) == (None if mark is None else pytest.approx(mark, rel=1e-9, abs=1e-9))
        told = options.greeks_of_series(id)
        if told is not None and options.series[id].payoff is None:
            assert list(options.greeks(id)) == pytest.approx(list(told), rel=1e-7, abs=1e-7)


def test_a_clearinghouse_on_a_branch_is_the_mirrored_one(world):
    margin = capability(world, Margin)
    assert margin.funds() == (margin.house_fund, margin.members_fund, margin.shortfall)
    assert margin.accounts
    for id, account in margin.accounts.items():
        assert margin.cash_of(id) == account.cash
    assert margin.newest_account() == list(margin.accounts)[-1]
    assert (0.0, 0.0) in margin.shocks()


def test_an_account_of_which_no_event_told_is_read_and_not_kept(world):
    margin = capability(world, Margin)
    name, known = next(iter(margin.accounts.items()))
    told = margin.unheard(name)
    assert (told.number, told.owner, told.isolated, told.model, told.cash) == (
        known.number, known.owner, known.isolated, known.model, known.cash
    )  # fmt: skip
    for unknown in (f"{margin.id}/100000", f"{margin.id}/x", "another/1"):
        with pytest.raises(KeyError):
            margin.accounts[unknown]
        assert unknown not in margin.accounts
