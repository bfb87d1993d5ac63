"""Those who trade options: each acts for its reason, pays no more than that is worth, and not beyond its means."""

import json
import re

import pytest
from option_ground import world_of
from option_storms import GROUND, storm

from simulator import run
from simulator.errors import ConfigError
from simulator.protocols.option_capability import Options
from simulator.units import from_wad, to_wad

QUIET = re.sub(r"knots = .*", "knots = [[0, 2500.0], [4, 2500.0]]", GROUND[: GROUND.index("[crowd]")])
QUIET = QUIET.replace("bridge_volatility = 0.5", "bridge_volatility = 0.3").replace(
    "deviation = 0.15\nhalf_life_hours = 24", "deviation = 0.0\nhalf_life_hours = 24"
)
QUIET = QUIET.replace('kinds = ["call", "put", "barrier"]', 'kinds = ["call", "put"]')
CRASH = QUIET.replace("[[0, 2500.0], [4, 2500.0]]", "[[0, 2500.0], [1.5, 2500.0], [1.75, 1750.0], [4, 1800.0]]")
RISE = QUIET.replace("[[0, 2500.0], [4, 2500.0]]", "[[0, 2500.0], [1.5, 2500.0], [2.5, 2800.0], [4, 2750.0]]")

HOLDERS = """
[holders]
agent = "protection-buyer"
count = 12
tenor_days = 1
memory_hours = 4
look_hours = 1
"""

SELLERS = """
[sellers]
agent = "volatility-seller"
count = 10
capital_sigma = 0.5
tenor_days = 1
delta = 0.15
least_yield = 0.05
look_hours = 1
"""

MAKERS = """
[makers]
agent = "option-market-maker"
capital_usd = 3_000_000
hedge = { capital_usd = 2_000_000 }
"""

HUNTERS = """
[hunters]
agent = "mispricing-hunter"
count = 1
"""

DEPTH = "[market.ETH.impact]\ndepth_usd = 10_000_000\n\n[market.ETH.implied_volatility]\n"


def ran(folder, text):
    """A run in which no revert was a surprise."""
    result = run(storm(folder, text), gas="fast")
    assert result.manifest["status"] == "complete"
    assert result.metrics["unexpected_reverts"] == 0
    return result


def trades(result, agent):
    """Hour, strike, kind, size, price and factor of volatility of what a group traded."""
    rows = result.transactions
    owners = set(rows[rows["agent"] == agent]["sender"])
    times = result.blocks.set_index("block")["time"]
    found = []
    events = result.events[result.events["name"] == "OptionTraded"]
    for args, block in zip(events["args"], events["block"], strict=True):
        told = json.loads(args)
        if told["account"] in owners:
            id = int(told["id"])
            hour = (int(times[block]) - 1_739_232_000) / 3600
            sizes = (int(told[key]) / 1e18 for key in ("sizeDelta", "price", "volatility"))
            found.append((hour, (id >> 8 & 2**128 - 1) / 1e18, "call" if id & 255 == 0 else "put", *sizes))
    return found


def sent(result, agent, action):
    rows = result.transactions
    return len(rows[(rows["agent"] == agent) & (rows["action"] == action) & (rows["status"] == "included")])


def measured(result, agent, name):
    rows = result.measures
    return rows[(rows["protocol"] == agent) & (rows["name"] == name)]["value"].astype(float)


# ------------------------------------------------------------------ buyers of protection


def test_the_insured_buy_in_calm_and_the_others_only_after_a_fall(tmp_path):
    calm = trades(ran(tmp_path, QUIET + HOLDERS + "insured = 0.0"), "holders")
    insured = trades(ran(tmp_path, QUIET + HOLDERS + "insured = 1.0"), "holders")
    afraid = trades(ran(tmp_path, CRASH + HOLDERS + "insured = 0.0"), "holders")
    assert calm == []
    assert len(insured) >= 10
    assert len(afraid) >= 5
    assert min(hour for hour, *_ in afraid) > 1.5
    assert {kind for _, _, kind, *_ in insured + afraid} == {"put"}


def test_those_who_fear_to_miss_a_rise_buy_calls_and_puts_do_not_interest_them(tmp_path):
    text = HOLDERS + 'against = "rise"\ninsured = 0.0\n'
    assert trades(ran(tmp_path, CRASH + text), "holders") == []
    bought = trades(ran(tmp_path, RISE + text), "holders")
    assert len(bought) >= 5
    assert {kind for _, _, kind, *_ in bought} == {"call"}


@pytest.mark.parametrize("premium", [0.05, 0.3])
def test_nobody_pays_more_volatility_than_his_premium(tmp_path, premium):
    # A shallow market: what one buys is dearer for the next.
    text = QUIET.replace("fund_usd = 20_000", "fund_usd = 20_000\nquotes = { depth_usd = 500_000 }")
    bought = trades(ran(tmp_path, text + HOLDERS + f"insured = 1.0\ncalm_premium = {premium}"), "holders")
    factors = [factor for *_, size, _, factor in bought if size > 0]
    assert factors
    # The chain's surface is that of the market, up to what moved between two reports.
    assert max(factors) <= 1 + premium + 0.01
    assert max(factors) > 1 + 0.7 * premium


