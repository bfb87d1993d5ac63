"""Reading what a call changed out of pyrevm's printed journal.

pyrevm 0.3.7 offers no list of changes, only `journal_str`: first every loaded account with its storage (`state`), then
the entries of the journal in order. Values are read back from the engine, so only places are taken from the text.
"""

import re
from typing import NamedTuple

_ADDRESS = "(0x[0-9a-f]{40})"
_CHANGE = re.compile(
    rf"(StorageChange|NonceChange|AccountCreated|AccountDestroyed|BalanceTransfer) \{{ (?:address|from): {_ADDRESS}"
    rf"(?:, key: (\d+), had_value: (None|Some))?(?:, (?:to|target): {_ADDRESS})?(?:, balance: (\d+))?"
)
_ACCOUNT = re.compile(
    rf"{_ADDRESS}: Account \{{ info: AccountInfo \{{ balance: (\d+), nonce: (\d+), .*?, storage: \{{(.*?)\}}, "
    r"status: AccountStatus\(([^)]*)\)"
)
_SLOT = re.compile(r"(\d+): StorageSlot \{ previous_or_original_value: (\d+), present_value: (\d+) \}")


class Changes(NamedTuple):
    """The places a call wrote to."""

    slots: set[tuple[str, int]]
    accounts: set[str]  # whose balance or nonce moved
    created: list[str]
    destroyed: set[str]  # created by the same call (EIP-6780), so that nothing of them stays


def call_changes(journal: str) -> Changes:
    """What the journal's entries name. The long part before them is loaded code and storage: skipped."""
    slots: set[tuple[str, int]] = set()
    accounts: set[str] = set()
    created: list[str] = []
    destroyed: set[str] = set()
    for kind, address, key, had, other, wei in _CHANGE.findall(journal, journal.rindex("journal: [")):
        if kind == "StorageChange":
            if had == "Some":  # None marks a slot that was read
                slots.add((address, int(key)))
        elif kind == "BalanceTransfer":
            if wei != "0":
                accounts.update((address, other))
        else:
            accounts.add(address)
            if kind == "AccountCreated":
                created.append(address)
            elif kind == "AccountDestroyed":
                destroyed.add(address)
                accounts.add(other)
    return Changes(slots, accounts, created, destroyed)


class AccountState(NamedTuple):
    """One loaded account as the engine holds it."""

    address: str
    balance: int
    nonce: int
    created: bool
    touched: bool
    changed_slots: list[tuple[int, int]]  # slot, value


def loaded_state(journal: str) -> list[AccountState]:
    """Every loaded account with the slots whose value differs from the database's."""
    accounts = []
    # By place and not by slice: the text of a long run is tens of megabytes.
    for found in _ACCOUNT.finditer(journal, 0, journal.index("transient_storage:")):
        address, balance, nonce, status = found.group(1, 2, 3, 5)
        slots = [(int(slot[1]), int(slot[3])) for slot in _SLOT.finditer(journal, *found.span(4)) if slot[2] != slot[3]]
        accounts.append(
            AccountState(address, int(balance), int(nonce), "Created" in status, "Touched" in status, slots)
        )
    return accounts
