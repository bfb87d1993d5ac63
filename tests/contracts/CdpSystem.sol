// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {CdpEngine} from "../../contracts/cdp/CdpEngine.sol";
import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {DutchAuction} from "../../contracts/cdp/DutchAuction.sol";
import {EnglishAuction} from "../../contracts/cdp/EnglishAuction.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {Case} from "./Case.sol";

/// @dev One engine with three collaterals, one for each way of liquidation and each with other decimals.
///
///     id    liquidation  decimals  price   ratio  bonus  fee a year  floor
///     ETH   fixed        18          200   1.5    0.10   5 %         100
///     BTC   English       8        8,000   1.5    0.13   0           100
///     GOLD  Dutch         6        1,500   1.5    0.13   8 %         100
abstract contract CdpSystem is Case {
    bytes32 internal constant ETH = "ETH";
    bytes32 internal constant BTC = "BTC";
    bytes32 internal constant GOLD = "GOLD";
    int256 internal constant ALL = type(int256).min;
    uint256 internal constant START = 1_583_971_200; // 2020-03-12T00:00Z
    uint256 internal constant FIVE_PERCENT = 1547125957863212449; // [ray/s]: 1.05 ** (1 / 31,536,000) - 1
    uint256 internal constant EIGHT_PERCENT = 2440418608258400031; // [ray/s]: 1.08 ** (1 / 31,536,000) - 1

    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal carol = address(0xCA401);

    Dollar internal dollar;
    CdpEngine internal engine;
    EnglishAuction internal english;
    DutchAuction internal dutch;
    mapping(bytes32 id => CollateralToken) internal tokenOf;
    mapping(bytes32 id => PushFeed) internal feedOf;
    mapping(bytes32 id => uint256) internal unitOf;

    function deploySystem() internal {
        vm.warp(START);
        dollar = new Dollar();
        engine = new CdpEngine(dollar);
        dollar.grantRoles(address(engine), dollar.MINTER());
        addToken(ETH, 18, 200e8);
        addToken(BTC, 8, 8_000e8);
        addToken(GOLD, 6, 1_500e8);
        english = new EnglishAuction(engine, BTC, address(tokenOf[BTC]), dollar, 0.03e18, 10 minutes, 6 hours);
        dutch = new DutchAuction(
            engine,
            GOLD,
            address(tokenOf[GOLD]),
            dollar,
            1.2e18,
            0.99e18,
            90,
            0.45e18,
            2 hours,
            20e18,
            0.001e18,
            1_000_000e18
        );
        engine.addCollateral(ETH, configuration(ETH, address(0), 0.1e18, FIVE_PERCENT, 0));
        engine.addCollateral(BTC, configuration(BTC, address(english), 0.13e18, 0, 2e18));
        engine.addCollateral(GOLD, configuration(GOLD, address(dutch), 0.13e18, EIGHT_PERCENT, 50e18));
    }

    function addToken(bytes32 id, uint8 decimals, int256 answer) internal {
        tokenOf[id] = new CollateralToken("Collateral", "COL", decimals);
        unitOf[id] = 10 ** (18 - decimals);
        feedOf[id] = new PushFeed(address(this), address(this), 8, "COL / USD");
        feedOf[id].report(answer);
    }

    function configuration(bytes32 id, address auction, uint256 bonus, uint256 fee, uint256 lot)
        internal
        view
        returns (ICdpEngine.CollateralConfig memory)
    {
        return ICdpEngine.CollateralConfig({
            token: address(tokenOf[id]),
            feed: address(feedOf[id]),
            auction: auction,
            minimumRatio: 1.6e18,
            liquidationRatio: 1.5e18,
            liquidationBonus: bonus,
            closeFactor: 0.5e18,
            protocolFee: 0.2e18,
            stabilityFee: fee,
            debtCeiling: 10_000_000e18,
            debtFloor: 100e18,
            lotSize: lot,
            liquidateWhenStale: false
        });
    }

    // ---------------------------------------------------------------- actions

    /// @dev Gives `who` the collateral and opens a position with it.
    function open(bytes32 id, address who, uint256 collateral, uint256 debt) internal {
        fund(id, who, collateral);
        vm.prank(who);
        engine.adjust(id, who, int256(collateral), int256(debt));
    }

    function fund(bytes32 id, address who, uint256 collateral) internal {
        tokenOf[id].mint(who, collateral / unitOf[id]);
        vm.prank(who);
        tokenOf[id].approve(address(engine), type(uint256).max);
    }

    /// @dev Dollars that the engine issued against a position of somebody else.
    function giveDollars(address who, uint256 amount) internal {
        address lender = address(uint160(uint256(keccak256(abi.encode("lender", who, amount)))));
        open(ETH, lender, amount / 10, amount);
        vm.prank(lender);
        dollar.transfer(who, amount);
    }

    function setPrice(bytes32 id, uint256 dollars) internal {
        feedOf[id].report(int256(dollars * 1e8));
    }

    function skip(uint256 elapsed) internal {
        vm.warp(block.timestamp + elapsed);
    }

    // ------------------------------------------------------------------ views

    function heldBy(bytes32 id, address who) internal view returns (uint256 wad) {
        return tokenOf[id].balanceOf(who) * unitOf[id];
    }

    function collateralOf(bytes32 id, address who) internal view returns (uint256 collateral) {
        (collateral,) = engine.positions(id, who);
    }

    function normalizedDebtOf(bytes32 id, address who) internal view returns (uint256 debt) {
        (, debt) = engine.positions(id, who);
    }

    function debtAtAuction(bytes32 id) internal view returns (uint256 debt) {
        (,,,, debt) = engine.totals(id);
    }

    /// @dev Invariant 1, to the last of 45 digits.
    function requireSupplyExplained() internal view {
        uint256 owed = engine.badDebtExact();
        bytes32[3] memory ids = [ETH, BTC, GOLD];
        for (uint256 i; i < 3; ++i) {
            (, uint256 normalized, uint256 index,, uint256 atAuction) = engine.totals(ids[i]);
            owed += normalized * index + atAuction * RAY;
        }
        equal(dollar.totalSupply() * RAY, owed - engine.surplusExact(), "supply");
    }
}

/// @dev A pool of one collateral and Dollar with a depositor's liquidity in it.
abstract contract PoolSystem is CdpSystem {
    ConstantProductPool internal pool;

    function deployPool(bytes32 id, uint256 collateral, uint256 dollars) internal {
        pool = new ConstantProductPool(address(tokenOf[id]), address(dollar), 0.003e18);
        address depositor = address(0xDE9);
        giveDollars(depositor, dollars);
        tokenOf[id].mint(depositor, collateral / unitOf[id]);
        vm.startPrank(depositor);
        tokenOf[id].approve(address(pool), type(uint256).max);
        dollar.approve(address(pool), type(uint256).max);
        pool.addLiquidity(collateral / unitOf[id], dollars, depositor);
        vm.stopPrank();
    }
}
