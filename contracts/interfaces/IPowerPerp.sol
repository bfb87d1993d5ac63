// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title A perpetual on the square of a price, as a token.
///
/// @notice A token is a claim on `normalisation` times price² / scale. Who posts collateral may mint tokens and owes them.
/// Funding is paid in kind: what everybody owes and owns is scaled down by the normalisation, which falls by
///
///     (index / mark) ^ (elapsed / period)
///
/// where the index is price² / scale and the mark what the market pays for an index's worth of tokens, held within bounds.
/// So shorts owe less as time passes while the market pays a premium, and no cash moves.
///
/// @notice Losses fall on the collateral, then on the fund, and what is left is recorded as bad debt, in tokens that nobody
/// owes: whoever burns them is paid by the fund when it has money again.
interface IPowerPerp {
    struct Rules {
        uint256 minRatio; // [wad] collateral over debt at index, to mint or withdraw and to stay
        uint256 bounty; // [wad] of the debt repaid, for the liquidator
        uint256 closeFactor; // [wad] of the debt repaid at once, while collateral covers debt and bounty
        uint256 minCollateral; // [money wad] of a position with debt; below it a liquidation takes all
        uint256 period; // [s] of funding
        uint256 lowestMark; // [wad] of the index, below 1
        uint256 highestMark; // [wad] of the index, above 1
    }

    event FundingAccrued(uint256 normalisation, uint256 markRatio, uint256 elapsed);
    event PositionChanged(address indexed account, uint256 collateral, uint256 debt);
    event Liquidated(address indexed account, address indexed liquidator, uint256 tokens, uint256 paid);
    event LossAbsorbed(address indexed account, uint256 fromFund, uint256 badDebt);
    event BadDebtBought(address indexed seller, uint256 tokens, uint256 paid);
    event FundChanged(int256 change, uint256 fund);
    event RulesSet(Rules rules);
    event MarkFeedSet(address feed);

    error Undercollateralised(uint256 ratio, uint256 required);
    error PositionHealthy(uint256 ratio, uint256 required);
    error CollateralTooSmall(uint256 collateral, uint256 min);
    error NoDebt(address account);
    error InsufficientCollateral(uint256 amount, uint256 available);
    error InsufficientFund(uint256 amount, uint256 fund);
    error TransferShort(uint256 received, uint256 expected);

    /// @notice Moves collateral and debt of the caller's position; tokens are minted to the caller or burnt.
    /// @param collateralDelta [money wad]
    /// @param tokensDelta [token wad]
    function adjust(int256 collateralDelta, int256 tokensDelta) external;

    /// @notice Burns the caller's tokens against somebody's unsafe debt, for their value at index and a bounty.
    /// @param maxTokens [token wad]
    /// @return tokens [token wad] burnt
    /// @return paid [money wad] to the caller
    function liquidate(address account, uint256 maxTokens) external returns (uint256 tokens, uint256 paid);

    /// @notice What `liquidate` would do.
    function previewLiquidation(address account, uint256 maxTokens) external view returns (uint256 tokens, uint256 paid);

    /// @notice Burns tokens that nobody owes, paid at index by the fund.
    function buyBadDebt(uint256 tokens) external returns (uint256 paid);

    /// @notice Brings the normalisation up to now.
    function accrue() external returns (uint256 normalisation);

    /// @notice What `accrue` would do.
    function previewAccrue() external view returns (uint256 normalisation);

    /// @notice Gives to the fund.
    function donate(uint256 amount) external;

    /// @return [money wad] of one token at the index
    function indexOf() external view returns (uint256);

    /// @return [wad] collateral over debt at the index, the largest number where nothing is owed
    function ratioOf(address account) external view returns (uint256);

    /// @return collateral [money wad]
    /// @return debt [token wad]
    function positionOf(address account) external view returns (uint256 collateral, uint256 debt);
}
