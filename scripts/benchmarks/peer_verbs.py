"""The other side of the benchmark `peer`: the same work on verbs, in the environment where verbs is installed.

Runs by itself and imports nothing of ours. Reads commands as lines of JSON and answers each with one line; every round
begins with the same set-up, done by verbs itself, as code that is loaded from a snapshot runs slower there.
"""

import gc
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from verbs.envs import EmptyEnvGasPriority
from verbs.sim import BaseAgent, Sim

_SEED = 1
_FIRST, _SECOND = 2, 1  # gas priorities
_NO_LIMIT = (1 << 256) - 1
_SENDER = bytes(20)


def main() -> None:
    """Answer commands until the input ends."""
    peer = Peer()
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(peer, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


class Peer:
    """What has been loaded, and the rounds over it. Addresses and calldata come as hex, amounts as integers."""

    def load(self, time: int, accounts: list[Any], setup: list[Any], views: list[Any]) -> None:
        """The set-up, and the views that tell its state; `time` is that of all of it [unix s]."""
        self._time = time
        self._accounts = [(data(address), wei) for address, wei in accounts]
        self._setup = [(data(sender), to and data(to), data(what)) for sender, to, what in setup]
        self._views = [(data(to), data(what)) for to, what in views]

    def blocks(self, blocks: list[Any]) -> None:
        """The transactions of `mix`."""
        self._blocks = [[transaction(*tx, _SECOND) for tx in block] for block in blocks]

    def market(self, **market: Any) -> None:
        """The reports of `month`, and who and what is in it."""
        self._market = market

    def mix(self) -> dict[str, Any]:
        """The blocks through verbs, with what each logged read."""
        env = self._env()

        def act() -> None:
            for block in self._blocks:
                env.submit_transactions(block)
                env.process_block()
                assert all(succeeded for succeeded, *_ in env.get_last_events())

        return self._timed(env, act)

    def month(self, agents: str) -> dict[str, Any]:
        """A step for each report, by agents of one kind."""
        env = self._env()
        fleet = Fleet(env, self._market)
        sim = Sim(_SEED, env, [Reporter(self._market), *AGENTS[agents](fleet)])
        steps = len(self._market["answers"])
        return self._timed(env, lambda: sim.run(steps, show_progress=False))

    def _env(self) -> Any:
        zero, limit, now = bytes(32), _NO_LIMIT.to_bytes(32, "little"), self._time.to_bytes(32, "little")
        header = (zero, bytes(20), now, limit, zero, zero, zero, (0, 1))  # from the number to the price of blobs
        env = EmptyEnvGasPriority(_SEED, snapshot=(header, [], [], [], []))
        for address, wei in self._accounts:
            env.create_account(address, wei)
        for sender, to, what in self._setup:
            if to is None:
                env.deploy_contract(sender, "", what)
            else:
                env.execute(sender, to, what, 0)
        return env

    def _timed(self, env: Any, act: Callable[[], object]) -> dict[str, Any]:
        """Processor seconds, and the answers of the views behind it."""
        gc.collect()
        began = time.process_time()
        act()
        took = time.process_time() - began
        return {"seconds": took, "state": [read(env, *view).hex() for view in self._views]}


def data(text: str) -> bytes:
    """Bytes of hex with or without 0x."""
    return bytes.fromhex(text.removeprefix("0x"))


def transaction(sender: str, to: str, what: str, priority: int) -> tuple[Any, ...]:
    """As verbs takes it; a revert is an error."""
    return data(sender), data(to), data(what), True, priority, None, None


def read(env: Any, to: bytes, what: bytes) -> bytes:
    """The answer of a view."""
    return bytes(env.call(_SENDER, to, what, 0)[0])


class Reporter(BaseAgent):
    """Reports a price in each block; the calldata is ready."""

    def __init__(self, market: dict[str, Any]) -> None:
        reports = [transaction(market["reporter"], market["feed"], report, _SECOND) for report in market["reports"]]
        self._reports = iter([[report] for report in reports])

    def update(self, rng: Any, env: Any) -> list[Any]:
        """The next one."""
        return next(self._reports)

    def record(self, env: Any) -> None:
        """Nothing."""


class Fleet:
    """All vaults as their thresholds, and a liquidator who takes those below the price in turn, one a block.

    A threshold is the price [usd] below which a vault is unsafe. Prices are seen one block after their report, as in
    our world.
    """

    def __init__(self, env: Any, market: dict[str, Any]) -> None:
        self._env = env
        self._engine = data(market["engine"])
        self._ratio = market["ratio"]
        self._reads = [data(each) for each in market["positions"]]
        self._takes = [[transaction(market["liquidator"], market["engine"], w, _FIRST)] for w in market["liquidations"]]
        self._prices = iter([market["price"], *market["answers"]])
        self.remembered = [self.threshold(each) for each in range(len(self._reads))]
        self.thresholds = np.array(self.remembered)
        self._below: set[int] = set()
        self._queue: deque[int] = deque()
        self._taken: int | None = None

    def __len__(self) -> int:
        return len(self._reads)

    def threshold(self, vault: int) -> float:
        """Read from the chain."""
        answer = read(self._env, self._engine, self._reads[vault])
        collateral, debt = int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:64], "big")
        return self._ratio * (debt / collateral) if debt else 0.0

    def next_price(self) -> float:
        """The latest that is on chain."""
        taken = self._taken
        if taken is not None:
            self.remembered[taken] = self.thresholds[taken] = self.threshold(taken)
            self._taken = None
        return next(self._prices)

    def decide(self, below: list[int]) -> list[Any]:
        """The liquidation of the first in turn that is still below, if any is."""
        fallen = [vault for vault in below if vault not in self._below]
        self._queue.extend(sorted(fallen, key=self.remembered.__getitem__, reverse=True))
        self._below = set(below)
        while self._queue:
            vault = self._queue.popleft()
            if vault in self._below:
                self._taken = vault
                return self._takes[vault]
        return []

    @property
    def waits(self) -> bool:
        """Whether a vault was below in the last step."""
        return bool(self._below)


