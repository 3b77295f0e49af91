"""Where the cells of a study are computed: in processes here, on a cluster through its own executor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from mt_torchattacks import checks

FORMS = "local:N, dask:ADDRESS, slurm:N,partition=NAME,time=MINUTES or submitit:N"


@contextmanager
def open_executor(name: str, folder: Path) -> Iterator[tuple[Any, int]]:
    """What runs functions elsewhere, with a method ``submit``, and the number of workers.

    Args:
        name: ``local:4`` for four processes on this machine, which share its cores; ``dask:tcp://host:8786`` for a Dask
            cluster; ``slurm:8,partition=gpu,time=120`` for eight SLURM jobs through submitit, whose parameters these
            are; ``submitit:2`` for submitit's processes on this machine.
        folder: for the logs of submitit's jobs.

    Raises:
        ImportError: Dask or submitit is needed and not installed.
        ValueError: none of these forms.
    """
    kind, _, rest = name.partition(":")
    checks.require(kind in _OPENERS and rest != "", "executor", FORMS, repr(name))
    with _OPENERS[kind](rest, folder) as opened:
        yield opened


def run_everywhere(executor: Any, workers: int, work: Callable[..., object], *arguments: object) -> list[str]:
    """Run a function on all workers at once, and wait; why those failed that did, one line each."""
    jobs = [executor.submit(work, *arguments) for _ in range(workers)]
    reasons = []
    for job in jobs:
        try:
            job.result()
        except Exception as error:
            text = f"{type(error).__name__}: {error}".strip()
            reasons.append(text.splitlines()[0])
    return reasons


@contextmanager
def _local(rest: str, folder: Path) -> Iterator[tuple[Executor, int]]:
    workers = _count(rest)
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (threads,)) as pool:
        yield pool, workers


@contextmanager
def _dask(rest: str, folder: Path) -> Iterator[tuple[Executor, int]]:
    client = checks.optional("distributed", extra="cluster").Client(rest)
    try:
        yield client.get_executor(pure=False), len(client.scheduler_info(n_workers=-1)["workers"])
    finally:
        client.close()


@contextmanager
def _submitit(rest: str, folder: Path, cluster: str = "local") -> Iterator[tuple[Any, int]]:
    count, _, more = rest.partition(",")
    executor = checks.optional("submitit", extra="cluster").AutoExecutor(folder / "jobs", cluster=cluster)
    parameters = dict(pair.split("=", 1) for pair in more.split(",") if "=" in pair)
    found = {("timeout_min" if key == "time" else key): _number(value) for key, value in parameters.items()}
    slurm = {key if key in ("timeout_min", "mem_gb", "name") else f"slurm_{key}": v for key, v in found.items()}
    executor.update_parameters(**{"timeout_min": 24 * 60, **slurm})
    yield executor, _count(count)


@contextmanager
def _slurm(rest: str, folder: Path) -> Iterator[tuple[Any, int]]:
    with _submitit(rest, folder, "slurm") as opened:
        yield opened


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _count(text: str) -> int:
    checks.require(text.isdecimal() and int(text) > 0, "executor", f"a number of workers >= 1, as in {FORMS}", text)
    return int(text)


_OPENERS: dict[str, Callable[[str, Path], Any]] = {
    "local": _local,
    "dask": _dask,
    "slurm": _slurm,
    "submitit": _submitit,
}
