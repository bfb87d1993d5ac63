"""The `wavetank` command.

Exit codes: 0 passed, 1 a rule breached, 2 usage or configuration, 3 incomplete, 130 interrupted. Heavy imports sit
inside the commands, because `--help` and `list scenarios` answer at once.
"""

import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator import __version__
from simulator.errors import ConfigError, WavetankError
from simulator.terminal import columns, figure, print_json, print_lines, print_note, progress_bar, sweep_progress

INTERRUPTED = 130
INCOMPLETE = 3
# The parser's own error, by way of its public subclass: typer has moved its home between versions.
UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Real contract bytecode in made-up storms.",
)
listing = typer.Typer(rich_markup_mode=None, help="Print what there is to choose from.")
starting = typer.Typer(rich_markup_mode=None, help="Write a small working example to start from.")
app.add_typer(listing, name="list")
app.add_typer(starting, name="new")

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A TOML file, or the name of a shipped scenario.")
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="The file is written to the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


class GasMode(StrEnum):
    """How the embedded chain accounts for gas."""

    EXACT = "exact"
    FAST = "fast"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in given
    try:
        code = app(args=given, prog_name="wavetank", standalone_mode=False)
        sys.stdout.flush()
    except WavetankError as error:
        return _failed(error, as_json)
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "wavetank"
        usage = ConfigError(" ".join(error.format_message().split()), where=command, mend=f"see `{command} --help`")
        return _failed(usage, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _failed(_interrupted(), as_json)
    except (BrokenPipeError, SystemExit):  # the reader of a pipe has enough; the parser answers that with an exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # a fault of ours must not look like a breached rule, which is what Python's exit 1 says
        traceback.print_exc()
        fault = WavetankError(f"internal error: {type(error).__name__}: {error}", mend="report it with the lines above")
        return _failed(fault, as_json)
    return code if isinstance(code, int) else 0


def _failed(error: WavetankError, as_json: bool) -> int:
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        print_note(f"error: {' '.join(str(error).split())}")
    return error.exit_code


def _interrupted() -> WavetankError:
    error = WavetankError("interrupted")
    error.exit_code = INTERRUPTED
    return error


def _print_version(wanted: bool) -> None:
    if wanted:
        print_lines([f"wavetank {__version__}"])
        raise typer.Exit


def _seed(text: str) -> int:
    """A seed from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise typer.BadParameter(f"{text}: must be a whole number >= 0 and < 2^63")
    return int(text)


Seed = Annotated[
    int | None, typer.Option(parser=_seed, metavar="N", help="Root of every random stream; the scenario's by default.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change a key of the scenario.")
]


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Real contract bytecode in made-up storms."""


@app.command()
def run(
    scenario: ScenarioName,
    seed: Seed = None,
    chain: Annotated[
        str, typer.Option(help="The chain to run on: revm, anvil, or the http:// address of a node.")
    ] = "revm",
    gas: Annotated[GasMode | None, typer.Option(help="How revm accounts for gas; exact by default.")] = None,
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the results; runs/SCENARIO-SEED by default.")] = None,
    capsule: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the run to one file too, for `wavetank replay`.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Answer a question by many runs instead: bands, effectiveness or delay."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run a scenario and write what happened to a folder."""
    from simulator.chain.backends import check_chain

    check_chain(chain, gas)
    storm = _load(scenario, changes)
    root = storm.world.seed if seed is None else seed
    if study is not None:
        if chain != "revm":
            raise ConfigError(f"--chain {chain}: studies run on revm", where="--study", mend="leave --chain out")
        if capsule is not None:
            raise ConfigError("a study is many runs, a capsule one", where="--capsule", mend="leave out one of the two")
        return _study(study, scenario, storm, changes, root, gas and gas.value, out, as_json)
    from simulator.results import run_scenario

    recorded = _recording(capsule)
    try:
        with progress_bar(storm.title) as progress:
            result = run_scenario(
                storm,
                seed=root,
                chain=chain,
                gas=gas and gas.value,
                out=out or Path("runs") / f"{storm.name}-{root}",
                progress=progress,
                announce=print_note,
                **recorded,
            )
    except KeyboardInterrupt:  # before there was anything to keep; later the run ends as a partial one
        raise _interrupted() from None
    if as_json:
        print_json(result.manifest)
    else:
        _print_summary(storm.title, result)
    if result.fault is not None:
        print_note(f"error: {result.fault}")
    if result.exit_code:
        none = " and makes no capsule" if capsule is not None else ""
        print_note(f"the run is partial{none}: what there is of it is in {result.folder}")
    elif capsule is not None:
        from simulator.capsule.file import save

        save(recorded["recording"].capsule(result), capsule)
        print_note(f"capsule in {capsule}, {capsule.stat().st_size:,} bytes")
    return int(result.exit_code)


def _recording(capsule: Path | None) -> dict[str, Any]:
    """What `run_scenario` is given where a run is to become a capsule."""
    if capsule is None:
        return {}
    from simulator.capsule.make import Recording

    return {"recording": Recording()}


def _study(
    name: str,
    scenario: str,
    storm: Any,
    changes: list[str] | None,
    seed: int,
    gas: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    from simulator.scenario.overrides import parse_overrides
    from simulator.study.catalogue import find_study
    from simulator.study.conduct import conduct

    study = find_study(name)
    with progress_bar(f"{study.title}: {storm.title}") as progress:
        manifest, code, folder = conduct(
            study,
            scenario,
            storm,
            parse_overrides(changes or []),
            seed=seed,
            gas=gas,
            out=out or Path("runs") / f"{storm.name}-{seed}-{study.name}",
            progress=progress,
        )
    if as_json:
        print_json(manifest)
    else:
        print_lines([*_study_lines(study, manifest), "", f"results in {folder}"])
    if code:
        done = manifest["runs_done"] - manifest["runs_failed"]
        print_note(f"the study is partial: {done} of {manifest['runs_total']} runs count")
    return int(code)


def _study_lines(study: Any, manifest: dict[str, Any]) -> list[str]:
    names = list(study.figures)
    rows = [(r["series"], r["point"], r["seed"], *(r[name] for name in names)) for r in manifest["runs"]]
    shown = [
        tuple("" if cell is None else figure(cell) if isinstance(cell, float) else cell for cell in r) for r in rows
    ]
    return [study.question, "", *columns([("series", "point", "seed", *names), *shown])]


class Executor(StrEnum):
    """Where the runs of a sweep are made."""

    LOCAL = "local"
    DASK = "dask"
    RAY = "ray"


class Sampling(StrEnum):
    """How the points of a sweep are chosen."""

    GRID = "grid"
    SOBOL = "sobol"
    LHS = "lhs"
    SALTELLI = "saltelli"


@app.command()
def stress(
    scenario: ScenarioName,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY.PATH=LO..HI[:N][:log]", help="Vary a key over a range, or a list as in KEY=A,B,C."),
    ] = None,
    sampling: Annotated[
        Sampling | None, typer.Option(help="Cross all keys (grid, by default), or draw them together.")
    ] = None,
    points: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Points to draw, at most; saltelli wants 2^m (keys + 2).")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs of each point, at most.")] = None,
    require: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help='What must hold, as in "p99(bad_debt_ratio) <= 0.5%".')
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TEXT", help='When a point has runs enough: "p99(bad_debt_ratio) +- 0.1%".')
    ] = None,
    efficiency: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What is made as large as the rules allow: a metric, param(KEY), 1/param(KEY)."
        ),
    ] = None,
    search: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Further points, proposed by Optuna; none by default.")
    ] = None,
    importance: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Pilot runs after which jumps are drawn for rare losses, 300 say."),
    ] = None,
    seed: Seed = None,
    gas: Annotated[GasMode | None, typer.Option(help="How revm accounts for gas; exact by default.")] = None,
    changes: Changes = None,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Local workers; all cores by default.")] = None,
    executor: Annotated[Executor, typer.Option(help="Where the runs are made.")] = Executor.LOCAL,
    scheduler: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of the Dask or Ray cluster.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the results; runs/SCENARIO-SEED-stress by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the sweep that is in the folder.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run a scenario over ranges of its parameters and many seeds, and say which parameters are safe."""
    from simulator.stress.command import Flags, run_stress

    storm = _load(scenario, changes)
    root = storm.world.seed if seed is None else seed
    flags = Flags(vary, sampling and sampling.value, points, seeds, require, until, efficiency, search, importance)
    with sweep_progress(storm.title) as progress:
        sweep = run_stress(
            storm,
            flags,
            seed=root,
            gas=gas and gas.value,
            executor=executor.value,
            jobs=jobs,
            scheduler=scheduler,
            out=out or Path("runs") / f"{storm.name}-{root}-stress",
            resume=resume,
            progress=progress,
            tell=print_note,
        )
    if as_json:
        print_json(sweep.document)
    else:
        print_lines(sweep.lines())
    for note in sweep.notes():
        print_note(note)
    return sweep.exit_code


@app.command()
def audit(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The TOML file of the audit.")],
    out: Annotated[Path | None, typer.Option(help="The folder of the results; runs/CONFIG-audit by default.")] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the baseline instead of comparing with it.")
    ] = False,
    warn_only: Annotated[
        bool, typer.Option("--warn-only", help="Exit 0 whatever the rules say; never where runs are not whole.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(parser=_seed, metavar="N", help="The first seed; the configuration's by default.")
    ] = None,
    gas: Annotated[GasMode | None, typer.Option(help="How revm accounts for gas; exact by default.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Local workers; all cores by default.")] = None,
    executor: Annotated[Executor, typer.Option(help="Where the runs are made.")] = Executor.LOCAL,
    scheduler: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of the Dask or Ray cluster.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the audit that is in the folder.")] = False,
    as_json: AsJson = False,
) -> int:
    """Judge a protocol's risk by rules over many runs, and compare it with a baseline: a gate for CI."""
    from simulator.audit.command import run_audit
    from simulator.audit.words import lines

    with sweep_progress(config.name) as progress:
        found = run_audit(
            config,
            out=out,
            update_baseline=update_baseline,
            warn_only=warn_only,
            seed=seed,
            gas=gas and gas.value,
            executor=executor.value,
            jobs=jobs,
            scheduler=scheduler,
            resume=resume,
            progress=progress,
            announce=_announce,
        )
    print_json(found.document) if as_json else print_lines(lines(found.document, found.out))
    for note in found.notes:
        print_note(note)
    return found.exit_code


