"""Tasks of any name with a kind, and what is particular to the kinds of whole images."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.data.augment import JointAugmentation, crop, mirror, resize
from mt_torchattacks.evaluation import evaluate
from mt_torchattacks.report.paper import PaperRow
from mt_torchattacks.report.pictures import pictures
from mt_torchattacks.tasks import error_tasks, kinds, standard_metrics, standard_tasks
from mt_torchattacks.tasks.kinds.boxes import Misplacement
from mt_torchattacks.tasks.kinds.drawing import class_colour

DIGITS = {"left": "classification", "right": "classification"}


class Digits(torch.nn.Module):
    """Scores of 4 and of 3 classes."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.left, self.right = torch.nn.Linear(12, 4), torch.nn.Linear(12, 3)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"left": self.left(images.flatten(1)), "right": self.right(images.flatten(1))}


def digits(count: int = 9) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    labels = {"left": torch.arange(count) % 4, "right": torch.arange(count) % 3}
    return torch.rand(count, 3, 2, 2, generator=generator), labels


def test_tasks_of_any_name_from_training_loss_to_the_table() -> None:
    model, (images, targets) = Digits(), digits()
    tasks, errors = standard_tasks(DIGITS), error_tasks(DIGITS)
    metrics = standard_metrics(DIGITS, {"left": 4, "right": 3})
    attack = mta.PGD(model, errors, balance="total", eps=64 / 255, alpha=16 / 255, steps=5, random_start=False)
    found = evaluate(model, tasks, [(images, targets)], {"pgd": attack}, metrics, progress=False)
    for name, output in model(images).items():
        logits = output.detach().double()
        true = logits.softmax(1)[range(9), targets[name]]
        accuracy = float((logits.argmax(1) == targets[name]).double().mean())
        assert found.clean.losses[name] == pytest.approx(float(-true.log().mean()), rel=1e-5)
        assert found.clean.metrics[name] == {"accuracy": pytest.approx(accuracy)}
        torch.testing.assert_close(errors.losses(model(images), targets)[name].detach(), (1 - true).float())
    before, after = (
        torch.stack([*errors.losses(model(x), targets).values()]) for x in (images, attack(images, targets))
    )
    assert (after.sum(dim=0) > before.sum(dim=0)).all()
    row = PaperRow(found, "pgd")
    assert list(row.attacked) == ["left_accuracy_up", "ARP_t1", "right_accuracy_up", "ARP_t2", "ARP"]
    assert row.clean["left_accuracy_up"] == pytest.approx(100 * found.clean.metrics["left"]["accuracy"])


def test_each_class_on_request() -> None:
    metrics = standard_metrics(DIGITS, {"left": 4, "right": 3}, per_class=True)
    images, targets = digits()
    found = evaluate(Digits(), standard_tasks(DIGITS), [(images, targets)], metrics=metrics, progress=False)
    assert list(found.clean.metrics["right"]) == ["accuracy", "class_0", "class_1", "class_2"]
    assert list(PaperRow(found).clean)[-1] == "right_class_2_up"


def test_weights_and_classes_are_for_all_tasks_or_for_each() -> None:
    given = {"left": torch.ones(4)}
    tasks = standard_tasks({**DIGITS, "far": "depth"}, class_weights=given)
    assert ["weight" in repr(task.loss) for task in tasks.values()] == [True, False, False]
    both = standard_metrics(DIGITS, 5)
    assert [metric.total.shape for metric in both.values()] == [(2, 5), (2, 5)]
    with pytest.raises(TypeError, match="num_classes: expected the number of classes of the task 'right', found none"):
        standard_metrics(DIGITS, {"left": 4})


def test_tasks_remember_their_kinds() -> None:
    tasks = standard_tasks({"left": "classification", "far": kinds.Depth()})
    for copy in (tasks, tasks.with_roles(far="preserve"), tasks.only(["left"]), pickle.loads(pickle.dumps(tasks))):
        assert repr(error_tasks(copy)) == repr(error_tasks({"left": "classification", "far": "depth"}))
        assert [type(m).__name__ for m in standard_metrics(copy, 4).values()] == [
            "ClassificationMetrics",
            "DepthMetrics",
        ]
    assert standard_tasks(["depth"])["depth"].kind is None
    own = mta.Tasks(left=mta.Task(mta.losses.CrossEntropy(), kind="classification"), depth=mta.losses.MSE())
    assert [repr(task.loss).split("(")[0] for task in error_tasks(own).values()] == ["ExpectedError", "RelativeError"]


