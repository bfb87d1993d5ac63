"""Whether the books of every perpetual market of a world balance, after every block.

Give a world a `BooksObserver` in place of an `Observer`, or call `check_books(venue, chain, now)` where you like.
"""

from simulator.observer import Observer
from simulator.protocols.base import Perp
from simulator.protocols.perps_book import funding_due


class BooksObserver(Observer):
    """Raises AssertionError in the block in which a book no longer balances."""

    def __init__(self, recorder=None, digest=None):
        super().__init__(recorder, digest)
        self.checked = 0
        self._seen = {}

    def prices(self, world):
        super().prices(world)
        for venue in world.capabilities(Perp):
            check_books(venue, world.chain, world.now, self._seen)
            self.checked += 1


def check_books(venue, chain, now, seen=None):
    """Sizes sum to zero, claims are tokens and shortfall, funding paid is funding received; the mirror is the chain.

    `seen` remembers accounts between calls, so that only those that have changed are read.
    """
    read = venue.market.read
    sizes = _sizes(venue, chain, {} if seen is None else seen)
    # The pool holds the opposite of the skew.
    assert sum(sizes) == read(chain, "skew") == venue.skew, "sizes do not sum to zero"
    longs, shorts = sum(size for size in sizes if size > 0), -sum(size for size in sizes if size < 0)
    assert tuple(read(chain, "openInterest")) == (longs, shorts) == venue.open_interest(), "open interest"
    fund, shortfall = (venue.backstop.read(chain, name) for name in ("fund", "shortfall"))
    assert (fund, shortfall) == (venue.fund, venue.shortfall), "the mirror of the backstop"
    claims = read(chain, "totalMargin") + read(chain, "poolCash") + fund
    assert sum(account.margin for account in venue.book) == read(chain, "totalMargin"), "margins"
    held = _held(venue, chain)
    assert claims == held + shortfall, f"cash and fund {claims} are not tokens {held} and shortfall {shortfall}"
    _check_funding(venue, now)


def _sizes(venue, chain, seen):
    """Every account's size, those that have changed since the last call compared with the chain's."""
    for account in venue.book:
        if seen.get(account.id) == account.version:
            continue
        size, margin, entry_value, _, principal = _position(venue, chain, account.owner)
        assert (size, margin, entry_value) == (account.size, account.margin, account.entry_value), account.id
        assert principal >= account.deposited, account.id
        seen[account.id] = account.version
    return [account.size for account in venue.book]


def _position(venue, chain, owner):
    """As `positionOf`, but out of storage where there is no price to reckon funding with."""
    from simulator.chain.base import CallReverted

    try:
        return venue.market.read(chain, "positionOf", owner)
    except CallReverted:
        account = venue.book.get(venue.account(owner))
        return account.size, account.margin, account.entry_value, 0, account.deposited


def _held(venue, chain):
    from simulator.chain.artifacts import load_artifact

    token = load_artifact("CollateralToken").abi.functions["balanceOf"]
    balance = token.decode(chain.call(venue.token, token.encode(venue.market.address)))
    return balance * venue.market.read(chain, "marginUnit")


def _check_funding(venue, now):
    """What accounts owe is what the pool is owed; each rounds up by less than one, the pool down."""
    frame = venue.frame(now)
    if frame is None:
        return
    holders = [account for account in venue.book if account.size]
    owed = sum(int(funding_due(account, frame)) for account in holders)
    exact = sum(account.size * (frame.funding - account.entry_funding) for account in holders)
    assert 0 <= owed * 10**27 - exact < max(1, len(holders)) * 10**27, "funding paid is not funding received"
