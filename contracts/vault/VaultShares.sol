// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC4626} from "solady/src/tokens/ERC4626.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IHedgedVault} from "../interfaces/IHedgedVault.sol";
import {IStrategy} from "../interfaces/IStrategy.sol";

/// @title The books of a vault: what a share is worth, the fees on it, and who comes and goes.
/// @notice Idle assets are the vault's own record, so a gift to it belongs to nobody. A gift to the strategy counts, but
/// the price of a share rises no faster than `maxGrowth` a day; while more than that is claimed, who leaves gets the
/// lower price and nobody may come in at it. A loss counts at once and may be regained up to the same line, so while
/// the price is further than `maxDrop` below that of the day nobody may come in to wait for it either.
///
/// Fees are assets owed, taken off before shares are priced, so that a preview holds whether or not somebody has
/// accrued them. What entry and exit fees leave behind is a gain of the shares that stay and no performance.
abstract contract VaultShares is IHedgedVault, ERC4626, ReentrancyGuardTransient {
    using FixedPointMathLib for uint256;
    using SafeTransferLib for address;

    /// @dev What the vault has and owes at one moment, in asset units.
    struct Worth {
        uint256 gross; // idle and what the strategy says
        uint256 management; // fee since the last accrual
        uint256 performance; // fee since the last accrual
        uint256 net; // what the shares own
        bool capped; // the price of a share would have risen too fast
    }

    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;
    uint256 private constant YEAR = 365 days;
    /// @dev Shares that belong to nobody, so that a first share can never become expensive.
    uint8 private constant OFFSET = 6;
    uint256 private constant VIRTUAL_SHARES = 10 ** OFFSET;
    uint256 private constant SNAPSHOT_AGE = 1 days;
    /// @dev Rounding of a price is no growth.
    uint256 private constant CAP_SLACK = 1e9; // one part in

    address private immutable token;
    uint8 private immutable places;
    string private tokenName;
    string private tokenSymbol;

    IStrategy public strategy;
    uint256 public idle; // [asset units] here and not set aside
    uint256 private owed; // [asset units] to the fee recipient, as last accrued
    uint256 private highPrice; // [ray of asset units per share] the highest that paid its performance fee
    uint256 private snapshotPrice; // [ray of asset units per share]
    uint40 private snapshotAt; // [unix s]
    uint40 private accruedAt; // [unix s]

    Limits private limits_;
    Fees private fees_;

    constructor(address asset_, string memory name_, string memory symbol_) {
        (token, places) = (asset_, IDecimals(asset_).decimals());
        (tokenName, tokenSymbol) = (name_, symbol_);
        (snapshotPrice, highPrice) = (RAY / VIRTUAL_SHARES, RAY / VIRTUAL_SHARES);
        (snapshotAt, accruedAt) = (uint40(block.timestamp), uint40(block.timestamp));
    }

    // ------------------------------------------------------------------ worth

    function asset() public view override returns (address) {
        return token;
    }

    /// @return assets [asset units] that the shares own, fees until now taken off
    function totalAssets() public view override returns (uint256 assets) {
        return _worth().net;
    }

    /// @inheritdoc IHedgedVault
    function sharePrice() public view override returns (uint256) {
        return _priceDown(totalAssets());
    }

    /// @inheritdoc IHedgedVault
    function isCapped() public view override returns (bool) {
        return _worth().capped;
    }

    /// @inheritdoc IHedgedVault
    function feesOwed() external view override returns (uint256) {
        Worth memory w = _worth();
        return owed + w.management + w.performance;
    }

    function limits() public view returns (Limits memory) {
        return limits_;
    }

    function fees() public view returns (Fees memory) {
        return fees_;
    }

    function _gross() internal view returns (uint256) {
        return address(strategy) == address(0) ? idle : idle + strategy.totalValue();
    }

    function _worth() internal view returns (Worth memory w) {
        w.gross = _gross();
        uint256 own = w.gross.zeroFloorSub(owed);
        uint256 shares = totalSupply();
        w.net = own;
        if (shares == 0) return w;
        uint256 most = limits_.maxGrowth == 0 ? type(uint256).max : _capUp(shares);
        uint256 base = own.min(most); // fees are taken on no more than counts
        w.management = base.fullMulDiv(fees_.management * (block.timestamp - accruedAt), WAD * YEAR).min(base);
        uint256 gain = (base - w.management).zeroFloorSub(highPrice.fullMulDivUp(shares + VIRTUAL_SHARES, RAY));
        w.performance = gain.fullMulDiv(fees_.performance, WAD);
        w.net = own - w.management - w.performance;
        if (w.net > most) (w.capped, w.net) = (true, most);
    }

    /// @dev [asset units] The most that the shares may own now, with room for the rounding of prices.
    function _capUp(uint256 shares) private view returns (uint256 most) {
        uint256 growth = limits_.maxGrowth * (block.timestamp - snapshotAt);
        uint256 price = snapshotPrice + snapshotPrice.fullMulDiv(growth, WAD * 1 days);
        most = price.fullMulDivUp(shares + VIRTUAL_SHARES, RAY);
        return most + most / CAP_SLACK;
    }

    function _hasDropped(uint256 net) private view returns (bool) {
        uint256 drop = limits_.maxDrop;
        return drop != 0 && _priceDown(net) < snapshotPrice.fullMulDiv(WAD - drop, WAD);
    }

    function _priceDown(uint256 net) private view returns (uint256) {
        return (net + 1).fullMulDiv(RAY, totalSupply() + VIRTUAL_SHARES);
    }

    /// @dev Books the fees until now. Every action does this first. At a value that cannot be relied on nothing is booked,
    /// and no line drawn: the time until then counts when it can be.
    function _accrue() internal returns (uint256 net) {
        Worth memory w = _worth();
        if (!_isLive()) return w.net;
        if (w.management + w.performance != 0) {
            owed += w.management + w.performance;
            emit FeesAccrued(w.management, w.performance);
        }
        accruedAt = uint40(block.timestamp);
        uint256 price = _priceDown(w.net);
        if (price >= highPrice || totalSupply() == 0) highPrice = price + 1; // rounded up: nothing is a gain twice
        if (block.timestamp >= snapshotAt + SNAPSHOT_AGE || totalSupply() == 0) _setSnapshot(price);
        return w.net;
    }

    /// @dev A capped price is believed, and the growth of a share counted from it.
    function _acceptPrice() internal {
        _accrue();
        snapshotPrice = type(uint128).max;
        _setSnapshot(_priceDown(_worth().net));
        emit SharePriceAccepted(snapshotPrice);
    }

    function _setSnapshot(uint256 price) private {
        (snapshotPrice, snapshotAt) = (price, uint40(block.timestamp));
    }

    /// @dev Lines move with what an entry or exit fee leaves to the shares.
    /// @param price [ray of asset units per share] before
    /// @param net [asset units] afterwards
    function _carryLines(uint256 price, uint256 net) private {
        uint256 now_ = _priceDown(net);
        if (totalSupply() == 0) _forfeit();
        if (now_ <= price) return;
        snapshotPrice = snapshotPrice.fullMulDivUp(now_, price);
        highPrice = highPrice.fullMulDivUp(now_, price);
    }

    /// @dev What the last one leaves behind belongs to no share: it goes with the fees.
    function _forfeit() private {
        owed = _gross().max(owed);
    }

    // ------------------------------------------------------------ coming, going

    function previewDeposit(uint256 assets) public view override returns (uint256 shares) {
        return convertToShares(assets - assets.fullMulDivUp(limits_.entryFee, WAD));
    }

    function previewMint(uint256 shares) public view override returns (uint256 assets) {
        return super.previewMint(shares).fullMulDivUp(WAD, WAD - limits_.entryFee);
    }

    function previewWithdraw(uint256 assets) public view override returns (uint256 shares) {
        return super.previewWithdraw(assets.fullMulDivUp(WAD, WAD - limits_.exitFee));
    }

    function previewRedeem(uint256 shares) public view override returns (uint256 assets) {
        assets = convertToAssets(shares);
        return assets - assets.fullMulDivUp(limits_.exitFee, WAD);
    }

    /// @notice 0 while the value of the strategy cannot be relied on, is capped, has just dropped, or all was lost.
    function maxDeposit(address) public view override returns (uint256) {
        Worth memory w = _worth();
        if (w.capped || !_isLive() || (totalSupply() != 0 && (w.net == 0 || _hasDropped(w.net)))) return 0;
        return limits_.depositCap.zeroFloorSub(w.net);
    }

    function maxMint(address to) public view override returns (uint256) {
        uint256 assets = maxDeposit(to);
        return assets == 0 ? 0 : previewDeposit(assets);
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        return _isLive() ? previewRedeem(balanceOf(owner)).min(liquidAssets()) : 0;
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        if (!_isLive()) return 0;
        uint256 shares = balanceOf(owner);
        uint256 liquid = liquidAssets();
        return previewRedeem(shares) <= liquid ? shares : _sharesDown(liquid).min(shares);
    }

    /// @dev As many shares as can be redeemed for `assets` or less.
    function _sharesDown(uint256 assets) internal view returns (uint256) {
        return convertToShares(assets.fullMulDiv(WAD, WAD - limits_.exitFee));
    }

    function _quote() private view returns (uint256 net, uint256 price) {
        net = totalAssets();
        price = _priceDown(net);
    }

    /// @dev Called with the books accrued.
    function _enter(uint256 assets, uint256 shares, address to) internal {
        if (shares == 0 || assets == 0) revert NothingMoved();
        (uint256 net, uint256 price) = _quote();
        idle += assets;
        uint256 before = token.balanceOf(address(this));
        _deposit(msg.sender, to, assets, shares);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != assets) revert TransferShort(received, assets);
        _carryLines(price, net + assets);
    }

    /// @dev Called with the books accrued and `assets` idle.
    function _leave(uint256 assets, uint256 shares, address to, address owner) internal {
        (uint256 net, uint256 price) = _quote();
        idle -= assets;
        _withdraw(msg.sender, to, owner, assets, shares);
        _carryLines(price, net.zeroFloorSub(assets));
    }

    /// @dev Burns shares that the vault itself holds for somebody who waits; what they give is set aside.
    function _burnQueued(uint256 assets, uint256 shares) internal {
        (uint256 net, uint256 price) = _quote();
        idle -= assets;
        _burn(address(this), shares);
        _carryLines(price, net.zeroFloorSub(assets));
    }

    /// @inheritdoc IHedgedVault
    function payFees() external override nonReentrant returns (uint256 assets) {
        if (!_isLive()) revert NotLive();
        _accrue();
        assets = owed.min(idle);
        owed -= assets;
        idle -= assets;
        emit FeesPaid(fees_.recipient, assets);
        token.safeTransfer(fees_.recipient, assets);
    }

    function _storeLimits(Limits memory value) internal {
        _accrue();
        limits_ = value;
        emit LimitsSet(value);
    }

    function _storeFees(Fees memory value) internal {
        if (!_isLive()) revert NotLive(); // the time until now goes by the old ones
        _accrue();
        fees_ = value;
        emit FeesSet(value);
    }

    // ------------------------------------------------------------------ token

    function liquidAssets() public view virtual override returns (uint256);

    function _isLive() internal view returns (bool) {
        return address(strategy) == address(0) || strategy.isLive();
    }

    function name() public view override returns (string memory) {
        return tokenName;
    }

    function symbol() public view override returns (string memory) {
        return tokenSymbol;
    }

    function _underlyingDecimals() internal view override returns (uint8) {
        return places;
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return OFFSET;
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
