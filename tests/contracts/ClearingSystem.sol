// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IClearinghouse} from "../../contracts/interfaces/IClearinghouse.sol";
import {IPerpMarket} from "../../contracts/interfaces/IPerpMarket.sol";
import {IBackstop} from "../../contracts/interfaces/IBackstop.sol";
import {IPowerPerp} from "../../contracts/interfaces/IPowerPerp.sol";
import {IRiskModel} from "../../contracts/interfaces/IRiskModel.sol";
import {IVolSurface} from "../../contracts/interfaces/IVolSurface.sol";
import {Clearinghouse} from "../../contracts/margin/Clearinghouse.sol";
import {OptionInstrument} from "../../contracts/margin/OptionInstrument.sol";
import {PerpInstrument} from "../../contracts/margin/PerpInstrument.sol";
import {PortfolioRisk} from "../../contracts/margin/PortfolioRisk.sol";
import {PowerInstrument} from "../../contracts/margin/PowerInstrument.sol";
import {SwapInstrument} from "../../contracts/margin/SwapInstrument.sol";
import {StandardRisk} from "../../contracts/margin/StandardRisk.sol";
import {PowerPerp} from "../../contracts/options/PowerPerp.sol";
import {VarianceSwap} from "../../contracts/options/VarianceSwap.sol";
import {Backstop} from "../../contracts/perps/Backstop.sol";
import {PerpMarket} from "../../contracts/perps/PerpMarket.sol";
import {PerpPool} from "../../contracts/perps/PerpPool.sol";
import {OptionSystem} from "./OptionSystem.sol";

/// @dev A clearinghouse over the options of OptionSystem, a perpetual, a squared one and base as collateral.
abstract contract ClearingSystem is OptionSystem {
    Clearinghouse internal house;
    StandardRisk internal standard;
    PortfolioRisk internal portfolio;
    OptionInstrument internal options;
    PerpInstrument internal perps;
    PowerInstrument internal powers;
    PerpMarket internal perpMarket;
    PowerPerp internal power;
    VarianceSwap internal variances;
    SwapInstrument internal swaps;

    function deployClearing() internal {
        deployOptions();
        house = new Clearinghouse(address(this), address(dollar), auctionRules(), 1 days);
        standard = new StandardRisk(house);
        portfolio = new PortfolioRisk(address(this), house, gridOf(), addOns());
        house.setRiskModel(standard, true);
        house.setRiskModel(portfolio, true);
        house.addAsset(address(base), surface.spotFeed(), 0.2e18, 1e18, 1_000_000e18);
        options = new OptionInstrument(address(house), market);
        market.setGuarantor(address(options), true, 1_000_000e18);
        house.setInstrument(address(options), true);
        _deployPerps();
        _deployPower();
    }

    function _deployPerps() private {
        perpMarket = new PerpMarket(
            address(dollar),
            address(feed),
            false,
            IPerpMarket.MarginConfig(0.1e18, 0.05e18, 0.01e18, 0.5e18, 1_000e18),
            IPerpMarket.FeeConfig(0.0005e18, 0.2e18),
            IPerpMarket.LimitConfig(1_000_000e18, 10_000e18, 5_000e18, 0.5e18),
            IPerpMarket.OrderConfig(0, 10 minutes, 0),
            IPerpMarket.FundingConfig(
                IPerpMarket.FundingMode.Premium, 0.1e18, 8 hours, 1 hours, 0.0001e18, 0.0005e18, 0
            )
        );
        PerpPool perpPool = new PerpPool(perpMarket, 0, 1 days);
        Backstop backstop = new Backstop(perpMarket, IBackstop.Rule.Ranked, 0, 0, 1 hours);
        perpMarket.setSatellites(address(perpPool), address(backstop));
        give(depositor, POOL);
        vm.startPrank(depositor);
        dollar.approve(address(perpPool), ANY);
        perpPool.deposit(POOL, depositor);
        vm.stopPrank();
        perps = new PerpInstrument(address(house), perpMarket, 0.2e18);
        house.setInstrument(address(perps), true);
    }

    function _deployPower() private {
        power = new PowerPerp(
            address(this),
            address(dollar),
            surface.spotFeed(),
            10_000e18,
            IPowerPerp.Rules(1.5e18, 0.1e18, 0.5e18, 500e18, 17.5 days, 0.8e18, 1.4e18)
        );
        powers = new PowerInstrument(address(house), power, 1.8e18);
        house.setInstrument(address(powers), true);
        variances = new VarianceSwap(address(dollar), feed, 1 days, 2 hours, 2.5e18);
        swaps = new SwapInstrument(address(house), variances, surface);
        house.setInstrument(address(swaps), true);
    }

    function auctionRules() internal pure returns (IClearinghouse.AuctionRules memory) {
        return IClearinghouse.AuctionRules(0.95e18, 1 hours, 0.5e18, 0.02e18);
    }

    function addOns() internal pure returns (PortfolioRisk.AddOns memory) {
        return PortfolioRisk.AddOns(1.25e18, 0.01e18, 0.99e18, 4e18, 0.55e18, 1e18);
    }

    /// @dev 23 shocks: spot from -20 to 20 % with volatility up, as it is and down, and two far ones.
    function gridOf() internal pure returns (IVolSurface.Shock[] memory shocks) {
        shocks = new IVolSurface.Shock[](23);
        int256[3] memory volatilities = [int256(0.6e18), 0, -0.3e18];
        for (uint256 i; i < 21; ++i) {
            shocks[i] = IVolSurface.Shock((int256(i / 3) - 3) * 0.2e18 / 3, volatilities[i % 3]);
        }
        shocks[21] = IVolSurface.Shock(-0.3e18, 0.6e18);
        shocks[22] = IVolSurface.Shock(0.3e18, 0.6e18);
    }

    function open(address who, IRiskModel model, uint256 amount) internal returns (uint256 account) {
        vm.startPrank(who);
        account = house.open(false, model);
        dollar.approve(address(house), ANY);
        vm.stopPrank();
        if (amount == 0) return account;
        give(who, amount);
        vm.prank(who);
        house.deposit(account, amount);
    }

    function pledge(address who, uint256 account, uint256 amount) internal {
        base.mint(who, amount);
        vm.startPrank(who);
        base.approve(address(house), ANY);
        house.depositAsset(account, 0, amount);
        vm.stopPrank();
    }

    function tradeAt(address who, uint256 account, address instrument, uint256 id, int256 size)
        internal
        returns (int256)
    {
        vm.prank(who);
        return house.trade(account, instrument, id, size, size > 0 ? ANY : 0);
    }

    function cashAt(uint256 account) internal view returns (int256 cash) {
        (,,, cash,,) = house.accountOf(account);
    }

    function roomOf(uint256 account) internal view returns (int256) {
        (int256 equity, uint256 required) = house.marginOf(account, true);
        return equity - int256(required);
    }
}
