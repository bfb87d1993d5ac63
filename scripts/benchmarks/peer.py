"""Our chain and our world against verbs, a simulator whose blocks run in Rust.

Two workloads, each on a set-up that both sides do transaction by transaction, and each must leave both in the same
state: positions, totals, tokens, the price.

- `mix`: the adjustments of `vaults.Mix` in blocks of 50 with ready calldata, the logs of each block read. What a CDP
  transaction costs.
- `month`: 1,000 vaults, 43,200 blocks, a report in each, and whoever falls below the liquidation ratio is liquidated.
  verbs has an agent who compares arrays; an agent a vault who reads it from the chain in each step; and, as the least
  that an agent can do, one a vault who remembers it.

verbs' clock runs at 15 seconds a block and cannot be set, so debts bear no fee here: nothing depends on the time. Nor
does luck or the market decide who ends with what: one liquidator, who takes no time to think and keeps what he seizes.
verbs charges no fees and fixes no order but that of priorities; ours does all of it as ever, and records nothing.
"""

import gc
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final

from benchmarks import peer_venv, vaults
from benchmarks.timing import Rounds, seconds, spread, take_turns
from benchmarks.verdict import Limit, Verdict
from simulator.capsule.tape import Tape
from simulator.chain.base import Chain
from simulator.chain.types import Address, Receipt, Transaction
from simulator.protocols.base import Lending
from simulator.protocols.feeds import PRICE_DECIMALS
from simulator.protocols.genesis import Contract
from simulator.scenario import Scenario
from simulator.world import World

LIMITS: Final = (
    Limit("fast_mix_over_verbs", ">=", 0.75),
    Limit("fast_month_over_vectorised", ">=", 1),
    Limit("fast_half_day_over_each", ">=", 10),
)
SAME: Final[Mapping[str, Any]] = {  # what makes an end that both sides must come to
    "cdp.collateral.ETH.stability_fee": 0.0,
    "liquidators.count": 1,
    "liquidators.capital_usd": 3_000_000,
    "liquidators.thinking_seconds": 0.0,
    "liquidators.sells": False,
}
_MODES: Final = ("fast", "exact")
_SIZE: Final = 50
_HALF_DAY: Final = 12.0  # [h] of the month is enough where an agent for each vault makes every step cost the same
_ALL: Final = 2**255  # of a debt
_FEED_ONE: Final = 10**PRICE_DECIMALS

Views = Sequence[tuple[Address, bytes]]
End = list[str]  # what the views answer behind a round


def measure(small: bool) -> Verdict:
    """Speeds as ratios, ours over theirs; the bounds are on fast gas."""
    rounds, few, transactions, hours = (3, 1, 2_000, 72.0) if small else (5, 3, 20_000, 720.0)
    with Peer() as peer:
        figures = compare_mix(peer, month(0.0), transactions, rounds)
        figures |= compare_months(peer, month(hours), "month", ("vectorised",), rounds)
        figures |= compare_months(peer, month(_HALF_DAY), "half_day", ("each", "each_remembering"), few)
    return Verdict(figures, LIMITS)


def month(hours: float, **changes: Any) -> Scenario:
    """The first hours of the month, as both sides can do them."""
    return vaults.load(vaults.MONTH, {**SAME, "world.hours": hours, **changes})


