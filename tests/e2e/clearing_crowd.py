"""People who do anything at a clearinghouse at random, for tests: every instrument, both models, all money calls."""

from pydantic import Field

from simulator.agents.base import Agent, AgentSettings, Life
from simulator.chain.artifacts import load_artifact
from simulator.protocols.base import Call
from simulator.protocols.genesis import Genesis
from simulator.protocols.margin_capability import Leg, Margin
from simulator.protocols.option_capability import Options
from simulator.units import WAD, to_wad

ANY = 2**256 - 1


class CrowdSettings(AgentSettings):
    """How much they have, and how often they act."""

    money_usd: float = Field(60_000.0, description="a third of it in the account at the start")
    base: float = Field(10.0, description="of the underlying, in the wallet")
    size: float = Field(4.0, description="mean size of a trade")
    pause_seconds: float = Field(240.0, description="mean time between two acts")


class Crowd(Agent):
    """One of them."""

    Settings = CrowdSettings
    requires = (Margin, Options)

    def prepare(self, genesis: Genesis) -> None:
        """Bring money and base, and open a cross account and an isolated one."""
        (margin,) = self.desk.capabilities(Margin)
        owner, amount = self.desk.address, to_wad(self.settings.money_usd)
        for asset, brought in ((margin.margin_asset, amount), (margin.asset, to_wad(self.settings.base))):
            genesis.bring(self.desk.agent, asset, owner, brought, "money_usd")
            genesis.approve(asset, owner, margin.spender)
        for model, isolated in (("standard", True), ("portfolio", False)):
            genesis.submit(margin.open(model, isolated), owner)
            genesis.flush()
            genesis.submit(margin.deposit(margin.account_of(owner).id, amount // 3), owner)

    def life(self) -> Life:
        """Do something now and then, as long as it would work."""
        desk, random = self.desk, self.desk.random
        (margin,), (options,) = desk.capabilities(Margin), desk.capabilities(Options)
        if margin.power:
            approve = load_artifact("PowerPerp").abi.functions["approve"].encode(margin.instruments["power"], ANY)
            yield desk.send(Call(margin.power, approve, 100_000, "approve"))
        acts = [self._options, self._options, self._perp, self._power, self._swap, self._money, self._model, self._fund]
        while True:
            yield desk.sleep(random.exponential(self.settings.pause_seconds))
            mine = [account for account in margin.accounts.values() if account.owner == desk.address]
            account = mine[int(random.integers(len(mine)))]
            call = acts[int(random.integers(len(acts)))](margin, options, account)
            if call is not None and desk.would_work(call):
                yield desk.send(call)

    def _size(self) -> int:
        random = self.desk.random
        return int(random.exponential(self.settings.size) * WAD) * (1 if random.random() < 0.5 else -1)

    def _trade(self, margin, account, leg, size):
        if leg in account.legs and self.desk.random.random() < 0.4:
            size = -account.legs[leg]
        return margin.trade(account.id, leg, size, 1e9 if size > 0 else 0.0)

    def _options(self, margin, options, account):
        ids = [id for id in sorted(options.series) if options.can_trade(id)]
        if not ids:
            return None
        return self._trade(margin, account, Leg("option", ids[int(self.desk.random.integers(len(ids)))]), self._size())

    def _perp(self, margin, options, account):
        return self._trade(margin, account, Leg("perp"), self._size())

    def _power(self, margin, options, account):
        return self._trade(margin, account, Leg("power"), self._size())

    def _swap(self, margin, options, account):
        offers = margin.offers(self.desk.now)
        return margin.trade(account.id, *offers[0], 0.0) if offers else None

    def _money(self, margin, options, account):
        random = self.desk.random
        amount = to_wad(random.exponential(3_000.0))
        base = to_wad(random.exponential(1.0))
        calls = [
            margin.deposit(account.id, amount),
            margin.withdraw(account.id, amount),
            margin.deposit_collateral(account.id, margin.asset, base),
            margin.withdraw_collateral(account.id, margin.asset, base),
        ]
        return calls[int(random.integers(4))]

    def _model(self, margin, options, account):
        return margin.set_model(account.id, "standard" if account.model == "portfolio" else "portfolio")

    def _fund(self, margin, options, account):
        held = margin.shares.get(self.desk.address, 0)
        calls = [
            margin.join(to_wad(500.0)),
            margin.donate(to_wad(10.0)),
            margin.announce_quit(),
            margin.quit(held // 2),
        ]
        return calls[int(self.desk.random.integers(4))]
