"""An option market in a storm: the mirror is the chain, the books balance, and every expiry is closed."""

import json

import pytest
from option_ground import world_of
from option_storms import GROUND, storm

from simulator import load, run
from simulator.errors import ConfigError
from simulator.protocols.option_capability import KINDS, Options
from simulator.protocols.option_math import Greeks
from simulator.units import WAD, from_wad

CLOSE = {"rel": 1e-9, "abs": 1e-9}


def the_mirror_is_the_chain(venue, chain):
    """Every view of the market, answered by the mirror."""
    market, surface = venue.parts.market, venue.parts.surface
    assert sorted(venue.series) == sorted(market.read(chain, "series"))
    assert venue.pool_cash == market.read(chain, "poolCash")
    assert venue.pool_base == market.read(chain, "poolBase")
    assert venue.fund == market.read(chain, "fund")
    assert venue.unpaid == market.read(chain, "unpaidTotal")
    for id, series in venue.series.items():
        seen = market.read(chain, "seriesOf", id)
        assert (series.longs, series.shorts) == (seen[2], seen[3])
        assert (series.payoff is not None) == seen[1]
        assert venue.inventory(id) == market.read(chain, "inventoryOf", id)
        if venue.parts.barrier is not None and series.kind == "barrier":
            assert series.is_out == venue.parts.barrier.read(chain, "isOut", id)
        mark = venue._try(market, "markOf", id)
        assert (mark is None) == (venue.mark(id) is None)
        if mark is not None:
            assert venue.mark(id) == pytest.approx(from_wad(mark), **CLOSE)
        if mark is not None and series.payoff is None:
            for is_initial, unit in ((True, venue.initial(id)), (False, venue.maintenance(id))):
                assert unit == pytest.approx(from_wad(market.read(chain, "unitMargin", id, is_initial)), **CLOSE)
            if series.kind != "barrier":
                sides = surface.read(chain, "greeksOf", *_terms(id))
                expected = Greeks(*map(from_wad, sides[KINDS.index(series.kind)]))
                assert list(venue.greeks(id)) == pytest.approx(list(expected), rel=1e-7, abs=1e-7), venue.series[
                    id
                ].name
        for size in (10**18, -(10**18)):
            preview = venue.preview_trade("0x" + "11" * 20, id, size)
            assert (preview is not None) == venue.can_trade(id)
            if preview is not None:
                assert venue.quote(id, size) == pytest.approx(from_wad(preview.price), **CLOSE)
    for (owner, id), position in venue.positions.items():
        assert (position.size, position.collateral, position.base) == market.read(chain, "positionOf", owner, id)
        series = venue.series[id]
        if series.payoff is None:
            assert venue.is_unsafe(owner, id) == (venue.preview_liquidation(owner, id) is not None)
    return len(venue.positions)


def _terms(id):
    return id >> 8 & 2**128 - 1, id >> 136


def test_the_mirror_is_the_chain_all_through_a_storm(tmp_path):
    world = world_of(storm(tmp_path))
    (venue,) = world.capabilities(Options)
    seen = frozen = unsafe = 0
    for step in range(5, world.steps, 9):
        world.run_to(step)
        seen += the_mirror_is_the_chain(venue, world.chain)
        frozen += sum(series.payoff is not None for series in venue.series.values())
        unsafe += len(venue.unsafe())
        (money, base) = next(p for p in world.protocols if p.id == "options").books(world.market.price)
        assert money.value == base.value == 0
        # To the last digit, not only covered.
        assert venue.owed() == world.token_balance("USDC", venue.spender)
        assert venue.base_owed() == world.token_balance("ETH", venue.spender)
    assert seen
    assert frozen
    assert unsafe


@pytest.fixture(scope="module")
def stormy(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("storm")))


def test_nothing_reverts_that_was_not_expected(stormy):
    assert stormy.metrics["unexpected_reverts"] == 0
    assert stormy.metrics["books_gap_usd"] is None or stormy.metrics["books_gap_usd"] == 0


