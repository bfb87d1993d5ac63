"""As parity_makers, for a squared perpetual and variance swaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity_makers import LARGEST, Arguments, maker, viewer
from parity_option_makers import clamped, dollars, eth_feed, round_at
from parity_option_system import POWER_RULES
from parity_perp_makers import spoilt
from parity_system import Instance

from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

_LEAST = POWER_RULES[3]  # [Dollar wad] of collateral

WEIGHTS = {
    ("PowerPerp", "adjust"): 24,
    ("PowerPerp", "liquidate"): 14,
    ("PowerPerp", "buyBadDebt"): 6,
    ("PowerPerp", "setMarkFeed"): 4,
    ("VarianceSwap", "offer"): 24,
    ("VarianceSwap", "take"): 14,
    ("VarianceSwap", "cancel"): 3,
    ("VarianceSwap", "sample"): 24,
    ("VarianceSwap", "settle"): 14,
}


# --------------------------------------------------------------------- squared perpetual


def _debts(calls: Calls, target: Instance) -> dict[Address, tuple[int, int]]:
    """Collateral and debt of those who owe."""
    found = {user: calls.system.ask(target, "positionOf", user) for user in calls.system.users}
    return {user: position for user, position in found.items() if position and position[1]}


@maker("PowerPerp", "adjust")
def _adjust(calls: Calls, target: Instance) -> Arguments:
    """Mint to the edge, repay, or move collateral."""
    rng, system, owner = calls.rng, calls.system, calls.user()
    index = max(1, system.ask(target, "indexOf") or 400 * WAD)
    collateral, debt = system.ask(target, "positionOf", owner) or (0, 0)
    if debt and rng.random() < 0.5:
        repaid = min(debt, calls.balance(target.address, owner))
        deltas = [(0, -calls.part(repaid)), (-calls.part(collateral), -repaid), (calls.part(100 * WAD), 0)]
        return owner, tuple(clamped(delta) for delta in rng.choice(deltas))
    more = min(dollars(calls, owner), rng.choice((_LEAST, 3 * _LEAST, 5 * _LEAST, _LEAST // 2)))
    ratio = rng.choice((1.5, 1.5, 1.51, 2, 1.49))
    tokens = max(0, round((collateral + more) / ratio) * WAD // index - debt)
    return owner, (clamped(more), clamped(tokens))


@maker("PowerPerp", "liquidate")
def _liquidate(calls: Calls, target: Instance) -> Arguments:
    """By somebody who has tokens."""
    system, rng = calls.system, calls.rng
    due = [u for u in _debts(calls, target) if system.ask(target, "previewLiquidation", u, LARGEST)]
    holders = [u for u in system.users if calls.balance(target.address, u)]
    sender = rng.choice(holders or system.users)
    most = (
        calls.part(calls.balance(target.address, sender))
        if rng.random() < 0.3
        else calls.balance(target.address, sender)
    )
    return sender, (rng.choice(due or list(_debts(calls, target)) or system.users), most)


@maker("PowerPerp", "buyBadDebt")
def _buy_bad_debt(calls: Calls, target: Instance) -> Arguments:
    holders = [user for user in calls.system.users if calls.balance(target.address, user)]
    sender = calls.rng.choice(holders or calls.system.users)
    bad = calls.system.ask(target, "badDebt") or WAD
    return sender, (calls.part(min(bad, calls.balance(target.address, sender))),)


@maker("PowerPerp", "accrue")
def _accrue(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("PowerPerp", "donate")
def _donate_power(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.part(20 * WAD),)


@maker("PowerPerp", "setRules")
def _set_power_rules(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, POWER_RULES)


@maker("PowerPerp", "setMarkFeed")
def _set_mark(calls: Calls, target: Instance) -> Arguments:
    """None, or a price far above or below the index."""
    feeds = (ZERO_ADDRESS, calls.system.push["ETH"], calls.system.push["LINK"])
    return calls.owner(target), (calls.rng.choice(feeds),)


@viewer("PowerPerp", "previewLiquidation")
def _preview_liquidation(calls: Calls, target: Instance) -> tuple[Any, ...]:
    owners = list(_debts(calls, target)) or calls.system.users
    return calls.rng.choice(owners), calls.rng.choice((LARGEST, WAD, 0))


@viewer("PowerPerp", "positionOf ratioOf")
def _of_debtor(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (calls.rng.choice(list(_debts(calls, target)) or calls.system.users),)


# ------------------------------------------------------------------------ variance swaps


def swaps_of(calls: Calls, of_state: str = "any", target: Instance | None = None) -> list[int]:
    """The newest swaps that are not settled: any, `open` to be taken, `whole` on both sides, `sampled` to the end."""
    system = calls.system
    target = target or system.of_kind("VarianceSwap", main=True)[0]
    count = system.ask(target, "count") or 0
    found = {n: system.ask(target, "swapOf", n) for n in range(max(1, count - 20), count + 1)}
    states = {n: _state_of(swap, system.time) for n, swap in found.items() if swap}
    return [n for n, state in states.items() if of_state in ("any", state)]


def _state_of(swap: tuple[Any, ...], now: int) -> str:
    long, short, start, _, samples, *_, sampled, _, _ = swap
    if ZERO_ADDRESS in (Address(long), Address(short)):
        return "open" if start > now else "late"
    return "sampled" if sampled == samples else "whole"


def settled_swaps(calls: Calls) -> list[int]:
    target = calls.system.of_kind("VarianceSwap", main=True)[0]
    count = calls.system.ask(target, "count") or 0
    return [n for n in range(max(1, count - 20), count + 1) if calls.system.ask(target, "isSettled", n)]


@maker("VarianceSwap", "offer")
def _offer(calls: Calls, target: Instance) -> Arguments:
    rng = calls.rng
    start = calls.system.time + rng.choices((12, 60, 300, 1_200, 0, 366 * 86_400), (4, 4, 4, 8, 1, 1))[0]
    strike = round(rng.uniform(0.1, 1.5) ** 2 * WAD) if rng.random() < 0.95 else rng.choice((10**12 - 1, 101 * WAD))
    notional = max(10**15, calls.part(300 * WAD))
    return calls.user(), (rng.choice((False, True)), start, rng.choice((1, 1, 2, 3)), strike, notional)


@maker("VarianceSwap", "take")
def _take_swap(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.rng.choice(swaps_of(calls, "open", target) or [1]),)


@maker("VarianceSwap", "cancel")
def _cancel(calls: Calls, target: Instance) -> Arguments:
    id = calls.rng.choice([*swaps_of(calls, "open", target), *swaps_of(calls, "late", target)] or [1])
    swap = calls.system.ask(target, "swapOf", id)
    makers = [Address(side) for side in swap[:2] if Address(side) in calls.system.keys] if swap else []
    return calls.rng.choice(makers or [calls.user()]), (id,)


@maker("VarianceSwap", "sample")
def _sample(calls: Calls, target: Instance) -> Arguments:
    """The next that is due, of one that was taken mostly."""
    system, interval = calls.system, calls.system.ask(target, "interval") or 60
    dues = {}
    for id in swaps_of(calls, "whole", target):
        _, _, start, _, _, _, _, sampled, last, _ = system.ask(target, "swapOf", id)
        dues[id] = start + (0 if not last else sampled + 1) * interval
    ripe = [id for id, due in dues.items() if due <= system.time]
    id = calls.rng.choice(ripe or swaps_of(calls, target=target) or [1])
    return calls.user(), (id, round_at(calls, eth_feed(calls), dues.get(id, system.time)))


@maker("VarianceSwap", "settle")
def _settle_swap(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (
        calls.rng.choice(swaps_of(calls, "sampled", target) or swaps_of(calls, target=target) or [1]),
    )


@viewer("VarianceSwap", "swapOf previewSettle realisedOf isSettled outcomeOf")
def _of_swap(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (calls.rng.choice([*swaps_of(calls), *settled_swaps(calls)] or [1]),)


@viewer("VarianceSwap", "previewAt")
def _preview_at(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_of_swap(calls, target), calls.part(WAD // 10))


@viewer("VarianceSwap", "collateralOf")
def _collateral_of(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return calls.part(WAD), calls.part(1_000 * WAD)
