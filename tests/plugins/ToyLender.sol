// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IPrice} from "../../contracts/interfaces/IPrice.sol";

/// @title A lender as unlike our CdpEngine as a lender can be, to show that the simulator does not mind.
/// @notice Positions are numbered from 0 and an account may have many. The lender is itself the token that is owed.
/// There is no interest, so no index. Safety is a loan-to-value, not a ratio. There is one verb for each thing that an
/// owner does, events carry differences rather than totals, and a liquidation is called `seize`.
contract ToyLender is ERC20 {
    using FixedPointMathLib for uint256;
    using SafeTransferLib for address;

    error NotTheOwner(uint256 positionId, address owner);
    error TooMuchDebt(uint256 debt, uint256 most);
    error StillSafe(uint256 debt, uint256 most);

    event Opened(uint256 indexed positionId, address indexed holder);
    event Changed(uint256 indexed positionId, int256 pledged, int256 owed);
    event Seized(uint256 indexed positionId, address indexed by, uint256 repaid, uint256 taken, uint256 lost);

    struct Position {
        address holder;
        uint256 pledged; // [collateral wad]
        uint256 owed; // [wad]
    }

    uint256 internal constant WAD = 1e18;

    address public immutable collateral;
    IPrice public immutable feed;
    uint256 public immutable openLtv; // [wad] most debt over collateral value that an owner may leave
    uint256 public immutable seizeLtv; // [wad] debt over collateral value above which anybody may seize
    uint256 public immutable discount; // [wad] what a liquidator gets over what it repays
    uint256 public totalLost; // [wad] debt that no collateral was left for

    Position[] public positions;

    constructor(address collateral_, IPrice feed_, uint256 openLtv_, uint256 seizeLtv_, uint256 discount_) {
        if (openLtv_ > seizeLtv_) revert TooMuchDebt(openLtv_, seizeLtv_);
        (collateral, feed) = (collateral_, feed_);
        (openLtv, seizeLtv, discount) = (openLtv_, seizeLtv_, discount_);
    }

    function name() public pure override returns (string memory) {
        return "Toy Dollar";
    }

    function symbol() public pure override returns (string memory) {
        return "TOYUSD";
    }

    // ------------------------------------------------------------------ owners

    function open(uint256 pledged, uint256 owed) external returns (uint256 positionId) {
        positionId = positions.length;
        positions.push(Position(msg.sender, 0, 0));
        emit Opened(positionId, msg.sender);
        pledge(positionId, pledged);
        draw(positionId, owed);
    }

    /// @notice Add collateral, to anybody's position.
    function pledge(uint256 positionId, uint256 amount) public {
        positions[positionId].pledged += amount;
        emit Changed(positionId, int256(amount), 0);
        collateral.safeTransferFrom(msg.sender, address(this), amount);
    }

    function draw(uint256 positionId, uint256 amount) public {
        Position storage position = _own(positionId);
        position.owed += amount;
        _requireDebtAllowed(position);
        emit Changed(positionId, 0, int256(amount));
        _mint(msg.sender, amount);
    }

    /// @notice Repay at most `amount` of anybody's debt.
    function repay(uint256 positionId, uint256 amount) public {
        Position storage position = positions[positionId];
        amount = amount.min(position.owed);
        position.owed -= amount;
        emit Changed(positionId, 0, -int256(amount));
        _burn(msg.sender, amount);
    }

    function release(uint256 positionId, uint256 amount) public {
        Position storage position = _own(positionId);
        position.pledged -= amount;
        _requireDebtAllowed(position);
        emit Changed(positionId, -int256(amount), 0);
        collateral.safeTransfer(msg.sender, amount);
    }

    /// @notice Repay everything and take everything.
    function close(uint256 positionId) external {
        repay(positionId, type(uint256).max);
        release(positionId, positions[positionId].pledged);
    }

    // -------------------------------------------------------------- liquidators

    /// @notice Repay at most `most` of an unsafe position's debt for its collateral at a discount. Where no collateral
    /// is left the rest of the debt is lost.
    function seize(uint256 positionId, uint256 most) external returns (uint256 repaid, uint256 taken) {
        uint256 lost;
        (repaid, taken, lost) = previewSeize(positionId, most);
        Position storage position = positions[positionId];
        position.pledged -= taken;
        position.owed -= repaid + lost;
        totalLost += lost;
        emit Seized(positionId, msg.sender, repaid, taken, lost);
        _burn(msg.sender, repaid);
        collateral.safeTransfer(msg.sender, taken);
    }

    /// @notice What `seize` would do now; reverts where it would.
    function previewSeize(uint256 positionId, uint256 most)
        public
        view
        returns (uint256 repaid, uint256 taken, uint256 lost)
    {
        Position memory position = positions[positionId];
        (uint256 price,) = feed.price();
        uint256 allowed = position.pledged.mulWad(price).mulWad(seizeLtv);
        if (position.owed <= allowed) revert StillSafe(position.owed, allowed);
        uint256 payable_ = position.pledged.fullMulDiv(price, WAD + discount);
        repaid = most.min(position.owed).min(payable_);
        if (repaid < payable_) return (repaid, repaid.fullMulDiv(WAD + discount, price), 0);
        return (repaid, position.pledged, position.owed - repaid);
    }

    // ------------------------------------------------------------------- inside

    function _own(uint256 positionId) internal view returns (Position storage position) {
        position = positions[positionId];
        if (position.holder != msg.sender) revert NotTheOwner(positionId, position.holder);
    }

    /// @dev Without debt the price does not matter, so that a silent feed locks nobody in.
    function _requireDebtAllowed(Position memory position) internal view {
        if (position.owed == 0) return;
        (uint256 price,) = feed.price();
        uint256 allowed = position.pledged.mulWad(price).mulWad(openLtv);
        if (position.owed > allowed) revert TooMuchDebt(position.owed, allowed);
    }

    /// @dev No account has an allowance that its owner did not give.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
