// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPrice} from "./IPrice.sol";
import {IRiskModel} from "./IRiskModel.sol";

/// @title One margin account over cash, collaterals and instruments.
///
/// @notice The clearinghouse knows instruments and risk models only by their hooks, and they each other. Every account
/// stands for itself: a cross account holds any instrument, an isolated one only the instrument that it traded first, so
/// that no more can be lost on it than it holds.
///
/// @notice An account below maintenance is auctioned whole: its cash, collaterals and positions go to whoever pays most.
/// While it is worth something the price falls from `startShare` of equity to none in `length`, and what is paid is the
/// owner's, less a fee of the fund. When it is worth nothing, whoever takes it is paid what is missing and a reward, which
/// rises in `length` to `maxReward` of the requirement.
///
/// @notice Losses fall in one order: the account's equity, the house's fund, the members' fund, each member by the same
/// share, and then everybody's: a recorded shortfall, while which no account takes out more than it brought. Whatever comes
/// in repays it first.
interface IClearinghouse {
    struct Asset {
        address token;
        uint256 unit; // [wad] of the smallest amount
        IPrice feed; // Dollars of one token
        uint256 haircut; // [wad] of its value that counts as required
        uint256 beta; // [wad] how it moves with the underlying: 1 for itself, 0 for cash
        uint256 limit; // [token wad] that all accounts may deposit
        uint256 held; // [token wad] by all accounts
    }

    struct Leg {
        address instrument;
        uint256 id; // of the series
        int256 size; // [size wad]
        int256 carry; // [money ray] carry of one unit that is paid
    }

    struct AuctionRules {
        uint256 startShare; // [wad] of equity at which an auction starts
        uint256 length; // [s]
        uint256 maxReward; // [wad] of the requirement
        uint256 fee; // [wad] of what is paid, for the house's fund
    }

    /// @dev What an account holds, its legs by instrument.
    struct Book {
        int256 cash; // [money wad] with carry paid until now
        uint256[] amounts; // [token wad] of each asset
        address[] instruments;
        uint256[][] ids;
        int256[][] sizes;
    }

    event AccountOpened(uint256 indexed account, address indexed owner, bool isolated, address model);
    event ModelSet(uint256 indexed account, address model);
    event CashChanged(uint256 indexed account, int256 change, int256 cash);
    event CollateralChanged(uint256 indexed account, uint256 indexed asset, int256 change, uint256 amount);
    event Traded(
        uint256 indexed account, address indexed instrument, uint256 indexed id, int256 sizeDelta, int256 cash
    );
    event Settled(uint256 indexed account, address indexed instrument, uint256 indexed id, int256 size, int256 cash);
    event AuctionStarted(uint256 indexed account, int256 equity, uint256 required);
    event AuctionEnded(uint256 indexed account);
    event AuctionTaken(uint256 indexed account, uint256 indexed to, int256 equity, uint256 paid, uint256 received);
    event LossAbsorbed(uint256 indexed account, uint256 fromHouse, uint256 fromMembers, uint256 socialised);
    event FundChanged(int256 house, int256 members, uint256 houseFund, uint256 membersFund, uint256 shortfall);
    event MemberChanged(address indexed member, int256 amount, uint256 shares);
    event ParametersSet(bytes32 what);

    error NotOwner(address caller, address owner);
    error UnknownModel(address model);
    error UnknownInstrument(address instrument);
    error UnknownAsset(uint256 asset);
    error WrongInstrument(address instrument, address isolatedTo);
    error NoTrade();
    error TooManyLegs(uint256 count, uint256 most);
    error TooManyAssets(uint256 count, uint256 most);
    error AssetLimit(uint256 held, uint256 limit);
    error InsufficientMargin(int256 equity, uint256 required);
    error InsufficientCash(uint256 amount, uint256 available);
    error AccountHealthy(int256 equity, uint256 required);
    error InAuction(uint256 account);
    error NotInAuction(uint256 account);
    error TooExpensive(uint256 price, uint256 max);
    error WithdrawalsPaused(uint256 shortfall);
    error MarketPaused();
    error SameAccount(uint256 account);

    /// @param readyAt [unix s]
    error NotReady(uint256 readyAt);
    error AuctionsOpen(uint256 count);
    error TransferShort(uint256 received, uint256 expected);

    // ---------------------------------------------------------------- actions

    /// @notice Opens an account of the caller.
    function open(bool isolated, IRiskModel model) external returns (uint256 account);

    /// @notice Changes the risk model; the account must be safe by the new one.
    function setModel(uint256 account, IRiskModel model) external;
    function deposit(uint256 account, uint256 amount) external;
    function withdraw(uint256 account, uint256 amount, address to) external;
    function depositAsset(uint256 account, uint256 asset, uint256 amount) external;
    function withdrawAsset(uint256 account, uint256 asset, uint256 amount, address to) external;

    /// @notice Trades an instrument. Buying back what is short needs maintenance margin after it, all else initial.
    /// @return cash [money wad] to the account, negative where it pays
    function trade(uint256 account, address instrument, uint256 id, int256 sizeDelta, uint256 limit)
        external
        returns (int256 cash);

    /// @notice What `trade` would bring, and the margin that it would be asked for, at the marks as they are before it.
    function previewTrade(uint256 account, address instrument, uint256 id, int256 sizeDelta)
        external
        view
        returns (int256 cash, int256 equity, uint256 required);

    /// @notice Settles a leg that has ended. Anybody may.
    function settle(uint256 account, address instrument, uint256 id) external returns (int256 cash);

    /// @notice Begins the auction of an unsafe account. Anybody may.
    function startAuction(uint256 account) external;

    /// @notice Ends the auction of an account that is safe again. Anybody may.
    function endAuction(uint256 account) external;

    /// @notice Takes the whole book into an account of the caller, which must be safe after it.
    /// @param maxPaid [money wad]
    /// @return paid [money wad] by the account that takes it
    /// @return received [money wad] by it, from the funds
    function take(uint256 account, uint256 to, uint256 maxPaid) external returns (uint256 paid, uint256 received);

    /// @notice What `take` would cost and bring.
    function previewTake(uint256 account) external view returns (int256 equity, uint256 paid, uint256 received);

    // ------------------------------------------------------------------- fund

    /// @notice Gives to the house's fund.
    function donate(uint256 amount) external;

    /// @notice Joins the members' fund.
    function join(uint256 amount) external returns (uint256 shares);

    /// @notice Announces that the caller leaves; from then on it waits, and bears losses.
    function announceQuit() external;

    /// @notice Leaves the members' fund, when the wait is over and no auction runs.
    function quit(uint256 shares) external returns (uint256 amount);

    // ------------------------------------------------------------------ views

    function bookOf(uint256 account) external view returns (Book memory);
    function assetsOf() external view returns (Asset[] memory);

    /// @return equity [money wad] by the account's model
    /// @return required [money wad]
    function marginOf(uint256 account, bool initial) external view returns (int256 equity, uint256 required);
}
