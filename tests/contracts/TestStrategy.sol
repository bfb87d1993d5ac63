// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IStrategy} from "../../contracts/interfaces/IStrategy.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";

/// @dev A strategy whose value, delta and behaviour a test sets. It holds the asset, so that what it frees is real.
contract TestStrategy is IStrategy {
    address public immutable override vault;
    address public immutable override asset;

    int256 public delta;
    int256 public override targetDelta;
    uint256 public override marginRatio = type(uint256).max;
    uint256 public override referencePrice = 1e18;
    bool public override isLive = true;
    int256 public lie; // added to the value it reports
    uint256 public cost; // [wad] of what a rebalance or an unwinding trades
    uint256 public frozen; // [asset units] that cannot be freed
    uint256 public claimedTrade; // added to what a rebalance says it traded
    bool public stubborn; // does not move delta

    constructor(address vault_, address asset_) {
        (vault, asset) = (vault_, asset_);
    }

    function setDelta(int256 value) external {
        delta = value;
    }

    function setTarget(int256 value) external {
        targetDelta = value;
    }

    function setMargin(uint256 value) external {
        marginRatio = value;
    }

    function setPrice(uint256 value) external {
        referencePrice = value;
    }

    function setLive(bool value) external {
        isLive = value;
    }

    function setLie(int256 value) external {
        lie = value;
    }

    function setCost(uint256 value) external {
        cost = value;
    }

    function setFrozen(uint256 value) external {
        frozen = value;
    }

    function setClaimedTrade(uint256 value) external {
        claimedTrade = value;
    }

    function setStubborn(bool value) external {
        stubborn = value;
    }

    function gain(uint256 amount) external {
        CollateralToken(asset).mint(address(this), amount);
    }

    function lose(uint256 amount) public {
        CollateralToken(asset).transfer(address(0xdead), amount);
    }

    // -------------------------------------------------------------- IStrategy

    function deploy(uint256) external override {}

    function unwind(uint256 assets) external override returns (uint256 freed) {
        uint256 most = liquidity();
        freed = assets < most ? assets : most;
        CollateralToken(asset).transfer(vault, freed);
        lose(freed * cost / 1e18);
    }

    function rebalance(int256 aim, bytes calldata) external override returns (uint256 traded) {
        if (!stubborn) {
            traded = uint256(aim > delta ? aim - delta : delta - aim);
            delta = aim;
            if (marginRatio != type(uint256).max) marginRatio = 2e18;
        }
        lose(traded * cost / 1e18);
        traded += claimedTrade;
    }

    function totalValue() public view override returns (uint256) {
        int256 value = int256(CollateralToken(asset).balanceOf(address(this))) + lie;
        return value > 0 ? uint256(value) : 0;
    }

    function exposure() external view override returns (int256, int256, int256) {
        return (delta, 0, 0);
    }

    function liquidity() public view override returns (uint256) {
        uint256 held = CollateralToken(asset).balanceOf(address(this)) * (1e18 - cost) / 1e18;
        return held > frozen ? held - frozen : 0;
    }
}
