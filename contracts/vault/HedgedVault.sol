// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC4626} from "solady/src/tokens/ERC4626.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IHedgedVault} from "../interfaces/IHedgedVault.sol";
import {VaultSettings} from "./VaultSettings.sol";
import {VaultShares} from "./VaultShares.sol";

/// @title A vault that keeps its strategy hedged; see IHedgedVault.
/// @notice Here are deposits and withdrawals, and the rebalance: whether it is due, what it aims at, and what it may
/// cost. The shares are in VaultShares, those who wait in VaultQueue, the parameters in VaultSettings.
///
/// Whatever moves the strategy's money is held to one bound: gross value at the mid may fall by no more than
/// maxSlippage of what was traded, and never by more than that part of all there is, whatever the strategy says.
contract HedgedVault is VaultSettings {
    using FixedPointMathLib for uint256;
    using FixedPointMathLib for int256;
    using SafeTransferLib for address;

    uint256 private constant TIP_SHARE = 1000; // a tip is one part in this many of net assets at most
    uint256 private constant ROUNDING = 100; // [asset units] that whole units of tokens and indices may cost
    /// @dev [wad] A rebalance to the edge stays this far inside it, so that rounding does not leave it outside.
    uint256 private constant EDGE_ROOM = 1e12;

    uint256 public lastRebalance; // [unix s]
    uint256 public lastPrice; // [wad] at the last rebalance

    /// @dev Carries the outcome of a rebalance that is taken back.
    error Preview(Rebalanced outcome);
    error NotSelf(address caller);

    constructor(
        address asset_,
        string memory name_,
        string memory symbol_,
        Limits memory limits_,
        Fees memory fees_,
        Triggers memory triggers_,
        Execution memory execution_
    ) VaultShares(asset_, name_, symbol_) {
        _initializeOwner(msg.sender);
        _setLimits(limits_);
        _setFees(fees_);
        _setTriggers(triggers_);
        _setExecution(execution_);
        lastRebalance = block.timestamp;
    }

    // ---------------------------------------------------- deposits, withdrawals

    function deposit(uint256 assets, address to) public override nonReentrant returns (uint256 shares) {
        _accrue();
        uint256 most = maxDeposit(to);
        if (assets > most) revert DepositRefused(assets, most);
        shares = previewDeposit(assets);
        _enter(assets, shares, to);
    }

    function mint(uint256 shares, address to) public override nonReentrant returns (uint256 assets) {
        _accrue();
        uint256 most = maxMint(to);
        if (shares > most) revert DepositRefused(shares, most);
        assets = previewMint(shares);
        _enter(assets, shares, to);
    }

    function withdraw(uint256 assets, address to, address owner) public override nonReentrant returns (uint256 shares) {
        _accrue();
        uint256 most = maxWithdraw(owner);
        if (assets > most) revert WithdrawalRefused(assets, most);
        if (assets == 0) revert NothingMoved();
        shares = previewWithdraw(assets);
        _free(assets);
        _leave(assets, shares, to, owner);
    }

    function redeem(uint256 shares, address to, address owner) public override nonReentrant returns (uint256 assets) {
        _accrue();
        uint256 most = maxRedeem(owner);
        if (shares > most) revert WithdrawalRefused(shares, most);
        assets = previewRedeem(shares);
        if (assets == 0) revert NothingMoved();
        _free(assets);
        _leave(assets, shares, to, owner);
    }

    /// @inheritdoc IHedgedVault
    function requestRedeem(uint256 shares, address receiver, address owner)
        external
        override
        nonReentrant
        returns (uint256)
    {
        _accrue();
        return _request(shares, receiver, owner);
    }

    /// @inheritdoc IHedgedVault
    function settle(uint256 most) external override nonReentrant returns (uint256) {
        if (!_isLive()) revert NotLive();
        _accrue();
        return _settle(most);
    }

    /// @inheritdoc IHedgedVault
    function claim(address receiver) external override nonReentrant returns (uint256) {
        return _claim(receiver);
    }

    /// @dev Unwinds what a withdrawal lacks, at a loss to those who stay of maxSlippage at most.
    function _free(uint256 assets) private {
        if (assets <= idle) return;
        uint256 wanted = assets - idle;
        uint256 before = _gross();
        _unwind(wanted);
        if (assets > idle) revert Illiquid(wanted, wanted + idle - assets);
        _requireNoGreaterLoss(before, wanted);
    }

    // -------------------------------------------------------------- rebalance

    /// @inheritdoc IHedgedVault
    function rebalance(bytes calldata data) external override nonReentrant returns (Rebalanced memory) {
        return _rebalance(msg.sender, data);
    }

    /// @inheritdoc IHedgedVault
    function previewRebalance(bytes calldata data) external override returns (Rebalanced memory outcome) {
        try this.rebalanceAndRevert(msg.sender, data) {}
        catch (bytes memory reason) {
            if (bytes4(reason) != Preview.selector) _bubble(reason);
            assembly ("memory-safe") {
                outcome := add(reason, 36)
            }
        }
    }

    /// @dev For `previewRebalance` alone.
    function rebalanceAndRevert(address keeper, bytes calldata data) external nonReentrant {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        revert Preview(_rebalance(keeper, data));
    }

    /// @inheritdoc IHedgedVault
    function rebalanceDue() external view override returns (bool due, Reason reason) {
        if (address(strategy) == address(0) || !strategy.isLive()) return (false, Reason.None);
        uint256 net = totalAssets();
        reason = _reason(net, _relative(_deviation(net), net));
        due = reason == Reason.Margin || (reason != Reason.None && block.timestamp >= _cooledAt());
    }

    /// @inheritdoc IHedgedVault
    function exposure() external view override returns (int256, int256, int256) {
        return address(strategy) == address(0) ? (int256(0), int256(0), int256(0)) : strategy.exposure();
    }

    /// @inheritdoc IHedgedVault
    function relativeDelta() external view override returns (int256) {
        uint256 net = totalAssets();
        return address(strategy) == address(0) ? int256(0) : _relative(_deviation(net), net);
    }

    function _rebalance(address keeper, bytes calldata data) private returns (Rebalanced memory r) {
        uint256 net = _accrue();
        if (!_isLive() || address(strategy) == address(0)) revert NotLive();
        r.deltaBefore = _deviation(net);
        int256 relative = _relative(r.deltaBefore, net);
        r.reason = _reason(net, relative);
        if (r.reason == Reason.None) revert RebalanceNotDue(relative, triggers().band);
        bool cooled = block.timestamp >= _cooledAt();
        if (!cooled && r.reason != Reason.Margin) revert Cooldown(_cooledAt());
        (lastRebalance, lastPrice) = (block.timestamp, strategy.referencePrice());

        r.valueBefore = _gross();
        uint256 marginBefore = strategy.marginRatio();
        r.traded = _moveIdle(net);
        r.traded += strategy.rebalance(_aim(net, r.deltaBefore), data);
        r.valueAfter = _requireNoGreaterLoss(r.valueBefore, r.traded);
        uint256 netAfter = totalAssets();
        r.deltaAfter = _deviation(netAfter);
        _requireInside(r, netAfter, marginBefore);
        bool stillTooMuch = r.reason == Reason.Excess && strategy.marginRatio() > triggers().marginCeiling;
        if (cooled && !stillTooMuch) r.tip = _payTip(keeper, netAfter);
        emit RebalanceDone(keeper, r);
    }

    function _reason(uint256 net, int256 relative) private view returns (Reason) {
        Triggers memory t = triggers();
        uint256 margin = strategy.marginRatio();
        if (margin < t.marginFloor) return Reason.Margin;
        if (_freeable(net) > 2 * _tip(net)) return Reason.Withdrawals;
        if (relative.abs() > t.band) return Reason.Delta;
        if (t.marginCeiling != 0 && margin > t.marginCeiling && margin != type(uint256).max) return Reason.Excess;
        if (t.priceMove != 0 && _priceMove() >= t.priceMove) return Reason.Price;
        if (t.interval != 0 && block.timestamp >= lastRebalance + t.interval) return Reason.Time;
        if (_surplus(net) > net.fullMulDiv(t.idleBand, WAD)) return Reason.Idle;
        return Reason.None;
    }

    /// @dev [asset units] Delta less what it is meant to be.
    function _deviation(uint256 net) private view returns (int256) {
        (int256 delta,,) = strategy.exposure();
        return delta - int256(net) * strategy.targetDelta() / int256(WAD);
    }

    function _relative(int256 delta, uint256 net) private pure returns (int256) {
        if (delta == 0) return 0;
        if (net == 0) return delta > 0 ? type(int256).max : type(int256).min + 1;
        return delta * int256(WAD) / int256(net);
    }

    function _priceMove() private view returns (uint256) {
        uint256 price = strategy.referencePrice();
        return lastPrice == 0 ? 0 : price.dist(lastPrice).fullMulDiv(WAD, lastPrice);
    }

    function _cooledAt() private view returns (uint256) {
        return lastPrice == 0 ? 0 : lastRebalance + execution().cooldown;
    }

    // -------------------------------------------------------------- its parts

    /// @dev [asset units] Idle beyond the buffer, a tip, and what waits in the queue.
    function _surplus(uint256 net) private view returns (uint256) {
        uint256 kept = net.fullMulDivUp(execution().buffer, WAD) + convertToAssets(queuedShares);
        return idle.zeroFloorSub(kept + _tip(net));
    }

    /// @dev [asset units] What those who wait lack and the strategy can free, and the tip for it: paid out of what they
    /// get, each tip would make them lack something again.
    function _freeable(uint256 net) private view returns (uint256 lacking) {
        lacking = _lacking();
        if (lacking != 0) lacking = (lacking + _tip(net)).min(strategy.liquidity());
    }

    /// @dev Gives the strategy what is too much here, or takes from it what those who wait lack.
    function _moveIdle(uint256 net) private returns (uint256 traded) {
        uint256 freeable = _freeable(net);
        if (freeable != 0) return _unwind(freeable);
        uint256 surplus = _surplus(net);
        if (surplus == 0) return 0;
        idle -= surplus;
        asset().safeTransfer(address(strategy), surplus);
        strategy.deploy(surplus);
    }

    /// @dev What arrived counts, not what the strategy says.
    function _unwind(uint256 wanted) private returns (uint256 freed) {
        uint256 before = asset().balanceOf(address(this));
        strategy.unwind(wanted);
        freed = asset().balanceOf(address(this)) - before;
        idle += freed;
    }

    /// @dev [asset units] Where delta should go: to the target, or from outside the band to its edge, at most maxTrade
    /// away. Room is left for what the trade may cost, which makes the band narrower.
    function _aim(uint256 net, int256 deviation) private view returns (int256) {
        Execution memory e = execution();
        int256 goal;
        if (e.rebalanceTo == RebalanceTo.Edge) {
            uint256 band = uint256(triggers().band).fullMulDiv(net, WAD);
            uint256 edge = band.fullMulDiv(WAD - e.maxSlippage - EDGE_ROOM, WAD);
            goal = deviation.abs() <= band ? deviation : (deviation > 0 ? int256(edge) : -int256(edge));
        }
        if (e.maxTrade != 0) {
            int256 most = int256(net.fullMulDiv(e.maxTrade, WAD));
            goal = goal.clamp(deviation - most, deviation + most);
        }
        return goal + int256(net) * strategy.targetDelta() / int256(WAD);
    }

    function _requireNoGreaterLoss(uint256 before, uint256 traded) private view returns (uint256 got) {
        uint256 bound = traded.min(before).fullMulDiv(execution().maxSlippage, WAD) + ROUNDING;
        uint256 min = before.zeroFloorSub(bound);
        got = _gross();
        if (got < min) revert Slippage(got, min);
    }

    /// @dev Inside the band, or, as far as one slice reaches, nearer to it. To save the margin comes first: then a
    /// higher margin ratio is enough.
    function _requireInside(Rebalanced memory r, uint256 net, uint256 marginBefore) private view {
        uint256 band = triggers().band;
        int256 relative = _relative(r.deltaAfter, net);
        if (relative.abs() <= band) return;
        if (execution().maxTrade != 0 && r.deltaAfter.abs() < r.deltaBefore.abs()) return;
        if (r.reason == Reason.Margin && strategy.marginRatio() > marginBefore) return;
        revert DeltaOutsideBand(relative, band);
    }

    /// @dev [asset units]
    function _tip(uint256 net) private view returns (uint256) {
        return execution().tip.min(net / TIP_SHARE);
    }

    function _payTip(address keeper, uint256 net) private returns (uint256 tip) {
        tip = _tip(net).min(idle);
        if (tip == 0) return 0;
        idle -= tip;
        asset().safeTransfer(keeper, tip);
    }

    function _bubble(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
