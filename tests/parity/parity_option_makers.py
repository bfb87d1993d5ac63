"""As parity_makers, for a market of options: its surface, its settlement prices and its kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity_makers import INSIDE, LARGEST, Arguments, maker, viewer
from parity_option_system import (
    BARRIER,
    CALL,
    EXPIRY_RULES,
    LIMITS,
    MARGIN,
    PUT,
    QUOTES,
    SURFACE_RULES,
    flat_slices,
)
from parity_perp_makers import spoilt
from parity_system import PRICES, Instance

from simulator.chain.types import Address
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

_CUTOFF = LIMITS[2]

INSIDE |= {
    ("OptionMarket", "poolDeposit"): ("PerpPool", "deposit"),
    ("OptionMarket", "poolWithdraw"): ("PerpPool", "withdraw"),
}

WEIGHTS = {
    ("VolSurface", "report"): 26,
    ("OptionMarket", "list"): 30,
    ("OptionMarket", "trade"): 100,
    ("OptionMarket", "adjust"): 10,
    ("OptionMarket", "liquidate"): 20,
    ("OptionMarket", "settle"): 40,
    ("OptionMarket", "freeze"): 24,
    ("OptionMarket", "buyBase"): 5,
    ("OptionMarket", "withdrawBase"): 3,
    ("OptionMarket", "setPause"): 1,
    ("OptionMarket", "setPool"): 8,
    ("OptionMarket", "setGuarantor"): 1,
    ("ExpiryPrice", "lock"): 18,
    ("ExpiryPrice", "lockByOwner"): 8,
    ("DownAndOutPut", "watch"): 10,
    ("DownAndOutPut", "knockOut"): 10,
} | {pair: 1 for pair in INSIDE if pair[0] == "OptionMarket"}


# ------------------------------------------------------------------------- what there is


def market_of(calls: Calls) -> Instance:
    """The system's own market."""
    return calls.system.of_kind("OptionMarket", main=True)[0]


def clamped(value: int) -> int:
    """Within the signed numbers."""
    return max(-(2**255), min(2**255 - 1, value))


def expiry_of(id: int) -> int:
    """[unix s]"""
    return id >> 136


def series_of(calls: Calls, market: Instance, *, alive: bool | None = None, plain: bool = False) -> list[int]:
    """The series of a market: those that live or those that do not, and calls and puts alone."""
    ids: list[int] = calls.system.ask(market, "series") or []
    last = calls.system.time + _CUTOFF
    found = [i for i in ids if alive is None or (expiry_of(i) >= last) is alive]
    return [i for i in found if not plain or i & 255 <= PUT]


def some_series(calls: Calls, market: Instance, **which: bool) -> int:
    """One of them, or one that nobody listed."""
    return calls.rng.choice(series_of(calls, market, **which) or [made_id(calls)])


def made_id(calls: Calls) -> int:
    """A series by chance."""
    rng = calls.rng
    expiry = calls.system.time + rng.choice((-600, 60, 1_800, 20_000))
    return (
        max(0, expiry) << 136 | round(PRICES["ETH"] * rng.choice((0.9, 1, 1.1))) * WAD << 8 | rng.choice((0, 1, 2, 7))
    )


def positions_of(calls: Calls, market: Instance, id: int) -> dict[Address, tuple[int, int, int]]:
    """Size, collateral and base by user, of those who have any."""
    found = {user: calls.system.ask(market, "positionOf", user, id) for user in calls.system.users}
    return {user: position for user, position in found.items() if position and position[0]}


def _open_series(calls: Calls, market: Instance, place: int) -> list[int]:
    """Series in which somebody is long (2) or short (3), or that are frozen (1)."""
    facts = {i: calls.system.ask(market, "seriesOf", i) for i in series_of(calls, market)}
    return [i for i, fact in facts.items() if fact and fact[place]]


