// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title A pool of two tokens that trades along reserve0 * reserve1 = k.
/// @notice Reserves are the pool's own record, never its token balances: a gift moves no price and no share. The fee
/// stays in the reserves, so k grows with every trade and, up to one unit against whoever comes, never falls.
///
/// Amounts are in each token's smallest unit. Cumulative prices are integrals of the ratio of reserves over time; the
/// mean over a window is their difference divided by its seconds, which one block's push hardly moves.
contract ConstantProductPool is ERC20, ReentrancyGuardTransient, Bounded {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    uint256 private constant WAD = 1e18;
    uint256 private constant HIGHEST_FEE = 0.1e18; // [wad]
    /// @dev Shares of the first deposit that belong to nobody, so that one share can never become expensive.
    uint256 private constant LOCKED_SHARES = 1000;
    address private constant NOBODY = address(0xdead);

    address public immutable token0;
    address public immutable token1;
    uint256 public immutable fee; // [wad] of what comes in

    uint112 private reserve0; // [token0 units]
    uint112 private reserve1; // [token1 units]
    uint32 private updatedAt; // [unix s]
    uint256 private cumulative0; // [wad token1 per token0 * s]
    uint256 private cumulative1; // [wad token0 per token1 * s]

    event Swap(address indexed sender, address indexed to, address tokenIn, uint256 amountIn, uint256 amountOut);
    event Sync(uint256 reserve0, uint256 reserve1);
    event LiquidityAdded(address indexed sender, address indexed to, uint256 amount0, uint256 amount1, uint256 shares);
    event LiquidityRemoved(
        address indexed sender, address indexed to, uint256 amount0, uint256 amount1, uint256 shares
    );

    error Slippage(uint256 got, uint256 min);
    error NotPoolToken(address token);
    error SameToken(address token);
    error NoLiquidity();
    error TransferShort(uint256 received, uint256 expected);

    /// @param fee_ [wad] of what comes in, 0.1 at most
    constructor(address tokenA, address tokenB, uint256 fee_) {
        if (tokenA == tokenB) revert SameToken(tokenA);
        _requireWithin(fee_, 0, HIGHEST_FEE);
        (token0, token1, fee) = (tokenA, tokenB, fee_);
    }

    // -------------------------------------------------------------- liquidity

    /// @notice Adds both tokens in the pool's proportion; what does not fit it stays with the caller.
    /// @param amount0 [token0 units] at most
    /// @param amount1 [token1 units] at most
    /// @return shares given to `to`
    /// @return used0 [token0 units] taken
    /// @return used1 [token1 units] taken
    function addLiquidity(uint256 amount0, uint256 amount1, address to)
        external
        nonReentrant
        returns (uint256 shares, uint256 used0, uint256 used1)
    {
        bool first = totalSupply() == 0;
        (shares, used0, used1) = previewAddLiquidity(amount0, amount1);
        if (shares == 0) revert NoLiquidity();
        _pull(token0, used0);
        _pull(token1, used1);
        if (first) _mint(NOBODY, LOCKED_SHARES);
        _mint(to, shares);
        _setReserves(reserve0 + used0, reserve1 + used1);
        emit LiquidityAdded(msg.sender, to, used0, used1, shares);
    }

    /// @notice Gives back a share of both reserves, rounded down.
    function removeLiquidity(uint256 shares, address to)
        external
        nonReentrant
        returns (uint256 amount0, uint256 amount1)
    {
        (amount0, amount1) = previewRemoveLiquidity(shares);
        _burn(msg.sender, shares);
        _setReserves(reserve0 - amount0, reserve1 - amount1);
        token0.safeTransfer(to, amount0);
        token1.safeTransfer(to, amount1);
        emit LiquidityRemoved(msg.sender, to, amount0, amount1, shares);
    }

    /// @notice What `addLiquidity` would give and take.
    function previewAddLiquidity(uint256 amount0, uint256 amount1)
        public
        view
        returns (uint256 shares, uint256 used0, uint256 used1)
    {
        uint256 supply = totalSupply();
        if (supply == 0) {
            return ((amount0 * amount1).sqrt().zeroFloorSub(LOCKED_SHARES), amount0, amount1);
        }
        shares = amount0.fullMulDiv(supply, reserve0).min(amount1.fullMulDiv(supply, reserve1));
        used0 = shares.fullMulDivUp(reserve0, supply);
        used1 = shares.fullMulDivUp(reserve1, supply);
    }

    /// @notice What `removeLiquidity` would give.
    function previewRemoveLiquidity(uint256 shares) public view returns (uint256 amount0, uint256 amount1) {
        uint256 supply = totalSupply();
        if (supply == 0) revert NoLiquidity();
        return (shares.fullMulDiv(reserve0, supply), shares.fullMulDiv(reserve1, supply));
    }

    // ------------------------------------------------------------------ trade

    /// @notice Sells `amountIn` of `tokenIn` for the other token.
    /// @param minOut [units of the other token] below which it reverts with Slippage
    function swap(address tokenIn, uint256 amountIn, uint256 minOut, address to)
        external
        nonReentrant
        returns (uint256 out)
    {
        out = previewSwap(tokenIn, amountIn);
        if (out < minOut) revert Slippage(out, minOut);
        _pull(tokenIn, amountIn);
        if (tokenIn == token0) {
            _setReserves(reserve0 + amountIn, reserve1 - out);
            token1.safeTransfer(to, out);
        } else {
            _setReserves(reserve0 - out, reserve1 + amountIn);
            token0.safeTransfer(to, out);
        }
        emit Swap(msg.sender, to, tokenIn, amountIn, out);
    }

    /// @notice What `swap` would give, rounded down.
    function previewSwap(address tokenIn, uint256 amountIn) public view returns (uint256 out) {
        if (tokenIn != token0 && tokenIn != token1) revert NotPoolToken(tokenIn);
        (uint256 reserveIn, uint256 reserveOut) = tokenIn == token0 ? (reserve0, reserve1) : (reserve1, reserve0);
        if (reserveIn == 0) revert NoLiquidity();
        uint256 afterFee = amountIn * (WAD - fee); // [units * wad]
        return reserveOut.fullMulDiv(afterFee, reserveIn * WAD + afterFee);
    }

    // ------------------------------------------------------------------ views

    /// @return inToken0 [token0 units]
    /// @return inToken1 [token1 units]
    function reserves() external view returns (uint256 inToken0, uint256 inToken1) {
        return (reserve0, reserve1);
    }

    /// @return integral of the price of token0 until now [wad token1 per token0 * s]
    function priceCumulative0() external view returns (uint256 integral) {
        (integral,,) = observe();
    }

    /// @return integral of the price of token1 until now [wad token0 per token1 * s]
    function priceCumulative1() external view returns (uint256 integral) {
        (, integral,) = observe();
    }

    /// @notice Both integrals until now, as if the pool had been touched in this block.
    /// @return integral0 [wad token1 per token0 * s]
    /// @return integral1 [wad token0 per token1 * s]
    /// @return time [unix s]
    function observe() public view returns (uint256 integral0, uint256 integral1, uint256 time) {
        (integral0, integral1, time) = (cumulative0, cumulative1, block.timestamp);
        if (reserve0 != 0 && reserve1 != 0) {
            uint256 elapsed;
            unchecked {
                elapsed = uint32(time) - updatedAt; // modulo 2**32, which the record's seconds pass in 2106
            }
            integral0 += uint256(reserve1).fullMulDiv(WAD, reserve0) * elapsed;
            integral1 += uint256(reserve0).fullMulDiv(WAD, reserve1) * elapsed;
        }
    }

    function name() public pure override returns (string memory) {
        return "Constant Product Pool Share";
    }

    function symbol() public pure override returns (string memory) {
        return "SHARE";
    }

    // --------------------------------------------------------------- internal

    /// @dev A token that takes a fee on the way is refused: the record would run ahead of the balance.
    function _pull(address token, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert TransferShort(received, amount);
    }

    function _setReserves(uint256 new0, uint256 new1) private {
        if (updatedAt != block.timestamp) (cumulative0, cumulative1,) = observe();
        (reserve0, reserve1) = (new0.toUint112(), new1.toUint112());
        updatedAt = uint32(block.timestamp);
        emit Sync(new0, new1);
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
