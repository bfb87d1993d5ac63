"""For every state-changing function that ships: who might call it with which arguments to have a fair chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from coincurve import PrivateKey
from parity_system import DECIMALS, KINDS, PRICES, Instance

from simulator.chain.abi import keccak256
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.paths import artifact_folder
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

LARGEST = 2**256 - 1
Arguments = tuple[Address, tuple[Any, ...]]  # the sender, then what he passes
Maker = Callable[["Calls", Instance], Arguments]
MAKERS: dict[tuple[str, str], Maker] = {}
Viewer = Callable[["Calls", Instance], tuple[Any, ...]]
VIEWERS: dict[tuple[str, str], Viewer] = {}  # of views whose arguments no type makes, or that a type alone misses

# Reached from inside another call only, and known by the event that they leave, or by the call that makes them.
INSIDE: dict[tuple[str, str], str | tuple[str, str]] = {
    ("EnglishAuction", "start"): "AuctionStarted",
    ("DutchAuction", "start"): "AuctionStarted",
    ("CdpEngine", "clearAuctionDebt"): "AuctionSettled",
    ("CdpEngine", "payKeeper"): "KeeperPaid",
    ("FlashLiquidator", "onFlashLoan"): "FlashLoan",
}


@cache
def _functions(kind: str, *, views: bool) -> dict[str, list[str]]:
    entries = json.loads((artifact_folder() / f"{kind}.json").read_text())["abi"]
    functions = (e for e in entries if e["type"] == "function" and (e["stateMutability"] in ("view", "pure")) is views)
    return {entry["name"]: [parameter["type"] for parameter in entry["inputs"]] for entry in functions}


def writers(kind: str) -> dict[str, list[str]]:
    """The state-changing functions of a contract, with the types of their arguments."""
    return _functions(kind, views=False)


def readers(kind: str) -> dict[str, list[str]]:
    """The views of a contract, with the types of their arguments."""
    return _functions(kind, views=True)


def maker(kinds: str, name: str) -> Callable[[Maker], Maker]:
    """Register the maker of a function for these kinds, `*` for all that have it."""

    def keep(make: Maker) -> Maker:
        for kind in KINDS if kinds == "*" else kinds.split():
            if name in writers(kind):
                MAKERS.setdefault((kind, name), make)
        return make

    return keep


def viewer(kinds: str, names: str) -> Callable[[Viewer], Viewer]:
    """Register what makes the arguments of these views of these kinds."""

    def keep(make: Viewer) -> Viewer:
        for kind in kinds.split():
            for name in names.split():
                assert name in readers(kind), (kind, name)
                VIEWERS[kind, name] = make
        return make

    return keep


# ----------------------------------------------------------------- ownership and roles


def _heir(calls: Calls, target: Instance) -> Address:
    """Who may give a contract away; of the system's own only somebody who may not."""
    return calls.user() if target.main else calls.owner(target)


@maker("*", "transferOwnership")
def _transfer_ownership(calls: Calls, target: Instance) -> Arguments:
    return _heir(calls, target), (calls.user(),)


@maker("*", "renounceOwnership")
def _renounce_ownership(calls: Calls, target: Instance) -> Arguments:
    return _heir(calls, target), ()


