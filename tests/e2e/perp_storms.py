"""Storms over perpetual markets, and a world of one to step through."""

from perp_books import BooksObserver

from simulator.chain.revm import RevmChain
from simulator.digest import Digest
from simulator.scenario import load_scenario
from simulator.world import World

# Borrowers draw the Dollars that everybody else's margin is.
GROUND = """
schema = 1
extends = "calm"
title = "Perpetuals"
story = "Ether falls by forty per cent in minutes, and comes back."
traders = false
pool = false
arbitrageurs = false
flash-liquidators = false
liquidators = false
housekeeper = false

[world]
hours = 6
sample_minutes = 10

[market.ETH]
process = "replay"
knots = [[0, 2500.0], [2, 2500.0], [2.1, 1500.0], [4, 1600.0], [6, 2000.0]]
bridge_volatility = 0.4

[oracle.ETH]
heartbeat_seconds = 600
deviation = 0.002
latency_seconds = 0
max_age_seconds = 0

[borrowers]
count = 20
collateral_usd = 1_000_000
ratio = 3.5
habits = { top_up = 0, repay = 0, panic = 0, lever = 0 }

[perps]
protocol = "perps"
"""

QUIET = GROUND.replace(
    """process = "replay"
knots = [[0, 2500.0], [2, 2500.0], [2.1, 1500.0], [4, 1600.0], [6, 2000.0]]
bridge_volatility = 0.4
""",
    'process = "gbm"\nprice = 2500.0\nvolatility = 0.4\n',
)

# Two markets side by side that differ in all that can differ, with everybody who trades there.
CRASH = (
    GROUND
    + """
pool = { liquidity_usd = 300_000 }
backstop = { fund_usd = 2_000, patience_minutes = 30 }
limits = { skew_scale_usd = 50e6, open_interest_usd = 5e6, skew_usd = 2e6, capital_ratio = 0.1 }

[coin]
protocol = "perps"
kind = "inverse"
pool = { liquidity_usd = 3e6 }
backstop = { fund_usd = 2_000, patience_minutes = 30, rule = "pro-rata" }
limits = { skew_scale_usd = 50e6, open_interest_usd = 5e6, skew_usd = 2e6, capital_ratio = 0.1 }
funding = { mode = "velocity", max_daily = 0.5 }
orders = { delay_seconds = 30, lifetime_minutes = 15, tip_usd = 1.0 }

[perp-traders]
agent = "perp-trader"
market = "perps/ETH"
count = 50
leverage = 7
open_share = 0.9
look_hours = 1.0
trend = 0.002

[coin-traders]
agent = "perp-trader"
market = "coin/ETH"
count = 50
leverage = 7
open_share = 0.9
look_hours = 1.0
trend = 0.002

[perp-liquidators]
agent = "perp-liquidator"
market = "perps/ETH"
count = 2

[coin-liquidators]
agent = "perp-liquidator"
market = "coin/ETH"
count = 2

[backstop-keepers]
agent = "backstop-keeper"

[funding-arbitrageurs]
agent = "funding-arbitrageur"
market = "perps/ETH"
capital_usd = 100_000

[perp-providers]
agent = "perp-provider"
market = "perps/ETH"
count = 3
"""
)


def storm(folder, text, **changes):
    (folder / "storm.toml").write_text(text)
    return load_scenario(str(folder / "storm.toml"), {key.replace("__", "."): value for key, value in changes.items()})


def world_of(scenario, gas="exact"):
    """A world whose books are checked after every block."""
    chain = RevmChain(gas, gas_limit=scenario.chain.gas_limit)
    return World(scenario, scenario.world.seed, chain, BooksObserver(None, Digest()))


def transactions(result, agent=None, action=None, status="included"):
    """How many transactions of an agent, of an action, ended so."""
    rows = result.transactions
    rows = rows[rows["status"] == status]
    for column, wanted in (("agent", agent), ("action", action)):
        rows = rows if wanted is None else rows[rows[column] == wanted]
    return len(rows)


def events(result, protocol, name):
    rows = result.events
    return rows[(rows["protocol"] == protocol) & (rows["name"] == name)]


def measured(result, protocol, name):
    rows = result.measures
    rows = rows[(rows["protocol"] == protocol) & (rows["name"] == name)]
    return rows.set_index("block")["value"].astype(float)
