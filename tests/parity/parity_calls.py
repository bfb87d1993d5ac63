"""Calls of every state-changing function that ships, with arguments that know the state, or know nothing at all.

A maker (parity_makers) gives a call a fair chance. Chances are spoilt on purpose now and then: amounts around a limit,
another sender, arguments by type alone, bytes that no encoder would make.
"""

from collections.abc import Collection
from random import Random
from typing import Any, NamedTuple

from evm_programs import Programs, through_wallet
from parity_makers import LARGEST, MAKERS, VIEWERS, readers, writers
from parity_margin_makers import WEIGHTS as MARGIN_WEIGHTS
from parity_option_makers import WEIGHTS as OPTION_WEIGHTS
from parity_option_system import constructors_of_options
from parity_overlay_makers import WEIGHTS as OVERLAY_WEIGHTS
from parity_overlay_makers import overlay_of
from parity_perp_makers import WEIGHTS as PERP_WEIGHTS
from parity_perp_system import RULE, market_arguments
from parity_power_makers import WEIGHTS as POWER_WEIGHTS
from parity_system import COINBASE, DECIMALS, KINDS, Instance, System
from parity_vault_makers import STRATEGIES
from parity_vault_makers import WEIGHTS as VAULT_WEIGHTS
from parity_vault_system import CURVE, OVERLAY_GAS, TERMS, strategy_arguments, vault_arguments

from simulator.chain.abi import Function
from simulator.chain.artifacts import load_artifact
from simulator.chain.rules import LARGEST_INIT_CODE
from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.units import RAY, WAD


class Shot(NamedTuple):
    """A call that somebody is about to send."""

    sender: Address
    to: Address | None
    data: bytes
    value: int = 0
    gas: int = 0  # 0: the sender chooses


def _modexp(rng: Random) -> bytes:
    sizes = [rng.choice((0, 1, 32, 33)) for _ in range(3)]
    return b"".join(size.to_bytes(32, "big") for size in sizes) + rng.randbytes(sum(sizes))