@maker("*", "requestOwnershipHandover")
def _request(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("*", "cancelOwnershipHandover")
def _cancel(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("*", "completeOwnershipHandover")
def _complete(calls: Calls, target: Instance) -> Arguments:
    return _heir(calls, target), (calls.rng.choice(calls.waiting(target) or calls.system.users),)


@maker("Dollar", "grantRoles")
def _grant(calls: Calls, target: Instance) -> Arguments:
    role = calls.rng.choice((2, 4, 6)) if target.main else 1
    return calls.owner(target), (calls.user(), role)


@maker("Dollar", "revokeRoles")
def _revoke(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.rng.choice((2, 4, 7)))


@maker("Dollar", "renounceRoles")
def _renounce_roles(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.rng.choice((1, 2, 4)),)


# ------------------------------------------------------------------------------ tokens


@maker("*", "approve")
def _approve(calls: Calls, target: Instance) -> Arguments:
    # The system's own spenders keep theirs mostly, or nobody could act any more.
    spender = calls.user() if calls.rng.random() < 0.9 else calls.rng.choice(calls.system.spenders)
    return calls.user(), (spender, calls.rng.choice((LARGEST, LARGEST, calls.any_number())))


@maker("*", "transfer")
def _transfer(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    return sender, (calls.user(), calls.part(calls.balance(target.address, sender)) // 10)


@maker("*", "transferFrom")
def _transfer_from(calls: Calls, target: Instance) -> Arguments:
    sender, holders = calls.user(), calls.system.users
    allowed = [h for h in holders if calls.system.ask(target, "allowance", h, sender)]
    holder = calls.rng.choice(allowed or holders)
    return sender, (holder, calls.user(), calls.part(calls.balance(target.address, holder)) // 10)


@maker("*", "permit")
def _permit(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    owner, spender, value = calls.user(), calls.user(), calls.any_number()
    deadline = system.time + rng.choice((-1, 3600, 3600, 3600))
    nonce, domain = system.ask(target, "nonces", owner), system.ask(target, "DOMAIN_SEPARATOR")
    kind = keccak256(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
    numbers = (int(owner, 16), int(spender, 16), value, nonce, deadline)
    inner = keccak256(kind + b"".join(number.to_bytes(32, "big") for number in numbers))
    signed = PrivateKey(system.keys[owner]).sign_recoverable(keccak256(b"\x19\x01" + domain + inner), hasher=None)
    v = signed[64] + 27 if rng.random() < 0.9 else rng.randrange(256)
    return calls.user(), (owner, spender, value, deadline, v, signed[:32], signed[32:64])


@maker("CollateralToken", "mint")
def _mint(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.part(10 ** calls.rng.choice((9, 20, 23))))


@maker("Dollar", "mint")
def _mint_dollar(calls: Calls, target: Instance) -> Arguments:
    minters = [u for u in calls.system.users if calls.system.ask(target, "hasAllRoles", u, 1)]
    return calls.rng.choice(minters or calls.system.users), (calls.user(), calls.part(1000 * WAD))


@maker("Dollar", "burn")
def _burn_dollar(calls: Calls, target: Instance) -> Arguments:
    minters = [u for u in calls.system.users if calls.system.ask(target, "hasAllRoles", u, 1)]
    holder = calls.user()
    return calls.rng.choice(minters or calls.system.users), (holder, calls.part(calls.balance(target.address, holder)))


@maker("Dollar", "flashLoan")
def _flash_loan(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    token = target.address if rng.random() < 0.9 else calls.any_address()
    lend = system.ask(target, "maxFlashLoan", target.address)
    receiver = rng.choice((*system.wallets, *system.wallets, system.reenterer, calls.user()))
    return calls.user(), (receiver, token, calls.part(min(lend or 0, 10**24)), rng.choice((b"", b"loan")))


@maker("Dollar", "setFlashFee")
def _flash_fee(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, 0, WAD // 1000, WAD // 100, WAD // 99)), calls.user())


@maker("Dollar", "setFlashLimit")
def _flash_limit(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((10**24, 2**112 - 1, 2**112 - 1, 2**112, 0)),)


# ------------------------------------------------------------------------------- feeds


def _asset_of(calls: Calls, feed: Instance) -> str:
    """The asset that one of the system's feeds prices."""
    names = {calls.system.genesis.feeds[a].oracle.push.address: a for a in DECIMALS}  # type: ignore[attr-defined]
    return names.get(feed.address, "ETH")


@maker("PushFeed", "report")
def _report(calls: Calls, target: Instance) -> Arguments:
    """A walk around the first price; at times a crash, and at times nonsense."""
    rng, asset = calls.rng, _asset_of(calls, target)
    latest = calls.system.ask(target, "latestRoundData")
    last, first = (latest[1] if latest else 0), round(PRICES[asset] * 1e8)
    if not 0.2 * first < last < 3 * first:
        last = first
    chance = rng.random()
    if chance < 0.03:
        answer = rng.choice((0, -1, 2**190, 2**191 - 1, 2**191, -(2**255), 1))
    elif chance < 0.2:
        answer = round(first * rng.uniform(0.4, 0.9))
    else:
        answer = round((0.85 * last + 0.15 * first) * rng.lognormvariate(0, 0.06))
    return calls.system.reporters[asset], (answer,)


@maker("PushFeed", "setReporter")
def _set_reporter(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(), calls.rng.choice((0, 1)))


@maker("DelayedFeed TwapFeed", "poke")
def _poke(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("DelayedFeed", "setDelay")
def _set_delay(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, 12, 60, 60, 120, 604_800, 604_801)),)


@maker("GuardedFeed TwapFeed RateFeed", "setMaxAge")
def _set_age(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, 300, 900, 3600, 30 * 86_400, 30 * 86_400 + 1)),)


@maker("GuardedFeed", "setMaxJump")
def _set_jump(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, WAD // 10, WAD // 3, WAD, WAD + 1)),)


@maker("GuardedFeed", "setPriceBounds")
def _set_bounds(calls: Calls, target: Instance) -> Arguments:
    bounds = calls.rng.choice(((0, 0), (100 * WAD, 10**5 * WAD), (10**3 * WAD, 3000 * WAD), (2, 1), (0, 2**96)))
    return calls.owner(target), bounds


@maker("FeedSwitch", "setSource")
def _set_source(calls: Calls, target: Instance) -> Arguments:
    sources = calls.system.of_kind("PushFeed", "TwapFeed", "RateFeed", "DelayedFeed", main=True)
    chosen = calls.rng.choice(sources).address if calls.rng.random() < 0.1 else calls.system.link_source()
    return calls.owner(target), (chosen,)


@maker("RateFeed", "setSnapshot")
def _set_snapshot(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.around(calls.system.ask(target, "reportedRate") or WAD),)


@maker("RateFeed", "setMaxGrowth")
def _set_growth(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, WAD // 20, WAD, WAD + 1)),)


@maker("UptimeFeed", "report")
def _report_uptime(calls: Calls, target: Instance) -> Arguments:
    rng, now = calls.rng, calls.system.time
    down, since = rng.random() < 0.15, now - rng.choice((0, 0, 12, 100_000, -1))
    reporter = calls.system.ask(target, "reporter")
    return reporter if reporter in calls.system.keys else calls.user(), (down, since)


@maker("UptimeFeed", "setReporter")
def _set_uptime_reporter(calls: Calls, target: Instance) -> Arguments:
    owner = calls.owner(target)
    return owner, (calls.system.reporters["ETH"] if target.main else calls.user(),)


@maker("SequencerGuard", "setGrace")
def _set_grace(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((0, 12, 60, 60, 604_800, 604_801)),)


# ------------------------------------------------------------------------- debt engine


@maker("CdpEngine", "adjust")
def _adjust(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    asset, owner = calls.asset(), calls.user()
    id = system.ids[asset]
    collateral, _ = system.ask(target, "positions", id, owner) or (0, 0)
    debt = system.ask(target, "debtOf", id, owner) or 0
    price = system.ask(target, "priceOf", id) or round(PRICES[asset] * WAD)
    terms = system.ask(target, "collaterals", id)
    room = max(0, collateral * price // max(terms[3], WAD) - debt)
    sender = owner
    if rng.random() < 0.15:
        operators = [u for u in system.users if system.ask(target, "isOperator", owner, u)]
        sender = rng.choice(operators or system.users)
    spare = calls.balance(system.genesis.tokens[asset].address, sender) * 10 ** (18 - DECIMALS[asset])
    more = min(spare, round(60_000 / PRICES[asset] * WAD))
    deltas = rng.choice(
        [
            (calls.part(more), 0),
            (0, calls.part(room)),
            (0, -calls.part(min(debt, calls.balance(system.cdp.dollar.address, sender)))),
            (-calls.part(max(0, collateral - debt * terms[3] // max(price, 1))), 0),
            (more, calls.part(more * price // max(terms[3], WAD))),
            (-(2**255), -(2**255)),
            (-calls.part(collateral), -calls.part(debt)),
            (0, rng.choice((1, WAD, -(2**255), terms[9], terms[10]))),
        ]
    )
    return sender, (id, owner, *(max(-(2**255), min(2**255 - 1, delta)) for delta in deltas))


@maker("CdpEngine", "liquidate")
def _liquidate(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    asset = calls.asset()
    owner = calls.unsafe_owner(asset)
    most = rng.choice((LARGEST, LARGEST, calls.part(system.ask(target, "debtOf", system.ids[asset], owner))))
    return calls.user(), (system.ids[asset], owner, most, rng.choice((b"", b"", b"", b"seized")))


@maker("CdpEngine", "accrue")
def _accrue(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.system.ids[calls.asset()],)


@maker("CdpEngine", "setOperator")
def _operator(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), calls.rng.choice((0, 1, 1)))


@maker("CdpEngine", "settleBadDebt")
def _settle_bad_debt(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.part(calls.system.ask(target, "badDebt")),)


@maker("CdpEngine", "clearAuctionDebt")
def _clear(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.system.ids[calls.asset()], calls.user(), 1, 1)


@maker("CdpEngine", "payKeeper")
def _pay_keeper(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.system.ids[calls.asset()], calls.user(), 1)


@maker("CdpEngine", "addCollateral")
def _add_collateral(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    asset = calls.asset()
    id = rng.choice((system.ids[asset], rng.randbytes(32), bytes([rng.randrange(256)]) * 32))
    terms = list(system.ask(system.cdp.engine, "collaterals", system.ids[asset]))
    terms[2] = ZERO_ADDRESS if rng.random() < 0.8 else terms[2]
    if rng.random() < 0.3:
        spoilt = rng.randrange(3, len(terms) - 1)
        terms[spoilt] = calls.around(terms[spoilt]) if rng.random() < 0.5 else calls.any_number()
    if rng.random() < 0.1:
        terms[rng.randrange(2)] = calls.any_address()
    terms[12] = rng.random() < 0.3
    return calls.owner(target), (id, tuple(terms))


def _of_engine(calls: Calls, target: Instance, *values: Any) -> Arguments:
    return calls.owner(target), (calls.system.ids[calls.asset()], *values)


@maker("CdpEngine", "setAuction")
def _set_auction(calls: Calls, target: Instance) -> Arguments:
    """The auction that it began with, mostly: another one spoils the mixture of liquidations."""
    rng, asset = calls.rng, calls.asset()
    terms = calls.system.ask(calls.system.cdp.engine, "collaterals", calls.system.ids[asset])
    others = calls.system.of_kind("DutchAuction", "EnglishAuction")
    first = calls.system.houses.get(asset)
    auction = (first.address if first else ZERO_ADDRESS) if rng.random() < 0.9 else rng.choice(others).address
    lot = calls.around(terms[11]) if rng.random() < 0.2 else terms[11]
    return calls.owner(target), (calls.system.ids[asset], auction, lot)


@maker("CdpEngine", "setDebtLimits")
def _set_limits(calls: Calls, target: Instance) -> Arguments:
    ceiling = calls.rng.choice((50_000_000 * WAD, 50_000_000 * WAD, 1_000_000 * WAD, 10**36 + 1))
    return _of_engine(calls, target, ceiling, calls.rng.choice((0, 100 * WAD, 100 * WAD, 2000 * WAD)))


@maker("CdpEngine", "setFeeRecipient")
def _set_recipient(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((calls.user(), calls.user(), ZERO_ADDRESS)),)


@maker("CdpEngine", "setFeed")
def _set_feed(calls: Calls, target: Instance) -> Arguments:
    asset = calls.asset()
    good = calls.system.genesis.feeds[asset].consumer
    feed = good if calls.rng.random() < 0.9 else calls.any_address()
    return calls.owner(target), (calls.system.ids[asset], feed)


@maker("CdpEngine", "setLiquidateWhenStale")
def _set_when_stale(calls: Calls, target: Instance) -> Arguments:
    return _of_engine(calls, target, calls.rng.choice((0, 1, 1)))


@maker("CdpEngine", "setRatios")
def _set_ratios(calls: Calls, target: Instance) -> Arguments:
    minimum = calls.rng.choice((15 * WAD // 10, 15 * WAD // 10, 16 * WAD // 10, 10 * WAD + 1))
    return _of_engine(
        calls, target, minimum, 15 * WAD // 10, calls.rng.choice((WAD // 10, WAD // 10, WAD // 5, 0, WAD))
    )


@maker("CdpEngine", "setSpread")
def _set_spread(calls: Calls, target: Instance) -> Arguments:
    shares = (WAD * 2 // 5, WAD // 2, WAD, WAD + 1, 0)
    return _of_engine(calls, target, calls.rng.choice(shares), calls.rng.choice((WAD // 5, 0, WAD)))


@maker("CdpEngine", "setStabilityFee")
def _set_fee(calls: Calls, target: Instance) -> Arguments:
    return _of_engine(calls, target, calls.rng.choice((0, 2 * 10**18, 2 * 10**18, 21_979_553_151_239_153_028)))


# ---------------------------------------------------------------------------- auctions


@maker("EnglishAuction DutchAuction", "start")
def _start(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), WAD, WAD, WAD, calls.user())


@maker("EnglishAuction", "bid")
def _bid(calls: Calls, target: Instance) -> Arguments:
    rng, number = calls.rng, calls.some_lot("EnglishAuction")
    house = calls.house("EnglishAuction")[0]
    _, lot, raise_, _, _, bid, *_ = calls.lot(house, number)
    offer = calls.system.ask(house, "previewBid", number) or (lot, bid + 1)
    reduced = int(lot * rng.uniform(0.6, 0.99))
    choice = rng.choice(
        [offer, offer, (offer[0], raise_), (offer[0], int(raise_ * rng.random())), (reduced, raise_), (lot, bid)]
    )
    if rng.random() < 0.15:
        choice = (calls.around(choice[0]), calls.around(choice[1]))
    return calls.user(), (number, *choice)


@maker("EnglishAuction", "settle")
def _settle(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.some_lot("EnglishAuction"),)


@maker("EnglishAuction", "restart")
def _restart(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.some_lot("EnglishAuction"),)


@maker("EnglishAuction", "setBidding")
def _set_bidding(calls: Calls, target: Instance) -> Arguments:
    rng = calls.rng
    raise_ = rng.choice((WAD // 33, WAD // 33, 0, WAD // 2, WAD))
    return calls.owner(target), (raise_, rng.choice((120, 120, 36, 0)), rng.choice((600, 600, 60, 30 * 86_400 + 1)))


@maker("DutchAuction", "take")
def _take(calls: Calls, target: Instance) -> Arguments:
    rng, number = calls.rng, calls.some_lot("DutchAuction")
    house = calls.house("DutchAuction")[0]
    lot = calls.lot(house, number)[1]
    price = (calls.system.ask(house, "priceOf", number) or (10 * WAD, False))[0]
    most = rng.choice((LARGEST, price, max(price - 1, 0)))
    return calls.user(), (number, calls.part(lot), most, calls.user(), rng.choice((b"", b"", b"taken")))


@maker("DutchAuction", "reset")
def _reset(calls: Calls, target: Instance) -> Arguments:
    house, lots = calls.house("DutchAuction")
    due = [n for n in lots if (calls.system.ask(house, "priceOf", n) or (0, False))[1]]
    return calls.user(), (calls.rng.choice(due) if due else calls.some_lot("DutchAuction"),)


@maker("DutchAuction", "setCurve")
def _set_curve(calls: Calls, target: Instance) -> Arguments:
    rng = calls.rng
    return calls.owner(target), (rng.choice((11 * WAD // 10, WAD, 0)), rng.choice((97 * WAD // 100, WAD)), 12)


@maker("DutchAuction", "setReset")
def _set_reset(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((WAD // 2, WAD // 5, 0)), calls.rng.choice((480, 120, 0)))


@maker("DutchAuction", "setKeeper")
def _set_keeper(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((5 * WAD, 0, 10**25)), calls.rng.choice((WAD // 100, WAD)))


@maker("DutchAuction", "setDebtCap")
def _set_cap(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((200_000 * WAD, 200_000 * WAD, 10**36, 10**36 + 1)),)


@maker("FlashLiquidator", "liquidate")
def _flash_liquidate(calls: Calls, target: Instance) -> Arguments:
    system, rng = calls.system, calls.rng
    owner = calls.unsafe_owner("ETH")
    debt = system.ask(system.cdp.engine, "debtOf", system.ids["ETH"], owner)
    most, least = rng.choice((LARGEST, calls.part(debt), WAD)), rng.choice((0, 0, 0, WAD, 10**24))
    return calls.owner(target), (system.cdp.engine.address, system.ids["ETH"], owner, most, least)


@maker("FlashLiquidator", "take")
def _flash_take(calls: Calls, target: Instance) -> Arguments:
    house, number = calls.house("DutchAuction")[0], calls.some_lot("DutchAuction")
    least = calls.rng.choice((0, 0, 0, 10**24))
    amount = calls.part(calls.lot(house, number)[1]) // calls.rng.choice((1, 4))
    return calls.owner(target), (house.address, number, amount, LARGEST, least)


@maker("FlashLiquidator", "onFlashLoan")
def _on_flash_loan(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), calls.user(), 1, 0, b"")


# --------------------------------------------------------------------------------- pool


@maker("ConstantProductPool", "swap")
def _swap(calls: Calls, target: Instance) -> Arguments:
    system, rng, sender = calls.system, calls.rng, calls.user()
    token = system.ask(target, rng.choice(("token0", "token1")))
    for base, asset in ((system.genesis.tokens[a].address, a) for a in ("ETH", "LINK")):
        # Mostly towards the first price, so that the pool keeps both of its tokens.
        if rng.random() < 0.7 and base in (system.ask(target, "token0"), system.ask(target, "token1")):
            dear = (system.ask(target, "previewSwap", base, WAD) or 0) > PRICES[asset] * WAD
            token = base if dear else system.cdp.dollar.address
    amount = calls.part(calls.balance(token, sender)) // rng.choice((1, 10, 50))
    out = system.ask(target, "previewSwap", token, amount) or 0
    return sender, (token, amount, rng.choice((0, 0, out * 99 // 100, out, out + 1)), calls.user())


@maker("ConstantProductPool", "addLiquidity")
def _add_liquidity(calls: Calls, target: Instance) -> Arguments:
    system, sender = calls.system, calls.user()
    tokens = [system.ask(target, name) for name in ("token0", "token1")]
    held = [calls.balance(token, sender) for token in tokens]
    return sender, (calls.part(held[0]), calls.part(held[1]), calls.user())


@maker("ConstantProductPool", "removeLiquidity")
def _remove_liquidity(calls: Calls, target: Instance) -> Arguments:
    holders = [u for u in calls.system.users if calls.balance(target.address, u)]
    sender = calls.rng.choice(holders or calls.system.users)
    return sender, (
        calls.part(calls.balance(target.address, sender)) // calls.rng.choice((1, 20, 50, 100)),
        calls.user(),
    )
