// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC4626} from "solady/src/tokens/ERC4626.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {ILendingPool} from "../interfaces/ILendingPool.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A small pool of loans against one collateral; see ILendingPool.
/// @notice Cash is the pool's own record, never its token balance: a gift changes no share and no rate. Between two
/// accruals the index grows linearly at the rate of the utilisation that the earlier one left.
contract LendingPool is ILendingPool, ERC4626, Ownable, ReentrancyGuardTransient, Bounded {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    struct Loan {
        uint128 collateral; // [wad]
        uint128 normalizedDebt; // [wad]
    }

    /// @dev A liquidation about to happen.
    struct Seizure {
        uint256 repay; // [asset wad]
        uint256 cancelled; // [wad] of normalized debt
        uint256 seized; // [wad]
    }

    uint256 private constant WAD = 1e18;
    uint256 private constant RAY = 1e27;
    uint256 private constant YEAR = 365 days;
    uint256 private constant HIGHEST_RATE = 10e18; // [wad a year]
    uint256 private constant HIGHEST_BONUS = 0.5e18; // [wad]
    uint256 private constant HIGHEST_RESERVE_FACTOR = 0.5e18; // [wad]
    uint256 private constant HIGHEST_FLOOR = 1e24; // [asset wad]
    uint256 private constant SMALLEST_CLOSE_FACTOR = 0.01e18; // [wad]
    uint256 private constant FEWEST_DECIMALS = 6;

    address private immutable lent;
    address public immutable collateral;
    IPrice public immutable feed; // dollars for one whole unit of collateral
    uint256 private immutable unit; // [wad] of the smallest unit of collateral

    Terms private terms_;
    RateCurve private curve_;
    mapping(address owner => Loan) private book;

    uint256 public override cash; // [asset wad]
    uint256 private reserved; // [asset wad] as last accrued
    uint256 private totalNormalizedDebt; // [wad]
    uint128 private storedIndex = uint128(RAY); // [ray]
    uint40 private lastAccrual; // [unix s]

    /// @param asset_ what is lent: 18 decimals, worth one dollar
    constructor(address asset_, address collateral_, IPrice feed_, Terms memory terms__, RateCurve memory curve__) {
        _initializeOwner(msg.sender);
        _requireWithin(IDecimals(asset_).decimals(), 18, 18);
        uint256 decimals = IDecimals(collateral_).decimals();
        _requireWithin(decimals, FEWEST_DECIMALS, 18);
        (lent, collateral, feed, unit) = (asset_, collateral_, feed_, 10 ** (18 - decimals));
        lastAccrual = uint40(block.timestamp);
        _setTerms(terms__);
        _setRateCurve(curve__);
    }

    // ----------------------------------------------------------------- shares

    function asset() public view override returns (address) {
        return lent;
    }

    /// @return assets [asset wad] cash and debt less reserves
    function totalAssets() public view override returns (uint256 assets) {
        (uint256 index, uint256 kept) = _accrued();
        return (cash + _debtDown(index)).zeroFloorSub(kept);
    }

    function deposit(uint256 assets, address to) public override nonReentrant returns (uint256 shares) {
        shares = previewDeposit(assets);
        if (shares == 0) revert NothingMoved();
        _deposit(msg.sender, to, assets, shares);
    }

    function mint(uint256 shares, address to) public override nonReentrant returns (uint256 assets) {
        if (shares == 0) revert NothingMoved();
        assets = previewMint(shares);
        _deposit(msg.sender, to, assets, shares);
    }

    function withdraw(uint256 assets, address to, address owner) public override nonReentrant returns (uint256 shares) {
        if (assets == 0) revert NothingMoved();
        if (assets > cash) revert InsufficientCash(assets, cash);
        return super.withdraw(assets, to, owner);
    }

    function redeem(uint256 shares, address to, address owner) public override nonReentrant returns (uint256 assets) {
        assets = previewRedeem(shares);
        if (assets == 0) revert NothingMoved();
        if (assets > cash) revert InsufficientCash(assets, cash);
        return super.redeem(shares, to, owner);
    }

    /// @notice No more than is not lent out: 0 when the pool is empty.
    function maxWithdraw(address owner) public view override returns (uint256) {
        return super.maxWithdraw(owner).min(cash);
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        uint256 shares = balanceOf(owner);
        return previewRedeem(shares) <= cash ? shares : convertToShares(cash).min(shares);
    }

    function _deposit(address by, address to, uint256 assets, uint256 shares) internal override {
        uint256 before = lent.balanceOf(address(this));
        super._deposit(by, to, assets, shares);
        uint256 received = lent.balanceOf(address(this)) - before;
        if (received != assets) revert TransferShort(received, assets);
    }

    function _afterDeposit(uint256 assets, uint256) internal override {
        _accrue();
        cash += assets;
    }

    function _beforeWithdraw(uint256 assets, uint256) internal override {
        _accrue();
        cash -= assets;
    }

    // ------------------------------------------------------------------ loans

    /// @inheritdoc ILendingPool
    function adjust(address owner, int256 collateralDelta, int256 debtDelta) external override nonReentrant {
        uint256 index = _accrue();
        Loan memory before = book[owner];
        Loan memory then_ = book[owner]; // a copy of its own
        if (collateralDelta == 0 && debtDelta == 0) revert NothingMoved();
        if (msg.sender != owner && (debtDelta > 0 || collateralDelta < 0)) revert NotOwner(owner, msg.sender);
        int256 moved = _planCollateral(then_, collateralDelta);
        int256 paid = _planDebt(then_, debtDelta, index);
        _requireSafe(before, then_, index);

        book[owner] = then_;
        totalNormalizedDebt = totalNormalizedDebt + then_.normalizedDebt - before.normalizedDebt;
        emit LoanAdjusted(owner, moved, paid, then_.collateral, then_.normalizedDebt);

        if (paid < 0) _receive(uint256(-paid));
        if (moved > 0) _pull(collateral, uint256(moved) / unit);
        if (moved < 0) collateral.safeTransfer(msg.sender, uint256(-moved) / unit);
        if (paid > 0) _lend(uint256(paid));
    }

    /// @inheritdoc ILendingPool
    function liquidate(address owner, uint256 maxRepay)
        external
        override
        nonReentrant
        returns (uint256 repaid, uint256 seized)
    {
        uint256 index = _accrue();
        Seizure memory s = _planSeizure(book[owner], maxRepay, index);
        Loan storage loan = book[owner];
        loan.collateral -= uint128(s.seized);
        loan.normalizedDebt -= uint128(s.cancelled);
        totalNormalizedDebt -= s.cancelled;
        emit LoanLiquidated(owner, msg.sender, s.repay, s.seized);
        _receive(s.repay);
        if (loan.collateral == 0 && loan.normalizedDebt != 0) _socialise(owner, loan, index);
        collateral.safeTransfer(msg.sender, s.seized / unit);
        return (s.repay, s.seized);
    }

    /// @inheritdoc ILendingPool
    function previewLiquidation(address owner, uint256 maxRepay)
        external
        view
        override
        returns (uint256 repay, uint256 seized)
    {
        (uint256 index,) = _accrued();
        Seizure memory s = _planSeizure(book[owner], maxRepay, index);
        return (s.repay, s.seized);
    }

    /// @inheritdoc ILendingPool
    function accrue() external override returns (uint256 index) {
        return _accrue();
    }

    // ------------------------------------------------------------- governance

    /// @param value loan to value below the threshold, which leaves room for the bonus
    function setTerms(Terms calldata value) external onlyOwner {
        _setTerms(value);
    }

    /// @param value the time until now is charged at the old one
    function setRateCurve(RateCurve calldata value) external onlyOwner {
        _accrue();
        _setRateCurve(value);
    }

    // ------------------------------------------------------------------ views

    function terms() external view returns (Terms memory) {
        return terms_;
    }

    function rateCurve() external view returns (RateCurve memory) {
        return curve_;
    }

    /// @inheritdoc ILendingPool
    function totalDebt() public view override returns (uint256) {
        (uint256 index,) = _accrued();
        return _debtDown(index);
    }

    /// @inheritdoc ILendingPool
    function reserves() external view override returns (uint256 kept) {
        (, kept) = _accrued();
    }

    /// @inheritdoc ILendingPool
    function utilisation() public view override returns (uint256) {
        (uint256 index, uint256 kept) = _accrued();
        return _utilisation(_debtDown(index), kept);
    }

    /// @inheritdoc ILendingPool
    function borrowRate() public view override returns (uint256) {
        return _rateAt(utilisation());
    }

    /// @inheritdoc ILendingPool
    function supplyRate() external view override returns (uint256) {
        uint256 paid = borrowRate().fullMulDiv(utilisation(), WAD);
        return paid.fullMulDiv(WAD - terms_.reserveFactor, WAD);
    }

    /// @inheritdoc ILendingPool
    function loans(address owner) external view override returns (uint256, uint256) {
        return (book[owner].collateral, book[owner].normalizedDebt);
    }

    /// @inheritdoc ILendingPool
    function debtOf(address owner) public view override returns (uint256) {
        (uint256 index,) = _accrued();
        return _owed(book[owner], index);
    }

    /// @inheritdoc ILendingPool
    function loanToValueOf(address owner) external view override returns (uint256) {
        (uint256 index,) = _accrued();
        Loan memory loan = book[owner];
        return loan.normalizedDebt == 0 ? 0 : _loanToValueUp(loan, index, _price());
    }

    function name() public pure override returns (string memory) {
        return "Lending Pool Share";
    }

    function symbol() public pure override returns (string memory) {
        return "LENT";
    }

    // --------------------------------------------------------------- interest

    /// @dev [ray] the index of now, [asset wad] the reserves of now.
    function _accrued() private view returns (uint256 index, uint256 kept) {
        (index, kept) = (storedIndex, reserved);
        uint256 elapsed = block.timestamp - lastAccrual;
        if (elapsed == 0 || totalNormalizedDebt == 0) return (index, kept);
        uint256 rate = _rateAt(_utilisation(_debtDown(index), kept));
        uint256 growth = index.fullMulDivUp(rate * elapsed, WAD * YEAR);
        kept += totalNormalizedDebt.fullMulDiv(growth, RAY).fullMulDiv(terms_.reserveFactor, WAD);
        index += growth;
    }

    function _accrue() private returns (uint256 index) {
        uint256 kept;
        (index, kept) = _accrued();
        uint256 grown = index - storedIndex;
        lastAccrual = uint40(block.timestamp);
        if (grown == 0) return index;
        (storedIndex, reserved) = (index.toUint128(), kept);
        emit InterestAccrued(index, totalNormalizedDebt.fullMulDiv(grown, RAY));
    }

    function _utilisation(uint256 debt, uint256 kept) private view returns (uint256) {
        if (debt == 0) return 0;
        uint256 whole = (cash + debt).zeroFloorSub(kept).max(debt);
        return debt.fullMulDiv(WAD, whole);
    }

    function _rateAt(uint256 used) private view returns (uint256 rate) {
        RateCurve storage c = curve_;
        if (used <= c.kink) return c.base + c.low.fullMulDiv(used, c.kink);
        return c.base + c.low + c.high.fullMulDiv(used - c.kink, WAD - c.kink);
    }

    // --------------------------------------------------------------- planning

    function _planCollateral(Loan memory loan, int256 delta) private view returns (int256 moved) {
        uint256 held = loan.collateral;
        if (delta >= 0) {
            uint256 added = uint256(delta) - uint256(delta) % unit;
            loan.collateral = (held + added).toUint128();
            return int256(added);
        }
        uint256 taken = delta == type(int256).min ? held : uint256(-delta) - uint256(-delta) % unit;
        if (taken > held) revert InsufficientCollateral(taken, held);
        loan.collateral = uint128(held - taken);
        return -int256(taken);
    }

    function _planDebt(Loan memory loan, int256 delta, uint256 index) private view returns (int256 paid) {
        if (delta == 0) return 0;
        uint256 debt = _owed(loan, index);
        if (delta > 0) {
            if (uint256(delta) > cash) revert InsufficientCash(uint256(delta), cash);
            loan.normalizedDebt = (loan.normalizedDebt + uint256(delta).fullMulDivUp(RAY, index)).toUint128();
            paid = delta;
        } else if (delta == type(int256).min || uint256(-delta) >= debt) {
            loan.normalizedDebt = 0;
            paid = -int256(debt);
        } else {
            loan.normalizedDebt -= uint256(-delta).fullMulDiv(RAY, index).toUint128();
            paid = delta;
        }
        debt = _owed(loan, index);
        if (debt != 0 && debt < terms_.debtFloor) revert DebtBelowFloor(debt, terms_.debtFloor);
    }

    /// @dev No riskier at any price, or within the loan to value. The feed is read only by what adds risk.
    function _requireSafe(Loan memory before, Loan memory then_, uint256 index) private view {
        if (then_.normalizedDebt == 0) return;
        bool noRiskier = before.normalizedDebt != 0
            && uint256(then_.collateral) * before.normalizedDebt >= uint256(before.collateral) * then_.normalizedDebt;
        if (noRiskier) return;
        uint256 ratio = _loanToValueUp(then_, index, _price());
        if (ratio > terms_.maxLoanToValue) revert Undercollateralised(ratio, terms_.maxLoanToValue);
    }

    function _planSeizure(Loan memory loan, uint256 maxRepay, uint256 index) private view returns (Seizure memory s) {
        uint256 price = _price();
        uint256 ratio = loan.normalizedDebt == 0 ? 0 : _loanToValueUp(loan, index, price);
        if (ratio <= terms_.liquidationThreshold) revert LoanHealthy(ratio, terms_.liquidationThreshold);
        uint256 debt = _owed(loan, index);
        s.repay = maxRepay.min(_repayable(debt, ratio));
        s.cancelled = s.repay == debt ? loan.normalizedDebt : s.repay.fullMulDiv(RAY, index);
        uint256 factor = WAD + terms_.liquidationBonus;
        s.seized = (s.cancelled * index).fullMulDiv(factor, price * RAY);
        if (s.seized >= loan.collateral) {
            s.seized = loan.collateral;
            s.repay = s.seized.fullMulDivUp(price, factor).min(debt);
            s.cancelled = s.repay == debt ? loan.normalizedDebt : s.repay.fullMulDiv(RAY, index);
        } else {
            s.seized -= s.seized % unit;
        }
        uint256 left = uint256(loan.normalizedDebt - s.cancelled).fullMulDivUp(index, RAY);
        bool dust = left != 0 && left < terms_.debtFloor && s.seized != loan.collateral;
        if (dust) revert DebtBelowFloor(left, terms_.debtFloor);
        if (s.cancelled == 0 && s.seized != loan.collateral) revert NothingMoved();
    }

    /// @dev [asset wad] All of it once collateral no longer covers debt and bonus, or where a part would leave dust.
    function _repayable(uint256 debt, uint256 ratio) private view returns (uint256) {
        if (ratio == type(uint256).max || ratio.fullMulDiv(WAD + terms_.liquidationBonus, WAD) > WAD) return debt;
        uint256 part = debt.fullMulDiv(terms_.closeFactor, WAD);
        return debt - part < terms_.debtFloor ? debt : part;
    }

    /// @dev The debt leaves the books; reserves shrink by what they cover, shares by the rest.
    function _socialise(address owner, Loan storage loan, uint256 index) private {
        uint256 lost = uint256(loan.normalizedDebt).fullMulDivUp(index, RAY);
        totalNormalizedDebt -= loan.normalizedDebt;
        loan.normalizedDebt = 0;
        uint256 covered = lost.min(reserved);
        reserved -= covered;
        emit LossSocialised(owner, covered, lost - covered);
    }

    // ----------------------------------------------------------------- tokens

    function _receive(uint256 amount) private {
        cash += amount;
        _pull(lent, amount);
    }

    function _lend(uint256 amount) private {
        cash -= amount;
        lent.safeTransfer(msg.sender, amount);
    }

    function _pull(address token, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert TransferShort(received, amount);
    }

    // --------------------------------------------------------------- internal

    function _debtDown(uint256 index) private view returns (uint256) {
        return totalNormalizedDebt.fullMulDiv(index, RAY);
    }

    function _owed(Loan memory loan, uint256 index) private pure returns (uint256) {
        return uint256(loan.normalizedDebt).fullMulDivUp(index, RAY);
    }

    function _loanToValueUp(Loan memory loan, uint256 index, uint256 price) private pure returns (uint256) {
        if (loan.collateral == 0) return type(uint256).max;
        uint256 value = loan.collateral * price; // [wad * wad], both below 2**128
        return (uint256(loan.normalizedDebt) * index).fullMulDivUp(WAD, value).fullMulDivUp(WAD, RAY);
    }

    function _price() private view returns (uint256 wad) {
        (wad,) = feed.price();
        if (wad == 0 || wad > type(uint128).max) revert IPrice.InvalidAnswer(int256(wad));
    }

    function _setTerms(Terms memory value) private {
        _requireWithin(value.liquidationBonus, 0, HIGHEST_BONUS);
        _requireWithin(value.liquidationThreshold, 1, WAD.fullMulDiv(WAD, WAD + value.liquidationBonus));
        _requireWithin(value.maxLoanToValue, 0, value.liquidationThreshold);
        _requireWithin(value.closeFactor, SMALLEST_CLOSE_FACTOR, WAD);
        _requireWithin(value.reserveFactor, 0, HIGHEST_RESERVE_FACTOR);
        _requireWithin(value.debtFloor, 0, HIGHEST_FLOOR);
        _accrue();
        terms_ = value;
        emit TermsSet(value);
    }

    function _setRateCurve(RateCurve memory value) private {
        _requireWithin(value.base, 0, HIGHEST_RATE);
        _requireWithin(value.low, 0, HIGHEST_RATE);
        _requireWithin(value.high, 0, HIGHEST_RATE);
        _requireWithin(value.kink, 1, WAD - 1);
        curve_ = value;
        emit RateCurveSet(value);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
