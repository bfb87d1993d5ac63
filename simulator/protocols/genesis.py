"""The blocks before the storm: contracts are deployed, tokens handed out, positions opened."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.exceptions import DecodingError

from simulator.chain.abi import Abi
from simulator.chain.accounts import Account, account
from simulator.chain.artifacts import Artifact, load_artifact
from simulator.chain.base import CallReverted, Chain
from simulator.chain.types import Address, BlockEnv, Outcome, Receipt, Transaction
from simulator.errors import ConfigError, SetupError, UnsupportedOpcode
from simulator.units import WAD, from_wad

if TYPE_CHECKING:
    from simulator.protocols.base import Call, Oracle
    from simulator.protocols.theirs import Theirs

_CALL_GAS = 1_000_000
_DEPLOY_GAS = 8_000_000
_HANDING_OUT = "handing out"
_ETHER = 10_000 * WAD  # [wei] for gas, to every account that asks


class Contract(NamedTuple):
    """A deployed contract and its ABI."""

    name: str
    address: Address
    abi: Abi

    def encode(self, function: str, *args: Any) -> bytes:
        """Calldata."""
        return self.abi.functions[function].encode(*args)

    def read(self, chain: Chain, function: str, *args: Any) -> Any:
        """The answer of a view. Raises CallReverted."""
        entry = self.abi.functions[function]
        return entry.decode(chain.call(self.address, entry.encode(*args)))


class Placing(NamedTuple):
    """A deployed contract, for whom, and the file that has its ABI."""

    scope: str
    contract: Contract
    abi: Path | None


class Feed(NamedTuple):
    """The price of an asset on chain: where a consumer reads it, and the reporter's side."""

    consumer: Address  # an IPrice
    oracle: "Oracle"


