"""What holds for every test: few threads, known seeds, and random numbers and kinds of task left as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from tests.study_runs import Run, Runs

from mt_torchattacks.tasks.kinds.base import SERVED
from mt_torchattacks.tasks.kinds.registry import known_names

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Seed the global generators before each test and put their states back after it."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)  # noqa: NPY002


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    """Forget the kinds of task that a test, or an example of the docs, defines."""
    before = set(known_names())
    yield
    for name in set(SERVED) - before:
        del SERVED[name]


@pytest.fixture(scope="session")
def study_run(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Runs a study on toy models and data by its name; each one once, for all tests."""
    from tests.study_runs import run_study

    @cache
    def run(name: str) -> Run:
        return run_study(name, tmp_path_factory.mktemp(name) / "new" / "out")

    return run