class Peer:
    """The process that works with verbs."""

    def __init__(self) -> None:
        words = [peer_venv.python(), str(peer_venv.SCRIPT)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *fault: object) -> None:
        self._process.communicate()  # it ends with its input

    def ask(self, do: str, **settings: Any) -> Any:
        """Its answer to a command. What goes wrong there is on standard error. Raises RuntimeError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"do": do, **settings}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"verbs did not survive {do!r}")
        return json.loads(line)


# ------------------------------------------------------------------ both workloads


def compare_mix(peer: Peer, scenario: Scenario, transactions: int, rounds: int) -> dict[str, Any]:
    """What a CDP transaction costs."""
    world = load(peer, scenario)
    asked = views(world)
    blocks = vaults.Mix(world).blocks(transactions // _SIZE, _SIZE)
    peer.ask("blocks", blocks=[[fields(tx) for tx in block] for _, block in blocks])

    def ours(gas: str) -> tuple[float, End]:
        chain = vaults.unrecorded(scenario, vaults.new_chain(scenario, gas)).chain
        return seconds(lambda: run(chain, blocks)), state(chain, asked)

    return figures_of("mix", "verbs", race(peer, {"do": "mix"}, ours, rounds), len(blocks) * _SIZE)


def compare_months(peer: Peer, scenario: Scenario, name: str, kinds: Sequence[str], rounds: int) -> dict[str, Any]:
    """What a step of a whole simulation costs, set-up aside, against kinds of agents in verbs."""
    world = load(peer, scenario)
    asked = views(world)
    settings = market(world)
    world.run()
    assert isinstance(world.chain, Tape)
    taped: list[Any] = [tx for block in world.chain.blocks for tx in block.candidates]
    reports = [tx.data.hex() for tx in taped if tx.to == settings["feed"]]
    peer.ask("market", **settings, reports=reports, answers=[int(report[8:], 16) / _FEED_ONE for report in reports])

    def ours(gas: str) -> tuple[float, End]:
        again = vaults.unrecorded(scenario, vaults.new_chain(scenario, gas))
        return seconds(again.run), state(again.chain, asked)

    figures: dict[str, Any] = {f"{name}_liquidations": len(taped) - len(reports)}
    for agents in kinds:
        found = race(peer, {"do": "month", "agents": agents}, ours, rounds)
        figures |= figures_of(name, agents, found, len(reports))
    return figures


def race(
    peer: Peer, command: dict[str, Any], ours: Callable[[str], tuple[float, End]], rounds: int
) -> dict[str, Rounds]:
    """Both gas modes against verbs in turn. Raises AssertionError where two rounds do not end in the same state."""
    ends: list[End] = []

    def here(gas: str) -> float:
        took, end = ours(gas)
        ends.append(end)
        return took

    def there() -> float:
        answer = peer.ask(**command)
        ends.append(answer["state"])
        return float(answer["seconds"])

    gc.collect()
    gc.freeze()  # what is kept from here on is neither side's garbage
    found = {gas: take_turns(rounds, partial(here, gas), there) for gas in _MODES}
    gc.unfreeze()
    assert all(end == ends[0] for end in ends), "the sides do not end in the same state"
    return found


def figures_of(name: str, other: str, found: Mapping[str, Rounds], count: int) -> dict[str, Any]:
    """Our speed over the other's in each mode, and microseconds of each of `count` transactions or steps."""
    figures: dict[str, Any] = {}
    for gas, rounds in found.items():
        speeds = [1 / ratio for ratio in rounds.ratios]
        figures[f"{gas}_{name}_over_{other}"] = round(median(speeds), 3)
        figures[f"{gas}_{name}_over_{other}_spread"] = spread(speeds, 3)
        figures[f"{gas}_{name}_us"] = round(1e6 * median(rounds.ours) / count, 2)
    theirs = [took for rounds in found.values() for took in rounds.theirs]
    return figures | {f"{other}_{name}_us": round(1e6 * median(theirs) / count, 2)}


def run(chain: Chain, blocks: Sequence[vaults.Block]) -> None:
    """Execute blocks and read what each transaction logged. Raises AssertionError for one that fails."""
    for env, transactions in blocks:
        for outcome in chain.execute(env, transactions):
            assert type(outcome) is Receipt and outcome.status and outcome.logs, outcome  # noqa: PT018


# ------------------------------------------------------------------- what both know


def load(peer: Peer, scenario: Scenario) -> World:
    """Let verbs have the set-up of a scenario; a world of it on a chain that tapes."""
    tape = Tape(vaults.new_chain(scenario, "fast"))
    world = vaults.unrecorded(scenario, tape)
    peer.ask(
        "load",
        time=world.start,
        accounts=[(account.address, tape.balance(account.address)) for account in world.genesis.accounts],
        setup=[fields(tx) for block in tape.blocks for tx in block.candidates],
        views=[(to, data.hex()) for to, data in views(world)],
    )
    tape.steps = []
    return world


def fields(tx: Any) -> tuple[str, str | None, str]:
    """A transaction as the other side takes it: without fees, nonce and limit."""
    assert isinstance(tx, Transaction)
    return tx.sender, tx.to, tx.data.hex()


def market(world: World) -> dict[str, Any]:
    """Who and what is in a month."""
    lending, engine, owners = engine_of(world)
    (liquidator,) = (agent.desk for agent in world.agents if agent.desk.agent.startswith("liquidators"))
    (reporter,) = (agent.desk for agent in world.agents if agent.desk.agent.startswith("reporter"))
    return {
        "engine": engine.address,
        "feed": lending.oracle.report(1.0).to,
        "reporter": reporter.address,
        "liquidator": liquidator.address,
        "ratio": lending.liquidation_ratio,
        "price": lending.oracle.price,
        "positions": [engine.encode("positions", lending.symbol, owner).hex() for owner in owners],
        "liquidations": [lending.liquidate(f"ETH/{owner}", _ALL).data.hex() for owner in owners],
    }


def engine_of(world: World) -> tuple[Any, Contract, list[Address]]:
    """The lending market, its contract, and all owners."""
    (lending,) = world.capabilities(Lending)
    engine: Contract = lending.engine  # type: ignore[attr-defined]
    return lending, engine, [position.owner for position in lending.book]


def views(world: World) -> Views:
    """The calls whose answers are the state: positions, price, losses and gains, supplies and balances of tokens."""
    lending, engine, owners = engine_of(world)
    symbol = lending.symbol
    asked: list[tuple[Contract, str, tuple[Any, ...]]] = [(engine, "positions", (symbol, each)) for each in owners]
    asked += [(engine, "priceOf", (symbol,)), (engine, "surplus", ()), (engine, "badDebt", ())]
    asked += [(token, "totalSupply", ()) for token in world.tokens.values()]
    holders = [engine.address, *(account.address for account in world.genesis.accounts)]
    asked += [(token, "balanceOf", (each,)) for token in world.tokens.values() for each in holders]
    return [(contract.address, contract.encode(function, *args)) for contract, function, args in asked]


def state(chain: Chain, asked: Views) -> End:
    """What the views answer here, as the other side tells it."""
    return [chain.call(to, data).hex() for to, data in asked]