def test_every_expiry_is_locked_frozen_and_settled(stormy):
    events = stormy.events[stormy.events["protocol"] == "options"]
    count = events["name"].value_counts()
    start = 1_739_232_000  # as in the scenario
    over = [start + 3600 * hour for hour in (1, 2, 3)]
    blocks = stormy.blocks.set_index("block")["time"]
    locked = {int(json.loads(args)["expiry"]): int(blocks[block]) for args, block in _of(events, "ExpiryPriceLocked")}
    for expiry in over:
        assert expiry < locked[expiry] <= expiry + 120
    assert count["SeriesDelisted"] > 30
    assert count["PositionSettled"] > 20
    assert count["KnockedOut"] > 0
    held = stormy.positions[stormy.positions["protocol"] == "options"]
    last = held[held["block"] == held["block"].max()]
    assert not [name for name in last["position"] if any(f"T0{hour}00" in name for hour in (1, 2, 3))]


def test_whoever_falls_below_maintenance_is_bought_back(stormy):
    events = stormy.events[stormy.events["protocol"] == "options"]
    assert (events["name"] == "PositionLiquidated").sum() > 3


def test_what_the_pool_risks_is_the_opposite_of_what_everybody_does(stormy):
    rows = stormy.measures[stormy.measures["protocol"] == "options"]
    for name in ("net_gamma_usd", "net_vega_usd", "net_theta_usd", "net_rho_usd"):
        wide = rows[rows["name"] == name].pivot_table(index="block", columns="subject", values="value")
        scale = wide.abs().sum(axis=1)
        assert scale.max() > 0
        assert (wide.sum(axis=1).abs() <= 1e-9 * (1 + scale)).all(), name
    # Of delta what is left over is base: that of covered calls, and the pool's.
    delta = rows[rows["name"] == "net_delta_usd"].pivot_table(index="block", columns="subject", values="value")
    assert (delta.sum(axis=1) >= -1e-6 * delta.abs().sum(axis=1)).all()
    assert delta.sum(axis=1).max() > 0


def test_the_reward_of_a_buyback_is_what_reaches_the_liquidator(tmp_path):
    world = world_of(storm(tmp_path))
    (venue,) = world.capabilities(Options)
    keeper = world.genesis.account("option-keeper/0").address
    told = world.subscribe(["option_liquidation"])
    begin, end = 440, 590  # between two expiries, so that the keeper does nothing else with its money
    world.run_to(begin)
    money = venue.cash(keeper)
    world.run_to(end)
    rewards = [notice.args["reward"] for notice in told.items if notice.args["liquidator"] == keeper]
    assert len(rewards) > 3
    assert sum(rewards) > 0
    assert venue.cash(keeper) - money == pytest.approx(sum(rewards), rel=1e-9)


def test_a_silent_reporter_stops_trade_until_it_is_back(tmp_path):
    text = GROUND.replace("look_seconds = 30", "look_seconds = 30\noutages = [[0.2, 0.9]]")
    world = world_of(storm(tmp_path, text))
    (venue,) = world.capabilities(Options)
    trades = world.subscribe(["option_trade"])
    world.run_to(round(0.2 * 300))
    assert trades.items
    world.run_to(round(0.54 * 300))  # as old as a report may be: 20 minutes
    trades.items.clear()
    assert not venue.is_fresh()
    assert venue.mark(min(venue.series)) is None
    assert venue.pool_capital() is None or not any(series.longs for series in venue.series.values())
    world.run_to(round(0.89 * 300))
    assert not trades.items
    world.run_to(round(1.2 * 300))
    assert trades.items
    assert venue.is_fresh()