def test_a_purchase_stays_inside_its_budget(tmp_path):
    few = ran(tmp_path, QUIET + HOLDERS + "insured = 1.0\nexposure_sigma = 0\nbudget = 0.001\nmoneyness = 0.0")
    costs = [size * price for *_, size, price, _ in trades(few, "holders")]
    assert costs
    assert max(costs) <= 0.001 * 50_000 * 1.01
    assert sent(few, "holders", "option-trade") == len(costs)


# ------------------------------------------------------------------ sellers of volatility


def test_sellers_write_no_more_than_their_leverage_and_only_for_enough(tmp_path):
    alike = SELLERS.replace("capital_sigma = 0.5", "capital_sigma = 0")
    written = trades(ran(tmp_path, QUIET + alike + "leverage = 3\nposted = 0.8"), "sellers")
    assert len(written) >= 8
    assert {kind for _, _, kind, *_ in written} == {"put"}
    first = sorted(written)[:8]  # before anybody writes a second time
    assert all(0 < -size * strike <= 3 * 20_000 * 1.001 for _, strike, _, size, *_ in first)
    assert trades(ran(tmp_path, QUIET + SELLERS.replace("0.05", "50.0")), "sellers") == []
    assert trades(ran(tmp_path, QUIET + SELLERS + "expected_volatility = 3.0"), "sellers") == []


def test_who_posts_all_that_can_be_lost_is_never_liquidated_and_the_leveraged_are(tmp_path):
    secured = ran(tmp_path, CRASH + SELLERS + "leverage = 1.0\n")
    bold = ran(tmp_path, CRASH + SELLERS + "leverage = 6.0\nposted = 0.9\nhabits = { top_up = 0, close = 0 }\n")
    assert len(trades(secured, "sellers")) >= 8
    assert not (secured.events["name"] == "PositionLiquidated").any()
    assert (bold.events["name"] == "PositionLiquidated").sum() >= 5


def test_habits_decide_what_becomes_of_a_margin(tmp_path):
    grinding = CRASH.replace("[1.75, 1750.0], [4, 1800.0]", "[3.5, 2120.0], [4, 2120.0]")
    common = SELLERS + "leverage = 6.0\nposted = 0.6\nreaction_seconds = 30\n"
    tops = ran(tmp_path, grinding + common + "habits = { top_up = 1, close = 0 }")
    closes = ran(tmp_path, grinding + common + "habits = { top_up = 0, close = 1 }")
    hopes = ran(tmp_path, grinding + common + "habits = { top_up = 0, close = 0 }")
    assert sent(tops, "sellers", "option-adjust") > 0
    assert sent(closes, "sellers", "option-adjust") == sent(hopes, "sellers", "option-adjust") == 0
    assert any(size > 0 for *_, size, _, _ in trades(closes, "sellers"))
    assert not any(size > 0 for *_, size, _, _ in trades(hopes, "sellers") + trades(tops, "sellers"))
    lost = [(result.events["name"] == "PositionLiquidated").sum() for result in (tops, closes, hopes)]
    assert lost[2] > max(lost[:2])


def test_written_calls_are_covered_by_the_asset(tmp_path):
    text = RISE + SELLERS + 'kind = "call"\n'
    world = world_of(storm(tmp_path, text), "fast")
    (options,) = world.capabilities(Options)
    written = 0
    for step in range(10, world.steps, 60):
        world.run_to(step)
        for position in options.positions.values():
            assert position.base == -position.size > 0
            assert options.uncovered(position) == 0
            written += 1
    assert written > 20


def test_calls_beyond_what_one_has_are_refused_at_load(tmp_path):
    with pytest.raises(ConfigError, match="leverage = 2: must be <= 1 for calls"):
        storm(tmp_path, QUIET + SELLERS + 'kind = "call"\nleverage = 2\n')


# ---------------------------------------------------------------------- market makers


def test_makers_hedge_to_their_band_and_no_further(tmp_path):
    result = ran(tmp_path, CRASH + HOLDERS + "insured = 1.0\nexposure_usd = 400_000\n" + MAKERS)
    before, after = (measured(result, "makers", f"delta_{when}_hedge") for when in ("before", "after"))
    size = measured(result, "makers", "hedge_size")
    assert before.min() >= 0  # who sold puts is long of what falls
    assert size.max() <= 0
    assert size.min() < -20
    band = measured(result, "makers", "hedge_band")
    assert (after.abs().to_numpy() <= band.to_numpy() * (1 + 1e-9)).all()
    assert (after.abs().to_numpy() <= before.abs().to_numpy() + 1e-9).all()
    assert band.max() < before.max()