class Vectorised(BaseAgent):
    """One agent for all vaults, who compares arrays."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def update(self, rng: Any, env: Any) -> list[Any]:
        """See who is below."""
        fleet = self._fleet
        price, thresholds = fleet.next_price(), fleet.thresholds
        if thresholds.max() <= price and not fleet.waits:
            return []
        return fleet.decide(np.flatnonzero(thresholds > price).tolist())

    def record(self, env: Any) -> None:
        """Nothing."""


class Seen:
    """What the agents of a step share: the price, and those who said that they are below."""

    def __init__(self) -> None:
        self.price = 0.0
        self.below: list[int] = []


class Look(BaseAgent):
    """Goes first: the price of this step."""

    def __init__(self, fleet: Fleet, seen: Seen) -> None:
        self._fleet, self._seen = fleet, seen

    def update(self, rng: Any, env: Any) -> list[Any]:
        """Look at it."""
        self._seen.price = self._fleet.next_price()
        self._seen.below = []
        return []

    def record(self, env: Any) -> None:
        """Nothing."""


class Owner(BaseAgent):
    """One agent a vault, who reads it from the chain, which verbs holds to be where the truth is."""

    def __init__(self, fleet: Fleet, seen: Seen, vault: int) -> None:
        self._fleet, self._seen, self._vault = fleet, seen, vault

    def update(self, rng: Any, env: Any) -> list[Any]:
        """Compare it with the price."""
        if self._fleet.threshold(self._vault) > self._seen.price:
            self._seen.below.append(self._vault)
        return []

    def record(self, env: Any) -> None:
        """Nothing."""


class Rememberer(Owner):
    """One agent a vault, who remembers it and reads nothing: the least that an agent can do."""

    def update(self, rng: Any, env: Any) -> list[Any]:
        """Compare it with the price."""
        if self._fleet.remembered[self._vault] > self._seen.price:
            self._seen.below.append(self._vault)
        return []


class Taker(Look):
    """Goes last: liquidates."""

    def update(self, rng: Any, env: Any) -> list[Any]:
        """Decide on what the others have said."""
        return self._fleet.decide(self._seen.below)


def one_each(owner: type[Owner]) -> Callable[[Fleet], list[BaseAgent]]:
    """Makes an agent for each vault, one before and one behind them."""

    def agents(fleet: Fleet) -> list[BaseAgent]:
        seen = Seen()
        owners = [owner(fleet, seen, vault) for vault in range(len(fleet))]
        return [Look(fleet, seen), *owners, Taker(fleet, seen)]

    return agents


AGENTS: dict[str, Callable[[Fleet], list[BaseAgent]]] = {
    "vectorised": lambda fleet: [Vectorised(fleet)],
    "each": one_each(Owner),
    "each_remembering": one_each(Rememberer),
}


if __name__ == "__main__":
    main()
