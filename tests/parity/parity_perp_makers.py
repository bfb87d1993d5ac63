"""As parity_makers, for the contracts of a perpetual future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity_makers import INSIDE, LARGEST, Arguments, maker
from parity_perp_system import FEES, FUNDING, LIMITS, MARGIN, ORDERS
from parity_system import PRICES, Instance

from simulator.chain.types import Address
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

INSIDE |= {
    ("PerpMarket", "poolDeposit"): "PoolChanged",
    ("PerpMarket", "poolWithdraw"): "PoolChanged",
    ("PerpMarket", "fundDeposit"): "FundCredited",
    ("PerpMarket", "fundWithdraw"): "FundPaid",
    ("PerpMarket", "deleverage"): "Deleveraged",
    ("PerpMarket", "chargePool"): "LossSocialised",
    ("Backstop", "credit"): "FundCredited",
    ("Backstop", "absorb"): "LossAbsorbed",
}

WEIGHTS = {
    ("PerpMarket", "trade"): 60,
    ("PerpMarket", "liquidate"): 25,
    ("PerpMarket", "deposit"): 8,
    ("PerpMarket", "submitOrder"): 10,
    ("PerpMarket", "executeOrder"): 12,
    ("PerpMarket", "settlePool"): 12,
    ("PerpPool", "deposit"): 5,
    ("PerpPool", "requestRedeem"): 6,
    ("PerpPool", "redeem"): 6,
    ("PerpPool", "withdraw"): 6,
    ("Backstop", "deleverage"): 15,
    ("Backstop", "socialise"): 14,
    ("PerpMarket", "setSatellites"): 4,
    ("PerpMarket", "setPause"): 1,
} | {pair: 1 for pair in INSIDE if pair[0] in ("PerpMarket", "Backstop")}


def _dollars(calls: Calls, holder: Address) -> int:
    return calls.balance(calls.system.cdp.dollar.address, holder)


def _positions(calls: Calls, market: Instance) -> dict[Address, int]:
    """Size by user, of those who have one."""
    found = {user: calls.system.ask(market, "positionOf", user) for user in calls.system.users}
    return {user: position[0] for user, position in found.items() if position and position[0]}


# ----------------------------------------------------------------------------- market


@maker("PerpMarket", "deposit")
def _deposit(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.user(), calls.part(min(_dollars(calls, sender), 5_000 * WAD)))


@maker("PerpMarket", "withdraw")
def _withdraw(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(calls.system.ask(target, "withdrawable", sender)), calls.user())


def _some_trade(calls: Calls, target: Instance, trader: Address) -> tuple[int, int]:
    """A size and a limit: to the edge of what the margin bears, out of the position, or anything."""
    system, rng = calls.system, calls.rng
    size = (system.ask(target, "positionOf", trader) or (0,))[0]
    price = system.ask(target, "indexPrice") or round(PRICES["ETH"] * WAD)
    equity = max(0, system.ask(target, "exitEquityOf", trader) or 0)
    room = max(0, equity * 20 * WAD // price - abs(size))
    sign = (1 if size > 0 else -1) if size else rng.choice((-1, 1))
    delta = rng.choice(
        (sign * room, sign * calls.part(room), -size, -size // 3, rng.choice((-1, 1)) * calls.part(room))
    )
    delta = max(-(2**255), min(2**255 - 1, delta or sign * WAD))
    near = rng.random() < 0.1
    return delta, calls.around(price) if near else (LARGEST if delta > 0 else 0)


@maker("PerpMarket", "trade")
def _trade(calls: Calls, target: Instance) -> Arguments:
    trader = calls.user()
    return trader, _some_trade(calls, target, trader)


@maker("PerpMarket", "submitOrder")
def _submit(calls: Calls, target: Instance) -> Arguments:
    return _trade(calls, target)


def _with_order(calls: Calls, target: Instance, *, expired: bool) -> Arguments:
    orders = {u: calls.system.ask(target, "orderOf", u) or (0,) for u in calls.system.users}
    waiting = [u for u, order in orders.items() if order[0] and (order[4] < calls.system.time) is expired]
    return calls.user(), (calls.rng.choice(waiting or calls.system.users),)


@maker("PerpMarket", "executeOrder")
def _execute(calls: Calls, target: Instance) -> Arguments:
    return _with_order(calls, target, expired=False)


@maker("PerpMarket", "cancelOrder")
def _cancel_order(calls: Calls, target: Instance) -> Arguments:
    return _with_order(calls, target, expired=True)


@maker("PerpMarket", "liquidate")
def _liquidate(calls: Calls, target: Instance) -> Arguments:
    owners = list(_positions(calls, target)) or calls.system.users
    due = [u for u in owners if calls.system.ask(target, "previewLiquidation", u) is not None]
    return calls.user(), (calls.rng.choice(due or owners),)


@maker("PerpMarket", "accrueFunding")
def _accrue(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("PerpMarket", "settlePool")
def _settle_pool(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("PerpMarket", "poolDeposit")
def _pool_deposit(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


@maker("PerpMarket", "poolWithdraw")
def _pool_withdraw(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


@maker("PerpMarket", "fundDeposit")
def _fund_deposit(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


@maker("PerpMarket", "fundWithdraw")
def _fund_withdraw(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


@maker("PerpMarket", "deleverage")
def _deleverage_inside(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD, WAD)


@maker("PerpMarket", "chargePool")
def _charge_pool(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (WAD,)


# ------------------------------------------------------------------- market's governance


def spoilt(calls: Calls, target: Instance, values: tuple[Any, ...]) -> Arguments:
    """The parameters that it began with; one of them is another now and then."""
    terms = list(values)
    if calls.rng.random() < 0.3:
        which = calls.rng.randrange(len(terms))
        terms[which] = calls.around(terms[which])
    return calls.owner(target), (tuple(terms),)


@maker("PerpMarket", "setMargin")
def _set_margin(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, MARGIN)


@maker("PerpMarket", "setFees")
def _set_fees(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, FEES)


@maker("PerpMarket", "setLimits")
def _set_limits(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, LIMITS)


@maker("PerpMarket", "setOrders")
def _set_orders(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, ORDERS)


@maker("PerpMarket", "setFunding")
def _set_funding(calls: Calls, target: Instance) -> Arguments:
    """Either mode; the mode itself is never spoilt, as no encoder takes an enumeration's outside."""
    owner, ((_, *rest),) = spoilt(calls, target, FUNDING)
    return owner, ((calls.rng.choice((0, 1)), *rest),)


