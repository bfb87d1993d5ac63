"""The law of floors holds, and fails where puts are too few or a loss of the counterparty is left out."""

from functools import partial

import pytest

from simulator.validation.law import NoData
from simulator.validation.overlay_bench import COSTLY, OverlayBench, Roll, protective_put
from simulator.validation.overlays import OVERLAYS, floors, paths, rolls

_TENOR = 6 * 3600
_CRASH = (1.0, 0.9, 0.8, 0.6)


def test_paths_are_those_of_every_scenario_with_the_asset_and_some_fall_far() -> None:
    assert {"protective-put-crash", "collar-grind", "black-thursday", "flash-crash"} <= {name for name, _, _ in paths()}
    assert min(min(path) for _, _, path in paths()) < 0.7


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_floor_holds_along_the_prices_of_every_scenario(name: str) -> None:
    assert floors(OVERLAYS[name]).holds


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_crash_ends_at_the_floor(name: str) -> None:
    (roll,) = rolls(OVERLAYS[name], _TENOR, _CRASH)
    assert roll.worth == pytest.approx(roll.floor, rel=1e-4)
    assert roll.worth >= roll.floor * (1 - 1e-9)


def test_with_too_few_puts_the_law_fails() -> None:
    (roll,) = rolls(partial(protective_put, weight=0.9), _TENOR, _CRASH)
    assert roll.shortfall > 0.01


def test_what_the_counterparty_cannot_pay_is_beside_the_floor() -> None:
    bench = OverlayBench(protective_put(_TENOR), _TENOR, COSTLY._replace(capital_ratio=0.0), pool=50_000)
    roll = bench.until_expiry([2_000 * price for price in _CRASH[1:]])
    assert roll.unpaid > 100_000
    assert roll.worth < roll.floor * 0.95
    assert abs(roll.shortfall) < 1e-3


def test_the_floor_is_what_the_contract_says() -> None:
    bench = OverlayBench(protective_put(_TENOR), _TENOR)
    said = int(bench.lab.read(bench.strategy, "floor")) + bench.ask("idle")
    assert said == pytest.approx(bench._floor(), rel=1e-4)
    assert said >= bench._floor() * (1 - 1e-9)


def test_too_few_rolls_at_their_floor_are_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.validation.overlays.paths", lambda: (("calm", _TENOR, (1.0, 1.0, 1.0, 1.0)),))
    with pytest.raises(NoData):
        floors(protective_put)


def test_a_shortfall_is_what_neither_floor_nor_counterparty_explains() -> None:
    assert Roll(floor=100.0, worth=90.0, unpaid=4.0).shortfall == pytest.approx(0.06)
