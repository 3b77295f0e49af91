"""``save`` and ``load`` with a dict of targets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import mt_torchattacks as mta
from tests import toys


class Rows(Dataset):
    """The toy batch as a data set."""

    def __init__(self, n: int) -> None:
        self.images, self.targets = toys.batch(n)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.images[index], {name: target[index] for name, target in self.targets.items()}


@pytest.fixture(name="rows")
def _rows() -> Rows:
    return Rows(5)


def test_round_trip(rows: Rows, tmp_path: Path) -> None:
    model = toys.Toy()
    model.train()
    attack = mta.FGSM(model, toys.tasks())
    report = attack.save(
        DataLoader(rows, batch_size=2), tmp_path / "adv.pt", verbose=False, return_verbose=True,
        save_predictions=True, save_clean_inputs=True,
    )  # fmt: skip
    assert model.training
    batches = list(mta.load(tmp_path / "adv.pt", batch_size=3, load_predictions=True, load_clean_inputs=True))
    adversarial, targets, predictions, clean = (
        torch.cat([b[i] for b in batches]) if i in (0, 3) else
        {name: torch.cat([b[i][name] for b in batches]) for name in toys.NAMES} for i in range(4)
    )  # fmt: skip
    assert torch.equal(clean, rows.images)
    assert all(torch.equal(targets[name], rows.targets[name]) for name in toys.NAMES)
    model.eval()
    assert torch.equal(adversarial, attack(rows.images, rows.targets))
    with torch.no_grad():
        outputs = model(adversarial)
        before = toys.tasks().losses(model(clean), rows.targets)
        after = toys.tasks().losses(outputs, rows.targets)
    for name in toys.NAMES:
        torch.testing.assert_close(predictions[name], outputs[name])
        assert report.losses[name] == pytest.approx((float(before[name].mean()), float(after[name].mean())), rel=1e-5)
    assert report.l2 == pytest.approx(float((adversarial - clean).flatten(1).norm(dim=1).mean()), rel=1e-5)


def test_integers_round_and_normalization_is_undone(rows: Rows, tmp_path: Path) -> None:
    attack = mta.FGSM(toys.Toy(), toys.tasks())
    attack.set_normalization_used([0.5] * 3, [0.25] * 3)
    rows.images = (rows.images - 0.5) / 0.25
    attack.save(DataLoader(rows, batch_size=5), tmp_path / "adv.pt", verbose=False, save_type="int")
    ((adversarial, _),) = mta.load(tmp_path / "adv.pt")
    expected = attack(rows.images, rows.targets) * 0.25 + 0.5
    assert (adversarial - expected).abs().max() <= 0.5 / 255 + 1e-6
    ((normalized, _),) = mta.load(tmp_path / "adv.pt", normalize={"mean": [0.5] * 3, "std": [0.25] * 3})
    torch.testing.assert_close(normalized, (adversarial - 0.5) / 0.25)


def test_an_interrupted_save_leaves_the_old_file(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "adv.pt").write_bytes(b"old")
    rows.targets["depth"][3, 0, 0, 0] = float("nan")
    tasks = toys.tasks().only(["depth"])
    attack = mta.FGSM(toys.Toy(), mta.Tasks({**tasks, "depth": mta.losses.L1()}))
    with pytest.raises(ValueError, match="finite"):
        attack.save(DataLoader(rows, batch_size=1), tmp_path / "adv.pt", verbose=False)
    assert (tmp_path / "adv.pt").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "adv.pt"]


def test_what_cannot_be_saved_or_loaded(rows: Rows, tmp_path: Path) -> None:
    attack = mta.FGSM(toys.Toy(), toys.tasks())
    with pytest.raises(ValueError, match="save_type: expected one of 'float', 'int', found 'half'"):
        attack.save([], tmp_path / "adv.pt", save_type="half")
    with pytest.raises(ValueError, match="data_loader: expected at least one batch, found none"):
        attack.save([], tmp_path / "adv.pt", verbose=False)
    attack.save(DataLoader(rows, batch_size=5), tmp_path / "adv.pt", verbose=False)
    with pytest.raises(
        ValueError, match="expected a file saved with 'adv_inputs', 'labels', 'preds', found no 'preds'"
    ):
        mta.load(tmp_path / "adv.pt", load_predictions=True)


def test_means_are_over_the_samples_that_have_a_valid_pixel(rows: Rows, tmp_path: Path) -> None:
    """A loss of 0 where nothing was measured is no loss of 0."""
    rows.targets["depth"][1] = 0
    rows.targets["segmentation"][[0, 3, 4]] = 255
    attack = mta.FGSM(toys.Toy(), toys.tasks())
    report = attack.save(DataLoader(rows, batch_size=2), verbose=False, return_verbose=True)
    measured = {"depth": [0, 2, 3, 4], "segmentation": [1, 2], "normal": [0, 1, 2, 3, 4], "classes": [0, 1, 2, 3, 4]}
    with torch.no_grad():
        losses = toys.tasks().losses(attack.model(rows.images), rows.targets)
    for name, samples in measured.items():
        assert report.losses[name][0] == pytest.approx(float(losses[name][samples].mean()), rel=1e-5)
        assert report.losses[name][1] > report.losses[name][0]


def test_a_task_that_no_sample_has_targets_for_has_no_mean(rows: Rows) -> None:
    rows.targets["depth"][:] = 0
    attack = mta.FGSM(toys.Toy(), toys.tasks())
    report = attack.save(DataLoader(rows, batch_size=2), verbose=False, return_verbose=True)
    assert all(number != number for number in report.losses["depth"])  # NaN
