"""Reading a run back from its folder."""

import pytest

from simulator.errors import ConfigError
from simulator.record import Recorder
from simulator.tables import Tables


def test_only_the_columns_asked_for_are_read(tmp_path):
    with Recorder(tmp_path) as recorder:
        recorder.add_measure(1, "cdp", "ETH", "debt_usd", 5.0)
    assert Tables(tmp_path).read("measures", ["value", "name"]).column_names == ["value", "name"]


def test_a_missing_table_is_named(tmp_path):
    Recorder(tmp_path).close()
    (tmp_path / "prices.parquet").unlink()
    with pytest.raises(ConfigError, match=r"prices\.parquet is missing \(run the scenario again\)"):
        Tables(tmp_path).read("prices")


def test_a_broken_table_is_named(tmp_path):
    Recorder(tmp_path).close()
    (tmp_path / "prices.parquet").write_bytes(b"not parquet")
    with pytest.raises(ConfigError, match=r"prices\.parquet cannot be read"):
        Tables(tmp_path).read("prices")
