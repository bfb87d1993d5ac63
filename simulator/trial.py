"""A branch of the chain on which anything may be tried: time may pass, prices may fall, and nothing of it stays.

Blocks of a trial hold only what is tried, at no fee, on real bytecode. Capabilities that mirror their state from events
do not see them: within a trial only what asks the chain is true.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from simulator.chain.types import Address, BlockEnv, Receipt, Transaction
from simulator.protocols.base import Call, Oracle
from simulator.protocols.genesis import Contract

if TYPE_CHECKING:
    from simulator.world import World

_TOKEN_GAS = 200_000
_POKES = 3  # a delayed price takes two, an ageing mean one


class Reply(NamedTuple):
    """What became of something tried."""

    ok: bool
    reason: str  # the revert's error


class Trial:
    """One branch. Made by `Desk.trial`."""

    def __init__(self, world: "World", reporters: Mapping[str, Address]) -> None:
        self._world, self._chain = world, world.chain
        self._reporters = reporters
        self.number, self.now = world.number, world.now

    def price(self, asset: str) -> float:
        """The reference price [usd] at the moment that the trial branched off."""
        return self._world.market.price(asset)

    def exchange_rate(self, asset: str) -> float:
        """What one token is worth then in units of the asset that it is made of."""
        return self._world.market.exchange_rate(asset)

    @contextmanager
    def branch(self) -> Iterator[None]:
        """A `with` block after which all is as before it."""
        mark, number, now = self._chain.snapshot(), self.number, self.now
        try:
            yield
        finally:
            self._chain.revert(mark)
            self.number, self.now = number, now

    # ------------------------------------------------------------------ acting

    def send(self, sender: Address, call: Call) -> Reply:
        """One transaction in a block of its own, a second later."""
        return self.together((sender, call))[0]

    def together(self, *sent: tuple[Address, Call]) -> list[Reply]:
        """Several in one block, in this order."""
        nonces: dict[Address, int] = {}
        transactions = []
        for sender, call in sent:
            nonce = nonces.get(sender, self._chain.nonce(sender))
            nonces[sender] = nonce + 1
            transactions.append(Transaction(sender, nonce, call.to, call.data, call.value, call.gas, 0, 0))
        replies = []
        for outcome in self._block(transactions):
            if isinstance(outcome, Receipt) and outcome.status:
                replies.append(Reply(True, ""))
            elif isinstance(outcome, Receipt):
                replies.append(Reply(False, self._world.error_name(outcome.output)))
            else:
                replies.append(Reply(False, str(getattr(outcome, "reason", outcome))))
        return replies

    def wait(self, seconds: float) -> None:
        """Let time pass, in one empty block."""
        self.now += max(0, round(seconds) - 1)
        self._block([])

    def _block(self, transactions: list[Transaction]) -> list[object]:
        self.number, self.now = self.number + 1, self.now + 1
        env = BlockEnv(self.number, self.now, 0, self._world.scenario.chain.gas_limit)
        return list(self._chain.execute(env, transactions))

    # ------------------------------------------------------------------ tokens

    def give(self, asset: str, owner: Address, amount: int) -> bool:
        """Let an account have tokens [wad], minted or out of what was drawn and sold; whether there were enough."""
        genesis = self._world.genesis
        function = "transfer" if genesis.is_drawn(asset) else "mint"
        return amount <= 0 or self._token(asset, genesis.exchange, function, owner, amount).ok

    def allow(self, asset: str, owner: Address, spender: Address) -> None:
        """Let a contract pull any amount."""
        self._token(asset, owner, "approve", spender, 2**256 - 1)

    def gift(self, asset: str, owner: Address, to: Address, amount: int) -> bool:
        """Send tokens [wad] to a contract that did not ask for them."""
        return self._token(asset, owner, "transfer", to, amount).ok

    def held(self, asset: str, owner: Address) -> int:
        """Tokens of an account [wad]."""
        return self._world.token_balance(asset, owner)

    def _token(self, asset: str, sender: Address, function: str, *args: object) -> Reply:
        token: Contract = self._world.genesis.token(asset)
        return self.send(sender, Call(token.address, token.encode(function, *args), _TOKEN_GAS, function))

    # ------------------------------------------------------------------ prices

    def report(self, oracle: Oracle, price: float) -> bool:
        """Write one answer [usd] to a feed; whether it was taken."""
        reporter = self._reporters.get(oracle.asset)
        return reporter is not None and self.send(reporter, oracle.report(price)).ok

    def set_price(self, oracle: Oracle, price: float) -> bool:
        """Bring a feed to a price [usd], as a move that stays would; whether consumers get it then.

        A second answer confirms the first where a jump is guarded, and what is delayed is poked until it counts.
        """
        if oracle.source != "push":
            return False
        for _ in range(_POKES):
            self.report(oracle, price)
            answer = oracle.answer()
            if answer is not None and abs(answer / price - 1) < 1e-6:
                return True
            poke, pause = oracle.poke(), oracle.poke_seconds()
            if poke is not None:
                self.wait(pause)
                self.report(oracle, price)
                self.send(self._world.genesis.deployer, poke)
        answer = oracle.answer()
        return answer is not None and abs(answer / price - 1) < 1e-6
