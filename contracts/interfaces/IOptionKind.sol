// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BlackScholes} from "../math/BlackScholes.sol";

/// @title A kind of option beyond calls and puts: what the option market has to know of it.
interface IOptionKind {
    /// @param id of the series (OptionId)
    /// @param t [as BlackScholes.Terms] of a plain option of that strike and expiry
    /// @return [wad] what one option is worth
    function value(uint256 id, BlackScholes.Terms calldata t) external view returns (uint256);

    /// @return whether what one option pays is certain, its price at expiry being known
    function isCertain(uint256 id) external view returns (bool);

    /// @param price [wad] at expiry
    /// @return [wad] what one option pays
    function payoff(uint256 id, uint256 price) external view returns (uint256);

    /// @return [wad] the most that one option may pay
    function mostPaid(uint256 id) external view returns (uint256);
}
