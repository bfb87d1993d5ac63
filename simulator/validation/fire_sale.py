"""Laws of fire sales: what is sold because the price fell makes it fall further, on the running agents and contracts.

A token sold lowers the price by ψ dollars for good, a dollar of fall puts B tokens on sale. A shock s then ends in a
fall F with F = s + ψ B F, a geometric series: F = s / (1 - ψ B), and where ψ B is one or more nobody is left. The
premises are set up and not assumed: positions in even steps of price, of as many tokens each, of which a liquidation
takes all (close factor one, liquidation ratio 1 + bonus); impact that is additive and all permanent; a report in each
block, with neither threshold nor delay; liquidators who own the debt token for all of it; no pool, and blocks that cost
next to nothing. How far the steps can miss the series is a matter of their number.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.agents.borrower import choose
from simulator.protocols.base import Lending
from simulator.protocols.genesis import Genesis
from simulator.results import RunResult, run_scenario
from simulator.scenario import load_scenario
from simulator.settings import TOKENS, USD
from simulator.units import to_wad
from simulator.validation.law import Measured, add_law

_PRICE = 1000.0
_SHOCK = 0.02 * _PRICE
_POSITIONS = 1200
_TOKENS = 10.0  # of a position
_BONUS = 0.1
_TOLERANCE = 0.02
_SPARE = 1.25  # how far positions reach, over the fall expected: those beyond must be left alone


class RungSettings(AgentSettings):
    """A ladder of positions."""

    top: float = Field(gt=0, description="price below which the first is liquidated", json_schema_extra=USD)
    step: float = Field(gt=0, description="from one to the next", json_schema_extra=USD)
    tokens: float = Field(gt=0, description="collateral of each", json_schema_extra=TOKENS)


class Rung(Agent):
    """A passive position, one of a ladder in even steps of the price at which they are liquidated."""

    Settings: ClassVar[Any] = RungSettings
    requires: ClassVar[Any] = (Lending,)
    supplies: ClassVar[bool] = True

    def prepare(self, genesis: Genesis) -> None:
        """Open the position and sell what was drawn."""
        lending, desk = choose(self.desk.capabilities(Lending), "", self.desk.agent), self.desk
        number = int(desk.account.name.rpartition("/")[2])
        falls_at = self.settings.top - number * self.settings.step
        debt = to_wad(self.settings.tokens * falls_at / lending.liquidation_ratio / genesis.price(lending.debt_asset))
        genesis.endow(lending.asset, desk.address, to_wad(self.settings.tokens))
        genesis.approve(lending.asset, desk.address, lending.spender)
        genesis.submit(lending.open(desk.address, to_wad(self.settings.tokens), debt), desk.address)
        genesis.call(genesis.token(lending.debt_asset), "transfer", genesis.exchange, debt, sender=desk.address)

    def life(self) -> Life:
        """Never look."""
        yield self.desk.sleep(0)


def storm(psi_b: float, reach: float) -> str:
    """The scenario of a shock into positions down to `reach` dollars below the price: B is tokens over step."""
    step = reach / _POSITIONS
    psi = psi_b * step / _TOKENS
    debt = _POSITIONS * _TOKENS * (_PRICE - reach / 2) / (1 + _BONUS)
    return f"""
schema = 1
[world]
hours = 5
sample_minutes = 60
[chain]
fee_mode = "legacy"
[market.ETH]
process = "replay"
knots = [[0, {_PRICE}], [0.1, {_PRICE}], [0.10333333333333333, {_PRICE - _SHOCK}]]
[market.ETH.impact]
form = "additive"
permanent = 1.0
depth_usd = {0.01 * _PRICE**2 / psi}
[market.DOLLAR]
process = "constant"
price = 1.0
[oracle.ETH]
heartbeat_seconds = 12
deviation = 0
[cdp]
protocol = "cdp"
[cdp.collateral.ETH]
liquidation = "fixed"
liquidation_ratio = {1 + _BONUS}
minimum_ratio = {1 + _BONUS}
liquidation_bonus = {_BONUS}
close_factor = 1.0
debt_floor = 0
[ladder]
agent = "{__name__}:{Rung.__name__}"
count = {_POSITIONS}
top = {_PRICE - step / 2}
step = {step}
tokens = {_TOKENS}
[liquidators]
agent = "liquidator"
count = 2
capital_usd = {debt / 2 * 0.999}
discount = 0
discount_spread = 0
thinking_seconds = 0
"""


def storm_of(psi_b: float, reach: float) -> RunResult:
    """Run it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fire-sale.toml")
        path.write_text(storm(psi_b, reach))
        return run_scenario(load_scenario(path))


def _total_fall(psi_b: float) -> Measured:
    expected = _SHOCK / (1 - psi_b)
    result = storm_of(psi_b, _SPARE * expected)
    measured = _PRICE - float(result.prices.query("asset == 'ETH'")["market"].iloc[-1])
    return Measured(expected, measured, _TOLERANCE * expected)


def _all_liquidate() -> Measured:
    """The least share of positions that is gone in the end, over a ψB of one and of more."""
    return Measured(1.0, min(1 - left_over(storm_of(psi_b, 0.3 * _PRICE)) / _POSITIONS for psi_b in (1.0, 1.5)), 0.0)


def left_over(result: RunResult) -> int:
    """Positions that are open at the end."""
    return int((result.positions["block"] == result.measures["block"].max()).sum())


_SOURCE = "geometric series of price impact and forced sales: fall = shock + ψB fall"

for _psi_b in (0.25, 0.5, 0.75, 0.9):
    _measure: Callable[[], Measured] = partial(_total_fall, _psi_b)
    add_law(
        f"fire-sale/{_psi_b:g}",
        f"A shock of 2 % into sales of ψB = {_psi_b:g} ends in a fall of shock / (1 - ψB).",
        _SOURCE,
        _measure,
    )
add_law("fire-sale/total", "Where ψB is one or more, every position is liquidated.", _SOURCE, _all_liquidate)
