// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

/// @title What this venue asks of a router of Uniswap V3.
interface ISwapRouter {
    struct ExactInputSingleParams {
        address tokenIn;
        address tokenOut;
        uint24 fee; // [1e-6] of what comes in
        address recipient;
        uint256 deadline; // [unix s]
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96; // where the swap ends, 0 for no limit
    }

    /// @return amountOut in the smallest unit of `tokenOut`
    function exactInputSingle(ExactInputSingleParams calldata params) external payable returns (uint256 amountOut);
}

/// @title One pool of Uniswap V3 behind the face of a ConstantProductPool, for contracts that trade on such a pool.
/// @notice Swaps go through Uniswap's router. Where the pool takes less than was offered, the rest goes back.
contract RouterVenue {
    using SafeTransferLib for address;

    ISwapRouter public immutable router;
    address public immutable token0;
    address public immutable token1;
    uint24 public immutable fee; // [1e-6] of what comes in
    uint160 private immutable lowest; // square root of the price, as the router takes it; 0 for no limit
    uint160 private immutable highest;

    error NotPoolToken(address token);

    /// @param tokens in order of their addresses
    /// @param limits between which the price may move
    constructor(ISwapRouter router_, address[2] memory tokens, uint24 fee_, uint160[2] memory limits) {
        (router, fee) = (router_, fee_);
        (token0, token1) = (tokens[0], tokens[1]);
        (lowest, highest) = (limits[0], limits[1]);
        tokens[0].safeApprove(address(router_), type(uint256).max);
        tokens[1].safeApprove(address(router_), type(uint256).max);
    }

    /// @notice Sells `amountIn` of a token of the caller's.
    /// @param minOut least that it must bring
    /// @param to who gets what it brings
    function swap(address tokenIn, uint256 amountIn, uint256 minOut, address to) external returns (uint256 out) {
        if (tokenIn != token0 && tokenIn != token1) revert NotPoolToken(tokenIn);
        bool falls = tokenIn == token0;
        tokenIn.safeTransferFrom(msg.sender, address(this), amountIn);
        out = router.exactInputSingle(
            ISwapRouter.ExactInputSingleParams({
                tokenIn: tokenIn,
                tokenOut: falls ? token1 : token0,
                fee: fee,
                recipient: to,
                deadline: block.timestamp,
                amountIn: amountIn,
                amountOutMinimum: minOut,
                sqrtPriceLimitX96: falls ? lowest : highest
            })
        );
        uint256 rest = tokenIn.balanceOf(address(this));
        if (rest != 0) tokenIn.safeTransfer(msg.sender, rest);
    }
}
