// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

interface IFeed {
    function price() external view returns (uint256 wad, uint256 updatedAt);
}

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// A library whose code is its own, so that its address has to be linked.
library Ratio {
    function ofDebt(uint256 collateral, uint256 price, uint256 debt) external pure returns (uint256) {
        return debt == 0 ? type(uint256).max : collateral * price / debt;
    }
}

abstract contract Loan {
    error InsufficientBalance();

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        _burn(from, amount);
        balanceOf[to] += amount;
        return true;
    }

    function _burn(address from, uint256 amount) internal {
        if (balanceOf[from] < amount) revert InsufficientBalance();
        balanceOf[from] -= amount;
    }
}

/// A vault of one collateral that lends its own token and is liquidated at a fixed spread.
contract Lender is Loan {
    error Unsafe(uint256 ratio);
    error Safe(uint256 ratio);

    event Adjusted(address indexed owner, uint256 collateral, uint256 debt);
    event Liquidated(address indexed owner, address indexed by, uint256 repaid, uint256 taken);

    struct Position {
        uint256 collateral;
        uint256 debt;
    }

    uint256 private constant WAD = 1e18;
    uint256 public constant MINIMUM = 1.5e18; // collateral over debt that an owner must leave
    uint256 public constant LIQUIDATION = 1.4e18; // below it anybody may liquidate
    uint256 public constant BONUS = 0.08e18; // on what is repaid

    IToken public immutable token;
    IFeed public immutable feed;
    mapping(address => Position) public positions;

    constructor(IToken token_, IFeed feed_) {
        (token, feed) = (token_, feed_);
    }

    function adjust(int256 collateral, int256 debt) external {
        Position storage position = positions[msg.sender];
        if (collateral > 0) token.transferFrom(msg.sender, address(this), uint256(collateral));
        if (debt < 0) _burn(msg.sender, uint256(-debt));
        position.collateral = uint256(int256(position.collateral) + collateral);
        position.debt = uint256(int256(position.debt) + debt);
        if (collateral < 0) token.transfer(msg.sender, uint256(-collateral));
        if (debt > 0) balanceOf[msg.sender] += uint256(debt);
        uint256 ratio = ratioOf(msg.sender);
        if ((collateral < 0 || debt > 0) && ratio < MINIMUM) revert Unsafe(ratio);
        emit Adjusted(msg.sender, position.collateral, position.debt);
    }

    function ratioOf(address owner) public view returns (uint256) {
        (uint256 price,) = feed.price();
        return Ratio.ofDebt(positions[owner].collateral, price, positions[owner].debt);
    }

    function preview(address owner, uint256 most) public view returns (uint256 repaid, uint256 taken) {
        uint256 ratio = ratioOf(owner);
        if (ratio >= LIQUIDATION) revert Safe(ratio);
        (uint256 price,) = feed.price();
        Position storage position = positions[owner];
        repaid = most < position.debt ? most : position.debt;
        taken = repaid * (WAD + BONUS) / price;
        if (taken > position.collateral) taken = position.collateral;
    }

    function liquidate(address owner, uint256 most) external returns (uint256 repaid, uint256 taken) {
        (repaid, taken) = preview(owner, most);
        _burn(msg.sender, repaid);
        positions[owner].debt -= repaid;
        positions[owner].collateral -= taken;
        token.transfer(msg.sender, taken);
        emit Liquidated(owner, msg.sender, repaid, taken);
    }
}
