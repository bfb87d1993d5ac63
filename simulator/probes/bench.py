"""What every probe works with: a trial, accounts of its own, and a sheet for what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulator.chain.types import Address
from simulator.protocols.base import Call, Measure, Oracle, Perp, Pool, Protocol
from simulator.trial import Reply, Trial
from simulator.units import from_wad, to_wad


@dataclass
class Bench:
    """One trial under way. The prober's accounts start each probe with nothing."""

    trial: Trial
    people: tuple[Address, ...]
    oracles: Mapping[str, Oracle]  # by asset
    pools: tuple[Pool, ...]
    perps: tuple[Perp, ...]
    protocols: Sequence[Protocol]
    found: list[Measure] = field(default_factory=list)

    def check_books(self) -> None:
        """Whether every protocol's books still agree with what they are about."""
        for protocol in self.protocols:
            self.found += protocol.books(self.trial.price)

    def note(self, subject: str, metric: str, value: float) -> None:
        """Write down the outcome of one attempt."""
        self.found.append(Measure(subject, metric, float(value)))

    def price(self, asset: str) -> float:
        """What consumers get on chain [usd], else the market's."""
        oracle = self.oracles.get(asset)
        answer = oracle.answer() if oracle is not None else None
        return self.trial.price(asset) if answer is None else answer

    def freshen(self) -> None:
        """Bring every feed to the market's price, as it would be after a report."""
        for asset, oracle in self.oracles.items():
            self.trial.set_price(oracle, self.trial.price(asset))

    def move(self, asset: str, factor: float) -> bool:
        """Let the price of an asset move for good; whether its feed follows."""
        oracle = self.oracles.get(asset)
        return oracle is not None and self.trial.set_price(oracle, self.trial.price(asset) * factor)

    def wait(self, seconds: float) -> None:
        """Let time pass while every reporter goes on."""
        prices = {asset: self.price(asset) for asset in self.oracles}
        self.trial.wait(seconds)
        for asset, price in prices.items():
            self.trial.set_price(self.oracles[asset], price)

    def endow(self, asset: str, owner: Address, amount: int, spender: Address) -> bool:
        """Give tokens [wad], and let a contract pull them; whether there were enough."""
        if not self.trial.give(asset, owner, amount):
            return False
        self.trial.allow(asset, owner, spender)
        return True

    def limit(self, subject: str, within: bool, sender: Address, beyond: Call) -> None:
        """Try something beyond a limit. It says nothing unless the same went through within it."""
        if within:
            with self.trial.branch():
                self.note(subject, "limits_passed", self.trial.send(sender, beyond).ok)

    def works(self, sender: Address, call: Call) -> bool:
        """Whether a call goes through; nothing of it stays."""
        with self.trial.branch():
            return self.trial.send(sender, call).ok

    def send(self, sender: Address, call: Call) -> Reply:
        """Do something that the rest of the probe builds on."""
        return self.trial.send(sender, call)

    def worth(self, owners: tuple[Address, ...], assets: tuple[str, ...]) -> float:
        """Tokens of several accounts at the prices on chain [usd]."""
        return sum(from_wad(self.trial.held(asset, who)) * self.price(asset) for who in owners for asset in assets)


def wad(worth: float, price: float = 1.0) -> int:
    """Tokens [wad] worth so much."""
    return to_wad(worth / price)
