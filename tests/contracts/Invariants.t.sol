// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAuction} from "../../contracts/interfaces/IAuction.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IDutchAuction} from "../../contracts/interfaces/IDutchAuction.sol";
import {IEnglishAuction} from "../../contracts/interfaces/IEnglishAuction.sol";
import {CdpSystem} from "./CdpSystem.sol";

/// @dev Four users, three collaterals, prices, time and both auctions, driven at random. What an action may not do is
/// checked here, around the action; what must hold at every moment is checked by the test contract after it.
contract Storm is CdpSystem {
    address[4] internal users = [address(0xA1), address(0xB2), address(0xC3), address(0xD4)];
    address internal bank = address(0xBA4C);
    bytes32[3] internal ids = [ETH, BTC, GOLD];
    mapping(bytes32 action => uint256) public done; // times it went through

    struct Health {
        uint256 collateral;
        uint256 normalizedDebt;
        uint256 ratio;
    }

    constructor() {
        deploySystem();
        engine.setDebtLimits(ETH, 1e30, 100e18);
        engine.setDebtLimits(BTC, 1e30, 100e18);
        engine.setDebtLimits(GOLD, 1e30, 100e18);
        dutch.setDebtCap(1e30);
        open(ETH, bank, 1e25, 4_000_000e18);
        for (uint256 i; i < 4; ++i) {
            for (uint256 j; j < 3; ++j) {
                fund(ids[j], users[i], 1e30);
            }
            vm.prank(users[i]);
            dollar.approve(address(english), type(uint256).max);
            vm.prank(bank);
            dollar.transfer(users[i], 1_000_000e18);
        }
    }

    // ---------------------------------------------------------------- actions

    function adjust(uint256 who, uint256 which, uint256 collateral, uint256 debt) external {
        (address user, bytes32 id) = (users[who % 4], ids[which % 3]);
        int256 collateralDelta = int256(within(collateral, 0, 20e18)) - 10e18;
        int256 debtDelta = int256(within(debt, 0, 10_000e18)) - 5_000e18;
        if (debt % 7 == 0) debtDelta = ALL;
        if (collateral % 11 == 0) collateralDelta = ALL;
        Health[4] memory before = _healths(id);
        vm.prank(user);
        try engine.adjust(id, user, collateralDelta, debtDelta) {
            ++done["adjust"];
            _requireNobodyTurnedUnsafe(id, before);
        } catch (bytes memory reason) {
            _allow(reason, ICdpEngine.Undercollateralised.selector, ICdpEngine.DebtBelowFloor.selector);
        }
    }

    /// @dev Takes a position to the edge, where a price move hurts.
    function leverUp(uint256 who, uint256 which, uint256 collateral) external {
        (address user, bytes32 id) = (users[who % 4], ids[which % 3]);
        collateral = within(collateral, 1e18, 10e18);
        collateral -= collateral % unitOf[id];
        uint256 most = (collateralOf(id, user) + collateral) * engine.priceOf(id) / 1.6e18;
        uint256 debt = engine.debtOf(id, user);
        if (most < 100e18 || most <= debt + 1e9) return;
        vm.prank(user);
        engine.adjust(id, user, int256(collateral), int256(most - debt - 1e9));
        ++done["leverUp"];
    }

    function movePrice(uint256 which, uint256 factor) external {
        bytes32 id = ids[which % 3];
        uint256 price = engine.priceOf(id) * within(factor, 60, 135) / 100 / 1e10;
        feedOf[id].report(int256(within(price, 1e8, 100_000e8)));
        ++done["movePrice"];
    }

    function pass(uint256 elapsed) external {
        uint256[3] memory indices;
        for (uint256 i; i < 3; ++i) {
            indices[i] = engine.accrue(ids[i]);
        }
        skip(within(elapsed, 1, elapsed % 5 == 0 ? 30 days : 20 minutes));
        for (uint256 i; i < 3; ++i) {
            check(engine.previewAccrue(ids[i]) >= indices[i], "3: the index fell");
            check(engine.accrue(ids[i]) >= indices[i], "3: the index fell");
        }
        ++done["pass"];
    }

    function liquidate(uint256 who, uint256 whom, uint256 which, uint256 part) external {
        (bytes32 id, address owner) = (ids[which % 3], users[whom % 4]);
        Health[4] memory before = _healths(id);
        uint256 bonus = engine.collaterals(id).liquidationBonus;
        vm.prank(users[who % 4]);
        try engine.liquidate(id, owner, within(part, 1e18, 100_000e18), "") {
            ++done[id];
            Health memory then_ = _health(id, owner);
            Health memory earlier = before[whom % 4];
            bool covered = earlier.ratio >= WAD + bonus;
            bool noWorse = then_.normalizedDebt == 0
                || then_.collateral * earlier.normalizedDebt >= earlier.collateral * then_.normalizedDebt;
            check(!covered || noWorse, "5: a liquidation worsened health");
            check(then_.normalizedDebt == 0 || engine.debtOf(id, owner) >= 100e18, "9: dust was left");
            before[whom % 4] = then_;
            _requireNobodyTurnedUnsafe(id, before);
        } catch (bytes memory reason) {
            _allow(reason, ICdpEngine.PositionHealthy.selector, ICdpEngine.DustRemainder.selector);
        }
    }

    function bid(uint256 who, uint256 auctionId, uint256 more) external {
        if (english.auctionCount() == 0) return;
        auctionId = within(auctionId, 1, english.auctionCount());
        try english.previewBid(auctionId) returns (uint256 lot, uint256 amount) {
            (,, uint256 raise,,, uint256 standing,,) = english.auctions(auctionId);
            if (standing < raise) amount = within(more, amount, raise);
            else lot = within(more, unitOf[BTC], lot);
            vm.prank(users[who % 4]);
            try english.bid(auctionId, lot, amount) {
                ++done["bid"];
            } catch (bytes memory reason) {
                _allow(reason, 0, 0);
            }
        } catch (bytes memory reason) {
            if (bytes4(reason) == IEnglishAuction.LotTooSmall.selector) return;
            _allow(reason, IAuction.NoAuction.selector, IAuction.AuctionEnded.selector);
        }
    }

    function settle(uint256 auctionId) external {
        if (english.auctionCount() == 0) return;
        auctionId = within(auctionId, 1, english.auctionCount());
        try english.settle(auctionId) {
            ++done["settle"];
        } catch (bytes memory reason) {
            bytes4 fault = bytes4(reason);
            if (fault == IEnglishAuction.NoBid.selector) {
                english.restart(auctionId);
                ++done["restart"];
            } else {
                _allow(reason, IAuction.NoAuction.selector, IAuction.AuctionRunning.selector);
            }
        }
    }

    function take(uint256 who, uint256 auctionId, uint256 amount) external {
        if (dutch.auctionCount() == 0) return;
        auctionId = within(auctionId, 1, dutch.auctionCount());
        amount = amount % 4 == 0 ? type(uint256).max : within(amount, 1e12, 60e18);
        vm.prank(users[who % 4]);
        try dutch.take(auctionId, amount, type(uint256).max, users[who % 4], "") {
            ++done["take"];
        } catch (bytes memory reason) {
            bytes4 fault = bytes4(reason);
            if (fault == IDutchAuction.NeedsReset.selector) {
                dutch.reset(auctionId);
                ++done["reset"];
            } else if (fault != bytes4(keccak256("InsufficientBalance()"))) {
                _allow(reason, IAuction.NoAuction.selector, IDutchAuction.DustRemainder.selector);
            }
        }
    }

    function settleBadDebt(uint256 amount) external {
        engine.settleBadDebt(amount);
        check(
            amount < type(uint256).max || engine.surplusExact() == 0 || engine.badDebtExact() == 0,
            "not all was settled"
        );
        ++done["settleBadDebt"];
    }

    // ------------------------------------------------------------ what it saw

    function _health(bytes32 id, address user) private view returns (Health memory h) {
        (h.collateral, h.normalizedDebt) = engine.positions(id, user);
        h.ratio = engine.ratioOf(id, user);
    }

    function _healths(bytes32 id) private view returns (Health[4] memory all) {
        for (uint256 i; i < 4; ++i) {
            all[i] = _health(id, users[i]);
        }
    }

    /// @dev Price, time and parameters stand still during an action.
    function _requireNobodyTurnedUnsafe(bytes32 id, Health[4] memory before) private view {
        for (uint256 i; i < 4; ++i) {
            uint256 ratio = engine.ratioOf(id, users[i]);
            check(ratio >= 1.5e18 || before[i].ratio < 1.5e18, "4: an action turned safe into unsafe");
        }
    }

    /// @dev Every other revert is a finding.
    function _allow(bytes memory reason, bytes4 first, bytes4 second) private pure {
        bytes4 fault = bytes4(reason);
        bool poor = fault == bytes4(keccak256("InsufficientBalance()"));
        bool empty = fault == ICdpEngine.InsufficientCollateral.selector;
        if (fault == first || fault == second || poor || empty) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    // -------------------------------------------------- held at every moment

    function require1() external view {
        requireSupplyExplained();
    }

    function require2() external view {
        for (uint256 i; i < 3; ++i) {
            (uint256 collateral,,,,) = engine.totals(ids[i]);
            equal(heldBy(ids[i], address(engine)), collateral, "2: engine");
        }
        uint256 lots;
        for (uint256 i = 1; i <= dutch.auctionCount(); ++i) {
            (, uint256 lot,,,,,) = dutch.auctions(i);
            lots += lot;
        }
        equal(heldBy(GOLD, address(dutch)), lots, "2: Dutch auction");
        lots = 0;
        for (uint256 i = 1; i <= english.auctionCount(); ++i) {
            (, uint256 lot,,,,,,) = english.auctions(i);
            lots += lot; // less than is held once a reverse phase has begun
        }
        check(heldBy(BTC, address(english)) >= lots, "2: English auction");
    }

    function require6And9() external view {
        for (uint256 i; i < 3; ++i) {
            for (uint256 j; j < 4; ++j) {
                (uint256 collateral, uint256 normalized) = engine.positions(ids[i], users[j]);
                check(collateral != 0 || normalized == 0, "6: debt without collateral");
                check(normalized == 0 || engine.debtOf(ids[i], users[j]) >= 100e18, "9: dust");
            }
        }
    }

    function require7() external view {
        for (uint256 i; i < 3; ++i) {
            (uint256 collaterals, uint256 debts) = (0, 0);
            for (uint256 j; j < 5; ++j) {
                (uint256 collateral, uint256 normalized) = engine.positions(ids[i], j < 4 ? users[j] : bank);
                (collaterals, debts) = (collaterals + collateral, debts + normalized);
            }
            (uint256 collateralTotal, uint256 debtTotal,,,) = engine.totals(ids[i]);
            equal(collateralTotal, collaterals, "7: collateral");
            equal(debtTotal, debts, "7: debt");
        }
    }

    function require8And12() external view {
        (uint256 debts, uint256 bids) = (0, 0);
        for (uint256 i = 1; i <= english.auctionCount(); ++i) {
            (,,, uint256 debt,, uint256 amount,,) = english.auctions(i);
            (debts, bids) = (debts + debt, bids + amount);
        }
        equal(debtAtAuction(BTC), debts, "8: English");
        equal(dollar.balanceOf(address(english)), bids, "12: standing bids");
        debts = 0;
        for (uint256 i = 1; i <= dutch.auctionCount(); ++i) {
            (,,, uint256 debt,,,) = dutch.auctions(i);
            debts += debt;
        }
        equal(debtAtAuction(GOLD), debts, "8: Dutch");
        equal(dollar.balanceOf(address(dutch)), 0, "12: a Dutch auction holds no Dollars");
    }
}

contract InvariantsTest is CdpSystem {
    Storm private storm;

    function setUp() public {
        storm = new Storm();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(storm);
    }

    function invariant_1_supply_is_debt_and_bad_debt_less_surplus() public view {
        storm.require1();
    }

    function invariant_2_tokens_held_cover_what_is_recorded() public view {
        storm.require2();
    }

    function invariant_3_4_5_hold_around_every_action() public view {
        check(address(storm) != address(0), "the storm checks them itself and reverts");
    }

    function invariant_6_9_no_debt_without_collateral_and_no_dust() public view {
        storm.require6And9();
    }

    function invariant_7_positions_add_up_to_the_totals() public view {
        storm.require7();
    }

    function invariant_8_12_auctions_hold_their_debt_and_their_bids() public view {
        storm.require8And12();
    }

    /// @dev A storm that reaches nothing proves nothing.
    function test_the_storm_reaches_every_action() public {
        for (uint256 i; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            _act(seed % 10, seed >> 8, seed >> 72, seed >> 136, seed >> 200);
            if (i % 50 == 0) {
                storm.require1();
                storm.require2();
                storm.require6And9();
                storm.require7();
                storm.require8And12();
            }
        }
        bytes32[13] memory actions = [
            bytes32("adjust"),
            "leverUp",
            "movePrice",
            "pass",
            ETH,
            BTC,
            GOLD,
            "bid",
            "settle",
            "restart",
            "take",
            "reset",
            "settleBadDebt"
        ];
        for (uint256 i; i < 13; ++i) {
            check(storm.done(actions[i]) >= 3, string(abi.encodePacked("never reached: ", actions[i])));
        }
    }

    function _act(uint256 kind, uint256 a, uint256 b, uint256 c, uint256 d) private {
        if (kind == 0) storm.adjust(a, b, c, d);
        else if (kind == 1) storm.leverUp(a, b, c);
        else if (kind == 2) storm.movePrice(a, b);
        else if (kind == 3) storm.pass(a);
        else if (kind <= 5) storm.liquidate(a, b, c, d);
        else if (kind == 6) storm.bid(a, b, c);
        else if (kind == 7) storm.settle(a);
        else if (kind == 8) storm.take(a, b, c);
        else storm.settleBadDebt(a % 3 == 0 ? type(uint256).max : a);
    }
}
