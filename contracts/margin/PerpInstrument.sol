// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {InstrumentBase} from "./InstrumentBase.sol";

/// @title A linear perpetual, held net for a clearinghouse.
/// @notice A size counts as if the asset itself were held: its cost went into the account's cash, its value is the mark.
/// Funding is the carry. The venue's margin comes out of the clearinghouse and is kept at `targetRatio` of notional by
/// whoever calls `rebalance`, and by every trade.
contract PerpInstrument is InstrumentBase {
    using FixedPointMathLib for *;

    IPerpMarket public immutable market;
    uint256 public immutable targetRatio; // [wad] of notional, above the venue's initial ratio

    error InverseMarket();
    error NotFilled();
    error TargetTooLow(uint256 ratio, uint256 initialRatio);

    /// @param targetRatio_ [wad]
    constructor(address clearinghouse_, IPerpMarket market_, uint256 targetRatio_)
        InstrumentBase(clearinghouse_, market_.marginToken(), address(market_))
    {
        if (market_.inverse()) revert InverseMarket();
        uint256 least = market_.marginConfig().initialRatio;
        if (targetRatio_ <= least) revert TargetTooLow(targetRatio_, least);
        (market, targetRatio) = (market_, targetRatio_);
    }

    /// @inheritdoc IInstrument
    function onTrade(address, uint256 id, int256 sizeDelta, uint256 limit)
        external
        override
        onlyClearinghouse
        returns (int256 cash)
    {
        if (id != 0) revert UnknownSeries(id);
        uint256 notional = sizeDelta.abs().fullMulDivUp(market.markPrice(), WAD);
        market.deposit(address(this), _pullUp(notional.fullMulDivUp(2 * targetRatio, WAD)));
        int256 before = _paidIn();
        if (!market.trade(sizeDelta, limit)) revert NotFilled();
        cash = _paidIn() - before;
        rebalance();
    }

    /// @notice Brings the venue's margin to its target, from the clearinghouse or back to it. Anybody may.
    function rebalance() public {
        int256 target = int256(market.notionalOf(address(this)).fullMulDivUp(targetRatio, WAD));
        int256 spare = market.exitEquityOf(address(this)) - target;
        if (spare < 0) {
            market.deposit(address(this), _pullUp(uint256(-spare)));
        } else {
            uint256 most = market.withdrawable(address(this)).min(uint256(spare));
            if (most >= moneyUnit) market.withdraw(most, clearinghouse);
        }
    }

    /// @dev [money wad] of the position but for its value: what a trade changes is its cost and fee.
    function _paidIn() private view returns (int256) {
        (, int256 margin, int256 entryValue, int256 due,) = market.positionOf(address(this));
        return margin - entryValue - due;
    }

    /// @inheritdoc IInstrument
    function settle(uint256 id, int256) external pure override returns (int256) {
        revert UnknownSeries(id);
    }

    /// @inheritdoc IInstrument
    function takeMissing() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function previewTrade(uint256, int256 sizeDelta) external view override returns (int256) {
        (uint256 price, uint256 fee) = market.previewTrade(address(this), sizeDelta);
        return _timesDown(-sizeDelta, price) - int256(fee);
    }

    /// @inheritdoc IInstrument
    function carryOf(uint256) external view override returns (int256) {
        return market.previewFunding();
    }

    /// @inheritdoc IInstrument
    function valueOf(uint256[] calldata, int256[] calldata sizes) external view override returns (int256) {
        return _timesDown(sizes[0], market.markPrice());
    }

    /// @inheritdoc IInstrument
    function shockedValues(uint256[] calldata, int256[] calldata sizes, IVolSurface.Shock[] calldata shocks)
        external
        view
        override
        returns (int256[] memory values)
    {
        values = new int256[](shocks.length);
        uint256 mark = market.markPrice();
        for (uint256 j; j < shocks.length; ++j) {
            values[j] = _timesDown(sizes[0], mark.fullMulDiv(uint256(ONE + shocks[j].spot), WAD));
        }
    }

    /// @inheritdoc IInstrument
    function standardMargin(uint256[] calldata ids, int256[] calldata sizes, bool initial)
        external
        view
        override
        returns (uint256)
    {
        IPerpMarket.MarginConfig memory m = market.marginConfig();
        return exposureOf(ids, sizes).fullMulDivUp(initial ? m.initialRatio : m.maintenanceRatio, WAD);
    }

    /// @inheritdoc IInstrument
    function exposureOf(uint256[] calldata, int256[] calldata sizes) public view override returns (uint256) {
        return sizes[0].abs().fullMulDivUp(market.markPrice(), WAD);
    }
}
