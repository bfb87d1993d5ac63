// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title What a vault's money does, and its hedge.
/// @notice Amounts are in the smallest unit of the vault's asset. Only the vault moves a strategy. It values itself at
/// the mid (the feeds' prices, never a pool's), so that what a trade costs is seen as a loss of value.
interface IStrategy {
    error NotVault(address caller);

    /// @notice Takes assets that the vault has just sent. They wait until the next rebalance puts them to work.
    /// @param assets [asset units]
    function deploy(uint256 assets) external;

    /// @notice Frees assets by closing a part of everything, as much as can be closed now, and sends them to the vault.
    /// @param assets [asset units] wanted
    /// @return freed [asset units] sent, `assets` at most
    function unwind(uint256 assets) external returns (uint256 freed);

    /// @notice Puts what waits to work, restores margin and brings delta to `aim`.
    /// @param aim [asset units] the delta wanted
    /// @param data what the strategy lets a keeper choose, empty for its own choice
    /// @return traded [asset units] turnover at the mid that could have cost something
    function rebalance(int256 aim, bytes calldata data) external returns (uint256 traded);

    /// @return token that the vault counts in
    function asset() external view returns (address token);

    /// @return owner of everything here
    function vault() external view returns (address owner);

    /// @notice Worth of everything at the newest prices, however old. Does not revert.
    /// @return assets [asset units]
    function totalValue() external view returns (uint256 assets);

    /// @return delta [asset units] gained when the hedged price doubles, to first order
    /// @return gamma [asset units] by which delta changes when that price doubles, to first order
    /// @return vega [asset units] gained for one more unit of volatility a year
    function exposure() external view returns (int256 delta, int256 gamma, int256 vega);

    /// @return share [wad of value] the delta it is meant to have
    function targetDelta() external view returns (int256 share);

    /// @return ratio [wad] of what stands between the strategy and a liquidation; uint256.max without a leveraged leg, and 0
    /// while a hedge that it should hold has lapsed
    function marginRatio() external view returns (uint256 ratio);

    /// @return price [wad] of what is hedged, the newest however old; 0 where there is none
    function referencePrice() external view returns (uint256 price);

    /// @return live whether every price is fresh and every market open, so that its value can be relied on
    function isLive() external view returns (bool live);

    /// @return assets [asset units] that `unwind` could free now
    function liquidity() external view returns (uint256 assets);
}
