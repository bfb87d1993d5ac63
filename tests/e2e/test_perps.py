"""Perpetual markets in storms: the books balance, the mirror is the chain, and losses fall in their order."""

import json

import pytest
from perp_storms import CRASH, GROUND, QUIET, events, measured, storm, transactions, world_of

from simulator import run
from simulator.errors import ConfigError
from simulator.protocols.base import Perp
from simulator.protocols.perps_book import equity, exit_equity, notional, price_of, required, scores
from simulator.units import from_wad, to_wad

BULLS = """
[bulls]
agent = "perp-trader"
count = 20
long_share = 1.0
open_share = 1.0
margin_usd = 3_000
look_hours = 0
take_profit = 10
habits = { top_up = 0, close = 0 }
"""


@pytest.fixture(scope="module")
def crash(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("crash"), CRASH))


def the_mirror_is_the_chain(venue, chain, now):
    """Every view of the market, answered by the mirror in the same integers."""
    ask = venue.market.read
    index = ask(chain, "indexPrice")
    frame = venue.frame_at(now, index)
    assert frame.funding == ask(chain, "previewFunding")
    assert venue.premium() == pytest.approx(from_wad(ask(chain, "premium")), rel=1e-12, abs=1e-18)
    assert venue.funding_rate(now) == from_wad(ask(chain, "fundingRate"))  # goes by no price
    assert price_of(frame.mark, inverse=venue.inverse) == ask(chain, "markPrice")
    assert venue.capital_at(frame) == ask(chain, "poolCapital")
    table = venue.book.table()
    initial, maintenance = (to_wad(ratio) for ratio in (venue.initial_ratio, venue.maintenance_ratio))
    columns = {
        "equityOf": equity(table, frame),
        "exitEquityOf": exit_equity(table, frame),
        "notionalOf": notional(table, frame),
    }
    at_first, at_last = (required(table, frame, ratio) for ratio in (initial, maintenance))
    ranks = scores(table, frame)
    for row, owner in enumerate(table.owners):
        for view, values in columns.items():
            assert values[row] == ask(chain, view, owner), view
        for values, is_initial in ((at_first, True), (at_last, False)):
            assert values[row] == ask(chain, "marginOf", owner, is_initial)
        assert ranks[row] == venue.backstop.read(chain, "scoreOf", owner)
    below = {account for account in table.ids if venue.preview_liquidation(account) is not None}
    assert set(venue.unsafe()) == below
    return len(table.ids), len(below)


@pytest.mark.parametrize("gas", ["exact", "fast"])
def test_the_books_balance_after_every_block_and_the_mirror_is_the_chain(tmp_path, gas):
    scenario = storm(tmp_path, CRASH)
    world = world_of(scenario, gas)
    compared = unsafe = 0
    crash_begins = int(2 * 3600 / world.block_seconds)
    moments = [*range(1, world.steps, 150), *range(crash_begins, crash_begins + 60, 2)]
    for step in sorted(set(moments)):
        world.run_to(step)
        for venue in world.capabilities(Perp):
            rows, below = the_mirror_is_the_chain(venue, world.chain, world._block_time)
            compared, unsafe = compared + rows, unsafe + below
    world.run()
    assert world.observer.checked == 2 * (world.steps + 1)
    assert compared > 1000
    assert unsafe > 20


def test_losses_fall_on_the_fund_then_on_winners_then_on_the_pool(crash):
    assert crash.manifest["status"] == "complete"
    assert crash.metrics["unexpected_reverts"] == 0
    assert crash.metrics["liquidations"] > 50
    assert crash.metrics["insurance_fund_usd_min"] == 0
    assert crash.metrics["adl_notional_usd"] > 100_000
    assert crash.metrics["bad_debt_usd"] == pytest.approx(0, abs=1)  # all of it was paid by somebody
    for protocol in ("perps", "coin"):
        absorbed = [json.loads(args) for args in events(crash, protocol, "LossAbsorbed")["args"]]
        assert any(int(args["fromFund"]) for args in absorbed)
        recorded = sum(int(args["recorded"]) for args in absorbed)
        adl = sum(int(json.loads(a)["haircut"]) for a in events(crash, protocol, "AccountDeleveraged")["args"])
        socialised = sum(int(json.loads(a)["amount"]) for a in events(crash, protocol, "LossSocialised")["args"])
        repaid = sum(int(json.loads(a)["amount"]) for a in events(crash, protocol, "ShortfallRepaid")["args"])
        assert adl > 0
        assert adl + socialised + repaid == recorded


