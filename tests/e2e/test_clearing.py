"""A clearinghouse in a storm: the mirror is the chain, the books balance, and losses fall in their order."""

import json

import pytest
from clearing_storms import ANYBODY, BOOKS, storm
from option_ground import world_of

from simulator import run
from simulator.chain.base import CallReverted
from simulator.protocols.clearing_sample import books_balance
from simulator.protocols.margin_capability import Leg, Margin
from simulator.units import WAD, from_wad

DUST = 10**6  # [wad] that roundings of venues may leave


def the_mirror_is_the_chain(house, chain):
    """Every account, both funds, and who is unsafe; how many legs there were."""
    ask = house.house.read
    assert len(house.accounts) == ask(chain, "count")
    for account in house.accounts.values():
        owner, isolated, model, cash, _, since = ask(chain, "accountOf", account.number)
        assert (account.owner, account.isolated, account.cash) == (owner, isolated, cash)
        assert house.parts.models[account.model].address == model
        assert bool(account.auction_since) == bool(since)
        legs = [(house._named[leg[0]], leg[1], leg[2]) for leg in ask(chain, "legsOf", account.number)]
        assert sorted(legs) == sorted((*leg, size) for leg, size in account.legs.items())
        held = [ask(chain, "amountOf", account.number, place) for place in range(len(house.collaterals))]
        assert held == [account.collateral.get(asset, 0) for asset in house.collaterals]
    funds = [ask(chain, name) for name in ("houseFund", "membersFund", "shortfall")]
    assert [house.house_fund, house.members_fund, house.shortfall] == funds
    for member, shares in house.shares.items():
        assert ask(chain, "memberOf", member)[0] == shares
    assert len(house.auctions()) == ask(chain, "auctionsOpen")
    return sum(len(account.legs) for account in house.accounts.values())


@pytest.fixture(scope="module")
def stepped(tmp_path_factory):
    """A world in which anybody does anything, compared at every fifth block; what was seen."""
    world = world_of(storm(tmp_path_factory.mktemp("anybody"), ANYBODY))
    (house,) = world.capabilities(Margin)
    protocol = next(each for each in world.protocols if each.id == "clearing")
    seen = {"legs": 0, "kinds": set(), "balances": [], "unsafe": 0, "auctions": 0}
    for step in range(1, world.steps):
        world.run_to(step)
        seen["unsafe"] += len(house.unsafe())
        if step % 5:
            continue
        seen["legs"] += the_mirror_is_the_chain(house, world.chain)
        seen["kinds"] |= {leg.instrument for account in house.accounts.values() for leg in account.legs}
        assert next(iter(protocol.books(world.market.price))).value <= from_wad(DUST)
        balance = books_balance(house, world.genesis.token("USDC"), world.chain)
        seen["balances"].append(balance)
        seen["auctions"] += len(house.auctions())
    return world, house, seen


def test_the_mirror_is_the_chain_all_through_a_storm(stepped):
    _, _, seen = stepped
    assert seen["kinds"] == {"option", "perp", "power", "swap"}
    assert seen["legs"] > 1_000
    assert seen["unsafe"]
    assert seen["auctions"]


def test_what_accounts_and_funds_claim_is_here_or_at_the_venues(stepped):
    _, _, seen = stepped
    assert max(map(abs, seen["balances"])) <= DUST


def test_who_cannot_fail_is_safe_and_who_is_unsafe_can_fail(stepped):
    _, house, _ = stepped
    for id, account in house.accounts.items():
        margin = house.margin_of(id, initial=False)
        if margin is not None and margin[0] < margin[1] and not account.auction_since:
            assert account.can_fail


def test_greeks_of_a_book_are_the_slopes_of_its_value(stepped):
    """By the shocks of the risk model's own instruments, which price by another path."""
    world, house, _ = stepped
    step, compared = 10**14, 0  # [wad] a hundredth of a per cent
    shocks = [(step, 0), (-step, 0), (0, 0)]
    for id, account in house.accounts.items():
        greeks, book = house.greeks(id), house.house.read(world.chain, "bookOf", account.number)
        if greeks is None or not account.legs:
            continue
        values = [0, 0, 0]
        for address, ids, sizes in zip(*book[2:], strict=True):
            instrument = house.parts.instruments[house._named[address]]
            found = instrument.read(world.chain, "shockedValues", ids, sizes, shocks)
            values = [one + other for one, other in zip(values, found, strict=True)]
        spot = house.oracle.answer()
        slope = (values[0] - values[1]) / (2 * step) / spot
        own = sum(from_wad(amount) for amount in account.collateral.values())
        scale = house.notional(id) / spot
        assert greeks.delta - own == pytest.approx(slope, abs=2e-3 * scale + 1e-6), account.legs
        compared += 1
    assert compared >= 3


# --------------------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    return run(storm(tmp_path_factory.mktemp("books"), BOOKS))


def rows(result, name):
    """Arguments of an event of the clearinghouse, in order."""
    found = result.events[(result.events["protocol"] == "clearing") & (result.events["name"] == name)]
    return [json.loads(args) for args in found["args"]]


def sent(result, agent, action, status="included"):
    found = result.transactions
    mine = (found["agent"] == agent) & (found["action"] == action) & (found["status"] == status)
    return int(mine.sum())


def test_nothing_reverts_that_was_not_foreseen(books):
    assert books.metrics["unexpected_reverts"] == 0


def test_books_are_built_hedged_auctioned_taken_and_settled(books):
    assert sent(books, "hedged", "book-trade") > 20
    assert sent(books, "takers", "book-take") >= 1
    assert sent(books, "takers", "book-trade") >= 5  # which unwind
    assert sent(books, "clearing-keeper", "book-auction") == len(rows(books, "AuctionStarted")) >= 1
    assert sent(books, "clearing-keeper", "book-settle") == len(rows(books, "Settled")) >= 1
    assert books.metrics["liquidations"] == len(rows(books, "AuctionTaken"))


