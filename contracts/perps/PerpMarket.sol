// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IBackstop} from "../interfaces/IBackstop.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {Guarded} from "./Guarded.sol";
import {PerpGovernance} from "./PerpGovernance.sol";
import {PerpLedger} from "./PerpLedger.sol";

/// @title One perpetual future, linear or inverse.
contract PerpMarket is PerpGovernance, Guarded {
    using FixedPointMathLib for *;
    using SafeCastLib for *;
    using SafeTransferLib for address;

    /// @dev What a trade would do.
    struct Plan {
        int256 cost; // [margin wad] of the size traded, negative for what selling brings
        uint256 price; // [wad] of the fill
        uint256 fee; // [margin wad]
    }

    constructor(
        address token,
        address feed,
        bool inverse_,
        MarginConfig memory margin_,
        FeeConfig memory fees_,
        LimitConfig memory limits_,
        OrderConfig memory orders_,
        FundingConfig memory funding_
    ) PerpLedger(token, inverse_) PerpGovernance(feed) {
        _setMargin(margin_);
        _setFees(fees_);
        _setLimits(limits_);
        _setOrders(orders_);
        _setFunding(funding_);
    }

    // ----------------------------------------------------------------- margin

    /// @inheritdoc IPerpMarket
    function deposit(address owner, uint256 amount) external override guarded {
        amount -= amount % marginUnit;
        Account memory a = _account(owner);
        _addMargin(a, amount);
        a.principal += amount;
        _save(owner, a);
        _pull(msg.sender, amount);
        emit Deposited(owner, msg.sender, amount);
    }

    /// @inheritdoc IPerpMarket
    function withdraw(uint256 amount, address to) external override guarded {
        if (withdrawalsPaused) revert MarketPaused();
        amount -= amount % marginUnit;
        Account memory a = _account(msg.sender);
        Frame memory f = _isFlat(msg.sender, a) && a.principal >= amount ? _noFrame() : _accrue();
        _settleFunding(msg.sender, a, f.fundingIndex);
        _requireWithdrawable(msg.sender, a, f, amount);
        a.principal = a.principal.zeroFloorSub(amount);
        _takeMargin(a, amount);
        _save(msg.sender, a);
        marginToken.safeTransfer(to, amount / marginUnit);
        emit Withdrawn(msg.sender, to, amount);
    }

    /// @inheritdoc IPerpMarket
    function withdrawable(address owner) external view override returns (uint256) {
        if (withdrawalsPaused) return 0;
        Account memory a = _account(owner);
        Frame memory f = _isFlat(owner, a) && a.margin <= int256(a.principal) ? _noFrame() : _frame();
        (int256 equity, uint256 required) = _boundMargin(owner, a, f);
        int256 free = equity - int256(required);
        if (free <= 0) return 0;
        uint256 most = uint256(free);
        if (most > a.principal && _shortfall(f) != 0) most = a.principal;
        most = most.min(marginToken.balanceOf(address(this)) * marginUnit);
        return most - most % marginUnit;
    }

    /// @dev For an account without a position that takes no more than it brought: no price is needed.
    function _noFrame() private view returns (Frame memory) {
        return Frame(0, funding.index);
    }

    function _isFlat(address owner, Account memory a) private view returns (bool) {
        return a.size == 0 && orders[owner].sizeDelta == 0;
    }

    /// @dev Equity and what of it is bound, as it is or as a pending order would leave it, whichever frees less. Else who
    /// takes margin out and brings it back has an order that fills only when they want it to.
    function _boundMargin(address owner, Account memory a, Frame memory f)
        private
        view
        returns (int256 equity, uint256 required)
    {
        if (a.size == 0) equity = a.margin;
        else (equity, required) = (_lowerEquity(a, f), _requiredUp(a.size, f, true));
        int256 pending = orders[owner].sizeDelta;
        if (pending == 0) return (equity, required);
        (int256 then_, uint256 needed) = _afterTrade(a, f, pending, _plan(f.worth, pending));
        needed += orderRules.tip;
        if (then_ - int256(needed) < equity - int256(required)) return (then_, needed);
    }

    function _requireWithdrawable(address owner, Account memory a, Frame memory f, uint256 amount) private view {
        (int256 equity, uint256 required) = _boundMargin(owner, a, f);
        equity -= amount.toInt256();
        if (equity < int256(required)) {
            if (required == 0) revert InsufficientCash(amount, _long(equity + int256(amount)));
            revert InsufficientMargin(equity, required);
        }
        if (amount <= a.principal) return;
        uint256 short = _shortfall(f);
        if (short != 0) revert WithdrawalsPaused(short);
    }

    // ------------------------------------------------------------------ trade

    /// @inheritdoc IPerpMarket
    function trade(int256 sizeDelta, uint256 limitPrice) external override guarded returns (bool filled) {
        _requireTrading();
        if (orderRules.delay != 0) {
            _submit(sizeDelta, limitPrice);
            return false;
        }
        Frame memory f = _accrue();
        Account memory a = _account(msg.sender);
        _settleFunding(msg.sender, a, f.fundingIndex);
        _trade(msg.sender, a, f, sizeDelta, limitPrice);
        return true;
    }

    /// @inheritdoc IPerpMarket
    function previewTrade(address, int256 sizeDelta) external view override returns (uint256 fillPrice, uint256 fee) {
        (uint256 price,) = _index();
        Plan memory p = _plan(_worth(price), sizeDelta);
        return (p.price, p.fee);
    }

    /// @inheritdoc IPerpMarket
    function previewTradeMargin(address owner, int256 sizeDelta, uint256 limitPrice)
        external
        view
        override
        returns (int256 equity, uint256 required)
    {
        _requireTrading();
        Frame memory f = _frame();
        (, equity, required) = _checkedPlan(_account(owner), f, sizeDelta, limitPrice);
    }

    function _requireTrading() private view {
        if (paused) revert MarketPaused();
    }

    function _trade(address owner, Account memory a, Frame memory f, int256 sizeDelta, uint256 limitPrice) private {
        (Plan memory p,,) = _checkedPlan(a, f, sizeDelta, limitPrice);
        int256 realised = _fill(a, sizeDelta, p.cost, f.fundingIndex);
        uint256 toFund = p.fee.fullMulDiv(fees.fundShare, WAD);
        _moveToPool(a, int256(p.fee - toFund));
        _moveToFund(a, toFund);
        _save(owner, a);
        emit Traded(owner, sizeDelta, p.price, p.fee, realised);
        _emitSkew(f);
    }

    function _plan(int256 worth, int256 sizeDelta) private view returns (Plan memory p) {
        if (sizeDelta.toInt128() == 0) revert NoTrade();
        int256 fillWorth;
        (p.cost, fillWorth) = _costUp(worth, sizeDelta);
        p.price = _priceOf(fillWorth, sizeDelta > 0);
        p.fee = p.cost.abs().fullMulDivUp(fees.tradeFee, WAD);
    }

    /// @dev What a trade would do, or the revert it meets. Funding may be settled or not.
    function _checkedPlan(Account memory a, Frame memory f, int256 sizeDelta, uint256 limitPrice)
        private
        view
        returns (Plan memory p, int256 equity, uint256 required)
    {
        p = _plan(f.worth, sizeDelta);
        if (sizeDelta > 0 ? p.price > limitPrice : p.price < limitPrice) revert PriceLimit(p.price, limitPrice);
        _requireLimits(a.size, sizeDelta, f, p.fee);
        (equity, required) = _afterTrade(a, f, sizeDelta, p);
        if (equity < int256(required)) revert InsufficientMargin(equity, required);
    }

    /// @dev Only what makes open interest or skew larger meets their bounds.
    function _requireLimits(int256 size, int256 sizeDelta, Frame memory f, uint256 fee) private view {
        int256 then_ = size + sizeDelta;
        if (then_.abs() > size.abs() || (then_ > 0) != (size > 0)) {
            uint256 side = then_ > 0 ? longSize : shortSize;
            bool same = (then_ > 0) == (size > 0);
            side = side + then_.abs() - (same ? size.abs() : 0);
            if (side > limits.maxOpenInterest && then_ != 0) revert OpenInterestExceeded(side, limits.maxOpenInterest);
        }
        int256 skewThen = skew + sizeDelta;
        if (skewThen.abs() <= skew.abs()) return;
        if (skewThen.abs() > limits.maxSkew) revert SkewExceeded(skewThen.abs(), limits.maxSkew);
        int256 capital = _poolCapital(f) + int256(fee - fee.fullMulDiv(fees.fundShare, WAD));
        uint256 bound = _poolBoundUp(skewThen, f);
        if (capital <= 0 || capital < int256(bound)) revert InsufficientLiquidity(capital, bound);
    }

    /// @dev The solvency rule of IPerpMarket, by formula, so that a preview is what happens. Counting one unit less than
    /// the books will hold covers the rounding of what is closed.
    function _afterTrade(Account memory a, Frame memory f, int256 sizeDelta, Plan memory p)
        private
        view
        returns (int256 equity, uint256 required)
    {
        int256 size = a.size + sizeDelta;
        int256 skewThen = skew + sizeDelta;
        int256 cash = a.margin - a.entryValue - p.cost - int256(p.fee);
        if (a.size != 0) cash -= _fundingDueUp(a, f.fundingIndex);
        if (size == 0) return (cash, 0);
        int256 mark = _worthAt(f.worth, 2 * skewThen);
        equity = cash - _divUp(-size * mark);
        bool reduces = (size > 0) == (a.size > 0) && size.abs() < a.size.abs();
        if (!reduces) equity = equity.min(cash - _divUp(-size * _worthAt(f.worth, 2 * skewThen - size)));
        uint256 ratio = reduces ? marginRules.maintenanceRatio : marginRules.initialRatio;
        required = size.abs().fullMulDivUp(mark.abs(), RAY).fullMulDivUp(ratio, WAD);
    }

    function _emitSkew(Frame memory f) private {
        emit SkewChanged(_priceOf(f.worth, false), skew, longSize, shortSize);
    }

    // ----------------------------------------------------------------- orders

    /// @inheritdoc IPerpMarket
    function submitOrder(int256 sizeDelta, uint256 limitPrice) external override {
        _requireTrading();
        _submit(sizeDelta, limitPrice);
    }

    /// @inheritdoc IPerpMarket
    function executeOrder(address owner) external override guarded {
        _requireTrading();
        Order memory o = _pending(owner);
        if (block.timestamp < o.executableAt) revert OrderTooEarly(block.timestamp, o.executableAt);
        if (block.timestamp > o.expiresAt) revert OrderExpired(o.expiresAt);
        (uint256 price, uint256 observedAt) = _index();
        if (observedAt <= o.submittedAt) revert OrderTooEarly(observedAt, o.submittedAt + 1);
        delete orders[owner];
        Frame memory f = _accrueAt(_worth(price));
        Account memory a = _account(owner);
        _settleFunding(owner, a, f.fundingIndex);
        uint256 tip = _pay(a, msg.sender, orderRules.tip);
        _trade(owner, a, f, o.sizeDelta, o.limitPrice);
        emit OrderExecuted(owner, msg.sender, tip);
    }

    /// @inheritdoc IPerpMarket
    function cancelOrder(address owner) external override {
        Order memory o = _pending(owner);
        if (block.timestamp <= o.expiresAt) revert OrderBinding(o.expiresAt);
        _dropOrder(owner);
    }

    /// @dev Also where a position was closed by others: the order was meant for the one that was there.
    function _dropOrder(address owner) private {
        if (orders[owner].sizeDelta == 0) return;
        delete orders[owner];
        emit OrderCancelled(owner);
    }

    function _submit(int256 sizeDelta, uint256 limitPrice) private {
        if (orders[msg.sender].sizeDelta != 0) revert OrderPending(msg.sender);
        Account memory a = _account(msg.sender);
        a.margin -= int256(orderRules.tip);
        _checkedPlan(a, _frame(), sizeDelta, sizeDelta > 0 ? type(uint256).max : 0);
        uint256 executableAt = block.timestamp + orderRules.delay;
        uint256 expiresAt = executableAt + orderRules.lifetime;
        orders[msg.sender] = Order(sizeDelta, limitPrice, block.timestamp, executableAt, expiresAt);
        emit OrderSubmitted(msg.sender, sizeDelta, limitPrice, executableAt, expiresAt);
    }

    function _pending(address owner) private view returns (Order memory o) {
        o = orders[owner];
        if (o.sizeDelta == 0) revert NoOrder(owner);
    }

    // -------------------------------------------------------------- liquidate

    /// @inheritdoc IPerpMarket
    function liquidate(address owner) external override guarded returns (int256 closed) {
        if (liquidationsPaused) revert MarketPaused();
        Frame memory f = _accrue();
        Account memory a = _account(owner);
        _settleFunding(owner, a, f.fundingIndex);
        uint256 fee;
        (closed, fee) = _planLiquidation(owner, a, f);
        (int256 cost, int256 fillWorth) = _costUp(f.worth, -closed);
        _fill(a, -closed, cost, f.fundingIndex);
        uint256 deficit = a.size == 0 && a.margin < 0 ? uint256(-a.margin) : 0;
        if (deficit != 0) {
            _addMargin(a, deficit);
            IBackstop(backstop).absorb(closed, deficit);
        }
        uint256 paid = _pay(a, msg.sender, fee.fullMulDiv(marginRules.liquidatorShare, WAD));
        _moveToFund(a, fee - paid);
        _save(owner, a);
        _dropOrder(owner);
        uint256 price = _priceOf(fillWorth, closed < 0);
        emit Liquidated(owner, msg.sender, closed, price, paid, fee - paid, deficit);
        _emitSkew(f);
    }

    /// @inheritdoc IPerpMarket
    function previewLiquidation(address owner) external view override returns (int256, uint256) {
        if (liquidationsPaused) revert MarketPaused();
        Frame memory f = _frame();
        return _planLiquidation(owner, _account(owner), f);
    }

    function _planLiquidation(address owner, Account memory a, Frame memory f)
        private
        view
        returns (int256 closed, uint256 fee)
    {
        if (a.size == 0) revert NoPosition(owner);
        int256 equity = _markEquity(a, f);
        uint256 required = _requiredUp(a.size, f, false);
        if (equity >= int256(required)) revert AccountHealthy(equity, required);
        closed = _sizeToClose(a.size, equity, f);
        (int256 cost, int256 fillWorth) = _costUp(f.worth, -closed);
        fee = cost.abs().fullMulDivUp(marginRules.liquidationFee, WAD);
        if (closed == a.size) {
            int256 left = _equityAt(a, f, fillWorth);
            fee = left > 0 ? fee.min(uint256(left)) : 0;
        }
    }

    /// @dev [size wad] With notional v, initial ratio i, fee f and equity e, closing the share x of a position costs
    /// f x v and at most p x v of premium, where p is size / skewScale; (1 - x) i v = e - (f + p) x v gives
    /// x = (i v - e) / ((i - f - p) v). Rounded up.
    function _sizeToClose(int256 size, int256 equity, Frame memory f) private view returns (int256) {
        MarginConfig memory m = marginRules;
        uint256 notional = _notionalUp(size, f);
        uint256 cost = m.liquidationFee + size.abs().fullMulDivUp(WAD, limits.skewScale);
        if (equity <= 0 || notional < m.wholeBelow || cost >= m.initialRatio) return size;
        uint256 missing = notional.fullMulDivUp(m.initialRatio, WAD).zeroFloorSub(uint256(equity));
        uint256 part = size.abs().fullMulDivUp(missing, notional.fullMulDiv(m.initialRatio - cost, WAD));
        if (part >= size.abs()) return size;
        uint256 left = _notionalUp((size.abs() - part).toInt256(), f);
        if (left < m.wholeBelow) return size;
        return size > 0 ? int256(part) : -int256(part);
    }

    // -------------------------------------------------------------- backstop

    modifier onlyBackstop() {
        _requireBackstop();
        _;
    }

    function _requireBackstop() private view {
        if (msg.sender != backstop) revert NotBackstop(msg.sender);
    }

    /// @inheritdoc IPerpMarket
    function deleverage(address owner, uint256 size, uint256 haircut)
        external
        override
        onlyBackstop
        guarded
        returns (uint256 taken)
    {
        Frame memory f = _accrue();
        Account memory a = _account(owner);
        _settleFunding(owner, a, f.fundingIndex);
        int256 sizeDelta = a.size > 0 ? -size.min(_long(a.size)).toInt256() : size.min(_long(-a.size)).toInt256();
        if (sizeDelta == 0) return 0;
        (int256 cost, int256 fillWorth) = _costUp(f.worth, sizeDelta);
        int256 realised = _fill(a, sizeDelta, cost, f.fundingIndex);
        if (realised <= 0) revert IBackstop.NotProfitable(owner);
        // What is left of its profit may be less than that: it may have taken some out against the position.
        taken = haircut.min(uint256(realised)).min(_long(_lowerEquity(a, f)));
        _takeMargin(a, taken);
        _save(owner, a);
        _dropOrder(owner);
        emit Deleveraged(owner, -sizeDelta, _priceOf(fillWorth, sizeDelta > 0), taken);
        _emitSkew(f);
    }

    /// @inheritdoc IPerpMarket
    function chargePool(uint256 amount) external override onlyBackstop returns (uint256 taken) {
        int256 capital = _poolCapital(_accrue());
        taken = capital > 0 ? amount.min(uint256(capital)) : 0;
        poolCash -= int256(taken);
        emit PoolChanged(-int256(taken), poolCash);
    }

    /// @inheritdoc IPerpMarket
    function fundDeposit(address payer, uint256 amount) external override onlyBackstop guarded returns (uint256) {
        return _pull(payer, amount);
    }

    /// @inheritdoc IPerpMarket
    function fundWithdraw(address to, uint256 amount) external override onlyBackstop guarded {
        marginToken.safeTransfer(to, amount / marginUnit);
    }

    // ------------------------------------------------------------------- pool

    /// @inheritdoc IPerpMarket
    function settlePool() external override guarded returns (uint256 deficit) {
        int256 capital = _poolCapital(_accrue());
        if (capital >= 0) revert PoolSolvent(capital);
        deficit = uint256(-capital);
        poolCash += int256(deficit);
        (uint256 known,,) = IBackstop(backstop).bankruptcy(skew < 0);
        // One at least, so that it has a side.
        int256 added = skew.abs().zeroFloorSub(known).max(skew.abs().min(1)).toInt256();
        emit PoolBankrupt(deficit);
        IBackstop(backstop).absorb(skew < 0 ? added : -added, deficit);
    }

    modifier onlyPool() {
        if (msg.sender != pool) revert NotPool(msg.sender);
        _;
    }

    /// @inheritdoc IPerpMarket
    function poolDeposit(address payer, uint256 amount) external override onlyPool guarded {
        poolCash += _pull(payer, amount).toInt256();
        emit PoolChanged(int256(amount), poolCash);
    }

    /// @inheritdoc IPerpMarket
    function poolWithdraw(address to, uint256 amount) external override onlyPool guarded {
        if (withdrawalsPaused) revert MarketPaused();
        Frame memory f = _accrue();
        uint256 free = _poolFree(f);
        if (amount > free) revert InsufficientCash(amount, free);
        poolCash -= int256(amount);
        marginToken.safeTransfer(to, amount / marginUnit);
        emit PoolChanged(-int256(amount), poolCash);
    }

    /// @inheritdoc IPerpMarket
    function accrueFunding() external override returns (int256) {
        return _accrue().fundingIndex;
    }
}