class Genesis:
    """Set-up on a chain that nobody else uses yet: no fees, no competition, every revert is an error.

    Blocks are a second apart, full of what was sent since the last one. What is deployed is known to every later
    plug-in through `tokens`, `feeds` and `pools`, by market symbol.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        seed: int,
        start: int,
        begin: int,
        gas_limit: int,
        prices: Mapping[str, float],
        observe: Callable[[BlockEnv, Sequence[Outcome]], None],
        number: int = 0,
        attached: Mapping[str, Address] | None = None,
        target: Path | None = None,
    ) -> None:
        self.chain = chain
        self.start = start
        self.number = number  # of the latest block
        self._target = target  # the folder of a user's compiled contracts
        self._attached = attached or {}  # contracts that are there already, by scope and name
        self.tokens: dict[str, Contract] = {}
        self.feeds: dict[str, Feed] = {}
        self.pools: dict[tuple[str, str], Contract] = {}  # by base and quote
        self.scope = ""  # for whom contracts are deployed at the moment: a protocol's id, say
        self.placed: list[Placing] = []
        self.found: list[Contract] = []  # of them, those that were there before
        self.bytecode: dict[str, str] = {}  # contract name -> source hash, for the manifest
        self._seed = seed
        self._gas_limit = gas_limit
        self._prices = prices
        self._time = begin
        self._observe = observe
        self._queue: list[tuple[Transaction, str, Abi | None]] = []
        self._nonces: dict[Address, int] = {}
        self._accounts: dict[str, Account] = {}
        self.deployer = self.account("deployer").address
        self.exchange = self.account("exchange").address

    @property
    def deployed(self) -> list[Contract]:
        """Every contract made so far."""
        return [placing.contract for placing in self.placed]

    @property
    def now(self) -> int:
        """The time of the latest block [unix s]."""
        return self._time

    def advance_to(self, time: int) -> None:
        """Let the next block be at `time` [unix s], which must not have passed. Raises ConfigError."""
        self.flush()
        if time <= self._time:
            raise ConfigError("the set-up does not fit its time", mend="raise chain.gas_limit or lower the counts")
        self._time = time - 1

    @property
    def accounts(self) -> list[Account]:
        """Every account made so far."""
        return list(self._accounts.values())

    def account(self, name: str) -> Account:
        """The account of a name under the scenario's seed, with ether for gas."""
        if name not in self._accounts:
            made = self._accounts[name] = account(self._seed, name)
            self.chain.open_account(made, _ETHER)
        return self._accounts[name]

    # ------------------------------------------------------------ contracts

    @cached_property
    def target(self) -> "Theirs":
        """The contracts of the scenario's `[target]`, by name. Raises ConfigError where it has none."""
        from simulator.chain.artifact_folders import ArtifactFolder
        from simulator.protocols.theirs import Theirs

        if self._target is None:
            raise ConfigError(
                f"{self.scope} asks for contracts of its own, but the scenario says not where they are",
                mend='add [target] with artifacts = "out"',
            )
        return Theirs(self, ArtifactFolder(self._target))

    def deploy(self, artifact: str | Artifact, *args: Any, libraries: Sequence[Abi] = ()) -> Contract:
        """Deploy a contract of ours by name, or any artifact. Raises SetupError where its constructor reverts.

        `libraries` are ABIs whose errors and events come through it.
        """
        if isinstance(artifact, str):
            artifact = load_artifact(artifact)
        self.flush()
        abi = artifact.abi.merged(*libraries) if libraries else artifact.abi
        gas = min(_DEPLOY_GAS, self._gas_limit)
        tx = Transaction(
            self.deployer, self._next_nonce(self.deployer), None, artifact.creation_code(*args), 0, gas, 0, 0
        )
        try:
            (receipt,) = self._block([(tx, f"{artifact.name} constructor", abi)])
        except UnsupportedOpcode as fault:
            raise UnsupportedOpcode(fault.what, artifact.name, fault.mend) from fault  # its name instead of its address
        assert receipt.created is not None
        self.bytecode[artifact.name] = artifact.source_hash
        contract = Contract(artifact.name, receipt.created, abi)
        self.placed.append(Placing(self.scope, contract, artifact.path))
        return contract

    def has(self, name: str = "") -> bool:
        """Whether a contract of this name, or any, is there already in the current scope."""
        return any(key.startswith(f"{self.scope}/{name}") for key in self._attached)

    def find(self, name: str, libraries: Sequence[Abi] = ()) -> Contract:
        """The contract of ours that is there already in the current scope. Raises ConfigError."""
        key = f"{self.scope}/{name}"
        address = self._attached.get(key)
        if address is None:
            known = ", ".join(self._attached)
            raise ConfigError(f"no address of {key} to attach", where="chain.fork", mend=f"those given: {known}")
        return self.at(name, address, libraries)

    def at(self, name: str, address: Address, libraries: Sequence[Abi] = ()) -> Contract:
        """A contract of ours at an address. Raises ConfigError where there is none."""
        if not self.chain.code(address):
            what = f"{self.scope}/{name}: nothing is deployed at {address}"
            raise ConfigError(what, where="chain.fork", mend="check url and block")
        artifact = load_artifact(name)
        contract = Contract(name, address, artifact.abi.merged(*libraries) if libraries else artifact.abi)
        self.placed.append(Placing(self.scope, contract, artifact.path))
        self.found.append(contract)
        return contract

    def answers(self, name: str, address: Address, function: str) -> bool:
        """Whether what is at an address has a view of a contract of ours."""
        try:
            Contract(name, address, load_artifact(name).abi).read(self.chain, function)
        except (CallReverted, DecodingError, ValueError):
            return False
        return True

    def take_over(self, contract: Contract) -> None:
        """Make the deployer the owner of a contract that is there already; nobody checks signatures here."""
        owner = Address(self.ask(contract, "owner"))
        if owner != self.deployer:
            self.call(contract, "transferOwnership", self.deployer, sender=owner)
            self.flush()

    def ask(self, contract: Contract, function: str, *args: Any) -> Any:
        """The answer of a view of an attached contract. Raises ConfigError where it is another contract."""
        try:
            return contract.read(self.chain, function, *args)
        except (CallReverted, DecodingError, ValueError) as fault:
            raise ConfigError(
                f"{contract.address} does not answer {contract.name}.{function}",
                where="chain.fork",
                mend="attach the address of such a contract",
            ) from fault

    def call(self, contract: Contract, function: str, *args: Any, sender: Address | None = None) -> None:
        """Queue a call of a contract, by the deployer unless said otherwise."""
        data = contract.encode(function, *args)
        self.send(sender or self.deployer, contract.address, data, f"{contract.name}.{function}", contract.abi)

    def submit(self, call: "Call", sender: Address, abi: Abi | None = None) -> None:
        """Queue what a capability offers."""
        if call.after is not None:
            self.submit(call.after, sender, abi)
        self.send(sender, call.to, call.data, call.action, abi, max(call.gas, _CALL_GAS))

    def send(
        self, sender: Address, to: Address, data: bytes, what: str, abi: Abi | None = None, gas: int = _CALL_GAS
    ) -> None:
        """Queue a transaction. A revert becomes SetupError with `what` and the decoded reason."""
        # By the limits asked for, so that none is passed over for room.
        if gas > _CALL_GAS and sum(tx.gas for tx, _, _ in self._queue) + gas > self._gas_limit:
            self.flush()
        tx = Transaction(sender, self._next_nonce(sender), to, data, 0, min(gas, self._gas_limit), 0, 0)
        self._queue.append((tx, what, abi))
        if sum(tx.gas for tx, _, _ in self._queue) + _CALL_GAS > self._gas_limit:
            self.flush()

    def flush(self) -> None:
        """Put what is queued into a block. Raises SetupError for the first revert."""
        if self._queue:
            queue, self._queue = self._queue, []
            self._block(queue)

    def try_read(self, contract: Contract, function: str, *args: Any) -> Any:
        """The answer of a view after what is queued, None where it reverts."""
        self.flush()
        try:
            return contract.read(self.chain, function, *args)
        except CallReverted:
            return None

    # --------------------------------------------------------------- tokens

    def endow(self, asset: str, owner: Address, amount: int) -> None:
        """Hand out `amount` [wad] of an asset: minted where we may, else out of what was drawn and sold before.

        Raises ConfigError for an asset without a token.
        """
        token = self.token(asset)
        if amount <= 0:
            return
        if self.is_drawn(asset):
            what = f"{_HANDING_OUT} {from_wad(amount):,.0f} {asset}"
            self.send(self.exchange, token.address, token.encode("transfer", owner, amount), what, token.abi)
        else:
            self.call(token, "mint", owner, amount)

    def bring(self, id: str, asset: str, owner: Address, amount: int, setting: str) -> None:
        """Endow, or say which `setting` of `id` asks for more [wad] than was drawn. Raises ConfigError."""
        if self.is_drawn(asset) and (stock := self.float_of(asset)) < amount:
            asked, drawn = from_wad(amount), from_wad(stock)
            raise ConfigError(
                f"{setting} asks for {asked:,.0f} {asset}, but only {drawn:,.0f} were drawn and sold",
                where=id,
                mend="lower it, or raise the borrowers' debt",
            )
        self.endow(asset, owner, amount)

    def is_drawn(self, asset: str) -> bool:
        """Whether an asset comes into being only as somebody's debt."""
        return self.token(asset).name != "CollateralToken"

    def price(self, asset: str) -> float:
        """The reference price at the start [usd]. Raises ConfigError."""
        if asset not in self._prices:
            raise ConfigError(f"no market for {asset}", mend=f"add [market.{asset}]")
        return self._prices[asset]

    def token(self, asset: str) -> Contract:
        """The token of a market symbol. Raises ConfigError."""
        if asset not in self.tokens:
            known = ", ".join(self.tokens) or "none"
            raise ConfigError(f"{asset} has no token on chain", mend=f"those that have one: {known}")
        return self.tokens[asset]

    def float_of(self, asset: str) -> int:
        """What the exchange holds of an asset [wad]."""
        self.flush()
        return int(self.token(asset).read(self.chain, "balanceOf", self.exchange))

    def approve(self, asset: str, owner: Address, spender: Address) -> None:
        """Let `spender` pull any amount from `owner`."""
        self.call(self.token(asset), "approve", spender, 2**256 - 1, sender=owner)

    # --------------------------------------------------------------- blocks

    def _next_nonce(self, sender: Address) -> int:
        nonce = self._nonces.get(sender, self.chain.nonce(sender))
        self._nonces[sender] = nonce + 1
        return nonce

    def _block(self, queue: list[tuple[Transaction, str, Abi | None]]) -> list[Receipt]:
        self.number += 1
        self._time += 1
        env = BlockEnv(self.number, self._time, 0, self._gas_limit)
        outcomes = self.chain.execute(env, [tx for tx, _, _ in queue])
        receipts = []
        for outcome, (_, what, abi) in zip(outcomes, queue, strict=True):
            if not isinstance(outcome, Receipt):
                raise SetupError(f"{what} was not included: {getattr(outcome, 'reason', outcome)}", where="set-up")
            if not outcome.status:
                known = [contract.abi for contract in self.deployed]
                reason = (abi or Abi([])).merged(*known).decode_revert(outcome.output)
                raise SetupError(f"{what} reverted: {reason}", where="set-up", mend=_mend(what, reason.name))
            receipts.append(outcome)
        self._observe(env, outcomes)
        return receipts


def _mend(what: str, error: str) -> str:
    """What to do about a revert of set-up."""
    if what.startswith(_HANDING_OUT) and error == "InsufficientBalance":
        return "borrowers draw less of it than others are to have: raise their debt, or lower inventories and liquidity"
    return "mend the value it names"
