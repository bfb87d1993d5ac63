"""A replay says whether it is the recorded run, and where it parts from it."""

import json
from dataclasses import replace

import pytest
from capsule_samples import ALICE, COUNTER, act, header, sample

from simulator.capsule.file import save
from simulator.capsule.replay import FROM_CHAIN, replay
from simulator.capsule.tape import Tape, play
from simulator.chain.compare import first_state_difference
from simulator.chain.revm import RevmChain
from simulator.cli import main

GASES = ("exact", "fast")


def changed(capsule, block, transaction, **fields):
    """The capsule with one expectation another."""

    def page(step):
        if getattr(step, "env", None) != block:
            return step
        expected = list(step.expected)
        expected[transaction] = expected[transaction]._replace(**fields)
        return step._replace(expected=expected)

    return replace(capsule, steps=[page(step) for step in capsule.steps], digest="0" * 64)


@pytest.mark.parametrize("gas", GASES)
def test_a_replay_has_the_digest_and_the_metrics_of_the_run(gas):
    capsule = sample(gas)
    found = replay(capsule)
    assert (found.digest, found.difference) == (capsule.digest, None)
    assert (found.blocks, found.transactions) == (4, 5)
    assert found.metrics == {name: capsule.metrics[name] for name in FROM_CHAIN}


@pytest.mark.parametrize(
    ("place", "fields", "begins", "ends"),
    [
        ((2, 0), {"gas_used": 7}, "(set-up, from", "it used 7 gas, and now it uses 43,512"),
        ((2, 2), {"mark": bytes(4)}, "(set-up, from", "its price, events or created contract are others"),
        ((4, 0), {"status": True, "agent": "keepers", "action": "bid"}, "(keepers bid, from", "and now it reverted"),
    ],
)
def test_the_first_transaction_that_differs_is_named(place, fields, begins, ends):
    block, transaction = place
    env = next(page.env for page in sample().pages if page.env.number == block)
    said = replay(changed(sample(), env, transaction, **fields)).difference
    assert said.startswith(f"block {block}, transaction {transaction} {begins}")
    assert said.endswith(ends)
    assert "\n" not in said


def test_a_transaction_that_is_not_included_any_more_is_named_and_what_follows_is_not():
    capsule = sample()
    steps = [
        step._replace(candidates=[tx._replace(nonce=9) if tx.sender == ALICE.address else tx for tx in step.candidates])
        if getattr(step, "env", None) == header(1, 0)
        else step
        for step in capsule.steps
    ]
    assert "block 1, transaction 0 (set-up" in (said := replay(replace(capsule, steps=steps)).difference)
    assert "was included, and now is not: nonce gap" in said


def test_an_account_that_ends_with_other_ether_is_named():
    capsule = sample()
    held = [each._replace(wei=each.wei + 1) if each.address == COUNTER else each for each in capsule.held]
    found = replay(replace(capsule, held=held, digest="0" * 64))
    assert f"at the end {COUNTER} holds 0 wei with nonce 1, where it held 1 with nonce 1" == found.difference


def test_a_digest_of_nothing_that_is_in_the_capsule_is_a_difference():
    assert "no block is" in replay(replace(sample(), digest="0" * 64)).difference


def test_the_command_prints_both_digests_and_exits_by_whether_they_are_equal(tmp_path, capsys):
    path = tmp_path / "x.capsule"
    save(sample(), path)
    assert main(["replay", str(path)]) == 0
    text = capsys.readouterr().out
    assert text.count(sample().digest) == 2
    assert "breaks" in text
    assert main(["replay", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == {"expected": sample().digest, "found": sample().digest}
    assert told["equal"] is True
    assert told["metrics"]["replayed"]["reverts"] == 1
    assert "bad_debt_usd" in told["metrics"]["recorded"]
    save(changed(sample(), header(4), 0, gas_used=1), path)
    assert main(["replay", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["equal"] is False
    assert told["difference"].startswith("block 4, transaction 0")


def test_a_metric_that_the_chain_does_not_bear_out_is_a_difference(tmp_path, capsys):
    capsule = sample()
    save(replace(capsule, metrics={**capsule.metrics, "reverts": 0}), tmp_path / "x")
    assert main(["replay", str(tmp_path / "x")]) == 1
    assert "different: reverts is 1, and was 0" in capsys.readouterr().out


def test_out_is_for_shrinking(tmp_path, capsys):
    save(sample(), tmp_path / "x")
    assert main(["replay", str(tmp_path / "x"), "--out", str(tmp_path)]) == 2
    assert "--shrink" in capsys.readouterr().err


# ----------------------------------------------------------------------------- tape


@pytest.mark.parametrize("gas", GASES)
def test_what_was_done_to_a_chain_brings_another_to_the_same_state(gas):
    tape, other = Tape(RevmChain(gas)), RevmChain(gas)
    act(tape)
    list(play(other, tape.steps))
    accounts = [ALICE.address, COUNTER, *(step.address for step in tape.steps if hasattr(step, "address"))]
    assert first_state_difference(tape, other, accounts, [(COUNTER, 0)]) is None
    assert tape.storage(COUNTER, 0) == 3


def test_what_was_taken_back_is_not_on_the_tape():
    tape = Tape(RevmChain())
    act(tape)
    before = list(tape.steps)
    outer = tape.snapshot()
    tape.execute(header(5), [])
    inner = tape.snapshot()
    tape.execute(header(6), [])
    tape.fund(ALICE.address, 1)
    tape.revert(inner)
    assert [type(step).__name__ for step in tape.steps[len(before) :]] == ["Block"]
    tape.revert(outer)
    assert tape.steps == before
