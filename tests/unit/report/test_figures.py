"""What figures show, where they show it, and that they leave matplotlib's global state alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.figures import rule_colours
from mt_torchattacks.report import arp_figure, arp_table, prediction_figure, save_figure
from mt_torchattacks.report.pictures import pictures
from mt_torchattacks.tasks.kinds.drawing import class_colour


@pytest.fixture(autouse=True)
def _global_state() -> Iterator[None]:
    before = dict.copy(mpl.rcParams)
    yield
    assert dict.copy(mpl.rcParams) == before


def legend_is_clear_of_the_panels(figure: Figure) -> bool:
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    return not any(legend.overlaps(axes.get_tightbbox()) for axes in figure.axes)


def test_bars_have_the_heights_of_the_table(evaluation: Evaluation) -> None:
    table = arp_table(evaluation)
    figure = arp_figure(table)
    panels = {
        (axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start): axes for axes in figure.axes
    }
    assert len(panels) == 3 * 2  # total, segmentation and depth at two sizes
    for row, measure in enumerate(("total", "segmentation", "depth")):
        for column, eps in enumerate(("4", "8")):
            heights = [patch.get_height() for patch in panels[row, column].patches]
            at_size = table[table.eps == eps]
            by_rule = [
                value for rule in ("total", "sign_total", "dgba") for value in at_size[at_size.rule == rule][measure]
            ]
            assert heights == pytest.approx(by_rule)


def test_bars_say_what_they_are(evaluation: Evaluation) -> None:
    figure = arp_figure(arp_table(evaluation), title="The title")
    figure.draw_without_rendering()
    first, second = figure.axes[:2]
    assert figure.get_suptitle() == "The title"
    assert (first.get_title(), second.get_title()) == ("eps = 4/255", "eps = 8/255")
    assert first.get_ylabel() == "mean of tasks: ARP (%)"
    assert [text.get_text() for text in second.get_xticklabels()] == ["PGD", "APGD"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["total", "sign_total", "dgba"]
    assert legend_is_clear_of_the_panels(figure)


def test_one_size_without_a_name(evaluation: Evaluation) -> None:
    table = arp_table(evaluation)
    table["eps"] = ""
    assert {axes.get_title() for axes in arp_figure(table[:3]).axes} == {""}


def test_no_rows_no_figure(evaluation: Evaluation) -> None:
    with pytest.raises(ValueError, match="table: expected at least one row"):
        arp_figure(arp_table(evaluation)[:0])


def test_rules_can_be_told_apart_without_colours() -> None:
    """The rules of the demo differ in lightness or, as red-green blind readers see hue, between blue and yellow."""
    rules = ["single:segmentation", "single:normal", "single:depth", "total", "sign_total", "dgba", "relative"]
    colours = [torch.tensor(to_rgb(colour)) for colour in rule_colours(rules).values()]
    lightness = [float(colour @ torch.tensor([0.2126, 0.7152, 0.0722])) for colour in colours]
    blue_yellow = [float(colour[2] - colour[:2].mean()) for colour in colours]
    for i in range(len(rules)):
        for j in range(i):
            assert abs(lightness[i] - lightness[j]) > 0.08 or abs(blue_yellow[i] - blue_yellow[j]) > 0.2, (
                rules[i],
                rules[j],
            )


def test_segmentation_is_coloured_by_class_and_black_where_ignored() -> None:
    labels, scores = torch.tensor([[0, 255]]), torch.tensor([[[0.0, 0.0]], [[1.0, -1.0]]])
    target, output = (picture.values for picture in pictures("segmentation", [labels, scores]))
    assert target[0, 0].tolist() == pytest.approx(to_rgb(class_colour(0)))
    assert target[0, 1].tolist() == [0, 0, 0]
    assert output[0, 0].tolist() == pytest.approx(to_rgb(class_colour(1)))
    assert output[0, 1].tolist() == pytest.approx(to_rgb(class_colour(0)))


def test_normals_are_coloured_by_direction_whatever_their_length() -> None:
    """Camera coordinates are x right, y down, z forward: the wall one looks at has the normal (0, 0, -1)."""
    wall, floor = torch.tensor([0.0, 0.0, -3.0]), torch.tensor([0.0, -1.0, 0.0])
    vectors = torch.stack([wall, floor, torch.zeros(3)], dim=1).reshape(3, 1, 3)
    colours = pictures("normal", [vectors])[0].values[0]
    assert colours.tolist() == [[0.5, 0.5, 1.0], [0.5, 1.0, 0.5], [0.0, 0.0, 0.0]]


def test_depths_share_the_range_of_the_valid_truth() -> None:
    truth, output = torch.tensor([[[0.0, 2.0, 4.0]]]), torch.tensor([[[9.0, 9.0, 9.0]]])
    assert [(picture.low, picture.high) for picture in pictures("depth", [truth, output])] == [(2, 4), (2, 4)]
    assert pictures("depth", [torch.zeros(1, 1, 2)])[0].high == 1
    assert pictures("reshading", [torch.tensor([[[0.0, 0.5]]])])[0].low == 0


def test_images_are_shown_as_they_are() -> None:
    image = torch.rand(3, 2, 2)
    assert torch.equal(pictures("autoencoder", [image])[0].values, image.permute(1, 2, 0))


@pytest.fixture
def figure() -> Figure:
    labels = torch.randint(0, 3, (2, 8, 8))
    targets = {"segmentation": labels, "normal": torch.randn(2, 3, 8, 8), "depth": torch.rand(2, 1, 8, 8) + 1}
    outputs = {
        "segmentation": torch.randn(2, 3, 8, 8),
        "normal": torch.randn(2, 3, 8, 8),
        "depth": torch.rand(2, 1, 8, 8),
    }
    images = torch.rand(2, 3, 8, 8)
    adversarial = (images + 0.03 * torch.randn(images.shape).sign()).clamp(0, 1)
    return prediction_figure(
        images, adversarial, targets, outputs, outputs, title="Before and after", class_names="abc"
    )


def test_predictions_have_three_rows_for_each_picture(figure: Figure) -> None:
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 2 * 3 * 4
    assert figure.get_suptitle() == "Before and after"
    assert {axes.get_title() for axes in panels} == {"", "segmentation", "normal", "depth (m)"}
    assert {axes.get_ylabel() for axes in panels} > {"ground truth", "prediction,\nadversarial image"}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert legend_is_clear_of_the_panels(figure)


def test_the_perturbation_fills_the_range(figure: Figure) -> None:
    shown = next(axes for axes in figure.axes if "perturbation" in axes.get_xlabel()).images[0].get_array()
    assert (shown.min(), shown.max()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))


def test_figures_are_written_with_their_folders(figure: Figure, tmp_path: Path) -> None:
    save_figure(figure, tmp_path / "new" / "predictions.png")
    assert (tmp_path / "new" / "predictions.png").read_bytes()[1:4] == b"PNG"


def test_predictions_refuse_what_does_not_fit() -> None:
    images, depth = torch.rand(1, 3, 4, 4), {"depth": torch.rand(1, 1, 4, 4)}
    with pytest.raises(ValueError, match=r"adversarial: expected shape \(1, 3, 4, 4\)"):
        prediction_figure(images, images[:, :, :2], depth, depth, depth)
    with pytest.raises(KeyError, match="adversarial_outputs: expected the keys 'depth'"):
        prediction_figure(images, images, depth, depth, {})
