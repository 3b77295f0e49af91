"""The short examples run, and what they print is what they say it is."""

from __future__ import annotations

import logging
import warnings

import pandas as pd
import pytest

from tests.example_files import load_example


def test_black_box(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--images", "4", "--queries", "10", "40", "--steps", "4"]
    table = load_example("black_box").main(words).set_index("attack")["ARP"]
    assert table["Square, 40 queries"] > table["Square, 10 queries"] > table["noise"]
    assert table["Auto-PGD with the victim's gradients"] > table["Auto-PGD on another model"] > table["noise"]
    assert capsys.readouterr().out.count("\n") == 2 + len(table)


def test_a_defence_of_one_s_own_loop() -> None:
    """A dozen steps make the model harder to attack, at a price."""
    words = ["--train-images", "96", "--epochs", "2", "--images", "4", "--steps", "4"]
    table = load_example("train_a_defence").main(words).set_index("model")
    before, after = table.loc["of the zoo"], table.loc["trained on attacked rooms"]
    assert after["ARP"] < 0.8 * before["ARP"]
    assert after["angle"] > before["angle"]


def test_an_art_pipeline_with_a_preprocessor() -> None:
    pytest.importorskip("art", reason="the Adversarial Robustness Toolbox is not installed")
    with warnings.catch_warnings():
        table = load_example("art_pipeline").main(["--images", "4", "--steps", "4"])
    arp = table.set_index(["images", "model"])["ARP"]
    assert arp["clean", "undefended"] == 0
    assert 0 < arp["clean", "JPEG"] < arp["made on the undefended model", "JPEG"]
    assert arp["made on the undefended model", "JPEG"] < arp["made on the undefended model", "undefended"]
    assert arp["made through the defence", "JPEG"] > arp["made on the undefended model", "JPEG"]  # once it is known


def test_a_lightning_module() -> None:
    """Attacks run in validation, where gradients are off, and in training; the module is trained all the same."""
    pytest.importorskip("lightning", reason="PyTorch Lightning is not installed")
    level = logging.getLogger("lightning.pytorch").level
    with warnings.catch_warnings():
        table = load_example("lightning_module").main(["--epochs", "2", "--train-images", "640", "--images", "64"])
    logging.getLogger("lightning.pytorch").setLevel(level)
    assert table["trained on"].tolist() == ["clean images", "attacked images, too"]
    shares = table[["both right, clean (%)", "attacked (%)"]]
    assert ((shares >= 0) & (shares <= 100)).all(axis=None)
    assert (table["attacked (%)"] <= table["both right, clean (%)"]).all()
    assert isinstance(table, pd.DataFrame)