def test_a_jump_of_volatility_halts_trade_for_a_while(tmp_path):
    levels = "levels = [[0, 1], [0.3, 1], [0.301, 1.7]]"
    text = GROUND.replace("half_life_hours = 24", f"half_life_hours = 24\n{levels}")
    world = world_of(storm(tmp_path, text))
    (venue,) = world.capabilities(Options)
    halts, trades = world.subscribe(["surface_halt"]), world.subscribe(["option_trade"])
    world.run_to(100)
    (halt,) = halts.items
    assert halt.args["volatility"] > 1.5 * halt.args["previous"]
    assert venue.halted_until == halt.args["until"]
    assert not any(venue.can_trade(id) for id in venue.series)
    trades.items.clear()
    world.run_to((halt.args["until"] - world.start) // 12 - 1)
    assert not trades.items
    world.run_to((halt.args["until"] - world.start) // 12 + 60)
    assert trades.items


def test_a_declared_pause_shuts_the_market(tmp_path):
    pauses = 'pauses = [{ id = "shut", from = 0.3, to = 0.6 }]\n'
    world = world_of(storm(tmp_path, GROUND.replace("fund_usd = 20_000", f"{pauses}fund_usd = 20_000")))
    (venue,) = world.capabilities(Options)
    world.run_to(94)
    assert venue.paused
    trades = world.subscribe(["option_trade"])
    world.run_to(178)
    assert not trades.items
    world.run_to(250)
    assert trades.items
    assert not venue.paused


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path):
    text = GROUND.replace("hours = 4", "hours = 0.4")
    one, other, third = (run(storm(tmp_path, text), seed=seed) for seed in (5, 5, 6))
    assert one.digest == other.digest
    assert one.metrics == other.metrics
    assert one.digest != third.digest


def test_an_expiry_on_a_stalled_feed_settles_by_the_first_round_that_comes(tmp_path):
    text = GROUND.replace("latency_seconds = 2", "latency_seconds = 2\noutages = [[0.3, 1.2]]")
    text = text.replace("fund_usd = 20_000", "fund_usd = 20_000\nexpiry = { max_age_minutes = 30 }")
    world = world_of(storm(tmp_path, text))
    (venue,) = world.capabilities(Options)
    expiry = world.start + 3_600
    world.run_to(356)
    assert expiry not in venue.locked
    assert any(id >> 136 == expiry and series.payoff is None for id, series in venue.series.items())
    world.run_to(450)
    answer = venue.rounds.push.read(world.chain, "getRoundData", venue.round_at(expiry) + 1)
    assert answer[3] > expiry + 600  # nobody reported in between
    assert venue.locked[expiry] == pytest.approx(answer[1] / 1e8)
    assert not any(id >> 136 == expiry for id in venue.series)


def test_in_the_calm_everything_is_settled_and_nobody_loses_what_is_theirs():
    result = run(load("options-calm", **{"chain.block_seconds": 60, "world.hours": 26}))
    metrics = result.metrics
    for name in ("liquidations", "bad_debt_usd", "socialised_loss_usd", "unexpected_reverts"):
        assert metrics[name] == 0, name
    assert metrics["volatility_premium_mean"] > 0
    assert metrics["net_vega_usd_max"] > 0
    assert metrics["margin_freed_usd_max"] > 0  # calls that the asset covers
    count = result.events[result.events["protocol"] == "options"]["name"].value_counts()
    assert count["ExpiryPriceLocked"] == 1
    assert count["PositionSettled"] > 0
    pool = result.measures[result.measures["name"] == "pool_capital_usd"]["value"]
    assert abs(pool.iloc[-1] / pool.iloc[0] - 1) < 0.03


def test_those_who_begin_on_the_market_find_a_price(tmp_path):
    """Whatever the order of tables: who was prepared when is seen by what the surface said then."""
    place = tmp_path / "early.py"
    place.write_text(EARLY)
    early = f'[early]\nagent = "{place}:Early"\n\n[surface]'
    world = world_of(storm(tmp_path, GROUND.replace("[surface]", early)))
    (venue,) = world.capabilities(Options)
    (agent,) = (agent for agent in world.agents if agent.desk.agent == "early")
    assert agent.found > 0  # at set-up
    assert world.start - venue.surface.time <= 2  # and anew when the storm begins
    assert venue.is_fresh()


EARLY = """
from simulator.agents.base import Agent
from simulator.protocols.option_capability import Options


class Early(Agent):
    requires = (Options,)

    def prepare(self, genesis):
        (options,) = self.desk.capabilities(Options)
        surface = options.parts.surface
        self.found = genesis.try_read(surface, "volatilityOf", 2_500 * 10**18, genesis.start + 86_400) or 0

    def life(self):
        yield self.desk.sleep(0)
"""


def test_each_call_does_what_it_says(tmp_path):
    world = world_of(storm(tmp_path, GROUND.replace("count = 8", "count = 0")))
    (venue,) = world.capabilities(Options)
    world.run_to(20)
    alice = world.genesis.account("alice").address
    call, put = (max(venue.of_kind(kind), key=lambda one: one.expiry).id for kind in ("call", "put"))
    market, chain = venue.parts.market, world.chain

    def position(id):
        return market.read(chain, "positionOf", alice, id)

    with world.trial() as trial:
        for asset, amount in (("USDC", 100_000 * WAD), ("ETH", 10 * WAD)):
            assert trial.give(asset, alice, amount)
            trial.allow(asset, alice, venue.spender)
        trial.allow("USDC", alice, venue.pool_spender)

        def do(made):
            assert trial.send(alice, made) == (True, "")

        do(venue.deposit(alice, 50_000 * WAD))
        do(venue.trade(alice, call, -3 * WAD, 0.0, base=2 * WAD, collateral=5_000 * WAD))
        assert position(call) == (-3 * WAD, 5_000 * WAD, 2 * WAD)
        do(venue.adjust(alice, call, -4_000 * WAD, WAD))
        assert position(call) == (-3 * WAD, 1_000 * WAD, 3 * WAD)
        do(venue.trade(alice, put, 2 * WAD, 1e6))
        assert position(put)[0] == 2 * WAD
        low = venue.trade(alice, put, 2 * WAD, 0.01)
        assert trial.send(alice, low).reason == "PriceLimit"
        assert "PriceLimit" in low.accepts
        do(venue.trade(alice, call, 3 * WAD, 1e6))
        assert trial.held("ETH", alice) == 10 * WAD  # what covered it has come back
        before = market.read(chain, "cashOf", alice)
        do(venue.withdraw(alice, 10_000 * WAD))
        assert market.read(chain, "cashOf", alice) == before - 10_000 * WAD
        do(venue.pool_deposit(alice, 20_000 * WAD))
        held, queued, _ = venue.pool_shares(alice)
        assert (held > 0, queued) == (True, 0)
        assert venue.pool_share_price() == pytest.approx(1.0, rel=1e-3)
        assert venue.pool_redeemable(alice) == held
        do(venue.pool_redeem(alice, held))
        assert trial.held("USDC", alice) == pytest.approx(60_000 * WAD, abs=20 * WAD)
    assert market.read(chain, "cashOf", alice) == 0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda v, a: v.trade(a, 0, WAD, 1e6), "NotListed"),
        (lambda v, a: v.trade(a, max(v.series), 0, 1e6), "NoTrade"),
        (lambda v, a: v.trade(a, max(v.series), 1, 1e6), "DustSize"),
        (lambda v, a: v.trade(a, max(v.series), WAD, 1e6), "InsufficientCash"),
        (lambda v, a: v.trade(a, max(v.series), -WAD, 0.0), "InsufficientMargin"),
        (lambda v, a: v.list_series(v.now + 86_400, 2_500.0, "put"), "NotLister"),
        (lambda v, a: v.report(v.surface), "NotReporter"),
        (lambda v, a: v.lock(v.now + 86_400, 1), "NotExpired"),
        (lambda v, a: v.freeze(v.now + 86_400), "PriceNotLocked"),
        (lambda v, a: v.settle(a, max(v.series)), "NotFrozen"),
        (lambda v, a: v.liquidate(a, max(v.series)), "NoPosition"),
        (lambda v, a: v.withdraw(a, WAD), "InsufficientCash"),
        (lambda v, a: v.adjust(a, max(v.series), WAD), "NoPosition"),
    ],
)
def test_what_is_refused_says_why(quiet, make, error):
    world, venue = quiet
    alice = world.genesis.account("alice").address
    with world.trial() as trial:
        assert trial.send(alice, make(venue, alice)).reason == error


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A world in which nobody trades."""
    world = world_of(storm(tmp_path_factory.mktemp("quiet"), GROUND.replace("count = 8", "count = 0")))
    world.run_to(20)
    return world, world.capabilities(Options)[0]


def test_two_keepers_list_each_series_once(tmp_path):
    text = GROUND.replace('agent = "option-keeper"', 'agent = "option-keeper"\ncount = 2').replace(
        "hours = 4", "hours = 1.2"
    )
    result = run(storm(tmp_path, text))
    listed = [json.loads(args)["id"] for args, _ in _of(result.events, "SeriesListed")]
    assert len(listed) == len(set(listed)) > 0
    assert result.metrics["unexpected_reverts"] == 0


def test_what_there_was_no_room_for_is_listed_once_an_expiry_is_gone(tmp_path):
    """Three expiries of 15 strikes a kind are more than a market takes; the rest comes when the first is closed, from
    the money outwards."""
    listing = "tenors_hours = [1.0]\nahead = 3\nrelist_move = 10.0\n"
    listing += f"moneyness = [{', '.join(f'{0.7 + 0.04 * step:.2f}' for step in range(15))}]\n"
    keeper = 'agent = "option-keeper"\n'
    after = GROUND.split(keeper)[1].split("\n\n", 1)[1]
    text = GROUND.split(keeper)[0] + keeper + listing + "\n" + after
    world = world_of(storm(tmp_path, text.replace("count = 8", "count = 0")))
    (venue,) = world.capabilities(Options)
    third, fourth = (world.start + hours * 3_600 for hours in (3, 4))

    def strikes(expiry):
        return {series.strike for series in venue.series.values() if series.expiry == expiry}

    world.run_to(250)
    assert len(venue.series) == 64
    assert strikes(third) == {1_750.0, 1_850.0}
    world.run_to(340)  # minutes after the first expiry
    assert len(venue.series) == 64
    assert {2_450.0, 2_550.0} <= strikes(third) & strikes(fourth)


def test_options_need_a_feed_with_rounds(tmp_path):
    text = GROUND.replace("latency_seconds = 2\nmax_age_seconds = 1800", 'source = "twap"\npool = "amm"')
    text = text.replace("[options]", '[amm]\nprotocol = "pool"\nquote = "USDC"\n\n[options]', 1)
    with pytest.raises(ConfigError, match="options settle on rounds of a feed"):
        world_of(storm(tmp_path, text))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ("surface = { min_volatility = 4.0 }", "min_volatility = 4: must be <= max_volatility"),
        ("quotes = { max_shift = 0.9 }", "max_shift = 0.9: with volatility_spread it must be <= 0.9"),
        ("writing = { maintenance = 0.2 }", "maintenance = 0.2, minimum = 0.1"),
        ("barrier = { ratio = 0.005 }", "ratio = 0.005: must be 0 or >= 0.01"),
    ],
)
def test_parameters_that_the_contracts_would_refuse_are_refused_at_load(tmp_path, changed, complaint):
    text = GROUND.replace(
        "surface = { min_volatility = 0.05 }\nbarrier = { ratio = 0.8, report_minutes = 10 }", changed
    )
    with pytest.raises(ConfigError) as refused:
        storm(tmp_path, text)
    assert complaint in str(refused.value)


def _of(events, name):
    rows = events[events["name"] == name]
    return list(zip(rows["args"], rows["block"], strict=True))
