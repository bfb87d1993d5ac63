// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IOptionMarket} from "../interfaces/IOptionMarket.sol";
import {IOverlay} from "../interfaces/IOverlay.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {BlackScholes} from "../math/BlackScholes.sol";
import {OptionId} from "../options/OptionId.sol";

/// @title What an overlay should hold: views over one option market, for any number of overlays.
/// @notice It stands alone because one contract has not room for both.
contract OverlayPlan is IOverlay {
    using FixedPointMathLib for uint256;
    using FixedPointMathLib for int256;

    uint256 private constant WAD = 1e18;
    uint256 private constant SOLVING_STEPS = 3; // odd

    /// @dev What a plan is made from.
    struct Request {
        Leg[] legs;
        Shape shape;
        Rolls rolls;
        uint256 value; // [money wad]
        uint256 price; // [wad]
        uint256 units; // [asset wad] that stay, 0 = as many as the value buys
        bool[] due; // which legs are planned
        uint256[] held; // series of all legs
        uint256[] proposed; // series that a keeper chose, 0 = none
    }

    struct Plan {
        uint256 units; // [asset wad]
        uint256[] ids;
        int256[] sizes; // [size wad] at most, none of legs that are sized once the others are there
    }

    /// @dev What an account has at the market.
    struct Holding {
        uint256 price; // [wad]
        uint256 base; // [base wad]
        uint256 money; // [margin wad] collateral included
        int256 options; // [margin wad]
        uint256 written; // [margin wad] of them, what those that were written are worth to others
        bool live;
    }

    /// @dev What one leg is chosen by.
    struct Wish {
        uint256 leg;
        int256 full; // [size wad] at its whole weight
        int256 spent; // [money wad] on the legs before it
        uint256 price; // [wad]
        uint256[] taken; // series of other legs: a position is one leg's, or it would count twice
    }

    struct Sums {
        int256 spent; // [money wad]
        uint256 need; // [money wad]
        uint256 base; // [base wad] that covers nothing yet
        uint256 whole; // [money wad] that is put to work
    }

    IOptionMarket public immutable market;
    IVolSurface private immutable surface;

    constructor(IOptionMarket market_) {
        (market, surface) = (market_, market_.surface());
    }

    // --------------------------------------------------------------- what is held

    /// @return price [wad] the newest, 0 where there is none
    /// @return fresh whether it can be relied on
    function priceNow() public view returns (uint256 price, bool fresh) {
        IPrice feed = surface.spotFeed();
        try feed.price() returns (uint256 wad, uint256) {
            return (wad, wad != 0);
        } catch {}
        try feed.lastPrice() returns (uint256 wad, uint256) {
            return (wad, false);
        } catch {}
    }

    function sizesOf(address owner, uint256[] calldata ids) external view returns (int256[] memory sizes) {
        sizes = new int256[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            sizes[i] = market.positionOf(owner, ids[i]).size;
        }
    }

    /// @notice What an account has at the market, options at the mark. Does not revert. Who holds no options needs only the
    /// price to be live.
    function holdingOf(address owner, uint256[] calldata ids) external view returns (Holding memory h) {
        bool held;
        (h.price, h.live) = priceNow();
        h.base = market.baseOf(owner);
        int256 cash = market.cashOf(owner);
        if (cash > 0) h.money = uint256(cash);
        for (uint256 i; i < ids.length; ++i) {
            IOptionMarket.Position memory p = market.positionOf(owner, ids[i]);
            if (p.size == 0) continue;
            held = true;
            _addPosition(h, owner, ids[i], p);
        }
        if (held) h.live = h.live && _isOpen(h.price);
    }

    function _addPosition(Holding memory h, address owner, uint256 id, IOptionMarket.Position memory p) private view {
        (h.money, h.base) = (h.money + p.collateral, h.base + p.base);
        if (block.timestamp < id >> 136) {
            try market.markOf(id) returns (uint256 mark) {
                h.options += p.size * int256(mark) / 1e18;
                if (p.size < 0) h.written += p.size.abs().fullMulDivUp(mark, WAD);
                return;
            } catch {}
        } else {
            try market.previewSettle(owner, id) returns (int256 amount, uint256 base, uint256) {
                (h.options, h.base) = (h.options + amount, h.base - base);
                return;
            } catch {}
        }
        h.options += p.size * int256(_exercised(id, h.price)) / 1e18;
        h.live = false;
    }

    /// @dev Whether the market trades: no pause, no halt, and a surface that is not stale.
    function _isOpen(uint256 price) private view returns (bool) {
        if (price == 0 || market.paused()) return false;
        try surface.requireOpen() {}
        catch {
            return false;
        }
        try surface.volatilityOf(price, block.timestamp + 1 days) returns (uint256) {
            return true;
        } catch {
            return false;
        }
    }

    function _exercised(uint256 id, uint256 price) private pure returns (uint256) {
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        return kind == OptionId.CALL ? price.zeroFloorSub(strike) : strike.zeroFloorSub(price);
    }

    /// @notice What closing every position costs against the mark.
    /// @return cost [margin wad]
    /// @return can whether all can be traded
    function closingCost(address owner, uint256[] calldata ids) external view returns (uint256 cost, bool can) {
        for (uint256 i; i < ids.length; ++i) {
            int256 size = market.positionOf(owner, ids[i]).size;
            uint256 expiry = ids[i] >> 136;
            if (size == 0 || expiry <= block.timestamp) continue;
            if (!_isTraded(ids[i])) return (0, false);
            (uint256 each, uint256 mark) = (unitPrice(ids[i], -size), market.markOf(ids[i]));
            uint256 worse = size > 0 ? mark.zeroFloorSub(each) : each.zeroFloorSub(mark);
            cost += size.abs().fullMulDivUp(worse, WAD);
        }
        can = true;
    }

    /// @notice Whether a written position may lose more than covers it.
    function isRisky(address owner, uint256 id) public view returns (bool) {
        IOptionMarket.Position memory p = market.positionOf(owner, id);
        if (p.size >= 0 || block.timestamp >= id >> 136) return false;
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        if (kind == OptionId.CALL) return p.size.abs() > p.base;
        return p.collateral < p.size.abs().fullMulDivUp(strike, WAD);
    }

    /// @notice The least of collateral over maintenance margin among risky positions.
    /// @return ratio [wad] 0 where the market cannot say
    function marginRatio(address owner, uint256[] calldata ids) external view returns (uint256 ratio) {
        ratio = type(uint256).max;
        for (uint256 i; i < ids.length; ++i) {
            if (!isRisky(owner, ids[i])) continue;
            try market.requiredOf(owner, ids[i], false) returns (uint256 required) {
                ratio = ratio.min(market.positionOf(owner, ids[i]).collateral.fullMulDiv(WAD, required.max(1)));
            } catch {
                return 0;
            }
        }
    }

    /// @notice What keeps a written position at `cover` times its initial margin.
    /// @dev Where money does not reach its initial margin, as many are bought back as leave the rest at what is wanted; where
    /// it does not reach for that either, it tops up.
    /// @param hand [money wad] that there is for it
    /// @return bought [size wad] to be bought back, for `hand` and what collateral comes free
    /// @return change [margin wad] of collateral
    function restoring(address owner, uint256 id, uint256 cover, uint256 hand)
        external
        view
        returns (uint256 bought, int256 change)
    {
        if (!isRisky(owner, id)) return (0, 0);
        IOptionMarket.Position memory p = market.positionOf(owner, id);
        uint256 open = uint8(id) == OptionId.CALL ? p.size.abs() - p.base : p.size.abs();
        uint256 each = collateralFor(id, cover);
        uint256 wanted = open.fullMulDivUp(each, WAD);
        if (p.collateral > 2 * wanted) return (0, -int256(p.collateral - wanted));
        if (p.collateral >= wanted) return (0, 0);
        uint256 money = p.collateral + hand;
        if (money < open.fullMulDivUp(market.unitMargin(id, true), WAD) && _isTraded(id)) {
            uint256 price = unitPrice(id, int256(open)) + 2;
            bought = each > price ? (wanted - money).fullMulDivUp(WAD, each - price).min(open) : open;
            bought = _closable(bought, p.size.abs());
            uint256 cost = bought.fullMulDivUp(price, WAD);
            if (cost <= money) return (bought, int256(money - cost) - int256(p.collateral));
        }
        return (0, int256(hand.min(wanted - p.collateral)));
    }

    /// @dev An amount, or more, so that neither it nor what stays is dust.
    function _closable(uint256 amount, uint256 whole) private view returns (uint256) {
        uint256 least = market.limitConfig().minSize;
        amount = amount.max(least);
        return amount + least > whole ? whole : amount;
    }

    function _isTraded(uint256 id) private view returns (bool) {
        return block.timestamp + market.limitConfig().cutoff <= id >> 136;
    }

    /// @notice What buying the options takes; those that are written do not count.
    /// @param sizes [size wad]
    /// @return cost [money wad]
    function costOf(uint256[] calldata ids, int256[] calldata sizes) external view returns (uint256 cost) {
        for (uint256 i; i < ids.length; ++i) {
            if (sizes[i] > 0) cost += uint256(sizes[i]).fullMulDivUp(unitPrice(ids[i], sizes[i]) + 2, WAD);
        }
    }

    // ------------------------------------------------------------------- plan

    /// @notice The series and sizes of the legs that are due, and the units that the value is enough for.
    /// @dev Prices are those of as many units as could be bought at most: where legs cost something there will be fewer,
    /// at better prices.
    function plan(Request calldata r) external view returns (Plan memory p) {
        Sums memory s;
        s.whole = r.value.fullMulDiv(WAD - r.shape.reserve, WAD);
        p.units = r.units != 0 ? r.units : s.whole.fullMulDiv(WAD, r.price);
        uint256 spot = p.units.fullMulDiv(r.shape.spot, WAD);
        (s.need, s.base) = (spot.fullMulDivUp(r.price, WAD), r.shape.hedged ? 0 : spot);
        (p.ids, p.sizes) = (new uint256[](r.legs.length), new int256[](r.legs.length));
        uint256[] memory taken = new uint256[](r.legs.length);
        for (uint256 i; i < taken.length; ++i) {
            if (!r.due[i]) taken[i] = r.held[i];
        }
        for (uint256 i; i < taken.length; ++i) {
            if (!r.due[i]) continue;
            _planLeg(r, p, s, Wish(i, r.legs[i].weight * int256(p.units) / 1e18, s.spent, r.price, taken));
            taken[i] = p.ids[i];
        }
        _scale(r, p, s);
    }

    function _planLeg(Request calldata r, Plan memory p, Sums memory s, Wish memory w) private view {
        Leg calldata leg = r.legs[w.leg];
        uint256 id = r.proposed.length == 0 ? 0 : r.proposed[w.leg];
        if (id == 0) id = _choose(leg, r.rolls, w);
        else if (!_fits(leg, r.rolls, w, id)) revert SeriesRefused(w.leg, id);
        p.ids[w.leg] = id;
        if (w.full == 0) return;
        uint256 price = unitPrice(id, w.full);
        int256 size = w.full;
        if (leg.size == Size.Premium) (size, price) = _financed(id, w.full, s.spent);
        p.sizes[w.leg] = size;
        s.spent += size * int256(price) / 1e18;
        if (size > 0) {
            s.need += uint256(size).fullMulDivUp(price, WAD);
        } else {
            uint256 covered = leg.isPut ? 0 : size.abs().min(s.base);
            s.base -= covered;
            s.need += (size.abs() - covered).fullMulDivUp(collateralFor(id, r.shape.cover), WAD);
        }
    }

    /// @dev To what there is, and legs to their budget.
    function _scale(Request calldata r, Plan memory p, Sums memory s) private pure {
        uint256 factor = WAD;
        if (r.units == 0 && s.need > s.whole) {
            factor = s.whole.fullMulDiv(WAD, s.need);
            p.units = p.units.fullMulDiv(factor, WAD);
        }
        uint256 cost = s.spent > 0 ? uint256(s.spent).fullMulDivUp(factor, WAD) : 0;
        uint256 most = r.value.fullMulDiv(r.rolls.budget, WAD);
        if (r.rolls.budget != 0 && cost > most) factor = factor.fullMulDiv(most, cost);
        for (uint256 i; i < p.sizes.length; ++i) {
            bool later = r.legs[i].size == Size.Gamma || r.legs[i].size == Size.Vega;
            p.sizes[i] = later ? int256(0) : p.sizes[i] * int256(factor) / 1e18;
        }
    }

    // ----------------------------------------------------------------- choice

    /// @dev The nearest expiry, then the best strike.
    function _choose(Leg calldata leg, Rolls calldata rolls, Wish memory w) private view returns (uint256 best) {
        uint256[] memory ids = market.series();
        uint256 expiry = _nearest(ids, leg, rolls);
        uint256 least = type(uint256).max;
        bool bestPays;
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] >> 136 != expiry || uint8(ids[i]) != _kindOf(leg) || _isTaken(w, ids[i])) continue;
            uint256 away = _away(leg, ids[i], w.price);
            if (away > rolls.placeRoom) continue;
            bool pays = leg.strike == Strike.Cost && _pays(ids[i], w);
            // Of those that pay the furthest, else the nearest.
            if (pays ? (bestPays && away <= least) : (bestPays || away >= least)) continue;
            (best, least, bestPays) = (ids[i], away, pays);
        }
        if (best == 0) revert NoSeries(w.leg);
    }

    function _nearest(uint256[] memory ids, Leg calldata leg, Rolls calldata rolls)
        private
        view
        returns (uint256 expiry)
    {
        uint256 least = leg.tenor.fullMulDiv(rolls.tenorRoom, WAD) + 1;
        for (uint256 i; i < ids.length; ++i) {
            if (uint8(ids[i]) != _kindOf(leg)) continue;
            uint256 away = _late(ids[i] >> 136, leg, rolls);
            if (away < least) (expiry, least) = (ids[i] >> 136, away);
        }
    }

    /// @dev [s] by which an expiry is off.
    function _late(uint256 expiry, Leg calldata leg, Rolls calldata rolls) private view returns (uint256) {
        if (expiry <= block.timestamp + rolls.ahead + market.limitConfig().cutoff) return type(uint256).max;
        return expiry.dist(block.timestamp + leg.tenor);
    }

    /// @dev [wad] by which a strike's place is off.
    function _away(Leg calldata leg, uint256 id, uint256 price) private view returns (uint256) {
        (uint256 expiry, uint256 strike,) = OptionId.unpack(id);
        if (leg.strike == Strike.Delta) {
            (BlackScholes.Greeks memory ofCall, BlackScholes.Greeks memory ofPut) = surface.greeksOf(strike, expiry);
            return (leg.isPut ? ofPut.delta : ofCall.delta).abs().dist(leg.place);
        }
        uint256 place = strike.fullMulDiv(WAD, price);
        bool inside = leg.isPut ? place > leg.place : place < leg.place;
        if (leg.strike == Strike.Cost && inside) return type(uint256).max;
        return place.dist(leg.place);
    }

    /// @dev Whether writing it whole brings what was spent.
    function _pays(uint256 id, Wish memory w) private view returns (bool) {
        if (w.full == 0 || w.spent <= 0) return false;
        return w.full.abs().fullMulDiv(unitPrice(id, w.full), WAD) >= uint256(w.spent);
    }

    function _fits(Leg calldata leg, Rolls calldata rolls, Wish memory w, uint256 id) private view returns (bool) {
        IOptionMarket.Series memory s = market.seriesOf(id);
        if (!s.listed || s.frozen || uint8(id) != _kindOf(leg) || _isTaken(w, id)) return false;
        if (_late(id >> 136, leg, rolls) > leg.tenor.fullMulDiv(rolls.tenorRoom, WAD)) return false;
        return _away(leg, id, w.price) <= rolls.placeRoom && (leg.strike != Strike.Cost || _pays(id, w));
    }

    function _isTaken(Wish memory w, uint256 id) private pure returns (bool taken) {
        for (uint256 i; i < w.taken.length; ++i) {
            taken = taken || w.taken[i] == id;
        }
    }

    function _kindOf(Leg calldata leg) private pure returns (uint256) {
        return leg.isPut ? OptionId.PUT : OptionId.CALL;
    }

    // ----------------------------------------------------------------- prices

    /// @notice What one option costs in a trade of a size, or brings, with its fee. Below the smallest size, as at it.
    /// @param size [size wad] negative to sell
    /// @return [wad]
    function unitPrice(uint256 id, int256 size) public view returns (uint256) {
        int256 least = int256(market.limitConfig().minSize);
        size = size > 0 ? size.max(least) : size.min(-least);
        (uint256 price, uint256 fee,) = market.previewTrade(address(0), id, size, 0);
        uint256 each = fee.fullMulDivUp(WAD, size.abs());
        return size > 0 ? price + each : price.zeroFloorSub(each);
    }

    /// @notice What is posted for one option written and not covered.
    /// @param cover [wad] of initial margin
    /// @return [margin wad]
    function collateralFor(uint256 id, uint256 cover) public view returns (uint256) {
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        uint256 wanted = market.unitMargin(id, true).fullMulDivUp(cover, WAD);
        return kind == OptionId.PUT ? wanted.min(strike) : wanted;
    }

    /// @notice How many options balance what was spent before, or a little less is spent than was brought.
    /// @param full [size wad] at most
    /// @param spent [money wad] negative for received
    function financed(uint256 id, int256 full, int256 spent) external view returns (int256 size) {
        (size,) = _financed(id, full, spent);
    }

    /// @dev A larger trade has the worse price. From the price of the largest on, every other step errs on the safe side.
    function _financed(uint256 id, int256 full, int256 spent) private view returns (int256 size, uint256 price) {
        (size, price) = (full, unitPrice(id, full));
        if (full > 0 == spent >= 0) return (0, price);
        for (uint256 i; i < SOLVING_STEPS && size != 0; ++i) {
            price = unitPrice(id, size);
            if (price == 0) return (0, 0);
            uint256 amount = full < 0 ? uint256(spent).fullMulDivUp(WAD, price) : spent.abs().fullMulDiv(WAD, price);
            amount = amount.min(full.abs());
            size = full < 0 ? -int256(amount) : int256(amount);
        }
    }

    // ------------------------------------------------------------------ greeks

    /// @notice Sensitivities of a book of options, whether or not they are its own.
    /// @return delta [asset wad]
    /// @return gamma [asset wad] for one more Dollar of price, times the price
    /// @return vega [money wad] for one more unit of volatility a year
    function greeksOf(uint256[] calldata ids, int256[] calldata sizes)
        external
        view
        returns (int256 delta, int256 gamma, int256 vega)
    {
        uint256 price = surface.spot();
        for (uint256 i; i < ids.length; ++i) {
            if (sizes[i] == 0 || ids[i] >> 136 <= block.timestamp) continue;
            BlackScholes.Greeks memory g = _greeks(ids[i]);
            delta += sizes[i] * g.delta / 1e18;
            gamma += sizes[i] * (g.gamma * int256(price) / 1e18) / 1e18;
            vega += sizes[i] * g.vega / 1e18;
        }
    }

    /// @notice How many options of one leg make gamma or vega of all of them nothing.
    /// @param most [size wad]
    function neutral(uint256[] calldata ids, int256[] calldata sizes, uint256 leg, bool ofGamma, int256 most)
        external
        view
        returns (int256)
    {
        int256 others;
        for (uint256 i; i < ids.length; ++i) {
            if (i == leg || sizes[i] == 0 || ids[i] >> 136 <= block.timestamp) continue;
            BlackScholes.Greeks memory g = _greeks(ids[i]);
            others += sizes[i] * (ofGamma ? g.gamma : g.vega) / 1e18;
        }
        BlackScholes.Greeks memory own = _greeks(ids[leg]);
        int256 each = ofGamma ? own.gamma : own.vega;
        if (others >= 0 || each <= 0) return 0;
        return (-others * 1e18 / each).min(most);
    }

    function _greeks(uint256 id) private view returns (BlackScholes.Greeks memory) {
        (uint256 expiry, uint256 strike, uint256 kind) = OptionId.unpack(id);
        (BlackScholes.Greeks memory ofCall, BlackScholes.Greeks memory ofPut) = surface.greeksOf(strike, expiry);
        return kind == OptionId.CALL ? ofCall : ofPut;
    }

    // ------------------------------------------------------------------- floor

    /// @notice What is left at the worst price at expiry, everybody paying: 0 where it falls without end.
    /// @param spot [asset wad]
    /// @param money [money wad]
    function floorOf(uint256[] calldata ids, int256[] calldata sizes, uint256 spot, uint256 money)
        external
        pure
        returns (uint256)
    {
        // Worth is a broken line in the price: its lowest point is at nothing, at a strike, or endlessly high.
        int256 slope = int256(spot);
        for (uint256 i; i < ids.length; ++i) {
            if (uint8(ids[i]) == OptionId.CALL) slope += sizes[i];
        }
        if (slope < 0) return 0;
        int256 lowest = worthAt(ids, sizes, spot, money, 0);
        for (uint256 i; i < ids.length; ++i) {
            if (sizes[i] == 0) continue;
            (, uint256 strike,) = OptionId.unpack(ids[i]);
            lowest = lowest.min(worthAt(ids, sizes, spot, money, strike));
        }
        return lowest > 0 ? uint256(lowest) : 0;
    }

    /// @notice What a book is worth at a price at expiry.
    /// @param price [wad]
    /// @return [money wad]
    function worthAt(uint256[] calldata ids, int256[] calldata sizes, uint256 spot, uint256 money, uint256 price)
        public
        pure
        returns (int256)
    {
        int256 worth = int256(money + spot.fullMulDiv(price, WAD));
        for (uint256 i; i < ids.length; ++i) {
            worth += sizes[i] * int256(_exercised(ids[i], price)) / 1e18;
        }
        return worth;
    }
}
