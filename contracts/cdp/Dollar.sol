// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {OwnableRoles} from "solady/src/auth/OwnableRoles.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {IERC3156FlashBorrower} from "../interfaces/IERC3156FlashBorrower.sol";
import {IERC3156FlashLender} from "../interfaces/IERC3156FlashLender.sol";
import {Bounded} from "../math/Bounded.sol";

/// @title The stablecoin that is owed, with a flash mint.
/// @notice Minters (the engine) create and destroy it; a burn needs no allowance, so minters are trusted contracts.
/// A flash mint creates any amount up to a limit and destroys it again in the same transaction. Its fee is moved to a
/// recipient, never burned, so that supply before and after a loan is equal to the last unit.
contract Dollar is ERC20, OwnableRoles, ReentrancyGuardTransient, IERC3156FlashLender, Bounded {
    using FixedPointMathLib for uint256;

    uint256 public constant MINTER = _ROLE_0;
    uint256 private constant WAD = 1e18;
    uint256 private constant HIGHEST_FLASH_FEE = 0.01e18; // [wad]
    uint256 private constant HIGHEST_SUPPLY = type(uint128).max; // [wad]
    bytes32 private constant BORROWER_PROOF = keccak256("ERC3156FlashBorrower.onFlashLoan");

    uint128 public flashLimit = type(uint112).max; // [wad] of one loan
    uint64 public flashFeeRate; // [wad] of the amount lent
    address public flashFeeRecipient;

    event FlashLoan(address indexed receiver, uint256 amount, uint256 fee);
    event FlashFeeSet(uint256 rate, address recipient);
    event FlashLimitSet(uint256 limit);

    error TokenNotLent(address token);
    error FlashLimitExceeded(uint256 amount, uint256 limit);
    error FlashLoanRefused(address receiver);
    error SupplyExceeded(uint256 supply, uint256 limit);

    constructor() {
        _initializeOwner(msg.sender);
        flashFeeRecipient = msg.sender;
    }

    // ---------------------------------------------------------------- minters

    /// @param amount [wad]
    function mint(address to, uint256 amount) external onlyRoles(MINTER) {
        _mint(to, amount);
        if (totalSupply() > HIGHEST_SUPPLY) revert SupplyExceeded(totalSupply(), HIGHEST_SUPPLY);
    }

    /// @param amount [wad]
    function burn(address from, uint256 amount) external onlyRoles(MINTER) {
        _burn(from, amount);
    }

    // ------------------------------------------------------------- flash mint

    /// @inheritdoc IERC3156FlashLender
    /// @dev Not re-entrant, so that the limit bounds all that is lent at any moment.
    function flashLoan(IERC3156FlashBorrower receiver, address token, uint256 amount, bytes calldata data)
        external
        override
        nonReentrant
        returns (bool)
    {
        uint256 fee = flashFee(token, amount);
        if (amount > maxFlashLoan(token)) revert FlashLimitExceeded(amount, maxFlashLoan(token));
        _mint(address(receiver), amount);
        if (receiver.onFlashLoan(msg.sender, token, amount, fee, data) != BORROWER_PROOF) {
            revert FlashLoanRefused(address(receiver));
        }
        _spendAllowance(address(receiver), address(this), amount + fee);
        _burn(address(receiver), amount);
        if (fee != 0) _transfer(address(receiver), flashFeeRecipient, fee);
        emit FlashLoan(address(receiver), amount, fee);
        return true;
    }

    /// @inheritdoc IERC3156FlashLender
    function maxFlashLoan(address token) public view override returns (uint256) {
        return token == address(this) ? HIGHEST_SUPPLY.zeroFloorSub(totalSupply()).min(flashLimit) : 0;
    }

    /// @inheritdoc IERC3156FlashLender
    function flashFee(address token, uint256 amount) public view override returns (uint256) {
        if (token != address(this)) revert TokenNotLent(token);
        return amount.fullMulDivUp(flashFeeRate, WAD);
    }

    // ------------------------------------------------------------- governance

    /// @param rate [wad] of the amount lent, 0.01 at most
    function setFlashFee(uint256 rate, address recipient) external onlyOwner {
        _requireWithin(rate, 0, HIGHEST_FLASH_FEE);
        (flashFeeRate, flashFeeRecipient) = (uint64(rate), recipient);
        emit FlashFeeSet(rate, recipient);
    }

    /// @param limit [wad] of one loan; 0 switches the flash mint off
    function setFlashLimit(uint256 limit) external onlyOwner {
        _requireWithin(limit, 0, type(uint112).max);
        flashLimit = uint128(limit);
        emit FlashLimitSet(limit);
    }

    // ------------------------------------------------------------------ token

    function name() public pure override returns (string memory) {
        return "Dollar";
    }

    function symbol() public pure override returns (string memory) {
        return "DOLLAR";
    }

    /// @dev No account has an allowance that its owner did not give.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
