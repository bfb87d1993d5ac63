// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DutchAuction} from "../../contracts/cdp/DutchAuction.sol";
import {IAuction} from "../../contracts/interfaces/IAuction.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IDutchAuction} from "../../contracts/interfaces/IDutchAuction.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {ITaker} from "../../contracts/interfaces/ITaker.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {CdpSystem} from "./CdpSystem.sol";

/// @dev 10 GOLD at 1,500 carry 9,000; at 1,300 the ratio is 1.444. 10,170 are to be raised from a top price of 1,560.
/// The keeper earns 20 + 0.1 % of 10,170.
contract DutchTest is CdpSystem {
    uint256 private constant RAISE = 10_170e18;
    uint256 private constant TIP = 30.17e18;
    uint256 private constant ANY = type(uint256).max;

    function setUp() public {
        deploySystem();
        engine.setStabilityFee(GOLD, 0);
        open(GOLD, alice, 10e18, 9_000e18);
        giveDollars(bob, 50_000e18);
        setPrice(GOLD, 1_300);
    }

    function begin() private {
        vm.prank(carol);
        engine.liquidate(GOLD, alice, 0, "");
    }

    function test_a_start_is_told_to_the_world() public {
        vm.expectEmit();
        emit IAuction.AuctionStarted(1, GOLD, alice, 10e18, RAISE, 9_000e18);
        vm.expectEmit();
        emit IDutchAuction.PriceSet(1, 1_560e18, START);
        vm.expectEmit();
        emit ICdpEngine.KeeperPaid(GOLD, carol, TIP);
        vm.expectEmit();
        emit ICdpEngine.PositionLiquidated(GOLD, alice, carol, 9_000e18, 10e18, 0, 0, 0, 1);
        begin();
    }

    function take(uint256 amount, uint256 maxPrice) private returns (uint256 sold, uint256 paid) {
        vm.prank(bob);
        return dutch.take(1, amount, maxPrice, bob, "");
    }

    function test_it_starts_above_the_feed_and_pays_its_keeper() public {
        begin();
        (uint256 price, bool needsReset) = dutch.priceOf(1);
        equal(price, 1_560e18, "1.2 times 1,300");
        check(!needsReset, "fresh");
        equal(dollar.balanceOf(carol), TIP, "tip");
        equal(engine.badDebt(), TIP, "at the expense of nobody's surplus");
        (address owner, uint256 lot, uint256 raise, uint256 debt,,,) = dutch.auctions(1);
        check(owner == alice, "owner");
        equal(lot, 10e18, "lot");
        equal(raise, RAISE, "to raise");
        equal(debt, 9_000e18, "debt");
        requireSupplyExplained();
    }

    function test_13_the_price_steps_down_and_runs_its_course() public {
        begin();
        vm.warp(START + 89);
        (uint256 price,) = dutch.priceOf(1);
        equal(price, 1_560e18, "still the first step");
        vm.warp(START + 90);
        (price,) = dutch.priceOf(1);
        equal(price, 1_544.4e18, "one step");
        vm.warp(START + 180);
        (price,) = dutch.priceOf(1);
        equal(price, 1_528.956e18, "two steps");
        bool needsReset;
        vm.warp(START + 59 * 90); // .99 ** 59 = .5527
        (, needsReset) = dutch.priceOf(1);
        check(!needsReset, "within the drop");
        vm.warp(START + 60 * 90); // .99 ** 60 = .5472
        (, needsReset) = dutch.priceOf(1);
        check(needsReset, "past the drop");
    }

    /// @dev 1,560.000000012 * .99 ** 5 = 1,483.5444778554118805988, and a millionth of that has a fraction again.
    function test_the_price_and_what_is_paid_are_rounded_up() public {
        feedOf[GOLD].report(1_300e8 + 1);
        begin();
        vm.warp(START + 5 * 90);
        (uint256 price,) = dutch.priceOf(1);
        equal(price, 1483544477855411880599, "price");
        (, uint256 paid) = dutch.previewTake(1, 1e12);
        equal(paid, 1483544477855412, "paid");
    }

    function testFuzz_13_the_price_never_rises_between_resets(uint16 earlier, uint16 later, uint256 step) public {
        dutch.setCurve(1.2e18, within(step, 0.01e18, WAD - 1), 90);
        begin();
        vm.warp(START + (earlier < later ? earlier : later));
        (uint256 first, bool dead) = dutch.priceOf(1);
        vm.warp(START + (earlier < later ? later : earlier));
        (uint256 second, bool still) = dutch.priceOf(1);
        check(second <= first && first <= 1_560e18, "rose");
        check(still || !dead, "sold again without a reset");
    }

    function test_a_take_is_told_to_the_world() public {
        begin();
        vm.expectEmit();
        emit IDutchAuction.Taken(1, bob, 2e18, 3_120e18, 1_560e18, 8e18, RAISE - 3_120e18);
        take(2e18, ANY);
        vm.expectEmit();
        emit ICdpEngine.SurplusBooked(GOLD, RAISE - 9_000e18);
        vm.expectEmit();
        emit IAuction.AuctionSettled(1, bob, 6.51923e18, RAISE, 3.48077e18);
        take(ANY, ANY);
    }

    /// @dev 2 at 1,544.4 pay 3,088.8; the 7,081.2 left buy 4.631395 at 1,528.956; 3.368605 go back to the owner.
    function test_two_takes_raise_all_and_the_owner_gets_the_rest() public {
        begin();
        vm.warp(START + 90);
        (uint256 sold, uint256 paid) = take(2e18, 1_544.4e18);
        equal(sold, 2e18, "sold");
        equal(paid, 3_088.8e18, "paid");
        equal(debtAtAuction(GOLD), 9_000e18 - 3_088.8e18, "debt first");
        vm.warp(START + 180);
        (sold, paid) = take(ANY, ANY);
        equal(sold, 4.631395e18, "in whole units of 6 decimals");
        equal(paid, RAISE - 3_088.8e18, "all that was left to raise");
        equal(tokenOf[GOLD].balanceOf(alice), 3_368_605, "given back");
        equal(engine.surplus(), RAISE - 9_000e18, "the bonus");
        equal(debtAtAuction(GOLD), 0, "cleared");
        equal(dutch.auctionCount(), 1, "count");
        vm.expectRevert(abi.encodeWithSelector(IAuction.NoAuction.selector, 1));
        take(1e18, ANY);
        requireSupplyExplained();
    }

    function test_a_lot_worth_less_than_the_debt_leaves_bad_debt() public {
        begin();
        vm.warp(START + 59 * 90);
        (uint256 sold, uint256 paid) = take(ANY, ANY);
        equal(sold, 10e18, "all");
        check(paid < 9_000e18, "for less than the debt");
        equal(engine.badDebt(), 9_000e18 - paid + TIP, "bad debt");
        equal(debtAtAuction(GOLD), 0, "nothing left at auction");
        requireSupplyExplained();
    }

    function test_nobody_pays_more_than_they_said() public {
        begin();
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.TooExpensive.selector, 1_560e18, 1_559e18));
        take(1e18, 1_559e18);
    }

    function test_after_its_course_it_sells_nothing_until_it_is_reset() public {
        begin();
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.NoResetNeeded.selector));
        dutch.reset(1);
        vm.warp(START + 60 * 90);
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.NeedsReset.selector));
        take(1e18, ANY);
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.NeedsReset.selector));
        dutch.previewTake(1, 1e18);
        setPrice(GOLD, 1_000);
        dutch.reset(1);
        (uint256 price,) = dutch.priceOf(1);
        equal(price, 1_200e18, "a new top price");
        equal(dollar.balanceOf(address(this)), TIP, "paid like a start");
        take(1e18, ANY);
    }

    function test_it_needs_a_reset_after_its_time_even_without_a_drop() public {
        dutch.setCurve(1.2e18, 0.999e18, 90);
        begin();
        vm.warp(START + 2 hours);
        (, bool needsReset) = dutch.priceOf(1);
        check(!needsReset, "within its time");
        vm.warp(START + 2 hours + 1);
        (, needsReset) = dutch.priceOf(1);
        check(needsReset, "past its time");
    }

    function test_a_stale_feed_stops_start_and_reset_with_its_own_error() public {
        begin();
        engine.setFeed(GOLD, address(new GuardedFeed(feedOf[GOLD], 1 hours, 0, 0, 0)));
        vm.warp(START + 60 * 90);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 5400, 3600));
        dutch.reset(1);
        vm.expectRevert(abi.encodeWithSelector(IPrice.StalePrice.selector, 5400, 3600));
        engine.liquidate(GOLD, alice, 0, "");
    }

    // -------------------------------------------------------------- remainder

    /// @dev 6.5 at 1,560 pay 10,140 and would leave 30 to raise: 6.455128 leave a little over the floor of 100.
    function test_a_purchase_is_cut_down_so_that_no_dust_is_left_to_raise() public {
        begin();
        (uint256 sold, uint256 paid) = take(6.5e18, ANY);
        equal(sold, 6.455128e18, "sold");
        (,, uint256 left,,,,) = dutch.auctions(1);
        equal(left, RAISE - paid, "left");
        check(left >= 100e18 && left < 100.01e18, "the floor");
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.DustRemainder.selector, left - 15.6e18, 100e18));
        take(0.01e18, ANY);
        take(1e18, ANY);
        equal(debtAtAuction(GOLD), 0, "settled");
    }

    /// @dev When the lot can no longer raise the debt, it is the lot that may not be left as dust.
    function test_one_unit_of_the_lot_cannot_be_left_behind() public {
        begin();
        vm.warp(START + 59 * 90);
        take(10e18 - 1e12, ANY);
        (, uint256 lot,,,,,) = dutch.auctions(1);
        (uint256 price,) = dutch.priceOf(1);
        check(lot * price / 1e18 >= 100e18, "worth the floor");
    }

    function test_less_than_one_token_unit_is_nothing() public {
        begin();
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.NothingToTake.selector));
        take(1e12 - 1, ANY);
    }

    function testFuzz_10_preview_of_a_take_is_what_happens(uint256 amount, uint16 wait) public {
        begin();
        skip(wait % 8000);
        amount = within(amount, 0, 11e18);
        try dutch.previewTake(1, amount) returns (uint256 expected, uint256 price) {
            (uint256 sold, uint256 paid) = take(amount, ANY);
            equal(sold, expected, "sold");
            equal(paid, price, "paid");
            check(sold <= amount, "more than asked for");
        } catch (bytes memory reason) {
            vm.expectRevert(reason);
            take(amount, ANY);
        }
    }

    /// @dev Many takers, any amounts and times: what leaves and what comes in add up, and it always ends.
    function testFuzz_8_takes_add_up_and_end(uint256[6] memory amounts, uint16[6] memory waits) public {
        begin();
        uint256 paidInAll;
        for (uint256 i; i < 6 && debtAtAuction(GOLD) != 0; ++i) {
            skip(waits[i] % 600);
            try dutch.previewTake(1, within(amounts[i], 1e12, 4e18)) returns (uint256, uint256) {
                (uint256 sold, uint256 paid) = take(within(amounts[i], 1e12, 4e18), ANY);
                check(sold <= 4e18, "sold");
                paidInAll += paid;
            } catch {}
            requireSupplyExplained();
        }
        (, uint256 lot,,,,, uint256 paidBefore) = dutch.auctions(1);
        if (lot != 0) {
            equal(paidBefore, paidInAll, "paid so far");
            equal(heldBy(GOLD, address(dutch)), lot, "held");
            (, uint256 paid) = take(ANY, ANY);
            paidInAll += paid;
        }
        check(paidInAll <= RAISE, "never more than was to be raised");
        equal(heldBy(GOLD, alice) + heldBy(GOLD, bob), 10e18, "every unit went somewhere");
        equal(debtAtAuction(GOLD), 0, "cleared");
        requireSupplyExplained();
    }

    /// @dev Collateral at a hundred-thousandth of a dollar: a unit of Dollar is worth 100,000 units of it, and whoever
    /// pays all that is left to raise must not get more than they asked for, or than there is.
    function testFuzz_a_taker_of_cheap_collateral_gets_no_more_than_asked(uint256 debt, uint256 less, uint16 wait)
        public
    {
        bytes32 id = "CHEAP";
        tokenOf[id] = tokenOf[ETH];
        (feedOf[id], unitOf[id]) = (feedOf[ETH], 1);
        DutchAuction auction = new DutchAuction(
            engine, id, address(tokenOf[id]), dollar, 1.2e18, 0.99e18, 90, 0.45e18, 2 hours, 0, 0, 1e24
        );
        feedOf[id].report(1_000);
        engine.addCollateral(id, configuration(id, address(auction), 0.13e18, 0, 0));
        debt = within(debt, 100e18, 200e18);
        open(id, alice, debt * 165_000, debt);
        feedOf[id].report(900);
        engine.liquidate(id, alice, 0, "");
        vm.warp(START + wait % 3600);
        (, uint256 lot, uint256 raise,,,,) = auction.auctions(1);
        (uint256 price,) = auction.priceOf(1);
        uint256 enough = raise * WAD / price;
        uint256 amount = (enough < lot ? enough : lot) - within(less, 0, 200_000);
        vm.prank(bob);
        try auction.take(1, amount, ANY, bob, "") returns (uint256 sold, uint256 paid) {
            check(sold <= amount && paid <= raise, "more than asked for");
        } catch (bytes memory reason) {
            check(bytes4(reason) == IDutchAuction.DustRemainder.selector, "refused");
        }
    }

    // -------------------------------------------------------------------- cap

    function test_the_cap_stops_a_start_and_room_lets_it_through() public {
        open(GOLD, bob, 10e18, 7_000e18);
        setPrice(GOLD, 1_000);
        dutch.setDebtCap(15_000e18);
        begin();
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.DebtCapReached.selector, 16_000e18, 15_000e18));
        engine.liquidate(GOLD, bob, 0, "");
        take(2e18, ANY);
        engine.liquidate(GOLD, bob, 0, "");
        equal(dutch.auctionCount(), 2, "started");
    }

    // ------------------------------------------------------------- the keeper

    /// @dev A debt of 100 raises 13 more: that is all a keeper can get, however high the tip.
    function test_a_keeper_never_earns_more_than_the_bonus() public {
        dutch.setKeeper(250e18, 0.1e18);
        setPrice(GOLD, 1_500);
        open(GOLD, bob, 0.12e18, 100e18);
        setPrice(GOLD, 1_200);
        uint256 before = dollar.balanceOf(carol);
        vm.prank(carol);
        engine.liquidate(GOLD, bob, 0, "");
        equal(dollar.balanceOf(carol) - before, 13e18, "the bonus");
    }

    function test_the_keeper_is_paid_from_surplus_while_there_is_some() public {
        engine.setStabilityFee(GOLD, EIGHT_PERCENT);
        skip(365 days);
        engine.accrue(GOLD);
        uint256 before = engine.surplusExact();
        begin();
        equal(engine.badDebt(), 0, "no bad debt");
        check(engine.surplusExact() < before, "from the surplus");
        requireSupplyExplained();
    }

    function test_a_new_curve_counts_at_once_and_takers_keep_their_maximum() public {
        begin();
        vm.warp(START + 900);
        (uint256 before,) = dutch.priceOf(1);
        dutch.setCurve(1.2e18, 0.999e18, 90);
        (uint256 after_,) = dutch.priceOf(1);
        check(after_ > before, "slower");
        vm.expectRevert(abi.encodeWithSelector(IDutchAuction.TooExpensive.selector, after_, before));
        take(1e18, before);
    }
}

