"""Batches in halves where the memory is too small: the same results, nothing tried twice, and what is not caught."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.evaluation.fitting import Fitting, is_out_of_memory
from tests import toys


class Narrow(toys.Toy):
    """Has memory for a few images at once; it knows how many it was asked for each time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.asked = room, list[int]()

    def forward(self, x: Tensor, **others: Tensor) -> Mapping[str, Tensor]:
        self.asked.append(len(x))
        if len(x) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        found: Mapping[str, Tensor] = super().forward(x, **others)
        return found


def test_the_results_are_those_of_whole_batches() -> None:
    batches = [toys.batch(5), toys.batch(3)]
    found = []
    for room in (5, 2):
        model = Narrow(room)
        attack = mta.APGD(model, toys.tasks(), steps=2)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            measured = mta.evaluation.measure(model, toys.tasks(), batches, attack=attack, per_sample=True)
        found.append(measured)
        assert measured.samples == 8
        assert [str(one.message) for one in said] == (
            [] if room == 5 else ["out of memory with 5 images at once: going on with 2"]
        )
        assert room == 5 or model.asked.count(5) == 1  # what was too much is not tried again
    whole, halves = found
    assert halves.sample_losses is not None and whole.sample_losses is not None
    for task, losses in whole.sample_losses.items():
        assert halves.sample_losses[task] == pytest.approx(losses, rel=1e-5)
        assert halves.metrics[task]["error"] == pytest.approx(whole.metrics[task]["error"], rel=1e-5)


@pytest.mark.filterwarnings("ignore:out of memory")
def test_a_single_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        mta.evaluation.measure(Narrow(0), toys.tasks(), [toys.batch(4)])


def test_other_errors_pass_through_at_once() -> None:
    calls = []

    def work(images: Tensor, targets: Mapping[str, Tensor]) -> None:
        calls.append(len(images))
        raise RuntimeError("the size of tensor a must match")

    with pytest.raises(RuntimeError, match="must match"):
        list(Fitting()(torch.zeros(4, 1), {}, work))
    assert calls == [4]
    assert not is_out_of_memory(RuntimeError("shapes"))


@pytest.mark.filterwarnings("ignore:out of memory")
def test_the_mode_of_the_model_comes_back() -> None:
    model = Narrow(1)
    model.train()
    mta.evaluation.measure(model, toys.tasks(), [toys.batch(4)])
    assert model.training


def test_a_batch_that_fits_is_handed_on_as_it_is() -> None:
    """Neither cut nor copied: what comes along need not have a dimension of samples."""
    images, targets = torch.zeros(3, 2), {"temperature": torch.tensor(2.0)}
    [((same, others), found)] = Fitting()(images, targets, lambda x, more: float(more["temperature"]))
    assert same is images and others["temperature"] is targets["temperature"]
    assert found == 2.0
