// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {Ownable} from "solady/src/auth/Ownable.sol";

/// @title An asset that is locked as collateral.
contract CollateralToken is ERC20, Ownable {
    string private tokenName;
    string private tokenSymbol;
    uint8 private immutable places;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        _initializeOwner(msg.sender);
        tokenName = name_;
        tokenSymbol = symbol_;
        places = decimals_;
    }

    /// @param amount [10**-decimals tokens]
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    function name() public view override returns (string memory) {
        return tokenName;
    }

    function symbol() public view override returns (string memory) {
        return tokenSymbol;
    }

    function decimals() public view override returns (uint8) {
        return places;
    }

    /// @dev No account has an allowance that its owner did not give.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
