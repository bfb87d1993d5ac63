// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {IOptionMarket} from "../../contracts/interfaces/IOptionMarket.sol";
import {ClearingSystem} from "./ClearingSystem.sol";

/// @dev Four accounts, two of each model, options and collateral, price gaps, auctions, donations and members.
contract ClearingStorm is ClearingSystem {
    address[4] internal users = [address(0xA1), address(0xB2), address(0xC3), address(0xD4)];
    uint256[4] internal accounts;
    mapping(bytes32 action => uint256) public done; // times it went through

    constructor() {
        deployClearing();
        for (uint256 i; i < 4; ++i) {
            accounts[i] = i < 2 ? open(users[i], standard, 30_000e18) : open(users[i], portfolio, 30_000e18);
            vm.prank(users[i]);
            base.approve(address(house), ANY);
        }
        accountOfKeeper = open(keeper, standard, 50_000_000e18);
    }

    uint256 internal accountOfKeeper;

    /// @dev Every other revert is a finding.
    function _allow(bytes memory reason) private pure {
        bytes4 e = bytes4(reason);
        if (e == IClearinghouse.InsufficientMargin.selector || e == IClearinghouse.InAuction.selector) return;
        if (e == IClearinghouse.WithdrawalsPaused.selector || e == IClearinghouse.InsufficientCash.selector) return;
        if (e == IOptionMarket.InsufficientLiquidity.selector || e == IOptionMarket.DustSize.selector) return;
        if (e == IOptionMarket.InventoryExceeded.selector) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function trade(uint256 who, bool ofCall, uint256 size, bool buys) external {
        uint256 i = who % 4;
        int256 delta = int256(within(size, 0.01e18, 60e18));
        if (!buys) delta = -delta;
        vm.prank(users[i]);
        try house.trade(accounts[i], address(options), ofCall ? call : put, delta, buys ? ANY : 0) {
            ++done["trade"];
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    function pay(uint256 who, uint256 amount) external {
        uint256 i = who % 4;
        give(users[i], within(amount, 1, 5_000e18));
        vm.prank(users[i]);
        house.deposit(accounts[i], within(amount, 1, 5_000e18));
        ++done["pay"];
    }

    function takeOut(uint256 who, uint256 amount) external {
        uint256 i = who % 4;
        (,,,, uint256 principal,) = house.accountOf(accounts[i]);
        uint256 short = house.shortfall();
        amount = within(amount, 1, 30_000e18);
        vm.prank(users[i]);
        try house.withdraw(accounts[i], amount, users[i]) {
            check(roomOf(accounts[i]) >= 0, "57: below initial margin");
            check(short == 0 || amount <= principal, "58: profit left while funds are short");
            ++done["takeOut"];
        } catch (bytes memory reason) {
            _allow(reason);
        }
    }

    function movePrice(uint256 factor) external {
        uint256 spot = surface.spot();
        uint256 next = spot * within(factor, factor % 3 == 0 ? 60 : 96, factor % 3 == 0 ? 160 : 104) / 100;
        setPrice(within(next, 500e18, 8_000e18) / 1e10 * 1e10);
        reportFlat(0.6e18);
        ++done["movePrice"];
    }

    function pass(uint256 elapsed) external {
        uint256 spot = surface.spot();
        skip(within(elapsed, 1, 20 minutes));
        if (block.timestamp + 1 days > MONTH) vm.warp(MONTH - 1 days);
        setPrice(spot);
        reportFlat(0.6e18);
    }

    function start(uint256 who) external {
        try house.startAuction(accounts[who % 4]) {
            ++done["start"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            check(e == IClearinghouse.AccountHealthy.selector || e == IClearinghouse.InAuction.selector, "start");
        }
    }

    function bid(uint256 who) external {
        uint256 account = accounts[who % 4];
        try house.previewTake(account) returns (int256 equity, uint256 paid, uint256 received) {
            (uint256 ofHouse, uint256 ofMembers, uint256 short) =
                (house.houseFund(), house.membersFund(), house.shortfall());
            vm.prank(keeper);
            try house.take(account, accountOfKeeper, ANY) returns (uint256 gotPaid, uint256 gotReceived) {
                check(gotPaid == paid && gotReceived == received, "58: preview");
                check(equity > 0 || paid == 0, "58: paid for nothing");
                check(equity <= 0 || received == 0, "58: the funds paid without need");
                _requireOrder(ofHouse, ofMembers, short, received, paid);
                ++done["bid"];
                if (received != 0) ++done["gap"];
                if (house.shortfall() > short) ++done["short"];
            } catch (bytes memory reason) {
                _allow(reason);
            }
        } catch (bytes memory reason) {
            check(bytes4(reason) == IClearinghouse.NotInAuction.selector, "bid");
        }
    }

    /// @dev House first, then members, then what is recorded, to the wei.
    function _requireOrder(uint256 ofHouse, uint256 ofMembers, uint256 short, uint256 loss, uint256 paid) private view {
        uint256 fee = paid * 0.02e18 / 1e18;
        uint256 repaid = fee < short ? fee : short;
        ofHouse += fee - repaid;
        short -= repaid;
        uint256 first = loss < ofHouse ? loss : ofHouse;
        uint256 second = loss - first < ofMembers ? loss - first : ofMembers;
        equal(house.houseFund(), ofHouse - first, "58: house");
        equal(house.membersFund(), ofMembers - second, "58: members");
        equal(house.shortfall(), short + loss - first - second, "58: recorded");
    }

    function donate(uint256 amount) external {
        amount = within(amount, 1, 3_000e18);
        give(address(this), amount);
        dollar.approve(address(house), ANY);
        house.donate(amount);
        ++done["donate"];
    }

    function join(uint256 amount) external {
        amount = within(amount, 1, 3_000e18);
        if (house.shortfall() != 0) return;
        give(carol, amount);
        vm.startPrank(carol);
        dollar.approve(address(house), ANY);
        house.join(amount);
        vm.stopPrank();
        ++done["join"];
    }

    function quit(uint256 share) external {
        (uint256 shares,) = house.memberOf(carol);
        shares = shares * within(share, 0, 100) / 100;
        uint256 fund = house.membersFund();
        vm.prank(carol);
        house.announceQuit();
        skip(1 days);
        if (block.timestamp + 1 days > MONTH) vm.warp(MONTH - 1 days);
        setPrice(_lastPrice());
        reportFlat(0.6e18);
        vm.prank(carol);
        try house.quit(shares) returns (uint256 amount) {
            check(amount <= fund, "58: more than there is");
            ++done["quit"];
        } catch (bytes memory reason) {
            bytes4 e = bytes4(reason);
            check(e == IClearinghouse.AuctionsOpen.selector || e == IClearinghouse.NotReady.selector, "quit");
        }
    }

    function _lastPrice() private view returns (uint256 price) {
        (price,) = feed.lastPrice();
    }

    // ------------------------------------------------------------- invariants

    function requireBooks() external view {
        int256 claims = int256(house.houseFund() + house.membersFund()) + cashAt(accountOfKeeper);
        int256 ofCalls = _sizeAt(accountOfKeeper, call);
        int256 ofPuts = _sizeAt(accountOfKeeper, put);
        for (uint256 i; i < 4; ++i) {
            claims += cashAt(accounts[i]);
            ofCalls += _sizeAt(accounts[i], call);
            ofPuts += _sizeAt(accounts[i], put);
        }
        same(claims, int256(dollar.balanceOf(address(house)) + house.shortfall()), "56: money");
        same(market.positionOf(address(options), call).size, ofCalls, "56: calls");
        same(market.positionOf(address(options), put).size, ofPuts, "56: puts");
        check(house.shortfall() == 0 || house.houseFund() == 0, "58: a shortfall beside a fund");
    }

    function _sizeAt(uint256 account, uint256 id) private view returns (int256) {
        IClearinghouse.Leg[] memory legs = house.legsOf(account);
        for (uint256 i; i < legs.length; ++i) {
            check(legs[i].size != 0, "56: an empty leg");
            check(i == 0 || legs[i].id > legs[i - 1].id, "56: legs out of order");
        }
        for (uint256 i; i < legs.length; ++i) {
            if (legs[i].id == id) return legs[i].size;
        }
        return 0;
    }
}

contract ClearingInvariantsTest is ClearingSystem {
    ClearingStorm private storm;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        storm = new ClearingStorm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](12);
        (actions[0], actions[1], actions[2]) = (storm.trade.selector, storm.trade.selector, storm.trade.selector);
        (actions[3], actions[4], actions[5]) = (storm.pay.selector, storm.takeOut.selector, storm.movePrice.selector);
        (actions[6], actions[7], actions[8]) = (storm.pass.selector, storm.start.selector, storm.bid.selector);
        (actions[9], actions[10], actions[11]) = (storm.donate.selector, storm.join.selector, storm.quit.selector);
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(storm), actions);
    }

    function invariant_56_the_clearinghouses_books_balance_to_the_last_digit() public view {
        storm.requireBooks();
    }

    /// @dev A walk without the fuzzer, which shows that its actions do go through.
    function test_the_storm_reaches_what_it_is_for() public {
        for (uint256 i; i < 400; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            uint256 pick = seed % 16;
            if (pick < 6) storm.trade(seed >> 8, seed >> 9 & 1 == 0, seed >> 16, seed >> 10 & 3 == 0);
            else if (pick < 7) storm.pay(seed >> 8, seed >> 16);
            else if (pick < 8) storm.takeOut(seed >> 8, seed >> 16);
            else if (pick < 10) storm.movePrice(seed >> 8);
            else if (pick < 11) storm.pass(seed >> 8);
            else if (pick < 13) _auctionAll();
            else if (pick < 14) storm.donate(seed >> 8);
            else if (pick < 15) storm.join(seed >> 8);
            else storm.quit(seed >> 8);
            storm.requireBooks();
        }
        bytes32[9] memory names =
            [bytes32("trade"), "takeOut", "start", "bid", "gap", "short", "donate", "join", "quit"];
        for (uint256 i; i < 9; ++i) {
            check(storm.done(names[i]) != 0, string.concat("never: ", vm.toString(i)));
        }
    }

    function _auctionAll() private {
        for (uint256 i; i < 4; ++i) {
            storm.start(i);
            storm.bid(i);
        }
    }
}
