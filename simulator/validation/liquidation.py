"""Laws of liquidation at a fixed spread, measured on the engine's bytecode: when it makes a position riskier."""

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import NamedTuple

from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.units import RAY, WAD, per_second_ray, to_wad
from simulator.validation.lab import Lab, Step
from simulator.validation.law import Measured, law

_ID = b"COLLATERAL"
_FIRST_PRICE = 1000 * WAD
_CLOSE_FACTOR = Fraction(1, 2)
_LIQUIDABLE = 1.4  # the liquidation ratio over one plus the bonus
_POSITIONS = 500  # under each terms
_PLENTY = 10**33


class Terms(NamedTuple):
    """What liquidations of a collateral give."""

    bonus: float
    protocol_fee: float = 0.0  # share of the bonus
    decimals: int = 18  # of the token
    stability_fee: float = 0.0  # a year


TERMS = (
    Terms(0.05),
    Terms(0.1, protocol_fee=0.2),
    Terms(0.15, protocol_fee=0.5, decimals=8, stability_fee=0.1),
    Terms(0.08, protocol_fee=1.0, decimals=6),
    Terms(0.0, stability_fee=0.5),
)


class Liquidation(NamedTuple):
    """One that happened, by what the contracts say before and after, and by the tokens that moved."""

    before: Fraction  # debt over collateral's worth
    after: Fraction
    repaid: int  # [Dollar wad] gone from the liquidator
    taken: Fraction  # [Dollar wad] worth of what liquidator and fee recipient got
    kept: Fraction  # [Dollar wad] of it, the liquidator's
    covered: bool  # collateral was worth the debt and the bonus on it
    rounding: Fraction  # by how much less debt than was repaid may have been cancelled: a unit, relative

    @property
    def raised(self) -> bool:
        """Whether the position is riskier than before."""
        return self.after > self.before

    def contradicts(self, taken: Fraction) -> bool:
        """Whether loan-to-value rose without being above 1/(1 + i), or the other way round, beyond rounding."""
        over = self.before * taken / self.repaid - 1
        return self.raised != (over > 0) and abs(over) > self.rounding


class Bench:
    """An engine with one collateral, whose price we say, and a liquidator with Dollars enough."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lab = lab = Lab()
        self.token = lab.token("COLLATERAL", terms.decimals)
        self.unit = 10 ** (18 - terms.decimals)
        self.feed = lab.deploy("PushFeed", lab.owner, lab.owner, 18, "COLLATERAL / USD")
        self.say(_FIRST_PRICE)
        self.dollar = lab.deploy("Dollar")
        self.engine = lab.deploy("CdpEngine", self.dollar.address)
        lab.do(lab.owner, self.dollar, "grantRoles", self.engine.address, lab.read(self.dollar, "MINTER"))
        lab.do(lab.owner, self.engine, "addCollateral", _ID, self._config())
        self.treasury, self.liquidator = lab.person("treasury"), lab.person("liquidator")
        lab.do(lab.owner, self.engine, "setFeeRecipient", self.treasury)
        self.open(self.liquidator, _PLENTY, _PLENTY // 10)

    @property
    def liquidation_ratio(self) -> float:
        """Collateral over debt."""
        return _LIQUIDABLE * (1 + self.terms.bonus)

    def _config(self) -> tuple[object, ...]:
        ratio = to_wad(self.liquidation_ratio)
        shares = (to_wad(self.terms.bonus), int(_CLOSE_FACTOR * WAD), to_wad(self.terms.protocol_fee))
        limits = (per_second_ray(self.terms.stability_fee), 10**36, 0, 0)  # no debt floor: dust is not the subject
        return (self.token.address, self.feed.address, ZERO_ADDRESS, ratio, ratio, *shares, *limits, False)

    def say(self, price: int) -> None:
        """Report a price [wad]."""
        self.lab.do(self.lab.owner, self.feed, "report", price)

    def open(self, owner: Address, collateral: int, debt: int) -> None:
        """A position [wad, Dollar wad]."""
        self.lab.endow(self.token, owner, collateral // self.unit, self.engine)
        self.lab.do(owner, self.engine, "adjust", _ID, owner, collateral, debt)

    def position(self, owner: Address) -> tuple[int, int]:
        """Collateral [wad] and normalised debt."""
        collateral, normalized = self.lab.read(self.engine, "positions", _ID, owner)
        return collateral, normalized

    def price_at(self, owner: Address, excess: float) -> int:
        """The price [wad] at which debt and bonus, as last accrued, are `excess` times what the collateral is worth."""
        collateral, normalized = self.position(owner)
        index = self.lab.read(self.engine, "totals", _ID)[2]
        owed = Fraction(normalized * index * (WAD + to_wad(self.terms.bonus)), RAY)
        return round(owed / collateral / Fraction(excess))

    def liquidate(self, owner: Address, price: int, share: Fraction) -> Liquidation:
        """Say a price and, in the same block, repay a share of a position's debt."""
        collateral, normalized = self.position(owner)
        held = self._balances()
        asked = int(share * self.lab.read(self.engine, "debtOf", _ID, owner))
        call = (_ID, owner, asked, b"")
        self.lab.do_all(
            [
                Step(self.lab.owner, self.feed, "report", (price,)),
                Step(self.liquidator, self.engine, "liquidate", call),
            ]
        )
        left, owed = self.position(owner)
        index = self.lab.read(self.engine, "totals", _ID)[2]
        assert left, "only partial liquidations are looked at"
        burned, *got = (abs(now - then) for now, then in zip(self._balances(), held, strict=True))
        worth = [Fraction(amount * self.unit * price, WAD) for amount in got]
        loan = Fraction(index * WAD, RAY * price)  # Dollars owed per unit of normalised debt, over the price
        return Liquidation(
            before=loan * normalized / collateral,
            after=loan * owed / left,
            repaid=burned,
            taken=sum(worth, Fraction(0)),
            kept=worth[0],
            covered=loan * normalized / collateral * (WAD + to_wad(self.terms.bonus)) <= WAD,
            rounding=Fraction(index, RAY * burned),
        )

    def _balances(self) -> tuple[int, int, int]:
        """The liquidator's Dollars and collateral, and the fee recipient's collateral [units]."""
        read = self.lab.read
        tokens = ((self.dollar, self.liquidator), (self.token, self.liquidator), (self.token, self.treasury))
        dollars, ours, theirs = (read(token, "balanceOf", holder) for token, holder in tokens)
        return dollars, ours, theirs


