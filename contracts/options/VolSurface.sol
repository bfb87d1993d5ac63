// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {BlackScholes} from "../math/BlackScholes.sol";
import {Bounded} from "../math/Bounded.sol";
import {Svi} from "../math/Svi.sol";
import {OptionId} from "./OptionId.sol";

/// @title One underlying's surface of implied volatility.
contract VolSurface is IVolSurface, Ownable, Bounded {
    using FixedPointMathLib for *;

    uint256 private constant MOST_SLICES = 8;
    uint256 private constant LONGEST_SLICE = 5 * 365 days; // [s]
    uint256 private constant STEEPEST_WING = 2e18; // [wad]
    /// @dev [wad per sqrt year] Beyond this Black-Scholes is not asked.
    uint256 private constant HIGHEST_VOLATILITY = 20e18;
    int256 private constant LOOKED_AT = 10; // moneyness steps to either side
    int256 private constant SHOCK_TIME = 30 days; // [s]
    uint256 private constant SHORTEST_SHOCK_TIME = 1 days; // [s]
    int256 private constant SHOCK_POWER = 0.3e18; // [wad]
    uint256 private constant WAD = 1e18;
    int256 private constant ONE = 1e18;

    /// @dev What many series share: the first of all, then of one expiry, then of one strike.
    struct Market {
        uint256 spot; // [wad]
        Svi.Slice[] slices;
        int256[] logs; // [wad] by which each shock moves the logarithm of spot
        uint256 time; // [s]
        int256 growth; // [wad]
        int256 discount; // [wad]
        int256 drift; // [wad] of the logarithm
        int256 scale; // [wad] of a shock of volatility
        int256 strike; // [wad] present value
        int256 moneyness; // [wad] ln(forward / strike)
        int256 deviation; // [ray]
    }

    IPrice public override spotFeed;
    Rules private rulesNow;
    Svi.Slice[] private slicesNow;
    uint64 public reportedAt; // [unix s] 0 = never
    int64 public rate; // [wad per year]
    int64 public carry; // [wad per year]
    uint64 public haltedUntil; // [unix s]
    uint128 private haltedFrom; // [wad per sqrt year]
    uint128 private haltedTo; // [wad per sqrt year]
    mapping(address account => bool) public isReporter;

    constructor(address owner_, address reporter, IPrice feed, Rules memory rules_) {
        _initializeOwner(owner_);
        _setSpotFeed(feed);
        _setRules(rules_);
        _setReporter(reporter, true);
    }

    // ----------------------------------------------------------------- report

    /// @inheritdoc IVolSurface
    function report(Svi.Slice[] calldata slices, int256 rate_, int256 carry_) external override {
        if (!isReporter[msg.sender]) revert NotReporter(msg.sender);
        if (slices.length == 0 || slices.length > MOST_SLICES) revert WrongSliceCount(slices.length, MOST_SLICES);
        Rules memory rules_ = rulesNow;
        _requireRate(rate_, rules_.maxRate);
        _requireRate(carry_, rules_.maxRate);
        for (uint256 i; i < slices.length; ++i) {
            _requireSlice(slices[i], i, rules_);
            if (i != 0) _requireCalendar(slices[i - 1], slices[i], i);
        }
        if (reportedAt != 0 && rules_.maxMove != 0) _watch(slices, rules_);
        delete slicesNow;
        for (uint256 i; i < slices.length; ++i) {
            slicesNow.push(slices[i]);
        }
        (reportedAt, rate, carry) = (uint64(block.timestamp), int64(rate_), int64(carry_));
        emit SurfaceReported(msg.sender, slices.length, rate_, carry_);
    }

    function _requireRate(int256 value, uint256 max) private pure {
        if (value.abs() > max) revert RateOutOfBounds(value, max);
    }

    /// @dev Volatility at the money is in bounds, and the moneyness looked at has no butterfly.
    function _requireSlice(Svi.Slice memory s, uint256 place, Rules memory rules_) private pure {
        bool known = s.sigma != 0 && s.time != 0 && s.time <= LONGEST_SLICE && int256(s.rho).abs() < WAD;
        if (!known || Svi.steepestWing(s) > STEEPEST_WING) revert InvalidSlice(place);
        uint256 atMoney = _volatility(Svi.variance(s, 0), s.time);
        if (atMoney < rules_.minVolatility || atMoney > rules_.maxVolatility) {
            revert VolatilityOutOfBounds(atMoney, rules_.minVolatility, rules_.maxVolatility);
        }
        int256 step = _step(s);
        for (int256 j = -LOOKED_AT; j <= LOOKED_AT; ++j) {
            int256 density = Svi.density(s, j * step);
            if (density < 0) revert ButterflyArbitrage(place, j * step, density);
        }
    }

    function _requireCalendar(Svi.Slice memory near, Svi.Slice memory far, uint256 place) private pure {
        if (far.time <= near.time) revert InvalidSlice(place);
        int256 step = _step(far);
        for (int256 j = -LOOKED_AT; j <= LOOKED_AT; ++j) {
            (uint256 before, uint256 then_) = (Svi.variance(near, j * step), Svi.variance(far, j * step));
            if (then_ < before) revert CalendarArbitrage(place, j * step, before, then_);
        }
    }

    /// @dev [wad] Half a standard deviation at the money.
    function _step(Svi.Slice memory s) private pure returns (int256) {
        return int256((Svi.variance(s, 0) * WAD).sqrt() / 2 + 1);
    }

    /// @dev Halts where the volatility at the money of a slice moved too far from what the surface said.
    function _watch(Svi.Slice[] calldata slices, Rules memory rules_) private {
        Svi.Slice[] memory before = slicesNow;
        for (uint256 i; i < slices.length; ++i) {
            uint256 previous = _volatility(Svi.varianceAt(before, slices[i].time, 0), slices[i].time);
            uint256 next = _volatility(Svi.variance(slices[i], 0), slices[i].time);
            if (next.dist(previous).fullMulDiv(WAD, previous) <= rules_.maxMove) continue;
            haltedUntil = uint64(block.timestamp + rules_.cooldown);
            (haltedFrom, haltedTo) = (uint128(previous), uint128(next));
            emit SurfaceHalted(slices[i].time, previous, next, haltedUntil);
            return;
        }
    }

    // ------------------------------------------------------------- governance

    /// @param r.maxAge [s] a minute to 30 days
    /// @param r.minVolatility [wad per sqrt year] 0.01 at least
    /// @param r.maxVolatility [wad per sqrt year] 20 at most
    /// @param r.maxMove [wad]
    /// @param r.cooldown [s] 7 days at most
    /// @param r.maxRate [wad per year] 1 at most
    function setRules(Rules calldata r) external onlyOwner {
        _setRules(r);
    }

    function setReporter(address account, bool allowed) external onlyOwner {
        _setReporter(account, allowed);
    }

    /// @param feed that has a price now
    function setSpotFeed(IPrice feed) external onlyOwner {
        _setSpotFeed(feed);
    }

    function _setRules(Rules memory r) private {
        _requireWithin(r.maxAge, 1 minutes, 30 days);
        _requireWithin(r.maxVolatility, 0.01e18, HIGHEST_VOLATILITY);
        _requireWithin(r.minVolatility, 0.01e18, r.maxVolatility);
        _requireWithin(r.maxMove, 0, 100e18);
        _requireWithin(r.cooldown, 0, 7 days);
        _requireWithin(r.maxRate, 0, WAD);
        rulesNow = r;
        emit RulesSet(r);
    }

    function _setReporter(address account, bool allowed) private {
        isReporter[account] = allowed;
        emit ReporterSet(account, allowed);
    }

    function _setSpotFeed(IPrice feed) private {
        feed.price();
        spotFeed = feed;
        emit SpotFeedSet(address(feed));
    }

    // ------------------------------------------------------------------ views

    function rules() external view returns (Rules memory) {
        return rulesNow;
    }

    function surface() external view returns (Svi.Slice[] memory) {
        return slicesNow;
    }

    /// @inheritdoc IVolSurface
    function requireOpen() external view override {
        if (block.timestamp < haltedUntil) revert VolatilityHalted(haltedFrom, haltedTo, haltedUntil);
    }

    /// @inheritdoc IVolSurface
    function spot() public view override returns (uint256 price) {
        (price,) = spotFeed.price();
    }

    /// @inheritdoc IVolSurface
    function volatilityOf(uint256 strike, uint256 expiry) external view override returns (uint256) {
        return termsOf(strike, expiry, WAD).volatility;
    }

    /// @inheritdoc IVolSurface
    function termsOf(uint256 strike, uint256 expiry, uint256 factor)
        public
        view
        override
        returns (BlackScholes.Terms memory t)
    {
        Svi.Slice[] memory slices = _fresh();
        (t.spot, t.strike, t.time) = (spot(), strike, _timeTo(expiry));
        (t.rate, t.carry) = (rate, carry);
        int256 k = -BlackScholes.logRatio(t.spot, strike) - _drift(t.time);
        t.volatility = _bounded(Svi.varianceAt(slices, t.time, k), t.time).fullMulDiv(factor, WAD);
    }

    /// @inheritdoc IVolSurface
    function pricesOf(uint256 strike, uint256 expiry, uint256 factor)
        external
        view
        override
        returns (uint256, uint256)
    {
        return BlackScholes.prices(termsOf(strike, expiry, factor));
    }

    /// @inheritdoc IVolSurface
    function greeksOf(uint256 strike, uint256 expiry)
        external
        view
        override
        returns (BlackScholes.Greeks memory ofCall, BlackScholes.Greeks memory ofPut)
    {
        (,, ofCall, ofPut) = BlackScholes.greeks(termsOf(strike, expiry, WAD));
    }

    /// @inheritdoc IVolSurface
    /// @dev A strike keeps its volatility when spot is shocked. Series of one strike and expiry share their prices.
    function shockedValues(uint256[] calldata ids, int256[] calldata sizes, Shock[] calldata shocks)
        external
        view
        override
        returns (int256[] memory values)
    {
        values = new int256[](shocks.length);
        Market memory m;
        (m.slices, m.logs, m.spot) = (_fresh(), _logsOf(shocks), spot());
        uint256 i;
        while (i < ids.length) {
            if (i == 0 || ids[i] >> 136 != ids[i - 1] >> 136) _enter(m, ids[i] >> 136);
            uint256 first = i;
            int256 calls;
            int256 puts;
            (calls, puts, i) = _strikeFrom(ids, sizes, first);
            _addStrike(m, uint128(ids[first] >> 8), calls, puts, shocks, values);
        }
    }

    /// @dev What of one strike follows from a place on, and where the next begins.
    function _strikeFrom(uint256[] calldata ids, int256[] calldata sizes, uint256 i)
        private
        pure
        returns (int256 calls, int256 puts, uint256 next)
    {
        uint256 strike = ids[i] >> 8;
        for (next = i; next < ids.length && ids[next] >> 8 == strike; ++next) {
            uint256 kind = uint8(ids[next]);
            if (kind > OptionId.PUT) revert OptionId.InvalidId(ids[next]);
            if (kind == OptionId.CALL) calls += sizes[next];
            else puts += sizes[next];
        }
    }

    /// @dev The logarithm by which each shock moves spot.
    function _logsOf(Shock[] calldata shocks) private pure returns (int256[] memory logs) {
        logs = new int256[](shocks.length);
        for (uint256 j; j < shocks.length; ++j) {
            logs[j] = (ONE + shocks[j].spot).lnWad();
        }
    }

    function _enter(Market memory m, uint256 expiry) private view {
        m.time = _timeTo(expiry);
        m.growth = BlackScholes.discount(carry, m.time);
        m.discount = BlackScholes.discount(rate, m.time);
        m.drift = _drift(m.time);
        m.scale = (SHOCK_TIME * ONE / int256(m.time.max(SHORTEST_SHOCK_TIME))).powWad(SHOCK_POWER);
    }

    /// @dev Adds what one strike's calls and puts are worth under each shock.
    function _addStrike(
        Market memory m,
        uint256 strike,
        int256 calls,
        int256 puts,
        Shock[] calldata shocks,
        int256[] memory values
    ) private view {
        m.moneyness = BlackScholes.logRatio(m.spot, strike) + m.drift;
        m.deviation = _deviation(m);
        m.strike = int256(strike) * m.discount / ONE;
        for (uint256 j; j < shocks.length; ++j) {
            (uint256 call, uint256 put) = _shockedPrices(m, shocks[j], m.logs[j]);
            values[j] += (calls * int256(call) + puts * int256(put)) / ONE;
        }
    }

    function _deviation(Market memory m) private view returns (int256) {
        uint256 volatility = _bounded(Svi.varianceAt(m.slices, m.time, -m.moneyness), m.time);
        return int256(BlackScholes.deviationOf(volatility, m.time));
    }

    /// @param moved [wad] the logarithm by which spot is shocked
    function _shockedPrices(Market memory m, Shock calldata shock, int256 moved)
        private
        pure
        returns (uint256 call, uint256 put)
    {
        int256 forward = (int256(m.spot) * (ONE + shock.spot) / ONE) * m.growth / ONE;
        int256 deviation = m.deviation * (ONE + shock.volatility * m.scale / ONE).max(0) / ONE;
        return BlackScholes.pricesOf(forward, m.strike, m.moneyness + moved, deviation);
    }

    // ---------------------------------------------------------------- private

    function _fresh() private view returns (Svi.Slice[] memory) {
        uint256 age = block.timestamp - reportedAt;
        if (age > rulesNow.maxAge) revert StaleSurface(age, rulesNow.maxAge);
        return slicesNow;
    }

    /// @dev [s]
    function _timeTo(uint256 expiry) private view returns (uint256) {
        if (expiry <= block.timestamp) revert SeriesExpired(expiry, block.timestamp);
        return expiry - block.timestamp;
    }

    /// @dev [wad]
    function _drift(uint256 time) private view returns (int256) {
        return (int256(rate) - carry) * int256(time) / int256(BlackScholes.YEAR);
    }

    function _volatility(uint256 variance, uint256 time) private pure returns (uint256) {
        return (variance * WAD * BlackScholes.YEAR / time).sqrt();
    }

    /// @dev The wings of a surface may leave the bounds; prices do not follow them.
    function _bounded(uint256 variance, uint256 time) private view returns (uint256) {
        return _volatility(variance, time).clamp(rulesNow.minVolatility, rulesNow.maxVolatility);
    }
}