def test_without_margin_outside_nobody_hedges_and_the_price_stays_what_it_was(tmp_path):
    text = CRASH.replace("[market.ETH.implied_volatility]\n", DEPTH) + HOLDERS + "insured = 1.0\n"
    idle = ran(tmp_path, text + MAKERS.replace("2_000_000 }", "0 }")).prices
    busy = ran(tmp_path, text + MAKERS).prices
    idle, busy = (rows[rows["asset"] == "ETH"] for rows in (idle, busy))
    assert (idle["market"] == idle["exogenous"]).all()
    assert (busy["market"] < busy["exogenous"]).any()  # they sell into the fall
    assert (busy["market"] / busy["exogenous"] - 1).min() < -1e-4


def test_a_maker_hedges_its_own_share_of_the_pool(tmp_path):
    text = CRASH + HOLDERS + "insured = 1.0\nexposure_usd = 100_000\n"
    whole = text.replace("pool = { liquidity_usd = 3_000_000 }", "pool = { liquidity_usd = 0 }")
    half = measured(ran(tmp_path, text + MAKERS), "makers", "delta_before_hedge").abs().max()
    all_ = measured(ran(tmp_path, whole + MAKERS), "makers", "delta_before_hedge").abs().max()
    assert half == pytest.approx(all_ / 2, rel=0.1)


# ----------------------------------------------------------------- mispricing hunters

SPIKE = QUIET.replace("deviation = 0.0\n", "deviation = 0.0\nlevels = [[0, 1.0], [2.0, 1.0], [2.5, 1.6], [4, 1.6]]\n")
# Reports of volatility and of the price are nearer than what a trade costs.
SPIKE = SPIKE.replace("look_seconds = 30", "look_seconds = 12\ndeviation = 0.005")
SPIKE = SPIKE.replace("deviation = 0.003", "deviation = 0.0005")
SILENT = SPIKE.replace('agent = "surface-reporter"', 'agent = "surface-reporter"\noutages = [[2.0, 2.3]]')


def test_a_stale_surface_is_picked_and_a_fresh_one_is_not(tmp_path):
    stale = trades(ran(tmp_path, SILENT + HUNTERS), "hunters")
    fresh = trades(ran(tmp_path, SPIKE + HUNTERS), "hunters")
    picked, left = ([one for one in found if 2.0 < one[0] < 2.3] for found in (stale, fresh))
    assert picked
    assert all(size > 0 for *_, size, _, _ in picked)  # volatility was too cheap
    volume = [sum(abs(size * price) for *_, size, price, _ in found) for found in (picked, left)]
    assert volume[0] > 5 * volume[1]


def test_a_hunter_gains_what_the_pool_loses_by_a_stale_surface(tmp_path):
    world = world_of(storm(tmp_path, SILENT + HUNTERS.replace("count = 1", "count = 1\npatience_hours = 0.5")), "fast")
    (options,) = world.capabilities(Options)
    (hunter,) = (agent for agent in world.agents if agent.desk.agent == "hunters")
    world.run_to(int(3.9 * 300))  # before the next expiry
    held = sum(from_wad(p.size) * options.mark(p.series) + from_wad(p.collateral) for p in options.positions.values())
    money = from_wad(options.cash(hunter.desk.address)) + held
    hedge = hunter._book.equity - hunter.settings.hedge.capital_usd
    assert money + hedge - hunter.settings.capital_usd > 1_000
    assert options.pool_capital() < to_wad(3_000_000 - 500)


def test_who_asks_more_than_there_is_does_not_trade(tmp_path):
    greedy = HUNTERS + "least_profit_usd = 1_000_000\n"
    assert trades(ran(tmp_path, SILENT + greedy), "hunters") == []


# ------------------------------------------------------------------------- all of them

ALL = HOLDERS + SELLERS + "leverage = 4\nposted = 0.8\n" + MAKERS + HUNTERS


def test_the_same_seed_gives_the_same_digest(tmp_path):
    scenario = storm(tmp_path, CRASH + ALL)
    assert run(scenario, gas="fast").digest == run(scenario, gas="fast").digest


def test_they_need_an_option_market(tmp_path):
    text = CRASH.split("[options]")[0] + HUNTERS
    with pytest.raises(ConfigError, match="needs a protocol that offers Options"):
        world_of(storm(tmp_path, text))


def test_those_without_money_do_nothing(tmp_path):
    poor = HOLDERS + "exposure_usd = 0\n" + SELLERS + "capital_usd = 0\n" + HUNTERS + "capital_usd = 0\n"
    poor += MAKERS.replace("3_000_000", "0")
    result = ran(tmp_path, CRASH + poor)
    assert not (result.events["name"] == "OptionTraded").any()
    assert measured(result, "makers", "hedge_size").empty
