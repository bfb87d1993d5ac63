"""Short ways to write a transaction and what a block made of it."""

from simulator.chain.types import Address, Receipt, Transaction

ALICE, BOB, CAROL = (Address("0x" + digit * 40) for digit in "abc")


def sent(sender: Address, nonce: int = 0, *, cap: int = 100, tip: int = 10, gas: int = 21_000) -> Transaction:
    """A transaction with these fees [wei per gas]."""
    return Transaction(sender, nonce, CAROL, b"", 0, gas, cap, tip)


def receipt(tx: Transaction) -> Receipt:
    return Receipt(tx, True, tx.gas, tx.max_fee, b"", ())
