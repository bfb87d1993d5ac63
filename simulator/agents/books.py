"""What agents with an account at a clearinghouse share: how it is opened, and how an order is made."""

from collections.abc import Mapping

from simulator.agents.base import Desk, Life
from simulator.protocols.base import Call
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Leg, Margin, TradePreview
from simulator.units import to_wad


def open_book(genesis: Genesis, desk: Desk, margin: Margin, model: str, money: Mapping[str, float]) -> str:
    """Open an account before the storm and deposit dollars' worth by market symbol; the account's name."""
    owner = desk.address
    genesis.submit(margin.open(model), owner)
    genesis.flush()
    account = margin.account_of(owner)
    assert account is not None, "the clearinghouse is not listened to"
    for asset, usd in money.items():
        amount = to_wad(usd / genesis.price(asset))
        if not amount:
            continue
        genesis.bring(desk.agent, asset, owner, amount, "capital_usd")
        genesis.approve(asset, owner, margin.spender)
        cash = asset == margin.margin_asset
        call = margin.deposit(account.id, amount) if cash else margin.deposit_collateral(account.id, asset, amount)
        genesis.submit(call, owner)
    return account.id


def order(
    margin: Margin, account: str, leg: Leg, size: int, slippage: float, preview: TradePreview | None = None
) -> Call | None:
    """A trade at no worse than its present price but for slippage, None where it has none."""
    preview = preview or (margin.preview_trade(account, leg, size) if size else None)
    if preview is None:
        return None
    price = abs(preview.cash / size)
    return margin.trade(account, leg, size, price * (1 + slippage if size > 0 else 1 - slippage))


def try_order(
    desk: Desk, margin: Margin, account: str, leg: Leg, size: int, slippage: float, preview: TradePreview | None = None
) -> Life:
    """Trade if that would work now; whether it did. Who has asked what it would do says so."""
    call = order(margin, account, leg, size, slippage, preview)
    if call is None or not desk.would_work(call):
        return False
    fate = yield desk.send(call)
    return fate.ok
