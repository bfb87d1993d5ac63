// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A guard against re-entrance that a contract short of room can afford.
/// @notice One copy of it is in the code, where Solady's is copied into every function that it guards.
abstract contract Guarded {
    bool private transient entered;

    error Reentrancy();

    modifier guarded() {
        _enter();
        _;
        _leave();
    }

    function _enter() private {
        if (entered) revert Reentrancy();
        entered = true;
    }

    function _leave() private {
        entered = false;
    }
}
