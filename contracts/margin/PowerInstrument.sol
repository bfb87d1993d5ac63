// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {PowerPerp} from "../options/PowerPerp.sol";
import {InstrumentBase} from "./InstrumentBase.sol";

/// @title Tokens of a squared perpetual, brought by owners of accounts or minted to them.
/// @notice A long is tokens that its owner brought, a short is tokens that its owner took away to sell. Both count at the
/// index, in which funding already is. The venue's collateral comes out of the clearinghouse and is kept at `targetRatio`
/// of what is owed there.
contract PowerInstrument is InstrumentBase {
    using FixedPointMathLib for *;
    using SafeTransferLib for address;

    PowerPerp public immutable perp;
    uint256 public immutable targetRatio; // [wad] of debt, above the venue's ratio

    error TargetTooLow(uint256 ratio, uint256 minRatio);

    /// @param targetRatio_ [wad]
    constructor(address clearinghouse_, PowerPerp perp_, uint256 targetRatio_)
        InstrumentBase(clearinghouse_, perp_.moneyToken(), address(perp_))
    {
        (uint256 least,,,,,,) = perp_.rules();
        if (targetRatio_ <= least) revert TargetTooLow(targetRatio_, least);
        (perp, targetRatio) = (perp_, targetRatio_);
    }

    /// @inheritdoc IInstrument
    /// @dev No money changes hands: what was brought is worth what the account then holds.
    function onTrade(address owner, uint256 id, int256 sizeDelta, uint256)
        external
        override
        onlyClearinghouse
        returns (int256)
    {
        if (id != 0) revert UnknownSeries(id);
        perp.accrue();
        if (sizeDelta > 0) {
            address(perp).safeTransferFrom(owner, address(this), uint256(sizeDelta));
            (, uint256 debt) = perp.positionOf(address(this));
            _move(-int256(debt.min(_held())));
        } else {
            _move((-sizeDelta - int256(_held())).max(0));
            address(perp).safeTransfer(owner, uint256(-sizeDelta));
        }
        return 0;
    }

    /// @notice Brings the venue's collateral to its target. Anybody may.
    function rebalance() external {
        perp.accrue();
        _move(0);
    }

    /// @dev Mints tokens, or repays with those that lie here when negative, with the collateral that the rest needs.
    function _move(int256 tokens) private {
        (uint256 collateral, uint256 debt) = perp.positionOf(address(this));
        uint256 owed = uint256(int256(debt) + tokens);
        uint256 target = owed.fullMulDivUp(perp.indexOf().fullMulDivUp(targetRatio, WAD), WAD);
        if (owed != 0) target = target.max(_least());
        target = target.divUp(moneyUnit) * moneyUnit;
        if (target > collateral) _pullUp(target - collateral);
        perp.adjust(int256(target) - int256(collateral), tokens);
        _giveBack();
    }

    function _least() private view returns (uint256 least) {
        (,,, least,,,) = perp.rules();
    }

    function _held() private view returns (uint256) {
        return perp.balanceOf(address(this));
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
    function previewTrade(uint256, int256) external pure override returns (int256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function carryOf(uint256) external pure override returns (int256) {
        return 0;
    }

    /// @inheritdoc IInstrument
    function valueOf(uint256[] calldata, int256[] calldata sizes) external view override returns (int256) {
        return _timesDown(sizes[0], perp.indexOf());
    }

    /// @inheritdoc IInstrument
    function shockedValues(uint256[] calldata, int256[] calldata sizes, IVolSurface.Shock[] calldata shocks)
        external
        view
        override
        returns (int256[] memory values)
    {
        values = new int256[](shocks.length);
        uint256 index = perp.indexOf();
        for (uint256 j; j < shocks.length; ++j) {
            uint256 moved = uint256(ONE + shocks[j].spot);
            values[j] = _timesDown(sizes[0], index.fullMulDiv(moved * moved / WAD, WAD));
        }
    }

    /// @inheritdoc IInstrument
    /// @dev A short needs what the venue asks beyond the debt, to stay half of that.
    function standardMargin(uint256[] calldata, int256[] calldata sizes, bool initial)
        external
        view
        override
        returns (uint256)
    {
        if (sizes[0] >= 0) return 0;
        (uint256 ratio,,,,,,) = perp.rules();
        uint256 part = initial ? ratio - WAD : (ratio - WAD) / 2;
        return uint256(-sizes[0]).fullMulDivUp(perp.indexOf(), WAD).fullMulDivUp(part, WAD);
    }

    /// @inheritdoc IInstrument
    /// @dev A square moves by twice what its price does.
    function exposureOf(uint256[] calldata, int256[] calldata sizes) external view override returns (uint256) {
        return sizes[0] >= 0 ? 0 : uint256(-sizes[0]).fullMulDivUp(2 * perp.indexOf(), WAD);
    }
}