def test_every_kind_of_agent_does_its_work(crash):
    for traders in ("perp-traders", "coin-traders"):
        assert transactions(crash, traders, "perp-trade") > 20
        assert transactions(crash, traders, "perp-deposit") > 0
    assert transactions(crash, "perp-liquidators", "liquidate") > 10
    assert transactions(crash, "coin-liquidators", "perp-execute") > 10
    assert transactions(crash, "backstop-keepers", "liquidate") > 0  # what left no fee
    assert transactions(crash, "backstop-keepers", "deleverage") > 0
    assert transactions(crash, "funding-arbitrageurs", "perp-trade") > 3
    assert transactions(crash, "perp-providers", "pool-redeem") > 0  # the price has moved too far for them


def test_no_position_waits_long_for_its_liquidation(crash):
    assert crash.metrics["liquidation_delay_blocks_max"] < 60
    assert 0 < crash.metrics["profitable_liquidation_share"] < 1  # bankrupt accounts leave no fee


def test_the_same_seed_gives_the_same_digest(tmp_path, crash):
    assert run(storm(tmp_path, CRASH)).digest == crash.digest


def test_without_a_keeper_a_shortfall_stays(tmp_path):
    result = run(storm(tmp_path, CRASH, **{"backstop-keepers__count": 0, "perp-liquidators__min_profit_usd": -1e9}))
    assert result.metrics["adl_notional_usd"] == 0
    assert result.metrics["socialised_loss_usd"] == 0
    assert result.metrics["bad_debt_usd"] > 1000
    assert result.metrics["insolvent"] == 1


def test_an_empty_market_with_every_size_at_zero_runs(tmp_path):
    zeros = {"perps__pool.liquidity_usd": 0, "perps__limits.open_interest_usd": 0, "perps__limits.skew_usd": 0}
    text = GROUND + '\n[perp-traders]\nagent = "perp-trader"\ncount = 3\nlook_hours = 1\ntrend = 0\n'
    result = run(storm(tmp_path, text, world__hours=1, **zeros))
    assert result.manifest["status"] == "complete"
    assert transactions(result, action="perp-trade") == 0
    assert result.metrics["adl_notional_usd"] == 0
    assert result.metrics["funding_paid_usd"] is None


def test_margin_may_be_any_token_that_has_a_feed(tmp_path):
    usdc = '\n[market.USDC]\nprocess = "constant"\nprice = 1.0\n\n[oracle.USDC]\ndeviation = 0.01\n'
    text = GROUND + 'margin_asset = "USDC"\n' + usdc
    text += '\n[perp-traders]\nagent = "perp-trader"\ncount = 10\nlook_hours = 0.5\ntrend = 0\n'
    result = run(storm(tmp_path, text, world__hours=2))
    assert transactions(result, "perp-traders", "perp-trade") > 5
    assert result.metrics["unexpected_reverts"] == 0


def test_more_liquidity_than_was_drawn_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"pool.liquidity_usd asks for 1,000,000,000 DOLLAR"):
        run(storm(tmp_path, GROUND, **{"perps__pool.liquidity_usd": 1e9}))


# --------------------------------------------------------------- declared failures

OUTAGE = (
    GROUND
    + """
pauses = [{ id = "outage", from = 1.0, to = 3.0, withdrawals = false }]

[perp-traders]
agent = "perp-trader"
count = 30
leverage = 8
leverage_sigma = 0
look_hours = 0.3
trend = 0

[perp-liquidators]
agent = "perp-liquidator"

[backstop-keepers]
agent = "backstop-keeper"
"""
)


def hours_of(result, rows):
    blocks = result.blocks.set_index("block")["time"]
    first = blocks.iloc[0]
    return [(blocks[block] - first) / 3600 for block in rows["block"]]


