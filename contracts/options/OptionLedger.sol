// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IExpiryPrice} from "../interfaces/IExpiryPrice.sol";
import {IOptionKind} from "../interfaces/IOptionKind.sol";
import {IOptionMarket} from "../interfaces/IOptionMarket.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {Bounded} from "../math/Bounded.sol";
import {OptionId} from "./OptionId.sol";

/// @title The books of an option market: what is stored, what it is worth and what it binds.
///
/// @notice At every moment, to the last digit,
///
///     accounts' money + positions' collateral + pool's cash + insurance fund = tokens held
///
/// and the base of positions, of accounts and of the pool is the base held. The pool holds the opposite of everybody.
abstract contract OptionLedger is IOptionMarket, Bounded {
    using FixedPointMathLib for *;
    using SafeCastLib for *;
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;
    uint256 internal constant MOST_SERIES = 64;

    struct Packed {
        int128 size;
        uint128 collateral;
        uint128 base;
    }

    struct Guarantee {
        bool known;
        uint128 credit; // [margin wad]
    }

    address public immutable override marginToken;
    uint256 public immutable override marginUnit;
    address public immutable override baseToken;
    uint256 public immutable baseUnit; // [wad] of the smallest amount of base
    IVolSurface public immutable override surface;
    IExpiryPrice public immutable override expiryPrice;

    mapping(address account => int256) internal cash; // [margin wad]
    mapping(address account => mapping(uint256 id => Packed)) internal positions;
    mapping(uint256 id => Series) internal seriesById;
    mapping(uint256 key => int256) internal inventory; // [size wad] by strike, or by series of other kinds
    mapping(address account => uint256) public override baseOf; // [base wad] that settlement freed
    mapping(address account => Guarantee) public guaranteeOf;
    mapping(uint256 kind => IOptionKind) public override kindOf;
    uint256[] internal ids;

    address public pool;
    int256 public poolCash; // [margin wad]
    uint256 public poolBase; // [base wad]
    uint256 public fund; // [margin wad]
    uint256 public totalReserve; // [margin wad] bound for what the pool has sold
    uint256 public owedTotal; // [margin wad] to longs of frozen series
    uint256 public shortsUnsettled; // [size wad] of frozen series
    uint256 public unpaidTotal; // [margin wad] that longs lost at settlement, ever

    QuoteConfig internal quotes;
    MarginConfig internal marginRules;
    LimitConfig internal limits;

    constructor(address token, address base, IVolSurface surface_, IExpiryPrice expiryPrice_) {
        (uint256 decimals, uint256 baseDecimals) = (IDecimals(token).decimals(), IDecimals(base).decimals());
        _requireWithin(decimals, 6, 18);
        _requireWithin(baseDecimals, 6, 18);
        (marginToken, marginUnit) = (token, 10 ** (18 - decimals));
        (baseToken, baseUnit) = (base, 10 ** (18 - baseDecimals));
        (surface, expiryPrice) = (surface_, expiryPrice_);
    }

    // ----------------------------------------------------------------- values

    /// @dev [wad] of one option at a factor of the surface's volatility.
    function _value(uint256 id, uint256 factor) internal view returns (uint256) {
        (uint256 expiry, uint256 strike, uint256 kind) = OptionId.unpack(id);
        if (kind > OptionId.PUT) return kindOf[kind].value(id, surface.termsOf(strike, expiry, factor));
        (uint256 call, uint256 put) = surface.pricesOf(strike, expiry, factor);
        return kind == OptionId.CALL ? call : put;
    }

    /// @dev Inventory is that of a strike, as a call and a put of it answer to volatility alike.
    function _key(uint256 id) internal pure returns (uint256) {
        return uint8(id) > OptionId.PUT ? id : id >> 8;
    }

    /// @dev The fill of a trade: at the shift after it, with the spread. What other kinds answer to volatility is not
    /// known, so they fill at the worst of both ends and the middle.
    /// @return price [wad] for each option
    /// @return factor [wad]
    function _quote(uint256 id, int256 sizeDelta) internal view returns (uint256 price, uint256 factor) {
        int256 net = inventory[_key(id)] + sizeDelta;
        int256 most = int256(quotes.maxShift);
        int256 shift = (net * 1e18 / int256(quotes.depth)).clamp(-most, most);
        int256 spread = int256(quotes.volatilitySpread);
        if (uint8(id) > OptionId.PUT) return (_worst(id, sizeDelta > 0, shift.abs() + uint256(spread)), WAD);
        factor = uint256(1e18 + shift + (sizeDelta > 0 ? spread : -spread));
        price = _value(id, factor);
        if (sizeDelta > 0) ++price;
    }

    function _worst(uint256 id, bool buys, uint256 width) private view returns (uint256 price) {
        (uint256 low, uint256 middle, uint256 high) =
            (_value(id, WAD - width), _value(id, WAD), _value(id, WAD + width));
        return buys ? low.max(middle).max(high) + 1 : low.min(middle).min(high);
    }

    /// @dev [margin wad] for a trade at a price.
    function _feeUp(uint256 price, uint256 size) internal view returns (uint256) {
        uint256 unit = surface.spot().fullMulDivUp(quotes.tradeFee, WAD).min(price.fullMulDivUp(quotes.feeCap, WAD));
        return unit.fullMulDivUp(size, WAD);
    }

    // ----------------------------------------------------------------- margin

    /// @dev [size wad] of what is written that no base covers.
    function _uncovered(uint256 id, int256 size, uint256 base) internal pure returns (uint256) {
        if (size >= 0) return 0;
        return uint8(id) == OptionId.CALL ? size.abs().zeroFloorSub(base) : size.abs();
    }

    /// @dev [margin wad] of collateral for what is written and not covered.
    function _requiredUp(uint256 id, int256 size, uint256 base, bool initial) internal view returns (uint256) {
        uint256 open = _uncovered(id, size, base);
        return open == 0 ? 0 : open.fullMulDivUp(unitMargin(id, initial), WAD);
    }

    /// @inheritdoc IOptionMarket
    function unitMargin(uint256 id, bool initial) public view override returns (uint256) {
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        uint256 spot = surface.spot();
        bool isCall = kind == OptionId.CALL;
        uint256 lesser = isCall ? spot : spot.min(strike);
        uint256 part;
        if (initial) {
            uint256 away = isCall ? strike.zeroFloorSub(spot) : spot.zeroFloorSub(strike);
            part = spot.fullMulDivUp(marginRules.initialRatio, WAD).zeroFloorSub(away);
            part = part.max(lesser.fullMulDivUp(marginRules.minimumRatio, WAD));
        } else {
            part = lesser.fullMulDivUp(marginRules.maintenanceRatio, WAD);
        }
        uint256 unit = _value(id, WAD) + part + 1;
        return isCall ? unit : unit.min(kind == OptionId.PUT ? strike : kindOf[kind].mostPaid(id));
    }

    // ------------------------------------------------------------------- books

    function _load(address account, uint256 id) internal view returns (Position memory p) {
        Packed storage s = positions[account][id];
        (p.size, p.collateral, p.base) = (s.size, s.collateral, s.base);
    }

    function _save(address account, uint256 id, Position memory p) internal {
        positions[account][id] = Packed(p.size.toInt128(), p.collateral.toUint128(), p.base.toUint128());
        emit PositionChanged(account, id, p.size, p.collateral, p.base);
    }

    /// @dev Moves the size of a position with every total that it is part of.
    function _moveSize(uint256 id, Position memory p, int256 sizeDelta) internal {
        Series storage s = seriesById[id];
        uint256 bound = _reserveOf(s);
        int256 then_ = p.size + sizeDelta;
        s.longs = s.longs + _positive(then_) - _positive(p.size);
        s.shorts = s.shorts + _positive(-then_) - _positive(-p.size);
        inventory[_key(id)] += sizeDelta;
        totalReserve = totalReserve + _reserveOf(s) - bound;
        p.size = then_;
    }

    /// @dev [margin wad] bound for what the pool has sold of a series.
    function _reserveOf(Series storage s) internal view returns (uint256) {
        return s.longs.zeroFloorSub(s.shorts).fullMulDivUp(s.reserve, WAD);
    }

    function _positive(int256 x) internal pure returns (uint256) {
        return x > 0 ? uint256(x) : 0;
    }

    function _toFund(uint256 amount) internal {
        if (amount == 0) return;
        fund += amount;
        emit FundChanged(int256(amount), fund);
    }

    function _fromFund(uint256 amount) internal {
        if (amount == 0) return;
        fund -= amount;
        emit FundChanged(-int256(amount), fund);
    }

    function _toPool(int256 amount) internal {
        if (amount == 0) return;
        poolCash += amount;
        emit PoolChanged(amount, poolCash);
    }

    /// @dev A token that takes a fee on the way is refused: the books would run ahead of the balance.
    function _pull(address token, uint256 unit, address payer, uint256 amount) internal returns (uint256 pulled) {
        uint256 units = amount / unit;
        pulled = units * unit;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(payer, address(this), units);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != units) revert TransferShort(received, units);
    }

    // ------------------------------------------------------------------- pool

    /// @dev [margin wad] of the pool with every series at its mark, rounded down.
    function _poolCapital() internal view returns (int256 capital) {
        capital = poolCash;
        if (poolBase != 0) capital += int256(poolBase.fullMulDiv(_basePrice(), WAD));
        (uint256[] memory plain, int256[] memory sizes) = (new uint256[](ids.length), new int256[](ids.length));
        uint256 count;
        for (uint256 i; i < ids.length; ++i) {
            Series storage s = seriesById[ids[i]];
            int256 sold = int256(s.longs) - int256(s.shorts);
            if (sold == 0) continue;
            if (s.frozen || uint8(ids[i]) > OptionId.PUT) capital -= _timesUp(sold, markOf(ids[i]));
            else (plain[count], sizes[count++]) = (ids[i], sold);
        }
        if (count == 0) return capital;
        assembly ("memory-safe") {
            mstore(plain, count)
            mstore(sizes, count)
        }
        capital -= surface.shockedValues(plain, sizes, new IVolSurface.Shock[](1))[0] + 1;
    }

    /// @dev [margin wad] towards plus infinity.
    function _timesUp(int256 size, uint256 price) internal pure returns (int256) {
        return
            size > 0 ? int256(uint256(size).fullMulDivUp(price, WAD)) : -int256(uint256(-size).fullMulDiv(price, WAD));
    }

    /// @dev [wad] at which the pool sells base.
    function _basePrice() internal view returns (uint256) {
        return surface.spot().fullMulDivUp(WAD - limits.baseDiscount, WAD);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IOptionMarket
    function markOf(uint256 id) public view override returns (uint256) {
        Series storage s = seriesById[id];
        if (!s.listed) revert NotListed(id);
        return s.frozen ? s.payoff : _value(id, WAD);
    }

    /// @inheritdoc IOptionMarket
    function cashOf(address account) external view override returns (int256) {
        return cash[account];
    }

    /// @inheritdoc IOptionMarket
    function positionOf(address account, uint256 id) external view override returns (Position memory) {
        return _load(account, id);
    }

    /// @inheritdoc IOptionMarket
    function seriesOf(uint256 id) external view override returns (Series memory) {
        return seriesById[id];
    }

    /// @inheritdoc IOptionMarket
    function series() external view override returns (uint256[] memory) {
        return ids;
    }

    /// @inheritdoc IOptionMarket
    function inventoryOf(uint256 id) external view override returns (int256) {
        return inventory[_key(id)];
    }

    /// @inheritdoc IOptionMarket
    function requiredOf(address account, uint256 id, bool initial) external view override returns (uint256) {
        if (guaranteeOf[account].known) return 0;
        Packed storage p = positions[account][id];
        return _requiredUp(id, p.size, p.base, initial);
    }

    /// @inheritdoc IOptionMarket
    function poolCapital() external view override returns (int256) {
        return _poolCapital();
    }

    /// @inheritdoc IOptionMarket
    function poolFree() external view override returns (uint256) {
        return _poolFree();
    }

    function _poolFree() internal view returns (uint256) {
        int256 bound = int256(totalReserve + owedTotal);
        int256 free = (poolCash - bound).min(_poolCapital());
        return free > 0 ? uint256(free).min(marginToken.balanceOf(address(this)) * marginUnit) : 0;
    }

    /// @inheritdoc IOptionMarket
    function shortfall() external view override returns (uint256) {
        return _positive(-_poolCapital() - int256(fund));
    }

    /// @return quotes [as IOptionMarket.QuoteConfig]
    function quoteConfig() external view returns (QuoteConfig memory) {
        return quotes;
    }

    /// @return margin [as IOptionMarket.MarginConfig]
    function marginConfig() external view returns (MarginConfig memory) {
        return marginRules;
    }

    /// @inheritdoc IOptionMarket
    function limitConfig() external view override returns (LimitConfig memory) {
        return limits;
    }
}
