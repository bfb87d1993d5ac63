"""As parity_makers, for the overlay strategy and what plans it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from parity_makers import LARGEST, Arguments, maker, viewer
from parity_option_makers import book_of, clamped, market_of, some_series, spot_of
from parity_perp_makers import spoilt
from parity_system import Instance
from parity_vault_system import LEGS, OVERLAY_SHAPE, ROLLS

from simulator.chain.types import ZERO_ADDRESS, Address
from simulator.units import WAD

if TYPE_CHECKING:
    from parity_calls import Calls

WEIGHTS = {("Overlay", "setShape"): 4, ("Overlay", "setRolls"): 4}


def overlay_of(calls: Calls, vault: Instance) -> Instance | None:
    """The overlay that a vault has put its money in, if that is what it has."""
    address = calls.system.ask(vault, "strategy") or ZERO_ADDRESS
    return next((i for i in calls.system.of_kind("Overlay") if i.address == address), None)


def proposal(calls: Calls, overlay: Instance) -> bytes:
    """Series that a keeper chooses: those held, some that are listed, and now and then one too few."""
    rng = calls.rng
    held = (calls.system.ask(overlay, "held") or ((0,) * len(LEGS),))[0]
    ids = [rng.choice((0, 0, 0, id, some_series(calls, market_of(calls), alive=True))) for id in held]
    return encode(["uint256[]"], [ids[1:] if rng.random() < 0.1 else ids])


@maker("Overlay", "setShape")
def _set_shape(calls: Calls, target: Instance) -> Arguments:
    """Hedged for a while now and then."""
    rng = calls.rng
    owner, (terms,) = spoilt(calls, target, OVERLAY_SHAPE[:4])
    delta = rng.choice((0, 0, WAD // 2, -WAD // 10, clamped(calls.any_number())))
    return owner, ((*terms, rng.random() < 0.3, delta),)


@maker("Overlay", "setRolls")
def _set_rolls(calls: Calls, target: Instance) -> Arguments:
    return spoilt(calls, target, ROLLS)


# ------------------------------------------------------------------------------- plans


def _series(calls: Calls) -> int:
    return some_series(calls, market_of(calls), alive=calls.rng.random() < 0.9, plain=True)


def _held(calls: Calls) -> tuple[Address, list[int]]:
    """An overlay or a user, and the series of its legs or some others."""
    overlay = calls.system.of_kind("Overlay", main=True)[0]
    if calls.rng.random() < 0.7:
        return overlay.address, list((calls.system.ask(overlay, "held") or ((),))[0])
    return calls.user(), book_of(calls)[0]


@viewer("OverlayPlan", "closingCost holdingOf marginRatio sizesOf")
def _of_owner(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _held(calls)


@viewer("OverlayPlan", "isRisky")
def _risky(calls: Calls, target: Instance) -> tuple[Any, ...]:
    owner, ids = _held(calls)
    return owner, calls.rng.choice(ids or [_series(calls)])


def _size(calls: Calls) -> int:
    return calls.rng.choice((1, -1)) * min(calls.part(2 * WAD), 2**200)


@viewer("OverlayPlan", "unitPrice")
def _unit_price(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _series(calls), _size(calls)


@viewer("OverlayPlan", "collateralFor")
def _collateral(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _series(calls), calls.rng.choice((WAD, 3 * WAD // 2, calls.any_number()))


@viewer("OverlayPlan", "financed")
def _financed(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return _series(calls), _size(calls), 20 * _size(calls)


@viewer("OverlayPlan", "restoring")
def _restoring(calls: Calls, target: Instance) -> tuple[Any, ...]:
    owner, id = _risky(calls, target)
    return owner, id, calls.rng.choice((WAD, 3 * WAD // 2)), calls.part(1_000 * WAD)


@viewer("OverlayPlan", "costOf greeksOf")
def _greeks(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return book_of(calls)


@viewer("OverlayPlan", "neutral")
def _neutral(calls: Calls, target: Instance) -> tuple[Any, ...]:
    ids, sizes = book_of(calls)
    return ids, sizes, calls.rng.randrange(len(ids) + 1), calls.rng.choice((False, True)), 2 * WAD


@viewer("OverlayPlan", "floorOf")
def _floor(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*book_of(calls), calls.part(2 * WAD), calls.part(4_000 * WAD))


@viewer("OverlayPlan", "worthAt")
def _worth(calls: Calls, target: Instance) -> tuple[Any, ...]:
    return (*_floor(calls, target), calls.around(spot_of(calls)))


@viewer("OverlayPlan", "plan")
def _plan(calls: Calls, target: Instance) -> tuple[Any, ...]:
    """As the overlay asks, for some of its legs, with a value that is right or not."""
    rng = calls.rng
    due = [rng.random() < 0.7 for _ in LEGS]
    proposed = rng.choice(([], [], [rng.choice((0, _series(calls))) for _ in LEGS]))
    value = rng.choice((4_000 * WAD, calls.part(4_000 * WAD), LARGEST))
    units = rng.choice((0, 0, WAD, calls.part(2 * WAD)))
    held = [0 if each or rng.random() < 0.1 else _series(calls) for each in due]
    return ((LEGS, OVERLAY_SHAPE, ROLLS, value, spot_of(calls), units, due, held, proposed),)
