// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IOptionMarket} from "../interfaces/IOptionMarket.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {OptionId} from "../options/OptionId.sol";
import {InstrumentBase} from "./InstrumentBase.sol";

/// @title Calls and puts of an option market, held for a clearinghouse as the market's guarantor.
/// @notice Between expiry and the lock of its price a leg counts as exercised at the index price. What the market does not
/// pay, when its pool and fund are empty, is missing from the clearinghouse, whose funds bear it.
contract OptionInstrument is InstrumentBase {
    using FixedPointMathLib for *;

    struct Outcome {
        bool closed;
        uint256 payoff; // [wad] for each option
    }

    IOptionMarket public immutable market;
    mapping(uint256 id => Outcome) public outcomeOf;
    uint256 public missing; // [money wad] that the market did not pay

    event SeriesClosed(uint256 indexed id, uint256 payoff, uint256 missing);

    constructor(address clearinghouse_, IOptionMarket market_)
        InstrumentBase(clearinghouse_, market_.marginToken(), address(market_))
    {
        market = market_;
    }

    /// @inheritdoc IInstrument
    function onTrade(address, uint256 id, int256 sizeDelta, uint256 limit)
        external
        override
        onlyClearinghouse
        returns (int256 cash)
    {
        if (uint8(id) > OptionId.PUT) revert UnknownSeries(id);
        int256 before = market.cashOf(address(this));
        market.trade(id, sizeDelta, limit, 0, 0);
        cash = market.cashOf(address(this)) - before;
        _square();
    }

    /// @inheritdoc IInstrument
    function settle(uint256 id, int256 size) external override onlyClearinghouse returns (int256 cash) {
        if (!outcomeOf[id].closed) close(id);
        cash = _timesDown(size, outcomeOf[id].payoff);
    }

    /// @notice Settles the net position with the market. Anybody may, once the series is frozen there.
    function close(uint256 id) public {
        Outcome storage o = outcomeOf[id];
        if (o.closed) revert UnknownSeries(id);
        (o.closed, o.payoff) = (true, _payoffAt(id, market.expiryPrice().priceAt(id >> 136)));
        int256 net = market.positionOf(address(this), id).size;
        int256 lost;
        if (net != 0) lost = _timesDown(net, o.payoff) - market.settle(address(this), id);
        if (lost > 0) missing += uint256(lost);
        _square();
        emit SeriesClosed(id, o.payoff, lost > 0 ? uint256(lost) : 0);
    }

    /// @inheritdoc IInstrument
    function takeMissing() external override onlyClearinghouse returns (uint256 amount) {
        amount = missing;
        missing = 0;
    }

    /// @dev Leaves nothing at the market, neither money nor debt.
    function _square() private {
        int256 cash = market.cashOf(address(this));
        if (cash < 0) market.deposit(address(this), _pullUp(uint256(-cash)));
        else if (cash >= int256(moneyUnit)) market.withdraw(uint256(cash), clearinghouse);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IInstrument
    function previewTrade(uint256 id, int256 sizeDelta) external view override returns (int256) {
        (uint256 price, uint256 fee,) = market.previewTrade(address(this), id, sizeDelta, 0);
        return _timesDown(-sizeDelta, price) - int256(fee);
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
        returns (int256[] memory)
    {
        return _valuesOf(ids, sizes, shocks);
    }

    /// @dev Expired series stand first, as ids are in order of expiry.
    function _valuesOf(uint256[] calldata ids, int256[] calldata sizes, IVolSurface.Shock[] memory shocks)
        private
        view
        returns (int256[] memory values)
    {
        uint256 alive;
        while (alive < ids.length && ids[alive] >> 136 <= block.timestamp) {
            ++alive;
        }
        if (alive == ids.length) values = new int256[](shocks.length);
        else values = market.surface().shockedValues(ids[alive:], sizes[alive:], shocks);
        for (uint256 i; i < alive; ++i) {
            _addExpired(ids[i], sizes[i], shocks, values);
        }
    }

    function _addExpired(uint256 id, int256 size, IVolSurface.Shock[] memory shocks, int256[] memory values)
        private
        view
    {
        uint256 expiry = id >> 136;
        bool locked = market.expiryPrice().isLocked(expiry);
        uint256 price = locked ? market.expiryPrice().priceAt(expiry) : market.surface().spot();
        for (uint256 j; j < shocks.length; ++j) {
            uint256 there = locked ? price : price.fullMulDiv(uint256(ONE + shocks[j].spot), WAD);
            values[j] += _timesDown(size, _payoffAt(id, there));
        }
    }

    function _payoffAt(uint256 id, uint256 price) private pure returns (uint256) {
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        return kind == OptionId.CALL ? price.zeroFloorSub(strike) : strike.zeroFloorSub(price);
    }

    /// @inheritdoc IInstrument
    /// @dev A held option has no loan value, as brokers' rules have it: it needs all that it is worth. Equity has what is
    /// written at its mark, so of the market's margin only what is beyond that.
    function standardMargin(uint256[] calldata ids, int256[] calldata sizes, bool initial)
        external
        view
        override
        returns (uint256 required)
    {
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] >> 136 <= block.timestamp) continue;
            uint256 mark = market.markOf(ids[i]);
            if (sizes[i] >= 0) {
                required += uint256(sizes[i]).fullMulDiv(mark, WAD);
                continue;
            }
            uint256 unit = market.unitMargin(ids[i], initial).zeroFloorSub(mark);
            required += uint256(-sizes[i]).fullMulDivUp(unit, WAD);
        }
    }

    /// @inheritdoc IInstrument
    function exposureOf(uint256[] calldata ids, int256[] calldata sizes) external view override returns (uint256) {
        uint256 written;
        for (uint256 i; i < ids.length; ++i) {
            if (sizes[i] < 0 && ids[i] >> 136 > block.timestamp) written += uint256(-sizes[i]);
        }
        return written == 0 ? 0 : written.fullMulDivUp(market.surface().spot(), WAD);
    }
}