def test_an_outage_shuts_what_it_names_and_no_more(tmp_path):
    result = run(storm(tmp_path, OUTAGE))
    trades = hours_of(result, events(result, "perps", "Traded"))
    liquidations = hours_of(result, events(result, "perps", "Liquidated"))
    assert not [hour for hour in trades if 1.01 < hour < 2.99]
    assert [hour for hour in trades if hour < 1]
    assert not [hour for hour in liquidations if 1.01 < hour < 3]
    assert [hour for hour in liquidations if 3 <= hour < 3.1]  # the crash was at two
    assert result.metrics["liquidation_delay_blocks_max"] > 200
    assert result.metrics["unexpected_reverts"] == 0
    set_pauses = [json.loads(args) for args in events(result, "perps", "PauseSet")["args"]]
    assert [args["trading"] for args in set_pauses] == [True, False]
    assert [args["withdrawals"] for args in set_pauses] == [False, False]


def test_a_pause_is_changed_by_its_id_in_a_scenario_that_extends(tmp_path):
    (tmp_path / "storm.toml").write_text(OUTAGE)
    child = 'schema = 1\nextends = "./storm.toml"\ntitle = "x"\nstory = "x"\n[perps]\n'
    child += 'pauses = [{ id = "outage", to = 2.0 }, { id = "later", from = 4.0, to = 5.0 }]\n'
    (tmp_path / "child.toml").write_text(child)
    from simulator import load

    pauses = load(str(tmp_path / "child.toml")).protocols["perps"].settings.pauses
    assert [(p.id, p.start, p.end, p.withdrawals) for p in pauses] == [
        ("outage", 1.0, 2.0, False),
        ("later", 4.0, 5.0, True),
    ]


def test_settlement_is_delayed_for_as_long_as_declared(tmp_path):
    text = OUTAGE.replace(
        'pauses = [{ id = "outage", from = 1.0, to = 3.0, withdrawals = false }]',
        'delays = [{ id = "slow", from = 0.5, to = 1.0, delay_seconds = 120 }]\norders = { lifetime_minutes = 30 }',
    )
    result = run(storm(tmp_path, text, world__hours=2))
    orders = hours_of(result, events(result, "perps", "OrderSubmitted"))
    filled = hours_of(result, events(result, "perps", "OrderExecuted"))
    assert len(orders) > 5
    assert all(0.5 <= hour <= 1.01 for hour in orders)
    assert len(filled) > 3
    assert result.metrics["unexpected_reverts"] == 0
    assert [hour for hour in hours_of(result, events(result, "perps", "Traded")) if hour > 1.1]


# ----------------------------------------------------------------------- agents


def test_an_arbitrageur_brings_the_premium_to_that_of_the_world_outside(tmp_path):
    text = (
        QUIET
        + """
limits = { skew_scale_usd = 50e6 }

[market.ETH.funding]
mean = -0.003
deviation = 0.0002

[funding-arbitrageurs]
agent = "funding-arbitrageur"
capital_usd = 200_000
"""
    )
    result = run(storm(tmp_path, text, world__hours=12))
    outside = measured(result, "market", "premium")
    inside = measured(result, "perps", "premium")
    gap = (inside - outside).iloc[3:].abs()
    assert gap.max() < 0.0005
    assert inside.iloc[-1] < -0.002
    # (P + clamp(r - P)) three times a day, within the bound
    expected = (3 * (inside + 0.0005)).clip(-0.1, 0.1)
    assert measured(result, "perps", "funding_rate").iloc[-1] == pytest.approx(expected.iloc[-1], rel=1e-6)


def test_without_an_outside_it_trades_the_rate_down_to_what_just_pays(tmp_path):
    text = QUIET + "\nlimits = { skew_scale_usd = 50e6 }\n" + BULLS
    arbitrage = '\n[funding-arbitrageurs]\nagent = "funding-arbitrageur"\ncapital_usd = 400_000\nband = 1e-5\n'
    alone = run(storm(tmp_path, text, world__hours=3, borrowers__count=30))
    watched = run(storm(tmp_path, text + arbitrage, world__hours=3, borrowers__count=30))
    before, after = (measured(result, "perps", "funding_rate").iloc[-1] for result in (alone, watched))
    assert before > 0.01
    # 2 trade fees a holding time of 3 days, and 3 % a year for the other leg
    assert after == pytest.approx(2 * 0.0005 / 3 + 0.03 / 365, rel=0.15)