def _load(scenario: str, changes: list[str] | None) -> Any:
    """A scenario to run: a user's own code in it is announced and imported."""
    from simulator.scenario.load import load_scenario
    from simulator.scenario.overrides import parse_overrides
    from simulator.scenario.user_code import import_user_code

    return import_user_code(load_scenario(scenario, parse_overrides(changes or [])), _announce)


def _announce(code: Any) -> None:
    print_note(f"loading user code {code.name} (sha256 {code.sha256})")


def _print_summary(title: str, result: Any) -> None:
    lines = [title]
    for group in result.summary():
        lines += ["", *columns([(label, figure(value), unit or "") for label, value, unit in group])]
    print_lines([*lines, "", f"results in {result.folder}"])


@app.command()
def devnet(
    scenario: ScenarioName,
    seed: Seed = None,
    changes: Changes = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the node listens.")] = 8545,
    speed: Annotated[float, typer.Option(help="Seconds of the storm in one of the clock.")] = 1.0,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the results; runs/devnet-SCENARIO-SEED by default.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run a scenario at the pace of the clock on a local node that wallets, front ends and scripts can join."""
    if not 0 < speed <= 1e6:
        raise ConfigError(f"--speed = {speed:g}: must be > 0 and <= 1,000,000", where="--speed")
    storm = _load(scenario, changes)
    root = storm.world.seed if seed is None else seed
    from simulator.devnet import run_devnet

    place = out or Path("runs") / f"devnet-{storm.name}-{root}"
    file = place.with_name(f"{place.name}.deployment.json")
    try:
        result = run_devnet(
            storm,
            root,
            port=port,
            speed=speed,
            out=place,
            file=file,
            ready=lambda deployment: _print_deployment(deployment, file, storm, speed, as_json),
            tell=print_note,
        )
    except KeyboardInterrupt:
        raise _interrupted() from None
    if result.fault is not None:
        print_note(f"error: {result.fault}")
    print_note(f"{result.manifest['status']}: what there is of the run is in {result.folder}")
    return int(result.exit_code)


def _print_deployment(deployment: Any, file: Path, storm: Any, speed: float, as_json: bool) -> None:
    if as_json:
        print_json(deployment.as_dict() | {"file": str(file)})
    else:
        print_lines(deployment.lines(storm.title, storm.chain.block_seconds, speed, file))
    sys.stdout.flush()


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Scenario files, or names of shipped ones.")],
    as_json: AsJson = False,
) -> int:
    """Say everything that is wrong with scenarios, without running them."""
    from simulator.scenario.load import check_scenario

    found = {file: check_scenario(file) for file in files}
    errors = [error for listed in found.values() for error in listed]
    if as_json:
        entries = [
            {"file": file, "ok": not listed, "errors": [error.as_dict() for error in listed]}
            for file, listed in found.items()
        ]
        print_json({"files": entries} | ({"error": errors[0].as_dict()} if errors else {}))
    else:
        print_lines(f"ok {file}" for file, listed in found.items() if not listed)
        for error in errors:
            print_note(f"error: {error}")
    return ConfigError.exit_code if errors else 0


@app.command()
def validate(
    laws: Annotated[
        list[str] | None, typer.Argument(metavar="[LAW...]", help="Laws or families of laws; all by default.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("runs/validation.html"),
    as_json: AsJson = False,
) -> int:
    """Measure the laws that the simulator must obey, now, against their sources, and write the validation page."""
    from simulator.manifest import versions
    from simulator.validation.catalogue import chosen
    from simulator.validation.measure import exit_code, measure
    from simulator.validation.page import write_page

    wanted = chosen(laws or [])
    findings: list[Any] = []
    try:
        with progress_bar("laws") as progress:
            findings.extend(measure(wanted, progress))
    except KeyboardInterrupt:
        print_note(f"interrupted after {len(findings)} of {len(wanted)} laws")
        raise _interrupted() from None
    write_page(findings, out, versions())
    if as_json:
        print_json({"laws": [finding.as_dict() for finding in findings]})
        return exit_code(findings)
    rows = [(f.law.name, *(f.result or ("-", "-", "-")), f.verdict) for f in findings]
    print_lines(columns([("law", "expected", "measured", "tolerance", "verdict"), *_shown(rows)]))
    for finding in findings:
        if finding.note:
            print_note(f"{finding.law.name}: {finding.note}")
    print_note(f"page in {out}")
    return exit_code(findings)


def _shown(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    return [tuple(figure(cell) for cell in row) for row in rows]


@app.command()
def fit(
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="Columns time_utc and price, evenly spaced; may be .gz.")],
    process: Annotated[str, typer.Option(metavar="P", help="The price process to fit.")],
    asset: Annotated[str, typer.Option(help="The asset whose table is printed.")] = "ETH",
    column: Annotated[str, typer.Option(help="The column that holds the price.")] = "price",
    resample_minutes: Annotated[
        float, typer.Option(min=0, help="Keep one price in each span; 0: all, or what the process suits.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Fit a price process to a file of prices and print its table of a scenario."""
    from simulator.fit import fit_csv

    found, sample = fit_csv(csv, process, column, resample_minutes)
    print_json(found.as_dict(sample, asset)) if as_json else print_lines(found.lines(sample, asset))


@app.command()
def replay(
    capsule: Annotated[Path, typer.Argument(metavar="CAPSULE", help="A file of an audit, or of `run --capsule`.")],
    smaller: Annotated[
        bool, typer.Option("--shrink", help="Search for a smaller run that still breaks the capsule's rule.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of the smaller run; the capsule's by default.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run a capsule's transactions again, without market, agents or user code, and compare."""
    if out is not None and not smaller:
        raise ConfigError("a replay writes nothing", where="--out", mend="give it with --shrink")
    found = _shrunk(capsule, out) if smaller else _replayed(capsule)
    print_json(found.document) if as_json else print_lines(found.lines())
    return int(found.exit_code)


def _replayed(capsule: Path) -> Any:
    from simulator.capsule.command import run_replay

    with progress_bar(capsule.name) as progress:
        return run_replay(capsule, progress)


def _shrunk(capsule: Path, out: Path | None) -> Any:
    from simulator.capsule.file import load
    from simulator.capsule.shrink import shrink

    content = load(capsule)
    print_note(f"--shrink runs {content.title} again and again, and imports what code of a user's own it names")
    return shrink(content, capsule, out or capsule.parent, print_note, _announce)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A folder that `wavetank run` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Write the report of a finished run again."""
    if not (folder / "manifest.json").is_file():
        raise ConfigError("no manifest.json in it", where=str(folder), mend="name a folder that `wavetank run` wrote")
    from simulator.report import write_report

    path = write_report(folder)
    print_json({"report": str(path)}) if as_json else print_lines([str(path)])


@listing.command("scenarios")
def list_scenarios(as_json: AsJson = False) -> None:
    """The storms that ship with Wavetank."""
    from simulator.scenario.files import merge_chain, read_chain, shipped

    found = []
    for name, path in shipped().items():
        data = merge_chain(read_chain(path))
        found.append({"name": name, "title": data.get("title", name), "story": data.get("story", "").strip()})
    if as_json:
        print_json({"scenarios": found})
        return
    for item in found:
        story = (f"    {line.strip()}" for line in item["story"].splitlines())
        print_lines([f"{item['name']}: {item['title']}", *story])


@listing.command("metrics")
def list_metrics(as_json: AsJson = False) -> None:
    """The numbers a run is summed up in."""
    from simulator.metrics import METRICS

    rows = [
        {"name": item.name, "unit": item.unit, "worse": item.worse, "description": item.description}
        for item in METRICS.values()
    ]
    _print_rows("metrics", rows, as_json)


@listing.command("agents")
def list_agents(as_json: AsJson = False) -> None:
    """The behaviours that `agent = "..."` names."""
    from simulator.registry import AGENTS

    _print_registry("agents", AGENTS, as_json)


@listing.command("processes")
def list_processes(as_json: AsJson = False) -> None:
    """The price processes that `process = "..."` names."""
    from simulator.registry import PROCESSES

    _print_registry("processes", PROCESSES, as_json)


@listing.command("parameters")
def list_parameters(
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="A scenario; without one, all keys.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every key that `--set` reaches, with its value, unit, bounds and meaning."""
    from simulator.scenario.parameters import known_parameters, scenario_parameters

    if scenario is None:
        found = known_parameters()
    else:
        from simulator.scenario.load import load_scenario

        found = scenario_parameters(load_scenario(scenario))
    _print_rows("parameters", [item.as_dict() for item in found], as_json)


def _print_registry(title: str, registry: Any, as_json: bool) -> None:
    rows = [
        {"name": name, "description": registry.description(name), "place": registry.place(name)}
        for name in registry.names()
    ]
    _print_rows(title, rows, as_json)


def _print_rows(title: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({title: rows})
    elif rows:
        print_lines(columns([tuple(rows[0]), *(tuple(row.values()) for row in rows)]))


@starting.command("scenario")
def new_scenario(name: NewName, as_json: AsJson = False) -> None:
    """A scenario that extends a shipped one."""
    _print_written("scenario", name, as_json)


@starting.command("audit")
def new_audit(name: NewName, as_json: AsJson = False) -> None:
    """An audit by the default rules, for the shipped storms."""
    _print_written("audit", name, as_json)


@starting.command("plugin")
def new_plugin(name: NewName, as_json: AsJson = False) -> None:
    """A protocol plug-in for contracts of your own."""
    _print_written("plugin", name, as_json)


@starting.command("agent")
def new_agent(name: NewName, as_json: AsJson = False) -> None:
    """An agent of your own."""
    _print_written("agent", name, as_json)


def _print_written(kind: str, name: str, as_json: bool) -> None:
    from simulator.starters import write_starter

    written = [str(path) for path in write_starter(kind, name, Path())]
    print_json({"written": written}) if as_json else print_lines(written)


if __name__ == "__main__":
    sys.exit(main())
