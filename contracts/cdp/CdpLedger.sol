// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Dollar} from "./Dollar.sol";

/// @title The books of the engine: what is stored, and the only functions that change it.
///
/// @notice The idea: debt is normalizedDebt [wad] times index [ray], a product with 45 digits behind the point that is
/// never rounded in the books. Drawing a Dollar needs a whole number of normalized units, so a little more is owed than
/// was minted; repaying cancels a little less than was burned. That little goes to the surplus, in the same 45 digits.
/// Hence at every moment
///
///     supply * ray = sum over collaterals of (normalizedDebt * index + debtAtAuction * ray) + bad debt - surplus
///
/// holds to the last digit, as far as the engine is the only minter.
abstract contract CdpLedger is ICdpEngine {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;

    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;

    /// @dev Packed into eight slots, by what is read together.
    struct Collateral {
        address token;
        uint64 unit; // [wad] of the smallest amount of the token
        bool liquidateWhenStale; // liquidations take the newest price, however old
        address feed;
        uint96 minimumRatio; // [wad]
        address auction; // 0 = fixed spread
        uint96 liquidationRatio; // [wad]
        uint64 liquidationBonus; // [wad]
        uint64 closeFactor; // [wad]
        uint64 protocolFee; // [wad]
        uint128 debtCeiling; // [Dollar wad]
        uint128 debtFloor; // [Dollar wad]
        uint128 lotSize; // [wad]
        uint128 debtAtAuction; // [Dollar wad]
        uint128 totalCollateral; // [wad]
        uint128 totalNormalizedDebt; // [wad]
        uint128 index; // [ray]
        uint40 lastAccrual; // [unix s]
        uint80 stabilityFee; // [ray per second]
    }

    struct Position {
        uint128 collateral; // [wad]
        uint128 normalizedDebt; // [wad]
    }

    Dollar public immutable dollar;

    /// @dev The first two keep their places, slots 0 and 1: readers of many positions go to storage directly.
    mapping(bytes32 id => Collateral) internal book;
    mapping(bytes32 id => mapping(address owner => Position)) internal positionBook;
    mapping(address owner => mapping(address operator => bool)) public override isOperator;

    uint256 public override surplusExact; // [wad * ray]
    uint256 public override badDebtExact; // [wad * ray]

    constructor(Dollar dollar_) {
        dollar = dollar_;
    }

    // ------------------------------------------------------------------ index

    /// @dev Rounded up: borrowers owe the last digit. It fits 128 bits until a debt has grown 3e11-fold: 38 years at the
    /// highest fee.
    function _indexUp(Collateral storage c) internal view returns (uint256 index) {
        index = c.index;
        uint256 elapsed = block.timestamp - c.lastAccrual;
        if (elapsed == 0 || c.stabilityFee == 0) return index;
        return index.fullMulDivUp((RAY + c.stabilityFee).rpow(elapsed, RAY), RAY);
    }

    function _accrue(bytes32 id, Collateral storage c) internal returns (uint256 index) {
        uint256 last = c.index;
        index = _indexUp(c);
        if (c.lastAccrual == block.timestamp) return index;
        c.lastAccrual = uint40(block.timestamp);
        if (index == last) return index;
        c.index = index.toUint128();
        uint256 fee = c.totalNormalizedDebt * (index - last);
        if (fee != 0) surplusExact += fee;
        emit IndexAccrued(id, index, fee / RAY);
    }

    // --------------------------------------------------------------- position

    function _setPosition(Collateral storage c, Position storage p, Position memory before, Position memory then_)
        internal
    {
        (p.collateral, p.normalizedDebt) = (then_.collateral, then_.normalizedDebt);
        if (then_.collateral != before.collateral) {
            c.totalCollateral = (uint256(c.totalCollateral) + then_.collateral - before.collateral).toUint128();
        }
        if (then_.normalizedDebt != before.normalizedDebt) {
            c.totalNormalizedDebt =
                (uint256(c.totalNormalizedDebt) + then_.normalizedDebt - before.normalizedDebt).toUint128();
        }
    }

    /// @dev The position is no riskier at any price: collateral per unit of debt did not fall. The index cancels out.
    function _isNoRiskier(Position memory before, Position memory then_) internal pure returns (bool) {
        if (then_.normalizedDebt == 0) return true;
        if (before.normalizedDebt == 0) return false;
        return uint256(then_.collateral) * before.normalizedDebt >= uint256(before.collateral) * then_.normalizedDebt;
    }

    // ------------------------------------------------------------ exact books

    /// @dev Debt of `normalized` units against Dollars of the same side: what one exceeds the other by is surplus.
    function _bookRounding(uint256 larger, uint256 smaller) internal {
        if (larger != smaller) surplusExact += larger - smaller;
    }

    /// @param amount [wad * ray]
    function _recordBadDebt(bytes32 id, uint256 amount) internal {
        if (amount == 0) return;
        badDebtExact += amount;
        emit BadDebtRecorded(id, amount.divUp(RAY));
    }

    /// @inheritdoc ICdpEngine
    function settleBadDebt(uint256 amount) external override returns (uint256 settled) {
        uint256 exact = amount.saturatingMul(RAY).min(surplusExact).min(badDebtExact);
        surplusExact -= exact;
        badDebtExact -= exact;
        settled = exact / RAY;
        emit BadDebtSettled(settled);
    }

    // --------------------------------------------------------------- auctions

    /// @inheritdoc ICdpEngine
    /// @dev Not guarded against re-entrance: a taker may clear an auction inside another liquidation's callback. It
    /// only adds to books that nothing in flight has read.
    function clearAuctionDebt(bytes32 id, address payer, uint256 paid, uint256 cleared) external override {
        Collateral storage c = _ofAuction(id);
        c.debtAtAuction -= cleared.toUint128();
        if (paid >= cleared) {
            if (paid != cleared) {
                surplusExact += (paid - cleared) * RAY;
                emit SurplusBooked(id, paid - cleared);
            }
        } else {
            _recordBadDebt(id, (cleared - paid) * RAY);
        }
        dollar.burn(payer, paid);
    }

    /// @inheritdoc ICdpEngine
    function payKeeper(bytes32 id, address keeper, uint256 amount) external override {
        _ofAuction(id);
        uint256 exact = amount * RAY;
        uint256 fromSurplus = exact.min(surplusExact);
        surplusExact -= fromSurplus;
        _recordBadDebt(id, exact - fromSurplus);
        emit KeeperPaid(id, keeper, amount);
        dollar.mint(keeper, amount);
    }

    function _ofAuction(bytes32 id) private view returns (Collateral storage c) {
        c = book[id];
        if (msg.sender != c.auction || msg.sender == address(0)) revert NotAuction(msg.sender);
    }

    // ------------------------------------------------------------------ views

    function _known(bytes32 id) internal view returns (Collateral storage c) {
        c = book[id];
        if (c.token == address(0)) revert UnknownCollateral(id);
    }

    function _price(Collateral storage c) internal view returns (uint256 wad) {
        (wad,) = IPrice(c.feed).price();
        _requirePrice(wad);
    }

    function _liquidationPrice(Collateral storage c) internal view returns (uint256 wad) {
        if (!c.liquidateWhenStale) return _price(c);
        (wad,) = IPrice(c.feed).lastPrice();
        _requirePrice(wad);
    }

    function _requirePrice(uint256 wad) private pure {
        if (wad == 0 || wad > type(uint128).max) revert IPrice.InvalidAnswer(int256(wad));
    }

    function _debtUp(uint256 normalized, uint256 index) internal pure returns (uint256 debt) {
        return normalized.fullMulDivUp(index, RAY);
    }

    /// @dev From the exact debt, so that it orders positions as collateral per unit of debt does; no product overflows,
    /// as every factor is below 2**128.
    function _ratioDown(Position memory p, uint256 index, uint256 price) internal pure returns (uint256 ratio) {
        if (p.normalizedDebt == 0) return type(uint256).max;
        return (p.collateral * price).fullMulDiv(RAY, p.normalizedDebt * index);
    }

    /// @inheritdoc ICdpEngine
    function priceOf(bytes32 id) external view override returns (uint256) {
        return _price(_known(id));
    }

    /// @inheritdoc ICdpEngine
    function liquidationPriceOf(bytes32 id) external view override returns (uint256) {
        return _liquidationPrice(_known(id));
    }

    /// @inheritdoc ICdpEngine
    function previewAccrue(bytes32 id) external view override returns (uint256) {
        return _indexUp(_known(id));
    }

    /// @inheritdoc ICdpEngine
    function positions(bytes32 id, address owner) external view override returns (uint256, uint256) {
        Position storage p = positionBook[id][owner];
        return (p.collateral, p.normalizedDebt);
    }

    /// @inheritdoc ICdpEngine
    function debtOf(bytes32 id, address owner) external view override returns (uint256) {
        return _debtUp(positionBook[id][owner].normalizedDebt, _indexUp(_known(id)));
    }

    /// @inheritdoc ICdpEngine
    function ratioOf(bytes32 id, address owner) external view override returns (uint256) {
        Collateral storage c = _known(id);
        Position memory p = positionBook[id][owner];
        return p.normalizedDebt == 0 ? type(uint256).max : _ratioDown(p, _indexUp(c), _price(c));
    }

    /// @inheritdoc ICdpEngine
    function totals(bytes32 id) external view override returns (uint256, uint256, uint256, uint256, uint256) {
        Collateral storage c = book[id];
        return (c.totalCollateral, c.totalNormalizedDebt, c.index, c.lastAccrual, c.debtAtAuction);
    }

    /// @inheritdoc ICdpEngine
    function surplus() external view override returns (uint256) {
        return surplusExact / RAY;
    }

    /// @inheritdoc ICdpEngine
    function badDebt() external view override returns (uint256) {
        return badDebtExact.divUp(RAY);
    }
}
