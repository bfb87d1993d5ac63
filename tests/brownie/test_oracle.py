from typing import Any

import brownie
from brownie import chain
from steps import BTC, ETH, dollars, open_position, report, said

from scripts.deploy import System
from simulator.units import WAD


def test_only_a_reporter_reports(system: System, alice: Any) -> None:
    with brownie.reverts(said("NotReporter", alice)):
        system.feeds["ETH"].report(1, {"from": alice})


def test_a_report_is_a_round_and_reaches_the_engine_at_once(system: System) -> None:
    tx = report(system, "ETH", 187.5)
    assert tx.events["AnswerUpdated"] == {"current": 187.5e8, "roundId": 2, "updatedAt": tx.timestamp}
    assert tuple(system.feeds["ETH"].latestRoundData()[:2]) == (2, 187.5e8)
    assert system.engine.priceOf(ETH) == 187.5 * WAD


def test_an_answer_below_zero_is_no_price(system: System, owner: Any) -> None:
    system.feeds["ETH"].report(-1, {"from": owner})
    with brownie.reverts(said("InvalidAnswer", -1)):
        system.engine.priceOf(ETH)


def test_a_delayed_price_counts_after_two_delays(system: System, bob: Any) -> None:
    delayed = system.delays["BTC"]
    report(system, "BTC", 6_000)
    assert system.engine.priceOf(BTC) == 8_000 * WAD
    with brownie.reverts(said("NotYet", delayed.nextPokeAt())):
        delayed.poke({"from": bob})

    chain.sleep(3_600)
    tx = delayed.poke({"from": bob})
    assert tx.events["PriceAdopted"]["price"] == 8_000 * WAD
    assert tx.events["PriceQueued"]["price"] == 6_000 * WAD
    assert system.engine.priceOf(BTC) == 8_000 * WAD

    report(system, "BTC", 5_000)
    chain.sleep(3_600)
    tx = delayed.poke({"from": bob})
    assert tx.events["PriceAdopted"]["price"] == 6_000 * WAD
    assert system.engine.priceOf(BTC) == 6_000 * WAD
    assert delayed.queued()[0] == 5_000 * WAD


def test_a_stale_answer_stops_drawing_but_not_repaying(system: System, alice: Any) -> None:
    open_position(system, "ETH", alice, 100, 5_000)
    chain.sleep(7_300)
    chain.mine()
    with brownie.reverts(revert_pattern=r"StalePrice: \d+, 7200"):
        system.engine.adjust(ETH, alice, 0, dollars(100), {"from": alice})
    system.engine.adjust(ETH, alice, 0, -dollars(1_000), {"from": alice})
    assert system.engine.debtOf(ETH, alice) < dollars(4_001)


def test_a_stale_source_keeps_the_delayed_price_in_force(system: System, bob: Any) -> None:
    chain.sleep(7_300)
    with brownie.reverts(revert_pattern=r"StalePrice: \d+, 7200"):
        system.delays["BTC"].poke({"from": bob})
    assert system.engine.priceOf(BTC) == 8_000 * WAD


def test_guards_are_the_owners_to_set(system: System, owner: Any, alice: Any) -> None:
    guard = system.guards["ETH"]
    with brownie.reverts(said("Unauthorized")):
        guard.setMaxJump(WAD // 5, {"from": alice})
    guard.setMaxJump(WAD // 5, {"from": owner})
    report(system, "ETH", 150)
    with brownie.reverts(said("PriceJump", 200 * WAD, 150 * WAD, WAD // 5)):
        system.engine.priceOf(ETH)
    report(system, "ETH", 149)
    assert system.engine.priceOf(ETH) == 149 * WAD, "a second round confirms the move"
