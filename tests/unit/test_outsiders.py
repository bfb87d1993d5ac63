"""What somebody outside of the scenario sends lives by the pool's rules, also with the key of an agent."""

from types import SimpleNamespace
from typing import Any

import pytest
import simpy

from simulator.agents.base import AgentSettings, Fate
from simulator.chain.types import Address, Receipt, Transaction
from simulator.gas_price import GasPrice
from simulator.mempool import Mempool
from simulator.outbox import Outbox
from simulator.protocols.base import Call

AGENT, OUTSIDER, MARKET = (Address("0x" + digit * 40) for digit in "123")
GWEI = 10**9


class World:
    """An outbox and what it needs."""

    def __init__(self) -> None:
        self.clock = simpy.Environment()
        self.pool = Mempool()
        self.shown: list[Transaction] = []
        prices = GasPrice(legacy=False)
        prices.block(None, GWEI)
        chain: Any = SimpleNamespace(nonce=lambda _: 0)
        self.outbox = Outbox(
            self.clock, chain, self.pool, prices, 0, show=lambda tx, _: self.shown.append(tx), refuse=lambda *_: None
        )
        self.desk: Any = SimpleNamespace(address=AGENT, settings=AgentSettings(latency_seconds=0))
        self.stranger: Any = SimpleNamespace(address=OUTSIDER, settings=AgentSettings())

    def agent_sends(self) -> tuple[Transaction, simpy.Event]:
        answer = self.clock.event()
        self.outbox.send(self.desk, Call(MARKET, b"", 50_000, "liquidate", "position", {}), answer)
        (tx,) = self.pool.pending()
        return tx, answer

    def adopt(self, tx: Transaction) -> Any:
        return self.outbox.adopt(tx, self.stranger, Call(MARKET, b"", 50_000, "call", "", {}))


@pytest.fixture
def world() -> World:
    return World()


def transaction(sender: Address, nonce: int = 0, fee: int = 10 * GWEI) -> Transaction:
    return Transaction(sender, nonce, MARKET, b"", 0, 50_000, fee, fee)


def test_it_waits_in_the_pool_and_is_shown_to_those_who_watch(world):
    tx = transaction(OUTSIDER)
    world.outbox.watched = True
    assert world.adopt(tx).accepted
    assert list(world.pool.pending()) == world.shown == [tx]
    sent = world.outbox.settle(tx, Fate("included", "", Receipt(tx, True, 21_000, GWEI, b"", ())))
    assert sent.desk is world.stranger


def test_an_agent_whose_transaction_was_replaced_with_its_key_hears_of_it(world):
    first, answer = world.agent_sends()
    assert world.outbox.is_contested(world.desk, world.outbox.sent(first).call)
    call = world.outbox.sent(first).call
    dear = transaction(AGENT, first.nonce, first.max_fee * 2)
    assert world.adopt(dear).replaced == first
    world.clock.run()
    assert answer.value == Fate("replaced", "", None)
    assert not world.outbox.is_contested(world.desk, call)  # nobody does the same any more
    assert [sent.transaction for sent in world.outbox.unsettled()] == [dear]


def test_one_that_is_refused_changes_nothing(world):
    first, answer = world.agent_sends()
    assert not world.adopt(transaction(AGENT, first.nonce, first.max_fee + 1)).accepted
    assert not answer.triggered
    assert world.outbox.sent(first).desk is world.desk


def test_an_agent_goes_on_behind_the_nonce_that_an_outsider_used_with_its_key(world):
    world.agent_sends()
    world.adopt(transaction(AGENT, nonce=1))
    world.outbox.send(world.desk, Call(MARKET, b"", 50_000, "bid", "", {}))
    assert [tx.nonce for tx in world.pool.pending()] == [0, 1, 2]
