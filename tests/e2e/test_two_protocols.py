"""Two protocols in one world keep their positions, lots and agents apart, and a plug-in that raises is named."""

import pytest

from simulator import load, run
from simulator.errors import ConfigError
from simulator.protocols.cdp import Cdp
from simulator.registry import PROTOCOLS

TWO = """
schema = 1
extends = "black-thursday"
title = "Two engines"
story = "The same collateral in two engines."
pool = false
arbitrageurs = false
traders = false

[world]
hours = 14

[borrowers]
market = "cdp/ETH"
count = 150
ratio = 2.2

[keepers]
market = "cdp/ETH"
capital_usd = 50_000

[opportunists]
market = "cdp/ETH"

[market.OTHER]
process = "constant"
price = 1.0

[second]
protocol = "cdp"
dollar = "OTHER"

[second.collateral.ETH]
liquidation = "english"

[others]
agent = "borrower"
market = "second/ETH"
count = 100
ratio = 2.0

[bidders]
agent = "liquidator"
market = "second/ETH"
count = 2
capital_usd = 100_000
"""


def write(folder, text):
    (folder / "two.toml").write_text(text)
    return str(folder / "two.toml")


def test_two_engines_with_the_same_collateral_do_not_mix_their_lots(tmp_path):
    result = run(load(write(tmp_path, TWO)))
    assert result.manifest["status"] == "complete"
    assert result.metrics["unexpected_reverts"] == 0
    events = result.events
    for protocol in ("cdp", "second"):
        raw = events[(events["name"] == "AuctionSettled") & (events["protocol"] == protocol)]
        neutral = events[(events["name"] == "auction_settled") & (events["protocol"] == protocol)]
        assert len(raw) == len(neutral) > 10
        assert neutral["subject"].str.startswith(f"{protocol}/ETH/lot-").all()
    assert set(result.positions["protocol"].unique()) == {"cdp", "second"}


def test_an_agent_without_a_market_among_two_is_asked_which(tmp_path):
    with pytest.raises(ConfigError, match="name one of: cdp/ETH, second/ETH"):
        run(load(write(tmp_path, TWO.replace('market = "second/ETH"\ncount = 100', "count = 100"))))


def test_two_engines_cannot_owe_the_same_dollar(tmp_path):
    with pytest.raises(ConfigError, match="has a token already"):
        run(load(write(tmp_path, TWO.replace('dollar = "OTHER"', 'dollar = "DOLLAR"'))))


class Clumsy(Cdp):
    """Trips over its first liquidation."""

    def on_event(self, event, now):
        if event.name == "PositionLiquidated":
            raise KeyError("lot")
        return super().on_event(event, now)


def test_a_plug_in_that_raises_in_the_storm_is_named_and_the_run_is_kept():
    with PROTOCOLS.registered("cdp", Clumsy):
        result = run(load("flash-crash"))
    assert (result.manifest["status"], result.exit_code) == ("partial", 3)
    assert "protocol cdp: KeyError: 'lot' (see test_two_protocols.py:" in str(result.fault)
    assert len(result.blocks) > 100


def test_a_venue_is_deployed_after_the_tokens_it_trades_whatever_its_table_is_called():
    changes = {"world.hours": 0.2, "a-pool.protocol": "pool", "a-pool.liquidity_usd": 100_000}
    assert run(load("calm", **changes)).manifest["status"] == "complete"
