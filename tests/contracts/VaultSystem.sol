// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {Case} from "./Case.sol";
import {TestStrategy} from "./TestStrategy.sol";

/// @dev Settings of a vault that tests begin with: no fees, band 1 %, slippage 1 %, cooldown 10 minutes.
abstract contract VaultSettingsOfTests {
    address internal recipient = address(0xFEE5);

    function limitsOfTest() internal pure returns (IHedgedVault.Limits memory l) {
        l.depositCap = 1_000_000e18;
    }

    function feesOfTest() internal view returns (IHedgedVault.Fees memory f) {
        f.recipient = recipient;
    }

    function triggersOfTest() internal pure returns (IHedgedVault.Triggers memory t) {
        t.band = 0.01e18;
        t.idleBand = 1e18;
    }

    function executionOfTest() internal pure returns (IHedgedVault.Execution memory e) {
        e.cooldown = 10 minutes;
        e.maxSlippage = 0.01e18;
    }

    function newVault(address asset) internal returns (HedgedVault) {
        return
            new HedgedVault(
                asset, "Hedged", "HEDGED", limitsOfTest(), feesOfTest(), triggersOfTest(), executionOfTest()
            );
    }
}

/// @dev A vault over a strategy that a test commands.
abstract contract VaultSystem is Case, VaultSettingsOfTests {
    CollateralToken internal token;
    HedgedVault internal vault;
    TestStrategy internal strategy;
    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal keeper = address(0x6EE9E6);

    function deployVault(uint8 decimals) internal {
        vm.warp(1_600_000_000);
        token = new CollateralToken("Asset", "ASSET", decimals);
        vault = newVault(address(token));
        strategy = new TestStrategy(address(vault), address(token));
        vault.setStrategy(strategy);
        token.transferOwnership(address(strategy)); // so that it can gain
        give(alice, 100_000e18);
        give(bob, 100_000e18);
    }

    function give(address who, uint256 amount) internal {
        strategy.gain(0);
        vm.prank(address(strategy));
        token.mint(who, amount);
        vm.prank(who);
        token.approve(address(vault), type(uint256).max);
    }

    function deposit(address who, uint256 assets) internal returns (uint256 shares) {
        vm.prank(who);
        return vault.deposit(assets, who);
    }

    function redeemAll(address who) internal returns (uint256 assets) {
        uint256 shares = vault.balanceOf(who);
        vm.prank(who);
        return vault.redeem(shares, who, who);
    }

    function rebalance() internal returns (IHedgedVault.Rebalanced memory) {
        vm.prank(keeper);
        return vault.rebalance("");
    }

    /// @dev Gives the strategy all that is idle, with delta at the target.
    function putToWork() internal {
        IHedgedVault.Triggers memory t = vault.triggers();
        uint256 band = t.idleBand;
        t.idleBand = 0;
        vault.setTriggers(t);
        skip(vault.execution().cooldown + 1);
        rebalance();
        t.idleBand = band;
        vault.setTriggers(t);
    }

    function skip(uint256 elapsed) internal {
        vm.warp(block.timestamp + elapsed);
    }

    function change(IHedgedVault.Limits memory value) internal {
        vault.setLimits(value);
    }
}
