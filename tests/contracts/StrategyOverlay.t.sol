// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Bounded} from "../../contracts/math/Bounded.sol";
import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IOverlay} from "../../contracts/interfaces/IOverlay.sol";
import {IStrategy} from "../../contracts/interfaces/IStrategy.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {Overlay} from "../../contracts/vault/Overlay.sol";
import {OverlaySystem} from "./OverlaySystem.sol";

contract ProtectivePutTest is OverlaySystem {
    function setUp() public {
        deployMarkets();
        deployOverlay(protectivePut());
        enter(alice, 100_000e18);
    }

    function test_it_holds_a_put_for_each_unit_of_spot() public view {
        near(uint256(legSize(0)), spotHeld(), 1e15, "a put for each");
        equal(strikeOf(0), 1_800e18, "at 90 %");
        check(spotHeld() > 48e18 && spotHeld() < 49.5e18, "99 % of the value less premium");
        check(vault.totalAssets() > 99_700e18, "cost");
        requireDue(IHedgedVault.Reason.None);
    }

    /// @dev The floor is 90 % of the price for each unit, and the reserve.
    function testFuzz_61_at_expiry_it_is_worth_at_least_its_floor(uint256 price) public {
        uint256 floor = overlay.floor();
        check(floor > 87_000e18 && floor < 90_000e18, "floor");
        price = within(price, 300e18, 6_000e18);
        reachExpiry(price);
        check(overlay.isLive(), "live once frozen");
        check(vault.totalAssets() + 1e6 >= floor, "61: fell through the floor");
        if (price <= 1_800e18) near(vault.totalAssets(), floor, 1e6, "61: just the floor");
        requireDue(IHedgedVault.Reason.Margin);
        IHedgedVault.Rebalanced memory r = rebalance("");
        check(r.valueAfter + r.traded / 100 >= r.valueBefore, "cost of the roll");
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 1000, "a put for each again");
        near(strikeOf(0), price * 9 / 10, price * 3 / 100, "at 90 % of the new price");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_between_expiry_and_settlement_nobody_comes_or_goes() public {
        moveTo(expiry, 1_500e18);
        check(!overlay.isLive(), "not live");
        equal(vault.maxDeposit(alice), 0, "no deposit");
        equal(vault.maxWithdraw(alice), 0, "no withdrawal");
        check(overlay.totalValue() > 85_000e18, "counted as exercised");
    }

    function test_a_stale_surface_is_not_live_and_counts_as_exercised() public {
        skip(21 minutes);
        setPrice(1_500e18);
        check(!overlay.isLive(), "live");
        uint256 expected = spotHeld() * 1_500 + uint256(legSize(0)) * 300 + dollar.balanceOf(address(overlay));
        near(overlay.totalValue(), expected, 1e3, "value");
        vm.expectRevert(IHedgedVault.NotLive.selector);
        rebalance("");
    }

    function test_a_halt_and_a_pause_are_not_live() public {
        market.setPause(true, false);
        check(!overlay.isLive(), "paused");
        market.setPause(false, false);
        check(overlay.isLive(), "live again");
        reportFlat(1.5e18);
        check(!overlay.isLive(), "halted");
    }

    function test_who_holds_no_options_needs_no_surface() public {
        reachExpiry(1_500e18);
        market.settle(address(overlay), idOf(0));
        vm.warp(block.timestamp + 30 minutes); // the price is fresh, the surface is not
        check(overlay.isLive(), "live");
        leave(alice, 10_000e18);
        expectError(IVolSurface.StaleSurface.selector);
        rebalance("");
    }

    function test_who_leaves_takes_a_share_of_everything() public {
        uint256 before = spotHeld();
        uint256 floor = overlay.floor();
        leave(alice, 40_000e18);
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 200, "still one for each");
        near(spotHeld(), before * 6 / 10, before / 50, "a share");
        near(overlay.floor(), floor * 6 / 10, floor / 50, "and of the floor");
        equal(dollar.balanceOf(alice), 40_000e18, "hers");
    }

    function test_what_is_liquid_can_go_at_once() public {
        uint256 most = vault.maxWithdraw(alice);
        check(most > 98_000e18, "nearly all");
        leave(alice, most);
        check(overlay.totalValue() < 2_000e18, "what closing may have cost");
    }

    function test_60_new_money_is_protected_where_nearly_all_has_left() public {
        leave(alice, vault.maxWithdraw(alice) - 5e18);
        check(legSize(0) == 0, "too little for a put");
        enter(bob, 50_000e18);
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 50, "puts again");
    }

    /// @dev What waited when most left is not more than there is, and the reserve pays for spread and fees.
    function test_60_new_money_is_protected_after_most_have_left() public {
        deployOverlay(zeroCostCollar(), shapeOfTest(), wideRolls());
        enter(alice, 100_000e18);
        enter(bob, 8_000e18);
        for (uint256 i; i < 5; ++i) {
            leave(alice, vault.maxWithdraw(alice) * 6 / 10);
        }
        leave(bob, vault.maxWithdraw(bob) * 9 / 10);
        moveTo(START + 4 days, 2_264e18);
        enter(bob, 1_001e18);
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 100, "a put for each");
        uint256 hand = dollar.balanceOf(address(overlay));
        check(hand * 100 >= overlay.totalValue() * 95 / 100, "the reserve is at hand");
    }

    function test_60_puts_are_paid_for_before_spot_where_there_is_no_reserve() public {
        IOverlay.Shape memory s = shapeOfTest();
        s.reserve = 0;
        deployOverlay(protectivePut(), s, rollsOfTest());
        enter(alice, 100_000e18);
        check(uint256(legSize(0)) + 1e6 >= spotHeld(), "at the roll");
        enter(bob, 100_000e18);
        check(uint256(legSize(0)) + 1e6 >= spotHeld(), "and with new money");
        check(spotHeld() > 96e18, "most is put to work");
    }

    function test_within_the_cutoff_new_money_waits_though_the_leg_is_too_small_to_be_there() public {
        deployOverlay(protectivePut());
        enter(alice, 10e18);
        moveTo(expiry - 5 minutes, PRICE);
        give(bob, 50_000e18);
        vm.startPrank(bob);
        dollar.approve(address(vault), ANY);
        vault.deposit(50_000e18, bob);
        vm.stopPrank();
        rebalance("");
        check(spotHeld() < 0.01e18, "waits");
    }

    function test_new_money_widens_everything_alike() public {
        uint256 spot = spotHeld();
        enter(bob, 50_000e18);
        near(spotHeld(), spot * 3 / 2, spot / 100, "spot");
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 100, "puts");
        equal(strikeOf(0), 1_800e18, "the same series");
        check(vault.totalAssets() > 149_500e18, "cost");
    }

    function test_nothing_is_rolled_within_the_cutoff() public {
        moveTo(expiry - 5 minutes, 1_700e18);
        check(overlay.isLive() && !overlay.rollDue(), "waits");
        equal(overlay.liquidity(), dollar.balanceOf(address(overlay)), "only what is at hand");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_a_keeper_chooses_within_bounds() public {
        reachExpiry(1_900e18);
        uint256 far = OptionId.pack(expiry, 1_900e18 * 12 / 20, OptionId.PUT);
        uint256 early = OptionId.pack(START + 50 days, 1_710e18, OptionId.PUT);
        market.list(START + 50 days, 1_710e18, OptionId.PUT);
        uint256[] memory ids = new uint256[](1);
        uint256[4] memory wrong = [far, early, OptionId.pack(expiry, 1_995e18, OptionId.CALL), 12345];
        for (uint256 i; i < 4; ++i) {
            ids[0] = wrong[i];
            vm.expectRevert(abi.encodeWithSelector(IOverlay.SeriesRefused.selector, 0, wrong[i]));
            rebalance(abi.encode(ids));
        }
        uint256 near_ = market.list(expiry, 1_733e18, OptionId.PUT);
        ids[0] = near_;
        rebalance(abi.encode(ids));
        equal(idOf(0), near_, "the keeper's");
    }

    function test_a_keepers_choice_has_a_series_for_each_leg() public {
        reachExpiry(1_900e18);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 2, 1, 1));
        rebalance(abi.encode(new uint256[](2)));
    }

    function test_without_a_series_near_enough_the_roll_is_refused() public {
        moveTo(expiry, 1_900e18);
        expiries.lock(expiry, feed.latestRound());
        market.freeze(expiry);
        vm.expectRevert(abi.encodeWithSelector(IOverlay.NoSeries.selector, 0));
        rebalance("");
    }

    function test_60_nothing_is_rolled_while_the_market_keeps_the_money() public {
        reachExpiry(1_500e18);
        market.setPause(false, true);
        check(!overlay.rollDue(), "waits");
        requireDue(IHedgedVault.Reason.None);
        market.setPause(false, false);
        requireDue(IHedgedVault.Reason.Margin);
        rebalance("");
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 1000, "a put for each");
    }

    function test_who_settled_first_does_not_matter() public {
        reachExpiry(1_500e18);
        uint256 before = overlay.totalValue();
        market.settle(address(overlay), idOf(0));
        near(overlay.totalValue(), before, 2, "value");
        check(overlay.rollDue() && overlay.isLive(), "due all the same");
        rebalance("");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_only_the_vault_moves_it() public {
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, address(this)));
        overlay.rebalance(0, "");
        vm.expectRevert(abi.encodeWithSelector(IStrategy.NotVault.selector, address(this)));
        overlay.unwind(1);
    }

    /// @dev Beyond a fifth everything is rolled: the put that is far from the price is sold for one that is near.
    function test_it_rolls_by_trigger() public {
        IOverlay.Rolls memory r = rollsOfTest();
        r.move = 0.2e18;
        overlay.setRolls(r);
        moveTo(START + 10 days, 2_390e18);
        requireDue(IHedgedVault.Reason.None);
        moveTo(START + 10 days, 2_410e18);
        requireDue(IHedgedVault.Reason.Margin);
        market.list(START + 40 days, 2_160e18, OptionId.PUT);
        rebalance("");
        equal(strikeOf(0), 2_160e18, "raised");
        check(overlay.floor() > 100_000e18, "locked in");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_it_rolls_ahead_of_expiry() public {
        IOverlay.Rolls memory r = rollsOfTest();
        r.ahead = 3 days;
        overlay.setRolls(r);
        moveTo(START + 27 days + 1, 2_000e18);
        requireDue(IHedgedVault.Reason.Margin);
        uint256 next = market.list(START + 57 days, 1_800e18, OptionId.PUT);
        rebalance("");
        equal(idOf(0), next, "the next");
    }

    /// @dev The pool has not all that it owes: what longs get is what there is, and the loss is recorded.
    function test_61_a_shortfall_of_the_counterparty_is_beside_the_floor() public {
        IOptionMarket.LimitConfig memory l = limitRules();
        l.capitalRatio = 0;
        market.setLimits(l);
        setUpAgain();
        uint256 floor = overlay.floor();
        uint256 free = market.poolFree();
        vm.startPrank(address(pool));
        market.poolWithdraw(address(1), free);
        vm.stopPrank();
        reachExpiry(500e18);
        market.settle(address(overlay), idOf(0));
        check(market.unpaidTotal() > 1_000e18, "the pool was too small");
        check(vault.totalAssets() < floor, "less than the floor");
        check(vault.totalAssets() + market.unpaidTotal() + 1e6 >= floor, "61: but for what is recorded");
    }

    /// @dev Series listed anew, as what is bound for one is fixed when it is listed.
    function setUpAgain() private {
        expiry = START + 35 days;
        listMonth(PRICE);
        IOverlay.Rolls memory r = rollsOfTest();
        (r.tenorRoom, r.move) = (0.2e18, 0.01e18);
        overlay.setRolls(r);
        uint256[] memory ids = new uint256[](1);
        ids[0] = OptionId.pack(expiry, 1_800e18, OptionId.PUT);
        moveTo(block.timestamp + 1, 2_021e18);
        rebalance(abi.encode(ids));
        r.move = 0;
        overlay.setRolls(r);
    }
}

