// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ConstantProductPool} from "../amm/ConstantProductPool.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IDutchAuction} from "../interfaces/IDutchAuction.sol";
import {IERC3156FlashBorrower} from "../interfaces/IERC3156FlashBorrower.sol";
import {Dollar} from "./Dollar.sol";

/// @title A liquidator without capital.
/// @notice In one transaction it flash-mints Dollar, buys seized collateral with it, sells the collateral to the pool,
/// pays back and sends what is left to its owner. If less than the owner's minimum is left, nothing has happened.
contract FlashLiquidator is IERC3156FlashBorrower, Ownable {
    using SafeTransferLib for address;

    bytes32 private constant BORROWER_PROOF = keccak256("ERC3156FlashBorrower.onFlashLoan");

    Dollar public immutable dollar;
    ConstantProductPool public immutable pool;
    address public immutable token; // the pool's other token

    /// @param profit [Dollar wad] that there was
    /// @param min [Dollar wad]
    error Unprofitable(int256 profit, uint256 min);
    error NotLender(address caller, address initiator);
    error NotPoolToken(address token);

    constructor(Dollar dollar_, ConstantProductPool pool_) {
        _initializeOwner(msg.sender);
        (dollar, pool) = (dollar_, pool_);
        (address token0, address token1) = (pool_.token0(), pool_.token1());
        if (token0 != address(dollar_) && token1 != address(dollar_)) revert NotPoolToken(address(dollar_));
        token = token0 == address(dollar_) ? token1 : token0;
        token.safeApprove(address(pool_), type(uint256).max);
        address(dollar_).safeApprove(address(dollar_), type(uint256).max);
    }

    /// @notice Liquidates a position at a fixed spread.
    /// @param maxRepay [Dollar wad]
    /// @param minProfit [Dollar wad] below which it reverts with Unprofitable
    /// @return profit [Dollar wad] sent to the owner
    function liquidate(ICdpEngine engine, bytes32 id, address owner_, uint256 maxRepay, uint256 minProfit)
        external
        onlyOwner
        returns (uint256 profit)
    {
        (uint256 repay,,) = engine.previewLiquidation(id, owner_, maxRepay);
        return
            _trade(repay, minProfit, address(engine), abi.encodeCall(ICdpEngine.liquidate, (id, owner_, maxRepay, "")));
    }

    /// @notice Takes from a Dutch auction.
    /// @param amount [collateral wad]
    /// @param maxPrice [wad]
    /// @param minProfit [Dollar wad] below which it reverts with Unprofitable
    /// @return profit [Dollar wad] sent to the owner
    function take(IDutchAuction auction, uint256 auctionId, uint256 amount, uint256 maxPrice, uint256 minProfit)
        external
        onlyOwner
        returns (uint256 profit)
    {
        (, uint256 paid) = auction.previewTake(auctionId, amount);
        bytes memory purchase = abi.encodeCall(IDutchAuction.take, (auctionId, amount, maxPrice, address(this), ""));
        return _trade(paid, minProfit, address(auction), purchase);
    }

    /// @inheritdoc IERC3156FlashBorrower
    /// @param data the seller, the call that buys from it, and the least profit
    function onFlashLoan(address initiator, address, uint256 amount, uint256 fee, bytes calldata data)
        external
        override
        returns (bytes32)
    {
        if (msg.sender != address(dollar) || initiator != address(this)) {
            revert NotLender(msg.sender, initiator);
        }
        (address seller, bytes memory purchase, uint256 minProfit) = abi.decode(data, (address, bytes, uint256));
        _call(seller, purchase);
        pool.swap(token, token.balanceOf(address(this)), 0, address(this));
        int256 profit = int256(dollar.balanceOf(address(this))) - int256(amount + fee);
        if (profit < int256(minProfit)) revert Unprofitable(profit, minProfit);
        return BORROWER_PROOF;
    }

    function _trade(uint256 amount, uint256 minProfit, address seller, bytes memory purchase)
        private
        returns (uint256 profit)
    {
        dollar.flashLoan(this, address(dollar), amount, abi.encode(seller, purchase, minProfit));
        profit = dollar.balanceOf(address(this));
        address(dollar).safeTransfer(owner(), profit);
    }

    function _call(address target, bytes memory data) private {
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
