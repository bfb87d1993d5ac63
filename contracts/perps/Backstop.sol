// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {IBackstop} from "../interfaces/IBackstop.sol";
import {IPerpMarket} from "../interfaces/IPerpMarket.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title The books of an insurance fund and of losses, and the rules by which winners give up profit.
/// @notice The tokens lie in the market. The fund is empty whenever there is a shortfall: whatever comes in repays it.
contract Backstop is IBackstop, Ownable, ReentrancyGuardTransient, Bounded {
    using FixedPointMathLib for *;

    uint256 private constant WAD = 1e18;
    uint256 private constant MOST_ACCOUNTS = 32;
    uint256 private constant LARGEST_AMOUNT = 1e36; // [margin wad]
    uint256 private constant LONGEST_PATIENCE = 30 days; // [s]

    /// @dev Of one side, longs or shorts that went bankrupt.
    struct Bankruptcy {
        uint256 size; // [size wad] not yet matched
        uint256 amount; // [margin wad] of shortfall
        uint64 since; // [unix s]
        uint64 round; // counts the bankruptcies
        uint64 ratedRound; // for which `share` was computed
        uint256 share; // [wad] of each position of the other side, pro rata
    }

    IPerpMarket public immutable override market;

    Rule public rule;
    uint256 public trigger; // [margin wad] of shortfall above which deleveraging begins
    uint256 public floor; // [margin wad] of shortfall at which it ends
    uint256 public patience; // [s] for which it may go on before the pool pays

    uint256 public override fund; // [margin wad]
    uint256 public override shortfall; // [margin wad]
    bool public deleveraging; // begun, and not yet at the floor

    mapping(bool long => Bankruptcy) private bankruptcies;
    mapping(bool long => mapping(address account => uint256 round)) private lastRound;

    /// @param trigger_ [margin wad]
    /// @param floor_ [margin wad] `trigger_` at most
    /// @param patience_ [s] 30 days at most
    constructor(IPerpMarket market_, Rule rule_, uint256 trigger_, uint256 floor_, uint256 patience_) {
        _initializeOwner(msg.sender);
        market = market_;
        _setRule(rule_, trigger_, floor_, patience_);
    }

    modifier onlyMarket() {
        if (msg.sender != address(market)) revert NotMarket(msg.sender);
        _;
    }

    // ------------------------------------------------------------------- fund

    /// @inheritdoc IBackstop
    function donate(uint256 amount) external override nonReentrant {
        _credit(market.fundDeposit(msg.sender, amount));
    }

    /// @notice Pays out of the fund, for the owner.
    /// @param amount [margin wad]
    function withdrawFund(address to, uint256 amount) external onlyOwner nonReentrant {
        amount -= amount % market.marginUnit();
        if (amount > fund) revert FundTooSmall(amount, fund);
        fund -= amount;
        emit FundPaid(to, amount, fund);
        market.fundWithdraw(to, amount);
    }

    /// @inheritdoc IBackstop
    function credit(uint256 amount) external override onlyMarket {
        _credit(amount);
    }

    function _credit(uint256 amount) private {
        uint256 repaid = amount.min(shortfall);
        if (repaid != 0) {
            _repay(repaid);
            emit ShortfallRepaid(repaid, shortfall);
        }
        if (amount != repaid) fund += amount - repaid;
        emit FundCredited(amount, fund);
    }

    /// @dev Longs' part first.
    function _repay(uint256 amount) private {
        uint256 ofLongs = amount.min(bankruptcies[true].amount);
        _reduce(true, ofLongs);
        _reduce(false, amount - ofLongs);
    }

    function _reduce(bool long, uint256 amount) private {
        if (amount == 0) return;
        Bankruptcy storage b = bankruptcies[long];
        b.amount -= amount;
        shortfall -= amount;
        if (b.amount == 0) (b.size, b.since) = (0, 0);
        if (shortfall <= floor) deleveraging = false;
    }

    /// @inheritdoc IBackstop
    function absorb(int256 bankrupt, uint256 deficit) external override onlyMarket {
        uint256 fromFund = deficit.min(fund);
        fund -= fromFund;
        emit LossAbsorbed(bankrupt, fromFund, deficit - fromFund);
        if (deficit == fromFund) return;
        Bankruptcy storage b = bankruptcies[bankrupt > 0];
        if (b.since == 0) b.since = uint64(block.timestamp);
        b.size += bankrupt.abs();
        b.amount += deficit - fromFund;
        ++b.round;
        shortfall += deficit - fromFund;
        if (shortfall > trigger) deleveraging = true;
    }

    // -------------------------------------------------------------- deleverage

    /// @inheritdoc IBackstop
    function deleverage(bool bankruptLong, address[] calldata accounts)
        external
        override
        nonReentrant
        returns (uint256 closed, uint256 covered)
    {
        _requireDeleveraging();
        if (accounts.length > MOST_ACCOUNTS) revert TooManyAccounts(accounts.length, MOST_ACCOUNTS);
        Bankruptcy storage b = bankruptcies[bankruptLong];
        if (b.amount == 0) revert NoShortfall();
        uint256[] memory scores = _scoresInOrder(bankruptLong, accounts);
        if (rule == Rule.ProRata) _rate(b, bankruptLong);
        for (uint256 i; i < accounts.length; ++i) {
            if (b.size == 0 || shortfall <= floor) break;
            (uint256 size, uint256 taken) = _deleverageOne(b, bankruptLong, accounts[i], scores[i]);
            (closed, covered) = (closed + size, covered + taken);
        }
    }

    function _requireDeleveraging() private view {
        if (deleveraging) return;
        revert DeleverageNotRequired(int256(fund) - int256(shortfall), -int256(trigger));
    }

    /// @dev All scores are taken before anything is closed: a fill would move those after it.
    function _scoresInOrder(bool bankruptLong, address[] calldata accounts)
        private
        view
        returns (uint256[] memory scores)
    {
        scores = new uint256[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            (uint256 score, int256 size) = _score(accounts[i]);
            if (size == 0 || (size > 0) == bankruptLong) revert WrongSide(accounts[i]);
            if (score == 0) revert NotProfitable(accounts[i]);
            if (rule == Rule.Ranked && i != 0 && score > scores[i - 1]) {
                revert OutOfOrder(accounts[i], score, scores[i - 1]);
            }
            scores[i] = score;
        }
    }

    /// @dev The share of the other side that the bankrupt size is, fixed for a round so that nobody gives more.
    function _rate(Bankruptcy storage b, bool bankruptLong) private {
        if (b.ratedRound == b.round) return;
        (uint256 long, uint256 short) = market.openInterest();
        uint256 side = bankruptLong ? short : long;
        b.share = side == 0 ? 0 : b.size.fullMulDivUp(WAD, side).min(WAD);
        b.ratedRound = b.round;
    }

    function _deleverageOne(Bankruptcy storage b, bool bankruptLong, address account, uint256 score)
        private
        returns (uint256 size, uint256 taken)
    {
        size = _sizeOf(account).abs();
        if (rule == Rule.ProRata) {
            if (lastRound[bankruptLong][account] == b.round) revert AlreadyDeleveraged(account, b.round);
            lastRound[bankruptLong][account] = b.round;
            size = size.fullMulDivUp(b.share, WAD);
        }
        size = size.min(b.size);
        uint256 haircut = b.amount.fullMulDivUp(size, b.size);
        uint256 room = shortfall - floor;
        if (haircut > room) {
            size = b.size.fullMulDiv(room, b.amount);
            haircut = room;
        }
        // What others gave up before it in this call may have cost it its profit.
        if (size == 0 || market.exitEquityOf(account) <= 0 || _profit(account) <= 0) return (0, 0);
        taken = market.deleverage(account, size, haircut);
        b.size -= size;
        _reduce(bankruptLong, taken);
        emit AccountDeleveraged(account, size, taken, score);
    }

    /// @inheritdoc IBackstop
    function socialise() external override nonReentrant returns (uint256 taken) {
        if (shortfall == 0) revert NoShortfall();
        _requireNobodyLeft(true);
        _requireNobodyLeft(false);
        taken = market.chargePool(shortfall);
        _repay(taken);
        emit LossSocialised(taken, shortfall);
    }

    /// @dev Nothing is left to match, or nobody to match it, or deleveraging is not due, or it had its time.
    function _requireNobodyLeft(bool bankruptLong) private view {
        Bankruptcy storage b = bankruptcies[bankruptLong];
        if (b.amount == 0 || b.size == 0 || !deleveraging) return;
        (uint256 long, uint256 short) = market.openInterest();
        if ((bankruptLong ? short : long) == 0) return;
        if (block.timestamp < b.since + patience) revert DeleverageFirst(b.since + patience);
    }

    // ------------------------------------------------------------- governance

    /// @param trigger_ [margin wad]
    /// @param floor_ [margin wad] `trigger_` at most
    /// @param patience_ [s] 30 days at most
    function setRule(Rule rule_, uint256 trigger_, uint256 floor_, uint256 patience_) external onlyOwner {
        _setRule(rule_, trigger_, floor_, patience_);
    }

    function _setRule(Rule rule_, uint256 trigger_, uint256 floor_, uint256 patience_) private {
        _requireWithin(trigger_, 0, LARGEST_AMOUNT);
        _requireWithin(floor_, 0, trigger_);
        _requireWithin(patience_, 0, LONGEST_PATIENCE);
        (rule, trigger, floor, patience) = (rule_, trigger_, floor_, patience_);
        deleveraging = shortfall > trigger_;
        emit RuleSet(rule_, trigger_, floor_, patience_);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IBackstop
    function bankruptcy(bool long) external view override returns (uint256, uint256, uint256) {
        Bankruptcy storage b = bankruptcies[long];
        return (b.size, b.amount, b.since);
    }

    /// @inheritdoc IBackstop
    function scoreOf(address account) external view override returns (uint256 score) {
        (score,) = _score(account);
    }

    /// @inheritdoc IBackstop
    function deleverageRequired() external view override returns (bool) {
        return deleveraging;
    }

    /// @dev Profit is what closing all of it would bring, funding left aside.
    function _score(address account) private view returns (uint256 score, int256 size) {
        int256 entryValue;
        (size,, entryValue,,) = market.positionOf(account);
        int256 equity = market.exitEquityOf(account);
        int256 profit = _profit(account);
        if (size == 0 || profit <= 0 || equity <= 0 || entryValue == 0) return (0, size);
        uint256 leverage = market.notionalOf(account).fullMulDiv(WAD, uint256(equity));
        score = uint256(profit).fullMulDiv(leverage, entryValue.abs());
    }

    function _profit(address account) private view returns (int256) {
        (, int256 margin,, int256 due,) = market.positionOf(account);
        return market.exitEquityOf(account) - margin + due;
    }

    function _sizeOf(address account) private view returns (int256 size) {
        (size,,,,) = market.positionOf(account);
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
