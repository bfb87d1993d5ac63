"""As parity_makers, for a clearinghouse with its models of risk and its instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity_makers import INSIDE, LARGEST, Arguments, maker, viewer
from parity_option_makers import book_of, clamped, dollars, expiry_of, series_of, some_shocks, spot_of
from parity_option_system import ADD_ONS, AUCTION, BASE_LIMIT, POWER_SCALE, QUIT_DELAY, SHOCKS
from parity_perp_makers import spoilt
from parity_power_makers import settled_swaps, swaps_of
from parity_system import Instance

from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

INSTRUMENTS = "OptionInstrument PerpInstrument PowerInstrument SwapInstrument"
_MODELS = ("PortfolioRisk", "StandardRisk")

# Only a clearinghouse may call these; what it does through them names the instrument.
INSIDE |= {(kind, "onTrade"): f"Traded:{kind}" for kind in INSTRUMENTS.split()}
INSIDE |= {(kind, "settle"): f"Settled:{kind}" for kind in ("OptionInstrument", "SwapInstrument")}
INSIDE |= {("OptionInstrument", "takeMissing"): "Settled:OptionInstrument"}

WEIGHTS = {
    ("Clearinghouse", "open"): 3,
    ("Clearinghouse", "deposit"): 14,
    ("Clearinghouse", "withdraw"): 12,
    ("Clearinghouse", "depositAsset"): 5,
    ("Clearinghouse", "withdrawAsset"): 4,
    ("Clearinghouse", "trade"): 110,
    ("Clearinghouse", "settle"): 30,
    ("Clearinghouse", "startAuction"): 20,
    ("Clearinghouse", "endAuction"): 16,
    ("Clearinghouse", "take"): 14,
    ("Clearinghouse", "join"): 4,
    ("Clearinghouse", "announceQuit"): 5,
    ("Clearinghouse", "quit"): 8,
    ("Clearinghouse", "setInstrument"): 1,
    ("Clearinghouse", "setRiskModel"): 1,
    ("Clearinghouse", "setPause"): 1,
    ("OptionInstrument", "close"): 5,
    ("PerpInstrument", "rebalance"): 6,
    ("PowerInstrument", "rebalance"): 6,
} | {pair: 1 for pair in INSIDE if pair[0] in INSTRUMENTS.split()}


# ------------------------------------------------------------------------------ accounts


def _accounts(calls: Calls, house: Instance) -> dict[int, tuple[Any, ...]]:
    """The newest accounts: owner, whether isolated, model, cash, principal, when its auction began."""
    count = calls.system.ask(house, "count") or 0
    return {n: calls.system.ask(house, "accountOf", n) for n in range(max(1, count - 25), count + 1)}


def _account(calls: Calls, house: Instance) -> tuple[int, Address]:
    """An account and its owner."""
    known = _accounts(calls, house)
    if not known:
        return calls.rng.choice((0, 1)), calls.user()
    number = calls.rng.choice(list(known))
    return number, known[number][0]


def _room(calls: Calls, house: Instance, account: int) -> int:
    """[Dollar wad] of equity beyond initial margin."""
    told = calls.system.ask(house, "marginOf", account, True)
    return max(0, told[0] - told[1]) if told else 0


@maker("Clearinghouse", "open")
def _open(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.rng.random() < 0.2, _model(calls))


def _model(calls: Calls) -> Address:
    mains = calls.system.of_kind(*_MODELS, main=True)
    return calls.rng.choice(mains).address if calls.rng.random() < 0.95 else calls.any_address()


@maker("Clearinghouse", "setModel")
def _set_model(calls: Calls, target: Instance) -> Arguments:
    account, owner = _account(calls, target)
    return owner, (account, _model(calls))


@maker("Clearinghouse", "deposit")
def _deposit(calls: Calls, target: Instance) -> Arguments:
    """Mostly a little; where books are auctioned, at times what makes one of them well."""
    sender, ill = calls.user(), _in_auction(calls, target)
    if ill and calls.rng.random() < 0.5:
        number = calls.rng.choice(ill)
        equity, required = calls.system.ask(target, "marginOf", number, True) or (0, 0)
        wanted = max(0, required - equity) * calls.rng.choice((9, 11, 11, 20)) // 10
        return sender, (number, min(dollars(calls, sender), wanted))
    return sender, (_account(calls, target)[0], calls.part(min(dollars(calls, sender), 600 * WAD)))


@maker("Clearinghouse", "withdraw")
def _withdraw(calls: Calls, target: Instance) -> Arguments:
    account, owner = _account(calls, target)
    return owner, (account, calls.part(_room(calls, target, account)), calls.user())


def _asset(calls: Calls, target: Instance) -> tuple[int, Address, int]:
    """Number, token and smallest amount [wad] of one that counts as collateral, or of none."""
    assets = calls.system.ask(target, "assetsOf") or ()
    if not assets or calls.rng.random() < 0.03:
        return len(assets), calls.system.genesis.tokens["ETH"].address, 1
    number = calls.rng.randrange(len(assets))
    return number, Address(assets[number][0]), assets[number][1]


@maker("Clearinghouse", "depositAsset")
def _deposit_asset(calls: Calls, target: Instance) -> Arguments:
    sender, (number, token, unit) = calls.user(), _asset(calls, target)
    most = min(calls.balance(token, sender) * unit, WAD)
    return sender, (
        _account(calls, target)[0],
        number,
        calls.part(most) if calls.rng.random() < 0.95 else 2 * BASE_LIMIT,
    )


@maker("Clearinghouse", "withdrawAsset")
def _withdraw_asset(calls: Calls, target: Instance) -> Arguments:
    system, assets = calls.system, calls.system.ask(target, "assetsOf") or ()
    pairs = [
        (n, a) for n in _accounts(calls, target) for a in range(len(assets)) if system.ask(target, "amountOf", n, a)
    ]
    account, asset = calls.rng.choice(pairs or [(1, 0)])
    known = _accounts(calls, target).get(account)
    owner = known[0] if known else calls.user()
    return owner, (account, asset, calls.part(system.ask(target, "amountOf", account, asset)), calls.user())


# --------------------------------------------------------------------------------- trade


@maker("Clearinghouse", "trade")
def _trade(calls: Calls, target: Instance) -> Arguments:
    """To the edge of the margin, out of a leg, or a little of anything."""
    rng = calls.rng
    account, owner = _account(calls, target)
    kind = rng.choices(INSTRUMENTS.split(), (5, 3, 2, 2))[0]
    instrument = calls.system.of_kind(kind, main=True)[0].address
    legs = [leg for leg in calls.system.ask(target, "legsOf", account) or () if Address(leg[0]) == instrument]
    if legs and kind != "SwapInstrument" and rng.random() < 0.2:
        _, id, size, _ = rng.choice(legs)
        delta = rng.choice((-size, -size // 2, -2 * size))
    else:
        id, delta = _some_leg(calls, kind, owner, _room(calls, target, account))
    limit = LARGEST if delta > 0 else 0
    return owner, (
        account,
        instrument,
        id,
        clamped(delta),
        calls.around(spot_of(calls)) if rng.random() < 0.05 else limit,
    )


def _some_leg(calls: Calls, kind: str, owner: Address, room: int) -> tuple[int, int]:
    """A series of an instrument and what to add of it."""
    rng, spot = calls.rng, spot_of(calls)
    if kind == "SwapInstrument":
        offers = swaps_of(calls, of_state="open")
        id = rng.choice(offers or [1])
        swap = calls.system.ask(calls.system.of_kind("VarianceSwap", main=True)[0], "swapOf", id)
        return id, WAD if swap and Address(swap[0]) == ZERO_ADDRESS else -WAD
    if kind == "PowerInstrument":
        index = max(1, spot * spot // POWER_SCALE)
        held = calls.balance(calls.system.options.power.address, owner)
        return 0, calls.part(held) if held and rng.random() < 0.6 else -(room * WAD // index)
    share = rng.choice((0.3, 1, 3, 3.6, 3.8, 3.8, 12))
    size = max(WAD // 100, round(room * share) * WAD // max(1, spot))
    if kind == "PerpInstrument":
        return 0, rng.choice((1, -1)) * size
    ids = series_of(calls, calls.system.of_kind("OptionMarket", main=True)[0], alive=True, plain=True)
    return rng.choice(ids or [0]), rng.choice((1, -1, -1)) * min(size, 5 * WAD)


@maker("Clearinghouse", "settle")
def _settle(calls: Calls, target: Instance) -> Arguments:
    """A leg that is over, where there is one."""
    legs = [(n, leg) for n in _accounts(calls, target) for leg in calls.system.ask(target, "legsOf", n) or ()]
    over = [(n, leg) for n, leg in legs if _is_over(calls, leg)]
    account, leg = calls.rng.choice(over or legs or [(1, (calls.any_address(), 0))])
    return calls.user(), (account, Address(leg[0]), leg[1])


def _is_over(calls: Calls, leg: tuple[Any, ...]) -> bool:
    """Whether an option's price is locked, or a swap is sampled to its end."""
    system = calls.system
    kinds = {i.address: i.kind for i in system.of_kind(*INSTRUMENTS.split())}
    kind = kinds.get(Address(leg[0]))
    if kind == "OptionInstrument":
        return bool(system.ask(system.options.expiries, "isLocked", expiry_of(leg[1])))
    return kind == "SwapInstrument" and leg[1] in (*swaps_of(calls, of_state="sampled"), *settled_swaps(calls))


