from typing import Any

import brownie
from steps import dollars, give_dollars, said

from scripts.deploy import System
from simulator.units import WAD


def test_no_more_is_lent_than_the_limit(system: System, owner: Any) -> None:
    system.dollar.setFlashLimit(dollars(1_000), {"from": owner})
    assert system.dollar.maxFlashLoan(system.dollar) == dollars(1_000)
    with brownie.reverts(said("FlashLimitExceeded", dollars(1_001), dollars(1_000))):
        system.dollar.flashLoan(system.flash, system.dollar, dollars(1_001), b"", {"from": owner})


def test_only_dollars_are_lent(system: System, alice: Any) -> None:
    token = system.tokens["ETH"]
    assert system.dollar.maxFlashLoan(token) == 0
    with brownie.reverts(said("TokenNotLent", token)):
        system.dollar.flashLoan(system.flash, token, 1, b"", {"from": alice})


def test_a_borrower_refuses_loans_that_others_ask_for(system: System, alice: Any) -> None:
    with brownie.reverts(said("NotLender", system.dollar, alice)):
        system.dollar.flashLoan(system.flash, system.dollar, dollars(1), b"", {"from": alice})


def test_the_fee_is_rounded_up_and_bounded(system: System, owner: Any) -> None:
    system.dollar.setFlashFee(WAD // 1_000, owner, {"from": owner})
    assert system.dollar.flashFee(system.dollar, 1_001) == 2
    with brownie.reverts(revert_pattern=r".*: 10000000000000001, 0, 10000000000000000"):
        system.dollar.setFlashFee(WAD // 100 + 1, owner, {"from": owner})


def test_a_transfer_moves_exactly_its_amount(system: System, alice: Any, bob: Any) -> None:
    give_dollars(system, alice, 100)
    tx = system.dollar.transfer(bob, dollars(40), {"from": alice})
    assert tx.events["Transfer"] == {"from": alice, "to": bob, "amount": dollars(40)}
    assert (system.dollar.balanceOf(alice), system.dollar.balanceOf(bob)) == (dollars(60), dollars(40))
    with brownie.reverts(said("InsufficientBalance")):
        system.dollar.transfer(bob, dollars(61), {"from": alice})
