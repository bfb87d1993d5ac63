// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title The ledger of collateralised debt positions.
///
/// @notice Units. Collateral and Dollar amounts, prices and ratios are wads (1e18 = one). Indices and rates are rays
/// (1e27 = one). `id` is the collateral's symbol in ASCII, right-padded to 32 bytes. An amount of collateral is
/// truncated towards zero to whole units of its token, so that the ledger and the tokens held are equal to the unit.
///
/// A position's debt is normalizedDebt * index. Every rounding goes against the caller, and what a rounding leaves goes
/// to the surplus, so the supply of Dollar is explained exactly (contracts/INVARIANTS.md, 1).
///
/// @notice The solvency rule: an action must leave the position no riskier, whatever the price, or at or above
/// minimumRatio. "No riskier" needs no price, so a position can be topped up or closed while its feed is down.
interface ICdpEngine {
    struct CollateralConfig {
        address token; // locked as collateral, 6 to 18 decimals
        address feed; // an IPrice
        address auction; // an IAuction; 0 = liquidation at a fixed spread
        uint256 minimumRatio; // [wad] collateral value over debt that an action must leave
        uint256 liquidationRatio; // [wad] below which the position can be liquidated, <= minimumRatio
        uint256 liquidationBonus; // [wad] of the debt repaid: the liquidator's, or raised on top by an auction
        uint256 closeFactor; // [wad] share of the debt that one fixed-spread liquidation repays at most
        uint256 protocolFee; // [wad] share of the bonus that goes to the fee recipient (fixed spread)
        uint256 stabilityFee; // [ray per second] the index grows by (1 + stabilityFee) each second
        uint256 debtCeiling; // [Dollar wad] of all positions together
        uint256 debtFloor; // [Dollar wad] least debt of a position that has any
        uint256 lotSize; // [collateral wad] in one auction, 0 = no limit
        bool liquidateWhenStale; // liquidations take the newest price, however old, where others refuse it
    }

    // ----------------------------------------------------------------- events

    event CollateralAdded(bytes32 indexed id, address token);

    /// @notice A typed setter ran; read the values from `collaterals(id)`.
    event CollateralConfigured(bytes32 indexed id);
    event FeeRecipientSet(address recipient);
    event OperatorSet(address indexed owner, address indexed operator, bool allowed);

    /// @param collateralDelta [wad] after truncation to token units
    /// @param debtDelta [Dollar wad] minted, or burned when negative
    /// @param collateral [wad] of the position now
    /// @param normalizedDebt [wad] of the position now
    event PositionAdjusted(
        bytes32 indexed id,
        address indexed owner,
        int256 collateralDelta,
        int256 debtDelta,
        uint256 collateral,
        uint256 normalizedDebt
    );

    /// @param index [ray]
    /// @param fee [Dollar wad] that all positions together now owe more, rounded down
    event IndexAccrued(bytes32 indexed id, uint256 index, uint256 fee);

    /// @param debt [Dollar wad] repaid by the liquidator, or moved to the auction
    /// @param seized [wad] of collateral that left the position, the fee included
    /// @param fee [wad] of collateral for the fee recipient
    /// @param collateral [wad] left in the position
    /// @param normalizedDebt [wad] left in the position
    /// @param auctionId 0 where it was sold at the fixed spread
    event PositionLiquidated(
        bytes32 indexed id,
        address indexed owner,
        address indexed liquidator,
        uint256 debt,
        uint256 seized,
        uint256 fee,
        uint256 collateral,
        uint256 normalizedDebt,
        uint256 auctionId
    );

    /// @param amount [Dollar wad] of debt that nobody owes any more, rounded up
    event BadDebtRecorded(bytes32 indexed id, uint256 amount);

    /// @param amount [Dollar wad] of bad debt cancelled against surplus, rounded down
    event BadDebtSettled(uint256 amount);

    /// @param amount [Dollar wad] that an auction raised over the debt it was to clear
    event SurplusBooked(bytes32 indexed id, uint256 amount);

