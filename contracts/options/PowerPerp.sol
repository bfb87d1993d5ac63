// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {ERC20} from "solady/src/tokens/ERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IPowerPerp} from "../interfaces/IPowerPerp.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {Bounded} from "../math/Bounded.sol";
import {Guarded} from "../perps/Guarded.sol";

/// @title The square of one price.
contract PowerPerp is IPowerPerp, ERC20, Ownable, Bounded, Guarded {
    using FixedPointMathLib for *;
    using SafeCastLib for *;
    using SafeTransferLib for address;

    uint256 private constant WAD = 1e18;
    uint256 private constant RAY = 1e27;
    uint256 private constant HIGHEST_PRICE = 1e30; // [wad]

    struct Position {
        uint128 collateral; // [money wad]
        uint128 debt; // [token wad]
    }

    address public immutable moneyToken;
    uint256 public immutable moneyUnit; // [wad] of the smallest amount
    IPrice public immutable feed; // of the underlying
    uint256 public immutable scale; // [wad] that price² is divided by

    IPrice public markFeed; // Dollars of one token; none while nobody trades it: funding then stands still
    Rules public rules;
    uint256 private normalised; // [ray]
    uint256 public accruedAt; // [unix s]
    uint256 public fund; // [money wad]
    uint256 public badDebt; // [token wad]
    mapping(address account => Position) private positions;

    /// @param scale_ [wad] 1 at least
    constructor(address owner_, address token, IPrice feed_, uint256 scale_, Rules memory rules_) {
        _initializeOwner(owner_);
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, 6, 18);
        _requireWithin(scale_, WAD, 1e30);
        (moneyToken, moneyUnit) = (token, 10 ** (18 - decimals));
        (feed, scale, normalised, accruedAt) = (feed_, scale_, RAY, block.timestamp);
        _setRules(rules_);
    }

    // ---------------------------------------------------------------- actions

    /// @inheritdoc IPowerPerp
    function adjust(int256 collateralDelta, int256 tokensDelta) external override guarded {
        accrue();
        Position memory p = positions[msg.sender];
        collateralDelta -= collateralDelta % int256(moneyUnit);
        p.collateral = _moved(p.collateral, collateralDelta);
        p.debt = _moved(p.debt, tokensDelta);
        if (p.debt != 0 && (collateralDelta < 0 || tokensDelta > 0)) _requireSafe(p);
        _save(msg.sender, p);
        if (tokensDelta > 0) _mint(msg.sender, uint256(tokensDelta));
        else _burn(msg.sender, uint256(-tokensDelta));
        if (collateralDelta > 0) _pull(uint256(collateralDelta));
        else _push(msg.sender, uint256(-collateralDelta));
    }

    /// @inheritdoc IPowerPerp
    function liquidate(address account, uint256 maxTokens)
        external
        override
        guarded
        returns (uint256 tokens, uint256 paid)
    {
        accrue();
        (tokens, paid) = previewLiquidation(account, maxTokens);
        Position memory p = positions[account];
        _burn(msg.sender, tokens);
        uint256 fromCollateral = paid.min(p.collateral);
        _changeFund(-int256(paid - fromCollateral));
        p.collateral -= uint128(fromCollateral);
        p.debt -= uint128(tokens);
        if (p.debt != 0 && _paysFor(p.collateral) == 0) {
            badDebt += p.debt;
            emit LossAbsorbed(account, paid - fromCollateral, p.debt);
            p.debt = 0;
        } else if (paid != fromCollateral) {
            emit LossAbsorbed(account, paid - fromCollateral, 0);
        }
        _save(account, p);
        _push(msg.sender, paid);
        emit Liquidated(account, msg.sender, tokens, paid);
    }

    /// @inheritdoc IPowerPerp
    /// @dev While collateral covers debt and bounty, at most the close factor. After that all of it at index: first the
    /// collateral pays, then the fund, and no more tokens are burnt than both can pay for.
    function previewLiquidation(address account, uint256 maxTokens)
        public
        view
        override
        returns (uint256 tokens, uint256 paid)
    {
        Position memory p = positions[account];
        if (p.debt == 0) revert NoDebt(account);
        uint256 worth = _worth(previewAccrue());
        uint256 ratio = _ratio(p, worth);
        if (ratio >= rules.minRatio) revert PositionHealthy(ratio, rules.minRatio);
        uint256 owed = uint256(p.debt).fullMulDivUp(worth, RAY);
        if (p.collateral >= owed.fullMulDivUp(WAD + rules.bounty, WAD)) {
            bool whole = p.collateral < 2 * rules.minCollateral;
            tokens = maxTokens.min(whole ? p.debt : uint256(p.debt).fullMulDivUp(rules.closeFactor, WAD));
            paid = tokens.fullMulDiv(worth, RAY).fullMulDiv(WAD + rules.bounty, WAD);
        } else {
            uint256 held = uint256(p.collateral) + (p.collateral >= owed ? 0 : fund);
            tokens = maxTokens.min(p.debt);
            if (held < owed) tokens = tokens.min(held.fullMulDiv(RAY, worth));
            uint256 atIndex = tokens.fullMulDiv(worth, RAY);
            // What collateral is left beyond the debt is the bounty.
            paid = p.collateral > owed ? uint256(p.collateral).fullMulDiv(tokens, p.debt) : atIndex;
        }
        paid -= paid % moneyUnit;
    }

    /// @inheritdoc IPowerPerp
    function buyBadDebt(uint256 tokens) external override guarded returns (uint256 paid) {
        accrue();
        tokens = tokens.min(badDebt);
        paid = tokens.fullMulDiv(_worth(normalised), RAY);
        paid -= paid % moneyUnit;
        if (paid > fund) revert InsufficientFund(paid, fund);
        badDebt -= tokens;
        _changeFund(-int256(paid));
        _burn(msg.sender, tokens);
        _push(msg.sender, paid);
        emit BadDebtBought(msg.sender, tokens, paid);
    }

    /// @inheritdoc IPowerPerp
    function accrue() public override returns (uint256 normalisation) {
        normalisation = previewAccrue();
        if (accruedAt == block.timestamp) return normalisation;
        emit FundingAccrued(normalisation, _markRatio(), block.timestamp - accruedAt);
        (normalised, accruedAt) = (normalisation, block.timestamp);
    }

    /// @inheritdoc IPowerPerp
    function previewAccrue() public view override returns (uint256) {
        uint256 elapsed = block.timestamp - accruedAt;
        if (elapsed == 0) return normalised;
        int256 rate = -int256(_markRatio()).lnWad() * int256(elapsed) / int256(rules.period);
        return normalised.fullMulDiv(uint256(rate.expWad()), WAD);
    }

    /// @inheritdoc IPowerPerp
    function donate(uint256 amount) external override guarded {
        amount -= amount % moneyUnit;
        _pull(amount);
        _changeFund(int256(amount));
    }

    // ------------------------------------------------------------- governance

    /// @param r.minRatio [wad] above 1 and the bounty, 10 at most
    /// @param r.bounty [wad] 0.5 at most
    /// @param r.closeFactor [wad] above 0, 1 at most
    /// @param r.minCollateral [money wad]
    /// @param r.period [s] a day to a year
    /// @param r.lowestMark [wad] 0.1 to 1
    /// @param r.highestMark [wad] 1 to 10
    function setRules(Rules calldata r) external onlyOwner {
        accrue();
        _setRules(r);
    }

    /// @param markFeed_ the price of one token, or none
    function setMarkFeed(IPrice markFeed_) external onlyOwner {
        accrue();
        markFeed = markFeed_;
        emit MarkFeedSet(address(markFeed_));
    }

    function _setRules(Rules memory r) private {
        _requireWithin(r.bounty, 0, 0.5e18);
        _requireWithin(r.minRatio, WAD + r.bounty + 1, 10e18);
        _requireWithin(r.closeFactor, 1, WAD);
        _requireWithin(r.minCollateral, moneyUnit, 1e30);
        _requireWithin(r.period, 1 days, 365 days);
        _requireWithin(r.lowestMark, 0.1e18, WAD);
        _requireWithin(r.highestMark, WAD, 10e18);
        rules = r;
        emit RulesSet(r);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IPowerPerp
    function indexOf() external view override returns (uint256) {
        return _worth(previewAccrue()) / 1e9;
    }

    /// @inheritdoc IPowerPerp
    function ratioOf(address account) external view override returns (uint256) {
        return _ratio(positions[account], _worth(previewAccrue()));
    }

    /// @inheritdoc IPowerPerp
    function positionOf(address account) external view override returns (uint256, uint256) {
        return (positions[account].collateral, positions[account].debt);
    }

    function name() public pure override returns (string memory) {
        return "Squared Perpetual";
    }

    function symbol() public pure override returns (string memory) {
        return "SQUARED";
    }

    // ---------------------------------------------------------------- private

    /// @dev [money ray] of one token at the index.
    function _worth(uint256 normalisation) private view returns (uint256) {
        (uint256 price,) = feed.price();
        if (price > HIGHEST_PRICE) revert IPrice.PriceOutOfBounds(price, 0, HIGHEST_PRICE);
        return price.fullMulDiv(price, scale).fullMulDiv(normalisation, WAD);
    }

    /// @dev [wad] the mark over the index, within bounds; 1 where nobody marks it or the mark is stale.
    function _markRatio() private view returns (uint256) {
        if (address(markFeed) == address(0)) return WAD;
        try markFeed.price() returns (uint256 mark, uint256) {
            uint256 worth = _worth(normalised);
            return worth == 0 ? WAD : mark.fullMulDiv(RAY, worth).clamp(rules.lowestMark, rules.highestMark);
        } catch {
            return WAD;
        }
    }

    /// @dev [wad]
    function _ratio(Position memory p, uint256 worth) private pure returns (uint256) {
        uint256 owed = uint256(p.debt).fullMulDivUp(worth, RAY);
        return owed == 0 ? type(uint256).max : uint256(p.collateral).fullMulDiv(WAD, owed);
    }

    /// @dev [money wad] of an amount that a liquidator would get: what of it does not pay for a token stays.
    function _paysFor(uint256 amount) private view returns (uint256 paid) {
        uint256 worth = _worth(normalised);
        paid = amount.fullMulDiv(RAY, worth).fullMulDiv(worth, RAY);
        paid -= paid % moneyUnit;
    }

    function _requireSafe(Position memory p) private view {
        if (p.collateral < rules.minCollateral) revert CollateralTooSmall(p.collateral, rules.minCollateral);
        uint256 ratio = _ratio(p, _worth(normalised));
        if (ratio < rules.minRatio) revert Undercollateralised(ratio, rules.minRatio);
    }

    function _moved(uint256 amount, int256 change) private pure returns (uint128) {
        if (change < 0 && change.abs() > amount) revert InsufficientCollateral(change.abs(), amount);
        return uint256(int256(amount) + change).toUint128();
    }

    function _save(address account, Position memory p) private {
        positions[account] = p;
        emit PositionChanged(account, p.collateral, p.debt);
    }

    function _changeFund(int256 change) private {
        if (change == 0) return;
        fund = uint256(int256(fund) + change);
        emit FundChanged(change, fund);
    }

    function _pull(uint256 amount) private {
        uint256 units = amount / moneyUnit;
        uint256 before = moneyToken.balanceOf(address(this));
        moneyToken.safeTransferFrom(msg.sender, address(this), units);
        uint256 received = moneyToken.balanceOf(address(this)) - before;
        if (received != units) revert TransferShort(received, units);
    }

    function _push(address to, uint256 amount) private {
        if (amount != 0) moneyToken.safeTransfer(to, amount / moneyUnit);
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
