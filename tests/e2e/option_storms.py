"""Storms over an option market, for tests."""

from pathlib import Path

from option_ground import FALL, written

CROWD = f"{Path(__file__).parent / 'option_crowd.py'}:Crowd"

GROUND = (
    """
schema = 1
title = "Options"
story = "Ether loses a third of its worth in a quarter of an hour, while people trade options on it."
"""
    + FALL
    + """
pool = { liquidity_usd = 3_000_000 }
surface = { min_volatility = 0.05 }
barrier = { ratio = 0.8, report_minutes = 10 }

[surface]
agent = "surface-reporter"
heartbeat_seconds = 300
look_seconds = 30

[option-keeper]
agent = "option-keeper"
tenors_hours = [1.0, 24.0]
moneyness = [0.9, 1.0, 1.1]
kinds = ["call", "put", "barrier"]
reaction_seconds = 24

[crowd]
agent = "@CROWD@"
count = 8
""".replace("@CROWD@", CROWD)
)


def storm(folder, text=GROUND, name="storm"):
    """A scenario in a file of its own."""
    return written(folder, text, name)
