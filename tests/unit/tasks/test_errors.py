from __future__ import annotations

import math

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.tasks import error_tasks, standard_metrics, standard_tasks
from tests import toys

NAMES = ("segmentation", "normal", "depth")


def test_expected_error_by_hand() -> None:
    scores = torch.tensor([[0.0, 2.0], [math.log(3.0), -1.0]]).reshape(1, 2, 2, 1)  # pixel 0: 0 and log 3
    target = torch.tensor([[[1], [255]]])
    loss = mta.losses.ExpectedError(ignore_index=255)(scores, target)
    torch.testing.assert_close(loss, torch.tensor([0.25]))  # 1 - 3 / (1 + 3)


def test_expected_error_gains_nothing_from_a_wrong_pixel() -> None:
    scores = torch.tensor([[0.0, 20.0], [0.0, 0.1]], requires_grad=True)
    labels = torch.tensor([0, 0])
    (error,) = torch.autograd.grad(mta.losses.ExpectedError()(scores, labels).sum(), scores)
    (entropy,) = torch.autograd.grad(mta.losses.CrossEntropy()(scores, labels).sum(), scores)
    assert error[0].abs().max() < 1e-6 < error[1].abs().min()
    assert entropy[0].abs().min() > 0.99


def test_angle_is_the_metrics_mean_angle() -> None:
    _, targets = toys.batch(4)
    output = torch.randn(4, 3, *targets["normal"].shape[2:], generator=torch.Generator().manual_seed(0))
    metric = standard_metrics(["normal"])["normal"]
    for i in range(4):
        metric.reset()
        metric.update(output[i : i + 1], targets["normal"][i : i + 1])
        found = mta.losses.Angle(valid=mta.losses.nonzero)(output[i : i + 1], targets["normal"][i : i + 1])
        assert float(found) == pytest.approx(float(metric.compute()["mean"]), rel=1e-4)


def test_relative_error_is_the_metrics() -> None:
    _, targets = toys.batch(1)
    output = torch.rand(1, 1, *targets["depth"].shape[2:], generator=torch.Generator().manual_seed(0)) * 3
    metric = standard_metrics(["depth"])["depth"]
    metric.update(output, targets["depth"])
    found = mta.losses.RelativeError(valid=mta.losses.positive)(output, targets["depth"])
    assert float(found) == pytest.approx(float(metric.compute()["rel"]), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "output", "target"),
    [
        (
            mta.losses.Angle(valid=mta.losses.nonzero),
            torch.zeros(1, 3, 1, 2),
            torch.eye(3)[None, :, :1, None].repeat(1, 1, 1, 2),
        ),
        (mta.losses.Angle(valid=mta.losses.nonzero), torch.ones(1, 3, 1, 1), torch.ones(1, 3, 1, 1)),
        (mta.losses.Angle(valid=mta.losses.nonzero), torch.ones(1, 3, 1, 1), -torch.ones(1, 3, 1, 1)),
        (mta.losses.Angle(valid=mta.losses.nonzero), torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)),
        (mta.losses.RelativeError(valid=mta.losses.positive), torch.ones(1, 1, 1, 2), torch.tensor([[[[0.0, 1.0]]]])),
        (mta.losses.ExpectedError(), torch.tensor([[1e4, -1e4]]), torch.tensor([1])),
    ],
)
def test_gradients_are_finite_at_the_edges(loss, output, target) -> None:
    output = output.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(output, target).sum(), output)
    assert bool(torch.isfinite(gradient).all())


def test_an_own_prediction_has_an_angle_of_zero() -> None:
    output = torch.nn.functional.normalize(torch.randn(2, 3, 4, 4), dim=1)
    assert mta.losses.Angle()(output, output).tolist() == [0.0, 0.0]


def test_a_target_that_is_not_positive_is_refused() -> None:
    loss = mta.losses.RelativeError()
    with pytest.raises(ValueError, match="target: expected values > 0, or .*, found values down to 0"):
        loss.check_values(torch.ones(1, 2), torch.tensor([[0.0, 1.0]]))


def test_error_tasks_keep_names_order_and_other_losses() -> None:
    names = ("depth", "keypoints2d", "segmentation", "normal")
    tasks = error_tasks(names, resize="bilinear")
    assert tuple(tasks) == names
    assert type(tasks["keypoints2d"].loss) is type(standard_tasks(["keypoints2d"])["keypoints2d"].loss)
    assert {task.loss.resize for task in tasks.values()} == {"bilinear"}
    with pytest.raises(ValueError, match="names: expected one of"):
        error_tasks(["speed"])


def test_climbing_errors_does_more_harm_at_the_same_cost() -> None:
    rooms = mta.data.Rooms(8, seed=7)
    batches = [rooms.render(range(8))]
    model, tasks = mta.models.zoo("rooms3/all-shared"), standard_tasks(NAMES)
    attacks = {
        name: mta.APGD(model, climbed, balance="dgba", eps=8 / 255, steps=5)
        for name, climbed in (("losses", tasks), ("errors", error_tasks(NAMES)))
    }
    metrics = standard_metrics(NAMES, 13)
    found = mta.evaluate(model, tasks, batches, attacks, metrics, progress=False).relative
    assert found["errors"].total > 1.05 * found["losses"].total


def test_expected_error_of_one_label_a_sample() -> None:
    """Classification, ``(N, K)``: one minus the probability, its gradient, and its logarithm for the confident."""
    scores = torch.tensor([[0.0, math.log(4.0)], [150.0, 0.0], [0.0, 150.0]], requires_grad=True)
    labels = torch.tensor([1, 0, 0])
    loss = mta.losses.ExpectedError()
    torch.testing.assert_close(loss(scores, labels), torch.tensor([0.2, 0.0, 1.0]))
    torch.testing.assert_close(loss.log(scores, labels), torch.tensor([math.log(0.2), -150.0, 0.0]))
    (slope,) = torch.autograd.grad(loss.log(scores, labels).sum(), scores)
    torch.testing.assert_close(slope, torch.tensor([[0.8, -0.8], [-1.0, 1.0], [0.0, 0.0]]))


def test_expected_error_of_probabilities_and_of_classes_that_come_last() -> None:
    scores = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[0, 1, 2, 2, 255], [255] * 5])
    error = 1 - scores[0].softmax(1)[range(4), [0, 1, 2, 2]].mean()
    for probabilities, output in ((False, scores), (True, scores.softmax(2))):
        loss = mta.losses.ExpectedError(ignore_index=255, probabilities=probabilities, class_dim=-1)
        torch.testing.assert_close(loss(output, labels), torch.stack([error, torch.tensor(0.0)]))
        torch.testing.assert_close(loss.log(output, labels), torch.stack([error.log(), torch.tensor(-math.inf)]))