@maker("PerpMarket", "setPause")
def _set_pause(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), tuple(calls.rng.random() < 0.1 for _ in range(3))


@maker("PerpMarket", "setFeed")
def _set_feed(calls: Calls, target: Instance) -> Arguments:
    good = calls.system.genesis.feeds["ETH"].oracle.push.address  # type: ignore[attr-defined]
    return calls.owner(target), (good if calls.rng.random() < 0.9 else calls.any_address(),)


@maker("PerpMarket", "setSatellites")
def _set_satellites(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.user())


# ------------------------------------------------------------------------------- pool


@maker("PerpPool", "deposit")
def _enter(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(min(_dollars(calls, sender), 5_000 * WAD)), calls.user())


@maker("PerpPool", "mint")
def _mint_shares(calls: Calls, target: Instance) -> Arguments:
    return _enter(calls, target)


def leaving(calls: Calls, target: Instance, most: str) -> Arguments:
    system, users = calls.system, calls.system.users
    able = [u for u in users if system.ask(target, most, u)]
    owner = calls.rng.choice(able or users)
    return owner, (calls.part(system.ask(target, most, owner)), calls.user(), owner)


@maker("PerpPool", "redeem")
def _redeem(calls: Calls, target: Instance) -> Arguments:
    return leaving(calls, target, "maxRedeem")


@maker("PerpPool", "withdraw")
def _withdraw_assets(calls: Calls, target: Instance) -> Arguments:
    return leaving(calls, target, "maxWithdraw")


@maker("PerpPool", "requestRedeem")
def _request_redeem(calls: Calls, target: Instance) -> Arguments:
    holders = [u for u in calls.system.users if calls.balance(target.address, u)]
    owner = calls.rng.choice(holders or calls.system.users)
    return owner, (calls.part(calls.balance(target.address, owner)),)


@maker("PerpPool", "cancelRedeem")
def _cancel_redeem(calls: Calls, target: Instance) -> Arguments:
    queued = [u for u in calls.system.users if (calls.system.ask(target, "requestOf", u) or (0,))[0]]
    return calls.rng.choice(queued or calls.system.users), ()


@maker("PerpPool", "setDelay")
def _set_delay(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((60, 60, 0, 2_592_001)), calls.rng.choice((600, 600, 0)))


# --------------------------------------------------------------------------- backstop


@maker("Backstop", "donate")
def _donate(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(min(_dollars(calls, sender), 500 * WAD)),)


@maker("Backstop", "withdrawFund")
def _withdraw_fund(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.part(calls.system.ask(target, "fund")))


@maker("Backstop", "credit")
def _credit(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (WAD,)


@maker("Backstop", "absorb")
def _absorb(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (WAD, WAD)


@maker("Backstop", "deleverage")
def _deleverage(calls: Calls, target: Instance) -> Arguments:
    """Winners of the other side, in order mostly."""
    system, rng = calls.system, calls.rng
    market = system.of_kind("PerpMarket", main=True)[0]
    long = bool((system.ask(target, "bankruptcy", True) or (0, 0))[1])
    scores = {
        user: system.ask(target, "scoreOf", user) or 0
        for user, size in _positions(calls, market).items()
        if (size > 0) != long
    }
    chosen = sorted((u for u in scores if scores[u]), key=lambda u: -scores[u])[: rng.choice((1, 3))]
    if rng.random() < 0.1:
        chosen = [*reversed(chosen), calls.user()]
    return calls.user(), (long, chosen)


@maker("Backstop", "socialise")
def _socialise(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("Backstop", "setRule")
def _set_rule(calls: Calls, target: Instance) -> Arguments:
    trigger = calls.rng.choice((100 * WAD, 100 * WAD, 0, 10**36 + 1))
    return calls.owner(target), (calls.rng.choice((0, 1)), trigger, calls.rng.choice((0, 10 * WAD)), 120)
