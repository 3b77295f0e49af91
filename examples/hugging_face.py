"""A vision transformer of Hugging Face with two heads, made from a configuration, trained and attacked.

    pip install transformers
    python examples/hugging_face.py          # under a minute of one core

Two of scikit-learn's digits are on each image, and each head names one of them. It prints on how many held-out images
each head is right, and on how many both are wrong, under every rule. Nothing is downloaded.
"""

from __future__ import annotations

import argparse

import pandas as pd
import torch
from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

import mt_torchattacks as mta
from mt_torchattacks.report import to_markdown

EPS = 16 / 255
RULES = ("single:left", "single:right", "total", "dgba", "relative", "max_min")


class TwoHeads(nn.Module):
    """A ViT whose class token is read by two heads; takes ``pixel_values (N, 1, 12, 12)`` in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96}
        self.trunk = ViTModel(ViTConfig(image_size=12, patch_size=3, num_channels=1, **sizes), add_pooling_layer=False)
        self.left, self.right = nn.Linear(48, 10), nn.Linear(48, 10)

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        """The scores by head."""
        features = self.trunk(pixel_values).last_hidden_state[:, 0]
        return {"left": self.left(features), "right": self.right(features)}


def trained(epochs: int, images: int) -> TwoHeads:
    """The model after some epochs of AdamW, in evaluation mode."""
    torch.manual_seed(0)
    model, data = TwoHeads(), mta.data.TwoDigits(images, "train")
    pixels, targets = data.render(range(images))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def epoch() -> list[tuple[Tensor, dict[str, Tensor]]]:
        parts = torch.randperm(images).split(64)
        return [(pixels[part], {name: target[part] for name, target in targets.items()}) for part in parts]

    mta.training.adversarial.train_on_batches(model, data.tasks, epoch, optimizer, epochs)
    return model.eval()


def row(model: nn.Module, rule: str, images: Tensor, targets: dict[str, Tensor]) -> dict[str, str | float]:
    """Shares of the images in percent."""
    with torch.no_grad():
        outputs = model(images)
    right = torch.stack([outputs[name].argmax(dim=1) == target for name, target in targets.items()])
    left_right, right_right = (100 * right.double().mean(dim=1)).tolist()
    both_wrong = 100 * float((~right).all(dim=0).double().mean())
    return {"rule": rule, "left right": left_right, "right right": right_right, "both wrong": both_wrong}


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Train, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--train-images", type=int, default=6000)
    parser.add_argument("--images", type=int, default=300, help="held-out images that are attacked")
    parser.add_argument("--steps", type=int, default=10, help="steps of PGD, eps 16/255")
    options = parser.parse_args(words)
    model = trained(options.epochs, options.train_images)
    data = mta.data.TwoDigits(options.images, "test")
    images, targets = data.render(range(options.images))
    rows = [row(model, "none", images, targets)]
    for rule in RULES:
        attack = mta.PGD(model, data.tasks, balance=rule, eps=EPS, alpha=EPS / 4, steps=options.steps)
        torch.manual_seed(0)
        rows.append(row(model, rule, attack(images, targets), targets))
    table = pd.DataFrame(rows)
    print(to_markdown(table, 1))
    return table


if __name__ == "__main__":
    main()
