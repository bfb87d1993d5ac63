// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {FlashLiquidator} from "../../contracts/cdp/FlashLiquidator.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IDutchAuction} from "../../contracts/interfaces/IDutchAuction.sol";
import {PoolSystem} from "./CdpSystem.sol";

contract FlashLiquidatorTest is PoolSystem {
    FlashLiquidator private liquidator;

    function deployFor(bytes32 id, uint256 collateral, uint256 dollars) private {
        deployPool(id, collateral, dollars);
        liquidator = new FlashLiquidator(dollar, pool);
        liquidator.transferOwnership(bob);
    }

    function setUp() public {
        deploySystem();
    }

    function prepareFixed() private {
        engine.setStabilityFee(ETH, 0);
        deployFor(ETH, 1_000e18, 180_000e18);
        open(ETH, alice, 10e18, 1250e18);
        setPrice(ETH, 180);
    }

    /// @dev 625 repaid for 3.819 ETH less a fee of .069: 3.75 ETH fetch 180,000 * 3.73875 / (1,000 + 3.73875) = 670.46.
    function test_a_liquidation_pays_for_itself_without_capital() public {
        prepareFixed();
        uint256 supply = dollar.totalSupply();
        vm.prank(bob);
        uint256 profit = liquidator.liquidate(engine, ETH, alice, type(uint256).max, 45e18);
        near(profit, 45.46e18, 0.01e18, "profit");
        equal(dollar.balanceOf(bob), profit, "to the owner");
        equal(dollar.balanceOf(address(liquidator)), 0, "nothing stays");
        equal(tokenOf[ETH].balanceOf(address(liquidator)), 0, "no collateral stays");
        equal(dollar.totalSupply(), supply - 625e18, "only the debt repaid is gone");
        requireSupplyExplained();
    }

    function test_too_little_profit_and_nothing_has_happened() public {
        prepareFixed();
        uint256 out = pool.previewSwap(address(tokenOf[ETH]), 3.75e18);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(FlashLiquidator.Unprofitable.selector, int256(out) - 625e18, 46e18));
        liquidator.liquidate(engine, ETH, alice, type(uint256).max, 46e18);
        equal(engine.debtOf(ETH, alice), 1250e18, "untouched");
    }

    function test_a_loss_is_named_with_its_sign() public {
        engine.setStabilityFee(ETH, 0);
        deployFor(ETH, 10e18, 1_800e18);
        open(ETH, alice, 10e18, 1250e18);
        setPrice(ETH, 180);
        uint256 out = pool.previewSwap(address(tokenOf[ETH]), 3.75e18);
        check(out < 625e18, "shallow");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(FlashLiquidator.Unprofitable.selector, int256(out) - 625e18, 0));
        liquidator.liquidate(engine, ETH, alice, type(uint256).max, 0);
    }

    function test_the_fee_of_a_loan_comes_off_the_profit() public {
        prepareFixed();
        dollar.setFlashFee(0.001e18, address(0xFEE));
        (, uint256 seized, uint256 fee) = engine.previewLiquidation(ETH, alice, 300e18);
        uint256 out = pool.previewSwap(address(tokenOf[ETH]), seized - fee);
        vm.prank(bob);
        uint256 profit = liquidator.liquidate(engine, ETH, alice, 300e18, 0);
        equal(dollar.balanceOf(address(0xFEE)), 0.3e18, "fee");
        equal(profit, out - 300.3e18, "profit");
    }

    function test_a_healthy_position_is_refused_with_the_engines_error() public {
        prepareFixed();
        setPrice(ETH, 200);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.PositionHealthy.selector, 1.6e18, 1.5e18));
        liquidator.liquidate(engine, ETH, alice, 1e18, 0);
    }

    /// @dev At 1,300 in the pool and 1,560 * .99 ** 22 = 1,250.6 in the auction there is something to earn.
    function test_a_take_pays_for_itself_without_capital() public {
        engine.setStabilityFee(GOLD, 0);
        deployFor(GOLD, 2_000e18, 2_600_000e18);
        open(GOLD, alice, 10e18, 9_000e18);
        setPrice(GOLD, 1_300);
        engine.liquidate(GOLD, alice, 0, "");
        skip(22 * 90);
        vm.prank(bob);
        uint256 profit = liquidator.take(dutch, 1, type(uint256).max, 1_260e18, 300e18);
        equal(dollar.balanceOf(bob), profit, "to the owner");
        check(profit > 300e18, "profit");
        equal(debtAtAuction(GOLD), 0, "all taken");
        requireSupplyExplained();
    }

    function test_a_price_above_the_maximum_is_refused_with_the_auctions_error() public {
        deployFor(GOLD, 2_000e18, 2_600_000e18);
        open(GOLD, alice, 10e18, 9_000e18);
        setPrice(GOLD, 1_300);
        engine.liquidate(GOLD, alice, 0, "");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.TooExpensive.selector, 1_560e18, 1_300e18));
        liquidator.take(dutch, 1, 1e18, 1_300e18, 0);
    }

    function test_only_its_owner_uses_it_and_only_the_lender_calls_back() public {
        prepareFixed();
        vm.prank(carol);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        liquidator.liquidate(engine, ETH, alice, 1e18, 0);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(FlashLiquidator.NotLender.selector, carol, address(liquidator)));
        liquidator.onFlashLoan(address(liquidator), address(dollar), 0, 0, "");
        vm.prank(carol); // a loan that somebody else takes in its name
        vm.expectRevert(abi.encodeWithSelector(FlashLiquidator.NotLender.selector, address(dollar), carol));
        dollar.flashLoan(liquidator, address(dollar), 1e18, "");
    }

    function test_the_pool_must_trade_dollars() public {
        ConstantProductPool other = new ConstantProductPool(address(tokenOf[ETH]), address(tokenOf[BTC]), 0);
        vm.expectRevert(abi.encodeWithSelector(FlashLiquidator.NotPoolToken.selector, address(dollar)));
        new FlashLiquidator(dollar, other);
    }
}