def test_losses_fall_on_the_house_then_on_members_then_are_recorded(books):
    house, members = 0, 0
    for loss in rows(books, "LossAbsorbed"):
        house, members = house + int(loss["fromHouse"]), members + int(loss["fromMembers"])
    taken = rows(books, "AuctionTaken")
    assert house + members == sum(int(each["received"]) for each in taken)
    assert house > 0


def test_a_book_worth_something_costs_at_most_its_equity_and_one_worth_nothing_nothing(books):
    for each in rows(books, "AuctionTaken"):
        equity, paid, received = (int(each[name]) for name in ("equity", "paid", "received"))
        assert 0 <= paid <= max(0, equity)
        assert received == 0 if equity > 0 else received >= -equity


def test_measures_tell_margin_used_funds_and_greeks(books):
    names = set(books.measures[books.measures["protocol"] == "clearing"]["name"])
    assert {
        "margin_used_usd",
        "margin_freed_usd",
        "house_fund_usd",
        "net_delta_usd",
        "net_vega_usd",
        "absorbed_usd",
    } <= names


def test_what_the_clearinghouse_wrote_on_its_guarantee_needs_no_margin_and_has_no_health(books):
    table = books.positions[books.positions["protocol"] == "options"]
    assert (table["equity_usd"] < 0).any()
    assert (table["required_usd"] == 0).all()
    assert table["health"].isna().all()


def test_the_same_inputs_give_the_same_run(books, tmp_path):
    assert run(storm(tmp_path, BOOKS)).digest == books.digest


# ------------------------------------------------------------------------ bad input


def error_of(world, call, sender):
    """The name of the error with which a call would revert now."""
    try:
        world.chain.call(call.to, call.data, sender)
    except CallReverted as fault:
        return world.error_name(fault.output).partition("(")[0]
    return ""


def test_bad_input_has_an_error_of_its_own(tmp_path):
    world = world_of(storm(tmp_path, BOOKS))
    (house,) = world.capabilities(Margin)
    world.run_to(200)
    account = next(each for each in house.accounts.values() if each.legs and not each.isolated)
    option = next(leg for leg in account.legs if leg.instrument == "option")
    other = next(each for each in house.accounts.values() if each.owner != account.owner)

    def error(call, sender=account.owner):
        return error_of(world, call, sender)

    def trade(leg, size, limit=None):
        return error(house.trade(account.id, leg, size, (1e9 if size > 0 else 0.0) if limit is None else limit))

    expired = Leg("option", (world.start - 3600) << 136 | option.id & (1 << 136) - 1)
    assert trade(option, 0) == "NoTrade"
    assert trade(option, 10**12) == "DustSize"
    assert trade(expired, WAD) == "NotListed"
    assert trade(Leg("option", option.id + (1 << 8)), WAD) == "NotListed"
    assert trade(Leg("option", option.id + 7), WAD) == "UnknownSeries"
    assert trade(Leg("perp", 1), WAD) == "UnknownSeries"
    assert trade(Leg("swap", 99), WAD) == "NoSwap"
    assert trade(option, WAD, 1e-6) == "PriceLimit"
    assert trade(option, -20 * abs(account.legs[option])) in {"InsufficientMargin", "InventoryExceeded"}
    assert error(house.trade(account.id, option, WAD, 1e9), other.owner) == "NotOwner"
    assert error(house.withdraw(account.id, 10**30)) == "InsufficientMargin"
    assert error(house.settle(account.id, option)) == "PriceNotLocked"
    assert error(house.settle(account.id, Leg("option", option.id + (1 << 8)))) == "NoTrade"
    assert error(house.start_auction(account.id)) == "AccountHealthy"
    assert error(house.take(account.id, account.id, 0)) == "SameAccount"
    assert error(house.take(account.id, other.id, 0), other.owner) == "NotInAuction"
    assert error(house.quit(1)) == "NotReady"


def test_without_a_fresh_surface_nothing_that_needs_margin_works_and_no_auction_begins(tmp_path):
    text = BOOKS.replace("look_seconds = 30", "look_seconds = 30\noutages = [[0.5, 4.0]]")
    world = world_of(storm(tmp_path, text))
    (house,) = world.capabilities(Margin)
    world.run_to(int(1.9 * 300))
    account = next(each for each in house.accounts.values() if any(leg.instrument == "option" for leg in each.legs))
    assert house.margin_of(account.id, initial=True) is None
    assert error_of(world, house.withdraw(account.id, WAD), account.owner) == "StaleSurface"
    assert error_of(world, house.start_auction(account.id), account.owner) == "StaleSurface"
    assert error_of(world, house.deposit(account.id, 0), account.owner) == ""
    assert not house.auctions()


def test_nothing_leaves_an_account_between_shock_and_auction(tmp_path):
    text = BOOKS.replace('agent = "clearing-keeper"', 'agent = "clearing-keeper"\noutages = [[0, 4]]')
    world = world_of(storm(tmp_path, text))
    (house,) = world.capabilities(Margin)
    world.run_to(int(1.8 * 300))
    unsafe = house.unsafe()
    assert unsafe
    for id in unsafe:
        owner = house.accounts[id].owner
        assert error_of(world, house.withdraw(id, WAD), owner) == "InsufficientMargin"
        assert error_of(world, house.start_auction(id), owner) == ""
        assert error_of(world, house.set_model(id, "portfolio"), owner) == "InsufficientMargin"
