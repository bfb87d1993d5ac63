"""What the report says of a run, without a browser."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import METRICS, SCENARIO, write_synthetic_run

from simulator.errors import ConfigError
from simulator.report import write_report
from simulator.report.assumptions import assumptions
from simulator.report.charts.bad_debt import measures_by_block
from simulator.report.charts.liquidations import liquidation_chart
from simulator.report.charts.prices import price_charts, stale_after
from simulator.report.charts.ratios import quantiles_by_block, ratio_scale
from simulator.report.key_figures import cards
from simulator.report.outcomes import count_outcomes
from simulator.report.packing import ALPHABET, pack, unpack
from simulator.report.rerun import rerun_command
from simulator.report.run_tables import open_run
from simulator.report.sampling import extremes, spans
from simulator.report.wording import count, duration, number, short, utc
from simulator.report.worst_positions import worst_positions
from simulator.scenario.load import load_scenario
from simulator.scenario.overrides import parse_overrides

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=300)


@given(values, st.integers(4, 60))
def test_sampling_keeps_the_ends_the_extremes_and_the_gaps(drawn: list[float], points: int) -> None:
    series = np.array(drawn)
    kept = extremes([series], points)
    assert kept[0] == 0
    assert kept[-1] == len(series) - 1
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= max(points, len(series) if len(series) <= points else 0) + points // 2 + 2
    present = series[~np.isnan(series)]
    if present.size:
        assert np.nanmin(series[kept]) == present.min()
        assert np.nanmax(series[kept]) == present.max()
    assert np.isnan(series[kept]).any() == np.isnan(series).any()


def test_a_single_peak_of_a_long_series_survives_sampling() -> None:
    series, other = np.zeros(43_200), np.arange(43_200.0)
    series[31_415] = 7.0
    kept = extremes([series, other], 800)
    assert 31_415 in kept
    assert len(kept) <= 1_000


@given(st.text(max_size=400))
def test_packed_text_comes_back_and_cannot_close_its_element(text: str) -> None:
    packed = pack(text)
    assert unpack(packed) == text
    assert set(packed) <= set(ALPHABET)
    assert "<" not in packed


def test_the_alphabet_has_85_different_letters() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 85


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 10)), min_size=1, max_size=80))
def test_quantiles_by_block_are_those_of_each_block(rows: list[tuple[int, float]]) -> None:
    blocks, health = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found, quantiles = quantiles_by_block(blocks, health, (0.0, 0.05, 0.5, 1.0))
    assert found.tolist() == sorted({row[0] for row in rows})
    for block, row in zip(found, quantiles, strict=True):
        np.testing.assert_allclose(row, np.quantile(health[blocks == block], (0.0, 0.05, 0.5, 1.0)), atol=1e-9)


def test_spans_last_to_the_first_sample_without_the_flag() -> None:
    times = np.array([10, 20, 30, 40, 50])
    assert spans([False, True, True, False, True], times) == [(20, 40), (50, 50)]
    assert spans([True] * 5, times) == [(10, 50)]
    assert spans([False] * 5, times) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_234.4, "1,234"),
        (0.00123, "0.00123"),
        (12_345_678, "12.3 M"),
        (3.0, "3"),
        (1e-7, "1.0e-07"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_short_and_grouped(value: float, shown: str) -> None:
    assert number(value).replace("\u00a0", " ") == shown


def test_times_counts_and_addresses_in_words() -> None:
    assert duration(7_380).replace("\u00a0", " ") == "2 h 3 min"
    assert duration(0).replace("\u00a0", " ") == "0 s"
    assert utc(1_583_971_213) == "2020-03-12 00:00:13 UTC"
    assert count(1, "block") == "1 block"
    assert count(8_308, "block") == "8,308 blocks"
    assert short("ETH/0x" + "ab" * 20) == "ETH/0xabababab…abab"


def test_the_page_stays_small_for_a_month_of_minutes(tmp_path: Path) -> None:
    path = write_report(write_synthetic_run(tmp_path / "month", blocks=43_200))
    assert path.name == "report.html"
    assert path.stat().st_size < 2_100_000
    assert {entry.name for entry in path.parent.iterdir() if entry.suffix not in (".parquet", ".json")} == {
        "report.html"
    }


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path / "run", blocks=300)
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


def test_worst_positions_are_the_ten_lowest_each_once(storm: Path) -> None:
    run = open_run(storm.parent)
    table = run.read("positions", ["position", "health"])
    lowest: dict[str, float] = {}
    for position, health in zip(table["position"].to_pylist(), table["health"].to_pylist(), strict=True):
        if health is not None:
            lowest[position] = min(health, lowest.get(position, np.inf))
    ranked = sorted(lowest, key=lambda position: lowest[position])[:10]
    rows = worst_positions(run)
    assert [row.position for row in rows] == [short(position) for position in ranked]
    assert rows[0].ratio.replace("\u00a0", " ") == f"{number(150 * lowest[ranked[0]])} %"
    assert all(row.underwater for row in rows)


def test_every_transaction_is_counted_once(storm: Path) -> None:
    outcomes = count_outcomes(open_run(storm.parent))
    assert {row.agent: row.counts for row in outcomes.agents} == {
        "borrowers": {"included": 60},
        "keepers": {"pending": 7},
        "liquidators": {"included": 45, "reverted": 25, "dropped": 4},
        "reporter": {"included": 80},
    }
    liquidators = outcomes.agents[2]
    assert liquidators.gas_used == 70 * 91_234
    assert liquidators.fees == pytest.approx(70 * 91_234 * 40e-9)


def test_unexpected_failures_come_first_and_are_marked(storm: Path) -> None:
    outcomes = count_outcomes(open_run(storm.parent))
    assert [(row.reason, row.unexpected, row.count) for row in outcomes.failures] == [
        ("Panic(0x11)", True, 3),
        ("BidTooLow", False, 22),
        ("insufficient funds", False, 4),
    ]
    assert outcomes.unexpected == 3
    assert '<tr class="unexpected">' in storm.read_text(encoding="utf-8")


def test_zero_bids_are_marked_apart_and_direct_sales_too(storm: Path) -> None:
    (chart,) = liquidation_chart(open_run(storm.parent))
    marks = {trace["name"]: len(trace["x"]) for trace in chart.traces if trace["type"] == "scatter"}
    assert marks == {"Auction settled": 54, "Auction settled for almost nothing": 10, "Sold at a fixed bonus": 12}
    (zeros,) = [trace for trace in chart.traces if trace["name"] == "Auction settled for almost nothing"]
    assert set(zeros["y"]) == {0.0}
    assert "10 paid less than 1 % of it" in chart.summary


def test_an_answer_is_stale_when_it_is_older_than_its_feed_promises(storm: Path) -> None:
    run = open_run(storm.parent)
    assert stale_after(run, "ETH") == 3_630
    run.scenario["oracle"]["ETH"]["delay_seconds"] = 3_600
    assert stale_after(run, "ETH") == 7_230
    run.scenario["oracle"]["ETH"]["max_age_seconds"] = 900
    assert stale_after(run, "ETH") == 900


def test_an_asset_that_never_moves_is_said_in_words(storm: Path) -> None:
    charts = {chart.title: chart for chart in price_charts(open_run(storm.parent))}
    assert charts["Price of DOLLAR"].empty.replace("\u00a0", " ").startswith("DOLLAR stood at 1 USD")
    assert not charts["Price of ETH"].empty


def test_collateral_ratios_are_shown_as_such_only_with_one_liquidation_ratio(storm: Path) -> None:
    run = open_run(storm.parent)
    assert ratio_scale(run, "cdp").factor == 150
    run.scenario["cdp"]["collateral"]["BTC"] = {"liquidation_ratio": 1.7}
    assert ratio_scale(run, "cdp").factor == 100
    assert ratio_scale(run, "of-a-stranger").factor == 100


def test_measures_of_all_subjects_are_added_up(tmp_path: Path) -> None:
    folder = write_synthetic_run(tmp_path / "run", blocks=0)
    schema = pq.read_schema(folder / "measures.parquet")
    rows = [
        (5, "cdp", "ETH", "shortfall_usd", 2.0),
        (5, "cdp", "BTC", "shortfall_usd", 3.0),
        (9, "b", "", "reserve_usd", 1.0),
    ]
    arrays = [pa.array([row[place] for row in rows], type=kind) for place, kind in enumerate(schema.types)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / "measures.parquet")
    blocks, sums = measures_by_block(open_run(folder), ("shortfall_usd", "reserve_usd"))
    assert blocks.tolist() == [5, 9]
    assert sums["shortfall_usd"].tolist() == [5.0, 0.0]
    assert sums["reserve_usd"].tolist() == [0.0, 1.0]


def test_only_metrics_that_apply_become_cards() -> None:
    shown = {card.label: (card.value, card.unit) for card in cards(METRICS)}
    assert shown["Bad debt"] == ("1.23\u00a0M", "USD")
    assert shown["Lowest collateral ratio"] == ("81.2", "%")
    assert shown["Oracle furthest off"] == ("28.7", "%")
    assert cards(dict.fromkeys(METRICS)) == []


def test_assumptions_list_every_setting_with_unit_and_meaning() -> None:
    sections = {section.name: section.rows for section in assumptions(SCENARIO)}
    assert list(sections) == [
        "world", "chain", "market.DOLLAR", "market.ETH", "oracle.ETH", "cdp", "borrowers", "liquidators",
    ]  # fmt: skip
    number_of = next(row for row in sections["borrowers"] if row.key == "count")
    assert number_of.meaning
    ratio = next(row for row in sections["cdp"] if row.key == "collateral.ETH.liquidation_ratio")
    assert ratio.meaning
    hours = next(row for row in sections["world"] if row.key == "hours")
    assert (hours.value, hours.unit, hours.meaning) == ("6", "h", "length of the run")
    deviation = next(row for row in sections["oracle.ETH"] if row.key == "deviation")
    assert deviation.value == "0.5\u00a0%"
    knots = next(row for row in sections["market.ETH"] if row.key == "knots")
    assert knots.value == "5 entries: [0, 194.6], [2, 170], … [6, 110]"


def test_assumptions_list_the_venues_of_a_market_with_unit_and_meaning() -> None:
    impact = {"depth_usd": 1e6, "venues": {"A": {"share": 0.25, "troubles": []}}}
    market = {"ETH": {"process": "constant", "price": 1.0, "impact": impact}}
    (section,) = assumptions({"market": market})
    share = next(row for row in section.rows if row.key == "impact.venues.A.share")
    assert (share.value, bool(share.meaning)) == ("25\u00a0%", True)


def test_a_setting_of_unknown_code_is_still_listed() -> None:
    (section,) = assumptions({"schema": 1, "mine": {"agent": "./mine.py:Agent", "patience": 3.5}})
    assert [(row.key, row.value, row.unit) for row in section.rows] == [
        ("agent", "./mine.py:Agent", ""),
        ("patience", "3.5", ""),
    ]


def test_the_command_names_scenario_seed_chain_and_gas() -> None:
    manifest = {"scenario": {"name": "my-storm"}, "seed": 7, "chain": {"name": "revm", "gas": "fast"}}
    assert rerun_command(manifest) == "wavetank run my-storm.toml --seed 7 --chain revm --gas fast"


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text('{"schema": 99}'), "schema = 99"),
        (lambda folder: (folder / "manifest.json").write_text('{"schema": 1}'), "no scenario, seed"),
        (lambda folder: (folder / "prices.parquet").unlink(), "prices.parquet is missing"),
        (lambda folder: (folder / "events.parquet").write_bytes(b"not parquet"), "events.parquet cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused_in_one_line_and_left_alone(
    tmp_path: Path, blockless: Path, damage: object, what: str
) -> None:
    folder = Path(shutil.copytree(blockless.parent, tmp_path / "run"))
    (folder / "report.html").write_text("the report of before")
    damage(folder)  # type: ignore[operator]
    with pytest.raises(ConfigError) as refused:
        write_report(folder)
    assert what in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.mend
    assert (folder / "report.html").read_text() == "the report of before"


def test_the_manifest_of_the_fixture_is_plain_json(storm: Path) -> None:
    assert json.loads((storm.parent / "manifest.json").read_text())["status"] == "complete"


def test_the_command_names_what_was_changed_in_a_shipped_scenario() -> None:
    changed = dict(
        load_scenario("black-thursday", {"world.hours": 2, "cdp.collateral.ETH.liquidation": "dutch"}).resolved
    )
    manifest = {"scenario": changed, "seed": 3, "chain": {"name": "revm", "gas": "exact"}}
    words = shlex.split(rerun_command(manifest))
    assert words[:9] == ["wavetank", "run", "black-thursday", "--seed", "3", "--chain", "revm", "--gas", "exact"]
    overrides = parse_overrides(words[10::2])
    assert set(words[9::2]) == {"--set"}
    assert load_scenario("black-thursday", overrides).resolved == changed
    plain = {**manifest, "scenario": dict(load_scenario("black-thursday").resolved)}
    assert "--set" not in rerun_command(plain)
