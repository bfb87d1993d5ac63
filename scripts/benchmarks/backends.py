"""The same vaults on every chain, side by side: CDP transactions a second with fees charged and receipts and logs read.

Fast and exact in this process, anvil over its socket, and the same anvil as most scripts use a node: web3's transact,
then wait for the receipt. All take turns within each round, and ratios are taken within it. The wall's clock is used,
as a node works in a process of its own; so nothing else should run beside it.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from web3 import HTTPProvider, Web3

from benchmarks import vaults
from benchmarks.timing import spread
from benchmarks.verdict import Limit, Verdict
from simulator.chain.anvil import AnvilChain
from simulator.chain.base import Chain
from simulator.chain.rpc import ask
from simulator.chain.types import Address, Receipt, Transaction
from simulator.scenario import Scenario

_SIZE: Final = 50
_OTHER_SIZES: Final = (5, 300)  # printed, not bound
LIMITS: Final = (
    Limit("fast_over_anvil", ">=", 6),
    Limit("exact_over_anvil", ">=", 1.3),
    Limit("anvil_over_web3", ">=", 12),
)


def measure(small: bool) -> Verdict:
    """Transactions a second by backend and block size, and the ratios that are bound."""
    transactions, rounds = (900, 3) if small else (6_000, 7)
    scenario = vaults.load(vaults.MONTH, {"world.hours": 0, "chain.gas_limit": 200_000_000})
    chains = {
        "fast": vaults.new_chain(scenario, "fast"),
        "exact": vaults.new_chain(scenario, "exact"),
        "anvil": new_anvil(scenario),
    }
    try:
        return Verdict(compare(scenario, chains, transactions, rounds), LIMITS)
    finally:
        for chain in chains.values():
            chain.close()


def new_anvil(scenario: Scenario) -> AnvilChain:
    """A node with the scenario's constants."""
    settings = scenario.chain
    return AnvilChain(chain_id=settings.id, gas_limit=settings.gas_limit, coinbase=Address(settings.coinbase))


def compare(scenario: Scenario, chains: dict[str, Any], transactions: int, rounds: int) -> dict[str, Any]:
    """All the figures."""
    mixes = {name: vaults.Mix(vaults.unrecorded(scenario, chain)) for name, chain in chains.items()}
    for mix in mixes.values():
        rate(mix, 500, _SIZE)
    figures: dict[str, Any] = {}
    for size in (*_OTHER_SIZES, _SIZE):
        found: dict[str, list[float]] = {name: [] for name in (*mixes, "web3")}
        for _ in range(rounds if size == _SIZE else 3):
            for name, mix in mixes.items():
                found[name].append(rate(mix, transactions, size))
            if size == _SIZE:
                found["web3"].append(web3_rate(mixes["anvil"], chains["anvil"], transactions // 20))
        figures |= {f"{name}_per_second_{size}": round(median(rates)) for name, rates in found.items() if rates}
    return figures | ratios(found)


def ratios(found: dict[str, list[float]]) -> dict[str, Any]:
    """Medians over the rounds, and spreads."""
    figures: dict[str, Any] = {}
    for one, other in (("fast", "anvil"), ("exact", "anvil"), ("anvil", "web3")):
        values = [a / b for a, b in zip(found[one], found[other], strict=True)]
        figures |= {f"{one}_over_{other}": round(median(values), 3), f"{one}_over_{other}_spread": spread(values, 3)}
    return figures


def rate(mix: vaults.Mix, transactions: int, size: int) -> float:
    """Transactions a second through a chain; each must succeed, and its logs are read."""
    blocks = mix.blocks(transactions // size, size)
    return blocks_per(lambda: run(mix.chain, blocks)) * len(blocks) * size


def blocks_per(act: Callable[[], None]) -> float:
    """How often in a second."""
    gc.collect()
    began = time.perf_counter()
    act()
    return 1 / (time.perf_counter() - began)


def run(chain: Chain, blocks: list[vaults.Block]) -> None:
    """Execute blocks. Raises AssertionError for a transaction that fails."""
    for env, transactions in blocks:
        for outcome in chain.execute(env, transactions):
            assert type(outcome) is Receipt and outcome.status and outcome.logs, outcome  # noqa: PT018


def web3_rate(mix: vaults.Mix, chain: AnvilChain, transactions: int) -> float:
    """The same on the same node as a script does it: one at a time, mined at once."""
    ((_, ready),) = mix.blocks(1, transactions)
    web3 = Web3(HTTPProvider(chain.process.url))
    connection = chain._connection
    mark = chain.snapshot()
    ask(connection, "anvil_setNextBlockBaseFeePerGas", hex(ready[0].max_tip))
    ask(connection, "evm_setAutomine", True)

    def act() -> None:
        for tx in ready:
            sent = web3.eth.send_transaction(fields(web3, tx))
            receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.001)  # its own 0.1 s is all waiting
            assert receipt["status"] == 1, receipt
            assert receipt["logs"], receipt

    try:
        return blocks_per(act) * transactions
    finally:
        ask(connection, "evm_setAutomine", False)
        chain.revert(mark)
        mix.take_back(ready)


def fields(web3: Web3, tx: Transaction) -> Any:
    """A transaction as web3 takes it; with nothing left to ask the node for."""
    return {
        "from": web3.to_checksum_address(tx.sender),
        "to": web3.to_checksum_address(tx.to or ""),
        "nonce": tx.nonce,
        "data": "0x" + tx.data.hex(),
        "value": tx.value,
        "gas": tx.gas,
        "maxFeePerGas": 100 * tx.max_fee,
        "maxPriorityFeePerGas": tx.max_tip,
        "chainId": 31337,
    }
