"""Counts and peaks of a run."""

from metric_samples import GWEI, Run


def test_transactions_are_those_in_blocks():
    run = Run().block(1)
    for status in ("included", "included", "reverted", "dropped", "expired", "pending", "refused", "replaced"):
        run.transaction(status)
    assert run.metric("transactions") == 3


def test_a_run_without_transactions_has_none_of_them_and_no_answer_on_reverts():
    metrics = Run().block(1).metrics()
    assert metrics["transactions"] == 0
    assert metrics["reverts"] is None
    assert metrics["unexpected_reverts"] is None


def test_transactions_that_never_got_in_say_nothing_on_reverts():
    assert Run().block(1).transaction("dropped").metric("reverts") is None


def test_blocks_are_counted():
    assert Run().block(5).block(6).block(8).metric("blocks") == 3


def test_gas_used_is_summed_over_blocks():
    assert Run().block(1, gas_used=21_000).block(2, gas_used=0).block(3, gas_used=100_000).metric("gas_used") == 121_000


def test_the_highest_base_fee_is_in_gwei():
    run = Run().block(1, base_fee=10 * GWEI).block(2, base_fee=212 * GWEI + GWEI // 2).block(3, base_fee=30 * GWEI)
    assert run.metric("base_fee_gwei_max") == 212.5


def test_legacy_blocks_have_no_base_fee():
    assert Run().block(1).block(2).metric("base_fee_gwei_max") is None


def test_reverts_and_those_nobody_allowed_for_are_counted():
    run = Run().block(1).transaction().transaction("reverted").transaction("reverted", unexpected=True)
    metrics = run.transaction("dropped").metrics()
    assert (metrics["reverts"], metrics["unexpected_reverts"]) == (2, 1)


def test_no_revert_among_transactions_is_zero():
    metrics = Run().block(1).transaction().metrics()
    assert (metrics["reverts"], metrics["unexpected_reverts"]) == (0, 0)
