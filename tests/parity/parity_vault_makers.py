"""As parity_makers, for vaults, their strategies and the lending pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from parity_makers import INSIDE, LARGEST, Arguments, maker
from parity_overlay_makers import overlay_of, proposal
from parity_perp_makers import leaving, spoilt
from parity_system import Instance
from parity_vault_system import (
    CARRY_RATIO,
    CURVE,
    EXECUTION,
    LIMITS,
    LOOP_SHARE,
    OVERLAY_TRIGGERS,
    SHAPE,
    TERMS,
    TRIGGERS,
    vault_fees,
)
from parity_vault_system import ESTIMATE as ESTIMATE_OF_RATIO

from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

STRATEGIES = "DeltaNeutral CrossHedge CdpCarry Overlay"

# A preview is taken back whole; what only a vault may call shows in what goes from one to the other.
INSIDE |= {("HedgedVault", "rebalanceAndRevert"): ("HedgedVault", "previewRebalance")}
for _strategy in STRATEGIES.split():
    INSIDE[_strategy, "deploy"] = f"Transfer:HedgedVault:{_strategy}"
    INSIDE[_strategy, "rebalance"] = ("HedgedVault", "rebalance")
    INSIDE[_strategy, "unwind"] = f"Transfer:{_strategy}:HedgedVault"
INSIDE["Overlay", "rebalance"] = "Rolled"
INSIDE |= {("CdpCarry", "onFlashLoan"): "FlashLoan"}

WEIGHTS = {
    ("HedgedVault", "deposit"): 24,
    ("HedgedVault", "withdraw"): 10,
    ("HedgedVault", "redeem"): 8,
    ("HedgedVault", "requestRedeem"): 12,
    ("HedgedVault", "settle"): 10,
    ("HedgedVault", "claim"): 10,
    ("HedgedVault", "rebalance"): 80,
    ("HedgedVault", "previewRebalance"): 6,
    ("HedgedVault", "setStrategy"): 6,
    ("LendingPool", "adjust"): 30,
    ("LendingPool", "liquidate"): 12,
    ("LendingPool", "deposit"): 6,
    ("LendingPool", "withdraw"): 5,
    ("CrossHedge", "observe"): 12,
} | {pair: 1 for pair in INSIDE if pair[0] in ("HedgedVault", *STRATEGIES.split())}


def _asset(calls: Calls, target: Instance) -> Any:
    return calls.system.ask(target, "asset")


# ------------------------------------------------------------------------------ shares


@maker("HedgedVault LendingPool", "deposit")
def _deposit(calls: Calls, target: Instance) -> Arguments:
    sender = calls.user()
    worth = 5_000 * WAD if _asset(calls, target) == calls.system.cdp.dollar.address else 3 * WAD
    return sender, (calls.part(min(calls.balance(_asset(calls, target), sender), worth)), calls.user())


@maker("HedgedVault LendingPool", "mint")
def _mint(calls: Calls, target: Instance) -> Arguments:
    sender, (assets, receiver) = _deposit(calls, target)
    shares = calls.system.ask(target, "convertToShares", min(assets, 10**30))
    return sender, (shares or assets, receiver)


@maker("HedgedVault LendingPool", "redeem")
def _redeem(calls: Calls, target: Instance) -> Arguments:
    return leaving(calls, target, "maxRedeem")


@maker("HedgedVault LendingPool", "withdraw")
def _withdraw(calls: Calls, target: Instance) -> Arguments:
    return leaving(calls, target, "maxWithdraw")


@maker("HedgedVault", "requestRedeem")
def _request(calls: Calls, target: Instance) -> Arguments:
    return leaving(calls, target, "balanceOf")


@maker("HedgedVault", "settle")
def _settle(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.rng.choice((0, 1, 5, 50)),)


@maker("HedgedVault", "claim")
def _claim(calls: Calls, target: Instance) -> Arguments:
    waiting = [user for user in calls.system.users if calls.system.ask(target, "claimable", user)]
    return calls.user(), (calls.rng.choice(waiting or calls.system.users),)


@maker("HedgedVault", "payFees")
def _pay_fees(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


# ------------------------------------------------------------------------- rebalancing


def _choice(calls: Calls, vault: Instance) -> bytes:
    """What a keeper chooses: nothing, a share to make in spot, series, or what no strategy reads."""
    overlay = overlay_of(calls, vault)
    if overlay and calls.rng.random() < 0.8:
        return calls.rng.choice((b"", b"", b"", proposal(calls, overlay)))
    share = encode(["uint256"], [calls.rng.choice((0, WAD // 2, WAD, LARGEST))])
    return calls.rng.choice((b"", b"", share, b"\x01"))


@maker("HedgedVault", "rebalance")
def _rebalance(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (_choice(calls, target),)


@maker("HedgedVault", "previewRebalance")
def _preview(calls: Calls, target: Instance) -> Arguments:
    return _rebalance(calls, target)


@maker("HedgedVault", "rebalanceAndRevert")
def _preview_inside(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (calls.user(), b"")


@maker(STRATEGIES, "deploy")
def _deploy(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (WAD,)


@maker(STRATEGIES, "unwind")
def _unwind(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (WAD,)


@maker(STRATEGIES, "rebalance")
def _rebalance_strategy(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), (0, b"")


@maker("CdpCarry", "onFlashLoan")
def _on_flash_loan(calls: Calls, target: Instance) -> Arguments:
    dollar = calls.system.cdp.dollar.address
    return calls.user(), (calls.user(), dollar, WAD, 0, b"")


@maker("CrossHedge", "observe")
def _observe(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


# ------------------------------------------------------------------------------ owners


@maker("HedgedVault", "setStrategy")
def _set_strategy(calls: Calls, target: Instance) -> Arguments:
    made = [i for i in calls.system.of_kind(*STRATEGIES.split()) if calls.system.ask(i, "vault") == target.address]
    return calls.owner(target), (made[-1].address if made else calls.any_address(),)


@maker("HedgedVault", "acceptSharePrice")
def _accept(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), ()


@maker("HedgedVault", "setLimits")
def _set_limits(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, LIMITS)


@maker("HedgedVault", "setFees")
def _set_fees(calls: Calls, target: Instance) -> Arguments:
    *shares, recipient = vault_fees(calls.user())
    owner, (terms,) = spoilt(calls, target, tuple(shares))
    return owner, ((*terms, recipient),)


@maker("HedgedVault", "setTriggers")
def _set_triggers(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, OVERLAY_TRIGGERS if overlay_of(calls, target) else TRIGGERS)


@maker("HedgedVault", "setExecution")
def _set_execution(calls: Calls, target: Instance) -> Arguments:
    """To the target or to the edge; no encoder takes an enumeration's outside."""
    owner, ((_, *rest),) = spoilt(calls, target, EXECUTION)
    return owner, ((calls.rng.choice((0, 1)), *rest),)


