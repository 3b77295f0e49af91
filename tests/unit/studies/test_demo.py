"""The demo from end to end, with a model so small that it takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.studies.demo import demo_attacks, run_demo
from mt_torchattacks.tasks import standard_tasks


class Small(nn.Module):
    """One convolution for all tasks, with depths that are right to a few metres."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 17, 5, padding=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        segmentation, normal, depth = self.layer(images).split([13, 3, 1], dim=1)
        return {"segmentation": segmentation, "normal": normal, "depth": 3 + depth}


def test_attacks_and_their_step_sizes() -> None:
    attacks = demo_attacks(Small(), standard_tasks(), steps=7)
    assert len(attacks) == 2 * 3 * 7
    assert attacks["pgd/dgba/8"].alpha == pytest.approx(2 / 255)
    assert attacks["pgd/single:normal/4"].alpha == pytest.approx(1 / 255)
    assert (attacks["apgd/relative/4"].steps, attacks["apgd/relative/4"].balance) == (7, "relative")
    assert attacks["fgsm/sign_total/8"].eps == pytest.approx(8 / 255)


def test_writes_and_prints_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, state = Small().train(), torch.get_rng_state()
    evaluation = run_demo(tmp_path / "demo", model=model, scenes=3, steps=2, batch_size=2, progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert written == {
        "arp.csv", "arp.md", "arp.png", "evaluation.json", "metrics.csv", "metrics.md", "predictions.png",
    }  # fmt: skip
    assert Evaluation.load(tmp_path / "demo" / "evaluation.json") == evaluation
    shown = capsys.readouterr().out
    assert "| task         | metric       |  model | mean prediction |" in shown
    for measured in ("mean of all tasks", "segmentation", "normal", "depth"):
        assert f"ARP, {measured} (%; higher is the stronger attack)" in shown
    assert "dgba: ARP at least that of total and sign_total in" in shown
    assert "3 rooms, 42 attacks" in shown


def test_the_same_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Small()
    first, second = (
        run_demo(tmp_path, model=model, scenes=1, steps=1, batch_size=1, progress=False).relative for _ in range(2)
    )
    assert first == second
