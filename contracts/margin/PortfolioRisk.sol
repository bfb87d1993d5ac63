// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IRiskModel} from "../interfaces/IRiskModel.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A book needs the most that it loses as a whole under any of a grid of shocks of spot and volatility.
///
/// @notice Initial margin takes shocks that are larger by `factor`, not losses: so a long option, which loses at most
/// what it is worth, never takes more from equity less requirement than was paid for it. Beside the worst loss there is,
/// for each Dollar of the underlying that is short of an option or in a future (the exposure):
///
///     contingency        for what the grid does not see
///     depeg              (threshold - price of the money) x multiple, when it is below
///     confidence         (threshold - confidence of the oracle) x multiple, when it is below
contract PortfolioRisk is IRiskModel, Ownable, Bounded {
    using FixedPointMathLib for *;

    uint256 private constant WAD = 1e18;
    int256 private constant ONE = 1e18;
    uint256 private constant MOST_SHOCKS = 32;

    struct AddOns {
        uint256 factor; // [wad] of the shocks for initial margin, 1 at least
        uint256 contingency; // [wad] of the exposure
        uint256 depegBelow; // [wad]
        uint256 depegMultiple; // [wad]
        uint256 confidenceBelow; // [wad]
        uint256 confidenceMultiple; // [wad]
    }

    IClearinghouse public immutable clearinghouse;
    IVolSurface.Shock[] private shocks;
    AddOns public addOns;
    IPrice public moneyFeed; // Dollars of the money, or none
    IPrice public confidenceFeed; // 1 = full, or none

    event ShocksSet(uint256 count);
    event AddOnsSet(AddOns addOns, address moneyFeed, address confidenceFeed);

    error WrongShockCount(uint256 count, uint256 most);

    constructor(
        address owner_,
        IClearinghouse clearinghouse_,
        IVolSurface.Shock[] memory shocks_,
        AddOns memory addOns_
    ) {
        _initializeOwner(owner_);
        clearinghouse = clearinghouse_;
        _setAddOns(addOns_, IPrice(address(0)), IPrice(address(0)));
        _setShocks(shocks_);
    }

    // ----------------------------------------------------------------- margin

    /// @inheritdoc IRiskModel
    function margin(uint256 account, bool initial) external view override returns (int256, uint256) {
        return marginOfBook(clearinghouse.bookOf(account), initial);
    }

    /// @inheritdoc IRiskModel
    /// @dev What it is worth is taken with the shocks, as a last one of nothing.
    function marginOfBook(IClearinghouse.Book memory b, bool initial)
        public
        view
        override
        returns (int256 equity, uint256 required)
    {
        IVolSurface.Shock[] memory grid = _grid(initial ? addOns.factor : WAD);
        int256[] memory values = new int256[](grid.length);
        uint256 exposure;
        for (uint256 i; i < b.instruments.length; ++i) {
            _add(values, IInstrument(b.instruments[i]).shockedValues(b.ids[i], b.sizes[i], grid));
            exposure += IInstrument(b.instruments[i]).exposureOf(b.ids[i], b.sizes[i]);
        }
        required = _addAssets(b, grid, values);
        int256 now_ = values[grid.length - 1];
        int256 worst = now_;
        for (uint256 i; i < values.length; ++i) {
            worst = worst.min(values[i]);
        }
        equity = b.cash + now_;
        required += uint256(now_ - worst) + exposure.fullMulDivUp(_addOnOf(), WAD);
    }

    /// @dev The shocks times a factor, and none as the last.
    function _grid(uint256 factor) private view returns (IVolSurface.Shock[] memory grid) {
        uint256 count = shocks.length;
        grid = new IVolSurface.Shock[](count + 1);
        for (uint256 i; i < count; ++i) {
            IVolSurface.Shock memory s = shocks[i];
            grid[i].spot = (s.spot * int256(factor) / ONE).max(-0.99e18);
            grid[i].volatility = s.volatility * int256(factor) / ONE;
        }
    }

    function _add(int256[] memory sums, int256[] memory values) private pure {
        for (uint256 i; i < sums.length; ++i) {
            sums[i] += values[i];
        }
    }

    /// @dev Collateral moves with spot by its beta. Of what does not move the haircut is required.
    function _addAssets(IClearinghouse.Book memory b, IVolSurface.Shock[] memory grid, int256[] memory values)
        private
        view
        returns (uint256 required)
    {
        IClearinghouse.Asset[] memory assets = clearinghouse.assetsOf();
        for (uint256 i; i < assets.length; ++i) {
            if (b.amounts[i] == 0) continue;
            (uint256 price,) = assets[i].feed.price();
            uint256 worth = b.amounts[i].fullMulDiv(price, WAD);
            if (assets[i].beta == 0) required += worth.fullMulDivUp(assets[i].haircut, WAD);
            for (uint256 j; j < grid.length; ++j) {
                int256 move = (grid[j].spot * int256(assets[i].beta) / ONE).max(-ONE);
                values[j] += int256(worth) * (ONE + move) / ONE;
            }
        }
    }

    /// @dev [wad] of the exposure.
    function _addOnOf() private view returns (uint256 part) {
        part = addOns.contingency;
        part += _missing(moneyFeed, addOns.depegBelow).fullMulDivUp(addOns.depegMultiple, WAD);
        part += _missing(confidenceFeed, addOns.confidenceBelow).fullMulDivUp(addOns.confidenceMultiple, WAD);
    }

    function _missing(IPrice feed, uint256 threshold) private view returns (uint256) {
        if (address(feed) == address(0)) return 0;
        (uint256 wad,) = feed.price();
        return threshold.zeroFloorSub(wad);
    }

    // ------------------------------------------------------------- governance

    /// @param shocks_ 32 at most, spot above -0.9 and at most 5, volatility from -0.9 to 5
    function setShocks(IVolSurface.Shock[] calldata shocks_) external onlyOwner {
        _setShocks(shocks_);
    }

    /// @param a.factor [wad] 1 to 3
    /// @param a.contingency [wad] 1 at most
    /// @param a.depegBelow [wad] 1 at most
    /// @param a.depegMultiple [wad] 100 at most
    /// @param a.confidenceBelow [wad] 1 at most
    /// @param a.confidenceMultiple [wad] 100 at most
    function setAddOns(AddOns calldata a, IPrice moneyFeed_, IPrice confidenceFeed_) external onlyOwner {
        _setAddOns(a, moneyFeed_, confidenceFeed_);
    }

    /// @return grid as it is set
    function shocksOf() external view returns (IVolSurface.Shock[] memory grid) {
        return shocks;
    }

    function _setShocks(IVolSurface.Shock[] memory shocks_) private {
        if (shocks_.length == 0 || shocks_.length > MOST_SHOCKS) revert WrongShockCount(shocks_.length, MOST_SHOCKS);
        delete shocks;
        for (uint256 i; i < shocks_.length; ++i) {
            _requireWithin(uint256(shocks_[i].spot + ONE), 0.1e18, 6e18);
            _requireWithin(uint256(shocks_[i].volatility + ONE), 0.1e18, 6e18);
            shocks.push(shocks_[i]);
        }
        emit ShocksSet(shocks_.length);
    }

    function _setAddOns(AddOns memory a, IPrice moneyFeed_, IPrice confidenceFeed_) private {
        _requireWithin(a.factor, WAD, 3e18);
        _requireWithin(a.contingency, 0, WAD);
        _requireWithin(a.depegBelow, 0, WAD);
        _requireWithin(a.depegMultiple, 0, 100e18);
        _requireWithin(a.confidenceBelow, 0, WAD);
        _requireWithin(a.confidenceMultiple, 0, 100e18);
        (addOns, moneyFeed, confidenceFeed) = (a, moneyFeed_, confidenceFeed_);
        emit AddOnsSet(a, address(moneyFeed_), address(confidenceFeed_));
    }
}
