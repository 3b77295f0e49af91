"""Each line of an explanation names the task and metric that really make the difference."""

from __future__ import annotations

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.report import explain


def test_counts_and_reasons(evaluation: Evaluation) -> None:
    count, *lines = explain(evaluation)
    assert count == "dgba: ARP at least that of total and sign_total in 1 of 3 cells, of every rule in 1."
    assert lines == [
        "PGD at 8/255: total 125.0 % against dgba 87.5 %: depth decides (+100.0), "
        "most by abs (300.0 % against 100.0 %); dgba is ahead on segmentation (+25.0)",
        "APGD at 8/255: total 87.5 % against dgba 50.0 %: segmentation decides (+50.0), "
        "most by miou (100.0 % against 50.0 %)",
        "APGD at 8/255: sign_total 75.0 % against dgba 50.0 %: segmentation decides (+50.0), "
        "most by miou (100.0 % against 50.0 %)",
    ]


def test_of_another_rule(evaluation: Evaluation) -> None:
    count = explain(evaluation, rule="total")[0]
    assert count == "total: ARP at least that of total and sign_total in 3 of 3 cells, of every rule in 2."


def test_cells_without_the_rule_are_left_out(evaluation: Evaluation) -> None:
    evaluation.attacked["fgsm/total/8"] = evaluation.clean
    assert "of 3 cells" in explain(evaluation)[0]


def test_a_difference_that_does_not_show_is_none(evaluation: Evaluation) -> None:
    best, metrics = evaluation.attacked["pgd/dgba/4"], {}
    for task, values in best.metrics.items():
        metrics[task] = {metric: value * (1 + 1e-5) for metric, value in values.items()}
    evaluation.attacked["pgd/total/4"] = type(best)(metrics, best.losses, 1.0, 4)
    assert not any(line.startswith("PGD at 4/255") for line in explain(evaluation))
