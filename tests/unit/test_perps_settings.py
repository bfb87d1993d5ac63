"""A perpetual market's table: what is refused, and how its numbers become the contracts'."""

import pytest
from pydantic import ValidationError

from simulator.protocols.perps import PerpProtocol, moments
from simulator.protocols.perps_settings import PerpSettings


def settings(**changes):
    return PerpSettings.model_validate(changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"margin": {"maintenance": 0.1}}, "each must be below the next"),
        ({"margin": {"liquidation_fee": 0.05}}, "each must be below the next"),
        ({"limits": {"skew_usd": 3e7}}, "must be <= open_interest_usd"),
        ({"limits": {"open_interest_usd": 3e8}}, "half of"),
        ({"backstop": {"floor_usd": 2.0, "trigger_usd": 1.0}}, "must be <= trigger_usd"),
        ({"kind": "inverse", "margin_asset": "USDC"}, "must be ETH where kind is inverse"),
        ({"pauses": [{"id": "a", "from": 2, "to": 1}]}, "must be >= from"),
        ({"delays": [{"id": "a", "from": 2}]}, "delay_seconds"),
        ({"orders": {"delay_seconds": -1}}, "greater than or equal to 0"),
    ],
)
def test_what_the_contracts_would_refuse_is_refused_at_load(changes, words):
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


def test_the_margin_is_dollars_or_the_asset_unless_said():
    assert settings().margin_symbol == "DOLLAR"
    assert settings(kind="inverse", asset="BTC").margin_symbol == "BTC"
    assert settings(margin_asset="USDC").margin_symbol == "USDC"


def test_sizes_of_zero_are_legal():
    nothing = settings(
        limits={"open_interest_usd": 0, "skew_usd": 0, "capital_ratio": 0},
        backstop={"fund_usd": 0, "patience_minutes": 0},
        pool={"liquidity_usd": 0},
        fees={"trade": 0},
        funding={"max_daily": 0, "clamp": 0, "velocity": 0},
        margin={"whole_below_usd": 0, "liquidation_fee": 0},
    )
    assert nothing.pool.liquidity_usd == 0


class Switchboard:
    """A venue that answers calls with their arguments."""

    def set_pause(self, *switches):
        return switches

    def set_orders(self, rule):
        return rule


def declared(**changes):
    protocol = PerpProtocol("perps", settings(**changes))
    protocol.venue = Switchboard()
    protocol._money = round
    return list(protocol.governance())


def test_overlapping_pauses_add_up_and_end_one_by_one():
    pauses = [
        {"id": "all", "from": 1, "to": 3},
        {"id": "trading", "from": 2, "to": 4, "withdrawals": False, "liquidations": False},
    ]
    assert declared(pauses=pauses) == [
        (3600, (True, True, True)),
        (7200, (True, True, True)),
        (10800, (True, False, False)),
        (14400, (False, False, False)),
    ]


def test_of_two_delays_at_once_the_last_in_the_list_stands():
    delays = [{"id": "a", "from": 0, "to": 2, "delay_seconds": 60}, {"id": "b", "from": 1, "delay_seconds": 600}]
    orders = {"delay_seconds": 5, "lifetime_minutes": 2, "tip_usd": 3}
    assert declared(delays=delays, orders=orders) == [(0, (60, 120, 3)), (3600, (600, 120, 3)), (7200, (600, 120, 3))]


def test_a_span_without_length_is_none():
    assert moments([(5.0, 5.0), (7.0, float("inf"))]) == [7.0]
