"""Laws of what funding takes from a hedged vault and brings it, charged and paid by the market's bytecode."""

from fractions import Fraction
from functools import partial

from simulator.units import WAD, from_wad
from simulator.validation.law import Measured, NoData, add_law, law
from simulator.validation.perp_bench import DAY, START_PRICE, Funding, fixed_funding
from simulator.validation.vault_bench import FREE, HedgeBench, Shape, VaultTerms

_EXPOSURE = 3_500_000_000  # [usd] of spot, and as much short
_YEAR = 365  # [days]
_MARGIN = Fraction(1, 10)
_LONGEST = 200  # [days] after which a reserve has not run dry
_OFF = 1e-5  # of exposure and reserve, by what buying so much costs even in a deep pool

_PERIOD = 8 * 3600  # [s]
_RATE = Fraction(1, 10_000)  # a period
_THIN = 1e-9  # margin of the short: nothing lies idle, so that all that was deposited is exposure
_TWO_DECIMALS = 0.00005  # of a percentage


class Payer(HedgeBench):
    """A delta-neutral dollar: spot, as much of it short, a margin, and a reserve at hand that pays negative funding.

    Every day it is rebalanced: what funding took from the margin is topped up out of the reserve. On the first day on
    which the reserve does not reach it is dry: the strategy must sell spot.
    """

    def __init__(self, reserve: int, funding: Funding) -> None:
        """With so many Dollars in reserve. Raises NoData where the vault does not hold what it should."""
        whole = _EXPOSURE * (1 + _MARGIN) + reserve
        perps = FREE._replace(funding=funding, initial=0.05, maintenance=0.02)
        shape = Shape(float(_MARGIN), float(reserve / whole), 0.5)
        super().__init__(VaultTerms(interval=DAY, idle_band=0.0, max_slippage=0.001), shape, perps, capital=1e9)
        self.enter(self.lab.person("depositor"), int(whole * WAD))
        self.rebalance()
        for what, wanted in ((self.held() * START_PRICE, _EXPOSURE), (self.at_hand(), reserve)):
            if abs(from_wad(what) / wanted - 1) > _OFF:
                raise NoData(f"the vault has {from_wad(what):,.0f} of {wanted:,} dollars")

    def at_hand(self) -> int:
        """[Dollar wad] of the reserve."""
        return int(self.lab.read(self.asset, "balanceOf", self.strategy.address))

    def dry_on(self) -> int:
        """The day. Raises NoData for a reserve that lasts."""
        spot = self.held()
        for day in range(1, _LONGEST):
            self.lab.wait(DAY - 1)
            self.rebalance()
            if self.held() < spot:
                return day
        raise NoData(f"the reserve lasted {_LONGEST} days")


def run_off(reserve: int, annual: Fraction, day: int) -> Measured:
    """The day on which a reserve [usd] is dry at a funding rate a year."""
    return Measured(day, Payer(reserve, fixed_funding(annual / _YEAR, DAY)).dry_on(), 0.0)


RUN_OFF = {44_000_000: (92, 46, 19, 10, 5), 32_830_000: (69, 35, 14, 7, 4)}
_RATES = (5, 10, 25, 50, 100)  # [% a year] that shorts pay
for _reserve, _days in RUN_OFF.items():
    for _percent, _day in zip(_RATES, _days, strict=True):
        add_law(
            f"reserve-run-off/{_reserve / 1e6:g}m-{_percent}",
            f"A delta-neutral dollar of 3.5 bn that pays {_percent} % a year of funding has emptied a reserve of "
            f"{_reserve / 1e6:.2f} m on this day.",
            "reserve over exposure times the rate a day, rounded up: funding that PerpMarket charges the short of a "
            "DeltaNeutral vault, out of what lies at hand there, until spot must be sold",
            partial(run_off, _reserve, Fraction(-_percent, 100), _day),
        )


class Earner(HedgeBench):
    """A delta-neutral dollar that earns funding, with next to no margin, rebalanced at each payment or never."""

    def __init__(self, rate: Fraction = _RATE) -> None:
        perps = FREE._replace(
            funding=fixed_funding(rate, _PERIOD), initial=_THIN / 10, maintenance=_THIN / 100, liquidation_fee=0.0
        )
        super().__init__(VaultTerms(interval=_PERIOD), Shape(_THIN, 0.0, 0.0), perps)
        self.enter(self.lab.person("depositor"), 1_000_000 * WAD)
        self.rebalance()

    def earned(self, reinvested: bool) -> float:
        """In a year, over what was deposited."""
        before, periods = self.ask("totalAssets"), _YEAR * DAY // _PERIOD
        if reinvested:
            for _ in range(periods):
                self.lab.wait(_PERIOD - 1)
                self.rebalance()
        else:
            self.lab.wait(periods * _PERIOD - 1)
            self.lab.do(self.keeper, self.perps.market, "accrueFunding")
        return self.ask("totalAssets") / before - 1


@law("carry/simple", "1 bp times 3 * 365")
def simple() -> Measured:
    """Funding of 1 bp in 8 hours brings a vault that holds its short for a year 10.95 % of its exposure."""
    return Measured(0.1095, Earner().earned(reinvested=False), _TWO_DECIMALS)


@law("carry/compounded", "1.0001 to the power of 3 * 365, less 1")
def compounded() -> Measured:
    """The same brings 11.57 % where each payment is put back to work by a rebalance."""
    return Measured(0.1157, Earner().earned(reinvested=True), _TWO_DECIMALS)
