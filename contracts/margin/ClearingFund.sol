// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {Bounded} from "../math/Bounded.sol";
import {Guarded} from "../perps/Guarded.sol";

/// @title The default waterfall below the accounts: the house's fund, the members' fund, and what is recorded as missing.
/// @notice The members' fund is mutual: shares of one pot, which losses and fees change for all alike. Either the funds are
/// empty or there is no shortfall.
abstract contract ClearingFund is IClearinghouse, Bounded, Guarded {
    using FixedPointMathLib for *;
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;
    uint256 private constant OFFSET = 1e6; // shares that nobody has, so that nobody is the first

    struct Member {
        uint256 shares;
        uint256 readyAt; // [unix s] 0 = has not announced to quit
    }

    address public immutable moneyToken;
    uint256 public immutable moneyUnit; // [wad] of the smallest amount

    uint256 public houseFund; // [money wad]
    uint256 public membersFund; // [money wad]
    uint256 public totalShares;
    uint256 public shortfall; // [money wad]
    uint256 public auctionsOpen;
    uint256 public quitDelay; // [s]
    mapping(address member => Member) public memberOf;

    constructor(address token) {
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, 6, 18);
        (moneyToken, moneyUnit) = (token, 10 ** (18 - decimals));
    }

    /// @inheritdoc IClearinghouse
    function donate(uint256 amount) external override guarded {
        _credit(_pull(moneyToken, moneyUnit, amount));
    }

    /// @inheritdoc IClearinghouse
    function join(uint256 amount) external override guarded returns (uint256 shares) {
        if (shortfall != 0) revert WithdrawalsPaused(shortfall);
        amount = _pull(moneyToken, moneyUnit, amount);
        shares = amount.fullMulDiv(totalShares + OFFSET, membersFund + 1);
        memberOf[msg.sender].shares += shares;
        totalShares += shares;
        _changeFunds(0, int256(amount));
        emit MemberChanged(msg.sender, int256(amount), memberOf[msg.sender].shares);
    }

    /// @inheritdoc IClearinghouse
    function announceQuit() external override {
        memberOf[msg.sender].readyAt = block.timestamp + quitDelay;
    }

    /// @inheritdoc IClearinghouse
    /// @dev A member that sees a default coming has to wait for the end of its auction.
    function quit(uint256 shares) external override guarded returns (uint256 amount) {
        Member storage m = memberOf[msg.sender];
        if (m.readyAt == 0 || block.timestamp < m.readyAt) revert NotReady(m.readyAt);
        if (auctionsOpen != 0) revert AuctionsOpen(auctionsOpen);
        if (shares > m.shares) revert InsufficientCash(shares, m.shares);
        amount = shares.fullMulDiv(membersFund + 1, totalShares + OFFSET);
        amount -= amount % moneyUnit;
        m.shares -= shares;
        totalShares -= shares;
        m.readyAt = 0;
        _changeFunds(0, -int256(amount));
        moneyToken.safeTransfer(msg.sender, amount / moneyUnit);
        emit MemberChanged(msg.sender, -int256(amount), m.shares);
    }

    /// @dev To the house, after what is missing is repaid.
    function _credit(uint256 amount) internal {
        uint256 repaid = amount.min(shortfall);
        shortfall -= repaid;
        _changeFunds(int256(amount - repaid), 0);
    }

    /// @dev Takes a loss out of the funds and records the rest.
    function _absorb(uint256 account, uint256 loss) internal {
        if (loss == 0) return;
        uint256 ofHouse = loss.min(houseFund);
        uint256 ofMembers = (loss - ofHouse).min(membersFund);
        uint256 rest = loss - ofHouse - ofMembers;
        shortfall += rest;
        _changeFunds(-int256(ofHouse), -int256(ofMembers));
        emit LossAbsorbed(account, ofHouse, ofMembers, rest);
    }

    function _changeFunds(int256 house, int256 members) private {
        houseFund = uint256(int256(houseFund) + house);
        membersFund = uint256(int256(membersFund) + members);
        emit FundChanged(house, members, houseFund, membersFund, shortfall);
    }

    /// @dev A token that takes a fee on the way is refused: the books would run ahead of the balance.
    function _pull(address token, uint256 unit, uint256 amount) internal returns (uint256 pulled) {
        uint256 units = amount / unit;
        pulled = units * unit;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), units);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != units) revert TransferShort(received, units);
    }
}