def liquidations(terms: Terms, count: int = _POSITIONS, seed: int = 1) -> Iterator[Liquidation]:
    """Positions of all sizes, each liquidated once at a random price: two thirds anywhere, the rest at the boundary."""
    rng, bench = Random(seed), Bench(terms)
    for number in range(count):
        owner = bench.lab.person(f"owner {number}")
        bench.say(_FIRST_PRICE)
        collateral = int(10 ** rng.uniform(16, 24)) // bench.unit * bench.unit
        safety = rng.uniform(1.01, 3) * bench.liquidation_ratio
        bench.open(owner, collateral, int(collateral * _FIRST_PRICE // WAD / safety))
        bench.lab.wait(rng.randrange(1_000_000))
        bench.lab.do(owner, bench.engine, "accrue", _ID)
        share = rng.choice((_CLOSE_FACTOR, Fraction(rng.uniform(0.01, 0.5))))
        yield bench.liquidate(owner, _drawn_price(rng, bench, owner), share)


def _drawn_price(rng: Random, bench: Bench, owner: Address) -> int:
    if rng.random() < 2 / 3:
        return bench.price_at(owner, rng.uniform(1.02 / _LIQUIDABLE, 1.3))
    if rng.random() < 1 / 2:
        return bench.price_at(owner, 1 + rng.choice((-1, 1)) * 10 ** rng.uniform(-15, -3))
    return bench.price_at(owner, 1) + rng.randrange(-3, 4)


@law("toxic-liquidation", "Warmuz, Chaudhary and Pinna, Toxic Liquidation Spirals (2022)")
def contradictions() -> Measured:
    """A partial liquidation raises loan-to-value exactly when it is above 1/(1 + i), i being all collateral taken,
    protocol fee included, over the debt repaid, less 1; counted are those on the engine that contradict it."""
    found = sum(done.contradicts(done.taken) for terms in TERMS for done in liquidations(terms))
    return Measured(0.0, float(found), 0.0)


@law("toxic-liquidation/covered", "contracts/INVARIANTS.md, 5")
def covered_and_raised() -> Measured:
    """While collateral covers debt plus bonus, a liquidation never raises loan-to-value, not by a unit; counted are
    those on the engine that do."""
    found = sum(done.covered and done.raised for terms in TERMS for done in liquidations(terms, seed=2))
    return Measured(0.0, float(found), 0.0)