    /// @param amount [Dollar wad] minted for starting or resetting an auction
    event KeeperPaid(bytes32 indexed id, address indexed keeper, uint256 amount);

    // ----------------------------------------------------------------- errors

    error UnknownCollateral(bytes32 id);
    error CollateralExists(bytes32 id);
    /// @dev The auction serves another engine, collateral or token.
    error AuctionMismatch(address auction);
    /// @param debt [Dollar wad] that running auctions still have to clear
    error AuctionsRunning(uint256 debt);
    error NotAuction(address caller);
    error NotAuthorized(address owner, address caller);

    /// @param ratio [wad]
    /// @param required [wad]
    error Undercollateralised(uint256 ratio, uint256 required);

    /// @param ratio [wad]
    /// @param required [wad] below which it could be liquidated
    error PositionHealthy(uint256 ratio, uint256 required);

    /// @param debt [Dollar wad]
    /// @param ceiling [Dollar wad]
    error DebtCeilingExceeded(uint256 debt, uint256 ceiling);

    /// @param debt [Dollar wad]
    /// @param floor [Dollar wad]
    error DebtBelowFloor(uint256 debt, uint256 floor);

    /// @notice A partial liquidation would leave debt, or collateral, worth less than the floor: take all or less.
    /// @param left [Dollar wad]
    /// @param floor [Dollar wad]
    error DustRemainder(uint256 left, uint256 floor);

    /// @param amount [wad] asked for
    /// @param available [wad]
    error InsufficientCollateral(uint256 amount, uint256 available);

    /// @notice Too small an amount to cancel one unit of debt.
    error NothingToRepay();

    /// @param received [token units]
    /// @param expected [token units]
    error TransferShort(uint256 received, uint256 expected);

    // ---------------------------------------------------------------- actions

    /// @notice Adds to or takes from a position. Collateral is pulled from and sent to the caller, Dollar is burned
    /// from and minted to the caller. Anyone may add or repay; only the owner and approved operators take or draw.
    /// @param collateralDelta [wad]; int256.min takes all
    /// @param debtDelta [Dollar wad] drawn, or repaid when negative; int256.min repays all, more than all repays all
    function adjust(bytes32 id, address owner, int256 collateralDelta, int256 debtDelta) external;

    /// @notice What `adjust` would do now, or the revert it would meet (but for what the tokens themselves refuse).
    /// @return collateral [wad] of the position afterwards
    /// @return debt [Dollar wad] of the position afterwards, rounded up
    /// @return ratio [wad] afterwards, uint256.max without debt
    function previewAdjust(bytes32 id, address owner, int256 collateralDelta, int256 debtDelta, address caller)
        external
        view
        returns (uint256 collateral, uint256 debt, uint256 ratio);

    /// @notice Lets `operator` take from and draw on the caller's positions.
    function setOperator(address operator, bool allowed) external;

    /// @notice Brings the index up to now. Every action does this first.
    /// @return index [ray]
    function accrue(bytes32 id) external returns (uint256 index);

    /// @notice The index that `accrue` would set now.
    /// @return index [ray]
    function previewAccrue(bytes32 id) external view returns (uint256 index);

    /// @notice Liquidates a position below its liquidation ratio.
    ///
    /// Fixed spread: burns up to closeFactor of the debt from the caller and gives collateral worth that debt plus the
    /// bonus, less the protocol's share of the bonus. The whole debt may be repaid where closeFactor would leave less
    /// than the debt floor, or where the collateral no longer covers debt plus bonus. Once all collateral is gone the
    /// debt left is recorded as bad debt. With `data` the collateral is sent first, then the caller's `onLiquidation`
    /// is called, then Dollar is burned: collateral can be sold to pay for itself.
    ///
    /// Auction: moves one lot and its part of the debt to the auction, `maxRepay` and `data` are ignored. A last lot may
    /// exceed lotSize by what would otherwise stay behind as dust. Call again for the next lot.
    ///
    /// A feed that has no price freezes it, unless the collateral says liquidateWhenStale and age is the only reason.
    ///
    /// @param maxRepay [Dollar wad]
    /// @return repaid [Dollar wad] burned from the caller, or moved to the auction
    /// @return seized [wad] of collateral that left the position, the fee included
    function liquidate(bytes32 id, address owner, uint256 maxRepay, bytes calldata data)
        external
        returns (uint256 repaid, uint256 seized);

