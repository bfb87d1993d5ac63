"""What the storms of tests over an option market have in common, and how they are run."""

from simulator.chain.revm import RevmChain
from simulator.digest import Digest
from simulator.observer import Observer
from simulator.scenario import import_user_code, load_scenario
from simulator.world import World

# A fall by a third within a quarter of an hour, and an option market without its pool.
FALL = """
[world]
start = 2025-02-11T00:00:00Z
hours = 4
seed = 3
sample_minutes = 10

[chain]
block_seconds = 12
gas_limit = 36_000_000
base_fee_gwei = 1.0

[market.ETH]
process = "replay"
knots = [[0, 2500.0], [1.5, 2500.0], [1.75, 1700.0], [4, 1900.0]]
bridge_volatility = 0.5

[market.ETH.implied_volatility]
deviation = 0.15
half_life_hours = 24

[market.ETH.implied_volatility.slices]
week = { days = 7, a = 0.0030, b = 0.03, rho = -0.3, m = 0.0, sigma = 0.1 }
quarter = { days = 90, a = 0.05, b = 0.09, rho = -0.3, m = 0.0, sigma = 0.25 }

[market.USDC]
process = "constant"
price = 1.0

[oracle.ETH]
heartbeat_seconds = 600
deviation = 0.003
latency_seconds = 2
max_age_seconds = 1800

[oracle.USDC]
heartbeat_seconds = 86_400
deviation = 0.01

[options]
protocol = "options"
margin_asset = "USDC"
fund_usd = 20_000
"""


def written(folder, text, name="storm"):
    """A scenario in a file of its own."""
    path = folder / f"{name}.toml"
    path.write_text(text)
    return import_user_code(load_scenario(path))


def world_of(scenario, gas="exact"):
    """A world to step through, that records nothing."""
    chain = RevmChain(gas, gas_limit=scenario.chain.gas_limit)
    return World(scenario, scenario.world.seed, chain, Observer(None, Digest()))
