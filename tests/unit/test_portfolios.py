"""Greeks of portfolios in dollars, the drift of delta without trades, and realised volatility, each by hand."""

import math
from types import SimpleNamespace

import pytest

from simulator.portfolios import PortfolioLog, RealisedVolatility
from simulator.protocols.option_capability import OptionPosition, OptionSeries
from simulator.protocols.option_math import Greeks
from simulator.units import WAD, YEAR_SECONDS

ALICE, VAULT = "0x" + "aa" * 20, "0x" + "bb" * 20
DAY = 86_400
PRICE = {"ETH": 2_000.0, "USDC": 0.5}


class Market:
    """An option market with stated Greeks and marks."""

    def __init__(self):
        self.id, self.asset, self.margin_asset = "options/ETH", "ETH", "USDC"
        self.series = {1: OptionSeries(1, 100, 2_000.0, "call"), 2: OptionSeries(2, 100, 1_800.0, "put")}
        self.positions = {}
        self.premiums, self.payoffs = {}, {}
        self.pool_base = 0
        self.known = {1: Greeks(0.5, 0.002, 3.0, -365.0, 2.0), 2: Greeks(-0.25, 0.001, 2.0, -730.0, -1.0)}

    def hold(self, owner, id, size, base=0.0):
        self.positions[owner, id] = OptionPosition(owner, id, int(size * WAD), 0, int(base * WAD))
        self.series[id].longs = sum(max(0, p.size) for p in self.positions.values() if p.series == id)
        self.series[id].shorts = sum(max(0, -p.size) for p in self.positions.values() if p.series == id)

    def greeks(self, id):
        return self.known[id]

    def mark(self, id):
        return {1: 120.0, 2: 40.0}[id]

    def sold_by_pool(self, id):
        return self.series[id].longs - self.series[id].shorts


def recorded(log, market):
    return {(row.subject, row.name): row.value for row in log.rows(market, PRICE.get)}


def values_of(rows, subject):
    names = ("net_delta_usd", "net_gamma_usd", "net_vega_usd", "net_theta_usd", "net_rho_usd")
    return [rows[subject, name] for name in names]


def test_an_account_and_the_pool_have_opposite_greeks_in_dollars():
    market = Market()
    market.hold(ALICE, 1, 10.0)
    rows = recorded(PortfolioLog([market], [], []), market)
    # Delta 5 at 2,000; gamma .02 x 2,000² / 100; a point of vega 30; 3,650 a year of theta; a point of rho 20.
    assert values_of(rows, ALICE) == pytest.approx([10_000.0, 800.0, 0.3, -10.0, 0.2])
    assert values_of(rows, "options/ETH/pool") == pytest.approx([-10_000.0, -800.0, -0.3, 10.0, -0.2])


def test_base_counts_as_what_it_is():
    market = Market()
    market.hold(ALICE, 1, -10.0, base=10.0)
    market.pool_base = WAD
    rows = recorded(PortfolioLog([market], [], []), market)
    assert rows[ALICE, "net_delta_usd"] == pytest.approx((10 - 5) * 2_000.0)
    assert rows["options/ETH/pool", "net_delta_usd"] == pytest.approx((5 + 1) * 2_000.0)


def test_perpetuals_of_the_same_account_are_part_of_its_delta():
    market = Market()
    market.hold(ALICE, 1, 10.0)
    account = SimpleNamespace(size=-4 * WAD)
    perp = SimpleNamespace(
        asset="ETH", inverse=False, account=lambda owner: owner, book={ALICE: account}, id="perps/ETH"
    )
    rows = recorded(PortfolioLog([market], [perp], []), market)
    assert rows[ALICE, "net_delta_usd"] == pytest.approx((5 - 4) * 2_000.0)


def test_delta_drifts_by_what_the_market_does_and_not_by_trades():
    market = Market()
    market.hold(ALICE, 1, 10.0)
    log = PortfolioLog([market], [], [])
    assert recorded(log, market)[ALICE, "delta_drift_usd"] == 0.0
    market.hold(ALICE, 2, 400.0)  # a trade alone
    assert recorded(log, market)[ALICE, "delta_drift_usd"] == 0.0
    market.known[1] = Greeks(0.7)
    market.hold(ALICE, 1, 1.0)  # a trade beside a move: the move was that of the ten held before
    assert recorded(log, market)[ALICE, "delta_drift_usd"] == pytest.approx(10 * 0.2 * 2_000.0)


def test_what_has_expired_has_lost_its_delta():
    market = Market()
    market.hold(ALICE, 1, 10.0)
    log = PortfolioLog([market], [], [])
    recorded(log, market)
    del market.series[1], market.positions[ALICE, 1]
    market.hold(ALICE, 2, 1.0)
    assert recorded(log, market)[ALICE, "delta_drift_usd"] == pytest.approx(-5 * 2_000.0)


def test_without_prices_no_greeks_are_recorded():
    market = Market()
    market.hold(ALICE, 1, 10.0)
    market.known[1] = None
    assert not recorded(PortfolioLog([market], [], []), market)


def test_a_vault_is_recorded_under_its_name_with_the_delta_its_strategy_states_and_what_its_options_cost():
    market = Market()
    market.hold(VAULT, 2, 10.0)
    market.premiums[VAULT], market.payoffs[VAULT] = 900 * WAD, 100 * WAD
    vault = SimpleNamespace(
        id="vault/USDC", holder=VAULT, hedged="ETH", asset="USDC", exposure=lambda: (7_000.0, 0.0, 0.0)
    )
    rows = recorded(PortfolioLog([market], [], [vault]), market)
    assert rows["vault/USDC", "net_delta_usd"] == 7_000.0 * 0.5
    assert rows["vault/USDC", "net_vega_usd"] == pytest.approx(0.2)
    costs = [rows["vault/USDC", f"option_{name}_usd"] for name in ("premiums", "payoffs", "marks")]
    assert costs == pytest.approx([450.0, 50.0, 200.0])
    assert (VAULT, "net_delta_usd") not in rows


def test_realised_volatility_is_the_root_of_the_squared_steps_over_their_time():
    realised = RealisedVolatility()
    assert realised.whole is None
    price = 100.0
    for step in range(11):
        realised.advance(1_000 + 60 * step, price)
        price *= math.exp(0.001 if step % 2 else -0.001)
    expected = 0.001 * math.sqrt(YEAR_SECONDS / 60)
    assert realised.whole == pytest.approx(expected)
    assert realised.recent == pytest.approx(expected)


def test_the_last_day_counts_most():
    realised = RealisedVolatility()
    for day in range(10):
        realised.advance(DAY * (day + 1), 100.0 * (1.1 if day == 1 else 1.0))
    assert realised.recent < realised.whole / 5
