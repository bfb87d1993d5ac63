"""A clearinghouse's table: defaults are those of its forge tests, and what cannot work is refused with a reason."""

import pytest
from pydantic import ValidationError

from simulator.agents.portfolio_trader import PortfolioTraderSettings
from simulator.protocols.clearing_settings import ClearingSettings, PortfolioSettings, PowerSettings, SwapSettings


def test_the_grid_has_twenty_three_different_shocks():
    shocks = PortfolioSettings().shocks
    assert len(shocks) == len(set(shocks)) == 23
    assert (0.0, 0.0) in shocks
    assert min(spot for spot, _ in shocks) == -0.3


def test_a_grid_of_more_than_thirty_two_shocks_is_refused():
    eleven = tuple(place / 20 for place in range(11))
    assert len(PortfolioSettings(spots=eleven[:10]).shocks) == 32
    with pytest.raises(ValidationError, match="35 shocks; must be 1 to 32"):
        PortfolioSettings(spots=eleven)
    with pytest.raises(ValidationError, match="0 shocks; must be 1 to 32"):
        PortfolioSettings(spots=(), extremes=())


@pytest.mark.parametrize("pair", [(-0.95, 0.0), (0.0, 5.1), (0.0, -0.91)])
def test_a_shock_that_the_contract_refuses_is_refused_here(pair):
    with pytest.raises(ValidationError, match=r"both must be within \[-0.9, 5\]"):
        PortfolioSettings(extremes=(pair,))


@pytest.mark.parametrize("changes", [{"target": 1.5}, {"ratio": 1.1}, {"bounty": 0.5}])
def test_ratios_of_the_squared_perpetual_are_in_order(changes):
    with pytest.raises(ValidationError, match="each must be below the next"):
        PowerSettings(**changes)


def test_a_sample_is_no_older_than_its_interval():
    with pytest.raises(ValidationError, match="max_age_minutes = 61"):
        SwapSettings(interval_hours=1.0, max_age_minutes=61.0)


def test_more_collaterals_than_the_contract_takes_are_refused():
    names = [f"A{number}" for number in range(9)]
    assert len(ClearingSettings(collateral={name: {} for name in names[:8]}).collateral) == 8
    with pytest.raises(ValidationError, match="9 collaterals; must be 8 at most"):
        ClearingSettings(collateral={name: {} for name in names})


def test_habits_of_more_than_everybody_are_refused():
    with pytest.raises(ValidationError, match=r"add up to 1\.2"):
        PortfolioTraderSettings(habits={"top_up": 0.7, "close": 0.5})
