// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {PerpHedge} from "./PerpHedge.sol";

/// @title The basis trade: spot, and as much of it sold in the perpetual market. It earns the funding that longs pay.
/// @notice Spot may bear yield: its feed is then the hedged asset's price times an exchange rate, and the short grows
/// with that rate.
contract DeltaNeutral is PerpHedge {
    constructor(
        address vault_,
        address dollar_,
        address spotToken_,
        IPrice spotFeed_,
        IPerpMarket market_,
        ConstantProductPool pool_,
        uint256 depthLoss_,
        Shape memory shape__
    ) PerpHedge(vault_, dollar_, spotToken_, spotFeed_, market_, pool_, depthLoss_, shape__) {}

    /// @inheritdoc PerpHedge
    function hedgeRatio() public pure override returns (uint256) {
        return WAD;
    }
}
