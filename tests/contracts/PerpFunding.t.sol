// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev Both rules of funding, in both kinds of market.
abstract contract PerpFundingCases is PerpSystem {
    int256 private constant RATE = 0.0003e18; // [wad per day] 1 bp per 8 hours

    /// @dev [margin wad] paid until now by one unit of size.
    function paidByUnit() private view returns (int256) {
        return market.previewFunding() / 1e9;
    }

    function perUnit(int256 rateTime) private view returns (int256) {
        return rateTime * int256(inverse ? 1e18 / PRICE : PRICE * 1e18) / 1e18;
    }

    // ---------------------------------------------------------------- premium

    function test_with_no_premium_longs_pay_the_interest_alone() public {
        market.setFunding(premiumFunding());
        deposit(alice, 1_000_000);
        deposit(bob, 1_000_000);
        trade(alice, 1_000_000);
        trade(bob, -1_000_000);
        same(market.fundingRate(), RATE, "1 bp per 8 hours");
        skip(365 days);
        setPrice(PRICE);
        // 10.95 % a year, on notional that does not compound
        close(paidByUnit(), perUnit(0.1095e18), 2, "simple carry of a year");
        (int256 paid, int256 got) = (cashOf(alice), cashOf(bob));
        closeAll(alice);
        closeAll(bob);
        // besides, she pays a fee of 500 and 2.5 bp of premium twice, which he receives
        close(paid - cashOf(alice), int256(money(109_500 + 500 + 500)), money(1), "paid");
        close(cashOf(bob) - got, int256(money(109_500 - 500 + 500)), money(1), "received");
    }

    function test_the_premium_is_paid_beyond_the_clamp_with_its_sign() public {
        IPerpMarket.LimitConfig memory l = limitRules();
        l.skewScale = uint256(sizeFor(40_000_000));
        market.setLimits(l);
        market.setFunding(premiumFunding());
        deposit(alice, 10_000_000);
        trade(alice, 1_000_000); // P = 2.5 %: P - clamp
        same(market.fundingRate(), 3 * (0.025e18 - 0.0005e18), "long skew");
        trade(alice, -2_000_000); // P = -2.5 %: P + clamp
        same(market.fundingRate(), -3 * (0.025e18 - 0.0005e18), "short skew");
        trade(alice, -1_000_000);
        same(market.fundingRate(), -0.1e18, "at the cap");
        trade(alice, 2_010_000); // P = .025 %: within the clamp of r
        same(market.fundingRate(), RATE, "near zero the interest");
    }

    function test_a_constant_negative_funding_can_be_held() public {
        // a clamp so wide that the interest alone is paid
        int256[5] memory yearly = [int256(-0.05e18), -0.1e18, -0.25e18, -0.5e18, -1e18];
        for (uint256 i; i < 5; ++i) {
            IPerpMarket.FundingConfig memory f = premiumFunding();
            (f.interest, f.clamp, f.maxRate) = (yearly[i] / 1095, 1e18, 10e18);
            market.setFunding(f);
            close(market.fundingRate() * 365, yearly[i], 1e6, "yearly rate");
        }
    }

    function test_an_interval_goes_by_its_mean_premium_and_not_by_its_last() public {
        IPerpMarket.FundingConfig memory f = premiumFunding();
        (f.interest, f.clamp, f.maxRate) = (0, 0, 10e18);
        market.setFunding(f);
        deposit(alice, 10_000_000);
        skip(45 minutes);
        setPrice(PRICE);
        trade(alice, 8_000_000); // premium .4 % for the last quarter of the hour
        skip(14 minutes);
        setPrice(PRICE);
        same(market.accrueFunding(), 0, "nothing before the end");
        skip(1 minutes);
        setPrice(PRICE);
        // a mean of .1 % a period of 8 hours, for one hour
        close(paidByUnit(), perUnit(0.001e18 / 8), 2, "mean");
    }

    function testFuzz_28_a_gap_is_charged_like_many_updates(uint256 gap, uint256 cuts, bool velocity, bool long)
        public
    {
        market.setFunding(velocity ? velocityFunding() : premiumFunding());
        deposit(alice, 10_000_000);
        trade(alice, long ? int256(9_000_000) : -int256(9_000_000));
        uint256 end = block.timestamp + within(gap, 1, 30 days);
        uint256 updates;
        vm.warp(end);
        setPrice(PRICE);
        int256 atOnce = market.previewFunding();
        vm.warp(START);
        while (block.timestamp < end) {
            cuts = uint256(keccak256(abi.encode(cuts)));
            uint256 step = within(cuts, 1, 3 days);
            vm.warp(block.timestamp + step < end ? block.timestamp + step : end);
            market.accrueFunding();
            ++updates;
        }
        close(market.previewFunding(), atOnce, 2 * updates + 1, "28: one update or many");
    }

    // --------------------------------------------------------------- velocity

    function test_the_rate_moves_by_skew_over_scale_times_the_highest_velocity() public {
        market.setFunding(velocityFunding());
        deposit(alice, 10_000_000);
        trade(alice, 10_000_000); // .5 % of the scale: .05 a day more each day
        skip(12 hours);
        setPrice(PRICE);
        same(market.fundingRate(), 0.025e18, "half a day");
        close(paidByUnit(), perUnit(0.025e18 / 4), 2, "the area under it");
        skip(36 hours);
        setPrice(PRICE);
        same(market.fundingRate(), 0.1e18, "two days");
        closeAll(alice);
        skip(5 days);
        setPrice(PRICE);
        same(market.fundingRate(), 0.1e18, "no skew, no drift");
        trade(alice, -10_000_000);
        skip(4 days);
        setPrice(PRICE);
        same(market.fundingRate(), -0.1e18, "and down again");
    }

    function test_the_rate_stops_at_its_cap_also_within_a_gap_of_days() public {
        market.setFunding(velocityFunding());
        deposit(alice, 10_000_000);
        trade(alice, 10_000_000); // reaches .2 a day after 4 days
        skip(10 days);
        setPrice(PRICE);
        same(market.fundingRate(), 0.2e18, "cap");
        close(paidByUnit(), perUnit(0.2e18 * 4 / 2 + 0.2e18 * 6), 2, "ramp and plateau");
    }

    // -------------------------------------------------------------- whose money

    function testFuzz_28_what_accounts_pay_the_pool_gets_to_the_unit(uint256 seed, bool velocity) public {
        market.setFunding(velocity ? velocityFunding() : premiumFunding());
        market.setFees(IPerpMarket.FeeConfig(0, 0));
        address[3] memory who = [alice, bob, carol];
        for (uint256 i; i < 3; ++i) {
            deposit(who[i], 5_000_000);
            trade(who[i], i == 1 ? -int256(2_500_000) : int256(1_000_000));
        }
        for (uint256 i; i < 8; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            skip(within(seed >> 80, 1, 2 days));
            setPrice(PRICE);
            address one = who[seed % 3];
            (int256 size,,, int256 due,) = market.positionOf(one);
            (int256 cash, int256 others) = (cashOf(one), market.totalMargin() - cashOf(one));
            int256 poolCash = market.poolCash();
            tradeSize(one, size > 0 ? int256(1000) : -int256(1000)); // more of the same settles funding and nothing else
            same(cash - cashOf(one), due, "28: paid");
            same(market.poolCash() - poolCash, due, "28: received");
            same(market.totalMargin() - cashOf(one), others, "28: by nobody else");
        }
        requireBooksBalance();
    }

    function test_opening_and_closing_in_one_block_pays_no_funding() public {
        market.setFunding(velocityFunding());
        deposit(bob, 5_000_000);
        trade(bob, 5_000_000);
        skip(3 days);
        setPrice(PRICE);
        deposit(alice, 1_000_000);
        (uint256 price, uint256 fee) = market.previewTrade(alice, sizeFor(1_000_000));
        check(price > 2_000e18, "premium");
        int256 before = cashOf(alice);
        trade(alice, 1_000_000);
        (, uint256 feeBack) = market.previewTrade(alice, -sizeFor(1_000_000));
        closeAll(alice);
        close(before - cashOf(alice), int256(fee + feeBack), 3, "both fees and nothing else");
    }

    function test_28_funding_owed_is_rounded_up_and_funding_received_down() public {
        market.setFunding(premiumFunding());
        deposit(alice, 1_000);
        deposit(bob, 1_000);
        tradeSize(alice, sizeFor(1_000) + 1);
        tradeSize(bob, -sizeFor(1_000) - 1);
        skip(7 hours);
        setPrice(PRICE);
        (,,, int256 owes,) = market.positionOf(alice);
        (,,, int256 gets,) = market.positionOf(bob);
        check(owes > 0 && gets < 0, "signs");
        int256 exact = (sizeFor(1_000) + 1) * market.previewFunding();
        check(owes * 1e27 >= exact && (owes - 1) * 1e27 < exact, "28: up");
        check(-gets * 1e27 <= exact && (1 - gets) * 1e27 > exact, "28: down");
    }
}

contract LinearFundingTest is PerpFundingCases {
    function setUp() public {
        deployPerps(false);
    }
}

contract InverseFundingTest is PerpFundingCases {
    function setUp() public {
        deployPerps(true);
    }
}