def round_at(calls: Calls, feed: Instance, time: int) -> int:
    """The last round of a feed at or before a time, mostly."""
    system = calls.system
    low, high = 0, (system.ask(feed, "latestRoundData") or (0,))[0]
    while low < high:
        middle = (low + high + 1) // 2
        data = system.ask(feed, "getRoundData", middle)
        if data is None or data[3] <= time:
            low = middle
        else:
            high = middle - 1
    return low if calls.rng.random() < 0.93 else max(0, low + calls.rng.choice((-1, 1)))


def eth_feed(calls: Calls) -> Instance:
    """The feed whose rounds settle."""
    feeds = calls.system.of_kind("PushFeed", main=True)
    return next(feed for feed in feeds if feed.address == calls.system.push["ETH"])


def spot_of(calls: Calls) -> int:
    """[wad]"""
    price = calls.system.ask(eth_feed(calls), "price")
    return price[0] if price and price[0] < 10**26 else round(PRICES["ETH"] * WAD)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------ surface


def _smile(calls: Calls) -> list[tuple[int, ...]]:
    """A flat surface or one that leans, at three times; now and then one that cannot be."""
    rng = calls.rng
    level = min(10.0, rng.lognormvariate(-0.4, 0.2 if rng.random() < 0.9 else 1))
    slices = flat_slices(level)
    if rng.random() < 0.5:
        lean = []
        for a, _, _, m, _, time in slices:
            root = round((a * WAD) ** 0.5)
            lean.append((6 * a // 10, 4 * root // 10, -3 * WAD // 10, m, root, time))
        slices = lean
    if rng.random() < 0.12:
        slices = rng.choice(([], slices[::-1], slices * 5, [(*slices[0][:1], 2 * WAD, *slices[0][2:])], slices[:1]))
    if rng.random() < 0.05:
        worn = list(slices[-1]) if slices else [0] * 6
        place = rng.randrange(6)
        worn[place] = max(0, min(2**63 - 1, calls.around(abs(worn[place]))))
        slices = [*slices[:-1], tuple(worn)]
    return slices


@maker("VolSurface", "report")
def _report_surface(calls: Calls, target: Instance) -> Arguments:
    reporter = calls.system.reporters["ETH"] if target.main else calls.owner(target)
    rates = [round(calls.rng.uniform(-0.05, 0.1) * WAD) for _ in range(2)]
    if calls.rng.random() < 0.03:
        rates[0] = WAD
    return reporter, (_smile(calls), *rates)


@maker("VolSurface", "setReporter")
def _set_surface_reporter(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.rng.choice((0, 1)))


@maker("VolSurface", "setRules")
def _set_surface_rules(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, SURFACE_RULES)


@maker("VolSurface", "setSpotFeed")
def _set_spot(calls: Calls, target: Instance) -> Arguments:
    good = calls.system.push["ETH"]
    return calls.owner(target), (good if calls.rng.random() < 0.9 else calls.any_address(),)


@viewer("VolSurface", "greeksOf volatilityOf")
def _of_strike(calls: Calls, target: Instance) -> tuple[Any, ...]:
    id = some_series(calls, market_of(calls))
    return (id >> 8) % 2**128, expiry_of(id)


@viewer("VolSurface", "pricesOf termsOf")
def _at_factor(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_of_strike(calls, target), calls.rng.choice((WAD, 0, WAD // 2, 3 * WAD // 2, calls.any_number())))


def book_of(calls: Calls) -> tuple[list[int], list[int]]:
    """Some series in their order, with sizes."""
    rng, ids = calls.rng, series_of(calls, market_of(calls), alive=True, plain=True)
    if rng.random() < 0.1:
        ids = series_of(calls, market_of(calls))
    chosen = sorted(rng.sample(ids, min(len(ids), rng.randint(0, 6))))
    return chosen, [rng.choice((1, -1)) * min(calls.part(3 * WAD), 2**254) for _ in chosen]


def some_shocks(calls: Calls) -> list[tuple[int, int]]:
    """Of spot and volatility; spot may go to nothing, and then beyond."""
    rng = calls.rng
    shocks = [
        (round(rng.uniform(-0.6, 0.6) * WAD), round(rng.uniform(-0.5, 1) * WAD)) for _ in range(rng.randint(0, 3))
    ]
    if rng.random() < 0.1:
        shocks.append((rng.choice((-WAD, -WAD - 1, 1 - WAD, 10**30)), rng.choice((-2 * WAD, 10**30))))
    return shocks


@viewer("VolSurface OptionInstrument", "shockedValues")
def _shocked(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*book_of(calls), some_shocks(calls))


# -------------------------------------------------------------------- settlement prices


def _due(calls: Calls, target: Instance) -> list[int]:
    """Expiries of the market that are over and have no price yet."""
    past = {expiry_of(i) for i in series_of(calls, market_of(calls)) if expiry_of(i) <= calls.system.time}
    return [e for e in sorted(past) if not calls.system.ask(target, "isLocked", e)]


def _some_due(calls: Calls, target: Instance) -> int:
    others = [expiry_of(made_id(calls))]
    return calls.rng.choice(_due(calls, target) or others)


@maker("ExpiryPrice", "lock")
def _lock(calls: Calls, target: Instance) -> Arguments:
    expiry = _some_due(calls, target)
    return calls.user(), (expiry, round_at(calls, eth_feed(calls), expiry))


@maker("ExpiryPrice", "lockByOwner")
def _lock_by_owner(calls: Calls, target: Instance) -> Arguments:
    """What no rule has settled, and what one has."""
    feed, system = eth_feed(calls), calls.system
    rounds = {e: round_at(calls, feed, e) for e in _due(calls, target)}
    stalled = [e for e in rounds if system.ask(target, "previewLock", e, rounds[e]) is None]
    expiry = calls.rng.choice(stalled or list(rounds) or [_some_due(calls, target)])
    number = rounds.get(expiry, 1)
    last = (system.ask(feed, "getRoundData", number) or (0, 0))[1] * 10**10
    price = calls.rng.choice((last, last * 2 // 3, last // 2, last // 2 - 1, last * 3 // 2))
    return calls.owner(target), (expiry, number, max(0, price))


@maker("ExpiryPrice", "setRules")
def _set_expiry_rules(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, EXPIRY_RULES)


@viewer("ExpiryPrice", "isLocked priceAt")
def _of_expiry(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (expiry_of(some_series(calls, market_of(calls))),)


@viewer("ExpiryPrice", "previewLock")
def _preview_lock(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _lock(calls, target)[1]


# ------------------------------------------------------------------------ market's money


@maker("OptionMarket", "deposit")
def _deposit(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.user(), calls.part(min(dollars(calls, sender), 1_000 * WAD)))


def dollars(calls: Calls, holder: Address) -> int:
    """[Dollar wad]"""
    return calls.balance(calls.system.cdp.dollar.address, holder)


@maker("OptionMarket", "withdraw")
def _withdraw(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    cash = max(0, calls.system.ask(target, "cashOf", sender) or 0)
    return sender, (calls.part(cash) // calls.rng.choice((1, 10)), calls.user())


@maker("OptionMarket", "withdrawBase")
def _withdraw_base(calls: Calls, target: Instance) -> Arguments:
    owners = [user for user in calls.system.users if calls.system.ask(target, "baseOf", user)]
    return calls.rng.choice(owners or calls.system.users), (calls.user(),)


@maker("OptionMarket", "donate")
def _donate(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(min(dollars(calls, sender), 50 * WAD)),)


@maker("OptionMarket", "withdrawFund")
def _withdraw_fund(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.part(calls.system.ask(target, "fund")))


@maker("OptionMarket", "buyBase")
def _buy_base(calls: Calls, target: Instance) -> Arguments:
    held = calls.system.ask(target, "poolBase") or calls.part(WAD)
    return calls.user(), (calls.part(held), calls.rng.choice((LARGEST, LARGEST, spot_of(calls), 0)))


@maker("OptionMarket", "poolDeposit")
def _pool_deposit(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


@maker("OptionMarket", "poolWithdraw")
def _pool_withdraw(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD)


# ----------------------------------------------------------------------- market's trades


@maker("OptionMarket", "trade")
def _trade(calls: Calls, target: Instance) -> Arguments:
    rng, system, trader = calls.rng, calls.system, calls.user()
    id = some_series(calls, target, alive=rng.random() < 0.97)
    size = (system.ask(target, "positionOf", trader, id) or (0,))[0]
    cash = max(0, system.ask(target, "cashOf", trader) or 0)
    some = max(WAD // 100, calls.part(min(3 * WAD, cash // 300)))
    how = rng.choice(("buy", "buy", "write", "write", "cover", "close", "turn"))
    if size and how in ("close", "turn"):
        delta = -size if how == "close" else rng.choice((-2 * size, -size // 2))
    else:
        delta = some if how == "buy" else -some
    base = some if how == "cover" and id & 255 == CALL else 0
    collateral = _collateral(calls, target, trader, id, clamped(delta), clamped(base)) if delta < 0 else 0
    limit = LARGEST if delta > 0 else 0
    if rng.random() < 0.06:
        limit = calls.around(system.ask(target, "markOf", id) or WAD)
    return trader, (id, clamped(delta), limit, collateral, clamped(base))


def _collateral(calls: Calls, target: Instance, trader: Address, id: int, delta: int, base: int) -> int:
    """What a writer posts: as much as it takes, a little more or less, or plenty."""
    told = calls.system.ask(target, "previewTrade", trader, id, delta, base)
    required = told[2] if told else 400 * WAD
    held = (calls.system.ask(target, "positionOf", trader, id) or (0, 0))[1]
    missing = max(0, required - held)
    near = calls.rng.choice((missing, missing, missing + 1, missing - 1, 2 * missing, calls.part(missing)))
    return clamped(near)


@maker("OptionMarket", "adjust")
def _adjust(calls: Calls, target: Instance) -> Arguments:
    rng = calls.rng
    id, owner, (size, collateral, base) = _short_of(calls, target)
    deltas = [
        (calls.part(100 * WAD), 0),
        (-calls.part(collateral), 0),
        (0, calls.part(-size) if id & 255 == CALL else 0),
        (0, -calls.part(base)),
    ]
    return owner, (id, *(clamped(delta) for delta in rng.choice(deltas)))


def _short_of(calls: Calls, target: Instance) -> tuple[int, Address, tuple[int, int, int]]:
    """A series, somebody who wrote it, and his position."""
    shorts = _open_series(calls, target, 3)
    id = calls.rng.choice(shorts) if shorts else some_series(calls, target)
    found = {u: p for u, p in positions_of(calls, target, id).items() if p[0] < 0}
    owner = calls.rng.choice(list(found) or calls.system.users)
    return id, owner, found.get(owner, (0, 0, 0))


@maker("OptionMarket", "liquidate")
def _liquidate(calls: Calls, target: Instance) -> Arguments:
    """Somebody whose collateral is too small, if there is anybody."""
    system, rng = calls.system, calls.rng
    shorts = _open_series(calls, target, 3)
    for id in rng.sample(shorts, min(5, len(shorts))):
        due = [u for u in positions_of(calls, target, id) if system.ask(target, "previewLiquidation", u, id)]
        if due:
            return calls.user(), (rng.choice(due), id)
    id, owner, _ = _short_of(calls, target)
    return calls.user(), (owner, id)


@maker("OptionMarket", "list")
def _list(calls: Calls, target: Instance) -> Arguments:
    """Near expiries on a grid, so that series share them, around the price."""
    rng, system = calls.rng, calls.system
    lives = rng.choice((1_800, 3_600, 14_400, 86_400, 200_000))
    expiry = -(-(system.time + lives) // 1_800) * 1_800
    strike = round(spot_of(calls) / (50 * WAD) * rng.choice((0.85, 0.95, 1, 1, 1.05, 1.15))) * 50 * WAD
    if rng.random() < 0.1:
        strike = calls.around(spot_of(calls) * rng.choice((10, 1)) // rng.choice((10, 1)))
    kind = rng.choices((CALL, PUT, BARRIER, 3), (4, 4, 2, 0.3))[0]
    return calls.owner(target), (expiry, strike, kind)


@maker("OptionMarket", "delist")
def _delist(calls: Calls, target: Instance) -> Arguments:
    facts = {i: calls.system.ask(target, "seriesOf", i) for i in series_of(calls, target)}
    bare = [i for i, fact in facts.items() if fact and not fact[2] and not fact[3]]
    return calls.owner(target), (calls.rng.choice(bare or [some_series(calls, target)]),)


@maker("OptionMarket", "freeze")
def _freeze(calls: Calls, target: Instance) -> Arguments:
    system = calls.system
    over = sorted({expiry_of(i) for i in series_of(calls, target) if expiry_of(i) <= system.time})
    prices = system.of_kind("ExpiryPrice", main=True)[0]
    locked = [e for e in over if system.ask(prices, "isLocked", e)]
    return calls.user(), (calls.rng.choice(locked or over or [system.time]),)


@maker("OptionMarket", "settle")
def _settle(calls: Calls, target: Instance) -> Arguments:
    """Shorts first, mostly, as longs may have to wait for them."""
    rng = calls.rng
    frozen = _open_series(calls, target, 1)
    id = rng.choice(frozen) if frozen else some_series(calls, target)
    held = positions_of(calls, target, id)
    shorts = [u for u in held if held[u][0] < 0]
    chosen = shorts if shorts and rng.random() < 0.8 else list(held)
    return calls.user(), (rng.choice(chosen or calls.system.users), id)


# ------------------------------------------------------------------- market's governance


@maker("OptionMarket", "setPool")
def _set_pool(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(),)


@maker("OptionMarket", "setKind")
def _set_kind(calls: Calls, target: Instance) -> Arguments:
    """The put with a barrier under another number; others never, as a series of one spoils its expiry."""
    good = calls.system.of_kind("DownAndOutPut", main=True)[0].address
    return calls.owner(target), (calls.rng.choice((1, 2, 3, 255, calls.rng.randrange(3, 256))), good)


@maker("OptionMarket", "setLister")
def _set_lister(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.rng.choice((0, 1)))


@maker("OptionMarket", "setQuotes")
def _set_quotes(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, QUOTES)


@maker("OptionMarket", "setMargin")
def _set_margin(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, MARGIN)


@maker("OptionMarket", "setLimits")
def _set_limits(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, LIMITS)


@maker("OptionMarket", "setPause")
def _set_pause(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), tuple(calls.rng.random() < 0.1 for _ in range(2))


@maker("OptionMarket", "setGuarantor")
def _set_guarantor(calls: Calls, target: Instance) -> Arguments:
    """A user, with a little credit; the clearinghouse keeps its own."""
    return calls.owner(target), (calls.user(), calls.rng.random() < 0.3, calls.part(500 * WAD) % 2**128)


@viewer("OptionMarket", "inventoryOf markOf seriesOf")
def _of_series(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (some_series(calls, target),)


@viewer("OptionMarket", "unitMargin")
def _unit_margin(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return some_series(calls, target), calls.rng.choice((False, True))


@viewer("OptionMarket", "positionOf previewLiquidation")
def _of_short(calls: Calls, target: Instance) -> tuple[Any, ...]:
    id, owner, _ = _short_of(calls, target)
    return owner, id


@viewer("OptionMarket", "requiredOf")
def _required(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_of_short(calls, target), calls.rng.choice((False, True)))


@viewer("OptionMarket", "previewSettle")
def _preview_settle(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _settle(calls, target)[1]


@viewer("OptionMarket", "previewTrade")
def _preview_trade(calls: Calls, target: Instance) -> tuple[Any, ...]:
    trader, (id, delta, _, _, base) = _trade(calls, target)
    return trader, id, delta, base


# ------------------------------------------------------------------------------- barrier


def _with_barrier(calls: Calls, target: Instance, *, watched: bool) -> list[int]:
    ids = [i for i in series_of(calls, market_of(calls)) if i & 255 > PUT]
    return [i for i in ids if bool(calls.system.ask(target, "watchedSince", i)) is watched]


@maker("DownAndOutPut", "watch")
def _watch(calls: Calls, target: Instance) -> Arguments:
    fresh = _with_barrier(calls, target, watched=False)
    return calls.user(), (calls.rng.choice(fresh or [made_id(calls)]),)


@maker("DownAndOutPut", "knockOut")
def _knock_out(calls: Calls, target: Instance) -> Arguments:
    """By a round below the barrier since it is watched, where there is one."""
    system, feed = calls.system, eth_feed(calls)
    newest = (system.ask(feed, "latestRoundData") or (0,))[0]
    ids = _with_barrier(calls, target, watched=True)
    for id in calls.rng.sample(ids, min(4, len(ids))):
        barrier, since = system.ask(target, "barrierOf", id), system.ask(target, "watchedSince", id)
        for number in range(newest, max(0, newest - 12), -1):
            data = system.ask(feed, "getRoundData", number)
            if data and since <= data[3] <= expiry_of(id) and 0 < data[1] * 10**10 <= barrier:
                return calls.user(), (id, number)
    return calls.user(), (calls.rng.choice(ids or [made_id(calls)]), newest)


@viewer("DownAndOutPut", "barrierOf isCertain isOut mostPaid watchedSince")
def _of_barrier(calls: Calls, target: Instance) -> tuple[Any, ...]:
    ids = [i for i in series_of(calls, market_of(calls)) if i & 255 > PUT]
    return (calls.rng.choice(ids or [made_id(calls)]),)


@viewer("DownAndOutPut", "payoff")
def _payoff(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_of_barrier(calls, target), calls.around(spot_of(calls)))


@viewer("DownAndOutPut", "value")
def _value(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_of_barrier(calls, target), some_terms(calls))


# --------------------------------------------------------------------------- mathematics


def some_terms(calls: Calls) -> tuple[int, ...]:
    """Spot, strike, volatility, time, rate and carry: mostly as in a market, at times at the ends of what is taken."""
    rng = calls.rng
    spot = round(2_000 * rng.lognormvariate(0, 0.5)) * WAD
    terms = [spot, round(spot * rng.lognormvariate(0, 0.3)), round(rng.uniform(0.05, 3) * WAD)]
    terms += [rng.choice((1, 60, 86_400, 2_592_000, 31_536_000)), *(round(rng.uniform(-0.1, 0.1) * WAD) for _ in "rc")]
    if rng.random() < 0.2:
        place = rng.randrange(6)
        terms[place] = rng.choice((0, 1, 10**36, 10**36 + 1, 100 * WAD, 10 * 31_536_000, 3 * WAD))
    return tuple(terms)


@viewer("OptionMath", "prices greeks")
def _terms(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (some_terms(calls),)


@viewer("OptionMath", "normal")
def _normal(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (calls.rng.choice((round(calls.rng.gauss(0, 3) * WAD), 0, 40 * WAD, -40 * WAD, 2**255 - 1, -(2**255))),)


@viewer("OptionMath", "density")
def _density(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (_smile(calls) or flat_slices(1.0))[0], round(calls.rng.gauss(0, 1) * WAD)


@viewer("OptionMath", "variance")
def _variance(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (
        _smile(calls) or flat_slices(1.0),
        calls.rng.choice((0, 60, 86_400, 10**7)),
        round(calls.rng.gauss(0, 1) * WAD),
    )
