"""The recorder: what goes in comes out, in fixed types, whether on disk or in memory."""

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.chain.types import Address
from simulator.errors import WavetankError
from simulator.record import Recorder, args_json, decimals
from simulator.tables import SCHEMAS, field

ALICE = Address("0x" + "aa" * 20)


def fill(recorder, *, transactions=5):
    """One of everything, and a few transactions."""
    recorder.add_block(1, 1_584_000_000, 10**30, 21_000, 5_000_000, 10_000_000, 1, None)
    recorder.add_block(2, 1_584_000_013, 0, 0, 0, 10_000_000, 0, 12.5)
    for nonce in range(transactions):
        recorder.add_transaction(
            1, nonce, "borrowers", f"borrowers/{nonce}", ALICE, nonce, None, 10**20, "open", 300_000, 210_000,
            7 * 10**9, "included", "", False, 1_584_000_000, ALICE,
        )  # fmt: skip
    recorder.add_transaction(
        2, None, "keepers", "keepers/0", ALICE, 9, ALICE, 0, "bid", 300_000, None, None,
        "dropped", "insufficient funds", False, 1_584_000_001,
    )  # fmt: skip
    recorder.add_event(1, 0, 2, "cdp", "PositionAdjusted", "ETH/x", {"debtDelta": -(10**22), "id": b"ETH"})
    recorder.add_event(2, None, None, "cdp", "liquidation", "ETH/x", {"fill_block": None, "debt_usd": 1.5})
    recorder.add_price(1, 1_584_000_000, "ETH", 194.6, 194.5)
    recorder.add_price(2, 1_584_000_013, "ETH", 190.0, 189.0, 194.5, 1_583_996_400, 189.3)
    recorder.add_position(2, "cdp", "ETH/x", ALICE, 100.0, 50.0, 1.25)
    recorder.add_measure(2, "cdp", "ETH", "debt_usd", 123.25)


@pytest.fixture(params=["folder", "memory"])
def recorder(request, tmp_path):
    # Two rows a group, so that every table of the sample above has more than one.
    return Recorder(tmp_path if request.param == "folder" else None, group_rows=2)


def test_rows_come_back_in_order_across_row_groups(recorder):
    fill(recorder)
    rows = recorder.tables().read("transactions").to_pylist()
    assert [row["nonce"] for row in rows] == [0, 1, 2, 3, 4, 9]
    assert rows[0] == {
        "block": 1, "index": 0, "agent": "borrowers", "account": "borrowers/0", "sender": ALICE, "nonce": 0, "to": None,
        "value": Decimal(10**20), "action": "open", "gas_limit": 300_000, "gas_used": 210_000,
        "effective_price": Decimal(7 * 10**9), "status": "included", "reason": None, "unexpected": False,
        "submitted": 1_584_000_000, "created": ALICE,
    }  # fmt: skip
    assert rows[5] == rows[0] | {
        "block": 2, "index": None, "agent": "keepers", "account": "keepers/0", "nonce": 9, "to": ALICE,
        "value": Decimal(0), "action": "bid", "gas_used": None, "effective_price": None, "status": "dropped",
        "reason": "insufficient funds", "submitted": 1_584_000_001, "created": None,
    }  # fmt: skip


def test_every_other_table_gives_back_its_rows(recorder):
    fill(recorder)
    tables = recorder.tables()
    rows = {name: [tuple(row.values()) for row in tables.read(name).to_pylist()] for name in SCHEMAS}
    assert rows["blocks"] == [
        (1, 1_584_000_000, Decimal(10**30), 21_000, 5_000_000, 10_000_000, 1, None),
        (2, 1_584_000_013, Decimal(0), 0, 0, 10_000_000, 0, 12.5),
    ]
    assert rows["events"] == [
        (1, 0, 2, "cdp", "PositionAdjusted", "ETH/x", '{"debtDelta":"-10000000000000000000000","id":"0x455448"}'),
        (2, None, None, "cdp", "liquidation", "ETH/x", '{"debt_usd":1.5,"fill_block":null}'),
    ]
    assert rows["prices"] == [
        (1, 1_584_000_000, "ETH", 194.6, 194.5, None, None, None),
        (2, 1_584_000_013, "ETH", 190.0, 189.0, 194.5, 1_583_996_400, 189.3),
    ]
    assert rows["positions"] == [(2, "cdp", "ETH/x", ALICE, 100.0, 50.0, 1.25)]
    assert rows["measures"] == [(2, "cdp", "ETH", "debt_usd", 123.25)]


def test_a_run_without_rows_has_every_table_in_its_types(recorder):
    tables = recorder.tables()
    for name, schema in SCHEMAS.items():
        assert tables.read(name).num_rows == 0
        assert tables.read(name).schema.equals(schema)


def test_types_do_not_depend_on_the_rows(recorder):
    fill(recorder)
    tables = recorder.tables()
    for name, schema in SCHEMAS.items():
        assert tables.read(name).schema.equals(schema)


def test_a_condition_picks_rows_by_text_and_by_null(recorder):
    fill(recorder)
    tables = recorder.tables()
    assert tables.count("transactions", field("status") == "dropped") == 1
    assert tables.read("events", ["name"], field("index").is_null())["name"].to_pylist() == ["liquidation"]


