// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IAuction} from "../interfaces/IAuction.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {ILiquidator} from "../interfaces/ILiquidator.sol";
import {CdpGovernance} from "./CdpGovernance.sol";
import {CdpLedger} from "./CdpLedger.sol";
import {Dollar} from "./Dollar.sol";

/// @title Collateralised debt positions in several collaterals.
/// @notice See ICdpEngine for the calls, CdpLedger for the books, CdpGovernance for the parameters. Here are the two
/// things that happen to a position: its owner adjusts it, or somebody liquidates it. Each is planned by a view, which
/// is also its preview, and then carried out: first the books, then what leaves, then what comes in.
contract CdpEngine is CdpGovernance, ReentrancyGuardTransient {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    /// @dev An adjustment about to happen. At most one of drawn and repaid is not zero; likewise deposited, withdrawn.
    struct Adjustment {
        Position before;
        Position then_;
        uint256 deposited; // [wad]
        uint256 withdrawn; // [wad]
        uint256 drawn; // [Dollar wad]
        uint256 repaid; // [Dollar wad]
    }

    /// @dev A liquidation about to happen.
    struct Seizure {
        Position before;
        Position then_; // before any debt left is recorded as bad
        uint256 repay; // [Dollar wad]
        uint256 seized; // [wad]
        uint256 fee; // [wad] part of seized
    }

    constructor(Dollar dollar_) CdpLedger(dollar_) {}

    // ----------------------------------------------------------------- adjust

    /// @inheritdoc ICdpEngine
    function adjust(bytes32 id, address owner, int256 collateralDelta, int256 debtDelta)
        external
        override
        nonReentrant
    {
        Collateral storage c = _known(id);
        uint256 index = _accrue(id, c);
        Adjustment memory a = _planAdjustment(c, positionBook[id][owner], collateralDelta, debtDelta, index);
        _requireAllowed(a, owner, msg.sender);
        _requireSolvent(c, a, index);

        _setPosition(c, positionBook[id][owner], a.before, a.then_);
        if (a.drawn != 0) {
            _bookRounding((a.then_.normalizedDebt - a.before.normalizedDebt) * index, a.drawn * RAY);
        }
        if (a.repaid != 0) {
            _bookRounding(a.repaid * RAY, (a.before.normalizedDebt - a.then_.normalizedDebt) * index);
        }
        emit PositionAdjusted(
            id,
            owner,
            int256(a.deposited) - int256(a.withdrawn),
            int256(a.drawn) - int256(a.repaid),
            a.then_.collateral,
            a.then_.normalizedDebt
        );

        if (a.repaid != 0) dollar.burn(msg.sender, a.repaid);
        if (a.deposited != 0) _pull(c, a.deposited);
        if (a.withdrawn != 0) c.token.safeTransfer(msg.sender, a.withdrawn / c.unit);
        if (a.drawn != 0) dollar.mint(msg.sender, a.drawn);
    }

    /// @inheritdoc ICdpEngine
    function previewAdjust(bytes32 id, address owner, int256 collateralDelta, int256 debtDelta, address caller)
        external
        view
        override
        returns (uint256 collateral, uint256 debt, uint256 ratio)
    {
        Collateral storage c = _known(id);
        uint256 index = _indexUp(c);
        Adjustment memory a = _planAdjustment(c, positionBook[id][owner], collateralDelta, debtDelta, index);
        _requireAllowed(a, owner, caller);
        _requireSolvent(c, a, index);
        collateral = a.then_.collateral;
        debt = _debtUp(a.then_.normalizedDebt, index);
        ratio = debt == 0 ? type(uint256).max : _ratioDown(a.then_, index, _price(c));
    }

    /// @inheritdoc ICdpEngine
    function setOperator(address operator, bool allowed) external override {
        isOperator[msg.sender][operator] = allowed;
        emit OperatorSet(msg.sender, operator, allowed);
    }

    /// @inheritdoc ICdpEngine
    function accrue(bytes32 id) external override returns (uint256 index) {
        return _accrue(id, _known(id));
    }

    function _planAdjustment(
        Collateral storage c,
        Position storage p,
        int256 collateralDelta,
        int256 debtDelta,
        uint256 index
    ) private view returns (Adjustment memory a) {
        a.before = p;
        a.then_ = p;
        _planCollateral(a, collateralDelta, c.unit);
        if (debtDelta > 0) _planDraw(a, uint256(debtDelta), index);
        if (debtDelta < 0) _planRepayment(a, debtDelta, index);
    }

    function _planCollateral(Adjustment memory a, int256 delta, uint256 unit) private pure {
        uint256 held = a.before.collateral;
        if (delta >= 0) {
            a.deposited = uint256(delta) - uint256(delta) % unit;
            a.then_.collateral = (held + a.deposited).toUint128();
        } else {
            a.withdrawn = delta == type(int256).min ? held : uint256(-delta) - uint256(-delta) % unit;
            if (a.withdrawn > held) revert InsufficientCollateral(a.withdrawn, held);
            a.then_.collateral = uint128(held - a.withdrawn);
        }
    }

    function _planDraw(Adjustment memory a, uint256 amount, uint256 index) private pure {
        a.drawn = amount;
        a.then_.normalizedDebt = (a.before.normalizedDebt + amount.fullMulDivUp(RAY, index)).toUint128();
    }

    function _planRepayment(Adjustment memory a, int256 delta, uint256 index) private pure {
        uint256 debt = _debtUp(a.before.normalizedDebt, index);
        a.repaid = delta == type(int256).min ? debt : uint256(-delta).min(debt);
        if (a.repaid == debt) a.then_.normalizedDebt = 0;
        else a.then_.normalizedDebt -= a.repaid.fullMulDiv(RAY, index).toUint128();
    }

    function _requireAllowed(Adjustment memory a, address owner, address caller) private view {
        if (a.withdrawn == 0 && a.drawn == 0) return;
        if (caller != owner && !isOperator[owner][caller]) revert NotAuthorized(owner, caller);
    }

    /// @dev The solvency rule. The feed is read only by what makes the position riskier.
    function _requireSolvent(Collateral storage c, Adjustment memory a, uint256 index) private view {
        uint256 debt = _debtUp(a.then_.normalizedDebt, index);
        if (debt != 0 && a.then_.normalizedDebt != a.before.normalizedDebt && debt < c.debtFloor) {
            revert DebtBelowFloor(debt, c.debtFloor);
        }
        if (a.drawn != 0) {
            uint256 total =
                _debtUp(uint256(c.totalNormalizedDebt) + a.then_.normalizedDebt - a.before.normalizedDebt, index);
            if (total > c.debtCeiling) revert DebtCeilingExceeded(total, c.debtCeiling);
        }
        if (_isNoRiskier(a.before, a.then_)) return;
        uint256 ratio = _ratioDown(a.then_, index, _price(c));
        if (ratio < c.minimumRatio) revert Undercollateralised(ratio, c.minimumRatio);
    }

    // -------------------------------------------------------------- liquidate

    /// @inheritdoc ICdpEngine
    function liquidate(bytes32 id, address owner, uint256 maxRepay, bytes calldata data)
        external
        override
        nonReentrant
        returns (uint256 repaid, uint256 seized)
    {
        Collateral storage c = _known(id);
        uint256 index = _accrue(id, c);
        Seizure memory s = _planSeizure(c, positionBook[id][owner], maxRepay, index);
        if (c.auction == address(0)) _sellAtSpread(id, c, owner, s, index, data);
        else _sellAtAuction(id, c, owner, s, index);
        return (s.repay, s.seized);
    }

    /// @inheritdoc ICdpEngine
    function previewLiquidation(bytes32 id, address owner, uint256 maxRepay)
        external
        view
        override
        returns (uint256 repay, uint256 seized, uint256 fee)
    {
        Collateral storage c = _known(id);
        Seizure memory s = _planSeizure(c, positionBook[id][owner], maxRepay, _indexUp(c));
        return (s.repay, s.seized, s.fee);
    }

    function _sellAtSpread(
        bytes32 id,
        Collateral storage c,
        address owner,
        Seizure memory s,
        uint256 index,
        bytes calldata data
    ) private {
        _bookRounding(s.repay * RAY, (s.before.normalizedDebt - s.then_.normalizedDebt) * index);
        if (s.then_.collateral == 0 && s.then_.normalizedDebt != 0) {
            _recordBadDebt(id, s.then_.normalizedDebt * index);
            s.then_.normalizedDebt = 0;
        }
        _setPosition(c, positionBook[id][owner], s.before, s.then_);
        _emitLiquidated(id, owner, s, 0);

        uint256 received = s.seized - s.fee;
        c.token.safeTransfer(msg.sender, received / c.unit);
        if (s.fee != 0) c.token.safeTransfer(feeRecipient, s.fee / c.unit);
        if (data.length != 0) ILiquidator(msg.sender).onLiquidation(id, owner, s.repay, received, data);
        dollar.burn(msg.sender, s.repay);
    }

    function _sellAtAuction(bytes32 id, Collateral storage c, address owner, Seizure memory s, uint256 index) private {
        _bookRounding(s.repay * RAY, (s.before.normalizedDebt - s.then_.normalizedDebt) * index);
        c.debtAtAuction += s.repay.toUint128();
        _setPosition(c, positionBook[id][owner], s.before, s.then_);

        IAuction auction = IAuction(c.auction);
        uint256 debtToRaise = s.repay.fullMulDivUp(WAD + c.liquidationBonus, WAD);
        c.token.safeTransfer(address(auction), s.seized / c.unit);
        _emitLiquidated(id, owner, s, auction.start(owner, s.seized, debtToRaise, s.repay, msg.sender));
    }

    function _emitLiquidated(bytes32 id, address owner, Seizure memory s, uint256 auctionId) private {
        emit PositionLiquidated(
            id, owner, msg.sender, s.repay, s.seized, s.fee, s.then_.collateral, s.then_.normalizedDebt, auctionId
        );
    }

    function _planSeizure(Collateral storage c, Position storage p, uint256 maxRepay, uint256 index)
        private
        view
        returns (Seizure memory s)
    {
        s.before = p;
        s.then_ = p;
        uint256 debt = _debtUp(p.normalizedDebt, index);
        uint256 price = _liquidationPrice(c);
        uint256 ratio = _ratioDown(s.before, index, price);
        if (ratio >= c.liquidationRatio) revert PositionHealthy(ratio, c.liquidationRatio);
        if (c.auction != address(0)) _planLot(c, s, debt, index);
        else _planSpread(c, s, maxRepay.min(_repayable(c, debt, ratio)), debt, price, index);
    }

    /// @dev One lot and its part of the debt, rounded up so that what stays is no riskier.
    function _planLot(Collateral storage c, Seizure memory s, uint256 debt, uint256 index) private view {
        (uint256 collateral, uint256 normalized) = (s.before.collateral, s.before.normalizedDebt);
        uint256 lot = c.lotSize - c.lotSize % c.unit;
        if (lot != 0 && lot < collateral) {
            uint256 part = normalized.fullMulDivUp(lot, collateral);
            uint256 left = _debtUp(normalized - part, index);
            if (left != 0 && left >= c.debtFloor) {
                s.then_ = Position(uint128(collateral - lot), uint128(normalized - part));
                (s.seized, s.repay) = (lot, _debtUp(part, index));
                return;
            }
        }
        s.then_ = Position(0, 0);
        (s.seized, s.repay) = (collateral, debt);
    }

    /// @dev [Dollar wad] The most that one fixed-spread liquidation may repay.
    function _repayable(Collateral storage c, uint256 debt, uint256 ratio) private view returns (uint256) {
        if (ratio < WAD + c.liquidationBonus) return debt;
        uint256 part = debt.fullMulDiv(c.closeFactor, WAD);
        return debt - part < c.debtFloor ? debt : part;
    }

    /// @dev Collateral is counted from the debt that is really cancelled, so that no rounding can worsen health.
    function _planSpread(
        Collateral storage c,
        Seizure memory s,
        uint256 repay,
        uint256 debt,
        uint256 price,
        uint256 index
    ) private view {
        uint256 held = s.before.collateral;
        uint256 cancelled = repay == debt ? s.before.normalizedDebt : repay.fullMulDiv(RAY, index);
        uint256 factor = WAD + c.liquidationBonus;
        uint256 seized = (cancelled * index).fullMulDiv(factor, price * RAY);
        if (seized >= held) {
            seized = held;
            repay = held.fullMulDivUp(price, factor).min(debt);
            cancelled = repay == debt ? s.before.normalizedDebt : repay.fullMulDiv(RAY, index);
        } else {
            seized -= seized % c.unit;
        }
        if (cancelled == 0 && seized != held) revert NothingToRepay();
        (s.repay, s.seized) = (repay, seized);
        s.then_ = Position(uint128(held - seized), uint128(s.before.normalizedDebt - cancelled));
        _requireNoDust(c, s.then_, price, index);
        s.fee = _feeDown(c, s, price);
    }

    function _requireNoDust(Collateral storage c, Position memory left, uint256 price, uint256 index) private view {
        if (left.normalizedDebt == 0 || left.collateral == 0) return;
        uint256 debt = _debtUp(left.normalizedDebt, index);
        uint256 value = uint256(left.collateral).fullMulDivUp(price, WAD);
        if (debt.min(value) < c.debtFloor) revert DustRemainder(debt.min(value), c.debtFloor);
    }

    /// @dev [wad] The fee recipient's share of the collateral given beyond the worth of the debt repaid.
    function _feeDown(Collateral storage c, Seizure memory s, uint256 price) private view returns (uint256 fee) {
        fee = s.seized.zeroFloorSub(s.repay.fullMulDivUp(WAD, price)).fullMulDiv(c.protocolFee, WAD);
        fee -= fee % c.unit;
    }

    // ----------------------------------------------------------------- tokens

    /// @dev A token that takes a fee on the way is refused: the books would run ahead of the balance.
    function _pull(Collateral storage c, uint256 wad) private {
        (address token, uint256 amount) = (c.token, wad / c.unit);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert TransferShort(received, amount);
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
