"""The files that an audit leaves, for people and for CI systems."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.audit import page
from simulator.audit.document import Document, unfinished
from simulator.audit.junit import junit_text
from simulator.audit.sarif import sarif_text
from simulator.audit.summary import summary_text
from simulator.errors import WavetankError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

OUTPUTS: Final = ("audit.json", "junit.xml", "audit.sarif", "summary.md", "report.html", "runs.parquet")
STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"  # GitHub Actions: a file whose Markdown the page of a run shows

Write = Callable[[Path], object]


def write_outputs(document: Document, frame: "pd.DataFrame", out: Path) -> None:
    """Write audit.json, junit.xml, audit.sarif, summary.md, report.html and runs.parquet into the folder `out`.

    `frame` has a row for every run: `scenario`, and the columns of a sweep's results. Each file appears whole; those of
    an earlier audit are gone first, so that no green one of them outlives a failure here. The summary is also appended
    to what GITHUB_STEP_SUMMARY names. Raises WavetankError (exit 3) with what could not be written, after the rest is:
    call it again with a document that says so.
    """
    faults: list[tuple[Path, OSError]] = []
    _try(out, _prepare, faults)
    for name, write in _writers(document, frame).items():
        _try(out / name, lambda path, write=write: _write_whole(path, write), faults)  # type: ignore[misc]
    # Where files are missing, the page of the job must not show the verdict of a whole audit.
    if os.environ.get(STEP_SUMMARY) and (not faults or unfinished(document)):
        _try(Path(os.environ[STEP_SUMMARY]), lambda path: _append(path, summary_text(document)), faults)
    if faults:
        path, error = faults[0]
        more = f", nor could {len(faults) - 1} more" if len(faults) > 1 else ""
        what = f"cannot be written: {error.strerror or error}{more}"
        raise WavetankError(what, where=str(path), mend="make room, or choose another --out") from error


def remove_outputs(out: Path) -> None:
    """Take away the files of an earlier audit."""
    for name in OUTPUTS:
        (out / name).unlink(missing_ok=True)


def _writers(document: Document, frame: "pd.DataFrame") -> Mapping[str, Write]:
    def text(render: Callable[[Document], str]) -> Write:
        return lambda path: path.write_text(render(document), encoding="utf-8", errors="backslashreplace")

    return {
        "audit.json": text(json_text),
        "junit.xml": text(junit_text),
        "audit.sarif": text(sarif_text),
        "summary.md": text(summary_text),
        "report.html": text(page.render),
        "runs.parquet": lambda path: _write_table(runs_table(frame), path),
    }


def json_text(document: Document) -> str:
    """The document as sorted JSON. Raises ValueError on NaN or infinity."""
    return json.dumps(document, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def runs_table(frame: "pd.DataFrame") -> "pa.Table":
    """Every run: scenario, seed, weight, status, fault, digest and the metrics, sorted by scenario and seed."""
    import pyarrow as pa

    from simulator.stress.store import results_schema

    schema = pa.schema([("scenario", pa.string()), *(f for f in results_schema((), ()) if f.name != "point")])
    ordered = frame.reindex(columns=schema.names).sort_values(["scenario", "seed"], kind="stable")
    return pa.Table.from_pandas(ordered, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _write_table(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path)


def _try(path: Path, act: Callable[[Path], object], faults: list[tuple[Path, OSError]]) -> None:
    try:
        act(path)
    except OSError as error:
        faults.append((path, error))


def _prepare(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    remove_outputs(out)


def _write_whole(path: Path, write: Write) -> None:
    beside = path.with_name(f"{path.name}.tmp")
    try:
        write(beside)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
