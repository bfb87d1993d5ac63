"""Two chains as one: everything is done on both, and the first difference ends the run."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from simulator.chain.accounts import Account
from simulator.chain.base import CallReverted, Chain
from simulator.chain.compare import Decoder, first_difference
from simulator.chain.types import ZERO_ADDRESS, Address, BlockEnv, Candidate, Outcome


class Twins:
    """A `Chain` that answers as the first does, and raises AssertionError where the second does not."""

    name = "twins"
    gas_mode = None

    def __init__(self, first: Chain, second: Chain) -> None:
        self._pair = (first, second)
        self._sides = (first.name, second.name)
        self.decoder = Decoder()
        self.met: Counter[str] = Counter()  # kinds of outcomes

    def execute(self, env: BlockEnv, candidates: Sequence[Candidate]) -> list[Outcome]:
        one, other = (chain.execute(env, candidates) for chain in self._pair)
        difference = first_difference(one, other, self.decoder, self._sides)
        assert difference is None, f"block {env.number}, base fee {env.base_fee}: {difference}"
        self.met.update(type(outcome).__name__ for outcome in one)
        self.met.update(f"status {receipt.status}" for receipt in one if hasattr(receipt, "status"))
        return one

    def call(self, to: Address, data: bytes, sender: Address = ZERO_ADDRESS) -> bytes:
        answers = [_answer(chain, to, data, sender) for chain in self._pair]
        assert answers[0] == answers[1], f"the view {self.decoder.call(to, data)}"
        done, output = answers[0]
        if not done:
            raise CallReverted(output)
        return output

    def _both(self, method: str, *arguments: Any) -> Any:
        one, other = (getattr(chain, method)(*arguments) for chain in self._pair)
        assert one == other, f"{method}{arguments}: {self._sides[0]} {one}, {self._sides[1]} {other}"
        return one

    def balance(self, address: Address) -> int:
        return self._both("balance", address)

    def nonce(self, address: Address) -> int:
        return self._both("nonce", address)

    def storage(self, address: Address, slot: int) -> int:
        return self._both("storage", address, slot)

    def code(self, address: Address) -> bytes:
        return self._both("code", address)

    def fund(self, address: Address, wei: int) -> None:
        self._both("fund", address, wei)

    def open_account(self, account: Account, wei: int) -> None:
        self.decoder.add(account.address, account.name)
        self._both("open_account", account, wei)

    def snapshot(self) -> int:
        return self._both("snapshot")

    def revert(self, mark: int) -> None:
        self._both("revert", mark)

    def close(self) -> None:
        self._both("close")


def _answer(chain: Chain, to: Address, data: bytes, sender: Address) -> tuple[bool, bytes]:
    try:
        return True, chain.call(to, data, sender)
    except CallReverted as fault:
        return False, fault.output
