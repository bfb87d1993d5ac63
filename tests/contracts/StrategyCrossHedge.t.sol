// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {CrossHedge} from "../../contracts/vault/CrossHedge.sol";
import {HedgeSystem} from "./HedgeSystem.sol";

/// @dev ETH held, hedged in the perpetual of BTC at 40,000.
contract StrategyCrossHedgeTest is HedgeSystem {
    PushFeed private btc;
    CrossHedge private cross;

    function setUp() public {
        deployMarkets(0, 1e30);
        btc = new PushFeed(address(this), address(this), 8, "BTC / USD");
        btc.report(40_000e8);
        market = newMarket(btc, 0);
        deployVault();
        cross = new CrossHedge(
            address(vault),
            address(dollar),
            address(eth),
            feed,
            market,
            pool,
            0.01e18,
            shapeOfTest(),
            estimateOfTest(false),
            0.8e18
        );
        hedge = cross;
        vault.setStrategy(hedge);
    }

    function estimateOfTest(bool onChain) private pure returns (CrossHedge.Estimate memory) {
        return CrossHedge.Estimate({
            minRatio: 0.5e18, maxRatio: 1.5e18, interval: 1 hours, window: 2_000, fewest: 100, onChain: onChain
        });
    }

    /// @dev spot = .95 V / (1 + .25 * .8), and .8 of it sold.
    function test_it_sells_the_hedge_by_its_ratio() public {
        enter(alice, 100_000e18);
        uint256 worth = spot() * 2_000;
        near(worth, uint256(95_000e18) * 10 / 12, 1e15, "spot");
        near(short() * 40_000, worth * 8 / 10, 1e15, "sold");
        check(drift() < 1e9, "delta");
    }

    function test_a_new_ratio_is_a_new_delta() public {
        enter(alice, 100_000e18);
        cross.setHedgeRatio(0.9e18);
        pass(20 minutes);
        requireDue(IHedgedVault.Reason.Delta);
        rebalance("");
        near(short() * 40_000, spot() * 2_000 * 9 / 10, 1e15, "sold");
        check(drift() < 1e9, "delta");
    }

    function test_a_keeper_sets_it_within_bounds_and_nobody_else() public {
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1.6e18, 0.5e18, 1.5e18));
        cross.setHedgeRatio(1.6e18);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(CrossHedge.NotKeeper.selector, bob));
        cross.setHedgeRatio(1e18);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        cross.setEstimate(estimateOfTest(true));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        cross.setKeeper(bob);
        vm.stopPrank();
        cross.setKeeper(bob);
        vm.prank(bob);
        cross.setHedgeRatio(1e18);
        equal(cross.hedgeRatio(), 1e18, "set");
    }

    // ---------------------------------------------------------------- estimate

    function observe(int256 spotPrice, int256 hedgePrice) private {
        vm.warp(block.timestamp + 1 hours);
        feed.report(spotPrice);
        btc.report(hedgePrice);
        cross.observe();
    }

    /// @dev Twelve uniforms of the same seed less six: a normal near enough, [wad].
    function normal(uint256 seed) private pure returns (int256 z) {
        for (uint256 i; i < 12; ++i) {
            z += int256(uint256(keccak256(abi.encode(seed, i))) % 1e18);
        }
        z -= 6e18;
    }

    /// @dev Correlation .928, standard deviations .0263 and .0313: the ratio of least variance is .7798, and its
    /// effectiveness the correlation squared, .861.
    function test_it_estimates_the_ratio_of_least_variance_from_rounds() public {
        uint256 unhedged;
        uint256 hedged;
        cross.setEstimate(estimateOfTest(true));
        observe(2_000e8, 40_000e8);
        equal(cross.hedgeRatio(), 0.8e18, "the keeper's until there are enough");
        for (uint256 i = 1; i <= 2_000; ++i) {
            int256 common = normal(2 * i);
            int256 hedgeMove = common * 0.0313e18 / 1e18;
            int256 spotMove = (common * 9280 + normal(2 * i + 1) * 3726) / 10_000 * 0.0263e18 / 1e18;
            // there and back, so that prices stay where they are
            observe(2_000e8 + 2_000e8 * spotMove / 1e18, 40_000e8 + 40_000e8 * hedgeMove / 1e18);
            observe(2_000e8, 40_000e8);
            if (i <= 1_000) continue; // measured on what comes after the estimate
            int256 rest = spotMove - int256(cross.hedgeRatio()) * hedgeMove / 1e18;
            unhedged += uint256(spotMove * spotMove) / 1e18;
            hedged += uint256(rest * rest) / 1e18;
        }
        near(cross.hedgeRatio(), 0.78e18, 0.02e18, "ratio");
        near(WAD - hedged * WAD / unhedged, 0.861e18, 0.02e18, "effectiveness");
    }

    function test_an_estimate_stays_within_its_bounds() public {
        cross.setEstimate(estimateOfTest(true));
        observe(2_000e8, 40_000e8);
        for (uint256 i; i < 100; ++i) {
            // spot moves thrice as much as the hedge
            observe(i % 2 == 0 ? int256(2_060e8) : int256(2_000e8), i % 2 == 0 ? int256(40_400e8) : int256(40_000e8));
        }
        check(cross.estimatedRatio() > 2.9e18, "estimate");
        equal(cross.hedgeRatio(), 1.5e18, "bound");
        for (uint256 i; i < 1_000; ++i) {
            // and now against it
            observe(i % 2 == 0 ? int256(2_060e8) : int256(2_000e8), i % 2 == 0 ? int256(39_600e8) : int256(40_000e8));
        }
        equal(cross.estimatedRatio(), 0, "no hedge at all");
        equal(cross.hedgeRatio(), 0.5e18, "the other bound");
    }

    /// @dev Nobody fills the window with the same round, or between two rounds.
    function test_a_round_is_observed_once_and_no_sooner_than_the_interval() public {
        observe(2_000e8, 40_000e8);
        vm.expectRevert(abi.encodeWithSelector(CrossHedge.TooEarly.selector, block.timestamp + 1 hours));
        cross.observe();
        uint256 round = block.timestamp;
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(CrossHedge.TooEarly.selector, round));
        cross.observe();
        feed.report(2_000e8);
        vm.expectRevert(abi.encodeWithSelector(CrossHedge.TooEarly.selector, round));
        cross.observe();
        btc.report(40_000e8);
        cross.observe();
        equal(cross.observations(), 1, "one pair");
    }
}