    /// @notice What `liquidate` would do now, or the revert it would meet.
    /// @return repay [Dollar wad]
    /// @return seized [wad] of collateral that leaves the position, the fee included
    /// @return fee [wad] of collateral, part of `seized`, that the liquidator does not get
    function previewLiquidation(bytes32 id, address owner, uint256 maxRepay)
        external
        view
        returns (uint256 repay, uint256 seized, uint256 fee);

    /// @notice Cancels bad debt against surplus, as far as both reach. Anyone may call it.
    /// @param amount [Dollar wad] at most
    /// @return settled [Dollar wad], rounded down
    function settleBadDebt(uint256 amount) external returns (uint256 settled);

    // ------------------------------------------------------- for its auctions

    /// @notice Burns `paid` from `payer` and takes `cleared` off the debt at auction; the difference is surplus or bad
    /// debt. Only the collateral's auction may call it.
    /// @param paid [Dollar wad]
    /// @param cleared [Dollar wad]
    function clearAuctionDebt(bytes32 id, address payer, uint256 paid, uint256 cleared) external;

    /// @notice Mints `amount` to a keeper at the expense of surplus, then as bad debt. Only the auction may call it.
    /// @param amount [Dollar wad]
    function payKeeper(bytes32 id, address keeper, uint256 amount) external;

    // ------------------------------------------------------------------ views

    /// @return configuration in full
    function collaterals(bytes32 id) external view returns (CollateralConfig memory configuration);

    /// @return collateral [wad]
    /// @return normalizedDebt [wad]
    function positions(bytes32 id, address owner) external view returns (uint256 collateral, uint256 normalizedDebt);

    /// @notice As last recorded; see `previewAccrue` for the index now.
    /// @return collateral [wad] of all positions
    /// @return normalizedDebt [wad] of all positions
    /// @return index [ray]
    /// @return lastAccrual [unix s]
    /// @return debtAtAuction [Dollar wad]
    function totals(bytes32 id)
        external
        view
        returns (uint256 collateral, uint256 normalizedDebt, uint256 index, uint256 lastAccrual, uint256 debtAtAuction);

    /// @return debt [Dollar wad] at the index of now, rounded up
    function debtOf(bytes32 id, address owner) external view returns (uint256 debt);

    /// @return ratio [wad] of collateral value to debt at the index of now, rounded down; uint256.max without debt
    function ratioOf(bytes32 id, address owner) external view returns (uint256 ratio);

    /// @notice Reverts with the feed's error where it has no price.
    /// @return price [wad] of one whole unit of collateral
    function priceOf(bytes32 id) external view returns (uint256 price);

    /// @notice What a liquidation goes by: as `priceOf`, or where the collateral says liquidateWhenStale, the feed's
    /// newest price however old.
    /// @return price [wad] of one whole unit of collateral
    function liquidationPriceOf(bytes32 id) external view returns (uint256 price);

    /// @return amount [Dollar wad] earned and not yet used, rounded down
    function surplus() external view returns (uint256 amount);

    /// @return amount [Dollar wad] owed by nobody, rounded up
    function badDebt() external view returns (uint256 amount);

    /// @return amount [wad * ray] surplus to the last digit
    function surplusExact() external view returns (uint256 amount);

    /// @return amount [wad * ray] bad debt to the last digit
    function badDebtExact() external view returns (uint256 amount);

    /// @return allowed whether `operator` may take from and draw on the positions of `owner`
    function isOperator(address owner, address operator) external view returns (bool allowed);
}
