// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Spot with options over it: what both halves of the overlay strategy have to know.
/// @notice A unit is what is held, or would be held, of the underlying: as many of them as the value less the reserve
/// buys at most. Legs say how many options a unit has. Money is the margin token's, as a wad.
interface IOverlay {
    /// @dev How a leg's strike is found among the series listed.
    enum Strike {
        Moneyness, // nearest to `place` times the price
        Delta, // nearest to a delta of `place`, without sign
        Cost // the furthest out of the money, from `place` on, that pays for the legs before it; only of written ones
    }

    /// @dev How many options a leg has, `weight` for each unit at most.
    enum Size {
        Weight, // as many as that
        Premium, // as many as make the premium of the legs before it and of itself nothing
        Gamma, // as many as make gamma nothing; only of bought ones
        Vega // as many as make vega nothing; only of bought ones
    }

    struct Leg {
        bool isPut;
        Strike strike;
        Size size;
        uint256 place; // [wad] of the price, or delta
        uint256 tenor; // [s]
        int256 weight; // [wad] options for each unit, negative for written ones
    }

    struct Shape {
        uint256 spot; // [wad] of underlying for each unit
        uint256 reserve; // [wad] of the value, at hand
        uint256 cover; // [wad] of initial margin that is posted for what no base covers; puts need their strike at most
        uint256 growth; // [wad] of the value that new money must be to be put to work before the next roll
        bool hedged; // whether spot is moved to bring delta to its target
        int256 targetDelta; // [wad of value]
    }

    struct Rolls {
        uint256 ahead; // [s] before expiry that a leg is rolled, 0 = once it is settled
        uint256 move; // [wad] of the price since the last roll at which everything is rolled, 0 = never
        uint256 tenorRoom; // [wad] of the tenor by which an expiry may differ
        uint256 placeRoom; // [wad] by which a strike's place may differ
        uint256 budget; // [wad] of the value that the legs of a roll may cost, 0 = any
    }

    /// @param units [asset wad]
    /// @param value [money wad] afterwards
    /// @param floor [money wad] that is left of it at the worst price at the legs' expiry
    /// @param premium [money wad] paid for the legs, fees included, negative for received
    event Rolled(uint256 indexed roll, uint256 units, uint256 value, uint256 floor, int256 premium);
    event LegOpened(uint256 indexed roll, uint256 indexed leg, uint256 id, int256 size);
    event ShapeSet(Shape shape);
    event RollsSet(Rolls rolls);

    /// @dev The market's margin is not the vault's asset, or its base not the spot token.
    error MarketMismatch(address market);
    error InvalidLeg(uint256 leg);

    /// @notice Nothing that is listed and no other leg's is near enough to what a leg wants.
    error NoSeries(uint256 leg);

    /// @notice What the keeper chose is out of bounds, or another leg's.
    error SeriesRefused(uint256 leg, uint256 id);
}
