// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IOptionMarket} from "../interfaces/IOptionMarket.sol";
import {IOverlay} from "../interfaces/IOverlay.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";
import {OptionId} from "../options/OptionId.sol";
import {OverlayPlan} from "./OverlayPlan.sol";
import {StrategyBase} from "./StrategyBase.sol";

/// @title Spot, or money, with options over it that are rolled; the asset is Dollar.
/// @notice The legs make it what it is: a put bought for each unit of spot protects it, a call written as well makes a
/// collar, one alone a covered call; a put written on money alone is secured by it. Each leg is rolled by schedule, all
/// of them when the price has moved too far. Written calls are covered by spot as far as it reaches, other written
/// options by collateral that is kept at `cover` times the initial margin.
///
/// A roll takes what expired, values everything, and plans anew: series, sizes and the spot that goes with them
/// (OverlayPlan). A keeper may choose the series within bounds, by `data` = abi.encode(uint256[] ids), zero for a leg that
/// is left to the contract. Between rolls new money widens everything alike, legs that make gamma or vega nothing are
/// sized again, collateral is restored, and where `hedged` says so spot is moved to bring delta to its target; it is
/// then free to be sold and covers no calls.
///
/// Options count at the mark, the surface's volatility without spread or inventory, and after expiry at what settling
/// pays; where the market cannot say, at what exercising would be worth at the last price, and nothing is live.
contract Overlay is StrategyBase, IOverlay {
    using FixedPointMathLib for uint256;
    using FixedPointMathLib for int256;
    using SafeTransferLib for address;

    /// @dev Everything here at one moment.
    struct Book {
        uint256 price; // [wad]
        uint256 loose; // [asset wad] of spot that covers nothing
        uint256 spot; // [asset wad] of all
        uint256 hand; // [Dollar wad] at hand
        uint256 money; // [Dollar wad] of all, collateral included
        int256 options; // [Dollar wad]
        uint256 written; // [Dollar wad] of them, what those that were written are worth to others
        uint256 value; // [Dollar wad] of all
        bool live;
    }

    uint256 private constant MOST_LEGS = 6;
    uint256 private constant HIGHEST_PLACE = 10e18; // [wad]
    uint256 private constant LONGEST_TENOR = 400 days;
    uint256 private constant HIGHEST_WEIGHT = 10e18; // [wad]
    uint256 private constant HIGHEST_RESERVE = 0.9e18; // [wad]
    uint256 private constant HIGHEST_COVER = 100e18; // [wad]
    uint256 private constant MOST_ROUNDS = 8;
    uint256 private constant DUST_PART = 100; // one in so many of a size

    address public immutable spotToken;
    IOptionMarket public immutable market;
    OverlayPlan public immutable plans;
    uint256 private immutable unit; // [wad] of the smallest unit of spot

    Leg[] private legs_;
    Shape private shape_;
    Rolls private rolls_;

    uint256[] private ids; // of the series of each leg, 0 before the first roll
    int256[] private planned; // [wad] options of each leg for one unit, as planned at its last roll
    uint256 public units; // [asset wad]
    uint256 public rolledPrice; // [wad] when all legs were rolled last
    uint256 public rollCount;
    uint256 public newMoney; // [Dollar wad] that the vault brought and that waits to be put to work

    constructor(
        address vault_,
        address dollar_,
        OverlayPlan plans_,
        ConstantProductPool pool_,
        uint256 depthLoss_,
        Leg[] memory legs__,
        Shape memory shape__,
        Rolls memory rolls__
    ) StrategyBase(vault_, dollar_, pool_, depthLoss_) {
        (plans, market) = (plans_, plans_.market());
        spotToken = market.baseToken();
        if (market.marginToken() != dollar_) revert MarketMismatch(address(market));
        _requireWithin(_unitOf(dollar_), 1, 1);
        unit = _unitOf(spotToken);
        _setLegs(legs__);
        _setShape(shape__);
        _setRolls(rolls__);
        dollar_.safeApprove(address(pool_), type(uint256).max);
        dollar_.safeApprove(address(market), type(uint256).max);
        spotToken.safeApprove(address(pool_), type(uint256).max);
        spotToken.safeApprove(address(market), type(uint256).max);
    }

    /// @param value spot within 10, reserve within 0.9, cover from 1 to 100, growth within 1, target within 1 either way
    function setShape(Shape calldata value) external onlyOwner {
        _setShape(value);
    }

    /// @param value ahead and tenorRoom below the shortest tenor, move and placeRoom within 1, budget within 1
    function setRolls(Rolls calldata value) external onlyOwner {
        _setRolls(value);
    }

    // ------------------------------------------------------------------ views

    function legs() external view returns (Leg[] memory) {
        return legs_;
    }

    function shape() external view returns (Shape memory) {
        return shape_;
    }

    function rolls() external view returns (Rolls memory) {
        return rolls_;
    }

    /// @return series of each leg
    /// @return sizes [size wad]
    function held() public view returns (uint256[] memory series, int256[] memory sizes) {
        series = ids;
        sizes = plans.sizesOf(address(this), series);
    }

    /// @notice What is left at the worst price at the legs' expiry, if nothing is done before and everybody pays.
    /// @return [Dollar wad]
    function floor() public view returns (uint256) {
        Book memory b = _book();
        (uint256[] memory series, int256[] memory sizes) = held();
        return plans.floorOf(series, sizes, b.spot, b.money);
    }

    /// @return whether legs would be rolled now
    function rollDue() external view returns (bool) {
        return _anyDue(_due(_book()));
    }

    /// @inheritdoc IStrategy
    function totalValue() external view override returns (uint256) {
        return _book().value;
    }

    /// @inheritdoc IStrategy
    function exposure() external view override returns (int256 delta, int256 gamma, int256 vega) {
        return _exposure(_book());
    }

    /// @inheritdoc IStrategy
    function targetDelta() external view override returns (int256) {
        return shape_.targetDelta;
    }

    /// @inheritdoc IStrategy
    /// @dev The least of collateral over maintenance margin among written options that may lose more than they have.
    function marginRatio() external view override returns (uint256) {
        if (units != 0 && _anyDue(_due(_book()))) return 0;
        return plans.marginRatio(address(this), ids);
    }

    /// @inheritdoc IStrategy
    function referencePrice() external view override returns (uint256 price) {
        (price,) = plans.priceNow();
    }

    /// @inheritdoc IStrategy
    function isLive() external view override returns (bool) {
        return _book().live;
    }

    /// @inheritdoc IStrategy
    function liquidity() external view override returns (uint256) {
        Book memory b = _book();
        (uint256 freeable, uint256 share) = _freeable(b);
        return b.hand + freeable.fullMulDiv(share, WAD);
    }

    // ---------------------------------------------------------------- actions

    /// @inheritdoc IStrategy
    function deploy(uint256 assets) external override onlyVault {
        newMoney += assets;
    }

    /// @inheritdoc IStrategy
    function rebalance(int256 aim, bytes calldata data) external override onlyVault returns (uint256 traded) {
        _takeHome();
        Book memory b = _book();
        bool[] memory due = _due(b);
        if (_anyDue(due)) {
            traded = _roll(due, data);
        } else {
            // First, as nothing more can be written on what has less than its initial margin.
            traded = _restoreCollateral(b.price);
            traded += _widen(_book());
        }
        traded += _neutralise(b.price) + _restoreCollateral(b.price);
        if (shape_.hedged) traded += _hedge(aim);
    }

    /// @inheritdoc IStrategy
    function unwind(uint256 assets) external override onlyVault returns (uint256 freed) {
        _takeHome();
        Book memory b = _book();
        (uint256 freeable, uint256 most) = _freeable(b);
        uint256 whole = b.hand + freeable;
        uint256 share = whole == 0 ? WAD : assets.fullMulDivUp(WAD, whole).min(WAD);
        share = share.min(most);
        if (share != 0) {
            _closeAll(share, b);
            newMoney -= newMoney.fullMulDiv(share, WAD);
        }
        uint256 hand = asset.balanceOf(address(this));
        if (hand < assets && share != 0) _sellFor(assets - hand);
        freed = assets.min(asset.balanceOf(address(this)));
        asset.safeTransfer(vault, freed);
    }

    // ------------------------------------------------------------------- book

    function _book() private view returns (Book memory b) {
        OverlayPlan.Holding memory h = plans.holdingOf(address(this), ids);
        (b.price, b.live, b.options, b.written) = (h.price, h.live, h.options, h.written);
        b.hand = asset.balanceOf(address(this));
        b.loose = spotToken.balanceOf(address(this)) * unit;
        (b.spot, b.money) = (b.loose + h.base, b.hand + h.money);
        int256 value = int256(b.spot.fullMulDiv(b.price, WAD) + b.money) + b.options;
        if (value > 0) b.value = uint256(value);
    }

    /// @dev delta and gamma as IStrategy says: delta in Dollars doubles with the price, and options bend it.
    function _exposure(Book memory b) private view returns (int256 delta, int256 gamma, int256 vega) {
        delta = int256(b.spot);
        if (b.live) {
            (uint256[] memory series, int256[] memory sizes) = held();
            (int256 ofOptions, int256 bend, int256 sensitivity) = plans.greeksOf(series, sizes);
            (delta, gamma, vega) = (delta + ofOptions, bend, sensitivity);
        }
        delta = delta * int256(b.price) / int256(WAD);
        gamma = delta + gamma * int256(b.price) / int256(WAD);
    }

    // ------------------------------------------------------------------- roll

    /// @dev Which legs are to be rolled, all of them where nothing stands for anything yet. One that expires within the
    /// market's cutoff waits for its settlement, and all wait while the market keeps the money that would pay for them.
    function _due(Book memory b) private view returns (bool[] memory due) {
        due = new bool[](ids.length);
        if (market.withdrawalsPaused()) return due;
        Rolls memory r = rolls_;
        bool whole = units == 0 || (r.move != 0 && _hasMoved(b.price, r.move));
        for (uint256 i; i < due.length; ++i) {
            uint256 expiry = ids[i] >> 136;
            bool early = whole || (r.ahead != 0 && block.timestamp + r.ahead >= expiry);
            due[i] = expiry <= block.timestamp || (early && _isTraded(expiry));
        }
    }

    function _hasMoved(uint256 price, uint256 move) private view returns (bool) {
        return price.dist(rolledPrice) >= rolledPrice.fullMulDiv(move, WAD);
    }

    function _isTraded(uint256 expiry) private view returns (bool) {
        return block.timestamp + market.limitConfig().cutoff <= expiry;
    }

    function _anyDue(bool[] memory due) private pure returns (bool any) {
        for (uint256 i; i < due.length; ++i) {
            any = any || due[i];
        }
    }

    function _roll(bool[] memory due, bytes calldata data) private returns (uint256 traded) {
        bool all = true;
        for (uint256 i; i < due.length; ++i) {
            if (due[i] && ids[i] != 0) {
                traded += _close(i, WAD);
                due[i] = _sizeOf(ids[i]) == 0; // what could not be closed whole stays until it can
            }
            all = all && due[i];
        }
        if (!all && units == 0) return traded; // nothing says how much of some legs alone there should be
        Book memory b = _book();
        uint256 move = rolls_.move;
        if (all || (move != 0 && _hasMoved(b.price, move))) rolledPrice = b.price;
        OverlayPlan.Plan memory p = plans.plan(_request(b, due, all ? 0 : units, data));
        uint256 cost = plans.costOf(p.ids, p.sizes);
        if (all) {
            (units, newMoney) = (p.units, 0);
            if (!shape_.hedged) traded += _setSpot(b, p.units.fullMulDiv(shape_.spot, WAD), cost);
        } else if (cost > b.hand) {
            traded += _shrink(b, cost);
            b = _book();
            p = plans.plan(_request(b, due, units, data));
        }
        ++rollCount;
        int256 premium;
        for (uint256 i; i < due.length; ++i) {
            if (!due[i]) continue;
            ids[i] = p.ids[i];
            planned[i] = units == 0 ? int256(0) : p.sizes[i] * 1e18 / int256(units);
            int256 paid = _openLeg(i, p.sizes[i], premium);
            premium += paid;
            int256 size = _sizeOf(ids[i]);
            traded += _notional(size, b.price);
            emit LegOpened(rollCount, i, ids[i], size);
        }
        emit Rolled(rollCount, units, _book().value, floor(), premium);
    }

    function _request(Book memory b, bool[] memory due, uint256 kept, bytes calldata data)
        private
        view
        returns (OverlayPlan.Request memory r)
    {
        (r.legs, r.shape, r.rolls) = (legs_, shape_, rolls_);
        (r.value, r.price, r.units, r.due, r.held) = (b.value, b.price, kept, due, ids);
        if (data.length != 0) r.proposed = abi.decode(data, (uint256[]));
        if (r.proposed.length != 0) _requireWithin(r.proposed.length, due.length, due.length);
    }

    function _openLeg(uint256 i, int256 size, int256 spent) private returns (int256 paid) {
        if (legs_[i].size == Size.Premium && size != 0) size = plans.financed(ids[i], size, spent);
        return _open(ids[i], size);
    }

    /// @dev Fewer units, so that what is at hand then pays for legs that cost as much for all of them.
    function _shrink(Book memory b, uint256 cost) private returns (uint256 traded) {
        (uint256 freeable, uint256 most) = _freeable(b);
        uint256 share = (cost - b.hand).fullMulDivUp(WAD, cost + freeable).min(most);
        if (share == 0) return 0;
        _closeAll(share, b);
        return b.spot.fullMulDiv(share, WAD).fullMulDiv(b.price, WAD);
    }

    /// @dev Spot to a quantity, what is bought bounded by what is at hand and not kept.
    function _setSpot(Book memory b, uint256 wanted, uint256 kept) private returns (uint256 traded) {
        if (wanted < b.spot) return _sellSpot((b.spot - wanted).min(b.loose), b.price);
        return _buySpot(wanted - b.spot, b.price, kept);
    }

    // ------------------------------------------------------------ between rolls

    /// @dev Puts new money to work, everything widened alike, the reserve kept and what is bought to protect paid for
    /// before spot. What is written brings money only once the rest is paid for, so a part may stay for the next time.
    function _widen(Book memory b) private returns (uint256 traded) {
        uint256 spare = newMoney.min(b.hand.zeroFloorSub(b.value.fullMulDiv(shape_.reserve, WAD)));
        if (spare <= b.value.fullMulDiv(shape_.growth, WAD) || spare >= b.value) return 0;
        uint256 there = b.value - spare;
        uint256 more = spare.fullMulDiv(WAD, there + b.written); // [wad] of what there is
        uint256 wide = units + units.fullMulDiv(more, WAD);
        (uint256[] memory series, int256[] memory added) = held();
        for (uint256 i; i < series.length; ++i) {
            if (!_isTraded(series[i] >> 136)) return 0;
            // Not what there is times more: of a vault that was too small for a leg there is none.
            int256 change = planned[i] * int256(wide) / 1e18 - added[i];
            added[i] = planned[i] > 0 ? change.max(0) : planned[i] < 0 ? change.min(0) : int256(0);
        }
        (units, newMoney) = (wide, spare - there.fullMulDiv(more, WAD).min(spare));
        if (!shape_.hedged) {
            traded = _buySpot(b.spot.fullMulDiv(more, WAD), b.price, plans.costOf(series, added));
        }
        for (uint256 i; i < series.length; ++i) {
            _open(series[i], added[i]);
            traded += _notional(added[i], b.price);
        }
    }

    /// @dev Sizes the legs anew that make gamma or vega nothing.
    function _neutralise(uint256 price) private returns (uint256 traded) {
        for (uint256 i; i < ids.length; ++i) {
            Leg memory leg = legs_[i];
            if (leg.size != Size.Gamma && leg.size != Size.Vega) continue;
            if (ids[i] == 0 || !_isTraded(ids[i] >> 136)) continue;
            (uint256[] memory series, int256[] memory sizes) = held();
            int256 most = leg.weight * int256(units) / int256(WAD);
            int256 change = plans.neutral(series, sizes, i, leg.size == Size.Gamma, most) - sizes[i];
            if (change > 0) _open(ids[i], change);
            else if (change < 0) _sellLong(ids[i], uint256(-change));
            traded += _notional(change, price);
        }
    }

    /// @dev Tops collateral up to what is wanted, takes back what is far too much, and closes what is not affordable.
    function _restoreCollateral(uint256 price) private returns (uint256 traded) {
        for (uint256 i; i < ids.length; ++i) {
            uint256 hand = asset.balanceOf(address(this));
            (uint256 bought, int256 change) = plans.restoring(address(this), ids[i], shape_.cover, hand);
            if (bought == 0 && change == 0) continue;
            _payIn(bought != 0 ? hand : change > 0 ? uint256(change) : 0);
            if (bought != 0) _trade(ids[i], int256(bought), change, 0);
            else market.adjust(ids[i], change, 0);
            _takeCash();
            traded += _notional(int256(bought), price);
        }
    }

    /// @dev Spot is moved to where delta is the aim.
    function _hedge(int256 aim) private returns (uint256) {
        Book memory b = _book();
        (int256 delta,,) = _exposure(b);
        uint256 change = (aim - delta).abs().fullMulDiv(WAD, b.price);
        return aim > delta ? _buySpot(change, b.price, 0) : _sellSpot(change.min(b.loose), b.price);
    }

    // ----------------------------------------------------------------- options

    /// @dev Buys or writes, as much as what is at hand pays for.
    /// @return paid [Dollar wad] fees included, negative for received
    function _open(uint256 id, int256 size) private returns (int256 paid) {
        uint256 least = market.limitConfig().minSize;
        if (size == 0 || size.abs() < least) return 0;
        uint256 price = plans.unitPrice(id, size);
        if (size < 0) return _write(id, uint256(-size), least) * int256(price) / -1e18;
        uint256 amount = uint256(size).min(asset.balanceOf(address(this)).fullMulDiv(WAD, price + 2));
        if (amount < least) return 0;
        _payIn(amount.fullMulDivUp(price + 1, WAD));
        _trade(id, int256(amount), 0, 0);
        return int256(amount.fullMulDivUp(price, WAD));
    }

    /// @dev Covered by spot as far as it reaches, then by collateral as far as there is money.
    /// @return written [size wad]
    function _write(uint256 id, uint256 size, uint256 least) private returns (int256 written) {
        uint256 each = plans.collateralFor(id, shape_.cover) + 1;
        bool coverable = uint8(id) == OptionId.CALL && !shape_.hedged;
        uint256 covered = coverable ? size.min(spotToken.balanceOf(address(this)) * unit) : 0;
        covered -= covered % unit;
        uint256 open = (size - covered).min(asset.balanceOf(address(this)).fullMulDiv(WAD, each));
        if (open < size / DUST_PART) open = 0; // what rounding or a swap took from the cover
        if (covered + open < least) return 0;
        uint256 posted = open.fullMulDiv(each, WAD);
        _payIn(posted);
        written = int256(covered + open);
        _trade(id, -written, int256(posted), int256(covered));
        _takeCash();
    }

    /// @dev Closes a share of everything, what brings money first, and of the units.
    function _closeAll(uint256 share, Book memory b) private {
        uint256 kept = b.spot - b.spot.fullMulDivUp(share, WAD).min(b.spot);
        (uint256[] memory series, int256[] memory sizes) = held();
        for (uint256 i; i < series.length; ++i) {
            if (sizes[i] > 0) _sellLong(series[i], uint256(sizes[i]).fullMulDivUp(share, WAD));
        }
        if (b.loose != 0) _sellSpot((b.spot - kept).min(b.loose), b.price);
        for (uint256 i; i < series.length; ++i) {
            if (sizes[i] < 0) _closeShort(series[i], share, b.price);
        }
        uint256 loose = spotToken.balanceOf(address(this)) * unit;
        uint256 spot = _book().spot;
        if (spot > kept) _sellSpot((spot - kept).min(loose), b.price);
        units -= units.fullMulDiv(share, WAD);
    }

    /// @return traded [Dollar wad] at the price
    function _close(uint256 i, uint256 share) private returns (uint256 traded) {
        int256 size = _sizeOf(ids[i]);
        if (size == 0) return 0;
        (uint256 price,) = plans.priceNow();
        if (size < 0) return _closeShort(ids[i], share, price);
        _sellLong(ids[i], uint256(size).fullMulDivUp(share, WAD));
        return _notional(size, price);
    }

    function _sellLong(uint256 id, uint256 amount) private {
        amount = _closable(id, amount);
        if (amount == 0) return;
        _trade(id, -int256(amount), 0, 0);
        _takeCash();
    }

    /// @dev Bought back with what is at hand and the collateral that comes free, and, where spot covers it, in rounds: what
    /// each frees pays for the next.
    function _closeShort(uint256 id, uint256 share, uint256 price) private returns (uint256 traded) {
        uint256 left = _closable(id, _sizeOf(id).abs().fullMulDivUp(share, WAD));
        for (uint256 round; left != 0 && round < MOST_ROUNDS; ++round) {
            (uint256 amount, uint256 covered) = _buyBack(id, left);
            if (amount == 0) break;
            left -= amount;
            traded += _notional(int256(amount), price);
            if (left != 0) traded += _sellSpot(covered, price);
        }
    }

    /// @return amount [size wad] bought back
    /// @return covered [asset wad] of spot that came free
    function _buyBack(uint256 id, uint256 left) private returns (uint256 amount, uint256 covered) {
        IOptionMarket.Position memory p = market.positionOf(address(this), id);
        uint256 whole = p.size.abs();
        // At its initial margin a position can give up the collateral of what is closed.
        bool rich = p.collateral >= market.requiredOf(address(this), id, true);
        uint256 hand = asset.balanceOf(address(this));
        uint256 freed = rich || left == whole ? p.collateral.fullMulDiv(left, whole) : 0;
        uint256 price = plans.unitPrice(id, int256(left)) + 2;
        amount = left.min((hand + freed).fullMulDiv(WAD, price));
        if (amount < left) amount = _leaving(amount, whole);
        if (amount == 0) return (0, 0);
        _payIn(hand);
        int256 back = rich ? int256(p.collateral.fullMulDiv(amount, whole)) : int256(0);
        covered = p.base.zeroFloorSub(whole - amount);
        if (whole != amount && !rich) covered = 0;
        _trade(id, int256(amount), -back, -int256(covered));
        _takeCash();
    }

    /// @dev What of an amount can be closed: neither it nor what stays may be dust.
    function _closable(uint256 id, uint256 amount) private view returns (uint256) {
        uint256 whole = _sizeOf(id).abs();
        amount = amount.min(whole);
        uint256 least = market.limitConfig().minSize;
        if (amount == whole || whole - amount < least) return amount < least && amount != whole ? 0 : whole;
        return amount < least ? 0 : amount;
    }

    /// @dev As much of an amount as leaves no dust.
    function _leaving(uint256 amount, uint256 whole) private view returns (uint256) {
        uint256 least = market.limitConfig().minSize;
        amount = amount.min(whole.zeroFloorSub(least));
        return amount < least ? 0 : amount;
    }

    function _trade(uint256 id, int256 size, int256 collateral, int256 base) private {
        market.trade(id, size, size > 0 ? type(uint256).max : 0, collateral, base);
    }

    function _payIn(uint256 amount) private {
        if (amount != 0) market.deposit(address(this), amount);
    }

    // -------------------------------------------------------------------- home

    /// @dev Settles what is frozen and takes money and base that lie at the market.
    function _takeHome() private {
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] == 0 || block.timestamp < ids[i] >> 136 || _sizeOf(ids[i]) == 0) continue;
            if (market.seriesOf(ids[i]).frozen) market.settle(address(this), ids[i]);
        }
        _takeCash();
        if (market.baseOf(address(this)) >= unit) market.withdrawBase(address(this));
    }

    function _takeCash() private {
        int256 cash = market.cashOf(address(this));
        if (cash > 0 && !market.withdrawalsPaused()) market.withdraw(uint256(cash), address(this));
    }

    // -------------------------------------------------------------------- spot

    /// @dev As much as what is at hand, but for what is kept, pays for.
    function _buySpot(uint256 amount, uint256 price, uint256 kept) private returns (uint256) {
        if (amount < unit) return 0;
        uint256 paid = _inFor(asset, amount / unit).min(asset.balanceOf(address(this)).zeroFloorSub(kept));
        uint256 got = _swap(asset, paid) * unit;
        return got.fullMulDiv(price, WAD);
    }

    function _sellSpot(uint256 amount, uint256 price) private returns (uint256) {
        _swap(spotToken, amount / unit);
        return amount.fullMulDiv(price, WAD);
    }

    function _sellFor(uint256 dollars) private {
        uint256 most = spotToken.balanceOf(address(this));
        _swap(spotToken, _inFor(spotToken, dollars).min(most));
    }

    // ------------------------------------------------------------------- small

    /// @dev [Dollar wad] that closing everything would free beyond what is at hand; [wad] the share of it that can be closed.
    function _freeable(Book memory b) private view returns (uint256 amount, uint256 share) {
        if (!b.live || market.withdrawalsPaused()) return (0, 0);
        (uint256 cost, bool can) = plans.closingCost(address(this), ids);
        if (!can) return (0, 0);
        share = WAD;
        if (b.spot != 0) share = (_depth(spotToken, b.price * unit) * unit).fullMulDiv(WAD, b.spot).min(WAD);
        cost += b.spot.fullMulDiv(b.price, WAD).fullMulDivUp(depthLoss, WAD);
        amount = b.value.zeroFloorSub(b.hand + cost);
    }

    function _sizeOf(uint256 id) private view returns (int256) {
        return market.positionOf(address(this), id).size;
    }

    function _notional(int256 size, uint256 price) private pure returns (uint256) {
        return size.abs().fullMulDivUp(price, WAD);
    }

    function _setLegs(Leg[] memory value) private {
        _requireWithin(value.length, 1, MOST_LEGS);
        for (uint256 i; i < value.length; ++i) {
            Leg memory leg = value[i];
            _requireWithin(leg.place, 1, HIGHEST_PLACE);
            _requireWithin(leg.tenor, 1 hours, LONGEST_TENOR);
            _requireWithin(leg.weight.abs(), 1, HIGHEST_WEIGHT);
            bool neutral = leg.size == Size.Gamma || leg.size == Size.Vega;
            if (leg.weight < 0 ? neutral : leg.strike == Strike.Cost) revert InvalidLeg(i);
            legs_.push(leg);
            ids.push();
            planned.push();
        }
    }

    function _setShape(Shape memory value) private {
        _requireWithin(value.spot, 0, HIGHEST_WEIGHT);
        _requireWithin(value.reserve, 0, HIGHEST_RESERVE);
        _requireWithin(value.cover, WAD, HIGHEST_COVER);
        _requireWithin(value.growth, 0, WAD);
        _requireWithin(value.targetDelta.abs(), 0, WAD);
        shape_ = value;
        emit ShapeSet(value);
    }

    function _setRolls(Rolls memory value) private {
        for (uint256 i; i < legs_.length; ++i) {
            _requireWithin(value.ahead, 0, legs_[i].tenor - 1);
        }
        _requireWithin(value.move, 0, WAD);
        _requireWithin(value.tenorRoom, 0, WAD - 1);
        _requireWithin(value.placeRoom, 0, WAD);
        _requireWithin(value.budget, 0, WAD);
        rolls_ = value;
        emit RollsSet(value);
    }
}
