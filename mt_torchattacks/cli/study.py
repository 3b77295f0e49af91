"""A study as a command: what it measures is printed, and written with a record of the run."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, make_dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mt_torchattacks as mta
from mt_torchattacks.cli.command import Command
from mt_torchattacks.cli.printing import PrintOptions, show
from mt_torchattacks.cli.record import run_record
from mt_torchattacks.cli.sources import Sources
from mt_torchattacks.studies import Study, Table, all_studies

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import Store


@dataclass
class SharedOptions(PrintOptions):
    """The options that all studies share.

    Args:
        output: folder for tables, figures and results; a run that was interrupted goes on there; results/ and the name
            of the study, or of the recipe, by default
        device: where models run: auto (a GPU if there is one), cpu, cuda, cuda:1
        executor: what computes the cells: local:4 (processes here), dask:tcp://host:8786, slurm:8,partition=gpu; this
            process by default
    """

    output: Path | None = None
    device: str = "auto"
    executor: str | None = None


def command_of(study: type[Study[Any, Any]]) -> Command:
    """The command of a study: its own options, and those that all studies share."""
    options = make_dataclass(f"{study.__name__}Command", [], bases=(SharedOptions, study.Options))
    options.__doc__ = ""  # the help is that of the bases
    return Command(study.name, study.help, study.example, options, partial(run_study, study))


def run_study(
    study: type[Study[Any, Any]], options: Any, more: Callable[[Sequence[Table]], list[Table]] = lambda tables: []
) -> None:
    """Run a study and write what it finds into its folder.

    Args:
        study: the study.
        options: of its command.
        more: further tables that are made from the study's.
    """
    from mt_torchattacks.evaluation.processes import joined

    check_processes(study, options)
    with joined() as process:
        _run(study, options, more, process)


def _run(
    study: type[Study[Any, Any]], options: Any, more: Callable[[Sequence[Table]], list[Table]], process: int
) -> None:
    """As :func:`run_study`, in the process of this number; the first one writes and prints."""
    started, clock = time.time(), time.perf_counter()
    output = options.output or Path("results", study.name)
    seed = getattr(options, "seed", 0)
    mta.checks.require(abs(seed) < 2**63, "--seed", "a number below 2**63", seed)
    sources, made, run = Sources(options), study(), None
    if options.executor is not None:
        run = uuid.uuid4().hex
        compute_elsewhere(study, options, output, run)
    own = own_options(study, options)
    store = open_store(output, run)
    result = made.run(store, sources.models, sources.data, own, progress=not options.quiet and process == 0)
    if process > 0:
        return
    tables, notes = made.tables(result), made.notes(result)
    save_tables(tables, output)  # what was measured is there, whatever is made of it
    added = more(tables)
    save_tables(added, output)
    tables += added
    for name, text in made.files(result).items():
        mta.files.write_whole(output / name, text)
    for name, figure in made.figures(result).items():
        mta.report.save_figure(figure, output / f"{name}.png")
    record = run_record(study.name, asdict(own), sources, started, time.perf_counter() - clock)
    mta.files.write_whole(output / "run.json", json.dumps(record, indent=2) + "\n")
    show(options, [as_text(tables, notes, output)], lambda: as_values(tables))


def check_processes(study: type[Study[Any, Any]], options: Any) -> None:
    """Check that a study which ``torchrun`` has started in several processes can share its cells among them.

    Raises:
        ValueError: it cannot, or there is an executor as well.
    """
    from mt_torchattacks.evaluation.processes import launched

    found = f"{launched()} processes of torchrun"
    alone = f"one process for {study.name} (--executor spreads its cells)"
    mta.checks.require(launched() == 1 or study.together, "torchrun", alone, found)
    mta.checks.require(launched() == 1 or options.executor is None, "executor", "none under torchrun", options.executor)


def save_tables(tables: Sequence[Table], output: Path) -> None:
    """Write tables, as CSV and as Markdown."""
    for table in tables:
        mta.report.save_table(table.frame, output / table.name, table.digits if not table.shown else 2)


def compute_elsewhere(study: type[Study[Any, Any]], options: Any, output: Path, run: str) -> None:
    """Let an executor's workers compute the cells: each goes through the whole study and takes what nobody has taken.

    What fails there is shown, and raised when the study is put together here.
    """
    from mt_torchattacks.evaluation import executors

    values = {field.name: getattr(options, field.name) for field in fields(options)}
    with executors.open_executor(options.executor, output) as (executor, workers):
        for reason in executors.run_everywhere(executor, workers, work, study.name, values, str(output), run):
            if not reason.startswith("CellError: "):  # which another worker has said
                print(f"a worker stopped: {reason}", file=sys.stderr, flush=True)


def work(name: str, values: dict[str, Any], output: str, run: str) -> None:
    """What a worker does: the study's cells, not its tables."""
    study = all_studies()[name]
    options = command_of(study).options(**values)
    sources, store = Sources(options), open_store(Path(output), run)
    study().run(store, sources.models, sources.data, own_options(study, options), progress=not options.quiet)


def own_options(study: type[Study[Any, Any]], options: Any) -> Any:
    """A study's own options of those of its command."""
    return study.Options(**{name: getattr(options, name) for name in study.Options.__dataclass_fields__})


def open_store(output: Path, run: str | None = None) -> Store:
    """The cells in a folder, which is made when the first one is written.

    Args:
        output: the study's folder.
        run: see :class:`~mt_torchattacks.evaluation.Store`.

    Raises:
        ValueError: there is a file in the way.
    """
    mta.checks.require("\0" not in str(output), "output", "the name of a folder", repr(str(output)))
    mta.files.remove_stale(output)
    there = next(path for path in (output, *output.parents) if path.exists())
    mta.checks.require(there.is_dir(), "output", "a folder", f"the file {there}")
    return mta.evaluation.Store(output / "cells", run)


def as_text(tables: Sequence[Table], notes: Sequence[str], output: Path) -> str:
    """The tables that people see, as Markdown."""
    parts = [f"{table.title}\n\n{mta.report.to_markdown(table.frame, table.digits)}" for table in tables if table.shown]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else []), f"written to {output}"])


def as_values(tables: Sequence[Table]) -> dict[str, Any]:
    """All tables as JSON can hold them: their rows by the table's name; numbers that are not there are None."""
    return {table.name: json.loads(table.frame.to_json(orient="records")) for table in tables}
