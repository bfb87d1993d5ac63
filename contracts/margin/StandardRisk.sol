// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IRiskModel} from "../interfaces/IRiskModel.sol";

/// @title Every position needs what it needs alone, every collateral its haircut.
contract StandardRisk is IRiskModel {
    using FixedPointMathLib for uint256;

    uint256 private constant WAD = 1e18;

    IClearinghouse public immutable clearinghouse;

    constructor(IClearinghouse clearinghouse_) {
        clearinghouse = clearinghouse_;
    }

    /// @inheritdoc IRiskModel
    function margin(uint256 account, bool initial) external view override returns (int256, uint256) {
        return marginOfBook(clearinghouse.bookOf(account), initial);
    }

    /// @inheritdoc IRiskModel
    function marginOfBook(IClearinghouse.Book memory b, bool initial)
        public
        view
        override
        returns (int256 equity, uint256 required)
    {
        (equity, required) = _ofAssets(b);
        equity += b.cash;
        for (uint256 i; i < b.instruments.length; ++i) {
            equity += IInstrument(b.instruments[i]).valueOf(b.ids[i], b.sizes[i]);
            required += IInstrument(b.instruments[i]).standardMargin(b.ids[i], b.sizes[i], initial);
        }
    }

    function _ofAssets(IClearinghouse.Book memory b) private view returns (int256 equity, uint256 required) {
        IClearinghouse.Asset[] memory assets = clearinghouse.assetsOf();
        for (uint256 i; i < assets.length; ++i) {
            if (b.amounts[i] == 0) continue;
            (uint256 price,) = assets[i].feed.price();
            uint256 worth = b.amounts[i].fullMulDiv(price, WAD);
            equity += int256(worth);
            required += worth.fullMulDivUp(assets[i].haircut, WAD);
        }
    }
}
