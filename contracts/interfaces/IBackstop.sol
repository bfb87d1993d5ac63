// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPerpMarket} from "./IPerpMarket.sol";

/// @title Who pays what a bankrupt account cannot: the insurance fund, then auto-deleveraging, then the pool.
///
/// @notice A deficit is first paid by the fund. What the fund cannot pay is recorded as shortfall, together with the
/// size that went bankrupt. Profitable positions of the other side can then be closed up to that size, each giving up
/// shortfall / size of its profit a unit: closed at the bankrupt's own price, but never below their entry. After
/// `patience`, or where the other side is empty, what is left falls on the pool's depositors.
///
/// Deleveraging begins only above `trigger` and stops at `floor`. Anyone may call it with a list of accounts:
/// ranked, highest score first, where score is profit over entry value times leverage; or pro rata, where each account
/// gives the same share of its size once a round. The order is checked; that nobody was left out cannot be.
///
/// Amounts are wads of the market's margin token.
interface IBackstop {
    enum Rule {
        Ranked,
        ProRata
    }

    /// @param amount [margin wad]
    event FundCredited(uint256 amount, uint256 fund);
    event FundPaid(address indexed to, uint256 amount, uint256 fund);

    /// @param bankrupt [size wad] signed like the position that went bankrupt
    /// @param fromFund [margin wad]
    /// @param recorded [margin wad] as shortfall
    event LossAbsorbed(int256 bankrupt, uint256 fromFund, uint256 recorded);

    /// @param size [size wad] closed, without sign
    /// @param haircut [margin wad]
    event AccountDeleveraged(address indexed account, uint256 size, uint256 haircut, uint256 score);

    /// @param amount [margin wad] of shortfall repaid by what came to the fund
    event ShortfallRepaid(uint256 amount, uint256 left);

    /// @param amount [margin wad] taken from the pool
    event LossSocialised(uint256 amount, uint256 left);
    event RuleSet(Rule rule, uint256 trigger, uint256 floor, uint256 patience);

    error NotMarket(address caller);

    /// @param fund [margin wad] less the shortfall
    /// @param threshold [margin wad] at or above which nobody is deleveraged
    error DeleverageNotRequired(int256 fund, int256 threshold);
    error NotProfitable(address account);

    /// @param account that is not on the side to be deleveraged
    error WrongSide(address account);

    /// @param score [wad] of the account
    /// @param previous [wad] of the account before it in the list, which is lower
    error OutOfOrder(address account, uint256 score, uint256 previous);
    error AlreadyDeleveraged(address account, uint256 round);
    error TooManyAccounts(uint256 count, uint256 max);

    /// @param until [unix s] when what is left may fall on the pool
    error DeleverageFirst(uint256 until);
    error NoShortfall();

    /// @param amount [margin wad] asked for
    /// @param fund [margin wad]
    error FundTooSmall(uint256 amount, uint256 fund);

    /// @notice Gives to the fund, from the caller. What is recorded as shortfall is repaid first.
    /// @param amount [margin wad]
    function donate(uint256 amount) external;

    /// @notice Closes profitable positions opposite to the bankrupt ones, until the shortfall is at the floor.
    /// @param bankruptLong whether it is for longs that went bankrupt, so that shorts are closed
    /// @param accounts in order of the rule, 32 at most
    /// @return closed [size wad] without sign
    /// @return covered [margin wad] of shortfall
    function deleverage(bool bankruptLong, address[] calldata accounts)
        external
        returns (uint256 closed, uint256 covered);

    /// @notice Lets what deleveraging has not covered fall on the pool's depositors.
    /// @return taken [margin wad]
    function socialise() external returns (uint256 taken);

    // --------------------------------------------------------- for the market

    /// @notice Adds fees to the fund. Only the market.
    /// @param amount [margin wad]
    function credit(uint256 amount) external;

    /// @notice Pays or records what a bankrupt position owes. Only the market.
    /// @param bankrupt [size wad] signed like the position
    /// @param deficit [margin wad]
    function absorb(int256 bankrupt, uint256 deficit) external;

    // ------------------------------------------------------------------ views

    function market() external view returns (IPerpMarket);

    /// @return amount [margin wad] of the insurance fund
    function fund() external view returns (uint256 amount);

    /// @return amount [margin wad] of losses that nobody has paid
    function shortfall() external view returns (uint256 amount);

    /// @return size [size wad] that went bankrupt and was not yet matched by deleveraging
    /// @return amount [margin wad] of shortfall it left
    /// @return since [unix s] of its oldest part
    function bankruptcy(bool long) external view returns (uint256 size, uint256 amount, uint256 since);

    /// @return score [wad] profit over entry value times notional over equity; 0 for an account without profit
    function scoreOf(address account) external view returns (uint256 score);

    /// @notice Whether anybody may be deleveraged now.
    function deleverageRequired() external view returns (bool required);
}
