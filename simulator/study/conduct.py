"""Run a study on every core and keep what came of it, also of one that was interrupted."""

import warnings
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cores import usable_cores
from simulator.manifest import SCHEMA, versions
from simulator.runfolder import RunFolder
from simulator.study.catalogue import STUDIES
from simulator.study.design import Figure, Point, Row, Study

if TYPE_CHECKING:
    from simulator.scenario import Scenario

Progress = Callable[[int, int], None]
INTERRUPTED, PARTIAL = 130, 3


def conduct(
    study: Study,
    name: str,
    scenario: "Scenario",
    changes: Mapping[str, Any],
    *,
    seed: int,
    gas: str | None,
    out: Path,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], int, Path]:
    """Run a study of a loaded scenario: its manifest, exit code and folder.

    `name` and `changes` are what `scenario` was loaded from: workers load it again, at each point. Runs that fail are
    counted and shown, and make the study partial (exit 3); Ctrl-C keeps the runs that were done (exit 130).
    """
    from simulator.study.page import write_page

    points = study.points(scenario)
    folder = RunFolder(out)
    try:
        rows, interrupted = _rows(study, name, changes, points, seed, gas, progress)
        manifest = _manifest(study, scenario, seed, gas, rows, len(points) * study.seeds)
        _write_runs(rows, folder.work)
        folder.write_manifest(manifest)
        write_page(manifest, study, rows, folder.work)
        place = folder.finish()
    except BaseException:
        folder.discard()
        raise
    return manifest, INTERRUPTED if interrupted else 0 if manifest["status"] == "complete" else PARTIAL, place


def _rows(
    study: Study,
    name: str,
    changes: Mapping[str, Any],
    points: list[Point],
    seed: int,
    gas: str | None,
    progress: Progress | None,
) -> tuple[list[Row], bool]:
    from joblib import Parallel, delayed

    tasks = [(point, seed + k) for point in points for k in range(study.seeds)]
    jobs = max(1, min(len(tasks), usable_cores()))
    done: list[Row] = []
    found = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_one)(study.name, point.scenario or name, {**changes, **point.changes}, own, gas)
        for point, own in tasks
    )
    try:
        for (point, own), (digest, figures, fault) in zip(tasks, found, strict=True):
            done.append(Row(point, own, digest, figures, fault))
            if progress is not None:
                progress(len(done), len(tasks))
    except KeyboardInterrupt:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks are cancelled is what was asked for
            found.close()
        return done, True
    return done, False


def _one(
    study: str, name: str, changes: Mapping[str, Any], seed: int, gas: str | None
) -> tuple[str, dict[str, Figure], str]:
    """In a worker: run once; digest, figures, and what ended it early."""
    from simulator.errors import WavetankError
    from simulator.results import run_scenario
    from simulator.scenario import load_scenario

    figures = STUDIES[study].figures
    try:
        result = run_scenario(load_scenario(name, changes), seed=seed, gas=gas)
    except WavetankError as error:
        return "", dict.fromkeys(figures), str(error)
    fault = "" if result.exit_code == 0 else str(result.fault or "interrupted")
    return result.digest, {name: read(result) for name, read in figures.items()}, fault


def _manifest(
    study: Study, scenario: "Scenario", seed: int, gas: str | None, rows: list[Row], planned: int
) -> dict[str, Any]:
    failed = sum(bool(row.fault) for row in rows)
    together = sha256("".join(row.digest for row in rows).encode()).hexdigest()
    return {
        "schema": SCHEMA,
        "study": study.name,
        "scenario": dict(scenario.resolved),
        "seed": seed,
        "chain": {"name": "revm", "gas": gas or "exact"},
        "status": "complete" if len(rows) == planned and not failed else "partial",
        "runs_total": planned,
        "runs_done": len(rows),
        "runs_failed": failed,
        "digest": together,
        "runs": [
            {"series": r.point.series, "point": r.point.label, "seed": r.seed, "digest": r.digest, **r.figures}
            | ({"fault": r.fault} if r.fault else {})
            for r in rows
        ],
        "versions": versions(),
    }


def _write_runs(rows: list[Row], folder: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"series": r.point.series, "point": r.point.label, "place": r.point.place, "seed": r.seed, "digest": r.digest,
         "fault": r.fault, **{name: float("nan") if v is None else float(v) for name, v in r.figures.items()}}
        for r in rows
    )  # fmt: skip
    frame.to_parquet(folder / "runs.parquet", index=False)
