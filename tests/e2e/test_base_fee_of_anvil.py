"""The fee market against a node's own: anvil says the base fee of the next block itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from nodes import need_anvil

from simulator.chain.anvil import AnvilProcess
from simulator.chain.rpc import IpcConnection, ask
from simulator.mempool import Eip1559
from simulator.validation.base_fee import Filling, following

pytestmark = pytest.mark.anvil
LIMIT = 400_001  # odd: half of it is rounded down
SENDER, SINK = "0x" + "a1" * 20, "0x" + "b2" * 20


@contextmanager
def node(base_fee: int) -> Iterator[IpcConnection]:
    need_anvil()
    flags = ["--gas-limit", str(LIMIT), "--block-base-fee-per-gas", str(base_fee), "--no-mining", "--auto-impersonate"]
    process = AnvilProcess([*flags, "--accounts", "0", "--disable-default-create2-deployer", "--order", "fifo"])
    connection = IpcConnection(process.ipc, "anvil")
    try:
        yield connection
    finally:
        connection.close()
        process.stop()


def mine(connection: IpcConnection, bytes_of_data: int | None) -> Filling:
    """The header of a block with one transfer of so many bytes of calldata, each 16 gas, or with nothing."""
    if bytes_of_data is not None:
        gas = hex(21_000 + 16 * bytes_of_data)
        fees = {"maxFeePerGas": hex(10**17), "maxPriorityFeePerGas": "0x0"}
        fields = {"from": SENDER, "to": SINK, "gas": gas, "input": "0x" + "11" * bytes_of_data, **fees}
        ask(connection, "eth_sendTransaction", fields)
    ask(connection, "anvil_mine", "0x1")
    header = ask(connection, "eth_getBlockByNumber", "latest", False)
    return Filling(*(int(header[name], 16) for name in ("baseFeePerGas", "gasLimit", "gasUsed")))


@pytest.mark.parametrize("base_fee", [1, 7, 1_000_000_007, 987_654_321_987_654])
def test_the_base_fee_is_that_of_anvil_block_after_block(base_fee):
    random = np.random.default_rng(base_fee)
    target = (LIMIT // 2 - 21_000) // 16
    with node(base_fee) as connection:
        ask(connection, "anvil_setBalance", SENDER, hex(10**30))
        sizes = [None, None, target, target + 1, 23_600, *random.integers(0, 23_600, 45).tolist()]
        headers = [mine(connection, size) for size in sizes]
    market = Eip1559(headers[0].base_fee, LIMIT)
    assert headers[0].base_fee >= 1
    assert max(header.gas_used for header in headers) > 0.99 * LIMIT
    assert min(header.gas_used for header in headers) == 0
    for parent, header in pairwise(headers):
        market.advance(parent.gas_used)
        assert market.base_fee == header.base_fee == following(parent)