# ------------------------------------------------------------------------------- auctions


@maker("Clearinghouse", "startAuction")
def _start_auction(calls: Calls, target: Instance) -> Arguments:
    due = []
    for number, known in _accounts(calls, target).items():
        told = calls.system.ask(target, "marginOf", number, False)
        if told and told[0] < told[1] and not known[5]:
            due.append(number)
    return calls.user(), (calls.rng.choice(due or [_account(calls, target)[0]]),)


def _in_auction(calls: Calls, target: Instance) -> list[int]:
    return [number for number, known in _accounts(calls, target).items() if known[5]]


@maker("Clearinghouse", "endAuction")
def _end_auction(calls: Calls, target: Instance) -> Arguments:
    """One that is well again, where there is one."""
    open_ones = _in_auction(calls, target)
    well = [n for n in open_ones if _room(calls, target, n)]
    return calls.user(), (calls.rng.choice(well or open_ones or [_account(calls, target)[0]]),)


@maker("Clearinghouse", "take")
def _take(calls: Calls, target: Instance) -> Arguments:
    """By the account that has most room."""
    rng = calls.rng
    account = rng.choice(_in_auction(calls, target) or [_account(calls, target)[0]])
    others = {n: known for n, known in _accounts(calls, target).items() if n != account and not known[5]}
    able = sorted(others, key=lambda n: -_room(calls, target, n))[:3]
    to = rng.choice(able) if able and rng.random() < 0.95 else account
    told = calls.system.ask(target, "previewTake", account)
    most = calls.around(told[1]) if told and rng.random() < 0.2 else LARGEST
    owner = others[to][0] if to in others else calls.user()
    return owner, (account, to, most)


