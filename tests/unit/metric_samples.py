"""Small runs in memory for the tests of metrics."""

from simulator.metrics import compute
from simulator.record import Recorder

GWEI = 10**9


class Run:
    """A recorder with short words for what metrics read."""

    def __init__(self, folder=None):
        self.recorder = Recorder(folder, group_rows=3)

    def block(self, number, *, base_fee=0, gas_used=0):
        self.recorder.add_block(number, 13 * number, base_fee, gas_used, 0, 10_000_000, 0, None)
        return self

    def transaction(self, status="included", *, unexpected=False):
        ran = status in ("included", "reverted")
        self.recorder.add_transaction(
            1, 0 if ran else None, "a", "a/0", "0x", 0, None, 0, "x", 1, 1 if ran else None, 1 if ran else None,
            status, "Error" if status == "reverted" else "", unexpected, 0,
        )  # fmt: skip
        return self

    def liquidation(self, *, debt=0.0, collateral=0.0, profit=0.0, unsafe=1, fill=1, index=None):
        args = {"debt_usd": debt, "collateral_usd": collateral, "profit_usd": profit}
        args |= {"unsafe_block": unsafe, "fill_block": fill}
        self.recorder.add_event(1, index, index, "cdp", "liquidation", "ETH/x", args)
        return self

    def lot(self, paid, collateral):
        args = {"paid_usd": paid, "collateral_usd": collateral}
        self.recorder.add_event(1, None, None, "cdp", "auction_settled", "ETH/lot-1", args)
        return self

    def deleveraged(self, notional, *, haircut=0.0, index=None):
        args = {"notional_usd": notional, "haircut_usd": haircut}
        self.recorder.add_event(1, index, index, "perps", "deleveraged", "perps/ETH/x", args)
        return self

    def socialised(self, loss):
        self.recorder.add_event(1, None, None, "perps", "socialised", "perps/ETH", {"loss_usd": loss})
        return self

    def measures(self, block, name, **values):
        """`cdp_ETH=5.0` is a measure of protocol cdp, subject ETH; `cdp=5.0` one of all of it."""
        for key, value in values.items():
            protocol, _, subject = key.partition("_")
            self.recorder.add_measure(block, protocol, subject, name, value)
        return self

    def price(self, time, market, *, exogenous=None, oracle=None, seen=None, asset="ETH"):
        exogenous = market if exogenous is None else exogenous
        self.recorder.add_price(1, time, asset, exogenous, market, oracle, seen)
        return self

    def position(self, health, *, equity=0.0, required=0.0):
        self.recorder.add_position(1, "cdp", "ETH/x", "0x", equity, required, health)
        return self

    def metrics(self):
        return compute(self.recorder.tables())

    def metric(self, name):
        return self.metrics()[name]
