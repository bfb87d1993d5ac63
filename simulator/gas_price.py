"""What block space costs, as somebody who watches the blocks would say."""

from collections import deque
from typing import Literal, NamedTuple

from pydantic import Field

from simulator.settings import GWEI as GWEI_UNIT
from simulator.settings import RATIO, Settings
from simulator.units import GWEI, to_wei_per_gas

_MEMORY = 6  # blocks that an estimate looks back on
_LEAST = GWEI // 10  # [wei] offered while blocks are not full


class GasRule(Settings):
    """What a sender offers for its gas."""

    rule: Literal["market", "fixed"] = Field(
        "market", description="a multiple of the going price when it sends, or always the same price"
    )
    multiple: float = Field(
        1.0, ge=0, le=1e6, description="of the going gas price, under the market rule", json_schema_extra=RATIO
    )
    gwei: float = Field(0.0, ge=0, le=1e9, description="the price under the fixed rule", json_schema_extra=GWEI_UNIT)
    bump_blocks: int = Field(
        0,
        ge=0,
        description="blocks after which a waiting transaction is replaced at a fresh price; 0: it waits",
        json_schema_extra={"unit": "blocks"},
    )


class Offer(NamedTuple):
    """The two fees of a transaction."""

    max_fee: int  # [wei per gas]
    max_tip: int  # [wei per gas]


class GasPrice:
    """The going price: the highest of the lowest prices that recent full blocks let in."""

    def __init__(self, *, legacy: bool) -> None:
        self._legacy = legacy
        self._floors: deque[int] = deque([0] * _MEMORY, maxlen=_MEMORY)
        self._going = 0
        self._offers: dict[int, tuple[GasRule, Offer]] = {}  # since the last change, by identity: rules are few
        self.base_fee = 0

    def block(self, lowest_tip: int | None, next_base_fee: int) -> None:
        """Take note of a block: the lowest tip in it if it was full, else None."""
        if lowest_tip is not None or self._going:
            self._floors.append(lowest_tip or 0)
            self._going = max(self._floors)
            self._offers.clear()
        if next_base_fee != self.base_fee:
            self.base_fee = next_base_fee
            self._offers.clear()

    @property
    def going_tip(self) -> int:
        """The tip [wei per gas] that would have been in each of the recent blocks."""
        return self._going if self._going > _LEAST else _LEAST

    def offer(self, rule: GasRule) -> Offer:
        """The fees under a rule. A fixed price is a cap; under EIP-1559 it holds base fee and tip together."""
        known = self._offers.get(id(rule))
        if known is None:
            known = self._offers[id(rule)] = (rule, self._offer(rule))
        return known[1]

    def _offer(self, rule: GasRule) -> Offer:
        if rule.rule == "fixed":
            cap = to_wei_per_gas(rule.gwei)
            return Offer(cap, cap)
        tip = round(self.going_tip * rule.multiple)
        # Twice the base fee is wallets' custom: it lasts six full blocks.
        return Offer(tip if self._legacy else 2 * self.base_fee + tip, tip)
