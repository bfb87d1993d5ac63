// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {ERC4626} from "solady/src/tokens/ERC4626.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {IPerpPool} from "../interfaces/IPerpPool.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title The depositors of a perp market.
/// @notice Queued shares wait in the contract itself, so that who holds a place in the queue holds the shares too. A
/// place is good for `window` after the delay: an old one is no option to leave at once. A pool that traders have won
/// whole stays closed to new deposits: its shares are worth nothing, and whoever came would pay for the past.
contract PerpPool is ERC4626, IPerpPool, Ownable, ReentrancyGuardTransient, Bounded {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    uint256 private constant LONGEST_DELAY = 30 days; // [s]

    struct Request {
        uint128 shares; // [share units]
        uint64 readyAt; // [unix s]
    }

    IPerpMarket public immutable market;
    uint256 private immutable unit; // [wad] of the smallest amount of the asset
    uint8 private immutable places;

    uint256 public override delay; // [s]
    uint256 public window; // [s] after the delay
    mapping(address owner => Request) private requests;

    error RequestTooLarge(uint256 shares, uint256 balance);

    /// @param delay_ [s] 30 days at most, 0 = no queue
    /// @param window_ [s] 30 days at most
    constructor(IPerpMarket market_, uint256 delay_, uint256 window_) {
        _initializeOwner(msg.sender);
        (market, unit) = (market_, market_.marginUnit());
        places = IDecimals(market_.marginToken()).decimals();
        _setDelay(delay_, window_);
        market_.marginToken().safeApprove(address(market_), type(uint256).max);
    }

    // ------------------------------------------------------------------ queue

    /// @inheritdoc IPerpPool
    function requestRedeem(uint256 shares) external override {
        if (shares > balanceOf(msg.sender)) revert RequestTooLarge(shares, balanceOf(msg.sender));
        Request storage r = requests[msg.sender];
        (r.shares, r.readyAt) = ((r.shares + shares).toUint128(), uint64(block.timestamp + delay));
        _transfer(msg.sender, address(this), shares);
        emit RedeemRequested(msg.sender, shares, r.readyAt);
    }

    /// @inheritdoc IPerpPool
    function cancelRedeem() external override {
        uint256 shares = requests[msg.sender].shares;
        delete requests[msg.sender];
        _transfer(address(this), msg.sender, shares);
        emit RequestCancelled(msg.sender, shares);
    }

    /// @inheritdoc IPerpPool
    function requestOf(address owner) external view override returns (uint256, uint256) {
        return (requests[owner].shares, requests[owner].readyAt);
    }

    /// @param delay_ [s] 30 days at most, 0 = no queue
    /// @param window_ [s] 30 days at most
    function setDelay(uint256 delay_, uint256 window_) external onlyOwner {
        _setDelay(delay_, window_);
    }

    function _setDelay(uint256 delay_, uint256 window_) private {
        _requireWithin(delay_, 0, LONGEST_DELAY);
        _requireWithin(window_, 1, LONGEST_DELAY);
        (delay, window) = (delay_, window_);
        emit DelaySet(delay_);
    }

    /// @dev [share units] that have waited long enough, and not too long.
    function _ready(address owner) private view returns (uint256) {
        if (delay == 0) return balanceOf(owner) + requests[owner].shares;
        Request storage r = requests[owner];
        return block.timestamp >= r.readyAt && block.timestamp <= r.readyAt + window ? r.shares : 0;
    }

    // ---------------------------------------------------------------- ERC-4626

    /// @dev Nothing where traders have won more than there is.
    function totalAssets() public view override returns (uint256) {
        int256 capital = market.poolCapital();
        return capital > 0 ? uint256(capital) / unit : 0;
    }

    /// @dev Zero while the fund is short, or when shares are worth nothing: who came then would pay for the past.
    function maxDeposit(address) public view override returns (uint256) {
        return _isOpen() ? type(uint256).max : 0;
    }

    function maxMint(address) public view override returns (uint256) {
        return _isOpen() ? type(uint256).max : 0;
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        uint256 free = _free();
        return free == 0 ? 0 : _ready(owner).min(convertToShares(free));
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        uint256 free = _free();
        return free == 0 ? 0 : convertToAssets(_ready(owner)).min(free);
    }

    function _isOpen() private view returns (bool) {
        try market.shortfall() returns (uint256 short) {
            return short == 0 && (totalSupply() == 0 || totalAssets() != 0);
        } catch {
            return false; // no price
        }
    }

    /// @dev [asset units]
    function _free() private view returns (uint256) {
        if (market.withdrawalsPaused()) return 0;
        try market.poolFree() returns (uint256 free) {
            return free / unit;
        } catch {
            return 0; // no price
        }
    }

    function _deposit(address by, address to, uint256 assets, uint256 shares) internal override nonReentrant {
        super._deposit(by, to, assets, shares);
    }

    function _afterDeposit(uint256 assets, uint256) internal override {
        market.poolDeposit(address(this), assets * unit);
    }

    function _withdraw(address by, address to, address owner, uint256 assets, uint256 shares)
        internal
        override
        nonReentrant
    {
        Request storage r = requests[owner];
        uint256 queued = shares.min(r.shares);
        if (queued != 0) {
            r.shares -= uint128(queued);
            _transfer(address(this), owner, queued);
        }
        super._withdraw(by, to, owner, assets, shares);
    }

    function _beforeWithdraw(uint256 assets, uint256) internal override {
        market.poolWithdraw(address(this), assets * unit);
    }

    function asset() public view override returns (address) {
        return market.marginToken();
    }

    function name() public pure override returns (string memory) {
        return "Perp Pool Share";
    }

    function symbol() public pure override returns (string memory) {
        return "PERPS";
    }

    function _underlyingDecimals() internal view override returns (uint8) {
        return places;
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
