// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IBackstop} from "../interfaces/IBackstop.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";
import {PerpFunding} from "./PerpFunding.sol";

/// @title The books of a perp market: what is stored, and the only functions that change it.
///
/// @notice The idea: an account is cash, size, what the size was worth when it was bought (entry value) and the funding
/// index up to which it has paid. The pool is the account that holds the opposite of everybody: its size is the skew
/// with the other sign, its entry value that of all accounts together with the other sign. Whatever one account gains,
/// pays or loses to rounding, the pool's cash changes by the same number, so that at every moment, to the last digit,
///
///     sum of margins + pool's cash + insurance fund = tokens held + shortfall
///
/// holds, while unsettled profits and unsettled funding, valued at any one price, add up to zero.
abstract contract PerpLedger is IPerpMarket, PerpFunding, Bounded {
    using FixedPointMathLib for *;
    using SafeCastLib for *;
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;
    int256 internal constant SIGNED_RAY = 1e27;
    uint256 private constant RAY_WAD = 1e45; // 1 / price [wad] as a ray
    /// @dev Within these no product of the books overflows.
    uint256 private constant LOWEST_PRICE = 1e6; // [wad]
    uint256 private constant HIGHEST_PRICE = 1e30; // [wad]

    /// @dev How an account is stored, and beside it how it is counted with.
    struct Packed {
        int128 margin;
        int128 size;
        int128 entryValue;
        int128 entryFunding;
        uint128 principal;
    }

    struct Account {
        int256 margin; // [margin wad] cash
        int256 size; // [size wad]
        int256 entryValue; // [margin wad]
        int256 entryFunding; // [margin ray per size]
        uint256 principal; // [margin wad] deposited less withdrawn
    }

    /// @dev What one transaction goes by: price, funding index and premium are the same throughout.
    struct Frame {
        int256 worth; // [margin ray] of one unit of size at the index price, negative in an inverse market
        int256 fundingIndex; // [margin ray per size]
    }

    bool public immutable override inverse;
    address public immutable override marginToken;
    uint256 public immutable override marginUnit;

    /// @dev The first one keeps its place, slot 0: readers of many accounts go to storage directly.
    mapping(address owner => Packed) internal accounts;
    mapping(address owner => Order) internal orders;

    int256 public override skew; // [size wad]
    uint128 internal longSize; // [size wad]
    uint128 internal shortSize; // [size wad]
    int256 public poolCash; // [margin wad]
    int256 public totalMargin; // [margin wad] of all accounts
    int256 public totalEntryValue; // [margin wad] of all accounts
    int256 public totalEntryFunding; // [margin ray] sum of size * entryFunding
    PackedFunding internal funding;

    IPrice public override indexFeed;
    address public override pool;
    address public override backstop;

    MarginConfig internal marginRules;
    FeeConfig internal fees;
    LimitConfig internal limits;
    OrderConfig internal orderRules;
    FundingConfig internal fundingRules;

    constructor(address token, bool inverse_) {
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, 6, 18);
        (marginToken, marginUnit, inverse) = (token, 10 ** (18 - decimals), inverse_);
        (funding.updatedAt, funding.intervalStart) = (uint64(block.timestamp), uint64(block.timestamp));
    }

    // ------------------------------------------------------------------ price

    /// @dev [wad], within the range that the books bear.
    function _index() internal view returns (uint256 wad, uint256 observedAt) {
        (wad, observedAt) = indexFeed.price();
        _requirePrice(wad);
    }

    function _requirePrice(uint256 wad) internal pure {
        if (wad < LOWEST_PRICE || wad > HIGHEST_PRICE) {
            revert IPrice.PriceOutOfBounds(wad, LOWEST_PRICE, HIGHEST_PRICE);
        }
    }

    /// @dev [margin ray] of one unit of size at a price.
    function _worth(uint256 price) internal view returns (int256) {
        return inverse ? -int256(RAY_WAD / price) : int256(price * 1e9);
    }

    /// @dev [margin ray] at the premium of half of `twiceSkew`. A trade from skew a to b fills at a + b, the mark is at
    /// twice the skew, and all positions closed one after the other fetch the skew alone on the average.
    function _worthAt(int256 worth, int256 twiceSkew) internal view returns (int256) {
        uint256 scale = 2 * limits.skewScale;
        if (twiceSkew.abs() >= scale) revert SkewExceeded(twiceSkew.abs() / 2, limits.maxSkew);
        int256 part = int256(worth.abs().fullMulDiv(twiceSkew.abs(), scale));
        return twiceSkew < 0 ? worth - part : worth + part;
    }

    /// @dev [wad] The price at which one unit of size is worth that, rounded up for buyers.
    function _priceOf(int256 worth, bool up) internal view returns (uint256) {
        if (inverse) return up ? RAY_WAD.divUp(worth.abs()) : RAY_WAD / worth.abs();
        return up ? uint256(worth).divUp(1e9) : uint256(worth) / 1e9;
    }

    // ---------------------------------------------------------------- funding

    function _fundingNow(int256 worth) internal view returns (FundingState memory) {
        return _nextFunding(_loadFunding(funding), fundingRules, premium(), worth.abs());
    }

    /// @dev Brings the funding index up to now, at a price that the caller vouches for.
    function _accrueAt(int256 worth) internal returns (Frame memory f) {
        f = Frame(worth, funding.index);
        if (funding.updatedAt == block.timestamp) return f;
        FundingState memory s = _fundingNow(worth);
        _saveFunding(funding, s);
        f.fundingIndex = s.index;
        emit FundingAccrued(s.index, _rateOf(s, fundingRules, premium()));
    }

    function _accrue() internal returns (Frame memory) {
        (uint256 price,) = _index();
        return _accrueAt(_worth(price));
    }

    function _frame() internal view returns (Frame memory) {
        (uint256 price,) = _index();
        int256 worth = _worth(price);
        return Frame(worth, _fundingNow(worth).index);
    }

    /// @dev [margin wad] that the account owes, rounded up, or is owed, rounded down.
    function _fundingDueUp(Account memory a, int256 fundingIndex) internal pure returns (int256) {
        return _divUp(a.size * (fundingIndex - a.entryFunding));
    }

    /// @dev Pays what is due to the pool, or takes it from there.
    function _settleFunding(address owner, Account memory a, int256 fundingIndex) internal {
        if (a.size == 0 || a.entryFunding == fundingIndex) return;
        int256 due = _fundingDueUp(a, fundingIndex);
        totalEntryFunding += a.size * (fundingIndex - a.entryFunding);
        a.entryFunding = fundingIndex;
        _moveToPool(a, due);
        emit FundingPaid(owner, due);
    }

    // ------------------------------------------------------------------- cash

    /// @dev From the account's cash to the pool's, or back when negative.
    function _moveToPool(Account memory a, int256 amount) internal {
        a.margin -= amount;
        totalMargin -= amount;
        poolCash += amount;
    }

    /// @dev From the account's cash to the insurance fund.
    function _moveToFund(Account memory a, uint256 amount) internal {
        if (amount == 0) return;
        _takeMargin(a, amount);
        IBackstop(backstop).credit(amount);
    }

    function _takeMargin(Account memory a, uint256 amount) internal {
        a.margin -= amount.toInt256();
        totalMargin -= int256(amount);
    }

    function _addMargin(Account memory a, uint256 amount) internal {
        a.margin += amount.toInt256();
        totalMargin += int256(amount);
    }

    /// @dev Pays whole units of the token out of the account's cash.
    function _pay(Account memory a, address to, uint256 amount) internal returns (uint256 paid) {
        paid = amount - amount % marginUnit;
        if (paid == 0) return 0;
        _takeMargin(a, paid);
        marginToken.safeTransfer(to, paid / marginUnit);
    }

    /// @dev A token that takes a fee on the way is refused: the books would run ahead of the balance.
    function _pull(address payer, uint256 amount) internal returns (uint256 pulled) {
        (address token, uint256 units) = (marginToken, amount / marginUnit);
        pulled = units * marginUnit;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(payer, address(this), units);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != units) revert TransferShort(received, units);
    }

    // ------------------------------------------------------------------ fills

    /// @dev [margin wad] What buying `sizeDelta` costs, rounded up; negative for what selling brings.
    function _costUp(int256 worth, int256 sizeDelta) internal view returns (int256 cost, int256 fillWorth) {
        fillWorth = _worthAt(worth, 2 * skew + sizeDelta);
        cost = _divUp(sizeDelta * fillWorth);
    }

    /// @dev Moves the account, the pool and the totals by one fill. Funding is settled before.
    /// @return realised [margin wad] profit of what was closed
    function _fill(Account memory a, int256 sizeDelta, int256 cost, int256 fundingIndex)
        internal
        returns (int256 realised)
    {
        (int256 before, int256 entry) = (a.size, a.entryValue);
        int256 then_ = before + sizeDelta;
        int256 closed = _closedPart(before, sizeDelta);
        if (closed != 0) {
            int256 share = closed == -before ? entry : entry * -closed / before;
            int256 closeCost = closed == sizeDelta ? cost : cost * closed / sizeDelta;
            realised = -closeCost - share;
            (entry, cost) = (entry - share, cost - closeCost);
            _moveToPool(a, -realised);
        }
        entry += cost;
        totalEntryValue += entry - a.entryValue;
        totalEntryFunding += sizeDelta * fundingIndex;
        (a.size, a.entryValue) = (then_, entry);
        a.entryFunding = then_ == 0 ? int256(0) : fundingIndex;
        _moveSkew(before, then_);
    }

    /// @dev [size wad] The part of a trade that takes from the position, signed like the trade.
    function _closedPart(int256 size, int256 sizeDelta) internal pure returns (int256) {
        if (size == 0 || (size > 0) == (sizeDelta > 0)) return 0;
        return sizeDelta.abs() >= size.abs() ? -size : sizeDelta;
    }

    function _moveSkew(int256 before, int256 then_) private {
        longSize = (uint256(longSize) + _long(then_) - _long(before)).toUint128();
        shortSize = (uint256(shortSize) + _long(-then_) - _long(-before)).toUint128();
        skew += then_ - before;
    }

    function _long(int256 size) internal pure returns (uint256) {
        return size > 0 ? uint256(size) : 0;
    }

    function _account(address owner) internal view returns (Account memory a) {
        Packed storage p = accounts[owner];
        (a.margin, a.size, a.principal) = (p.margin, p.size, p.principal);
        (a.entryValue, a.entryFunding) = (p.entryValue, p.entryFunding);
    }

    function _save(address owner, Account memory a) internal {
        Packed storage p = accounts[owner];
        (p.margin, p.size, p.principal) = (a.margin.toInt128(), a.size.toInt128(), a.principal.toUint128());
        (p.entryValue, p.entryFunding) = (a.entryValue.toInt128(), a.entryFunding.toInt128());
        emit PositionChanged(owner, a.size, a.margin, a.entryValue, a.entryFunding);
    }

    // ----------------------------------------------------------------- values

    /// @dev [margin wad] Cash, profit at a worth of one unit, and funding until now; rounded down.
    function _equityAt(Account memory a, Frame memory f, int256 worth) internal pure returns (int256) {
        if (a.size == 0) return a.margin;
        return a.margin - _fundingDueUp(a, f.fundingIndex) - a.entryValue - _divUp(-a.size * worth);
    }

    function _markEquity(Account memory a, Frame memory f) internal view returns (int256) {
        return _equityAt(a, f, _worthAt(f.worth, 2 * skew));
    }

    function _exitEquity(Account memory a, Frame memory f) internal view returns (int256) {
        return _equityAt(a, f, _worthAt(f.worth, 2 * skew - a.size));
    }

    /// @dev [margin wad] What an account may rely on: it cannot count the premium that it pushed itself.
    function _lowerEquity(Account memory a, Frame memory f) internal view returns (int256) {
        return _markEquity(a, f).min(_exitEquity(a, f));
    }

    /// @dev [margin wad] at the mark.
    function _notionalUp(int256 size, Frame memory f) internal view returns (uint256) {
        return size.abs().fullMulDivUp(_worthAt(f.worth, 2 * skew).abs(), RAY);
    }

    function _requiredUp(int256 size, Frame memory f, bool initial) internal view returns (uint256) {
        uint256 ratio = initial ? marginRules.initialRatio : marginRules.maintenanceRatio;
        return _notionalUp(size, f).fullMulDivUp(ratio, WAD);
    }

    /// @dev [margin wad] of the pool with every position closed and all funding paid; rounded down.
    function _poolCapital(Frame memory f) internal view returns (int256) {
        int256 owed = _divUp(skew * _worthAt(f.worth, skew)) - totalEntryValue;
        int256 fundingOwed = _divUp(totalEntryFunding - skew * f.fundingIndex);
        return poolCash - owed - fundingOwed;
    }

    /// @dev [margin wad]
    function _poolBoundUp(int256 size, Frame memory f) internal view returns (uint256) {
        uint256 notional = size.abs().fullMulDivUp(f.worth.abs(), RAY);
        return notional.fullMulDivUp(limits.capitalRatio, WAD);
    }

    function _shortfall(Frame memory f) internal view returns (uint256 amount) {
        amount = IBackstop(backstop).shortfall();
        int256 capital = _poolCapital(f);
        if (capital < 0) amount += uint256(-capital);
    }

    /// @dev From [wad * ray] to [wad], towards plus infinity: what somebody owes.
    function _divUp(int256 x) internal pure returns (int256 z) {
        z = x / SIGNED_RAY;
        if (x > z * SIGNED_RAY) ++z;
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IPerpMarket
    function premium() public view override returns (int256) {
        uint256 part = skew.abs().fullMulDiv(WAD, limits.skewScale);
        return skew < 0 ? -int256(part) : int256(part);
    }

    /// @inheritdoc IPerpMarket
    function indexPrice() external view override returns (uint256 price) {
        (price,) = _index();
    }

    /// @inheritdoc IPerpMarket
    function markPrice() external view override returns (uint256) {
        (uint256 price,) = _index();
        return _priceOf(_worthAt(_worth(price), 2 * skew), false);
    }

    /// @inheritdoc IPerpMarket
    function fundingRate() external view override returns (int256) {
        (uint256 price,) = _index();
        return _rateOf(_fundingNow(_worth(price)), fundingRules, premium());
    }

    /// @inheritdoc IPerpMarket
    function previewFunding() external view override returns (int256) {
        return _frame().fundingIndex;
    }

    /// @inheritdoc IPerpMarket
    /// @dev An account without a position needs no price.
    function positionOf(address owner) external view override returns (int256, int256, int256, int256, uint256) {
        Account memory a = _account(owner);
        int256 due = a.size == 0 ? int256(0) : _fundingDueUp(a, _frame().fundingIndex);
        return (a.size, a.margin, a.entryValue, due, a.principal);
    }

    /// @inheritdoc IPerpMarket
    function equityOf(address owner) external view override returns (int256) {
        Account memory a = _account(owner);
        return a.size == 0 ? a.margin : _markEquity(a, _frame());
    }

    /// @inheritdoc IPerpMarket
    function exitEquityOf(address owner) external view override returns (int256) {
        Account memory a = _account(owner);
        return a.size == 0 ? a.margin : _exitEquity(a, _frame());
    }

    /// @inheritdoc IPerpMarket
    function marginOf(address owner, bool initial) external view override returns (uint256) {
        int256 size = accounts[owner].size;
        return size == 0 ? 0 : _requiredUp(size, _frame(), initial);
    }

    /// @inheritdoc IPerpMarket
    function notionalOf(address owner) external view override returns (uint256) {
        int256 size = accounts[owner].size;
        return size == 0 ? 0 : _notionalUp(size, _frame());
    }

    /// @inheritdoc IPerpMarket
    function orderOf(address owner) external view override returns (Order memory) {
        return orders[owner];
    }

    /// @inheritdoc IPerpMarket
    function openInterest() external view override returns (uint256, uint256) {
        return (longSize, shortSize);
    }

    /// @inheritdoc IPerpMarket
    function poolCapital() external view override returns (int256) {
        return _poolCapital(_frame());
    }

    /// @inheritdoc IPerpMarket
    function poolBound() external view override returns (uint256) {
        return _poolBoundUp(skew, _frame());
    }

    /// @inheritdoc IPerpMarket
    function poolFree() external view override returns (uint256) {
        return _poolFree(_frame());
    }

    /// @dev Nothing while anybody is owed what the market does not have; never more than is settled.
    function _poolFree(Frame memory f) internal view returns (uint256) {
        if (_shortfall(f) != 0) return 0;
        int256 free = _poolCapital(f) - int256(_poolBoundUp(skew, f));
        free = free.min(poolCash);
        return free > 0 ? uint256(free).min(marginToken.balanceOf(address(this)) * marginUnit) : 0;
    }

    /// @inheritdoc IPerpMarket
    function shortfall() external view override returns (uint256) {
        return _shortfall(_frame());
    }

    /// @inheritdoc IPerpMarket
    function marginConfig() external view override returns (MarginConfig memory) {
        return marginRules;
    }

    /// @inheritdoc IPerpMarket
    function feeConfig() external view override returns (FeeConfig memory) {
        return fees;
    }

    /// @inheritdoc IPerpMarket
    function limitConfig() external view override returns (LimitConfig memory) {
        return limits;
    }

    /// @inheritdoc IPerpMarket
    function orderConfig() external view override returns (OrderConfig memory) {
        return orderRules;
    }

    /// @inheritdoc IPerpMarket
    function fundingConfig() external view override returns (FundingConfig memory) {
        return fundingRules;
    }
}
