"""Reading the engine's journal: a plain reference by regular expressions says the same of whatever ran."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.chain.accounts import account
from simulator.chain.journal import AccountState, Changes, call_changes, loaded_state
from simulator.chain.revm import RevmChain
from simulator.chain.types import BlockEnv, Receipt, Transaction

ADDRESS = "(0x[0-9a-f]{40})"
ACCOUNT = re.compile(
    rf"{ADDRESS}: Account \{{ info: AccountInfo \{{ balance: (\d+), nonce: (\d+), .*?, storage: \{{(.*?)\}}, "
    r"status: AccountStatus\(([^)]*)\)"
)
SLOT = re.compile(r"(\d+): StorageSlot \{ previous_or_original_value: (\d+), present_value: (\d+) \}")
CHANGE = re.compile(
    rf"(StorageChange|NonceChange|AccountCreated|AccountDestroyed|BalanceTransfer) \{{ (?:address|from): {ADDRESS}"
    rf"(?:, key: (\d+), had_value: (None|Some))?(?:, (?:to|target): {ADDRESS})?(?:, balance: (\d+))?"
)
PEOPLE = [account(1, name).address for name in ("alice", "bob", "carol")]

# Writes the second word to the slot that the first names, logs both, and sends what came with it to the third.
WRITER = "6020355f3555" + "60405f5f37" + "60405fa0" + "5f5f5f5f34604035" + "5af1" + "00"
# Reads the slot that the first word names.
READER = "5f35545000"
# Runs the calldata as init code.
MAKER = "365f5f37" + "365f34f0" + "00"
# Gives up its code and ether.
LEAVER = "33ff"
REVERTER = "5f5ffd"
CODES = [bytes.fromhex(code) for code in (WRITER, READER, MAKER, LEAVER, REVERTER)]


def reference_changes(journal: str) -> Changes:
    """What a call changed, entry by entry."""
    slots, accounts, created, destroyed = set(), set(), [], set()
    for kind, address, key, had, other, wei in CHANGE.findall(journal, journal.rindex("journal: [")):
        if kind == "StorageChange":
            if had == "Some":
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


def reference_state(journal: str) -> list[AccountState]:
    """Every loaded account, by one expression over the whole text."""
    states = []
    for address, balance, nonce, storage, status in ACCOUNT.findall(journal[: journal.index("transient_storage:")]):
        slots = [(int(slot[1]), int(slot[3])) for slot in SLOT.finditer(storage) if slot[2] != slot[3]]
        states.append(AccountState(address, int(balance), int(nonce), "Created" in status, "Touched" in status, slots))
    return states


def init_code(runtime: bytes) -> bytes:
    return bytes([0x60, len(runtime), 0x80, 0x60, 0x09, 0x5F, 0x39, 0x5F, 0xF3]) + runtime


word = st.sampled_from([0, 1, 2, 2**128, 2**256 - 1])
data = st.one_of(
    st.tuples(word, word, st.sampled_from([0, *(int(p, 16) for p in PEOPLE)])).map(
        lambda words: b"".join(each.to_bytes(32, "big") for each in words)
    ),
    st.sampled_from([CODES[3], *(init_code(code) for code in CODES)]),
)
act = st.tuples(st.integers(0, 2), st.integers(-1, len(CODES)), data, st.sampled_from([0, 0, 1, 10**15]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["exact", "fast"]), st.lists(act, min_size=1, max_size=12))
def test_every_journal_reads_as_the_reference_does(gas_mode, acts):
    """The journals that the chain itself reads, and in fast mode the whole one after each transaction."""
    assert "journal: [" in compared(gas_mode, acts)


def test_the_journals_compared_hold_every_kind_of_entry():
    person = int(PEOPLE[1], 16).to_bytes(32, "big")
    acts = [
        (0, 0, bytes(31) + b"\1" + bytes(31) + b"\2" + person, 10**15),
        (1, 2, init_code(CODES[1]), 1),
        (2, 3, b"", 1),
        (2, 2, CODES[3], 1),  # only what was made in the same transaction is destroyed (EIP-6780)
    ]
    for gas_mode in ("exact", "fast"):
        text = compared(gas_mode, acts)
        for kind in ("StorageChange", "NonceChange", "AccountCreated", "AccountDestroyed", "BalanceTransfer"):
            assert f"{kind} {{" in text, gas_mode
        assert "had_value: Some(0)" in text
        assert re.search(r"balance: [1-9]\d* \}", text)


def compared(gas_mode, acts):
    """Run some acts with both readings side by side; every journal that was read."""
    texts = []

    def both(ours, reference):
        def read(text):
            texts.append(text)
            found = ours(text)
            assert found == reference(text)
            return found

        return read

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulator.chain.revm.call_changes", both(call_changes, reference_changes))
        patch.setattr("simulator.chain.revm.loaded_state", both(loaded_state, reference_state))
        for text in run(gas_mode, acts):
            both(loaded_state, reference_state)(text)
            both(call_changes, reference_changes)(text)
    return "\n".join(texts)


def run(gas_mode, acts):
    """The whole journal after each act."""
    chain = RevmChain(gas_mode)
    for person in PEOPLE:
        chain.fund(person, 10**18)
    contracts = [deploy(chain, code) for code in CODES]
    for who, what, data, wei in acts:
        sender, to = PEOPLE[who], [*contracts, PEOPLE[0], None][what]
        init = init_code(data[:99]) if to is None else data
        tx = Transaction(sender, chain.nonce(sender), to, init, wei, 500_000, 3, 3)
        (outcome,) = chain.execute(BlockEnv(2, 2, 0, 30_000_000), [tx])
        assert type(outcome) is Receipt
        yield chain._evm.journal_str


def deploy(chain, code):
    tx = Transaction(PEOPLE[0], chain.nonce(PEOPLE[0]), None, init_code(code), 0, 500_000, 0, 0)
    (outcome,) = chain.execute(BlockEnv(1, 1, 0, 30_000_000), [tx])
    assert outcome.status
    return outcome.created
