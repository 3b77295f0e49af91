"""Results as tables and figures: what is printed and drawn is what was found."""

from __future__ import annotations

import math

import pytest

from mt_torchattacks.evaluation import Evaluation, Measurements
from mt_torchattacks.evaluation.benchmark import BenchmarkEntry

DIRECTIONS = {"a<b": {"accuracy": True}, "depth": {"abs": False}}


def measured(accuracy: float, error: float) -> Measurements:
    return Measurements({"a<b": {"accuracy": accuracy}, "depth": {"abs": error}}, {"a<b": 0.1, "depth": 0.2}, 1.0, 8)


EVALUATION = Evaluation(measured(0.8, 0.5), {"pgd/dgba": measured(0.2, 1.5), "<b>": measured(0.4, 0.75)}, DIRECTIONS)


def entry(norm: str, eps: float) -> BenchmarkEntry:
    arp = {"pgd": 50.0, "worst case": 60.0}
    return BenchmarkEntry("m", "w", "rooms", "d", 4, norm, eps, {}, {}, {}, arp, {"pgd": 4}, {"pgd": 20.0})


def test_the_figure_shows_each_attack_and_task() -> None:
    """By hand: accuracy 0.8 -> 0.2 is 75 %, the error 0.5 -> 1.5 is 200 %, their mean 137.5 %."""
    figure = EVALUATION.plot()
    [axes] = figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([137.5, 50.0])
    found = {line.get_label(): list(line.get_xdata()) for line in axes.get_lines()}
    assert found["a<b"] == pytest.approx([75.0, 50.0])
    assert found["depth"] == pytest.approx([200.0, 50.0])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["pgd/dgba", "<b>"]
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom  # the first attack is above
    assert axes.get_xlim()[1] > 200  # nothing is clipped
    assert len(figure.legends[0].get_texts()) == 3


def test_a_task_without_a_value_has_no_mark() -> None:
    """A clean value of 0 has no relative change: no mark is drawn, and the table says nan."""
    clean = Measurements({"depth": {"abs": 0.0}, "other": {"abs": 1.0}}, {}, 0.0, 8)
    fooled = Measurements({"depth": {"abs": 1.0}, "other": {"abs": 2.0}}, {}, 1.0, 8)
    found = Evaluation(clean, {"pgd": fooled}, {"depth": {"abs": False}, "other": {"abs": False}})
    with pytest.warns(UserWarning, match="from 0 to 1 is undefined"):
        lines = found.plot().axes[0].get_lines()[:2]
    marks = {line.get_label(): line.get_xdata()[0] for line in lines}
    assert math.isnan(marks["depth"])
    assert marks["other"] == 100
    assert repr(found).splitlines()[-1].split() == ["pgd", "nan", "100.0", "100.0"]


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="result: expected at least one attack, found none"):
        Evaluation(measured(0.8, 0.5), {}, DIRECTIONS).plot()
    assert repr(Evaluation(measured(0.8, 0.5), {}, DIRECTIONS)).splitlines()[1].split() == [
        "attack", "a<b", "depth", "total",
    ]  # fmt: skip


def test_html_escapes_names() -> None:
    html = EVALUATION._repr_html_()
    assert "<th>&lt;b&gt;</th>" in html
    assert "<th>a&lt;b</th>" in html
    assert "<b>" not in html


@pytest.mark.parametrize(("norm", "eps", "radius"), [("Linf", 8 / 255, "8/255"), ("L2", 0.5, "0.5 in L2")])
def test_an_entry_of_a_leaderboard_is_a_table(norm: str, eps: float, radius: str) -> None:
    title, head, pgd, worst = repr(entry(norm, eps)).splitlines()
    assert title == f"m on 4 images of rooms, eps {radius}, ARP in percent"
    assert head.split() == ["attack", "passes", "wins", "total"]
    assert pgd.split() == ["pgd", "20.0", "4", "50.0"]
    assert worst.split() == ["worst", "case", "60.0"]
    assert [bar.get_width() for bar in entry(norm, eps).plot().axes[0].patches] == [50, 60]
