// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev The cheatcodes of forge that these tests use.
interface Vm {
    function warp(uint256 time) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectEmit() external;
    function assume(bool condition) external pure;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function toString(uint256 value) external pure returns (string memory);
}

/// @dev What a test case needs.
abstract contract Case {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;

    function check(bool condition, string memory what) internal pure {
        require(condition, what);
    }

    function equal(uint256 got, uint256 expected, string memory what) internal pure {
        if (got != expected) revert(string.concat(what, ": ", vm.toString(got), " is not ", vm.toString(expected)));
    }

    function near(uint256 got, uint256 expected, uint256 tolerance, string memory what) internal pure {
        if ((got > expected ? got - expected : expected - got) > tolerance) equal(got, expected, what);
    }

    /// @dev A value between both bounds, included.
    function within(uint256 seed, uint256 min, uint256 max) internal pure returns (uint256) {
        return max - min == type(uint256).max ? seed : min + seed % (max - min + 1);
    }
}
