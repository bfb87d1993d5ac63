// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {ICdpEngine} from "../../contracts/interfaces/ICdpEngine.sol";
import {IERC3156FlashBorrower} from "../../contracts/interfaces/IERC3156FlashBorrower.sol";
import {ILiquidator} from "../../contracts/interfaces/ILiquidator.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {CollateralToken} from "../../contracts/tokens/CollateralToken.sol";
import {PoolSystem} from "./CdpSystem.sol";

/// @dev A token that misbehaves as told.
contract BadToken is ERC20 {
    enum Manner {
        Good,
        TakesFee,
        ReturnsFalse,
        CallsBack
    }

    Manner public manner;
    address private target;
    bytes private attempt;
    bytes4 public met; // the error that the attempt ran into

    function behave(Manner manner_, address target_, bytes calldata attempt_) external {
        (manner, target, attempt) = (manner_, target_, attempt_);
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (manner == Manner.ReturnsFalse) return false;
        if (manner == Manner.CallsBack) {
            (bool done, bytes memory answer) = target.call(attempt);
            require(!done, "entered");
            met = bytes4(answer);
        }
        _transfer(from, to, amount);
        if (manner == Manner.TakesFee) _burn(to, amount / 100);
        return true;
    }

    function name() public pure override returns (string memory) {
        return "Bad";
    }

    function symbol() public pure override returns (string memory) {
        return "BAD";
    }
}

contract BadTokenTest is PoolSystem {
    bytes32 private constant BAD = "BAD";
    BadToken private token;

    function setUp() public {
        deploySystem();
        token = new BadToken();
        ICdpEngine.CollateralConfig memory cfg = configuration(ETH, address(0), 0.1e18, 0, 0);
        cfg.token = address(token);
        engine.addCollateral(BAD, cfg);
        token.mint(alice, 100e18);
        vm.prank(alice);
        engine.adjust(BAD, alice, 50e18, 5_000e18);
    }

    function test_2_a_token_that_takes_a_fee_is_refused() public {
        token.behave(BadToken.Manner.TakesFee, address(0), "");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.TransferShort.selector, 9.9e18, 10e18));
        engine.adjust(BAD, alice, 10e18, 0);
    }

    function test_2_a_token_that_returns_false_is_refused() public {
        token.behave(BadToken.Manner.ReturnsFalse, address(0), "");
        vm.prank(alice);
        vm.expectRevert(bytes4(keccak256("TransferFromFailed()")));
        engine.adjust(BAD, alice, 10e18, 0);
        vm.prank(alice);
        vm.expectRevert(bytes4(keccak256("TransferFailed()")));
        engine.adjust(BAD, alice, -1e18, 0);
    }

    function test_a_token_that_calls_back_cannot_adjust_again() public {
        bytes memory attempt = abi.encodeCall(ICdpEngine.adjust, (BAD, address(token), 0, 0));
        token.behave(BadToken.Manner.CallsBack, address(engine), attempt);
        vm.prank(alice);
        engine.adjust(BAD, alice, -1e18, 0);
        check(token.met() == bytes4(keccak256("Reentrancy()")), "guard");
        vm.prank(alice);
        engine.adjust(BAD, alice, 1e18, 0);
        check(token.met() == bytes4(keccak256("Reentrancy()")), "guard on the way in");
    }

    function test_a_token_that_calls_back_cannot_liquidate_again() public {
        giveDollars(bob, 10_000e18);
        bytes memory attempt = abi.encodeCall(ICdpEngine.liquidate, (BAD, alice, 1e18, ""));
        token.behave(BadToken.Manner.CallsBack, address(engine), attempt);
        setPrice(ETH, 140); // 7,000 over 5,000: BAD has the feed of ETH
        vm.prank(bob);
        engine.liquidate(BAD, alice, 1_000e18, "");
        check(token.met() == bytes4(keccak256("Reentrancy()")), "guard");
    }

    function test_a_token_counts_in_6_to_18_decimals() public {
        for (uint8 decimals = 5; decimals <= 19; decimals += 14) {
            ICdpEngine.CollateralConfig memory cfg = configuration(ETH, address(0), 0.1e18, 0, 0);
            cfg.token = address(new CollateralToken("Odd", "ODD", decimals));
            vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, decimals, 6, 18));
            engine.addCollateral("ODD", cfg);
        }
    }
}

/// @dev Pushes the pool with flash-minted Dollar and tries to draw on the pushed price.
contract PushThenMint is PoolSystem, IERC3156FlashBorrower {
    function setUp() public {
        deploySystem();
        deployPool(ETH, 100e18, 20_000e18);
        tokenOf[ETH].mint(address(this), 10e18);
        tokenOf[ETH].approve(address(engine), type(uint256).max);
        tokenOf[ETH].approve(address(pool), type(uint256).max);
        dollar.approve(address(pool), type(uint256).max);
        dollar.approve(address(dollar), type(uint256).max);
    }

    function onFlashLoan(address, address, uint256 amount, uint256, bytes calldata)
        external
        override
        returns (bytes32)
    {
        uint256 bought = pool.swap(address(dollar), amount, 0, address(this));
        (uint256 r0, uint256 r1) = pool.reserves();
        check(r1 > 2_000 * 200 * r0, "pushed two thousand times");
        engine.adjust(ETH, address(this), 10e18, 1250e18 + 1);
        pool.swap(address(tokenOf[ETH]), bought, 0, address(this));
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }

    /// @dev The pool is not the feed: at the height of the push 10 ETH still carry 1,250 and not one unit more.
    function test_a_pool_pushed_with_a_flash_mint_carries_no_more_debt() public {
        vm.expectRevert(abi.encodeWithSelector(ICdpEngine.Undercollateralised.selector, 1599999999999999999, 1.6e18));
        dollar.flashLoan(this, address(dollar), 1_000_000e18, "");
        equal(engine.debtOf(ETH, address(this)), 0, "debt");
    }
}

