"""A PyTorch Lightning module that is trained and validated on attacked images.

    pip install lightning
    python examples/lightning_module.py          # under a minute of one core

Two of scikit-learn's digits are on each image, and each head names one of them. Half of each training batch is attacked
with every head as the goal; after each epoch the log has the share of held-out images on which both heads are right,
clean and under Auto-PGD. It prints the last numbers, without and with attacked images in the training.
"""

from __future__ import annotations

import argparse
import logging
import warnings

import lightning
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import mt_torchattacks as mta
from mt_torchattacks.models import two_digits
from mt_torchattacks.report import to_markdown

EPS = 16 / 255


class TwoHeads(lightning.LightningModule):
    """Two digits by two heads.

    Args:
        defend: train on attacked images, half of each batch.
    """

    def __init__(self, *, defend: bool) -> None:
        super().__init__()
        self.net, self.defend = two_digits.TwoHeads(), defend
        self.tasks = mta.Tasks(left=mta.losses.CrossEntropy(), right=mta.losses.CrossEntropy())
        # An attack holds the model that it attacks, so it is made of the network, not of the module that it is part of.
        self.train_attack = mta.PGD(self.net, self.tasks, eps=EPS, alpha=EPS / 2, steps=3)
        self.test_attack = mta.APGD(self.net, self.tasks, eps=EPS, steps=10)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The scores by head."""
        found: dict[str, Tensor] = self.net(images)
        return found

    def training_step(self, batch: tuple[Tensor, dict[str, Tensor]], index: int) -> Tensor:
        """The mean loss of both heads, after half of the batch was attacked."""
        images, targets = batch
        if self.defend:
            half = len(images) // 2
            part = {task: target[:half] for task, target in targets.items()}
            images = torch.cat([self.train_attack(images[:half], part), images[half:]])
        losses = self.tasks.losses(self.net(images), targets)
        return torch.stack(list(losses.values())).mean()

    def validation_step(self, batch: tuple[Tensor, dict[str, Tensor]], index: int) -> None:
        """Log on how many images both heads are right; an attack switches gradients on by itself."""
        images, targets = batch
        for name, shown in (("clean", images), ("attacked", self.test_attack(images, targets))):
            outputs = self.net(shown)
            right = torch.stack([outputs[task].argmax(dim=1) == target for task, target in targets.items()]).all(dim=0)
            self.log(name, 100 * right.float().mean(), batch_size=len(images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=2e-3)


def loader(split: str, images: int) -> DataLoader[tuple[Tensor, dict[str, Tensor]]]:
    """Batches of 64."""
    return DataLoader(mta.data.TwoDigits(images, split), 64, shuffle=split == "train")


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Train twice, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--train-images", type=int, default=4000)
    parser.add_argument("--images", type=int, default=300, help="held-out images")
    options = parser.parse_args(words)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    rows = []
    for defend in (False, True):
        lightning.seed_everything(0, verbose=False)
        module = TwoHeads(defend=defend)
        # In inference mode, the default of validation, no gradient can be had, and so no attack be made.
        trainer = lightning.Trainer(
            max_epochs=options.epochs, inference_mode=False, accelerator="cpu", logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(module, loader("train", options.train_images), loader("test", options.images))
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rows.append({"trained on": "attacked images, too" if defend else "clean images"} | found)
    table = pd.DataFrame(rows).rename(columns={"clean": "both right, clean (%)", "attacked": "attacked (%)"})
    print(to_markdown(table, 1))
    return table


if __name__ == "__main__":
    main()