def test_what_is_no_kind() -> None:
    with pytest.raises(ValueError, match="names: expected one of 'autoencoder', .*, found 'digits'"):
        standard_tasks({"left": "digits"})
    with pytest.raises(TypeError, match=r"names: expected names or kinds, as mta.kinds.Depth\(\), found L1"):
        standard_tasks({"left": mta.losses.L1()})  # type: ignore[dict-item]
    with pytest.raises(AttributeError, match="no attribute 'Digits'"):
        kinds.Digits  # noqa: B018
    assert mta.kinds.Classification is type(kinds.get("classification"))


def test_a_vector_without_a_kind_is_not_taken_for_a_map() -> None:
    """Reversing labels or corners as if they were pixels would be wrong in silence."""
    with pytest.raises(ValueError, match=r"target: expected a map \(..., H, W\); other targets need a kind"):
        mirror(torch.rand(3, 4, 4), {"attributes": torch.ones(5)})


def test_values_of_an_image_stay_in_an_augmentation() -> None:
    targets = {"classification": torch.tensor(3), "multilabel": torch.tensor([1.0, 0.0, 1.0])}
    augment = JointAugmentation((5, 3), generator=torch.Generator().manual_seed(0))
    for _ in range(4):
        _, found = augment(torch.rand(3, 4, 6), targets)
        assert all(torch.equal(found[name], target) for name, target in targets.items())


def painted(box: Tensor, height: int = 10, width: int = 14) -> Tensor:
    """An image that is white in a box."""
    image = torch.zeros(3, height, width)
    left, top, right, bottom = (int(edge) for edge in box)
    image[:, top:bottom, left:right] = 1
    return image


def extent(image: Tensor) -> list[float]:
    rows, columns = image[0].any(dim=1).nonzero(), image[0].any(dim=0).nonzero()
    if not len(rows):
        return [0, 0, 0, 0]
    return [float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1]


@pytest.mark.parametrize("size", [(10, 14), (6, 5), (4, 20), (16, 18)])
@pytest.mark.parametrize("place", [(0.0, 0.0), (0.5, 0.3), (0.99, 0.99)])
def test_boxes_stay_where_the_image_is_white(size: tuple[int, int], place: tuple[float, float]) -> None:
    box = torch.tensor([3.0, 2.0, 8.0, 9.0])
    image = painted(box)
    cropped, found = crop(image, {"boxes": box}, size, place)
    assert found["boxes"].tolist() == extent(cropped)
    mirrored, found = mirror(image, {"boxes": box})
    assert found["boxes"].tolist() == extent(mirrored) == [6, 2, 11, 9]
    larger, found = resize(image, {"boxes": box}, (20, 42))
    assert found["boxes"].tolist() == extent(larger > 0.5) == [9, 4, 24, 18]


def test_boxes_that_are_not_there_stay_so() -> None:
    several = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 2.0, 3.0]])
    assert mirror(torch.rand(3, 4, 6), {"boxes": several})[1]["boxes"].tolist() == [[0, 0, 0, 0], [4, 1, 5, 3]]
    gone = crop(torch.rand(3, 4, 6), {"boxes": several}, (1, 1), (0.0, 0.0))[1]["boxes"]
    assert not gone.any()


def test_misplacement_is_one_minus_the_metric_and_passes_over_what_is_not_there() -> None:
    output = torch.tensor([[[0.0, 0, 2, 2], [5, 5, 9, 9]], [[1, 1, 2, 2], [0, 0, 3, 4]]]).requires_grad_()
    target = torch.tensor([[[0.0, 0, 2, 4], [0, 0, 0, 0]], [[1, 1, 2, 2], [math.nan] * 4]])
    loss = error_tasks(["boxes"]).losses({"boxes": output}, {"boxes": target})["boxes"]
    assert loss.tolist() == [0.5, 0.0]
    metrics = standard_metrics(["boxes"])["boxes"]
    metrics.update(output, target)
    assert float(metrics.compute()["iou"]) == pytest.approx(1 - float(loss.detach().mean()))
    (gradient,) = torch.autograd.grad(loss.sum(), output)
    assert bool(gradient.isfinite().all()) and not gradient[0, 1].any() and bool(gradient[0, 0].any())
    pair = (
        torch.rand(3, 4, dtype=torch.float64) + torch.tensor([0.0, 0, 1, 1]),
        torch.tensor([[0.2, 0.1, 1.5, 1.4]] * 3),
    )
    assert torch.autograd.gradcheck(lambda x: Misplacement()(x, pair[1].double()), pair[0].requires_grad_())


