"""Storms over a clearinghouse, for tests."""

from pathlib import Path

from option_ground import FALL, written

CROWD = f"{Path(__file__).parent / 'clearing_crowd.py'}:Crowd"

GROUND = (
    """
schema = 1
title = "Books"
story = "Ether loses a third of its worth in a quarter of an hour, while books hold options on it."
"""
    + FALL
    + """
pool = { liquidity_usd = 5_000_000 }
surface = { min_volatility = 0.05, max_move = 0 }

[perps]
protocol = "perps"
margin_asset = "USDC"
margin = { initial = 0.1, maintenance = 0.05 }

[clearing]
protocol = "clearinghouse"
margin_asset = "USDC"
perps = "perps"
waterfall = { house_usd = 20_000, members_usd = 10_000, quit_hours = 1 }
portfolio = { confidence_below = 0.5 }
auction = { length_minutes = 10 }
power = {}
swaps = { interval_hours = 0.25, max_age_minutes = 15, offers = 2, offer_hours = 1, offer_start_hours = 0.5 }

[clearing.collateral.ETH]
haircut = 0.1

[surface]
agent = "surface-reporter"
heartbeat_seconds = 300
look_seconds = 30

[option-keeper]
agent = "option-keeper"
tenors_hours = [3.0, 24.0]
moneyness = [0.8, 0.9, 1.0, 1.1, 1.2]
reaction_seconds = 24

[clearing-keeper]
agent = "clearing-keeper"
"""
)

BOOKS = (
    GROUND
    + """
[hedged]
agent = "portfolio-trader"
count = 4
capital_usd = 20_000
hedged_share = 1.0
tenor_hours = 24
collateral_share = 0.3

[unhedged]
agent = "portfolio-trader"
count = 4
capital_usd = 20_000
hedged_share = 0.0
tenor_hours = 3
habits = { top_up = 0.2, close = 0.2 }

[careful]
agent = "portfolio-trader"
model = "standard"
count = 2
capital_usd = 20_000
tenor_hours = 24

[takers]
agent = "book-liquidator"
count = 2

[members]
agent = "fund-member"
count = 2
capital_usd = 5_000
"""
)

ANYBODY = (
    GROUND
    + """
[takers]
agent = "book-liquidator"

[crowd]
agent = "@CROWD@"
count = 10
size = 15
pause_seconds = 120
""".replace("@CROWD@", CROWD)
)


def storm(folder, text=BOOKS, name="storm"):
    """A scenario in a file of its own."""
    return written(folder, text, name)
