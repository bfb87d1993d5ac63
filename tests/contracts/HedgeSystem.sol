// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../../contracts/amm/ConstantProductPool.sol";
import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IHedgedVault} from "../../contracts/interfaces/IHedgedVault.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";
import {GuardedFeed} from "../../contracts/oracle/GuardedFeed.sol";
import {PushFeed} from "../../contracts/oracle/PushFeed.sol";
import {Backstop} from "../../contracts/perps/Backstop.sol";
import {PerpMarket} from "../../contracts/perps/PerpMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {DeltaNeutral} from "../../contracts/vault/DeltaNeutral.sol";
import {HedgedVault} from "../../contracts/vault/HedgedVault.sol";
import {PerpHedge} from "../../contracts/vault/PerpHedge.sol";
import {Case} from "./Case.sol";
import {VaultSettingsOfTests} from "./VaultSystem.sol";

/// @dev A vault of Dollars in the basis trade on ETH at 2,000: margin 25 % of the short, 5 % in reserve, spot at most 5 %
/// off; margin restored below 15 % and above 40 %. The market asks 10 % at first and liquidates at 5 %.
abstract contract HedgeSystem is Case, VaultSettingsOfTests {
    address internal alice = address(0xA11CE);
    address internal bob = address(0xB0B);
    address internal keeper = address(0x6EE9E6);
    address internal provider = address(0xDE90);

    Dollar internal dollar;
    CollateralToken internal eth;
    PushFeed internal feed;
    IPrice internal index; // what the market goes by: stale after an hour
    ConstantProductPool internal pool;
    PerpMarket internal market;
    PerpPool internal counterparty;
    Backstop internal backstop;
    HedgedVault internal vault;
    PerpHedge internal hedge;

    /// @param tradeFee [wad] of the market, and six times that of the pool
    function deployMarkets(uint256 tradeFee, uint256 depth) internal {
        vm.warp(1_700_000_000);
        dollar = new Dollar();
        dollar.grantRoles(address(this), dollar.MINTER());
        eth = new CollateralToken("Ether", "ETH", 18);
        feed = new PushFeed(address(this), address(this), 8, "ETH / USD");
        feed.report(2_000e8);
        index = new GuardedFeed(feed, 1 hours, 0, 0, 0);
        pool = new ConstantProductPool(address(eth), address(dollar), 6 * tradeFee);
        eth.mint(address(this), depth);
        dollar.mint(address(this), depth * 2_000);
        eth.approve(address(pool), type(uint256).max);
        dollar.approve(address(pool), type(uint256).max);
        pool.addLiquidity(
            pool.token0() == address(eth) ? depth : depth * 2_000,
            pool.token0() == address(eth) ? depth * 2_000 : depth,
            address(this)
        );
        market = newMarket(index, tradeFee);
    }

    function newMarket(IPrice source, uint256 tradeFee) internal returns (PerpMarket m) {
        m = new PerpMarket(
            address(dollar),
            address(source),
            false,
            IPerpMarket.MarginConfig(0.1e18, 0.05e18, 0.01e18, 0.5e18, 1_000e18),
            IPerpMarket.FeeConfig(tradeFee, 0.2e18),
            IPerpMarket.LimitConfig(1e24, 1e23, 1e23, 0.1e18),
            IPerpMarket.OrderConfig(0, 10 minutes, 0),
            noFunding()
        );
        counterparty = new PerpPool(m, 0, 1 days);
        backstop = new Backstop(m, IBackstop.Rule.Ranked, 0, 0, 1 hours);
        m.setSatellites(address(counterparty), address(backstop));
        dollar.mint(provider, 10_000_000e18);
        vm.startPrank(provider);
        dollar.approve(address(counterparty), type(uint256).max);
        counterparty.deposit(10_000_000e18, provider);
        vm.stopPrank();
    }

    function noFunding() internal pure returns (IPerpMarket.FundingConfig memory f) {
        (f.mode, f.period, f.interval) = (IPerpMarket.FundingMode.Premium, 8 hours, 1 hours);
    }

    function shapeOfTest() internal pure returns (PerpHedge.Shape memory) {
        return PerpHedge.Shape({margin: 0.25e18, reserve: 0.05e18, spotBand: 0.05e18});
    }

    function deployVault() internal {
        vault = newVault(address(dollar));
        IHedgedVault.Triggers memory t = triggersOfTest();
        (t.marginFloor, t.marginCeiling, t.idleBand) = (0.15e18, 0.4e18, 0);
        vault.setTriggers(t);
        IHedgedVault.Limits memory l = limitsOfTest();
        l.depositCap = 1e30;
        vault.setLimits(l);
        fund(alice, 1_000_000e18);
        fund(bob, 1_000_000e18);
    }

    function deployDeltaNeutral() internal {
        deployVault();
        hedge = new DeltaNeutral(
            address(vault), address(dollar), address(eth), index, market, pool, 0.01e18, shapeOfTest()
        );
        vault.setStrategy(hedge);
    }

    // ---------------------------------------------------------------- actions

    function fund(address who, uint256 amount) internal {
        dollar.mint(who, amount);
        vm.startPrank(who);
        dollar.approve(address(vault), type(uint256).max);
        dollar.approve(address(market), type(uint256).max);
        dollar.approve(address(pool), type(uint256).max);
        vm.stopPrank();
    }

    function enter(address who, uint256 amount) internal {
        vm.prank(who);
        vault.deposit(amount, who);
        pass(20 minutes);
        rebalance("");
    }

    function rebalance(bytes memory data) internal returns (IHedgedVault.Rebalanced memory) {
        vm.prank(keeper);
        return vault.rebalance(data);
    }

    /// @dev Time passes, and the price is reported again.
    function pass(uint256 elapsed) internal {
        vm.warp(block.timestamp + elapsed);
        (, int256 answer,,,) = feed.latestRoundData();
        feed.report(answer);
    }

    /// @dev The feed moves and the pool follows, as arbitrageurs would have it.
    function movePrice(uint256 price) internal {
        feed.report(int256(price / 1e10));
        (uint256 r0, uint256 r1) = pool.reserves();
        (uint256 held, uint256 dollars) = pool.token0() == address(eth) ? (r0, r1) : (r1, r0);
        uint256 wanted = sqrt(held * dollars / price * 1e18); // ETH in the pool at that price
        if (wanted > held) {
            eth.mint(address(this), wanted - held);
            pool.swap(address(eth), wanted - held, 0, address(this));
        } else if (wanted < held) {
            uint256 needed = dollars * (held - wanted) / wanted;
            dollar.mint(address(this), needed);
            pool.swap(address(dollar), needed, 0, address(this));
        }
    }

    function sqrt(uint256 x) internal pure returns (uint256 y) {
        y = x;
        for (uint256 z = x / 2 + 1; z < y;) {
            (y, z) = (z, (x / z + z) / 2);
        }
    }

    /// @dev A trader of the market with all the margin that is needed.
    function tradePerp(address who, int256 size) internal {
        fund(who, 5_000_000e18);
        vm.startPrank(who);
        market.deposit(who, 5_000_000e18);
        market.trade(size, size > 0 ? type(uint256).max : 0);
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ views

    function sizeOf(address who) internal view returns (int256 size) {
        (size,,,,) = market.positionOf(who);
    }

    function short() internal view returns (uint256) {
        return uint256(-sizeOf(address(hedge)));
    }

    function spot() internal view returns (uint256) {
        return eth.balanceOf(address(hedge));
    }

    /// @dev [wad of net assets] without sign.
    function drift() internal view returns (uint256) {
        int256 delta = vault.relativeDelta();
        return uint256(delta < 0 ? -delta : delta);
    }

    function requireDue(IHedgedVault.Reason expected) internal view {
        (bool due, IHedgedVault.Reason reason) = vault.rebalanceDue();
        equal(uint256(reason), uint256(expected), "reason");
        check(due == (expected != IHedgedVault.Reason.None), "due");
    }
}
