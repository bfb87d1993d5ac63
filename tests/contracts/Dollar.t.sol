// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Dollar} from "../../contracts/cdp/Dollar.sol";
import {IERC3156FlashBorrower} from "../../contracts/interfaces/IERC3156FlashBorrower.sol";
import {Bounded} from "../../contracts/math/Bounded.sol";
import {Case} from "./Case.sol";

/// @dev A borrower whose manners can be chosen.
contract Borrower is IERC3156FlashBorrower {
    Dollar private immutable dollar;
    bool public approves = true;
    bool public proves = true;
    bool public spends;
    bool public borrowsAgain;
    uint256 public seen; // [wad] balance during the loan

    constructor(Dollar dollar_) {
        dollar = dollar_;
    }

    function behave(bool approves_, bool proves_, bool spends_, bool borrowsAgain_) external {
        (approves, proves, spends, borrowsAgain) = (approves_, proves_, spends_, borrowsAgain_);
    }

    function onFlashLoan(address, address, uint256 amount, uint256 fee, bytes calldata)
        external
        override
        returns (bytes32)
    {
        seen = dollar.balanceOf(address(this));
        if (spends) dollar.transfer(address(1), 1);
        if (borrowsAgain) dollar.flashLoan(this, address(dollar), 1, "");
        if (approves) dollar.approve(address(dollar), amount + fee);
        return proves ? keccak256("ERC3156FlashBorrower.onFlashLoan") : bytes32(0);
    }
}

contract DollarTest is Case {
    Dollar private dollar;
    Borrower private borrower;

    function setUp() public {
        dollar = new Dollar();
        dollar.grantRoles(address(this), dollar.MINTER());
        borrower = new Borrower(dollar);
        dollar.mint(address(borrower), 100e18);
    }

    function test_only_minters_mint_and_burn() public {
        vm.prank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        dollar.mint(address(7), 1);
        vm.prank(address(7));
        vm.expectRevert(bytes4(keccak256("Unauthorized()")));
        dollar.burn(address(borrower), 1);
    }

    function testFuzz_18_a_flash_loan_leaves_supply_unchanged(uint256 amount, uint256 rate) public {
        amount = within(amount, 0, 1_000e18);
        rate = within(rate, 0, 0.01e18);
        dollar.setFlashFee(rate, address(9));
        uint256 before = dollar.totalSupply();
        dollar.flashLoan(borrower, address(dollar), amount, "");
        equal(dollar.totalSupply(), before, "supply");
        equal(borrower.seen(), 100e18 + amount, "lent");
        equal(dollar.balanceOf(address(9)), (amount * rate + WAD - 1) / WAD, "fee, rounded up");
        equal(dollar.balanceOf(address(borrower)) + dollar.balanceOf(address(9)), 100e18, "paid by the borrower");
    }

    function test_18_a_loan_that_is_not_given_back_is_refused() public {
        borrower.behave(true, true, true, false);
        vm.prank(address(borrower));
        dollar.transfer(address(2), 100e18);
        vm.expectRevert(bytes4(keccak256("InsufficientBalance()")));
        dollar.flashLoan(borrower, address(dollar), 50e18, "");
    }

    function test_18_a_loan_needs_allowance_and_proof() public {
        borrower.behave(false, true, false, false);
        vm.expectRevert(bytes4(keccak256("InsufficientAllowance()")));
        dollar.flashLoan(borrower, address(dollar), 50e18, "");
        borrower.behave(true, false, false, false);
        vm.expectRevert(abi.encodeWithSelector(Dollar.FlashLoanRefused.selector, address(borrower)));
        dollar.flashLoan(borrower, address(dollar), 50e18, "");
    }

    function test_18_the_limit_holds_for_all_that_is_lent_at_once() public {
        dollar.setFlashLimit(10e18);
        equal(dollar.maxFlashLoan(address(dollar)), 10e18, "maximum");
        vm.expectRevert(abi.encodeWithSelector(Dollar.FlashLimitExceeded.selector, 10e18 + 1, 10e18));
        dollar.flashLoan(borrower, address(dollar), 10e18 + 1, "");
        borrower.behave(true, true, false, true);
        vm.expectRevert(bytes4(keccak256("Reentrancy()")));
        dollar.flashLoan(borrower, address(dollar), 10e18, "");
    }

    function test_supply_never_exceeds_128_bits_not_even_by_a_loan() public {
        dollar.mint(address(3), type(uint128).max - dollar.totalSupply());
        equal(dollar.maxFlashLoan(address(dollar)), 0, "nothing can be lent");
        uint256 most = type(uint128).max;
        vm.expectRevert(abi.encodeWithSelector(Dollar.SupplyExceeded.selector, most + 1, most));
        dollar.mint(address(3), 1);
    }

    function test_other_tokens_are_not_lent() public {
        equal(dollar.maxFlashLoan(address(5)), 0, "maximum");
        vm.expectRevert(abi.encodeWithSelector(Dollar.TokenNotLent.selector, address(5)));
        dollar.flashFee(address(5), 1);
    }

    function test_the_fee_is_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(Bounded.OutOfBounds.selector, 0.01e18 + 1, 0, 0.01e18));
        dollar.setFlashFee(0.01e18 + 1, address(this));
    }

    function test_nobody_has_an_allowance_that_was_not_given() public view {
        equal(dollar.allowance(address(borrower), 0x000000000022D473030F116dDEE9F6B43aC78BA3), 0, "permit2");
    }
}