def test_where_the_premium_moves_the_rate_it_brings_the_rate_back(tmp_path):
    rate = 'funding = { mode = "velocity", max_daily = 1.0, velocity = 20 }\n'
    text = QUIET + "\nlimits = { skew_scale_usd = 50e6 }\n" + rate + BULLS
    arbitrage = '\n[funding-arbitrageurs]\nagent = "funding-arbitrageur"\ncapital_usd = 400_000\n'
    alone = run(storm(tmp_path, text, world__hours=4, borrowers__count=30))
    watched = run(storm(tmp_path, text + arbitrage, world__hours=4, borrowers__count=30))
    before, after = (measured(result, "perps", "funding_rate").iloc[-1] for result in (alone, watched))
    assert before > 0.01
    assert abs(after) < 0.2 * before


def test_who_wins_takes_the_profit_out_and_who_could_not_close_tries_again(tmp_path):
    text = (
        GROUND
        + """
pauses = [{ id = "outage", from = 1.9, to = 3.0, withdrawals = false, liquidations = false }]
limits = { skew_scale_usd = 500e6 }

[bears]
agent = "perp-trader"
count = 10
long_share = 0.0
open_share = 1.0
leverage = 3
leverage_sigma = 0
look_hours = 0
"""
    )
    result = run(storm(tmp_path, text, world__hours=4))
    closed = hours_of(result, events(result, "perps", "Traded"))
    assert len(closed) == 10  # all that were opened before the storm
    assert all(3.0 < hour < 3.5 for hour in closed)
    assert transactions(result, "bears", "perp-withdraw") == 10


def test_providers_leave_at_the_declared_hour_after_their_delay(tmp_path):
    text = GROUND + "pool = { delay_minutes = 30 }\n"
    text += '\n[perp-providers]\nagent = "perp-provider"\ncount = 3\nleave_hour = 1.0\nmove = 9\ndrawdown = 1\n'
    result = run(storm(tmp_path, text, world__hours=2))
    assert transactions(result, "perp-providers", "pool-request") == 3
    assert transactions(result, "perp-providers", "pool-redeem") == 3
    asked = hours_of(result, events(result, "perps", "RedeemRequested"))
    left = hours_of(result, events(result, "perps", "Withdraw"))
    assert all(hour == pytest.approx(1.0, abs=0.01) for hour in asked)
    assert all(hour == pytest.approx(1.5, abs=0.02) for hour in left)
    capital = measured(result, "perps", "pool_capital_usd")
    assert capital.iloc[-1] == pytest.approx(5e6, rel=0.001)


def test_providers_leave_when_the_price_moves_too_far(tmp_path):
    text = GROUND + '\n[perp-providers]\nagent = "perp-provider"\ncount = 4\nmove = 0.1\nfear_sigma = 0\n'
    result = run(storm(tmp_path, text, world__hours=3))
    left = hours_of(result, events(result, "perps", "Withdraw"))
    assert len(left) == 4
    assert all(2 < hour < 2.2 for hour in left)


def test_no_agents_at_all_are_legal(tmp_path):
    nobody = {
        f"{group}__count": 0
        for group in (
            "perp-traders",
            "coin-traders",
            "perp-liquidators",
            "coin-liquidators",
            "backstop-keepers",
            "funding-arbitrageurs",
            "perp-providers",
        )
    }
    result = run(storm(tmp_path, CRASH, world__hours=1, **nobody))
    assert result.manifest["status"] == "complete"
    assert len(events(result, "perps", "Traded")) == 0


def test_a_market_that_is_not_there_is_named(tmp_path):
    text = GROUND + '\n[perp-traders]\nagent = "perp-trader"\nmarket = "perps/BTC"\n'
    with pytest.raises(ConfigError, match="name one of: perps/ETH"):
        run(storm(tmp_path, text))
