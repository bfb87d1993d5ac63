"""A prober: it tries known attacks on whatever the world's protocols offer, and takes each back.

It stands for everybody who would try them. Since it works on branches of the chain, it changes nothing of the run it is
part of: what it finds is only written down (simulator/metrics/probes.py).
"""

from typing import Any, ClassVar

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Desk, Life
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.protocols.base import Auction, Lending, Loans, Oracle, Perp, Pool, Vault
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Margin
from simulator.protocols.option_capability import Options
from simulator.settings import HOURS

_HOUR = 3600
_PEOPLE = ("alice", "bob", "carol", "dave")
_SCRIBE = "scribe"


class ProberSettings(AgentSettings):
    """When it tries."""

    every_hours: float = Field(
        12.0, gt=0, description="mean time between two rounds of attempts (exponential)", json_schema_extra=HOURS
    )
    first_hours: float = Field(0.1, ge=0, description="time of the first round", json_schema_extra=HOURS)


class Prober(Agent):
    """Tries known attacks on branches of the chain, of which nothing stays."""

    Settings: ClassVar[Any] = ProberSettings

    def __init__(self, desk: Desk, settings: ProberSettings) -> None:
        super().__init__(desk, settings)
        self._people: tuple[Address, ...] = ()
        self._scribe = ZERO_ADDRESS

    def prepare(self, genesis: Genesis) -> None:
        """Make the accounts that it tries with; they own nothing but ether."""
        self._people = tuple(self._person(genesis, name) for name in _PEOPLE)
        self._scribe = self._person(genesis, _SCRIBE)

    def _person(self, genesis: Genesis, name: str) -> Address:
        return genesis.account(f"{self.desk.account.name}/{name}").address

    def life(self) -> Life:
        """A round now and then."""
        desk, settings = self.desk, self.settings
        yield desk.sleep(settings.first_hours * _HOUR)
        while True:
            self._round()
            yield desk.sleep(float(desk.random.exponential(settings.every_hours * _HOUR)))

    def _round(self) -> None:
        from simulator.probes.bench import Bench
        from simulator.probes.lending import LendingProbe
        from simulator.probes.margin import MarginProbe
        from simulator.probes.options import OptionProbe
        from simulator.probes.oracles import OracleProbe
        from simulator.probes.perps import PerpProbe
        from simulator.probes.vaults import LoansProbe, PoolProbe, VaultProbe

        desk = self.desk
        oracles = {oracle.asset: oracle for oracle in desk.capabilities(Oracle)}
        pools = tuple(pool for pool in desk.capabilities(Pool) if pool.price)
        with desk.trial() as trial:
            bench = Bench(trial, self._people, oracles, pools, tuple(desk.capabilities(Perp)), desk.protocols)
            bench.check_books()
            for oracle in oracles.values():
                OracleProbe(bench, oracle).run()
            for lending in desk.capabilities(Lending):
                LendingProbe(bench, lending, self._house(lending)).run()
            for perp in desk.capabilities(Perp):
                PerpProbe(bench, perp).run()
            for options in desk.capabilities(Options):
                market = OptionProbe(bench, options, self._scribe)
                market.run()
                for margin in (each for each in desk.capabilities(Margin) if each.options == options.id):
                    MarginProbe(bench, margin, market).run()
            for vault in desk.capabilities(Vault):
                VaultProbe(bench, vault).run()
            for loans in desk.capabilities(Loans):
                LoansProbe(bench, loans).run()
            for pool in pools:
                PoolProbe(bench, pool).run()
        desk.note(desk.agent, bench.found)

    def _house(self, lending: Lending) -> Auction | None:
        """The auction that sells what a lending capability seizes."""
        return next((house for house in self.desk.capabilities(Auction) if house.id == f"{lending.id}/auction"), None)
