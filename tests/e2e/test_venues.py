"""Venues, troubles and slices in a whole run: agents sell where their rule says, and what is wrong is said at load."""

import pytest

from simulator import load, run
from simulator.errors import ConfigError
from simulator.market import ImpactSettings

STORM = """
schema = 1
extends = "flash-crash"
title = "Two venues"

[world]
hours = 3

[borrowers]
count = 120

[market.ETH.impact]
shock_move = 0.08
arbitrage_minutes = 30

[market.ETH.impact.venues.DEEP]
share = 0.8

[market.ETH.impact.venues.THIN]
share = 0.2
troubles = [{ id = "gone", from = 2.0, to = 2.6, depth = 0.2 }]

[liquidators]
selling = { venue = "THIN", slices = 5, minutes = 5 }

[flash-liquidators]
count = 0
"""


def storm(folder, text=STORM, **overrides):
    (folder / "storm.toml").write_text(text)
    return load(str(folder / "storm.toml"), **overrides)


def test_a_storm_over_two_venues_runs_to_its_end_and_tells_the_same_story_twice(tmp_path):
    first, second = run(storm(tmp_path)), run(storm(tmp_path))
    assert first.manifest["status"] == "complete"
    assert first.metrics["unexpected_reverts"] == 0
    assert first.metrics["liquidations"] > 20
    assert first.digest == second.digest


def test_a_trouble_is_reached_by_its_id_and_what_the_manifest_keeps_says_it_again(tmp_path):
    scenario = storm(tmp_path, **{"market.ETH.impact.venues.THIN.troubles.gone.depth": 0.5})
    kept = scenario.resolved["market"]["ETH"]["impact"]
    assert kept["venues"]["THIN"]["troubles"] == [{"id": "gone", "from": 2.0, "to": 2.6, "depth": 0.5, "wick": 1.0}]
    assert ImpactSettings.model_validate(kept) == scenario.market["ETH"].impact


def test_a_thin_venue_keeps_liquidators_from_the_debt_and_slices_bring_some_of_it_back(tmp_path):
    at_once = {"liquidators.selling.slices": 1, "liquidators.selling.minutes": 0}
    everywhere = at_once | {"liquidators.selling.venue": ""}
    taken = [run(storm(tmp_path, **how)).metrics["liquidated_debt_usd"] for how in (at_once, {}, everywhere)]
    assert taken[0] * 1.2 < taken[1]
    assert taken[1] * 1.2 < taken[2]


def test_what_is_wrong_with_a_venue_is_said_with_its_key_and_value(tmp_path):
    with pytest.raises(ConfigError, match=r"liquidators.selling.venue = \"HERE\": is a venue of no market"):
        storm(tmp_path, **{"liquidators.selling.venue": "HERE"})
    with pytest.raises(ConfigError, match=r"market.ETH.impact: the shares of its venues add up to 1.1; must be 1"):
        storm(tmp_path, **{"market.ETH.impact.venues.THIN.share": 0.3})
    with pytest.raises(ConfigError, match=r"slices = 5, minutes = 0: must be > 1 and > 0, or 1 and 0"):
        storm(tmp_path, **{"liquidators.selling.minutes": 0})
    with pytest.raises(ConfigError, match="the wick up of DEEP: must leave another venue without one"):
        storm(
            tmp_path,
            STORM.replace("share = 0.8", "share = 0.8\ntroubles = [{ id = 'up', to = 2, wick = 2 }]").replace(
                "from = 2.0, to = 2.6, depth = 0.2", "from = 1, to = 2, wick = 0.5"
            ),
        )
