"""A storm in the pace of the wall's clock, on a node that others join."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from eth_account import Account as Signer

from simulator.agents.base import AgentSettings, Desk, Fate
from simulator.chain.accounts import Account
from simulator.chain.devnet import MNEMONIC, WALLETS, Devnet, Foreign
from simulator.chain.gate import Advice
from simulator.chain.types import Address, Transaction
from simulator.deployment import Deployment, Holder, deployment_of
from simulator.protocols.base import Call, Lending
from simulator.results import Run, RunResult
from simulator.runfolder import RunFolder
from simulator.scenario import Scenario, import_user_code
from simulator.world import World

OUTSIDER: Final = "outsider"  # in the tables, whoever is no agent of the scenario
DEPLOYMENT: Final = "deployment.json"  # in the folder of the results
_TELL_SECONDS: Final = 5.0  # of the wall's clock, between lines of progress
_LATE_BLOCKS: Final = 5  # of delay before it is worth a word


class _Anything(Mapping[str, str]):
    """What an outsider risks is not for us to say: no revert of his is unexpected."""

    def __getitem__(self, error: str) -> str:
        return "an outsider's own risk"

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, error: object) -> bool:
        return True


def run_devnet(
    scenario: Scenario,
    seed: int,
    *,
    port: int,
    speed: float,
    out: Path,
    file: Path,
    ready: Callable[[Deployment], None],
    tell: Callable[[str], None],
) -> RunResult:
    """Run a scenario on an anvil at `port`, `speed` times as fast as the clock, and keep what came of it in `out`.

    `ready` is given the deployment when it stands in `file`, which is there for as long as the node is, and the first
    block is about to come. Raises ChainError where the node does not start.
    """
    scenario = import_user_code(scenario)
    settings = scenario.chain
    node = Devnet(chain_id=settings.id, gas_limit=settings.gas_limit, coinbase=Address(settings.coinbase), port=port)
    with closing(node):
        folder = RunFolder(out)

        def live(world: World) -> None:
            deployment = deployment_of(world, node.gate.url, wallets())
            deployment.write(folder.work / DEPLOYMENT)
            deployment.write(file)
            try:
                ready(deployment)
                Pacer(world, node, speed, tell).run()
            finally:
                deployment.withdraw(file)

        try:
            return Run(scenario, seed, node, folder).go(live)
        except BaseException:
            folder.discard()
            raise


def wallets() -> tuple[Holder, ...]:
    """The accounts that every devnet gives to whoever joins."""
    Signer.enable_unaudited_hdwallet_features()
    found = [Signer.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}") for number in range(WALLETS)]
    return tuple(
        Holder(f"wallet-{number}", str(Address(each.address)), "0x" + bytes(each.key).hex())
        for number, each in enumerate(found)
    )


class Pacer:
    """Lets one block come after the other when it is due, with what others have sent until then."""

    def __init__(self, world: World, node: Devnet, speed: float, tell: Callable[[str], None]) -> None:
        self._world, self._node, self._tell = world, node, tell
        self._seconds = world.block_seconds / speed  # of the wall's clock, between blocks
        self._abis = {contract.address: contract.abi for contract in world.genesis.deployed}
        self._random = world.streams.generator("outsiders")  # who draw nothing
        self._told = 0.0
        self._is_late = False

    def run(self) -> None:
        """To the end of the scenario."""
        self._show()
        began = self._told = time.monotonic()
        for step in range(1, self._world.steps + 1):
            self._await(began + step * self._seconds)
            for foreign in self._node.newcomers():
                self._admit(foreign)
            self._world.run_to(step)
            self._show()
            if time.monotonic() - self._told >= _TELL_SECONDS:
                self._told = time.monotonic()
                self._tell(self._status(step))

    def _await(self, due: float) -> None:
        early = due - time.monotonic()
        if early > 0:
            time.sleep(early)
        elif early < -_LATE_BLOCKS * self._seconds and not self._is_late:
            self._is_late = True
            self._tell(f"blocks come later than asked: one is due every {self._seconds:.3g} s")

    def _show(self) -> None:
        world = self._world
        gas = Advice(world.fees.base_fee, world.gas_price.going_tip)
        self._node.show(frozenset(world.pool.pending()), gas)

    def _admit(self, foreign: Foreign) -> None:
        world, tx = self._world, foreign.transaction
        if not foreign.is_known:
            self._refuse(foreign, "neither blobs nor delegations are carried here")
            return
        desk = Desk(world, Account(str(tx.sender), tx.sender, b""), OUTSIDER, AgentSettings(), self._random)
        call = Call(tx.to or tx.sender, tx.data, tx.gas, self._action(tx), "", _Anything(), tx.value)
        former = world.outbox.sent(tx)
        admission = world.outbox.adopt(tx, desk, call)
        if not admission.accepted:
            self._refuse(foreign, admission.reason)
            return
        self._node.keep(foreign)
        if admission.replaced is not None and former is not None:
            fate = Fate("replaced", "", None)
            world.observer.transaction(world.number, None, admission.replaced, former, fate, False)

    def _refuse(self, foreign: Foreign, reason: str) -> None:
        self._tell(f"refused transaction {foreign.hash} of {foreign.transaction.sender}: {reason}")

    def _action(self, tx: Transaction) -> str:
        if tx.to is None:
            return "create"
        abi = self._abis.get(tx.to)
        functions = abi.functions.values() if abi else ()
        unknown = "call" if tx.data else "transfer"
        return next((each.name for each in functions if each.selector == tx.data[:4]), unknown)

    def _status(self, step: int) -> str:
        world = self._world
        hours, minutes = divmod(step * world.block_seconds // 60, 60)
        prices = ", ".join(f"{asset} {world.market.price(asset):,.2f}" for asset in world.scenario.market)
        lendings = world.capabilities(Lending)
        positions = sum([len(lending.book) for lending in lendings])
        unsafe = sum([len(world.unsafe(lending.id)) for lending in lendings])
        filled = world.liquidations.filled + world.perp_log.filled + world.margin_log.filled
        fee, tip = world.gas_price.base_fee / 1e9, world.gas_price.going_tip / 1e9
        return (
            f"{hours:3d}:{minutes:02d}  block {world.number:,}  {prices}  base fee {fee:.3g} gwei, tip {tip:.3g}  "
            f"{positions} positions, {unsafe} unsafe, {filled} liquidations  {len(world.pool)} waiting"
        )