def test_wrong_labels_are_the_expected_ones() -> None:
    scores, target = torch.randn(4, 3), torch.randint(2, (4, 3)).float()
    target[0, 1] = math.nan
    found = error_tasks(["multilabel"]).losses({"multilabel": scores}, {"multilabel": target})["multilabel"]
    wrong = (scores.sigmoid() - target).abs()
    assert found.tolist() == pytest.approx([float(row[~row.isnan()].mean()) for row in wrong], rel=1e-5)


def test_the_mean_of_labels_is_how_often_they_are_there() -> None:
    kind = kinds.get("multilabel")
    sums = kind.summed(torch.tensor([[1.0, 0.0, math.nan], [1.0, 1.0, math.nan], [1.0, 0.0, math.nan]]), 3)
    assert kind.constant(sums, 3).sigmoid().tolist() == pytest.approx([3.5 / 4, 1.5 / 4, 0.5])
    boxes = kinds.get("boxes").summed(torch.tensor([[0.0, 0, 2, 2], [0, 0, 0, 0], [2, 4, 4, 8]]), 0)
    assert kinds.get("boxes").constant(boxes, 0).tolist() == [1, 2, 3, 5]


def test_doubts_about_labels_and_boxes() -> None:
    labels, boxes = kinds.get("multilabel"), kinds.get("boxes")
    assert labels.doubts(torch.tensor([[1.0, -1.0]])) and labels.doubts(torch.tensor([[0.0, math.nan]]))
    assert (
        labels.described(torch.tensor([[1.0, 0.0], [0.0, 0.0]])) == "2 labels, 100% of them known, 25% of these there"
    )
    (doubt,) = boxes.doubts(torch.tensor([[5.0], [2.0], [3.0], [9.0]]))
    assert "left, top, right, bottom?" in doubt
    assert "pixels are expected" in boxes.doubts(torch.tensor([[0.1], [0.1], [0.5], [0.9]]))[0]
    assert boxes.doubts(torch.zeros(4, 2)) == ["there is no box"]
    shown = boxes.described(torch.tensor([[1.0, 0.0], [1.0, 0.0], [4.0, 0.0], [6.0, 0.0]]))
    assert shown == "50% of the boxes are there, of a median 3 x 5 px"
    assert kinds.get("classification").doubts(torch.tensor([[-100]])) == ["no image has a class"]


def test_pictures_of_whole_images() -> None:
    (label, scores) = pictures("classification", [torch.tensor(2), torch.tensor([0.0, 5.0, 1.0])])
    for picture, index in ((label, 2), (scores, 1)):
        wanted = [int(class_colour(index)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert picture.values.shape == (1, 1, 3) and picture.values.flatten().tolist() == pytest.approx(wanted)
    truth, found = pictures("multilabel", [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 100.0])])
    assert truth.values.tolist() == [[1, 0]] and found.values.tolist() == [[0.5, 1]] and found.high == 1
    box = pictures("boxes", [torch.tensor([1.0, 1.0, 4.0, 3.0])], (5, 6))[0].values
    edge = box.any(dim=2)
    assert edge.int().tolist() == [[0] * 6, [0, 1, 1, 1, 1, 0], [0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 0], [0] * 6]
    assert not pictures("boxes", [torch.zeros(4)], (5, 6))[0].values.any()


def test_kinds_need_no_package_that_draws() -> None:
    script = (
        "import sys; from mt_torchattacks.tasks import kinds\n"
        "drawn = [kinds.get(n).drawn(kinds.get(n).example(1, (4, 4), 3)[0], [], (4, 4)) for n in kinds.known_names()]\n"
        "assert len(drawn) == 14 and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
