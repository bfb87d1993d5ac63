"""What a world tells of itself: rows for the recorder, blocks for the digest."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from simulator.agents.base import Fate
from simulator.chain.abi import DecodedEvent
from simulator.chain.types import Address, BlockEnv, BundleReceipt, Outcome, Receipt, Transaction
from simulator.digest import Digest
from simulator.liquidations import NeutralEvent
from simulator.outbox import Sent
from simulator.protocols.base import Oracle, Pool, Sample
from simulator.record import Recorder

if TYPE_CHECKING:
    from simulator.world import World

_SUBJECTS = ("auctionId", "owner", "id")  # the argument that names what an event is about; else its first


class Observer:
    """Passes a world's doings on; without a recorder only the digest is kept."""

    def __init__(self, recorder: Recorder | None, digest: Digest | None) -> None:
        self._recorder, self._digest = recorder, digest
        self._priced: list[tuple[str, Oracle | None, Pool | None]] = []  # each asset with what prices it on chain

    @property
    def records(self) -> bool:
        """Whether anybody keeps rows, so that sampling is worth its time."""
        return self._recorder is not None

    def genesis_block(self, env: BlockEnv, outcomes: Sequence[Outcome], gas_used: int) -> None:
        """A block of set-up: part of what happened on the chain, and of no table."""
        if self._digest is not None:
            self._digest.block(env, gas_used, outcomes)

    def block(
        self, env: BlockEnv, outcomes: Sequence[Outcome], gas_used: int, virtual: int, lowest_tip: int | None
    ) -> None:
        """One block; `lowest_tip` of it [wei per gas] where it was full."""
        if self._digest is not None:
            self._digest.block(env, gas_used, outcomes)
        if self._recorder is not None:
            count = sum(_count(outcome) for outcome in outcomes)
            floor = None if lowest_tip is None else (lowest_tip + env.base_fee) / 1e9
            self._recorder.add_block(
                env.number, env.timestamp, env.base_fee, gas_used - virtual, virtual, env.gas_limit, count, floor
            )

    def transaction(
        self, block: int, index: int | None, tx: Transaction, sent: Sent, fate: Fate, unexpected: bool
    ) -> None:
        """A transaction of an agent, when its fate is known."""
        if self._recorder is None:
            return
        receipt = fate.receipt
        self._recorder.add_transaction(
            block,
            index,
            sent.desk.agent,
            sent.desk.account.name,
            tx.sender,
            tx.nonce,
            tx.to,
            tx.value,
            sent.call.action,
            tx.gas,
            receipt.gas_used if receipt else None,
            receipt.effective_price if receipt else None,
            fate.status,
            fate.reason,
            unexpected,
            sent.submitted,
            receipt.created if receipt else None,
        )

    def event(self, block: int, index: int, log: int, protocol: str, event: DecodedEvent) -> None:
        """An event of a contract."""
        if self._recorder is not None:
            named = [event.args[key] for key in _SUBJECTS if key in event.args] or list(event.args.values())
            subject = str(_readable(named[0])) if named else ""
            self._recorder.add_event(block, index, log, protocol, event.name, subject, event.args)

    def neutral(self, block: int, protocol: str, row: NeutralEvent) -> None:
        """A protocol-neutral event."""
        if self._recorder is not None:
            self._recorder.add_event(block, None, None, protocol, row.name, row.subject, row.args)

    def prices(self, world: "World") -> None:
        """Every asset's prices now."""
        recorder, market = self._recorder, world.market
        if recorder is None:
            return
        for asset, oracle, pool in self._priced or self._find_prices(world):
            price = oracle.usable_price(world.now) if oracle else None
            pool_price = pool.price * market.price(pool.assets[1]) if pool and pool.price else None
            recorder.add_price(
                world.number,
                world.now,
                asset,
                market.exogenous(asset),
                market.price(asset),
                price,
                oracle.price_time if oracle else None,
                pool_price,
            )

    def _find_prices(self, world: "World") -> list[tuple[str, Oracle | None, Pool | None]]:
        oracles = {oracle.asset: oracle for oracle in world.capabilities(Oracle)}
        pools = {pool.assets[0]: pool for pool in world.capabilities(Pool)}
        self._priced = [(asset, oracles.get(asset), pools.get(asset)) for asset in world.market.assets]
        return self._priced

    def sample(self, block: int, protocol: str, sample: Sample) -> None:
        """A protocol's positions and measures."""
        recorder = self._recorder
        if recorder is None:
            return
        if sample.positions:
            recorder.add_positions_array(
                block, protocol, sample.positions, sample.owners, sample.equity_usd, sample.required_usd, sample.health
            )
        for subject, name, value in sample.measures:
            recorder.add_measure(block, protocol, subject, name, value)

    def measures(self, block: int, protocol: str, rows: Iterable[tuple[str, str, float]]) -> None:
        """Numbers that are of no protocol's sample: subject, name, value."""
        if self._recorder is not None:
            for subject, name, value in rows:
                self._recorder.add_measure(block, protocol, subject, name, value)

    def finish(self, accounts: Sequence[tuple[Address, int, int]]) -> None:
        """The final ether and nonces."""
        if self._digest is not None:
            self._digest.finish(accounts)


def _count(outcome: Outcome) -> int:
    if type(outcome) is Receipt:
        return 1
    return len(outcome.receipts) if type(outcome) is BundleReceipt else 0


def _readable(value: object) -> object:
    return value.rstrip(b"\0").decode("ascii", "replace") if isinstance(value, bytes) else value
