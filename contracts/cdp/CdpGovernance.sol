// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {IAuction} from "../interfaces/IAuction.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";
import {CdpLedger} from "./CdpLedger.sol";

/// @title The owner's part of the engine: collaterals and their parameters, each within bounds.
/// @notice A change acts on open positions at once. Only what would strand somebody is refused: the auction cannot be
/// exchanged while it still has debt to clear, and the token of a collateral never changes.
abstract contract CdpGovernance is CdpLedger, Ownable, Bounded {
    uint256 private constant HIGHEST_RATIO = 10e18; // [wad]
    uint256 private constant HIGHEST_BONUS = 0.5e18; // [wad]
    uint256 private constant SMALLEST_CLOSE_FACTOR = 0.01e18; // [wad]
    /// @dev 1e27 * (2 ** (1 / 31,536,000) - 1): the debt doubles in a year.
    uint256 private constant HIGHEST_STABILITY_FEE = 21979553151239153027; // [ray per second]
    uint256 private constant HIGHEST_DEBT = 1e36; // [Dollar wad]
    /// @dev With fewer, one unit of a dear token is worth too much to be rounded away.
    uint256 private constant FEWEST_DECIMALS = 6;
    uint256 private constant LARGEST_LOT = 1e36; // [collateral wad]

    address public feeRecipient;

    error NoRecipient();

    constructor() {
        _initializeOwner(msg.sender);
        _setFeeRecipient(msg.sender);
    }

    modifier configures(bytes32 id) {
        _checkOwner();
        _;
        emit CollateralConfigured(id);
    }

    function addCollateral(bytes32 id, CollateralConfig calldata cfg) external configures(id) {
        Collateral storage c = book[id];
        if (c.token != address(0)) revert CollateralExists(id);
        uint256 decimals = IDecimals(cfg.token).decimals();
        _requireWithin(decimals, FEWEST_DECIMALS, 18);
        (c.token, c.unit) = (cfg.token, uint64(10 ** (18 - decimals)));
        (c.index, c.lastAccrual) = (uint128(RAY), uint40(block.timestamp));
        emit CollateralAdded(id, cfg.token);
        c.liquidateWhenStale = cfg.liquidateWhenStale;
        _setFeed(id, cfg.feed);
        _setRatios(id, cfg.minimumRatio, cfg.liquidationRatio, cfg.liquidationBonus);
        _setSpread(id, cfg.closeFactor, cfg.protocolFee);
        _setStabilityFee(id, cfg.stabilityFee);
        _setDebtLimits(id, cfg.debtCeiling, cfg.debtFloor);
        _setAuction(id, cfg.auction, cfg.lotSize);
    }

    /// @param feed an IPrice that has a price now
    function setFeed(bytes32 id, address feed) external configures(id) {
        _setFeed(id, feed);
    }

    /// @param allowed whether liquidations, and nothing else, may take the newest price however old it is
    function setLiquidateWhenStale(bytes32 id, bool allowed) external configures(id) {
        Collateral storage c = _known(id);
        c.liquidateWhenStale = allowed;
        if (allowed) _liquidationPrice(c);
    }

    /// @param minimum [wad] at least `liquidation`, 10 at most
    /// @param liquidation [wad] at least 1 + bonus, so that a liquidation at the threshold can make the position safer
    /// @param bonus [wad] 0.5 at most
    function setRatios(bytes32 id, uint256 minimum, uint256 liquidation, uint256 bonus) external configures(id) {
        _setRatios(id, minimum, liquidation, bonus);
    }

    /// @param closeFactor [wad] 0.01 to 1
    /// @param protocolFee [wad] 1 at most
    function setSpread(bytes32 id, uint256 closeFactor, uint256 protocolFee) external configures(id) {
        _setSpread(id, closeFactor, protocolFee);
    }

    /// @param fee [ray per second] that doubles a debt in a year at most. Time until now is charged at the old one.
    function setStabilityFee(bytes32 id, uint256 fee) external configures(id) {
        _setStabilityFee(id, fee);
    }

    /// @param ceiling [Dollar wad]
    /// @param floor [Dollar wad]
    function setDebtLimits(bytes32 id, uint256 ceiling, uint256 floor) external configures(id) {
        _setDebtLimits(id, ceiling, floor);
    }

    /// @param auction 0 = fixed spread
    /// @param lotSize [collateral wad], 0 = no limit
    function setAuction(bytes32 id, address auction, uint256 lotSize) external configures(id) {
        _setAuction(id, auction, lotSize);
    }

    /// @param recipient of the protocol's share of liquidation bonuses
    function setFeeRecipient(address recipient) external onlyOwner {
        _setFeeRecipient(recipient);
    }

    /// @dev Returns an empty configuration for an unknown id.
    function collaterals(bytes32 id) external view override returns (CollateralConfig memory cfg) {
        Collateral storage c = book[id];
        (cfg.token, cfg.feed, cfg.auction) = (c.token, c.feed, c.auction);
        (cfg.minimumRatio, cfg.liquidationRatio) = (c.minimumRatio, c.liquidationRatio);
        cfg.liquidationBonus = c.liquidationBonus;
        (cfg.closeFactor, cfg.protocolFee) = (c.closeFactor, c.protocolFee);
        cfg.stabilityFee = c.stabilityFee;
        (cfg.debtCeiling, cfg.debtFloor) = (c.debtCeiling, c.debtFloor);
        cfg.lotSize = c.lotSize;
        cfg.liquidateWhenStale = c.liquidateWhenStale;
    }

    function _setFeed(bytes32 id, address feed) private {
        Collateral storage c = _known(id);
        c.feed = feed;
        _price(c);
        _liquidationPrice(c);
    }

    function _setRatios(bytes32 id, uint256 minimum, uint256 liquidation, uint256 bonus) private {
        Collateral storage c = _known(id);
        _requireWithin(bonus, 0, HIGHEST_BONUS);
        _requireWithin(liquidation, WAD + bonus, HIGHEST_RATIO);
        _requireWithin(minimum, liquidation, HIGHEST_RATIO);
        (c.minimumRatio, c.liquidationRatio) = (uint96(minimum), uint96(liquidation));
        c.liquidationBonus = uint64(bonus);
    }

    function _setSpread(bytes32 id, uint256 closeFactor, uint256 protocolFee) private {
        Collateral storage c = _known(id);
        _requireWithin(closeFactor, SMALLEST_CLOSE_FACTOR, WAD);
        _requireWithin(protocolFee, 0, WAD);
        (c.closeFactor, c.protocolFee) = (uint64(closeFactor), uint64(protocolFee));
    }

    function _setStabilityFee(bytes32 id, uint256 fee) private {
        Collateral storage c = _known(id);
        _requireWithin(fee, 0, HIGHEST_STABILITY_FEE);
        _accrue(id, c);
        c.stabilityFee = uint80(fee);
    }

    function _setDebtLimits(bytes32 id, uint256 ceiling, uint256 floor) private {
        Collateral storage c = _known(id);
        _requireWithin(ceiling, 0, HIGHEST_DEBT);
        _requireWithin(floor, 0, HIGHEST_DEBT);
        (c.debtCeiling, c.debtFloor) = (uint128(ceiling), uint128(floor));
    }

    function _setAuction(bytes32 id, address auction, uint256 lotSize) private {
        Collateral storage c = _known(id);
        if (lotSize != 0) _requireWithin(lotSize, c.unit, LARGEST_LOT);
        if (auction != c.auction) {
            if (c.debtAtAuction != 0) revert AuctionsRunning(c.debtAtAuction);
            if (auction != address(0)) _requireServes(IAuction(auction), id, c.token);
            c.auction = auction;
        }
        c.lotSize = uint128(lotSize);
    }

    function _requireServes(IAuction auction, bytes32 id, address token) private view {
        bool serves =
            address(auction.engine()) == address(this) && auction.collateralId() == id && auction.token() == token;
        if (!serves) revert AuctionMismatch(address(auction));
    }

    function _setFeeRecipient(address recipient) private {
        if (recipient == address(0)) revert NoRecipient();
        feeRecipient = recipient;
        emit FeeRecipientSet(recipient);
    }
}
