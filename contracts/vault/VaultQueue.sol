// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {VaultShares} from "./VaultShares.sol";

/// @title The queue of those who leave a vault whose assets are tied up.
/// @notice Shares that wait are held by the vault and gain and lose like all others; their price is that of the moment
/// in which assets are set aside. Those who leave at once get only what is liquid beyond the worth of all that waits.
abstract contract VaultQueue is VaultShares {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    struct Request {
        address receiver;
        uint40 since; // [unix s]
        uint128 shares; // not yet settled
    }

    mapping(uint256 id => Request) public requests;
    uint256 public requestCount; // number of the newest request
    uint256 public settledCount; // number of the newest request with nothing left to settle
    uint256 public override queuedShares;
    mapping(address receiver => uint256) public override claimable; // [asset units]

    /// @inheritdoc VaultShares
    function liquidAssets() public view override returns (uint256) {
        uint256 liquid = address(strategy) == address(0) ? idle : idle + strategy.liquidity();
        return liquid.zeroFloorSub(convertToAssets(queuedShares));
    }

    function _request(uint256 shares, address receiver, address owner) internal returns (uint256 id) {
        if (previewRedeem(shares) == 0) revert NothingMoved();
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);
        _transfer(owner, address(this), shares);
        queuedShares += shares;
        id = ++requestCount;
        requests[id] = Request(receiver, uint40(block.timestamp), shares.toUint128());
        emit RedeemRequested(id, owner, receiver, shares);
    }

    /// @dev Called with the books accrued and the strategy live.
    function _settle(uint256 most) internal returns (uint256 total) {
        for (uint256 i; i < most && settledCount < requestCount; ++i) {
            uint256 id = settledCount + 1;
            Request storage r = requests[id];
            if (block.timestamp < r.since + limits().withdrawalDelay) break;
            (uint256 assets, uint256 shares) = _affordable(r.shares);
            if (shares == 0) break;
            r.shares -= uint128(shares);
            queuedShares -= shares;
            claimable[r.receiver] += assets;
            total += assets;
            _burnQueued(assets, shares);
            emit RedeemSettled(id, r.receiver, shares, assets);
            if (r.shares != 0) break;
            ++settledCount;
        }
    }

    /// @dev All shares where idle assets reach, else as many as they pay for.
    function _affordable(uint256 waiting) private view returns (uint256 assets, uint256 shares) {
        assets = previewRedeem(waiting);
        if (assets <= idle) return (assets, waiting);
        shares = _sharesDown(idle).min(waiting);
        assets = previewRedeem(shares);
    }

    function _claim(address receiver) internal returns (uint256 assets) {
        assets = claimable[receiver];
        if (assets == 0) revert NothingMoved();
        claimable[receiver] = 0;
        emit Claimed(receiver, assets);
        asset().safeTransfer(receiver, assets);
    }

    /// @dev [asset units] What those who have waited long enough lack. A request that must still wait frees nothing.
    function _lacking() internal view returns (uint256) {
        if (settledCount == requestCount) return 0;
        if (block.timestamp < requests[settledCount + 1].since + limits().withdrawalDelay) return 0;
        return convertToAssets(queuedShares).zeroFloorSub(idle);
    }
}
