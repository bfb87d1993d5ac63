"""An option market in a storm: the mirror is the chain, the books balance, and every expiry is closed."""

import json

import pytest
from option_storms import storm, world_of

from simulator import run
from simulator.protocols.option_capability import KINDS, Options
from simulator.protocols.option_math import Greeks
from simulator.units import from_wad

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
    for step in range(5, world.steps, 5):
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


def _of(events, name):
    rows = events[events["name"] == name]
    return list(zip(rows["args"], rows["block"], strict=True))