/// @dev Buys first, gets its Dollars in the callback, and tries to come back in between.
contract CallbackTest is CdpSystem, ITaker {
    bytes private attempt; // a call made from the callback
    address private target;
    bool private succeeded;
    bytes private answer;

    function setUp() public {
        deploySystem();
        open(GOLD, alice, 10e18, 9_000e18);
        giveDollars(bob, 50_000e18);
        vm.prank(bob);
        dollar.approve(address(this), type(uint256).max);
        setPrice(GOLD, 1_300);
        engine.liquidate(GOLD, alice, 0, "");
    }

    function onTake(uint256 auctionId, uint256 sold, uint256 paid, bytes calldata data) external override {
        equal(auctionId, 1, "auction");
        equal(heldBy(GOLD, address(this)), sold, "collateral came first");
        check(keccak256(data) == keccak256("sell"), "data");
        if (target != address(0)) (succeeded, answer) = target.call(attempt);
        dollar.transferFrom(bob, address(this), paid);
    }

    function test_a_taker_pays_with_what_it_got_in_the_callback() public {
        (, uint256 paid) = dutch.take(1, 1e18, type(uint256).max, address(this), "sell");
        equal(paid, 1_560e18, "paid");
        requireSupplyExplained();
    }

    function test_the_auction_cannot_be_entered_twice() public {
        (target, attempt) =
        (address(dutch), abi.encodeCall(dutch.take, (1, 1e18, type(uint256).max, address(this), "")));
        dutch.take(1, 1e18, type(uint256).max, address(this), "sell");
        check(!succeeded && bytes4(answer) == bytes4(keccak256("Reentrancy()")), "entered");
    }

    function test_the_engine_may_be_used_from_the_callback_and_the_books_stay_exact() public {
        open(GOLD, carol, 10e18, 8_000e18);
        setPrice(GOLD, 1_000);
        (target, attempt) = (address(engine), abi.encodeCall(engine.liquidate, (GOLD, carol, 0, "")));
        dutch.take(1, 1e18, type(uint256).max, address(this), "sell");
        check(succeeded, "another auction may start");
        equal(dutch.auctionCount(), 2, "started");
        requireSupplyExplained();
    }

    function test_a_taker_without_dollars_takes_nothing() public {
        vm.prank(bob);
        dollar.approve(address(this), 0);
        vm.expectRevert(bytes4(keccak256("InsufficientAllowance()")));
        dutch.take(1, 1e18, type(uint256).max, address(this), "sell");
    }
}
