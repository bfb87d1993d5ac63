"""A perpetual market with its pool and backstop, whose price we say, for the laws that are measured on its bytecode."""

from fractions import Fraction
from typing import NamedTuple

from simulator.chain.types import Address
from simulator.protocols.genesis import Contract
from simulator.units import RAY, WAD, to_wad
from simulator.validation.lab import Lab

START_PRICE = 2_000  # [usd]
DAY = 24 * 3600  # [s]
ANY = {True: 2**256 - 1, False: 0}  # limits that no price meets, for buyers and sellers
_RANKED, _PRO_RATA = 0, 1
PREMIUM, VELOCITY = 0, 1
LARGEST_SIZE = 10**33  # [size wad] of one side, by the market's bounds


class Account(NamedTuple):
    """What the market says of one: `positionOf`."""

    size: int  # [size wad]
    margin: int  # [margin wad] cash
    entry: int  # [margin wad] what the size was worth when it was bought
    due: int  # [margin wad] of funding not settled, rounded up
    principal: int  # [margin wad]


class Funding(NamedTuple):
    """The market's FundingConfig."""

    mode: int = PREMIUM
    max_rate: int = 0  # [wad a day]
    period: int = 8 * 3600  # [s]
    interval: int = 3600  # [s]
    interest: int = 0  # [wad a period]
    clamp: int = 0  # [wad a period]
    max_velocity: int = 0  # [wad a day a day]


def fixed_funding(rate: Fraction, period: int) -> Funding:
    """One that charges longs `rate` in each period [s], whatever the premium: a clamp this wide never binds."""
    return Funding(PREMIUM, 10 * WAD, period, period, int(rate * WAD), WAD)


class PerpTerms(NamedTuple):
    """What a market is set up with; money in Dollars at the first price."""

    inverse: bool = False
    funding: Funding = Funding()
    trade_fee: float = 0.0
    fund_share: float = 0.2
    initial: float = 0.1
    maintenance: float = 0.05
    liquidation_fee: float = 0.01
    whole_below: float = 1_000.0
    skew_scale: float = 2e9
    open_interest: float = 2e7
    max_skew: float = 1e7
    capital_ratio: float = 0.5
    pro_rata: bool = False
    trigger: float = 0.0
    floor: float = 0.0
    patience: int = 3600  # [s]
    pool_delay: int = 0  # [s]


class PerpBench:
    """PerpMarket, PerpPool and Backstop. Margin is Dollar, or in an inverse market an asset of 8 decimals."""

    def __init__(self, terms: PerpTerms, lab: Lab | None = None, token: Contract | None = None) -> None:
        self.terms = terms
        self.lab = lab = lab or Lab()
        self.token = token or lab.token("MARGIN", 8 if terms.inverse else 18)
        self.feed = lab.deploy("PushFeed", lab.owner, lab.owner, 18, "ASSET / USD")
        self.report(START_PRICE * WAD)
        self.market = lab.deploy("PerpMarket", self.token.address, self.feed.address, terms.inverse, *self._rules())
        self.pool = lab.deploy("PerpPool", self.market.address, terms.pool_delay, DAY)
        rule = _PRO_RATA if terms.pro_rata else _RANKED
        bounds = (self.money(terms.trigger), self.money(terms.floor), terms.patience)
        self.backstop = lab.deploy("Backstop", self.market.address, rule, *bounds)
        lab.do(lab.owner, self.market, "setSatellites", self.pool.address, self.backstop.address)
        self.unit: int = lab.read(self.market, "marginUnit")

    def _rules(self) -> tuple[tuple[int, ...], ...]:
        t = self.terms
        ratios = (to_wad(t.initial), to_wad(t.maintenance), to_wad(t.liquidation_fee), WAD // 2)
        sizes = (self.size(t.skew_scale), self.size(t.open_interest), self.size(t.max_skew))
        return (
            (*ratios, self.money(t.whole_below)),
            (to_wad(t.trade_fee), to_wad(t.fund_share)),
            (*sizes, to_wad(t.capital_ratio)),
            (0, 600, 0),
            tuple(t.funding),
        )

    def money(self, usd: float) -> int:
        """[margin wad] worth so much at the first price."""
        return to_wad(usd) // (START_PRICE if self.terms.inverse else 1)

    def size(self, usd: float) -> int:
        """[size wad] with a notional of so much at the first price."""
        return to_wad(usd) // (1 if self.terms.inverse else START_PRICE)

    # ---------------------------------------------------------------- actions

    def report(self, price: int) -> None:
        """Say an index price [wad]."""
        self.lab.do(self.lab.owner, self.feed, "report", price)

    def give(self, owner: Address, usd: float, *spenders: Contract) -> int:
        """Mint margin and let contracts take it; gives the wad."""
        amount = self.money(usd) // self.unit
        self.lab.endow(self.token, owner, amount, *spenders)
        return amount * self.unit

    def deposit(self, owner: Address, usd: float) -> None:
        """New margin for an account."""
        self.lab.do(owner, self.market, "deposit", owner, self.give(owner, usd, self.market))

    def provide(self, owner: Address, usd: float) -> None:
        """New capital for the pool."""
        self.lab.do(owner, self.pool, "deposit", self.give(owner, usd, self.pool) // self.unit, owner)

    # ------------------------------------------------------------------ views

    def account(self, owner: Address) -> Account:
        """An account."""
        return Account(*self.lab.read(self.market, "positionOf", owner))

    def worth(self, price: int, twice_skew: int) -> int:
        """[margin ray] of one unit of size at an index price [wad] and the premium of half of `twice_skew`.

        An oracle of the contract's own rule: -1 / price in an inverse market, and premium = skew over skewScale.
        """
        worth = -(RAY * WAD // price) if self.terms.inverse else price * (RAY // WAD)
        part = abs(worth) * abs(twice_skew) // (2 * self.size(self.terms.skew_scale))
        return worth - part if twice_skew < 0 else worth + part