class Calls:
    """Random calls on a system, drawn from what its first chain says."""

    def __init__(self, system: System, rng: Random) -> None:
        self.system, self.rng = system, rng
        self.programs = Programs(rng, system.lookable)
        self.functions = [(kind, name) for kind in KINDS for name in writers(kind)]
        self._weights = [_WEIGHTS.get(pair, _WEIGHTS.get(("*", pair[1]), 2)) for pair in self.functions]

    def favour(self, pairs: Collection[tuple[str, str]]) -> None:
        """Call these functions twenty times as often from here on."""
        self._weights = [20 * w if pair in pairs else w for w, pair in zip(self._weights, self.functions, strict=True)]

    def call(self) -> Shot:
        """A call of one of our contracts."""
        rng = self.rng
        kind, name = rng.choices(self.functions, self._weights)[0]
        if (kind, name) in _ON_LOTS and not self.house(kind)[1] and rng.random() < 0.8:
            kind, name = "CdpEngine", "liquidate"
        instance = self._target(kind, name)
        function, mode = instance.abi.functions[name], rng.random()
        sender, arguments = MAKERS[kind, name](self, instance)
        if mode < 0.06:
            arguments = tuple(
                self._wild(text, value) for text, value in zip(writers(kind)[name], arguments, strict=True)
            )
        elif mode < 0.12 and arguments:
            spoilt = rng.randrange(len(arguments))
            wild = self._wild(writers(kind)[name][spoilt], arguments[spoilt])
            arguments = (*arguments[:spoilt], wild, *arguments[spoilt + 1 :])
        if rng.random() < 0.05 or sender not in self.system.keys:  # a wallet may own what only its owner may touch
            sender = rng.choice(self.system.users)
        data = self._encode(function, arguments)
        if rng.random() < 0.04:
            data = self._mangled(data)
        value = rng.choice((1, WAD)) if rng.random() < 0.03 else 0
        heavy = kind == "HedgedVault" and name in _MOVING and overlay_of(self, instance)
        return Shot(sender, instance.address, data, value, OVERLAY_GAS if heavy else 0)

    def view(self, kind: str, name: str) -> tuple[Address, bytes]:
        """A view of one of the system's contracts."""
        instance, chosen = self.rng.choice(self.system.of_kind(kind, main=True)), self.rng.randrange(30)
        arguments = [self._wild(text, chosen) for text in readers(kind)[name]]
        if (kind, name) in VIEWERS and (self._made_by_hand(kind, name) or self.rng.random() < 0.8):
            arguments = list(VIEWERS[kind, name](self, instance))
        return instance.address, instance.abi.functions[name].encode(*arguments)

    @staticmethod
    def _made_by_hand(kind: str, name: str) -> bool:
        """Whether it takes what no type alone makes."""
        return any(text.startswith("tuple") or text.endswith("]") for text in readers(kind)[name])

    def by_wallet(self) -> Shot:
        """A call that a wallet makes, which can answer callbacks."""
        shot = self.call()
        assert shot.to is not None
        return shot._replace(
            sender=self.user(), to=self.rng.choice(self.system.wallets), data=through_wallet(shot.to, shot.data)
        )

    def program(self) -> Shot:
        """A call of a random program."""
        rng = self.rng
        to = rng.choice(self.system.programs[-40:])
        data = rng.choice((b"", rng.randbytes(4), rng.randbytes(100), bytes(64)))
        return Shot(self.user(), to, data, rng.choice((0, 0, 0, 1, WAD)), rng.choice((0, 0, 400_000, 3_000_000)))

    def transfer(self) -> Shot:
        """Ether to anybody: old and new accounts, the coinbase, precompiles, contracts that refuse it, oneself."""
        rng, sender = self.rng, self.user()
        to = rng.choice((self.any_address(), self.user(), COINBASE, sender, Address(rng.randbytes(20))))
        value = rng.choice((0, 1, rng.randrange(WAD), WAD))
        data = rng.choice((b"", b"", rng.randbytes(rng.randrange(200))))
        return Shot(sender, to, data, value, rng.choice((0, 0, 21_000, 50_000)))

    def precompile(self) -> Shot:
        """A precompile with input that it may or may not take."""
        rng = self.rng
        number = rng.randint(1, 10)
        data = rng.choice((b"", bytes(32), bytes(192), rng.randbytes(128), bytes(212) + b"\1", _modexp(rng)))
        return Shot(self.user(), Address(f"0x{number:040x}"), data, rng.choice((0, 0, 1)))

    def creation(self) -> tuple[Shot, str]:
        """A creation, and the kind of contract that it makes ("" for a program)."""
        rng, sender = self.rng, self.user()
        if rng.random() < 0.02:
            size = LARGEST_INIT_CODE + rng.choice((0, 1))
            return Shot(sender, None, bytes(size), 0, 900_000), ""
        if rng.random() < 0.45:
            code = self.programs.creation()
            value = rng.choice((0, 0, 0, 1, WAD))
            return Shot(sender, None, code, value, rng.choice((0, 0, 6_000_000))), ""
        kind = rng.choices(KINDS, [2 if kind == "CdpEngine" else 4 for kind in KINDS])[0]
        arguments = self._constructor(kind, sender)
        if arguments and rng.random() < 0.15:
            spoilt = rng.randrange(len(arguments))
            value = self.any_address() if isinstance(arguments[spoilt], str) else arguments[spoilt]
            arguments[spoilt] = self.any_number() if isinstance(value, int) else value
        try:
            code = load_artifact(kind).creation_code(*arguments)
        except Exception:  # eth_abi's own, of many kinds: a number that its type cannot hold
            code = load_artifact(kind).bytecode
        return Shot(sender, None, code, 1 if rng.random() < 0.05 else 0, 6_500_000), kind

    def _constructor(self, kind: str, sender: Address) -> list[Any]:
        system, rng, asset = self.system, self.rng, self.asset()
        token, dollar = system.genesis.tokens[asset].address, system.cdp.dollar.address
        of_auction = [system.cdp.engine.address, system.ids[asset], token, dollar]
        push = system.genesis.feeds["ETH"].oracle.push.address  # type: ignore[attr-defined]
        eth = system.genesis.tokens["ETH"].address
        return {
            "PushFeed": [sender, sender, 8, "made / USD"],
            "GuardedFeed": [push, 900, 0, 0, 0],
            "DelayedFeed": [system.genesis.feeds["LINK"].consumer, rng.choice((0, 60))],
            "FeedSwitch": [push],
            "TwapFeed": [system.pool_contracts[0].address, eth, ZERO_ADDRESS, 120, 3, rng.choice((0, 900))],
            "RateFeed": [push, push, WAD // 10, 900],
            "UptimeFeed": [sender, rng.choice((0, 1, system.time - 600, system.time + 60))],
            "SequencerGuard": [push, system.of_kind("UptimeFeed", main=True)[0].address, rng.choice((0, 60))],
            "CollateralToken": ["Made", "MADE", rng.choice((6, 18, 255))],
            "Dollar": [],
            "CdpEngine": [dollar],
            "EnglishAuction": [*of_auction, WAD // 33, 120, 600],
            "DutchAuction": [*of_auction, WAD, 97 * WAD // 100, 12, WAD // 2, 480, 0, 0, 10**36],
            "FlashLiquidator": [dollar, rng.choice(system.pool_contracts).address],
            "ConstantProductPool": [token, dollar, WAD // 300],
            "PerpMarket": market_arguments(rng.choice((token, dollar)), push),
            "PerpPool": [system.perps[0].address, 60, rng.choice((600, 0))],
            "Backstop": [system.perps[0].address, *RULE],
            "LendingPool": [dollar, eth, push, TERMS, CURVE],
            "HedgedVault": vault_arguments(rng.choice((dollar, eth)), sender),
            **{strategy: self._strategy(strategy) for strategy in STRATEGIES.split()},
            **constructors_of_options(system, sender),
        }[kind]

    def _strategy(self, kind: str) -> list[Any]:
        """For a vault that has none, if somebody made one."""
        vaults = self.system.of_kind("HedgedVault")
        bare = [v for v in vaults if self.system.ask(v, "strategy") == ZERO_ADDRESS]
        vault = (bare or vaults)[-1].address
        return [vault, *strategy_arguments(self.system, kind, self.system.vaults[0].address)]

    def _target(self, kind: str, name: str) -> Instance:
        """What takes a contract from its owner for good happens to those that somebody made for himself."""
        if name == "completeOwnershipHandover":
            asked = [i for i in self.system.of_kind(kind, main=False) if self.waiting(i)]
            if asked and self.rng.random() < 0.9:
                return self.rng.choice(asked)
        mains, made = self.system.of_kind(kind, main=True), self.system.of_kind(kind, main=False)[-2:]
        own = name in _FINAL or (kind, name) in _ON_OWN
        return self.rng.choice(made if made and self.rng.random() < (0.9 if own else 0.15) else mains)

    @staticmethod
    def _encode(function: Function, arguments: tuple[Any, ...]) -> bytes:
        return function.encode(*arguments)

    def _mangled(self, data: bytes) -> bytes:
        """Calldata that no encoder makes."""
        rng = self.rng
        word = 4 + 32 * rng.randrange(max(1, len(data) // 32))
        return rng.choice(
            [
                b"",
                data[: rng.randrange(len(data) + 1)],
                data + rng.randbytes(rng.choice((1, 32, 100))),
                rng.randbytes(4) + data[4:],
                data[:word] + rng.randbytes(12) + data[word + 12 :],
                data[:word] + b"\xff" * 32 + data[word + 32 :],
                rng.randbytes(rng.randrange(200)),
            ]
        )

    # ------------------------------------------------------------- arguments by type

    def _wild(self, kind: str, instead_of: Any) -> Any:
        """Any value of a type."""
        rng = self.rng
        if kind.endswith("]"):
            return instead_of  # as a tuple's, its maker varies it
        if kind == "address":
            return self.any_address()
        if kind == "bytes32":
            return rng.choice((*self.system.ids.values(), bytes(32), rng.randbytes(32)))
        if kind == "bytes":
            return rng.choice((b"", rng.randbytes(rng.randrange(100)), bytes(200)))
        if kind == "bool":
            return rng.choice((False, True))
        if kind.startswith("int"):
            return rng.choice((-(2**255), 2**255 - 1, -(2**191) - 1, -1, 0, 1, rng.getrandbits(200) - 2**199))
        if kind.startswith("uint"):
            return self.around(instead_of) if rng.random() < 0.5 else self.any_number()
        return instead_of  # a tuple: its maker varies it

    def any_address(self) -> Address:
        """Anybody but the coinbase."""
        instance = self.rng.choice(self.system.instances)
        return self.rng.choice((*self.system.lookable(), instance.address, *self.system.users))

    def any_number(self) -> int:
        """From nothing to everything."""
        rng = self.rng
        limits = [2**bits for bits in (8, 64, 80, 96, 112, 128, 192, 255)]
        return rng.choice((0, 1, *limits, *(limit - 1 for limit in limits), LARGEST, rng.getrandbits(256), WAD, RAY))

    def around(self, value: int) -> int:
        """Somewhere near a limit."""
        value = int(value)
        near = self.rng.choice((value - 1, value, value + 1, value // 2, value * 2, value * 101 // 100, 0))
        return min(max(near, 0), LARGEST)

    def part(self, whole: int | None) -> int:
        """An amount out of `whole`: mostly a fraction, at times all of it, a little more, or nothing."""
        rng, whole = self.rng, whole or 0
        chance = rng.random()
        if chance < 0.75:
            return int(whole * rng.random() * rng.choice((0.02, 0.2, 1)))
        return self.around(whole) if chance < 0.95 else self.any_number()

    # -------------------------------------------------------------------- who and what

    def user(self) -> Address:
        return self.rng.choice(self.system.users)

    def asset(self) -> str:
        return self.rng.choice(list(DECIMALS))

    def owner(self, instance: Instance) -> Address:
        """Its owner, if it has one that can send."""
        owner = self.system.ask(instance, "owner")
        return owner if owner in self.system.keys else self.user()

    def waiting(self, instance: Instance) -> list[Address]:
        """Who has asked to become its owner."""
        users = self.system.users
        return [user for user in users if self.system.ask(instance, "ownershipHandoverExpiresAt", user)]

    def balance(self, token: Address, holder: Address) -> int:
        return self.system.read(token, load_artifact("Dollar").abi, "balanceOf", holder) or 0

    def house(self, kind: str) -> tuple[Instance, list[int]]:
        """The system's auction house of a kind (a flash liquidator takes from the second) and the open lots in it."""
        kind = "DutchAuction" if kind == "FlashLiquidator" else kind
        house = self.system.of_kind(kind, main=True)[0]
        count = self.system.ask(house, "auctionCount")
        # An empty record has no owner.
        open_lots = [n for n in range(max(1, count - 15), count + 1) if self.lot(house, n)[0] != ZERO_ADDRESS]
        return house, open_lots

    def lot(self, house: Instance, number: int) -> tuple[Any, ...]:
        return self.system.ask(house, "auctions", number)  # type: ignore[no-any-return]

    def some_lot(self, kind: str) -> int:
        lots = self.house(kind)[1]
        return self.rng.choice(lots) if lots and self.rng.random() < 0.95 else self.rng.randrange(50)

    def unsafe_owner(self, asset: str) -> Address:
        """Somebody who can be liquidated, if there is anybody, else the one who is nearest to it."""
        if self.rng.random() < 0.1:
            return self.user()
        engine, id = self.system.cdp.engine, self.system.ids[asset]
        ratios = {user: self.system.ask(engine, "ratioOf", id, user) for user in self.system.users}
        known = [user for user in sorted(ratios, key=lambda user: ratios[user] or 0) if ratios[user] is not None]
        return self.rng.choice(known[:3]) if known else self.user()


# ------------------------------------------------------------------------------- weights

_ON_LOTS = {("EnglishAuction", n) for n in ("bid", "settle", "restart")} | {
    ("DutchAuction", n) for n in ("take", "reset")
}
_ON_LOTS |= {("FlashLiquidator", "take")}
_ON_OWN = {(kind, "requestOwnershipHandover") for kind in KINDS}
_ON_OWN |= {("PerpMarket", "setSatellites"), ("HedgedVault", "setStrategy"), ("OptionMarket", "setPool")}
_ON_OWN |= {("Dollar", name) for name in ("mint", "burn", "grantRoles", "renounceRoles")}
_MOVING = ("previewRebalance", "rebalance", "redeem", "settle", "withdraw")
_FINAL = ("transferOwnership", "renounceOwnership", "completeOwnershipHandover")  # of the system's own contracts never
_WEIGHTS: dict[tuple[str, str], int] = (
    {
        ("PushFeed", "report"): 75,
        ("DelayedFeed", "poke"): 14,
        ("TwapFeed", "poke"): 14,
        ("UptimeFeed", "report"): 8,
        ("FeedSwitch", "setSource"): 3,
        ("CdpEngine", "adjust"): 60,
        ("CdpEngine", "liquidate"): 45,
        ("EnglishAuction", "bid"): 35,
        ("EnglishAuction", "settle"): 15,
        ("EnglishAuction", "restart"): 12,
        ("DutchAuction", "take"): 25,
        ("DutchAuction", "reset"): 8,
        ("FlashLiquidator", "liquidate"): 20,
        ("FlashLiquidator", "take"): 20,
        ("ConstantProductPool", "swap"): 25,
        ("ConstantProductPool", "addLiquidity"): 10,
        ("ConstantProductPool", "removeLiquidity"): 8,
        ("Dollar", "flashLoan"): 10,
        ("Dollar", "grantRoles"): 8,
        ("CdpEngine", "transferOwnership"): 3,
        ("CdpEngine", "renounceOwnership"): 3,
        ("Dollar", "mint"): 5,
        ("Dollar", "burn"): 5,
        ("*", "completeOwnershipHandover"): 16,
        ("*", "requestOwnershipHandover"): 5,
        ("*", "cancelOwnershipHandover"): 1,
        ("*", "transferOwnership"): 7,
        ("*", "renounceOwnership"): 6,
        ("*", "transfer"): 6,
        ("*", "transferFrom"): 5,
        ("*", "permit"): 4,
        ("CdpEngine", "clearAuctionDebt"): 1,
        ("CdpEngine", "payKeeper"): 1,
        ("EnglishAuction", "start"): 1,
        ("DutchAuction", "start"): 1,
        ("FlashLiquidator", "onFlashLoan"): 1,
        ("*", "setDebtLimits"): 1,
        ("*", "setFlashLimit"): 2,
    }
    | PERP_WEIGHTS
    | VAULT_WEIGHTS
    | OPTION_WEIGHTS
    | MARGIN_WEIGHTS
    | POWER_WEIGHTS
    | OVERLAY_WEIGHTS
)
