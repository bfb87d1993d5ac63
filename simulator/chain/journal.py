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
# Between what is read of an account, and of a slot of it.
_BALANCE = ": Account { info: AccountInfo { balance: "
_NONCE = ", nonce: "
_STORAGE = ", storage: {"
_STATUS = "}, status: AccountStatus("
_VALUES = ": StorageSlot { previous_or_original_value: "
_PRESENT = ", present_value: "


class Changes(NamedTuple):
    """The places a call wrote to."""

    slots: set[tuple[str, int]]
    accounts: set[str]  # whose balance or nonce moved
    created: list[str]
    destroyed: set[str]  # created by the same call (EIP-6780), so that nothing of them stays


def call_changes(journal: str) -> Changes:
    """What the journal's entries name. The long part before them is loaded code and storage: skipped."""
    entries = journal[journal.rindex("journal: [") :]
    return _changed_entries(entries) if _moves_accounts(entries) else Changes(_written_slots(entries), set(), [], set())


def _moves_accounts(entries: str) -> bool:
    if any(kind in entries for kind in ("NonceChange", "AccountCreated", "AccountDestroyed")):
        return True
    return any(not wei.startswith("0") for wei in entries.split("balance: ")[1:])


def _written_slots(entries: str) -> set[tuple[str, int]]:
    """Most calls write slots and do nothing else; then this does, in half the time of the whole expression."""
    before_values = entries.split(", had_value: Some(")[:-1]
    places = {before[before.rindex("0x") :] for before in before_values}  # "<address>, key: <slot>"
    return {(place[:42], int(place[49:])) for place in places}


def _changed_entries(entries: str) -> Changes:
    slots: set[tuple[str, int]] = set()
    accounts: set[str] = set()
    created: list[str] = []
    destroyed: set[str] = set()
    for kind, address, key, had, other, wei in _CHANGE.findall(entries):
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
    find, index = journal.find, journal.index
    end = index("transient_storage:")
    accounts = []
    # Looked for word by word: a regular expression walks through the loaded code, which is most of the text, at a
    # tenth of the speed. And by place, not by slice: the text of a long run is tens of megabytes.
    at = find(_BALANCE, 0, end)
    while at >= 0:
        nonce_at = index(_NONCE, at)
        code_at = index(",", nonce_at + len(_NONCE))
        slots_at = index(_STORAGE, code_at) + len(_STORAGE)
        slots_end = index(_STATUS, slots_at)
        behind = index(")", slots_end)
        status = journal[slots_end:behind]
        accounts.append(
            AccountState(
                journal[at - 42 : at],
                int(journal[at + len(_BALANCE) : nonce_at]),
                int(journal[nonce_at + len(_NONCE) : code_at]),
                "Created" in status,
                "Touched" in status,
                _changed_slots(journal[slots_at : slots_end - len(" }")]) if slots_end > slots_at else [],
            )
        )
        at = find(_BALANCE, behind, end)
    return accounts


def _changed_slots(text: str) -> list[tuple[int, int]]:
    changed = []
    for slot in text.split(" }, "):
        key, values = slot.split(_VALUES)
        before, now = values.split(_PRESENT)
        if before != now:
            changed.append((int(key), int(now)))
    return changed
