// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {OptionId} from "../../contracts/options/OptionId.sol";
import {OptionSystem} from "./OptionSystem.sol";

/// @dev Four traders with thin margins, covered writers, prices with gaps, liquidators, expiries, a small pool and a fund
/// that is often empty, driven at random.
contract OptionStorm is OptionSystem {
    address[4] internal users = [address(0xA1), address(0xB2), address(0xC3), address(0xD4)];
    uint256[] internal everListed;
    mapping(uint256 expiry => uint256) internal lockedAt;
    uint256[] internal expiriesSeen;
    mapping(bytes32 action => uint256) public done; // times it went through

    constructor() {
        deployOptions();
        uint256 shares = pool.balanceOf(depositor);
        vm.prank(depositor);
        pool.redeem(shares * 97 / 100, depositor, depositor); // a small pool, so that it can fail too
        market.setLimits(IOptionMarket.LimitConfig(0.01e18, 0.05e18, 10 minutes, 400 days, 0.005e18));
        market.delist(call);
        market.delist(put);
        for (uint256 i; i < 4; ++i) {
            fundAccount(users[i], 60_000e18);
            base.mint(users[i], 50e18);
            vm.prank(users[i]);
            base.approve(address(market), ANY);
        }
        _list();
    }

    function _list() private {
        uint256 spot = surface.spot();
        uint256 expiry = block.timestamp + 3 days;
        expiriesSeen.push(expiry);
        for (uint256 kind; kind < 2; ++kind) {
            everListed.push(market.list(expiry, spot, kind));
            everListed.push(market.list(expiry, spot * 11 / 10, kind));
        }
    }

    function _series(uint256 seed) private view returns (uint256) {
        return everListed[everListed.length - 1 - seed % 4];
    }

    function _refresh(uint256 price) private {
        setPrice(price);
        reportFlat(0.6e18);
    }

    /// @dev Every other revert is a finding.
    function _allow(bytes memory reason) private pure {
        bytes4 e = bytes4(reason);
        if (e == IOptionMarket.InsufficientMargin.selector || e == IOptionMarket.InsufficientCash.selector) return;
        if (e == IOptionMarket.InventoryExceeded.selector || e == IOptionMarket.InsufficientLiquidity.selector) return;
        if (e == IOptionMarket.DustSize.selector) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    // ---------------------------------------------------------------- actions

    function trade(uint256 who, uint256 which, uint256 size, bool buys, bool covered) external {
        address user = users[who % 4];
        uint256 id = _series(which);
        int256 delta = int256(within(size, 0.01e18, 40e18));
        (int256 collateral, int256 cover) = (int256(0), int256(0));
        if (!buys) {
            delta = -delta;
            if (covered && uint8(id) == OptionId.CALL) cover = -delta;
            else (,, collateral) = _collateralFor(user, id, delta);
        }
        vm.prank(user);
        try market.trade(id, delta, buys ? ANY : 0, collateral, cover) {
            ++done["trade"];
            if (cover != 0) ++done["cover"];
        } catch (bytes memory reason) {
            if (bytes4(reason) == bytes4(keccak256("TransferFromFailed()"))) return; // no base left
            _allow(reason);
        }
    }

    function _collateralFor(address user, uint256 id, int256 delta)
        private
        view
        returns (uint256 price, uint256 fee, int256 collateral)
    {
        uint256 required;
        try market.previewTrade(user, id, delta, 0) returns (uint256 p, uint256 f, uint256 r) {
            (price, fee, required) = (p, f, r);
        } catch (bytes memory reason) {
            _allow(reason); // the trade will meet it too
        }
        collateral = int256(required) - int256(collateralOf(user, id));
        if (collateral < 0) collateral = 0;
    }

    function close(uint256 who, uint256 which) external {
        (address user, uint256 id) = (users[who % 4], _series(which));
        int256 size = sizeOf(user, id);
        if (size == 0) return;
        vm.prank(user);
        try market.trade(id, -size, size < 0 ? ANY : 0, 0, 0) {
            ++done["close"];
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    function movePrice(uint256 factor) external {
        uint256 spot = surface.spot();
        uint256 next = spot * within(factor, factor % 3 == 0 ? 60 : 96, factor % 3 == 0 ? 160 : 104) / 100;
        _refresh(within(next, 300e18, 12_000e18) / 1e10 * 1e10);
        ++done["movePrice"];
    }

    function pass(uint256 elapsed) external {
        uint256 spot = surface.spot();
        skip(within(elapsed, 1 minutes, 6 hours));
        uint256 expiry = expiriesSeen[expiriesSeen.length - 1];
        if (block.timestamp + 1 hours > expiry) vm.warp(expiry - 1 hours);
        _refresh(spot);
        ++done["pass"];
    }

    function liquidate(uint256 who, uint256 which) external {
        (address user, uint256 id) = (users[who % 4], _series(which));
        try market.previewLiquidation(user, id) returns (uint256 size, uint256 cost, uint256) {
            uint256 collateral = collateralOf(user, id);
            uint256 fund = market.fund();
            int256 before = market.poolCash();
            vm.prank(keeper);
            market.liquidate(user, id);
            check(size != 0, "nothing bought back");
            if (cost > collateral) {
                uint256 fromFund = cost - collateral < fund ? cost - collateral : fund;
                same(market.poolCash() - before, int256(collateral + fromFund), "50: order");
                equal(market.fund(), fund - fromFund, "50: fund before pool");
                ++done["gap"];
            } else {
                same(market.poolCash() - before, int256(cost), "50: collateral pays all");
                check(market.fund() >= fund, "50: the fund paid without need");
            }
            ++done["liquidate"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            bool expected = e == IOptionMarket.PositionHealthy.selector || e == IOptionMarket.NoPosition.selector;
            check(expected || e == IOptionMarket.NotListed.selector, "liquidate");
        }
    }

    function give(uint256 amount) external {
        seedFund(within(amount, 1e18, 500e18));
        ++done["give"];
    }

    /// @dev To expiry with a gap, then everybody is settled, shorts first, and new series are listed.
    function expireAll(uint256 factor, uint256 order) external {
        uint256 expiry = expiriesSeen[expiriesSeen.length - 1];
        uint256 price = surface.spot() * within(factor, 70, 140) / 100 / 1e10 * 1e10;
        vm.warp(expiry);
        _refresh(within(price, 300e18, 12_000e18) / 1e10 * 1e10);
        lockedAt[expiry] = expiries.lock(expiry, feed.latestRound());
        market.freeze(expiry);
        for (uint256 i; i < 8; ++i) {
            for (uint256 j; j < 4; ++j) {
                _settleOne(users[(i + order % 4) % 4], everListed[everListed.length - 1 - j], i < 4);
            }
            if (i == 3 && market.poolBase() != 0) {
                dollar.mint(address(this), 1_000_000e18);
                dollar.approve(address(market), ANY);
                market.deposit(address(this), 1_000_000e18);
                market.buyBase(ANY, ANY);
            }
        }
        equal(market.series().length, 0, "a series is left");
        equal(market.owedTotal(), 0, "owed is left");
        equal(market.shortsUnsettled(), 0, "shorts are left");
        equal(market.totalReserve(), 0, "reserve is left");
        _list();
        ++done["expireAll"];
    }

    function _settleOne(address user, uint256 id, bool shorts) private {
        int256 size = sizeOf(user, id);
        if (size == 0 || (size < 0) != shorts) return;
        (int256 due,, uint256 unpaid) = market.previewSettle(user, id);
        uint256 fund = market.fund();
        int256 held = market.poolCash();
        same(settle(user, id), due, "53: preview");
        if (unpaid != 0) {
            equal(market.fund(), 0, "50: a loss beside a fund");
            if (!shorts) ++done["haircut"];
        }
        check(shorts || held + int256(fund) >= due, "more than there was");
    }

    function afterAll() external view returns (uint256 count) {
        return everListed.length;
    }

    // ------------------------------------------------------------- invariants

    function requireBooks() external view {
        int256 claims = market.poolCash() + int256(market.fund());
        uint256 bases = market.poolBase();
        for (uint256 i; i < 6; ++i) {
            address user = i < 4 ? users[i] : i == 4 ? keeper : address(this);
            claims += market.cashOf(user);
            bases += market.baseOf(user);
            check(market.cashOf(user) >= 0, "a debt");
        }
        uint256[] memory listed = market.series();
        for (uint256 i; i < listed.length; ++i) {
            (uint256 longs, uint256 shorts, int256 sold) = (uint256(0), uint256(0), int256(0));
            for (uint256 j; j < 4; ++j) {
                IOptionMarket.Position memory p = market.positionOf(users[j], listed[i]);
                claims += int256(p.collateral);
                bases += p.base;
                if (p.size > 0) longs += uint256(p.size);
                else shorts += uint256(-p.size);
                sold += p.size;
                check(p.size < 0 || p.collateral + p.base == 0, "collateral without need");
            }
            IOptionMarket.Series memory s = market.seriesOf(listed[i]);
            check(s.longs == longs && s.shorts == shorts, "49: totals");
        }
        same(claims, int256(dollar.balanceOf(address(market))), "49: money");
        equal(bases, base.balanceOf(address(market)), "49: base");
        check(market.poolCash() >= 0, "49: the pool paid what it did not have");
    }

    function requireLocked() external view {
        for (uint256 i; i + 1 < expiriesSeen.length; ++i) {
            equal(expiries.priceAt(expiriesSeen[i]), lockedAt[expiriesSeen[i]], "52: moved");
        }
    }

    function requireInventory() external view {
        uint256[] memory listed = market.series();
        for (uint256 i; i < listed.length; ++i) {
            int256 net;
            for (uint256 j; j < listed.length; ++j) {
                if (listed[j] >> 8 != listed[i] >> 8) continue;
                IOptionMarket.Series memory s = market.seriesOf(listed[j]);
                net += int256(s.longs) - int256(s.shorts);
            }
            same(market.inventoryOf(listed[i]), net, "49: inventory");
        }
    }
}

contract OptionInvariantsTest is OptionSystem {
    OptionStorm private storm;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        storm = new OptionStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](8);
        (actions[0], actions[1]) = (storm.trade.selector, storm.trade.selector);
        (actions[2], actions[3]) = (storm.close.selector, storm.movePrice.selector);
        (actions[4], actions[5]) = (storm.pass.selector, storm.liquidate.selector);
        (actions[6], actions[7]) = (bytes4(keccak256("give(uint256)")), storm.expireAll.selector);
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(storm), actions);
    }

    function invariant_49_books_balance_to_the_last_digit() public view {
        storm.requireBooks();
        storm.requireInventory();
    }

    function invariant_52_no_expiry_price_moves() public view {
        storm.requireLocked();
    }

    /// @dev A walk without the fuzzer, which shows that its actions do go through.
    function test_the_storm_reaches_what_it_is_for() public {
        for (uint256 i; i < 400; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            uint256 pick = seed % 16;
            if (pick < 8) storm.trade(seed >> 8, seed >> 16, seed >> 24, seed >> 9 & 1 == 0, seed >> 10 & 1 == 0);
            else if (pick < 9) storm.close(seed >> 8, seed >> 16);
            else if (pick < 11) storm.movePrice(seed >> 8);
            else if (pick < 12) storm.pass(seed >> 8);
            else if (pick < 14) _liquidateAll(seed);
            else if (pick < 15) storm.give(seed >> 8);
            else storm.expireAll(seed >> 8, seed >> 16);
            storm.requireBooks();
        }
        bytes32[7] memory names = [bytes32("trade"), "cover", "close", "liquidate", "gap", "expireAll", "haircut"];
        for (uint256 i; i < 7; ++i) {
            check(storm.done(names[i]) != 0, string.concat("never: ", vm.toString(i)));
        }
    }

    function _liquidateAll(uint256 seed) private {
        for (uint256 i; i < 16; ++i) {
            storm.liquidate(seed + i / 4, i);
        }
    }
}
