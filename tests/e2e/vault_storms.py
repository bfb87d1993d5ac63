"""Short storms around a vault, for tests."""

from simulator import load

CARRY = """
schema = 1
extends = "calm"
title = "Carry"
story = "Ether falls by a quarter in three hours; what was drawn on it is lent."
traders = false

[world]
hours = 5
sample_minutes = 10

[market.ETH]
process = "replay"
knots = [[0, 2550.0], [1, 2550.0], [4, 1900.0], [5, 1950.0]]
bridge_volatility = 0.4

[vault]
protocol = "vault"
triggers = { band = 0.02, margin_floor = 2.0, margin_ceiling = 2.6 }
carry = { ratio = 2.2 }

[hedgers]
agent = "hedge-keeper"
count = 2
gas = { rule = "market", multiple = 1.2 }
"""

NEUTRAL = (
    CARRY.replace('title = "Carry"', 'title = "Basis"')
    .replace(
        "[vault]",
        '[perps]\nprotocol = "perps"\npool = { liquidity_usd = 1_000_000 }\n\n'
        '[vault]\nstrategy = "neutral"\ndeposit_usd = 10_000',
    )
    .replace("margin_floor = 2.0, margin_ceiling = 2.6", "margin_floor = 0.15, margin_ceiling = 0.4")
    .replace("carry = { ratio = 2.2 }\n", "")
)

CROSS = NEUTRAL.replace('strategy = "neutral"', 'strategy = "cross"\nbase = "STETH"').replace(
    "[vault]",
    """[market.STETH]
process = "yield-bearing"
of = "ETH"
growth = 0.04

[oracle.STETH]
source = "rate"
underlying = "ETH"
heartbeat_seconds = 600

[lst]
protocol = "pool"
base = "STETH"
liquidity_usd = 1_500_000

[vault]
cross = { interval_minutes = 20, fewest = 3, window = 10, min_ratio = 0.5, max_ratio = 1.5 }""",
    1,
)

DEPOSITORS = """
[depositors]
agent = "depositor"
count = 12
assets_usd = 500
look_hours = 1
fear = { price_fall = 0.0, drawdown = 0.0, queue = 0.0 }
"""

LOANS = """
[loans]
agent = "loan-demand"
demand = [{ id = "frozen", from = 1.0, to = 3.5, utilisation = 1.0 }]
"""


def storm(folder, text, **changes):
    """A scenario of this text, dotted keys changed."""
    (folder / "vault.toml").write_text(text)
    return load(str(folder / "vault.toml"), **{key.replace("__", "."): value for key, value in changes.items()})


def measured(result, name):
    """A measure of the vault over the run."""
    rows = result.measures
    return rows[(rows["protocol"] == "vault") & (rows["name"] == name)]["value"].astype(float)


def events(result, name):
    """The rows of an event."""
    rows = result.events
    return rows[rows["name"] == name]


def sent(result, action, status="included"):
    """Transactions of an action."""
    rows = result.transactions
    return rows[(rows["action"] == action) & (rows["status"] == status)]