contract OverlayShapesTest is OverlaySystem {
    function setUp() public {
        deployMarkets();
    }

    // ----------------------------------------------------------------- collars

    function test_a_zero_cost_collar_costs_nothing() public {
        deployOverlay(zeroCostCollar(), shapeOfTest(), wideRolls());
        enter(alice, 100_000e18);
        check(strikeOf(1) >= 2_040e18, "no nearer than 102 %");
        check(legSize(1) < 0 && uint256(-legSize(1)) <= spotHeld(), "covered");
        uint256 hand = dollar.balanceOf(address(overlay));
        uint256 expected = vault.totalAssets() / 100 + uint256(legSize(0)) * 30 / 1e18 * 1e18;
        check(hand > vault.totalAssets() / 100 && hand < expected * 3, "reserve and what the call brought");
        // What both cost: spot and money at hand are all that was there, but for the venue's fee.
        uint256 left = spotHeld() * 2_000 + hand;
        near(left, 100_000e18, 60e18, "no premium");
    }

    function testFuzz_61_a_collar_is_between_floor_and_cap(uint256 price) public {
        deployOverlay(zeroCostCollar(), shapeOfTest(), wideRolls());
        enter(alice, 100_000e18);
        uint256 floor = overlay.floor();
        check(floor > 89_000e18, "floor");
        uint256 cap = strikeOf(1);
        uint256 uncapped = spotHeld() - uint256(-legSize(1));
        price = within(price, 300e18, 6_000e18);
        uint256 most = spotHeld() * cap / 1e18 + dollar.balanceOf(address(overlay));
        if (price > cap) most += uncapped * (price - cap) / 1e18;
        reachExpiry(price);
        check(vault.totalAssets() + 1e6 >= floor, "61: fell through the floor");
        check(vault.totalAssets() <= most + 1e6, "above the cap");
        if (price < 1_200e18 || price > 4_000e18) return; // too many options for the market's depth
        rebalance("");
        check(overlay.floor() > vault.totalAssets() * 86 / 100, "the next roll has its floor");
    }

    // ------------------------------------------------------------ covered calls

    function test_a_covered_call_is_covered_by_spot() public {
        deployOverlay(coveredCall());
        enter(alice, 100_000e18);
        IOptionMarket.Position memory p = market.positionOf(address(overlay), idOf(0));
        equal(p.collateral, 0, "no collateral");
        equal(p.base, uint256(-p.size), "covered");
        equal(overlay.marginRatio(), type(uint256).max, "nothing to liquidate");
    }

    function testFuzz_a_covered_call_pays_its_gain_away(uint256 price) public {
        deployOverlay(coveredCall());
        enter(alice, 100_000e18);
        uint256 n = spotHeld();
        uint256 hand = dollar.balanceOf(address(overlay));
        price = within(price, 300e18, 6_000e18);
        reachExpiry(price);
        uint256 strike = strikeOf(0);
        near(vault.totalAssets(), n * (price < strike ? price : strike) / 1e18 + hand, 1e14, "worth");
        rebalance("");
        requireDue(IHedgedVault.Reason.None);
        near(uint256(-legSize(0)), spotHeld(), spotHeld() / 100, "written again");
    }

    /// @dev Far in the money, what is at hand does not pay for buying back at once: it goes in rounds.
    function test_who_leaves_a_call_far_in_the_money_has_it_bought_back_in_rounds() public {
        deployOverlay(coveredCall());
        enter(alice, 100_000e18);
        moveTo(START + 15 days, 3_400e18);
        uint256 most = vault.maxWithdraw(alice);
        check(most > 100_000e18, "liquid");
        leave(alice, most);
        check(uint256(-legSize(0)) < 2e18, "closed");
    }

    // ------------------------------------------------------- written on money

    function test_a_cash_secured_put_has_its_strike_behind_it() public {
        IOverlay.Shape memory s = shapeOfTest();
        (s.spot, s.cover) = (0, 100e18);
        deployOverlay(one(leg(true, 0.9e18, -1e18)), s, rollsOfTest());
        enter(alice, 100_000e18);
        IOptionMarket.Position memory p = market.positionOf(address(overlay), idOf(0));
        near(p.collateral, uint256(-p.size) * 1_800, 1e6, "secured");
        equal(overlay.marginRatio(), type(uint256).max, "nothing to liquidate");
        uint256 floor = overlay.floor();
        moveTo(START + 10 days, 900e18);
        uint256 id = idOf(0);
        expectError(IOptionMarket.PositionHealthy.selector);
        market.liquidate(address(overlay), id);
        reachExpiry(600e18);
        check(vault.totalAssets() + 1e6 >= floor, "61: fell through the floor");
    }

    function test_what_is_written_on_margin_is_topped_up() public {
        IOverlay.Shape memory s = shapeOfTest();
        (s.spot, s.reserve, s.targetDelta) = (0, 0.3e18, 0);
        deployOverlay(two(leg(true, 1e18, -0.5e18), leg(false, 1e18, -0.5e18)), s, rollsOfTest());
        enter(alice, 100_000e18);
        check(legSize(0) < 0 && legSize(1) < 0, "a straddle");
        near(uint256(-legSize(0)), uint256(-legSize(1)), 1e15, "both alike");
        uint256 ratio = overlay.marginRatio();
        check(ratio > 2e18 && ratio < 4e18, "ratio");
        equal(overlay.floor(), 0, "calls that nothing covers have none");
        moveTo(START + 5 days, 2_700e18);
        requireDue(IHedgedVault.Reason.Margin);
        rebalance("");
        check(overlay.marginRatio() > 1.2e18, "saved");
        requireDue(IHedgedVault.Reason.None);
    }

    /// @dev A position that two legs shared would count twice.
    function test_no_two_legs_share_a_series() public {
        IOverlay.Rolls memory r = rollsOfTest();
        r.placeRoom = 0.05e18;
        IOverlay.Shape memory s = shapeOfTest();
        s.reserve = 0.1e18;
        deployOverlay(two(leg(true, 0.9e18, 1e18), leg(true, 0.89e18, 1e18)), s, r);
        enter(alice, 100_000e18);
        check(idOf(0) != idOf(1) && legSize(1) > 0, "two series");
        check(vault.totalAssets() < 100_000e18, "worth no more than was paid");
        reachExpiry(PRICE);
        uint256[] memory ids = new uint256[](2);
        ids[0] = OptionId.pack(expiry, 1_800e18, OptionId.PUT);
        ids[1] = ids[0];
        vm.expectRevert(abi.encodeWithSelector(IOverlay.SeriesRefused.selector, 1, ids[1]));
        rebalance(abi.encode(ids));
    }

    /// @dev Too far gone for what is at hand: most is bought back, out of collateral too.
    function test_what_cannot_be_topped_up_is_bought_back() public {
        IOverlay.Shape memory s = shapeOfTest();
        (s.spot, s.targetDelta) = (0, 0);
        deployOverlay(two(leg(true, 1e18, -2e18), leg(false, 1e18, -2e18)), s, rollsOfTest());
        enter(alice, 20_000e18);
        uint256 written = uint256(-legSize(1));
        moveTo(START + 5 days, 3_400e18);
        requireDue(IHedgedVault.Reason.Margin);
        rebalance("");
        check(uint256(-legSize(1)) < written / 2 && legSize(1) < 0, "fewer calls");
        check(overlay.marginRatio() > 1.2e18, "saved");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_new_money_comes_where_a_position_has_less_than_its_initial_margin() public {
        IOverlay.Shape memory s = shapeOfTest();
        (s.spot, s.reserve, s.targetDelta, s.cover) = (0, 0.5e18, 0, 1.1e18);
        deployOverlay(one(leg(false, 1e18, -0.5e18)), s, rollsOfTest());
        enter(alice, 100_000e18);
        moveTo(START + 1 days, 2_120e18);
        check(collateralOf(address(overlay), idOf(0)) < market.requiredOf(address(overlay), idOf(0), true), "less");
        uint256 written = uint256(-legSize(0));
        enter(bob, 5_000e18);
        check(uint256(-legSize(0)) > written, "more of them");
    }

    function test_a_put_spread_loses_no_more_than_it_cost_or_its_width() public {
        IOverlay.Shape memory s = shapeOfTest();
        s.spot = 0;
        s.cover = 100e18;
        deployOverlay(two(leg(true, 0.9e18, -1e18), leg(true, 0.8e18, 1e18)), s, rollsOfTest());
        enter(alice, 100_000e18);
        uint256 floor = overlay.floor();
        uint256 width = uint256(-legSize(0)) * 200;
        check(floor + width > vault.totalAssets() - width / 20, "floor is the width below");
        reachExpiry(1_000e18);
        near(vault.totalAssets(), floor, 1e6, "61: at the floor");
    }

    // ------------------------------------------------------------- tail, harvest

    function test_a_tail_hedge_keeps_to_its_budget() public {
        IOverlay.Rolls memory r = rollsOfTest();
        r.budget = 0.002e18;
        deployOverlay(one(leg(true, 0.8e18, 3e18)), shapeOfTest(), r);
        enter(alice, 100_000e18);
        uint256 cost = uint256(legSize(0)) * market.markOf(idOf(0)) / 1e18;
        check(cost > 120e18 && cost <= 200e18, "0.2 % with spread and fee");
        uint256 before = vault.totalAssets();
        moveTo(START + 3 days, 1_000e18);
        check(vault.totalAssets() > before / 2, "better than spot alone");
    }

    function test_harvesting_buys_puts_for_what_calls_bring() public {
        IOverlay.Leg[] memory legs = two(leg(false, 1.1e18, -1e18), leg(true, 0.8e18, 10e18));
        legs[1].size = IOverlay.Size.Premium;
        deployOverlay(legs);
        enter(alice, 10_000e18);
        check(legSize(1) > 0, "puts");
        near(spotHeld() * 2_000 + dollar.balanceOf(address(overlay)), 10_000e18, 6e18, "for what calls brought");
    }

    // --------------------------------------------------------- by delta, hedged

    function test_a_strike_is_found_by_its_delta() public {
        IOverlay.Leg[] memory legs = one(leg(true, 0.25e18, 1e18));
        legs[0].strike = IOverlay.Strike.Delta;
        IOverlay.Rolls memory r = rollsOfTest();
        r.placeRoom = 0.06e18;
        deployOverlay(legs, shapeOfTest(), r);
        enter(alice, 100_000e18);
        uint256[] memory ids = new uint256[](1);
        int256[] memory sizes = new int256[](1);
        (ids[0], sizes[0]) = (idOf(0), 1e18);
        (int256 delta,,) = plans.greeksOf(ids, sizes);
        check(delta < -0.19e18 && delta > -0.31e18, "delta");
    }

    function hedgedShape() private pure returns (IOverlay.Shape memory s) {
        s = shapeOfTest();
        (s.spot, s.reserve, s.hedged, s.targetDelta) = (0.5e18, 0.02e18, true, 0);
    }

    /// @dev Puts bought and spot: long volatility without delta.
    function deployHedged(IOverlay.Leg[] memory legs, IOverlay.Shape memory s) private {
        deployOverlay(legs, s, rollsOfTest());
        IHedgedVault.Triggers memory t = vault.triggers();
        (t.band, t.interval) = (0.02e18, 1 days);
        vault.setTriggers(t);
        enter(alice, 100_000e18);
    }

    function testFuzz_a_hedged_overlay_keeps_its_delta_in_the_band(uint256[4] memory prices) public {
        deployHedged(one(leg(true, 1e18, 1e18)), hedgedShape());
        uint256 price = PRICE;
        for (uint256 i; i < 4; ++i) {
            price = price * within(prices[i], 92, 109) / 100;
            moveTo(START + (i + 1) * 3 days, price);
            rebalance("");
            int256 delta = vault.relativeDelta();
            check(delta < 0.02e18 && delta > -0.02e18, "delta");
        }
        (, int256 gamma, int256 vega) = vault.exposure();
        check(gamma > 0 && vega > 0, "long both");
    }

    function testFuzz_a_leg_makes_gamma_or_vega_nothing(bool ofGamma, uint256 move) public {
        IOverlay.Leg[] memory legs = two(leg(false, 1.1e18, -0.5e18), leg(true, 0.9e18, 3e18));
        legs[1].size = ofGamma ? IOverlay.Size.Gamma : IOverlay.Size.Vega;
        IOverlay.Shape memory s = hedgedShape();
        s.cover = 1.5e18;
        deployHedged(legs, s);
        for (uint256 i; i < 2; ++i) {
            (int256 delta, int256 gamma, int256 vega) = vault.exposure();
            int256 rest = ofGamma ? gamma - delta : vega;
            check(rest < 200e18 && rest > -200e18, ofGamma ? "gamma" : "vega");
            check(legSize(1) > 1e18, "a leg that does it");
            moveTo(START + (i + 1) * 5 days, PRICE * within(move, 95, 105) / 100);
            rebalance("");
        }
    }

    /// @dev Neither sold and bought again: turnover is what the other leg and spot need, and what the leg grows by.
    function test_new_money_leaves_the_leg_that_makes_gamma_nothing_in_place() public {
        IOverlay.Leg[] memory legs = two(leg(false, 1.1e18, -0.5e18), leg(true, 0.9e18, 3e18));
        legs[1].size = IOverlay.Size.Gamma;
        IOverlay.Shape memory s = hedgedShape();
        s.cover = 1.5e18;
        deployHedged(legs, s);
        uint256 before = uint256(legSize(1));
        uint256 fund = market.fund();
        enter(bob, 10_000e18);
        check(uint256(legSize(1)) > before, "grown");
        uint256 most = (uint256(legSize(1)) - before) + 10e18;
        // At most 0.03 % of the price of each option traded, a fifth of it to the fund.
        check(market.fund() - fund < most * 2_000 * 3 / 10_000 / 5, "fees of what was needed");
    }

    // ------------------------------------------------------------------- tenors

    /// @dev What could not be bought back whole is kept in the books, and bought back later.
    function test_a_call_too_deep_to_be_bought_back_at_once_is_not_forgotten() public {
        IOverlay.Rolls memory r = rollsOfTest();
        r.ahead = 10 days;
        deployOverlay(coveredCall(), shapeOfTest(), r);
        enter(alice, 10_000e18);
        uint256 id = idOf(0);
        moveTo(START + 21 days, 9_000e18);
        market.list(START + 51 days, 9_900e18, OptionId.CALL);
        requireDue(IHedgedVault.Reason.Margin);
        for (uint256 i; i < 5 && sizeOf(address(overlay), id) != 0; ++i) {
            rebalance("");
            check(sizeOf(address(overlay), id) == 0 || idOf(0) == id, "in the books");
        }
        equal(uint256(-sizeOf(address(overlay), id)), 0, "bought back");
        check(idOf(0) != id && legSize(0) < 0, "and rolled");
    }

    /// @dev The put costs more than is at hand, and the call is not due: some of everything pays for it.
    function test_60_a_leg_that_rolls_by_itself_is_paid_for_by_spot() public {
        market.list(START + 90 days, 3_000e18, OptionId.CALL);
        IOverlay.Leg[] memory legs = two(leg(true, 1e18, 1e18), leg(false, 1.5e18, -0.1e18));
        legs[1].tenor = 90 days;
        deployOverlay(legs);
        enter(alice, 100_000e18);
        uint256 call_ = idOf(1);
        reachExpiry(PRICE);
        rebalance("");
        equal(idOf(1), call_, "stays");
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 100, "a put for each");
        near(uint256(-legSize(1)), spotHeld() / 10, spotHeld() / 100, "the call too");
        requireDue(IHedgedVault.Reason.None);
    }

    function test_legs_of_different_tenors_roll_by_themselves() public {
        uint256 quarter = START + 90 days;
        market.list(quarter, 1_800e18, OptionId.PUT);
        IOverlay.Leg[] memory legs = two(leg(true, 0.9e18, 1e18), leg(false, 1.1e18, -1e18));
        legs[0].tenor = 90 days;
        deployOverlay(legs);
        enter(alice, 100_000e18);
        uint256 kept = idOf(0);
        equal(kept >> 136, quarter, "a quarter");
        int256 size = legSize(0);
        reachExpiry(2_100e18);
        rebalance("");
        equal(idOf(0), kept, "stays");
        check(legSize(0) == size, "its size too");
        equal(idOf(1) >> 136, expiry, "rolled");
        check(legSize(1) < 0, "written again");
    }

    // ------------------------------------------------------------------- edges

    function test_a_leg_that_is_too_small_is_left_out() public {
        deployOverlay(protectivePut());
        enter(alice, 10e18);
        equal(uint256(legSize(0)), 0, "dust");
        check(idOf(0) != 0, "but known");
        requireDue(IHedgedVault.Reason.None);
        enter(bob, 100_000e18);
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 50, "who comes later is protected");
    }

    function test_an_empty_vault_begins_anew() public {
        deployOverlay(protectivePut());
        enter(alice, 10_000e18);
        uint256 most = vault.maxWithdraw(alice);
        leave(alice, most);
        reachExpiry(2_100e18);
        enter(bob, 100_000e18);
        near(uint256(legSize(0)), spotHeld(), spotHeld() / 50, "a put for each");
    }

    function test_legs_shape_and_rolls_are_bounded() public {
        deployOverlay(protectivePut());
        IOverlay.Shape memory s = shapeOfTest();
        s.cover = 1e18 - 1;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 1e18 - 1, 1e18, 100e18));
        overlay.setShape(s);
        IOverlay.Rolls memory r = rollsOfTest();
        r.ahead = TENOR;
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, TENOR, 0, TENOR - 1));
        overlay.setRolls(r);
        vm.prank(alice);
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        overlay.setShape(s);
        IOverlay.Leg[] memory legs = one(leg(true, 0.9e18, 1e18));
        legs[0].strike = IOverlay.Strike.Cost;
        vm.expectRevert(abi.encodeWithSelector(IOverlay.InvalidLeg.selector, 0));
        this.deployOf(legs);
        legs = one(leg(true, 0.9e18, -1e18));
        legs[0].size = IOverlay.Size.Vega;
        vm.expectRevert(abi.encodeWithSelector(IOverlay.InvalidLeg.selector, 0));
        this.deployOf(legs);
        legs = new IOverlay.Leg[](0);
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0, 1, 6));
        this.deployOf(legs);
    }

    function test_another_asset_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IOverlay.MarketMismatch.selector, address(market)));
        new Overlay(address(this), address(base), plans, venue, 0.01e18, protectivePut(), shapeOfTest(), rollsOfTest());
    }

    function deployOf(IOverlay.Leg[] memory legs) external {
        new Overlay(address(vault), address(dollar), plans, venue, 0.01e18, legs, shapeOfTest(), rollsOfTest());
    }
}