def test_frames_keep_integers_exact(recorder):
    fill(recorder)
    frame = recorder.tables().frame("transactions")
    assert frame["index"].dtype == pd.Int32Dtype()
    assert frame["index"].isna().tolist() == [False] * 5 + [True]
    assert frame["value"].iloc[0] == Decimal(10**20)
    assert frame["status"].tolist() == ["included"] * 5 + ["dropped"]


def test_memory_and_folder_hold_the_same(tmp_path):
    recorders = Recorder(tmp_path, group_rows=3), Recorder(group_rows=100)
    for each in recorders:
        fill(each, transactions=7)
    on_disk, in_memory = (each.tables() for each in recorders)
    for name in SCHEMAS:
        assert on_disk.read(name).to_pylist() == in_memory.read(name).to_pylist()


def test_a_sample_of_positions_is_a_row_each(recorder):
    values = np.array([[10.0, 20.0, 30.0], [1.0, 2.0, 3.0], [1.5, math.inf, math.nan]])
    recorder.add_positions_array(4, "cdp", ["a", "b", "c"], ["x", "y", "z"], *values)
    rows = [tuple(row.values()) for row in recorder.tables().read("positions").to_pylist()]
    assert rows == [
        (4, "cdp", "a", "x", 10.0, 1.0, 1.5),
        (4, "cdp", "b", "y", 20.0, 2.0, None),
        (4, "cdp", "c", "z", 30.0, 3.0, None),
    ]


def test_a_sample_of_uneven_lengths_is_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Recorder().add_positions_array(1, "cdp", ["a"], ["x", "y"], np.ones(2), np.ones(2), np.ones(2))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_not_finite_is_null(value):
    recorder = Recorder()
    recorder.add_measure(1, "cdp", "", "debt_usd", value)
    assert recorder.tables().read("measures")["value"].to_pylist() == [None]


def test_full_row_groups_leave_memory_at_once(tmp_path):
    recorder = Recorder(tmp_path, group_rows=2)
    fill(recorder, transactions=100)
    assert len(recorder._transactions.rows) == 1
    recorder.close()
    assert pq.ParquetFile(tmp_path / "transactions.parquet").metadata.num_row_groups == 51


def test_closing_names_the_files_and_can_be_repeated(tmp_path):
    recorder = Recorder(tmp_path)
    fill(recorder)
    assert recorder.close() == recorder.close() == {name: tmp_path / f"{name}.parquet" for name in SCHEMAS}
    assert all(path.is_file() for path in recorder.close().values())


def test_leaving_the_recorder_writes_what_waits(tmp_path):
    with Recorder(tmp_path) as recorder:
        fill(recorder)
    assert pq.read_table(tmp_path / "measures.parquet").num_rows == 1


def test_a_row_after_the_end_is_refused(tmp_path):
    recorder = Recorder(tmp_path, group_rows=1)
    recorder.close()
    with pytest.raises(WavetankError, match=r"measures\.parquet is closed"):
        recorder.add_measure(1, "cdp", "", "debt_usd", 1.0)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WavetankError, match=r"none: blocks\.parquet cannot be written: .*--out"):
        Recorder(tmp_path / "none")


BOUND = 10**38 - 1
small = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
wide = st.one_of(st.none(), st.integers(-BOUND, BOUND), st.sampled_from([0, -1, BOUND, -BOUND, 2**63, -(2**64)]))


@given(st.one_of(st.lists(small), st.lists(wide)))
def test_decimals_are_the_integers_they_were(values):
    array = decimals(values)
    array.validate(full=True)
    assert array.type == pa.decimal128(38, 0)
    assert array.null_count == values.count(None)
    assert [None if item is None else int(item) for item in array.to_pylist()] == values


@pytest.mark.parametrize("value", [10**38, -(10**38), 2**256 - 1])
def test_an_integer_of_more_than_38_digits_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"transactions\.value = -?\d+: more than 38 digits"):
        decimals([1, value], "transactions.value")


scalars = st.one_of(
    st.none(), st.booleans(), st.text(), st.binary(max_size=33), st.integers(), st.floats(allow_nan=True)
)
arguments = st.dictionaries(st.text(), st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6))


def plain(value):
    """What an event's value is in JSON."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return "0x" + value.hex() if isinstance(value, bytes) else [plain(item) for item in value]


@given(arguments)
def test_arguments_are_json_with_integers_as_text_and_sorted_keys(args):
    expected = json.dumps({name: plain(value) for name, value in args.items()}, sort_keys=True, separators=(",", ":"))
    assert args_json(args) == expected
    assert args_json(dict(reversed(args.items()))) == expected


def test_arguments_may_be_numpy_numbers_addresses_and_tuples():
    args = {"a": np.float64(1.5), "b": np.int64(7), "c": ALICE, "d": (1, {"x": True})}
    assert args_json(args) == f'{{"a":1.5,"b":"7","c":"{ALICE}","d":["1",{{"x":true}}]}}'


def test_an_argument_without_a_json_form_is_refused():
    with pytest.raises(TypeError, match="no JSON form"):
        args_json({"a": {1, 2}})