@maker(STRATEGIES, "setDepthLoss")
def _set_depth_loss(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.rng.choice((WAD // 20, WAD // 20, WAD // 5, WAD // 5 + 1)),)


@maker("DeltaNeutral CrossHedge", "setShape")
def _set_shape(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, SHAPE)


@maker("CrossHedge", "setEstimate")
def _set_estimate(calls: Calls, target: Instance) -> Arguments:
    owner, (terms,) = spoilt(calls, target, ESTIMATE_OF_RATIO[:-1])
    return owner, ((*terms, calls.rng.random() < 0.8),)


@maker("CrossHedge", "setHedgeRatio")
def _set_ratio(calls: Calls, target: Instance) -> Arguments:
    keeper = calls.system.ask(target, "keeper")
    known = keeper in calls.system.keys
    return keeper if known else calls.user(), (calls.rng.choice((WAD // 2, WAD, 2 * WAD, 4 * WAD)),)


@maker("CrossHedge", "setKeeper")
def _set_keeper(calls: Calls, target: Instance) -> Arguments:
    return calls.owner(target), (calls.user(),)


@maker("CdpCarry", "setTargets")
def _set_targets(calls: Calls, target: Instance) -> Arguments:
    owner, (terms,) = spoilt(calls, target, (CARRY_RATIO, LOOP_SHARE))
    return owner, terms


# ----------------------------------------------------------------------------- lending


@maker("LendingPool", "accrue")
def _accrue(calls: Calls, target: Instance) -> Arguments:
    return calls.user(), ()


@maker("LendingPool", "adjust")
def _adjust(calls: Calls, target: Instance) -> Arguments:
    """Lock and borrow, mostly to the edge, or pay back."""
    rng, owner = calls.rng, calls.user()
    debt = calls.system.ask(target, "debtOf", owner) or 0
    if debt and rng.random() < 0.4:
        return calls.user(), (owner, 0, -min(2**255, calls.part(debt)))
    cash = min(calls.part(calls.system.ask(target, "cash")), 10**30)
    price = calls.system.prices["ETH"]
    collateral = round(cash / price / rng.choice((0.4, 0.6, 0.69, 0.75)))
    return owner, (owner, min(2**255 - 1, collateral), cash)


@maker("LendingPool", "liquidate")
def _liquidate(calls: Calls, target: Instance) -> Arguments:
    ratios = {user: calls.system.ask(target, "loanToValueOf", user) or 0 for user in calls.system.users}
    owner = max(ratios, key=lambda user: ratios[user])
    return calls.user(), (owner, calls.rng.choice((LARGEST, calls.part(calls.system.ask(target, "debtOf", owner)))))


@maker("LendingPool", "setTerms")
def _set_terms(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, TERMS)


@maker("LendingPool", "setRateCurve")
def _set_curve(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, CURVE)
