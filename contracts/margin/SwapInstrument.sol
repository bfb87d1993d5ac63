// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IVarianceSwap} from "../interfaces/IVarianceSwap.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {VarianceSwap} from "../options/VarianceSwap.sol";
import {InstrumentBase} from "./InstrumentBase.sol";

/// @title Variance swaps that accounts take from those who offer them.
/// @notice A series is the number of a swap, its size one for the long side and minus one for the short. Both sides posted
/// the most they can lose, so what was paid to take it is all that it can cost. It is worth what it would pay if variance
/// until its end were what the surface implies at the money.
contract SwapInstrument is InstrumentBase {
    using FixedPointMathLib for *;

    VarianceSwap public immutable swaps;
    IVolSurface public immutable surface;

    error WrongSide(int256 size);

    constructor(address clearinghouse_, VarianceSwap swaps_, IVolSurface surface_)
        InstrumentBase(clearinghouse_, swaps_.moneyToken(), address(swaps_))
    {
        (swaps, surface) = (swaps_, surface_);
    }

    /// @inheritdoc IInstrument
    function onTrade(address, uint256 id, int256 sizeDelta, uint256)
        external
        override
        onlyClearinghouse
        returns (int256 cash)
    {
        cash = previewTrade(id, sizeDelta);
        _pullUp(uint256(-cash));
        swaps.take(id);
    }

    /// @inheritdoc IInstrument
    function previewTrade(uint256 id, int256 sizeDelta) public view override returns (int256) {
        IVarianceSwap.Swap memory s = swaps.swapOf(id);
        if (sizeDelta != (s.long == address(0) ? ONE : -ONE)) revert WrongSide(sizeDelta);
        (uint256 ofLong, uint256 ofShort) = swaps.collateralOf(s.strike, s.notional);
        return -int256(sizeDelta > 0 ? ofLong : ofShort);
    }

    /// @inheritdoc IInstrument
    /// @dev The swap may have been settled by somebody: then its money lies here already.
    function settle(uint256 id, int256 size) external override onlyClearinghouse returns (int256 cash) {
        if (!swaps.isSettled(id)) swaps.settle(id);
        (uint256 toLong, uint256 toShort) = swaps.outcomeOf(id);
        cash = int256(size > 0 ? toLong : toShort);
        _giveBack();
    }

    /// @inheritdoc IInstrument
    function takeMissing() external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function carryOf(uint256) external pure override returns (int256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function valueOf(uint256[] calldata ids, int256[] calldata sizes) external view override returns (int256) {
        return _valuesOf(ids, sizes, new IVolSurface.Shock[](1))[0];
    }

    /// @inheritdoc IInstrument
    function shockedValues(uint256[] calldata ids, int256[] calldata sizes, IVolSurface.Shock[] calldata shocks)
        external
        view
        override
        returns (int256[] memory values)
    {
        return _valuesOf(ids, sizes, shocks);
    }

    function _valuesOf(uint256[] calldata ids, int256[] calldata sizes, IVolSurface.Shock[] memory shocks)
        private
        view
        returns (int256[] memory values)
    {
        values = new int256[](shocks.length);
        for (uint256 i; i < ids.length; ++i) {
            for (uint256 j; j < shocks.length; ++j) {
                (uint256 toLong, uint256 toShort) = _payouts(ids[i], shocks[j]);
                values[j] += int256(sizes[i] > 0 ? toLong : toShort);
            }
        }
    }

    /// @dev A shock of spot is one more move to be counted, as long as samples are left. Those that are due and not counted
    /// are worth implied variance too, so that nobody gains by their not being counted.
    function _payouts(uint256 id, IVolSurface.Shock memory shock) private view returns (uint256, uint256) {
        if (swaps.isSettled(id)) return swaps.outcomeOf(id);
        IVarianceSwap.Swap memory s = swaps.swapOf(id);
        uint256 left = s.samples - s.sampled;
        if (left == 0) return swaps.previewAt(id, 0);
        uint256 volatility = surface.volatilityOf(surface.spot(), s.end.max(block.timestamp + swaps.interval()));
        volatility = volatility.fullMulDiv(uint256((ONE + shock.volatility).max(0)), WAD);
        uint256 move = (ONE + shock.spot).lnWad().abs();
        uint256 year = volatility * volatility / WAD;
        return swaps.previewAt(id, year.fullMulDiv(left * swaps.interval(), 365 days) + move * move / WAD);
    }

    /// @inheritdoc IInstrument
    function standardMargin(uint256[] calldata, int256[] calldata, bool) external pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function exposureOf(uint256[] calldata, int256[] calldata) external pure override returns (uint256) {
        return 0;
    }
}
