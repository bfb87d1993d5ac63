// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {Dollar} from "../cdp/Dollar.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IERC3156FlashBorrower} from "../interfaces/IERC3156FlashBorrower.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";
import {LendingPool} from "../lending/LendingPool.sol";
import {StrategyBase} from "./StrategyBase.sol";

/// @title Carry on collateral: it is locked in the debt engine, and the Dollars drawn on it earn.
/// @notice The asset is the collateral. Of the Dollars drawn, `loopShare` buys more collateral and the rest is lent; so
/// with r the collateral over debt and s the loop share
///
///     debt = equity / (r - s),  lent = (1 - s) debt,  delta = debt - lent = s / (r - s) of equity.
///
/// Delta is in the asset: with nothing looped, equity in collateral does not depend on its price. A loop is one flash
/// mint: buy, lock and draw; or repay, take out and sell. So it can be unwound below the engine's minimum ratio too,
/// where only what makes a position no riskier is allowed.
///
/// What is lent may be frozen. Then a price that falls is answered by selling collateral alone: delta goes negative by
/// what is stuck, which the vault accepts for a higher ratio.
contract CdpCarry is StrategyBase, IERC3156FlashBorrower {
    using FixedPointMathLib for uint256;
    using SafeTransferLib for address;

    /// @dev Everything here at one moment.
    struct Book {
        uint256 waiting; // [wad] collateral not yet locked
        uint256 locked; // [wad] collateral in the engine
        uint256 debt; // [Dollar wad]
        uint256 lent; // [Dollar wad]
        uint256 dollars; // [Dollar wad] at hand
        uint256 price; // [wad]
        bool fresh;
    }

    uint256 private constant HIGHEST_RATIO = 10e18; // [wad]
    uint256 private constant HIGHEST_LOOP_SHARE = 1e18; // [wad]
    bytes32 private constant BORROWER_PROOF = keccak256("ERC3156FlashBorrower.onFlashLoan");

    ICdpEngine public immutable engine;
    bytes32 public immutable id;
    Dollar public immutable dollar;
    LendingPool public immutable lending;
    uint256 private immutable unit; // [wad] of the smallest unit of collateral

    uint256 public targetRatio; // [wad] collateral value over debt
    uint256 public loopShare; // [wad] of the Dollars drawn

    event TargetsSet(uint256 targetRatio, uint256 loopShare);

    error NotFlashLender(address caller, address initiator);
    error NoEquity();

    /// @param pool_ of the collateral and Dollar
    constructor(
        address vault_,
        ICdpEngine engine_,
        bytes32 id_,
        Dollar dollar_,
        LendingPool lending_,
        ConstantProductPool pool_,
        uint256 depthLoss_,
        uint256 targetRatio_,
        uint256 loopShare_
    ) StrategyBase(vault_, engine_.collaterals(id_).token, pool_, depthLoss_) {
        (engine, id, dollar, lending) = (engine_, id_, dollar_, lending_);
        address token = engine_.collaterals(id_).token;
        unit = _unitOf(token);
        _setTargets(targetRatio_, loopShare_);
        token.safeApprove(address(engine_), type(uint256).max);
        token.safeApprove(address(pool_), type(uint256).max);
        address(dollar_).safeApprove(address(pool_), type(uint256).max);
        address(dollar_).safeApprove(address(lending_), type(uint256).max);
        address(dollar_).safeApprove(address(dollar_), type(uint256).max);
    }

    /// @param ratio [wad] above the engine's minimum, 10 at most
    /// @param share [wad] of the Dollars drawn that buys collateral, 1 at most
    function setTargets(uint256 ratio, uint256 share) external onlyOwner {
        _setTargets(ratio, share);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IStrategy
    function totalValue() public view override returns (uint256) {
        return _equity(_book()) / unit;
    }

    /// @inheritdoc IStrategy
    /// @dev Gamma: in the asset a Dollar is worth 1 / price, so delta falls as fast as the price rises.
    function exposure() external view override returns (int256 delta, int256 gamma, int256 vega) {
        Book memory b = _book();
        if (b.price == 0) return (0, 0, 0);
        delta = (int256(b.debt) - int256(b.lent + b.dollars)) * int256(WAD) / int256(b.price) / int256(unit);
        return (delta, -delta, 0);
    }

    /// @inheritdoc IStrategy
    function targetDelta() public view override returns (int256) {
        return int256(loopShare.fullMulDiv(WAD, targetRatio - loopShare));
    }

    /// @inheritdoc IStrategy
    /// @dev Collateral value over debt at the newest price.
    function marginRatio() external view override returns (uint256) {
        Book memory b = _book();
        return b.debt == 0 ? type(uint256).max : b.locked.fullMulDiv(b.price, b.debt);
    }

    /// @inheritdoc IStrategy
    function referencePrice() external view override returns (uint256 price) {
        return _book().price;
    }

    /// @inheritdoc IStrategy
    function isLive() external view override returns (bool) {
        return _book().fresh;
    }

    /// @inheritdoc IStrategy
    /// @dev In proportion to what the lending pool can pay back and the pool can take.
    function liquidity() external view override returns (uint256) {
        Book memory b = _book();
        if (!b.fresh) return 0;
        uint256 equity = _equity(b);
        uint256 toSell = b.debt.zeroFloorSub(b.lent + b.dollars).fullMulDivUp(WAD, b.price); // [wad] at all to close
        uint256 share = WAD;
        if (b.lent != 0) share = share.min(lending.maxWithdraw(address(this)).fullMulDiv(WAD, b.lent));
        if (toSell != 0) {
            share = share.min((_depth(asset, b.price * unit) * unit).fullMulDiv(WAD, toSell));
            equity = equity.zeroFloorSub(toSell.fullMulDivUp(depthLoss, WAD));
        }
        return (b.waiting.min(equity)).max(equity.fullMulDiv(share, WAD)) / unit;
    }

    // ---------------------------------------------------------------- actions

    /// @inheritdoc IStrategy
    function rebalance(int256 aim, bytes calldata) external override onlyVault returns (uint256 traded) {
        Book memory b = _book();
        (uint256 collateral, uint256 debt, uint256 lent) = _plan(b, aim * int256(unit));
        if (b.lent > lent) _redeem(b.lent - lent);
        if (b.waiting != 0) engine.adjust(id, address(this), int256(b.waiting), 0);
        uint256 locked = b.locked + b.waiting;
        if (locked > collateral) {
            traded = (locked - collateral) / unit;
            _deleverage(traded);
        }
        _repayDownTo(debt);
        if (collateral > locked) {
            traded = (collateral - locked) / unit;
            _leverage(traded);
        }
        _drawUpTo(debt);
        _lend();
    }

    /// @inheritdoc IStrategy
    function unwind(uint256 assets) external override onlyVault returns (uint256 freed) {
        Book memory b = _book();
        uint256 wanted = assets * unit;
        if (wanted > b.waiting && b.debt != 0) {
            uint256 equity = _equity(b);
            uint256 share = equity == 0 ? WAD : WAD.min((wanted - b.waiting).fullMulDivUp(WAD, equity));
            uint256 debt = b.debt - b.debt.fullMulDivUp(share, WAD);
            if (debt < engine.collaterals(id).debtFloor) (debt, share) = (0, WAD);
            _redeem(b.lent.fullMulDivUp(share, WAD));
            _repayDownTo(debt);
            uint256 left = engine.debtOf(id, address(this));
            if (left > debt) _deleverage(_inFor(asset, left - debt));
        }
        if (wanted > b.waiting) _takeOut(wanted - b.waiting);
        freed = assets.min(asset.balanceOf(address(this)));
        asset.safeTransfer(vault, freed);
    }

    /// @inheritdoc IERC3156FlashBorrower
    /// @dev The data says which way: collateral to sell for Dollars that repay, or Dollars that buy what is drawn on.
    function onFlashLoan(address initiator, address, uint256 amount, uint256 fee, bytes calldata data)
        external
        override
        returns (bytes32)
    {
        if (msg.sender != address(dollar) || initiator != address(this)) {
            revert NotFlashLender(msg.sender, initiator);
        }
        (bool selling, uint256 quantity) = abi.decode(data, (bool, uint256));
        if (selling) {
            engine.adjust(id, address(this), -int256(quantity * unit), -int256(amount));
            _swap(asset, quantity);
        } else {
            uint256 bought = _swap(address(dollar), quantity);
            engine.adjust(id, address(this), int256(bought * unit), int256(amount + fee));
        }
        return BORROWER_PROOF;
    }

    // --------------------------------------------------------------- planning

    /// @dev [wad] collateral, debt and lent for a delta of `aim` [wad] at the target ratio, or, where more than that is
    /// frozen in the lending pool, at the target ratio alone.
    function _plan(Book memory b, int256 aim) private view returns (uint256 collateral, uint256 debt, uint256 lent) {
        uint256 equity = _equity(b).fullMulDiv(b.price, WAD); // [Dollar wad]
        if (equity == 0) revert NoEquity();
        int256 net = aim * int256(b.price) / int256(WAD); // [Dollar wad] debt less lent
        int256 both = int256(equity) + net;
        debt = both > 0 ? uint256(both).fullMulDiv(WAD, targetRatio) : 0;
        lent = int256(debt) > net ? uint256(int256(debt) - net) : 0;
        uint256 frozen = b.lent.zeroFloorSub(lending.maxWithdraw(address(this)));
        if (lent < frozen) {
            lent = frozen;
            debt = equity.zeroFloorSub(lent).fullMulDiv(WAD, targetRatio - WAD);
        }
        if (debt < engine.collaterals(id).debtFloor) (debt, lent) = (0, frozen);
        collateral = (equity + debt).zeroFloorSub(lent).fullMulDiv(WAD, b.price);
    }

    /// @dev [wad of collateral]
    function _equity(Book memory b) private pure returns (uint256) {
        uint256 collateral = b.waiting + b.locked;
        if (b.price == 0) return collateral;
        uint256 claims = b.lent + b.dollars;
        if (claims >= b.debt) return collateral + (claims - b.debt).fullMulDiv(WAD, b.price);
        return collateral.zeroFloorSub((b.debt - claims).fullMulDivUp(WAD, b.price));
    }

    function _book() private view returns (Book memory b) {
        b.waiting = asset.balanceOf(address(this)) * unit;
        (b.locked,) = engine.positions(id, address(this));
        b.debt = engine.debtOf(id, address(this));
        b.lent = lending.convertToAssets(lending.balanceOf(address(this)));
        b.dollars = dollar.balanceOf(address(this));
        (b.price, b.fresh) = _priceOf(IPrice(engine.collaterals(id).feed));
    }

    // ------------------------------------------------------------------ moves

    /// @dev [Dollar wad] What can be had, at most what is lent.
    function _redeem(uint256 amount) private {
        amount = amount.min(lending.maxWithdraw(address(this)));
        if (amount != 0) lending.withdraw(amount, address(this), address(this));
    }

    function _lend() private {
        uint256 amount = dollar.balanceOf(address(this));
        if (lending.previewDeposit(amount) != 0) lending.deposit(amount, address(this));
    }

    /// @dev Repays from Dollars at hand until `debt` is left, or the floor where they do not reach past it.
    function _repayDownTo(uint256 debt) private {
        uint256 now_ = engine.debtOf(id, address(this));
        if (now_ <= debt) return;
        uint256 amount = _repayable(now_, (now_ - debt).min(dollar.balanceOf(address(this))));
        if (amount != 0) engine.adjust(id, address(this), 0, -int256(amount));
    }

    /// @dev [Dollar wad] As much of `amount` as leaves no debt or at least the floor.
    function _repayable(uint256 debt, uint256 amount) private view returns (uint256) {
        uint256 floor = engine.collaterals(id).debtFloor;
        if (amount >= debt) return debt;
        return debt - amount < floor ? debt.zeroFloorSub(floor) : amount;
    }

    function _drawUpTo(uint256 debt) private {
        uint256 now_ = engine.debtOf(id, address(this));
        if (now_ < debt) engine.adjust(id, address(this), 0, int256(debt - now_));
    }

    /// @dev Sells `quantity` [asset units] of locked collateral for Dollars that repay.
    function _deleverage(uint256 quantity) private {
        (uint256 locked,) = engine.positions(id, address(this));
        quantity = quantity.min(locked / unit);
        if (quantity == 0) return;
        uint256 debt = engine.debtOf(id, address(this));
        uint256 proceeds = pool.previewSwap(asset, quantity);
        uint256 lent = proceeds.fullMulDiv(WAD, WAD + dollar.flashFeeRate()).zeroFloorSub(1);
        uint256 amount = _repayable(debt, lent.min(debt));
        if (amount != 0) {
            dollar.flashLoan(this, address(dollar), amount, abi.encode(true, quantity));
        } else {
            engine.adjust(id, address(this), -int256(quantity * unit), 0);
            _swap(asset, quantity);
        }
    }

    /// @dev Buys `quantity` [asset units] of collateral with Dollars at hand, then with Dollars drawn on it.
    function _leverage(uint256 quantity) private {
        if (quantity == 0) return;
        uint256 cost = _inFor(address(dollar), quantity);
        uint256 hand = dollar.balanceOf(address(this));
        if (cost <= hand) {
            engine.adjust(id, address(this), int256(_swap(address(dollar), cost) * unit), 0);
            return;
        }
        uint256 least = engine.collaterals(id).debtFloor.zeroFloorSub(engine.debtOf(id, address(this)));
        uint256 drawn = (cost - hand).max(least);
        dollar.flashLoan(this, address(dollar), drawn, abi.encode(false, cost));
    }

    /// @dev Takes collateral out, as much of it as the engine lets go.
    function _takeOut(uint256 wanted) private {
        (uint256 locked,) = engine.positions(id, address(this));
        uint256 debt = engine.debtOf(id, address(this));
        uint256 free = locked;
        if (debt != 0) {
            (uint256 price,) = _priceOf(IPrice(engine.collaterals(id).feed));
            uint256 needed = debt.fullMulDivUp(engine.collaterals(id).minimumRatio, price) + unit;
            free = locked.zeroFloorSub(needed);
        }
        wanted = wanted.min(free);
        if (wanted >= unit) engine.adjust(id, address(this), -int256(wanted), 0);
    }

    function _setTargets(uint256 ratio, uint256 share) private {
        _requireWithin(ratio, engine.collaterals(id).minimumRatio, HIGHEST_RATIO);
        _requireWithin(share, 0, HIGHEST_LOOP_SHARE);
        (targetRatio, loopShare) = (ratio, share);
        emit TargetsSet(ratio, share);
    }
}
