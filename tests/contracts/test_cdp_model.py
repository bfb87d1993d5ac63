"""The shipped bytecode of the engine against the exact model of its rules, on the embedded chain."""

from copy import deepcopy
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from cdp_model import ALL, RAY, WAD, Books, Refused, Rules
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.chain.abi import Abi
from simulator.chain.artifacts import load_artifact
from simulator.chain.revm import RevmChain
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Receipt, Transaction

ID = b"BTC".ljust(32, b"\0")
START = 1_583_971_200  # 2020-03-12T00:00Z
FEE = 2440418608258400031  # [ray/s] 8 % a year
UNIT = 10**10  # 8 decimals
OWNER, LIQUIDATOR, BANK, FEES = (Address("0x" + digit * 40) for digit in "abcd")
RULES = Rules(
    minimum_ratio=Fraction(3, 2),
    liquidation_ratio=Fraction(7, 5),
    bonus=Fraction(1, 8),
    close_factor=Fraction(1, 2),
    protocol_fee=Fraction(1, 5),
    ceiling=100_000 * WAD,
    floor=100 * WAD,
    unit=UNIT,
)


class Engine:
    """The contracts of one collateral, a block for each transaction."""

    def __init__(self) -> None:
        self.chain = RevmChain("fast")
        self.now, self.number = START, 0
        self.at: dict[str, Address] = {}
        self.abi: dict[str, Abi] = {}
        for who in (OWNER, LIQUIDATOR, BANK):
            self.chain.fund(who, 10**24)
        self.deploy("Dollar")
        self.deploy("CollateralToken", "Bitcoin", "BTC", 8)
        self.deploy("PushFeed", BANK, BANK, 8, "BTC / USD")
        self.deploy("CdpEngine", self.at["Dollar"])
        self.abi["CdpEngine"] = self.abi["CdpEngine"].merged(self.abi["Dollar"])
        self.must(BANK, "Dollar", "grantRoles", self.at["CdpEngine"], 1)
        self.must(BANK, "PushFeed", "report", 8_000 * 10**8)
        ratios = [int(part * WAD) for part in (RULES.minimum_ratio, RULES.liquidation_ratio, RULES.bonus)]
        shares = [int(part * WAD) for part in (RULES.close_factor, RULES.protocol_fee)]
        addresses = (self.at["CollateralToken"], self.at["PushFeed"], ZERO_ADDRESS)
        self.must(
            BANK,
            "CdpEngine",
            "addCollateral",
            ID,
            (*addresses, *ratios, *shares, FEE, RULES.ceiling, RULES.floor, 0, False),
        )
        self.must(BANK, "CdpEngine", "setFeeRecipient", FEES)
        for who in (OWNER, BANK):
            self.must(BANK, "CollateralToken", "mint", who, 10**12)
            self.must(who, "CollateralToken", "approve", self.at["CdpEngine"], 2**256 - 1)

    def deploy(self, name: str, *args: Any) -> None:
        artifact = load_artifact(name)
        receipt = self.send(BANK, None, artifact.creation_code(*args))
        assert receipt.created is not None
        self.at[name], self.abi[name] = receipt.created, artifact.abi

    def send(self, sender: Address, to: Address | None, data: bytes, seconds: int = 1) -> Receipt:
        self.now, self.number = self.now + seconds, self.number + 1
        tx = Transaction(sender, self.chain.nonce(sender), to, data, 0, 8_000_000, 0, 0)
        (outcome,) = self.chain.execute(BlockEnv(self.number, self.now, 0, 30_000_000), [tx])
        assert isinstance(outcome, Receipt)
        return outcome

    def act(self, sender: Address, name: str, function: str, *args: Any, seconds: int = 1) -> str:
        """The name of the error it reverted with, or nothing."""
        receipt = self.send(sender, self.at[name], self.abi[name].functions[function].encode(*args), seconds)
        return "" if receipt.status else self.abi[name].decode_revert(receipt.output).name

    def must(self, sender: Address, name: str, function: str, *args: Any) -> None:
        assert self.act(sender, name, function, *args) == ""

    def read(self, name: str, function: str, *args: Any) -> Any:
        entry = self.abi[name].functions[function]
        return entry.decode(self.chain.call(self.at[name], entry.encode(*args)))

    def index(self) -> int:
        """As last recorded [ray]."""
        return int(self.read("CdpEngine", "totals", ID)[2])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("adjust"),
            st.one_of(st.integers(-2 * WAD, 4 * WAD), st.just(ALL)),
            st.one_of(st.integers(-9_000 * WAD, 20_000 * WAD), st.just(ALL)),
        ),
        st.tuples(st.just("edge"), st.integers(UNIT, 3 * WAD), st.integers(-3, 3)),
        st.tuples(st.just("crash"), st.integers(1, 9_900), st.integers(0, 11_000)),
        st.tuples(st.just("liquidate"), st.one_of(st.integers(0, 30_000 * WAD), st.just(2**255)), st.just(0)),
        st.tuples(st.just("price"), st.integers(1, 12_000 * 10**8), st.just(0)),
        st.tuples(st.just("price"), st.integers(4_000 * 10**8, 9_000 * 10**8), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 400 * 86_400), st.just(0)),
    ),
    max_size=14,
)


@given(actions)
@settings(max_examples=250, deadline=None)
def test_the_engine_is_its_model_to_the_last_digit(engine: Engine, steps: list[tuple[str, int, int]]) -> None:
    mark, clock = engine.chain.snapshot(), (engine.now, engine.number)
    try:
        follow(engine, steps)
    finally:
        engine.chain.revert(mark)
        engine.now, engine.number = clock