# ---------------------------------------------------------------------------------- funds


@maker("Clearinghouse", "donate")
def _donate(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(min(dollars(calls, sender), 20 * WAD)),)


@maker("Clearinghouse", "join")
def _join(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.part(min(dollars(calls, sender), 100 * WAD)),)


def _members(calls: Calls, target: Instance) -> dict[Address, tuple[int, int]]:
    found = {user: calls.system.ask(target, "memberOf", user) for user in calls.system.users}
    return {user: member for user, member in found.items() if member and member[0]}


@maker("Clearinghouse", "announceQuit")
def _announce(calls: Calls, target: Instance) -> Arguments:
    return calls.rng.choice(list(_members(calls, target)) or calls.system.users), ()


@maker("Clearinghouse", "quit")
def _quit(calls: Calls, target: Instance) -> Arguments:
    members = _members(calls, target)
    ready = [user for user, member in members.items() if 0 < member[1] <= calls.system.time]
    member = calls.rng.choice(ready or list(members) or calls.system.users)
    return member, (calls.part(members.get(member, (0, 0))[0]),)


# ----------------------------------------------------------------------------- governance


@maker("Clearinghouse", "setInstrument")
def _set_instrument(calls: Calls, target: Instance) -> Arguments:
    """The system's own stay, mostly."""
    chosen = calls.rng.choice(calls.system.of_kind(*INSTRUMENTS.split(), main=True)).address
    return calls.owner(target), (chosen, calls.rng.random() < 0.9)


