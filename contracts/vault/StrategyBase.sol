// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title What every strategy needs: its vault, its prices, and a pool to trade spot on.
abstract contract StrategyBase is IStrategy, Ownable, Bounded {
    using FixedPointMathLib for uint256;
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;
    uint256 private constant HIGHEST_DEPTH_LOSS = 0.2e18; // [wad]
    uint256 private constant FEWEST_DECIMALS = 6;

    address public immutable override vault;
    address public immutable override asset;
    ConstantProductPool public immutable pool;

    uint256 public depthLoss; // [wad] of a sale that may be lost to the pool for it to count as liquid

    event DepthLossSet(uint256 depthLoss);

    modifier onlyVault() {
        if (msg.sender != vault) revert NotVault(msg.sender);
        _;
    }

    /// @param depthLoss_ [wad] 0.2 at most
    constructor(address vault_, address asset_, ConstantProductPool pool_, uint256 depthLoss_) {
        _initializeOwner(msg.sender);
        (vault, asset, pool) = (vault_, asset_, pool_);
        _setDepthLoss(depthLoss_);
    }

    /// @param value [wad] of a sale, 0.2 at most
    function setDepthLoss(uint256 value) external onlyOwner {
        _setDepthLoss(value);
    }

    /// @inheritdoc IStrategy
    function deploy(uint256) external virtual override onlyVault {}

    /// @dev [wad] the newest price, 0 where there is none; whether it is fresh.
    function _priceOf(IPrice feed) internal view returns (uint256 price, bool fresh) {
        try feed.price() returns (uint256 wad, uint256) {
            return (wad, wad != 0);
        } catch {}
        try feed.lastPrice() returns (uint256 wad, uint256) {
            return (wad, false);
        } catch {}
    }

    /// @dev [units in] for `out` of the other token, rounded up; all there is where the pool has too little.
    function _inFor(address tokenIn, uint256 out) internal view returns (uint256) {
        (uint256 reserveIn, uint256 reserveOut) = _reserves(tokenIn);
        if (out >= reserveOut) return type(uint128).max;
        return reserveIn.fullMulDivUp(out, reserveOut - out).fullMulDivUp(WAD, WAD - pool.fee());
    }

    /// @dev [units in] that can be sold for at least (1 - depthLoss) of their worth on average.
    /// @param fair [wad] units out for one unit in, at the mid
    function _depth(address tokenIn, uint256 fair) internal view returns (uint256) {
        (uint256 reserveIn, uint256 reserveOut) = _reserves(tokenIn);
        uint256 afterFee = WAD - pool.fee();
        uint256 worst = fair.fullMulDiv(WAD - depthLoss, WAD);
        if (worst == 0) return 0;
        // out / in = reserveOut * afterFee / (reserveIn + in * afterFee) >= worst
        uint256 most = reserveOut.fullMulDiv(afterFee, worst);
        return most.zeroFloorSub(reserveIn).fullMulDiv(WAD, afterFee);
    }

    function _reserves(address tokenIn) private view returns (uint256, uint256) {
        (uint256 reserve0, uint256 reserve1) = pool.reserves();
        return tokenIn == pool.token0() ? (reserve0, reserve1) : (reserve1, reserve0);
    }

    /// @dev The vault bounds what a trade may lose, so the pool is not asked to.
    function _swap(address tokenIn, uint256 amountIn) internal returns (uint256 out) {
        if (amountIn == 0) return 0;
        return pool.swap(tokenIn, amountIn, 0, address(this));
    }

    /// @dev [wad] of the smallest unit of a token.
    function _unitOf(address token) internal view returns (uint256) {
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, FEWEST_DECIMALS, 18);
        return 10 ** (18 - decimals);
    }

    function _setDepthLoss(uint256 value) private {
        _requireWithin(value, 0, HIGHEST_DEPTH_LOSS);
        depthLoss = value;
        emit DepthLossSet(value);
    }
}