def follow(engine: Engine, steps: list[tuple[str, int, int]]) -> None:
    """Do the steps on both and compare after each."""
    books, price = Books(RULES), 8_000 * WAD
    accrue(engine, books)
    books = adjust(engine, books, BANK, (100 * WAD, 30_000 * WAD), price)
    engine.must(BANK, "Dollar", "transfer", LIQUIDATOR, 25_000 * WAD)
    for kind, first, second in steps:
        accrue(engine, books)
        if kind == "price":
            price = first * UNIT
            engine.must(BANK, "PushFeed", "report", first)
        elif kind == "wait":
            engine.now += first
        elif kind == "liquidate":
            books = liquidate(engine, books, first, price)
        elif kind == "crash":  # from the edge to a part of the price, then a part of the debt is repaid
            books = adjust(engine, books, OWNER, edge(engine, WAD, 0, price), price)
            price = max(1, price // UNIT * first // 10_000) * UNIT
            engine.must(BANK, "PushFeed", "report", price // UNIT)
            accrue(engine, books)
            debt = engine.read("CdpEngine", "debtOf", ID, OWNER)
            books = liquidate(engine, books, debt * second // 10_000, price)
        else:
            change = (first, second) if kind == "adjust" else edge(engine, first, second, price)
            books = adjust(engine, books, OWNER, change, price)
        compare(engine, books)


def accrue(engine: Engine, books: Books) -> None:
    """Bring both to the same index; what follows happens in the same second."""
    before, last, now = engine.index(), engine.read("CdpEngine", "totals", ID)[3], engine.now + 1
    engine.must(BANK, "CdpEngine", "accrue", ID)
    with localcontext() as context:
        context.prec = 60
        compounded = Decimal(before) * (1 + Decimal(FEE) / RAY) ** (now - last)
        # Squaring doubles the half digit that the squaring before it rounded: a digit a second at most.
        assert abs(engine.index() / compounded - 1) * RAY <= now - last + 1
    books.grow(engine.index())


def edge(engine: Engine, collateral: int, nudge: int, price: int) -> tuple[int, int]:
    """The change that takes the owner to the minimum ratio, give or take a few units."""
    held, _ = engine.read("CdpEngine", "positions", ID, OWNER)
    debt = engine.read("CdpEngine", "debtOf", ID, OWNER)
    most = int(Fraction((held + collateral // UNIT * UNIT) * price, WAD) / RULES.minimum_ratio)
    return collateral, most - debt + nudge


def adjust(engine: Engine, books: Books, who: Address, change: tuple[int, int], price: int) -> Books:
    """One adjustment on both, with the same outcome; the books afterwards."""
    then, expected = deepcopy(books), ""
    try:
        then.adjust(who, *change, price)
    except Refused as refusal:
        expected = str(refusal)
    if not expected and books.supply - then.supply > engine.read("Dollar", "balanceOf", who):
        expected = "InsufficientBalance"
    assert engine.act(who, "CdpEngine", "adjust", ID, who, *change, seconds=0) == expected
    return books if expected else then


def liquidate(engine: Engine, books: Books, most: int, price: int) -> Books:
    """One liquidation on both, with the same outcome; the books afterwards."""
    held, fees = engine.read("Dollar", "balanceOf", LIQUIDATOR), engine.read("CollateralToken", "balanceOf", FEES)
    then, expected, repaid, fee = deepcopy(books), "", 0, 0
    try:
        repaid, _, fee = then.liquidate(OWNER, most, price)
    except Refused as refusal:
        expected = str(refusal)
    if repaid > held:
        expected, repaid, fee = "InsufficientBalance", 0, 0
    assert engine.act(LIQUIDATOR, "CdpEngine", "liquidate", ID, OWNER, most, b"", seconds=0) == expected
    assert held - engine.read("Dollar", "balanceOf", LIQUIDATOR) == repaid
    assert (engine.read("CollateralToken", "balanceOf", FEES) - fees) * UNIT == (0 if expected else fee)
    return books if expected else then


def compare(engine: Engine, books: Books) -> None:
    """Every number in the books."""
    for who, position in books.positions.items():
        held = engine.read("CdpEngine", "positions", ID, Address(who))
        assert held == (position.collateral, position.normalized)
        assert position.collateral or not position.normalized
    collateral = sum(position.collateral for position in books.positions.values())
    assert engine.read("CdpEngine", "totals", ID)[:2] == (collateral, books.total())
    assert engine.read("CollateralToken", "balanceOf", engine.at["CdpEngine"]) * UNIT == collateral
    assert engine.read("CdpEngine", "surplusExact") == books.surplus * RAY
    assert engine.read("CdpEngine", "badDebtExact") == books.bad_debt * RAY
    assert engine.read("Dollar", "totalSupply") == books.supply
    assert books.supply == books.owed(books.total()) + books.bad_debt - books.surplus


def test_invariant_1_holds_in_the_model_of_a_known_story(engine: Engine) -> None:
    """A crash by hand: 1 BTC over 5,000 at 5,000 is worth its debt, and 5,000 / 1.125 of it is paid."""
    mark, clock = engine.chain.snapshot(), (engine.now, engine.number)
    steps = [("adjust", WAD, 5_000 * WAD), ("price", 5_000 * 10**8, 0), ("liquidate", 2**255, 0)]
    try:
        follow(engine, steps)
        assert engine.read("CdpEngine", "positions", ID, OWNER) == (0, 0)
        lost = 5_000 - 5_000 / 1.125
        assert engine.read("CdpEngine", "badDebt") / WAD == pytest.approx(lost, abs=1e-4)
    finally:
        engine.chain.revert(mark)
        engine.now, engine.number = clock
