import json

import pytest

from simulator.scenario import load_scenario
from simulator.units import from_wad
from simulator.validation import fire_sale
from simulator.validation.catalogue import all_laws, chosen
from simulator.validation.law import judge

LAWS = ["fire-sale/0.25", "fire-sale/0.5", "fire-sale/0.75", "fire-sale/0.9", "fire-sale/total"]


def test_the_family_is_whole():
    assert [law.name for law in chosen(["fire-sale"])] == LAWS


@pytest.mark.parametrize("name", [*LAWS[:-1], pytest.param(LAWS[-1], marks=pytest.mark.slow)])
def test_the_law_holds(name):
    finding = judge(all_laws()[name])
    assert finding.verdict == "holds", finding.result


@pytest.fixture(scope="module")
def half():
    """The run of ψB = .5: a shock of 20 dollars, and positions that reach 50 below 1,000."""
    return fire_sale.storm_of(0.5, 50)


def test_every_seized_unit_was_sold(half):
    prices = half.prices.query("asset == 'ETH'")
    seized = half.events.query("name == 'PositionLiquidated'")["args"]
    assert prices["exogenous"].iloc[-1] == pytest.approx(980)
    psi = 0.5 * (50 / 1200) / 10
    assert sum(from_wad(int(json.loads(args)["seized"])) for args in seized) == pytest.approx(
        (980 - prices["market"].iloc[-1]) / psi, rel=1e-9
    )


def test_positions_below_the_price_reached_are_left_alone_and_no_others(half):
    fall = 1000 - half.prices.query("asset == 'ETH'")["market"].iloc[-1]
    assert fire_sale.left_over(half) == 1200 - round(fall / (50 / 1200))
    assert half.metrics["unexpected_reverts"] == 0


def test_every_block_of_the_run_has_its_report(half):
    prices = half.prices.query("asset == 'ETH'").iloc[1:]
    assert (prices["time"] - prices["oracle_time"]).max() == 0
    # It shows what was seen a block before: at most the two liquidators' sales of a block have come since.
    assert abs(prices["oracle"].to_numpy()[2:] - prices["market"].to_numpy()[1:-1]).max() <= 2 * 0.5 * 50 / 1200 + 1e-9


def test_premises_are_written_where_they_can_be_read(tmp_path):
    path = tmp_path / "storm.toml"
    path.write_text(fire_sale.storm(0.5, 50))
    scenario = load_scenario(path)
    impact = scenario.market["ETH"].impact
    assert (impact.form, impact.permanent, impact.thinning, impact.shock_move) == ("additive", 1.0, 0.0, 0.0)
    assert (scenario.oracle["ETH"].deviation, scenario.oracle["ETH"].delay_seconds) == (0, 0)
    assert scenario.protocols.keys() == {"cdp"}
    assert scenario.agents["ladder"].raw["count"] >= 1000
    assert scenario.protocols["cdp"].settings.collateral["ETH"].close_factor == 1
