"""What the tests do over and over."""

from typing import Any

from brownie import chain

from scripts.deploy import FEED_DECIMALS, MARKETS, System
from simulator.units import WAD

ALL = -(2**255)  # in `adjust`: everything
MARKET = {market.symbol: market for market in MARKETS}
ETH, BTC, GOLD = (MARKET[symbol].id for symbol in ("ETH", "BTC", "GOLD"))


def dollars(amount: float) -> int:
    return round(amount * 100) * WAD // 100


def fund(system: System, symbol: str, who: Any, tokens: float) -> int:
    """Mint collateral and let the engine take it; gives the amount [wad]."""
    token, unit = system.tokens[symbol], 10 ** (18 - MARKET[symbol].decimals)
    amount = round(tokens * 10**6) * 10**12
    token.mint(who, amount // unit, {"from": token.owner()})
    token.approve(system.engine, 2**256 - 1, {"from": who})
    return amount


def open_position(system: System, symbol: str, who: Any, tokens: float, debt: float) -> Any:
    amount = fund(system, symbol, who, tokens)
    return system.engine.adjust(MARKET[symbol].id, who, amount, dollars(debt), {"from": who})


def give_dollars(system: System, who: Any, amount: float) -> None:
    """Drawn from the owner's position, which has four times as much collateral as debt."""
    payer = system.engine.owner()
    system.engine.adjust(ETH, payer, 0, dollars(amount), {"from": payer})
    system.dollar.transfer(who, dollars(amount), {"from": payer})


def report(system: System, symbol: str, price: float) -> Any:
    feed = system.feeds[symbol]
    return feed.report(round(price * 10**FEED_DECIMALS), {"from": feed.owner()})


def set_price(system: System, symbol: str, price: float) -> None:
    """Report a price and let it come into force, which takes two delays where there is one."""
    delayed = system.delays.get(symbol)
    if delayed is None:
        report(system, symbol, price)
        return
    for _ in range(2):
        report(system, symbol, price)
        chain.sleep(delayed.delay())
        delayed.poke({"from": delayed.owner()})


def near(value: int, expected: float, relative: float = 1e-6) -> bool:
    """Brownie's numbers do not go with `pytest.approx`. A part in a million is more than interest adds in a minute."""
    return abs(value - expected) <= relative * expected


def said(error: str, *arguments: Any) -> str:
    """A custom error as `brownie.reverts` sees it."""
    return f"{error}: {', '.join(str(argument).lower() for argument in arguments)}"