@maker("Clearinghouse", "setRiskModel")
def _set_risk_model(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (
        calls.rng.choice(calls.system.of_kind(*_MODELS, main=True)).address,
        calls.rng.random() < 0.9,
    )


@maker("Clearinghouse", "addAsset")
def _add_asset(calls: Calls, target: Instance) -> Arguments:
    rng, system = calls.rng, calls.system
    asset = calls.asset()
    feed = system.push[asset] if rng.random() < 0.9 else calls.any_address()
    terms = [WAD // 5, rng.choice((0, WAD)), BASE_LIMIT]
    if rng.random() < 0.2:
        place = rng.randrange(2)
        terms[place] = calls.around(2 * WAD)
    return calls.owner(target), (system.genesis.tokens[asset].address, feed, *terms)


@maker("Clearinghouse", "setRules")
def _set_rules(calls: Calls, target: Instance) -> Arguments:
    owner, (rules,) = spoilt(calls, target, AUCTION)
    return owner, (rules, calls.rng.choice((QUIT_DELAY, QUIT_DELAY, 0, 30 * 86_400 + 1)))


@maker("Clearinghouse", "setPause")
def _set_pause(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.random() < 0.1,)


@maker("PortfolioRisk", "setShocks")
def _set_shocks(calls: Calls, target: Instance) -> Arguments:
    rng, shocks = calls.rng, list(SHOCKS)
    if rng.random() < 0.3:
        shocks = rng.choice(
            ([], shocks * 9, shocks[:2], [(-9 * WAD // 10, 5 * WAD)], [(5 * WAD + 1, 0)], some_shocks(calls))
        )
    return calls.owner(target), (shocks,)


@maker("PortfolioRisk", "setAddOns")
def _set_add_ons(calls: Calls, target: Instance) -> Arguments:
    """With a feed of the money that is worth less than one at times, as the coin at ten is not."""
    owner, (terms,) = spoilt(calls, target, ADD_ONS)
    feeds = (ZERO_ADDRESS, calls.system.push["LINK"], calls.system.of_kind("RateFeed", main=True)[0].address)
    return owner, (terms, calls.rng.choice(feeds), calls.rng.choice(feeds[:2]))


# ----------------------------------------------------------------------------------- views


def _some_account(calls: Calls) -> int:
    return _account(calls, calls.system.of_kind("Clearinghouse", main=True)[0])[0]


@viewer("Clearinghouse", "accountOf bookOf legsOf previewTake")
def _of_account(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (_some_account(calls),)


@viewer("Clearinghouse", "marginOf")
@viewer("StandardRisk PortfolioRisk", "margin")
def _margin(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _some_account(calls), calls.rng.choice((False, True))


@viewer("Clearinghouse", "amountOf")
def _amount(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _some_account(calls), calls.rng.randrange(3)


@viewer("Clearinghouse", "previewTrade")
def _preview_trade(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _trade(calls, target)[1][:4]


@viewer("StandardRisk PortfolioRisk", "marginOfBook")
def _of_book(calls: Calls, target: Instance) -> tuple[Any, ...]:
    """A book that nobody has: some options and a perpetual."""
    rng, system = calls.rng, calls.system
    ids, sizes = book_of(calls)
    assets = len(system.ask(system.options.house, "assetsOf") or ())
    instruments = [system.options.instruments[kind].address for kind in ("OptionInstrument", "PerpInstrument")]
    book = (
        rng.choice((1, -1)) * calls.part(5_000 * WAD) % 2**200,
        [calls.part(WAD) for _ in range(assets)],
        instruments,
        [ids, [0]],
        [sizes, [rng.choice((WAD, -WAD))]],
    )
    return book, rng.choice((False, True))


def _legs(calls: Calls, target: Instance) -> tuple[list[int], list[int]]:
    if target.kind == "OptionInstrument":
        ids, sizes = book_of(calls)
        return ids, sizes
    if target.kind == "SwapInstrument":
        ids = [*swaps_of(calls), *settled_swaps(calls)][:4]
        return ids, [calls.rng.choice((WAD, -WAD)) for _ in ids]
    return [0], [calls.rng.choice((1, -1)) * calls.part(3 * WAD) % 2**200]


@viewer(INSTRUMENTS, "valueOf exposureOf")
def _value_of(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _legs(calls, target)


@viewer(INSTRUMENTS, "standardMargin")
def _standard(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_legs(calls, target), calls.rng.choice((False, True)))


@viewer("PerpInstrument PowerInstrument SwapInstrument", "shockedValues")
def _shocked(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_legs(calls, target), some_shocks(calls))


@viewer(INSTRUMENTS, "previewTrade")
def _preview_leg(calls: Calls, target: Instance) -> tuple[Any, ...]:
    id, delta = _some_leg(calls, target.kind, calls.user(), 1_000 * WAD)
    return id, clamped(delta)


# ----------------------------------------------------------------------------- instruments


@maker(INSTRUMENTS, "onTrade")
def _on_trade(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), 0, WAD, 0)


@maker("OptionInstrument SwapInstrument", "settle")
def _settle_inside(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (1, WAD)


@maker("OptionInstrument", "takeMissing")
def _take_missing(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("OptionInstrument", "close")
def _close(calls: Calls, target: Instance) -> Arguments:
    system = calls.system
    market = system.of_kind("OptionMarket", main=True)[0]
    facts = {i: system.ask(market, "seriesOf", i) for i in series_of(calls, market, plain=True)}
    frozen = [i for i, fact in facts.items() if fact and fact[1]]
    fresh = [i for i in frozen if not (system.ask(target, "outcomeOf", i) or (True,))[0]]
    return calls.user(), (calls.rng.choice(fresh or frozen or [0]),)


@maker("PerpInstrument PowerInstrument", "rebalance")
def _rebalance(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()