/// @dev Liquidates with data: sells first, pays afterwards, and tries to come back in between.
contract FixedSpreadCallbackTest is PoolSystem, ILiquidator {
    address private target;
    bytes private attempt;
    bytes4 private met;
    bool private pays;

    function setUp() public {
        deploySystem();
        engine.setStabilityFee(ETH, 0);
        engine.setFeeRecipient(address(0xFEE));
        deployPool(ETH, 1_000e18, 180_000e18);
        tokenOf[ETH].approve(address(pool), type(uint256).max);
        open(ETH, alice, 10e18, 1250e18);
        setPrice(ETH, 180);
        pays = true;
    }

    function onLiquidation(bytes32 id, address owner, uint256 repaid, uint256 received, bytes calldata data)
        external
        override
    {
        check(msg.sender == address(engine) && id == ETH && owner == alice, "caller");
        check(keccak256(data) == keccak256("sell"), "data");
        equal(repaid, 625e18, "will be burned");
        equal(tokenOf[ETH].balanceOf(address(this)), received, "came first");
        if (target != address(0)) {
            (bool done, bytes memory answer) = target.call(attempt);
            check(!done, "entered");
            met = bytes4(answer);
        }
        if (pays) pool.swap(address(tokenOf[ETH]), received, repaid, address(this));
    }

    function test_a_liquidator_pays_with_what_it_got_in_the_callback() public {
        engine.liquidate(ETH, alice, type(uint256).max, "sell");
        check(dollar.balanceOf(address(this)) > 45e18, "profit without capital");
        requireSupplyExplained();
    }

    function test_a_liquidator_that_does_not_pay_gets_nothing() public {
        pays = false;
        vm.expectRevert(bytes4(keccak256("InsufficientBalance()")));
        engine.liquidate(ETH, alice, type(uint256).max, "sell");
    }

    function test_the_engine_cannot_be_entered_from_the_callback() public {
        target = address(engine);
        attempt = abi.encodeCall(ICdpEngine.liquidate, (ETH, alice, 1e18, ""));
        engine.liquidate(ETH, alice, type(uint256).max, "sell");
        check(met == bytes4(keccak256("Reentrancy()")), "liquidate");
    }

    function test_nothing_can_be_drawn_from_the_callback() public {
        target = address(engine);
        attempt = abi.encodeCall(ICdpEngine.adjust, (ETH, address(this), 0, 1e18));
        engine.liquidate(ETH, alice, type(uint256).max, "sell");
        check(met == bytes4(keccak256("Reentrancy()")), "adjust");
    }

    function test_the_callback_of_somebody_else_cannot_be_forged() public {
        vm.prank(carol); // an account without code, with data
        vm.expectRevert(bytes(""));
        engine.liquidate(ETH, alice, type(uint256).max, "sell");
    }
}

/// @dev Liquidating oneself moves collateral from one pocket to the other.
contract SelfLiquidationTest is PoolSystem {
    function setUp() public {
        deploySystem();
        engine.setFeeRecipient(address(0xFEE));
        giveDollars(alice, 2_000e18);
    }

    function worth(address who, uint256 price) private view returns (uint256) {
        uint256 eth = heldBy(ETH, who) + collateralOf(ETH, who);
        return eth * price + dollar.balanceOf(who) - engine.debtOf(ETH, who);
    }

    /// @dev While covered, the bonus comes out of the own collateral and the protocol's share is lost.
    function testFuzz_liquidating_oneself_for_the_bonus_never_pays(uint256 price, uint256 part) public {
        open(ETH, alice, 10e18, 1250e18);
        price = within(price, 138, 187);
        setPrice(ETH, price);
        uint256 before = worth(alice, price);
        vm.startPrank(alice);
        try engine.liquidate(ETH, alice, within(part, 1, 1250e18), "") {
            check(worth(alice, price) <= before, "profit");
        } catch {}
        vm.stopPrank();
    }

    /// @dev An auction that is started for the tip costs its owner at least as much in the bonus it raises.
    function test_liquidating_oneself_for_the_tip_never_pays() public {
        dutch.setKeeper(250e18, 0);
        open(GOLD, alice, 0.11e18, 100e18);
        setPrice(GOLD, 1_300);
        uint256 before = dollar.balanceOf(alice);
        vm.startPrank(alice);
        engine.liquidate(GOLD, alice, 0, "");
        uint256 tip = dollar.balanceOf(alice) - before;
        dutch.take(1, type(uint256).max, type(uint256).max, alice, "");
        vm.stopPrank();
        check(before - dollar.balanceOf(alice) >= 100e18, "paid the debt at least");
        equal(tip, 13e18, "tip is the bonus at most");
        requireSupplyExplained();
    }
}
