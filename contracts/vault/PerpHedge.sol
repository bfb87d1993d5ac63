// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";
import {StrategyBase} from "./StrategyBase.sol";

/// @title Spot held against a short position in a linear perpetual market; the asset is Dollar.
/// @notice With V the whole value, q the reserve, m the margin wanted and h the hedge ratio, a full restoration leaves
///
///     spot = (1 - q) V / (1 + m h),  short = h spot - aim,  margin = m short,  at hand = q V.
///
/// Delta is h spot - short. What lacks margin is first topped up from what is at hand. Where that is not enough, or spot
/// is off by more than `spotBand` of V, spot is sold or bought and the short follows: deleveraging. A keeper may have a
/// part of a correction of delta made in spot instead, by `data` = abi.encode(share [wad]): where the market takes no
/// more shorts, or has closed ours, that is the only way.
///
/// The position is valued at the index, not at the mark, so that nobody moves the price of a share by trading there; what
/// a fill costs against the index is the cost of the trade. Where orders are delayed, an order that is pending counts in
/// delta, and no other is made before it is filled or has expired.
abstract contract PerpHedge is StrategyBase {
    using FixedPointMathLib for uint256;
    using FixedPointMathLib for int256;
    using SafeTransferLib for address;

    struct Shape {
        uint256 margin; // [wad] m, of the short's notional
        uint256 reserve; // [wad] q, of the whole value
        uint256 spotBand; // [wad] of the whole value by which spot may be off
    }

    /// @dev Everything here at one moment.
    struct Book {
        uint256 spot; // [wad]
        uint256 spotPrice; // [wad]
        uint256 spotValue; // [Dollar wad]
        uint256 dollars; // [Dollar wad] at hand
        int256 size; // [asset wad] of the position
        int256 equity; // [Dollar wad] at the index
        uint256 index; // [wad]
        int256 pending; // [asset wad] of an order that is not filled
        uint256 value; // [Dollar wad] of all
        bool live;
    }

    /// @dev The account as last seen, for when the market has no price.
    struct Seen {
        int256 size; // [asset wad]
        int256 cash; // [Dollar wad] margin less entry value and funding due
    }

    uint256 private constant HIGHEST_MARGIN = 10e18; // [wad]
    uint256 private constant HIGHEST_RESERVE = 0.9e18; // [wad]
    uint256 private constant HIGHEST_BAND = 1e18; // [wad]

    address public immutable spotToken;
    IPrice public immutable spotFeed;
    IPerpMarket public immutable market;
    uint256 private immutable unit; // [wad] of the smallest unit of spot

    Shape private shape_;
    Seen private seen;

    event ShapeSet(Shape shape);

    /// @dev It is inverse, or its margin is not the vault's asset.
    error MarketMismatch(address market);

    constructor(
        address vault_,
        address dollar_,
        address spotToken_,
        IPrice spotFeed_,
        IPerpMarket market_,
        ConstantProductPool pool_,
        uint256 depthLoss_,
        Shape memory shape__
    ) StrategyBase(vault_, dollar_, pool_, depthLoss_) {
        if (market_.inverse() || market_.marginToken() != dollar_) {
            revert MarketMismatch(address(market_));
        }
        _requireWithin(_unitOf(dollar_), 1, 1);
        (spotToken, spotFeed, market, unit) = (spotToken_, spotFeed_, market_, _unitOf(spotToken_));
        _setShape(shape__);
        dollar_.safeApprove(address(pool_), type(uint256).max);
        dollar_.safeApprove(address(market_), type(uint256).max);
        spotToken_.safeApprove(address(pool_), type(uint256).max);
    }

    /// @param value margin within 10 and above the market's initial margin, reserve within 0.9, band within 1
    function setShape(Shape calldata value) external onlyOwner {
        _setShape(value);
    }

    // ------------------------------------------------------------------ views

    /// @return ratio [wad] short for one Dollar of spot
    function hedgeRatio() public view virtual returns (uint256 ratio);

    function shape() external view returns (Shape memory) {
        return shape_;
    }

    /// @inheritdoc IStrategy
    function totalValue() external view override returns (uint256) {
        return _book().value;
    }

    /// @inheritdoc IStrategy
    /// @dev Both legs are linear, so delta in Dollars doubles with the price: gamma is delta.
    function exposure() external view override returns (int256 delta, int256 gamma, int256 vega) {
        delta = _delta(_book());
        return (delta, delta, 0);
    }

    /// @inheritdoc IStrategy
    function targetDelta() external pure override returns (int256) {
        return 0;
    }

    /// @inheritdoc IStrategy
    /// @dev Equity over notional; 0 where nothing of it is left.
    function marginRatio() external view override returns (uint256) {
        Book memory b = _book();
        if (b.size == 0) return type(uint256).max;
        return b.equity <= 0 ? 0 : uint256(b.equity).fullMulDiv(WAD, _notional(b.size, b.index).max(1));
    }

    /// @inheritdoc IStrategy
    function referencePrice() external view override returns (uint256) {
        return _book().index;
    }

    /// @inheritdoc IStrategy
    function isLive() external view override returns (bool) {
        return _book().live;
    }

    /// @inheritdoc IStrategy
    function liquidity() external view override returns (uint256) {
        Book memory b = _book();
        (uint256 freeable, uint256 share) = _freeable(b);
        return b.dollars + freeable.fullMulDiv(share, WAD);
    }

    // ---------------------------------------------------------------- actions

    /// @inheritdoc IStrategy
    function rebalance(int256 aim, bytes calldata data) external override onlyVault returns (uint256 traded) {
        _dropExpired();
        Book memory b = _book();
        int256 change = _spotChange(b, aim, data.length == 0 ? 0 : abi.decode(data, (uint256)).min(WAD));
        if (change < 0) traded = _sell(uint256(-change).fullMulDiv(WAD, b.spotPrice) / unit, b.spotPrice);
        if (change > 0) traded = _buy(b, uint256(change));
        _setMargin(aim);
        traded += _setSize(aim);
        _remember();
    }

    /// @inheritdoc IStrategy
    function unwind(uint256 assets) external override onlyVault returns (uint256 freed) {
        _dropExpired();
        Book memory b = _book();
        (uint256 freeable, uint256 most) = _freeable(b);
        uint256 whole = b.dollars + freeable;
        uint256 share = whole == 0 ? WAD : assets.fullMulDivUp(WAD, whole).min(WAD);
        share = share.min(most);
        if (share != 0) {
            _sell(b.spot.fullMulDivUp(share, WAD).min(b.spot) / unit, b.spotPrice);
            int256 closed = -(b.size * int256(share) / int256(WAD));
            // There may be one order at a time: it must leave nothing to correct, or nobody could until it is gone.
            if (market.orderConfig().delay != 0) closed = _offset(_book(), 0);
            if (closed != 0) _trade(closed, b.index);
        }
        uint256 hand = asset.balanceOf(address(this));
        if (hand < assets) _withdraw(assets - hand);
        freed = assets.min(asset.balanceOf(address(this)));
        asset.safeTransfer(vault, freed);
        _remember();
    }

    // --------------------------------------------------------------- planning

    /// @dev [Dollar wad] by which spot should change: the part of the correction of delta that the keeper wants there, else
    /// to its place where it is off or margin lacks more than is at hand.
    function _spotChange(Book memory b, int256 aim, uint256 inSpot) private view returns (int256) {
        Shape memory s = shape_;
        uint256 h = hedgeRatio();
        uint256 wanted = b.value.fullMulDiv(WAD - s.reserve, WAD + s.margin.fullMulDiv(h, WAD));
        int256 restored = int256(wanted) - int256(b.spotValue);
        bool lacks = _lack(b, aim, h) > int256(b.dollars);
        if (inSpot != 0) {
            int256 change = (aim - _delta(b)) * int256(inSpot) / int256(h.max(1));
            if (lacks) change = change.min(restored); // margin comes first
            return change.max(-int256(b.spotValue)); // upwards, what can be paid is the bound
        }
        bool off = restored.abs() > b.value.fullMulDiv(s.spotBand, WAD);
        return off || lacks ? restored : int256(0);
    }

    /// @dev [Dollar wad] of margin that lacks once the short is what spot needs, negative for what is too much.
    function _lack(Book memory b, int256 aim, uint256 h) private view returns (int256) {
        int256 short = int256(b.spotValue.fullMulDiv(h, WAD)) - aim;
        return int256(short.abs().fullMulDivUp(shape_.margin, WAD)) - b.equity;
    }

    /// @dev [Dollar wad] that closing everything but what is at hand would free; [wad] the share of it that can be closed.
    function _freeable(Book memory b) private view returns (uint256 amount, uint256 share) {
        if (!b.live || b.pending != 0) return (0, 0);
        share = WAD;
        if (b.spot != 0) {
            uint256 depth = _depth(spotToken, b.spotPrice * unit) * unit;
            share = depth.fullMulDiv(WAD, b.spot).min(WAD);
        }
        uint256 cost = _closingCost(b);
        if (!_covers(false, cost)) return (0, 0); // the market would refuse: margin comes first
        amount = b.spotValue - b.spotValue.fullMulDivUp(depthLoss, WAD);
        if (b.equity > 0 && _covers(true, cost)) amount += _withdrawableAfterClosing(uint256(b.equity));
        amount = amount.zeroFloorSub(cost);
    }

    /// @dev Whether the account could close a part and be left with its initial or maintenance margin.
    function _covers(bool initial, uint256 cost) private view returns (bool) {
        return market.equityOf(address(this)) >= int256(market.marginOf(address(this), initial) + cost);
    }

    /// @dev [Dollar wad] of margin that closing the position would free.
    function _withdrawableAfterClosing(uint256 equity) private view returns (uint256) {
        if (market.withdrawalsPaused()) return 0;
        if (market.shortfall() == 0) return equity;
        (,,,, uint256 principal) = market.positionOf(address(this));
        return equity.min(principal);
    }

    /// @dev [Dollar wad] that closing the position costs against the index.
    function _closingCost(Book memory b) private view returns (uint256) {
        if (b.size == 0) return 0;
        (uint256 price, uint256 fee) = market.previewTrade(address(this), -b.size);
        int256 worse = b.size < 0 ? int256(price) - int256(b.index) : int256(b.index) - int256(price);
        return fee + (worse > 0 ? b.size.abs().fullMulDivUp(uint256(worse), WAD) : 0);
    }

    /// @dev [asset wad] of the position by which delta comes to `aim`.
    function _offset(Book memory b, int256 aim) private view returns (int256) {
        return (aim - _delta(b)) * int256(WAD) / int256(b.index);
    }

    /// @dev [Dollar wad]
    function _delta(Book memory b) private view returns (int256) {
        int256 short = (b.size + b.pending) * int256(b.index) / int256(WAD);
        return int256(b.spotValue.fullMulDiv(hedgeRatio(), WAD)) + short;
    }

    function _book() internal view returns (Book memory b) {
        bool spotFresh;
        bool indexFresh;
        (b.spotPrice, spotFresh) = _priceOf(spotFeed);
        (b.index, indexFresh) = _priceOf(market.indexFeed());
        b.spot = spotToken.balanceOf(address(this)) * unit;
        b.spotValue = b.spot.fullMulDiv(b.spotPrice, WAD);
        b.dollars = asset.balanceOf(address(this));
        IPerpMarket.Order memory o = market.orderOf(address(this));
        if (block.timestamp <= o.expiresAt) b.pending = o.sizeDelta;
        bool known;
        int256 cash;
        (b.size, cash, known) = _account();
        b.equity = cash + b.size * int256(b.index) / int256(WAD);
        b.value = b.spotValue + b.dollars + uint256(b.equity.max(0));
        b.live = spotFresh && indexFresh && known && !market.paused();
    }

    /// @dev [asset wad] size, [Dollar wad] cash, and whether the market could say.
    function _account() private view returns (int256 size, int256 cash, bool known) {
        try market.positionOf(address(this)) returns (
            int256 held, int256 margin, int256 entryValue, int256 due, uint256
        ) {
            return (held, margin - entryValue - due, true);
        } catch {
            return (seen.size, seen.cash, false);
        }
    }

    function _remember() private {
        (seen.size, seen.cash,) = _account();
    }

    function _notional(int256 size, uint256 index) private pure returns (uint256) {
        return size.abs().fullMulDivUp(index, WAD);
    }

    // ------------------------------------------------------------------ moves

    /// @return traded [Dollar wad] at the mid
    function _sell(uint256 quantity, uint256 price) private returns (uint256 traded) {
        _swap(spotToken, quantity);
        return (quantity * unit).fullMulDiv(price, WAD);
    }

    /// @dev For what is at hand, then for margin that is free.
    /// @return traded [Dollar wad]
    function _buy(Book memory b, uint256 amount) private returns (uint256 traded) {
        if (amount > b.dollars) _withdraw(amount - b.dollars);
        traded = amount.min(asset.balanceOf(address(this)));
        _swap(asset, traded);
    }

    /// @dev Tops margin up from what is at hand, or takes what is too much.
    function _setMargin(int256 aim) private {
        Book memory b = _book();
        int256 lack = _lack(b, aim, hedgeRatio());
        uint256 kept = b.value.fullMulDiv(shape_.reserve, WAD);
        // What is at hand beyond the reserve is margin too: nothing lies about.
        int256 spare = int256(b.dollars) - int256(kept);
        uint256 added = uint256(lack.max(spare).max(0)).min(b.dollars);
        if (added != 0) market.deposit(address(this), added);
        else if (lack < 0) _withdraw(uint256(-lack).min(kept.zeroFloorSub(b.dollars)));
    }

    /// @dev What the market lets go.
    function _withdraw(uint256 amount) private {
        amount = amount.min(market.withdrawable(address(this)));
        if (amount != 0) market.withdraw(amount, address(this));
    }

    /// @return traded [Dollar wad] at the index
    function _setSize(int256 aim) private returns (uint256 traded) {
        Book memory b = _book();
        if (b.pending != 0) return 0;
        int256 change = _offset(b, aim);
        if (change == 0) return 0;
        _trade(change, b.index);
        return _notional(change, b.index);
    }

    /// @dev Filled at once, the vault bounds what it costs; as an order it carries a bound of its own.
    function _trade(int256 change, uint256 index) private {
        uint256 limit = change > 0 ? type(uint256).max : 0;
        if (market.orderConfig().delay != 0) {
            uint256 room = index.fullMulDiv(depthLoss, WAD);
            limit = change > 0 ? index + room : index - room;
        }
        market.trade(change, limit);
    }

    function _dropExpired() private {
        IPerpMarket.Order memory o = market.orderOf(address(this));
        if (o.sizeDelta != 0 && block.timestamp > o.expiresAt) market.cancelOrder(address(this));
    }

    function _setShape(Shape memory value) private {
        _requireWithin(value.margin, market.marginConfig().initialRatio, HIGHEST_MARGIN);
        _requireWithin(value.reserve, 0, HIGHEST_RESERVE);
        _requireWithin(value.spotBand, 0, HIGHEST_BAND);
        shape_ = value;
        emit ShapeSet(value);
    }
}
