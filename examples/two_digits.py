"""A classifier with two heads, trained in a minute and attacked with every balancing rule.

Two of scikit-learn's digits are on each image, and each head names one of them. From the repository's root:

    python examples/two_digits.py

prints how many of the held-out images each head still classifies correctly, and on how many both are wrong, or at
least one. Over several nets and with intervals: mt-attack two-digits.
"""

from __future__ import annotations

import argparse

import pandas as pd

import mt_torchattacks as mta
from mt_torchattacks.models.two_digits import trained
from mt_torchattacks.report import to_markdown
from mt_torchattacks.studies.two_digits import TwoDigitsOptions, attack_of, correct_heads, rules, shares


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500, help="number of held-out images")
    parser.add_argument("--steps", type=int, default=20, help="steps of PGD, eps 32/255")
    parser.add_argument("--epochs", type=int, default=30, help="of the training on 8,000 images")
    given = parser.parse_args(words)
    options = TwoDigitsOptions(steps=given.steps, plain=False)
    model = trained(epochs=given.epochs)
    data = mta.data.TwoDigits(given.images, "test")
    images, targets = data.render(range(given.images))
    rows = []
    for rule in ("clean", *rules(options)):
        attacked = images if rule == "clean" else attack_of(rule, model, data.tasks, options)(images, targets)
        found = shares(correct_heads(model, attacked, targets))
        wrong = {"both wrong": 100 - found["one"], "at least one wrong": 100 - found["both"]}
        rows.append({"rule": rule, "left correct": found["left"], "right correct": found["right"]} | wrong)
    table = pd.DataFrame(rows)
    print(to_markdown(table))
    return table


if __name__ == "__main__":
    main()
