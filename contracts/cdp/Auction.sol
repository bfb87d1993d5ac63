// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {ReentrancyGuardTransient} from "solady/src/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IAuction} from "../interfaces/IAuction.sol";
import {ICdpEngine} from "../interfaces/ICdpEngine.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {Bounded} from "../math/Bounded.sol";
import {Dollar} from "./Dollar.sol";

/// @title What both auctions share: whom they serve, what they sell, how it is handed out.
abstract contract Auction is IAuction, Ownable, ReentrancyGuardTransient, Bounded {
    using SafeTransferLib for address;

    uint256 internal constant WAD = 1e18;

    ICdpEngine public immutable override engine;
    bytes32 public immutable override collateralId;
    address public immutable override token;
    Dollar public immutable dollar;
    uint256 internal immutable unit; // [wad] of the smallest amount of the token

    uint256 public override auctionCount;

    constructor(ICdpEngine engine_, bytes32 id, address token_, Dollar dollar_) {
        _initializeOwner(msg.sender);
        (engine, collateralId, token, dollar) = (engine_, id, token_, dollar_);
        unit = 10 ** (18 - IDecimals(token_).decimals());
    }

    modifier onlyEngine() {
        if (msg.sender != address(engine)) revert NotEngine(msg.sender);
        _;
    }

    /// @param wad [collateral wad] whole token units
    function _send(address to, uint256 wad) internal {
        if (wad != 0) token.safeTransfer(to, wad / unit);
    }

    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
