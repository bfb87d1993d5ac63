// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IExpiryPrice} from "../interfaces/IExpiryPrice.sol";
import {IOptionKind} from "../interfaces/IOptionKind.sol";
import {IOptionMarket} from "../interfaces/IOptionMarket.sol";
import {IVolSurface} from "../interfaces/IVolSurface.sol";
import {Guarded} from "../perps/Guarded.sol";
import {OptionGovernance} from "./OptionGovernance.sol";
import {OptionId} from "./OptionId.sol";
import {OptionLedger} from "./OptionLedger.sol";

/// @title Options on one underlying.
contract OptionMarket is OptionGovernance, Guarded {
    using FixedPointMathLib for *;
    using SafeCastLib for *;
    using SafeTransferLib for address;

    /// @dev What a settlement would do. Either `paid` or `received` is zero.
    struct Settlement {
        uint256 received; // [margin wad] by the account
        uint256 paid; // [margin wad] by the account, out of collateral or money
        uint256 base; // [base wad] paid by the account
        uint256 fromFund; // [margin wad]
        uint256 unpaid; // [margin wad] lost by the account, or by the pool for it
        uint256 owed; // [margin wad] that it was owed
    }

    constructor(
        address owner_,
        address token,
        address base,
        IVolSurface surface_,
        IExpiryPrice expiryPrice_,
        QuoteConfig memory quotes_,
        MarginConfig memory margin_,
        LimitConfig memory limits_
    ) OptionLedger(token, base, surface_, expiryPrice_) OptionGovernance(owner_) {
        _setQuotes(quotes_);
        _setMargin(margin_);
        _setLimits(limits_);
    }

    // ------------------------------------------------------------------ money

    /// @inheritdoc IOptionMarket
    function deposit(address account, uint256 amount) external override guarded {
        amount = _pull(marginToken, marginUnit, msg.sender, amount);
        cash[account] += int256(amount);
        emit Deposited(account, msg.sender, amount);
    }

    /// @inheritdoc IOptionMarket
    function withdraw(uint256 amount, address to) external override guarded {
        if (withdrawalsPaused) revert MarketPaused();
        amount -= amount % marginUnit;
        int256 available = cash[msg.sender];
        if (available < int256(amount)) revert InsufficientCash(amount, available);
        cash[msg.sender] = available - int256(amount);
        marginToken.safeTransfer(to, amount / marginUnit);
        emit Withdrawn(msg.sender, to, amount);
    }

    /// @inheritdoc IOptionMarket
    function withdrawBase(address to) external override guarded returns (uint256 amount) {
        amount = baseOf[msg.sender];
        baseOf[msg.sender] = 0;
        baseToken.safeTransfer(to, amount / baseUnit);
    }

    /// @inheritdoc IOptionMarket
    function donate(uint256 amount) external override guarded {
        _toFund(_pull(marginToken, marginUnit, msg.sender, amount));
    }

    /// @dev A guarantor's money may fall below zero by its credit, nobody else's.
    function _requireCash(address account) private view {
        int256 left = cash[account];
        uint256 credit = guaranteeOf[account].credit;
        if (left < -int256(credit)) revert InsufficientCash(left.abs(), int256(credit));
    }

    // ------------------------------------------------------------------ trade

    /// @inheritdoc IOptionMarket
    function trade(uint256 id, int256 sizeDelta, uint256 limitPrice, int256 collateralDelta, int256 baseDelta)
        external
        override
        guarded
        returns (uint256 price)
    {
        _requireTradable(id);
        Position memory p = _load(msg.sender, id);
        _requireSize(p.size, sizeDelta);
        int256 room = _poolRoom();
        price = _fill(msg.sender, id, p, sizeDelta, limitPrice);
        _moveCollateral(id, p, collateralDelta, baseDelta);
        _requireMargin(id, p, sizeDelta < 0 || collateralDelta < 0 || baseDelta < 0);
        _requireInventory(id, sizeDelta);
        _requirePoolRoom(room);
        // Closing may set more free than it costs: not out of others' money.
        if (sizeDelta < 0 && poolCash < 0) revert InsufficientLiquidity(poolCash, totalReserve + owedTotal);
        _save(msg.sender, id, p);
    }

    /// @inheritdoc IOptionMarket
    function previewTrade(address account, uint256 id, int256 sizeDelta, int256 baseDelta)
        external
        view
        override
        returns (uint256 price, uint256 fee, uint256 required)
    {
        _requireTradable(id);
        Position memory p = _load(account, id);
        _requireSize(p.size, sizeDelta);
        (price,) = _quote(id, sizeDelta);
        fee = _feeUp(price, sizeDelta.abs());
        int256 base = p.base.toInt256() + baseDelta;
        bool guarantor = guaranteeOf[account].known;
        if (!guarantor) {
            required = _requiredUp(id, p.size + sizeDelta, _positive(base), sizeDelta < 0 || baseDelta < 0);
        }
    }

    /// @inheritdoc IOptionMarket
    function adjust(uint256 id, int256 collateralDelta, int256 baseDelta) external override guarded {
        Position memory p = _load(msg.sender, id);
        if (p.size >= 0) revert NoPosition(msg.sender, id);
        _moveCollateral(id, p, collateralDelta, baseDelta);
        if (collateralDelta < 0 || baseDelta < 0) _requireMargin(id, p, true);
        _save(msg.sender, id, p);
    }

    function _requireTradable(uint256 id) private view {
        if (paused) revert MarketPaused();
        if (!seriesById[id].listed) revert NotListed(id);
        uint256 expiry = id >> 136;
        if (block.timestamp >= expiry) revert IVolSurface.SeriesExpired(expiry, block.timestamp);
        if (block.timestamp + limits.cutoff > expiry) revert TradingClosed(expiry, limits.cutoff);
        surface.requireOpen();
    }

    /// @dev Nothing is too small to close whole.
    function _requireSize(int256 size, int256 sizeDelta) private view {
        if (sizeDelta == 0) revert NoTrade();
        int256 then_ = int256(size + sizeDelta).toInt128();
        uint256 least = sizeDelta.abs().min(then_.abs());
        if (then_ != 0 && least < limits.minSize) revert DustSize(least, limits.minSize);
    }

    /// @dev Pays for a trade and moves the books by it.
    function _fill(address account, uint256 id, Position memory p, int256 sizeDelta, uint256 limitPrice)
        private
        returns (uint256 price)
    {
        uint256 factor;
        (price, factor) = _quote(id, sizeDelta);
        if (sizeDelta > 0 ? price > limitPrice : price < limitPrice) revert PriceLimit(price, limitPrice);
        uint256 fee = _feeUp(price, sizeDelta.abs());
        int256 cost = _timesUp(sizeDelta, price);
        uint256 toFund = fee.fullMulDiv(quotes.fundShare, WAD);
        cash[account] -= cost + int256(fee);
        _toPool(cost + int256(fee - toFund));
        _toFund(toFund);
        _moveSize(id, p, sizeDelta);
        emit OptionTraded(account, id, sizeDelta, price, fee, factor);
    }

    /// @dev Between the position, the caller's money and the caller's wallet. What no longer covers anything goes back.
    function _moveCollateral(uint256 id, Position memory p, int256 collateralDelta, int256 baseDelta) private {
        if (p.size >= 0) {
            if (baseDelta > 0) baseDelta = 0;
            (collateralDelta, baseDelta) = (-int256(p.collateral), -int256(p.base));
        }
        if (baseDelta != 0 && uint8(id) != OptionId.CALL) revert UnknownKind(uint8(id));
        cash[msg.sender] -= collateralDelta;
        p.collateral = _moved(p.collateral, collateralDelta);
        _requireCash(msg.sender);
        if (baseDelta > 0) {
            baseDelta = int256(_pull(baseToken, baseUnit, msg.sender, uint256(baseDelta)));
        } else if (baseDelta < 0) {
            baseDelta -= baseDelta % int256(baseUnit);
            baseToken.safeTransfer(msg.sender, uint256(-baseDelta) / baseUnit);
        }
        p.base = _moved(p.base, baseDelta);
    }

    function _moved(uint256 amount, int256 change) private pure returns (uint256) {
        if (change < 0 && change.abs() > amount) revert InsufficientCash(change.abs(), int256(amount));
        return uint256(int256(amount) + change);
    }

    function _requireMargin(uint256 id, Position memory p, bool initial) private view {
        if (p.size >= 0 || guaranteeOf[msg.sender].known) return;
        uint256 required = _requiredUp(id, p.size, p.base, initial);
        if (p.collateral < required) revert InsufficientMargin(p.collateral, required);
    }

    /// @dev Only what takes inventory further meets its bound.
    function _requireInventory(uint256 id, int256 sizeDelta) private view {
        int256 net = inventory[_key(id)];
        uint256 most = quotes.depth.fullMulDiv(quotes.maxShift, WAD);
        if (net.abs() > most && net.abs() > (net - sizeDelta).abs()) revert InventoryExceeded(net, most);
    }

    /// @dev [margin wad] that the pool has beyond what it may have to pay.
    function _poolRoom() private view returns (int256) {
        return poolCash - int256(totalReserve + owedTotal);
    }

    function _requirePoolRoom(int256 before) private view {
        int256 room = _poolRoom();
        if (room < 0 && room < before) revert InsufficientLiquidity(poolCash, totalReserve + owedTotal);
    }

    // -------------------------------------------------------------- liquidate

    /// @inheritdoc IOptionMarket
    function liquidate(address account, uint256 id) external override guarded returns (uint256 cost) {
        uint256 size;
        uint256 fee;
        (size, cost, fee) = previewLiquidation(account, id);
        Position memory p = _load(account, id);
        uint256 paid = cost.min(p.collateral);
        uint256 fromFund = (cost - paid).min(fund);
        p.collateral -= paid;
        _moveSize(id, p, int256(size));
        _fromFund(fromFund);
        _toPool(int256(paid + fromFund));
        if (cost != paid) emit LossAbsorbed(account, id, fromFund, cost - paid - fromFund);
        p.collateral -= fee;
        uint256 reward = fee.fullMulDiv(marginRules.liquidatorShare, WAD);
        cash[msg.sender] += int256(reward);
        _toFund(fee - reward);
        if (p.size == 0) {
            cash[account] += int256(p.collateral);
            baseOf[account] += p.base;
            (p.collateral, p.base) = (0, 0);
        }
        _save(account, id, p);
        emit PositionLiquidated(account, id, msg.sender, size, cost, cost - paid);
    }

    /// @inheritdoc IOptionMarket
    /// @dev Also while trading is halted or closed before expiry: whoever is unsafe then stays so.
    function previewLiquidation(address account, uint256 id)
        public
        view
        override
        returns (uint256 size, uint256 cost, uint256 fee)
    {
        if (!seriesById[id].listed) revert NotListed(id);
        Position memory p = _load(account, id);
        size = _uncovered(id, p.size, p.base);
        if (size == 0 || guaranteeOf[account].known) revert NoPosition(account, id);
        uint256 required = _requiredUp(id, p.size, p.base, false);
        if (p.collateral >= required) revert PositionHealthy(p.collateral, required);
        (uint256 price,) = _quote(id, int256(size));
        cost = size.fullMulDivUp(price, WAD);
        fee = size.fullMulDivUp(surface.spot().fullMulDivUp(marginRules.liquidationFee, WAD), WAD);
        fee = fee.min(p.collateral.zeroFloorSub(cost));
    }

    // ----------------------------------------------------------------- settle

    /// @inheritdoc IOptionMarket
    function freeze(uint256 expiry) external override guarded {
        uint256 price = expiryPrice.priceAt(expiry);
        for (uint256 i = ids.length; i != 0; --i) {
            uint256 id = ids[i - 1];
            if (id >> 136 == expiry && !seriesById[id].frozen) _freeze(id, price);
        }
    }

    function _freeze(uint256 id, uint256 price) private {
        Series storage s = seriesById[id];
        if (s.longs == 0 && s.shorts == 0) return _drop(id);
        (bool certain, uint256 payoff) = _payoff(id, price);
        if (!certain) return;
        totalReserve -= _reserveOf(s);
        (s.frozen, s.payoff, s.owed) = (true, payoff, s.longs.fullMulDiv(payoff, WAD));
        owedTotal += s.owed;
        shortsUnsettled += s.shorts;
        emit SeriesFrozen(id, price, payoff, s.owed);
    }

    /// @dev [wad] of one option at a price of expiry.
    function _payoff(uint256 id, uint256 price) private view returns (bool certain, uint256 payoff) {
        (, uint256 strike, uint256 kind) = OptionId.unpack(id);
        if (kind == OptionId.CALL) return (true, price.zeroFloorSub(strike));
        if (kind == OptionId.PUT) return (true, strike.zeroFloorSub(price));
        IOptionKind implementation = kindOf[kind];
        certain = implementation.isCertain(id);
        if (certain) payoff = implementation.payoff(id, price);
    }

    /// @inheritdoc IOptionMarket
    function settle(address account, uint256 id) external override guarded returns (int256 amount) {
        if (guaranteeOf[account].known && msg.sender != account) revert NotGuarantor(msg.sender, account);
        Position memory p = _load(account, id);
        Settlement memory s = _settlement(account, id, p);
        _fromFund(s.fromFund);
        if (p.size > 0) _settleLong(id, p, s);
        else _settleShort(account, id, p, s);
        amount = int256(s.received) - int256(s.paid);
        cash[account] += amount + int256(p.collateral);
        baseOf[account] += p.base - s.base;
        delete positions[account][id];
        emit PositionSettled(account, id, p.size, amount, s.base, s.unpaid);
        _closeSeries(id);
    }

    /// @inheritdoc IOptionMarket
    function previewSettle(address account, uint256 id) external view override returns (int256, uint256, uint256) {
        Settlement memory s = _settlement(account, id, _load(account, id));
        return (int256(s.received) - int256(s.paid), s.base, s.unpaid);
    }

    function _settlement(address account, uint256 id, Position memory p) private view returns (Settlement memory s) {
        Series storage x = seriesById[id];
        if (!x.frozen) revert NotFrozen(id);
        if (p.size == 0) revert NoPosition(account, id);
        if (p.size > 0) {
            s.owed = uint256(p.size).fullMulDiv(x.payoff, WAD);
            (s.received, s.fromFund) = _affordable(s.owed);
            s.unpaid = s.owed - s.received;
        } else {
            s.base = _baseOwedUp(id, p, x.payoff);
            s.owed = _uncovered(id, p.size, p.base).fullMulDivUp(x.payoff, WAD);
            s.paid = guaranteeOf[account].known ? s.owed : s.owed.min(p.collateral);
            s.fromFund = (s.owed - s.paid).min(fund);
            s.unpaid = s.owed - s.paid - s.fromFund;
        }
    }

    /// @dev What a long that is owed `owed` gets: all of it, or the share that everybody gets. Nobody loses before all
    /// that the pool is owed has come in.
    function _affordable(uint256 owed) private view returns (uint256 paid, uint256 fromFund) {
        uint256 held = _positive(poolCash);
        if (held >= owedTotal) return (owed, 0);
        if (shortsUnsettled != 0) revert SettleShortsFirst(shortsUnsettled);
        if (poolBase >= baseUnit) revert SellBaseFirst(poolBase);
        fromFund = (owedTotal - held).min(fund);
        return (owed.fullMulDiv(held + fromFund, owedTotal), fromFund);
    }

    /// @dev [base wad] that the covered part of a call pays, at most the base that covers it.
    function _baseOwedUp(uint256 id, Position memory p, uint256 payoff) private view returns (uint256) {
        if (uint8(id) != OptionId.CALL || payoff == 0) return 0;
        uint256 covered = p.size.abs().min(p.base);
        uint256 owed = covered.fullMulDivUp(payoff, expiryPrice.priceAt(id >> 136));
        return owed.divUp(baseUnit) * baseUnit;
    }

    function _settleLong(uint256 id, Position memory p, Settlement memory s) private {
        Series storage x = seriesById[id];
        _toPool(int256(s.fromFund) - int256(s.received));
        unpaidTotal += s.unpaid;
        (x.longs, x.owed) = (x.longs - uint256(p.size), x.owed - s.owed);
        owedTotal -= s.owed;
        inventory[_key(id)] -= p.size;
    }

    function _settleShort(address account, uint256 id, Position memory p, Settlement memory s) private {
        Series storage x = seriesById[id];
        _toPool(int256(s.paid + s.fromFund));
        poolBase += s.base;
        if (s.fromFund + s.unpaid != 0) emit LossAbsorbed(account, id, s.fromFund, s.unpaid);
        x.shorts -= uint256(-p.size);
        shortsUnsettled -= uint256(-p.size);
        inventory[_key(id)] -= p.size;
    }

    /// @dev What rounding left of what longs were owed is the pool's.
    function _closeSeries(uint256 id) private {
        Series storage x = seriesById[id];
        if (x.longs != 0 || x.shorts != 0) return;
        owedTotal -= x.owed;
        _drop(id);
    }

    /// @inheritdoc IOptionMarket
    function buyBase(uint256 amount, uint256 maxPrice) external override guarded returns (uint256 paid) {
        uint256 price = _basePrice();
        if (price > maxPrice) revert PriceLimit(price, maxPrice);
        amount = amount.min(poolBase);
        amount -= amount % baseUnit;
        paid = amount.fullMulDivUp(price, WAD);
        poolBase -= amount;
        cash[msg.sender] -= int256(paid);
        _requireCash(msg.sender);
        _toPool(int256(paid));
        baseToken.safeTransfer(msg.sender, amount / baseUnit);
        emit BaseSold(msg.sender, amount, paid);
    }

    // ------------------------------------------------------------------- pool

    modifier onlyPool() {
        if (msg.sender != pool) revert NotPool(msg.sender);
        _;
    }

    /// @inheritdoc IOptionMarket
    function poolDeposit(address payer, uint256 amount) external override onlyPool guarded {
        _toPool(int256(_pull(marginToken, marginUnit, payer, amount)));
    }

    /// @inheritdoc IOptionMarket
    function poolWithdraw(address to, uint256 amount) external override onlyPool guarded {
        if (withdrawalsPaused) revert MarketPaused();
        uint256 free = _poolFree();
        if (amount > free) revert InsufficientCash(amount, int256(free));
        _toPool(-int256(amount));
        marginToken.safeTransfer(to, amount / marginUnit);
    }
}
