// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {PerpSystem} from "./PerpSystem.sol";

/// @dev Five traders, two depositors, prices, time, liquidators and a fund that is often empty, driven at random. What
/// an action may not do is checked around it; what must hold at every moment is checked by the test contract.
contract PerpStorm is PerpSystem {
    address[5] internal users = [address(0xA1), address(0xB2), address(0xC3), address(0xD4), address(0xE5)];
    address[2] internal providers = [address(0xF1), address(0xF2)];
    mapping(bytes32 action => uint256) public done; // times it went through

    constructor(bool inverse_, bool velocity, IBackstop.Rule rule) {
        deployPerps(inverse_);
        market.setFunding(velocity ? velocityFunding() : premiumFunding());
        backstop.setRule(rule, money(500), money(200), 30 minutes);
        for (uint256 i; i < 5; ++i) {
            deposit(users[i], 50_000);
            vm.prank(users[i]);
            token.approve(address(market), type(uint256).max);
        }
        for (uint256 i; i < 2; ++i) {
            provide(providers[i], 200_000);
        }
        uint256 shares = pool.balanceOf(depositor);
        vm.prank(depositor);
        pool.redeem(shares, depositor, depositor); // a small pool, so that it can go bankrupt too
    }

    /// @dev Every other revert is a finding.
    function _allow(bytes memory reason) private pure {
        bytes4 e = bytes4(reason);
        if (e == IPerpMarket.InsufficientMargin.selector || e == IPerpMarket.SkewExceeded.selector) return;
        if (e == IPerpMarket.OpenInterestExceeded.selector || e == IPerpMarket.InsufficientLiquidity.selector) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    // ---------------------------------------------------------------- actions

    function pay(uint256 who, uint256 dollars) external {
        deposit(users[who % 5], within(dollars, 1, 20_000));
        ++done["pay"];
    }

    function take(uint256 who, uint256 share) external {
        address user = users[who % 5];
        uint256 free = market.withdrawable(user);
        uint256 amount = free * within(share, 1, 100) / 100;
        uint256 short = market.shortfall();
        (,,,, uint256 principal) = market.positionOf(user);
        check(short == 0 || free <= principal, "33: profit could leave while the fund is short");
        if (amount < market.marginUnit()) return;
        uint256 before = held(user);
        withdraw(user, amount);
        if (sizeOf(user) != 0) {
            check(market.equityOf(user) >= int256(market.marginOf(user, true)), "30: below initial margin");
        }
        check(held(user) - before <= amount, "30: more than asked for");
        ++done["take"];
    }

    function order(uint256 who, uint256 size, bool long) external {
        address user = users[who % 5];
        int256 delta = sizeFor(int256(within(size, 1, 400_000))) + int256(size % 13);
        if (!long) delta = -delta;
        int256 capital = market.poolCapital();
        vm.prank(user);
        try market.trade(delta, limitOf(delta)) {
            ++done["order"];
            check(market.poolCapital() >= capital, "26: a trade took from the pool");
            if (sizeOf(user) != 0) {
                check(market.equityOf(user) >= int256(market.marginOf(user, false)), "a trade left it unsafe");
            }
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    /// @dev Takes an account to the edge, where a price move hurts.
    function leverUp(uint256 who, bool long) external {
        address user = users[who % 5];
        int256 equity = market.exitEquityOf(user);
        if (equity <= int256(money(100))) return;
        uint256 worth = uint256(equity) * 9 - uint256(equity) / 5; // 8.8 times
        uint256 notional = market.notionalOf(user);
        if (worth <= notional) return;
        uint256 price = market.indexPrice();
        int256 size = int256(inverse ? (worth - notional) * price / 1e18 : (worth - notional) * 1e18 / price);
        if (sizeOf(user) < 0 || (sizeOf(user) == 0 && !long)) size = -size;
        vm.prank(user);
        try market.trade(size, limitOf(size)) {
            ++done["leverUp"];
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    function flatten(uint256 who) external {
        address user = users[who % 5];
        int256 size = sizeOf(user);
        if (size == 0) return;
        vm.prank(user);
        try market.trade(-size, limitOf(-size)) {
            ++done["flatten"];
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    function movePrice(uint256 factor) external {
        uint256 now_ = market.indexPrice() / 1e10;
        uint256 next = now_ * within(factor, factor % 4 == 0 ? 80 : 96, factor % 4 == 0 ? 125 : 104) / 100;
        feed.report(int256(within(next, 400e8, 10_000e8)));
        ++done["movePrice"];
    }

    function pass(uint256 elapsed) external {
        skip(within(elapsed, 1, elapsed % 5 == 0 ? 10 days : 2 hours));
        feed.report(int256(market.indexPrice() / 1e10));
        market.accrueFunding();
        ++done["pass"];
    }

    function liquidateOne(uint256 whom) external {
        address user = users[whom % 5];
        uint256 fund = backstop.fund();
        try market.previewLiquidation(user) returns (int256 closed, uint256) {
            int256 exit = market.exitEquityOf(user);
            int256 size = sizeOf(user);
            vm.prank(keeper);
            same(market.liquidate(user), closed, "35: preview");
            check((sizeOf(user) == 0 || (sizeOf(user) > 0) == (size > 0)), "a liquidation turned the position");
            check(exit < 0 || backstop.fund() >= fund || backstop.shortfall() != 0, "29: the fund paid without need");
            check(cashOf(user) >= 0 || sizeOf(user) != 0, "29: a debt without a position");
            ++done["liquidate"];
            if (exit < 0) ++done["bankrupt"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            check(e == IPerpMarket.AccountHealthy.selector || e == IPerpMarket.NoPosition.selector, "no reason");
        }
    }

    function deleverageOne(uint256 whom, bool long) external {
        address user = users[whom % 5];
        if (backstop.deleverageRequired() && whom % 7 != 0) {
            (, uint256 ofLongs,) = backstop.bankruptcy(true);
            long = ofLongs != 0; // where there is something to do, mostly that
        }
        (uint256 fund, uint256 short, uint256 floor) = (backstop.fund(), backstop.shortfall(), backstop.floor());
        bool required = backstop.deleverageRequired();
        int256 equity = market.exitEquityOf(user);
        (, int256 cash,, int256 due,) = market.positionOf(user);
        address[] memory list = new address[](1);
        list[0] = user;
        try backstop.deleverage(long, list) returns (uint256 closed, uint256 covered) {
            check(required && fund == 0 && short > floor, "31: without need");
            check(backstop.shortfall() >= floor && short - backstop.shortfall() == covered, "32: past the floor");
            check(equity - cash + due > 0, "31: without profit");
            check(closed == 0 || cashOf(user) >= cash - due - 1, "31: more than its profit");
            check(closed == 0 || market.equityOf(user) >= 0, "31: more than it has");
            if (closed != 0) ++done["deleverage"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            bool known = e == IBackstop.DeleverageNotRequired.selector || e == IBackstop.NotProfitable.selector
                || e == IBackstop.WrongSide.selector || e == IBackstop.NoShortfall.selector
                || e == IBackstop.AlreadyDeleveraged.selector;
            check(known, "no reason to refuse");
        }
    }

    function socialise() external {
        int256 capital = market.poolCapital();
        try backstop.socialise() returns (uint256 taken) {
            close(market.poolCapital(), capital - int256(taken), 1, "34: not from the pool");
            check(capital <= 0 || market.poolCapital() >= -1, "34: more than the pool has");
            ++done["socialise"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            check(e == IBackstop.NoShortfall.selector || e == IBackstop.DeleverageFirst.selector, "no reason");
        }
    }

    function settlePool() external {
        try market.settlePool() {
            check(market.poolCapital() >= 0 && market.poolCapital() <= 1, "settled");
            ++done["settlePool"];
        } catch (bytes memory reason) {
            check(bytes4(reason) == IPerpMarket.PoolSolvent.selector, "no reason");
        }
    }

    function donate(uint256 dollars) external {
        seedFund(within(dollars, 1, 10_000));
        ++done["donate"];
    }

    function enter(uint256 who, uint256 dollars) external {
        address user = providers[who % 2];
        if (pool.maxDeposit(user) == 0) return;
        provide(user, within(dollars, 1, 60_000));
        ++done["enter"];
    }

    function leave(uint256 who, uint256 share) external {
        address user = providers[who % 2];
        uint256 shares = pool.maxRedeem(user) * within(share, 1, 100) / 100;
        if (shares == 0) return;
        vm.prank(user);
        pool.redeem(shares, user, user);
        check(market.poolCapital() >= int256(market.poolBound()), "36: bound capital left");
        ++done["leave"];
    }

    // -------------------------------------------------- held at every moment

    function require26() external view {
        (int256 sizes, uint256 long, uint256 short) = (0, 0, 0);
        for (uint256 i; i < 5; ++i) {
            int256 size = sizeOf(users[i]);
            sizes += size;
            if (size > 0) long += uint256(size);
            else short += uint256(-size);
        }
        same(market.skew(), sizes, "26: the pool holds the opposite");
        (uint256 l, uint256 s) = market.openInterest();
        equal(l, long, "26: longs");
        equal(s, short, "26: shorts");
    }

    function require27() external view {
        requireBooksBalance();
        (int256 cash, int256 entries) = (0, 0);
        for (uint256 i; i < 5; ++i) {
            (, int256 margin, int256 entry,,) = market.positionOf(users[i]);
            (cash, entries) = (cash + margin, entries + entry);
        }
        same(market.totalMargin(), cash, "27: margins add up");
        same(market.totalEntryValue(), entries, "27: entry values add up");
    }

    /// @dev Everybody's equity at the mark and the pool's claim at the same price: unsettled profit and funding add up
    /// to zero, but for what is rounded against each account.
    function require28() external view {
        (int256 equities, int256 dues) = (0, 0);
        for (uint256 i; i < 5; ++i) {
            (,,, int256 due,) = market.positionOf(users[i]);
            (equities, dues) = (equities + market.equityOf(users[i]), dues + due);
        }
        int256 exact = market.skew() * market.previewFunding() - market.totalEntryFunding();
        check(dues * 1e27 >= exact && dues * 1e27 <= exact + 5e27, "28: funding owed is what is to be received");
        int256 atMark = market.totalMargin() - dues - market.totalEntryValue() + _skewAtMark();
        check(equities <= atMark && equities >= atMark - 10, "27: unsettled profit adds up to zero");
    }

    /// @dev [margin wad] What the skew is worth at the mark, by another way than the market's.
    function _skewAtMark() private view returns (int256) {
        int256 worth = inverse ? -int256(1e45 / market.indexPrice()) : int256(market.indexPrice() * 1e9);
        int256 size = worth < 0 ? -worth : worth;
        (int256 scale, int256 skew) = (int256(market.limitConfig().skewScale), market.skew());
        return skew * (worth + size * skew / scale) / 1e27;
    }

    function require29() external view {
        check(backstop.fund() == 0 || backstop.shortfall() == 0, "29: a fund beside a shortfall");
        (, uint256 ofLongs,) = backstop.bankruptcy(true);
        (, uint256 ofShorts,) = backstop.bankruptcy(false);
        equal(backstop.shortfall(), ofLongs + ofShorts, "29: both sides add up");
        for (uint256 i; i < 5; ++i) {
            check(sizeOf(users[i]) != 0 || cashOf(users[i]) >= 0, "29: a debt without a position");
        }
    }
}

abstract contract PerpInvariantCases is PerpSystem {
    PerpStorm internal storm;

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function invariant_26_sizes_add_up_to_zero_with_the_pools() public view {
        storm.require26();
    }

    function invariant_27_cash_and_fund_are_tokens_and_shortfall() public view {
        storm.require27();
    }

    function invariant_27_28_unsettled_profit_and_funding_add_up_to_zero() public view {
        storm.require28();
    }

    function invariant_29_there_is_no_shortfall_beside_a_fund() public view {
        storm.require29();
    }

    function invariant_30_31_32_33_34_36_hold_around_every_action() public view {
        check(address(storm) != address(0), "the storm checks them itself and reverts");
    }
}

contract LinearPerpInvariantsTest is PerpInvariantCases {
    function setUp() public {
        storm = new PerpStorm(false, false, IBackstop.Rule.Ranked);
    }

    bytes32[15] private actions = [
        bytes32("pay"),
        "take",
        "order",
        "leverUp",
        "flatten",
        "movePrice",
        "pass",
        "liquidate",
        "bankrupt",
        "deleverage",
        "socialise",
        "donate",
        "enter",
        "leave",
        "settlePool"
    ];

    /// @dev A storm that reaches nothing proves nothing. A pool that was wiped out stays closed, hence ten of them.
    function test_the_storm_reaches_every_action() public {
        uint256[15] memory done;
        for (uint256 i; i < 2500; ++i) {
            if (i % 250 == 0) {
                _count(done);
                storm = new PerpStorm(i % 500 == 0, false, IBackstop.Rule(i / 250 % 2));
            }
            uint256 seed = uint256(keccak256(abi.encode(i)));
            _act(seed % 16, seed >> 8, seed >> 72, seed >> 136 & 1 == 0);
            storm.require26();
            storm.require27();
            storm.require28();
            storm.require29();
        }
        _count(done);
        for (uint256 i; i < actions.length; ++i) {
            check(done[i] >= 3, string(abi.encodePacked(actions[i])));
        }
    }

    function _count(uint256[15] memory done) private view {
        for (uint256 i; i < actions.length; ++i) {
            done[i] += storm.done(actions[i]);
        }
    }

    function _act(uint256 kind, uint256 a, uint256 b, bool flag) private {
        if (kind == 0) storm.pay(a, b);
        else if (kind == 1) storm.take(a, b);
        else if (kind == 2) storm.order(a, b, flag);
        else if (kind <= 5) storm.leverUp(a, flag);
        else if (kind == 6) storm.flatten(a);
        else if (kind <= 8) storm.movePrice(b);
        else if (kind == 9) storm.pass(b);
        else if (kind <= 11) storm.liquidateOne(a);
        else if (kind == 12) storm.deleverageOne(a, flag);
        else if (kind == 13) flag ? storm.socialise() : storm.settlePool();
        else if (kind == 14) b % 3 == 0 ? storm.donate(b) : storm.deleverageOne(a, flag);
        else flag ? storm.enter(a, b) : storm.leave(a, b);
    }
}

contract LinearVelocityInvariantsTest is PerpInvariantCases {
    function setUp() public {
        storm = new PerpStorm(false, true, IBackstop.Rule.ProRata);
    }
}

contract InversePremiumInvariantsTest is PerpInvariantCases {
    function setUp() public {
        storm = new PerpStorm(true, false, IBackstop.Rule.Ranked);
    }
}

contract InversePerpInvariantsTest is PerpInvariantCases {
    function setUp() public {
        storm = new PerpStorm(true, true, IBackstop.Rule.ProRata);
    }
}
