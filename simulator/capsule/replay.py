"""Run the transactions of a capsule again, without market, agents or anybody's code, and compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from simulator.capsule.content import MARK_BYTES, Capsule, Expected, Page
from simulator.capsule.tape import play
from simulator.chain.backends import open_chain
from simulator.chain.base import Chain
from simulator.chain.types import Address, BundleReceipt, Outcome, Receipt, Skipped, Transaction
from simulator.digest import Digest, included, receipt_hash
from simulator.record import Recorder
from simulator.tables import Tables

Progress = Callable[[int, int], None]
Value = float | int | None

# Those that follow from blocks and transactions. The rest know of the market and of what agents meant: they are the
# recorded run's.
FROM_CHAIN: Final = ("transactions", "blocks", "gas_used", "base_fee_gwei_max", "reverts")


@dataclass(frozen=True)
class Replay:
    """What a replay found."""

    digest: str
    difference: str | None  # where it first differs from the recorded run, in one line
    blocks: int  # those of set-up too
    transactions: int  # likewise
    metrics: Mapping[str, Value]  # those of `FROM_CHAIN`


def replay(capsule: Capsule, chain: str = "revm", progress: Progress | None = None) -> Replay:
    """Replay on `revm`, in the capsule's gas mode, or on another chain. Raises ChainError, ConfigError."""
    with closing(_open(capsule, chain)) as opened:
        return _Replay(capsule, opened).run(progress)


def _open(capsule: Capsule, name: str) -> Chain:
    settings = capsule.chain
    constants: dict[str, Any] = {"chain_id": settings["id"], "gas_limit": settings["gas_limit"]}
    constants["coinbase"] = Address(settings["coinbase"])
    if capsule.fork is not None:
        from simulator.chain.fork import find_fork

        constants["fork"] = find_fork(capsule.fork["url"], capsule.fork["block"])
    gas = settings["gas"] if name == "revm" else None
    return open_chain(name, gas, lambda _: None, **constants)


class _Replay:
    """One replay on a chain that nobody has used."""

    def __init__(self, capsule: Capsule, chain: Chain) -> None:
        self._capsule, self._chain = capsule, chain
        self._digest = Digest(capsule.digest_version)
        self._recorder = Recorder()
        self._blocks = self._transactions = 0
        self._difference: str | None = None

    def run(self, progress: Progress | None) -> Replay:
        total = sum(1 for _ in self._capsule.pages)
        tick = max(1, total // 100)
        for page, outcomes in play(self._chain, self._capsule.steps):
            self._page(page, outcomes)
            if progress is not None and self._blocks % tick == 0:
                progress(self._blocks, total)
        self._end()
        metrics = _computed(self._recorder.tables())
        return Replay(self._digest.hexdigest(), self._difference, self._blocks, self._transactions, metrics)

    def _page(self, page: Page, outcomes: Sequence[Outcome]) -> None:
        receipts = list(included(outcomes))
        used = sum(receipt.gas_used for receipt in receipts)
        self._digest.block(page.env, used + page.gas_virtual, outcomes)
        self._difference = self._difference or difference(page, outcomes)
        if self._blocks >= self._capsule.setup:
            self._note(page, receipts, used)
        self._blocks += 1
        self._transactions += len(receipts)

    def _note(self, page: Page, receipts: Sequence[Receipt], used: int) -> None:
        """A block and its transactions as rows that metrics read."""
        env = page.env
        self._recorder.add_block(
            env.number, env.timestamp, env.base_fee, used, page.gas_virtual, env.gas_limit, len(receipts), None
        )
        for index, receipt in enumerate(receipts):
            tx = receipt.transaction
            status = "included" if receipt.status else "reverted"
            call = (tx.sender, tx.nonce, tx.to, tx.value, "", tx.gas, receipt.gas_used, receipt.effective_price)
            self._recorder.add_transaction(env.number, index, "", "", *call, status, None, False, env.timestamp)

    def _end(self) -> None:
        found = [(each.address, *self._holds(each.address)) for each in self._capsule.held]
        self._digest.finish(found)
        if self._difference is not None or self._digest.hexdigest() == self._capsule.digest:
            return
        for (address, wei, nonce), held in zip(found, self._capsule.held, strict=True):
            if (wei, nonce) != (held.wei, held.nonce):
                was = f"where it held {held.wei} with nonce {held.nonce}"
                self._difference = f"at the end {address} holds {wei} wei with nonce {nonce}, {was}"
                return
        self._difference = "the digest is another, and no block is"

    def _holds(self, address: Address) -> tuple[int, int]:
        return self._chain.balance(address), self._chain.nonce(address)


def difference(page: Page, outcomes: Sequence[Outcome]) -> str | None:
    """The first transaction of a block that came out otherwise, in one line; None where all are equal."""
    found = list(_by_transaction(outcomes))
    for index, (tx, expected, became) in enumerate(zip(page.transactions, page.expected, found, strict=True)):
        what = _differing(expected, became)
        if what is not None:
            whose = f"{expected.agent} {expected.action}".strip() or "set-up"
            return f"block {page.env.number}, transaction {index} ({whose}, from {tx.sender}): {what}"
    return None


def _by_transaction(outcomes: Sequence[Outcome]) -> Iterator[Receipt | Skipped]:
    """What became of each transaction, those of bundles one by one."""
    for outcome in outcomes:
        if isinstance(outcome, BundleReceipt):
            yield from outcome.receipts
        elif isinstance(outcome, Receipt):
            yield outcome
        elif isinstance(outcome, Skipped):
            candidate = outcome.candidate
            yield from [outcome] * (1 if isinstance(candidate, Transaction) else len(candidate.transactions))


def _differing(expected: Expected, became: Receipt | Skipped) -> str | None:
    if isinstance(became, Skipped):
        return f"it was included, and now is not: {became.reason}"
    if became.status != expected.status:
        words = {True: "succeeded", False: "reverted"}
        return f"it {words[expected.status]}, and now it {words[became.status]}"
    if became.gas_used != expected.gas_used:
        return f"it used {expected.gas_used:,} gas, and now it uses {became.gas_used:,}"
    if receipt_hash(became)[:MARK_BYTES] != expected.mark:
        return "its price, events or created contract are others"
    return None


def _computed(tables: Tables) -> dict[str, Value]:
    from simulator.metrics import compute

    return compute(tables, FROM_CHAIN)
