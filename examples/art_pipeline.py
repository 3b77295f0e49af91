"""An ART pipeline with a preprocessor as the defence: does it hold once the attack knows it?

    python examples/art_pipeline.py          # about a minute of one core; needs the extras art and models

A model of the zoo with three tasks is wrapped as two ART estimators: as it is, and behind ART's JPEG compression.
Images are made by Auto-PGD on the first and shown to both, and made on the second, through its defence. It prints the
average relative performance (ARP, percent; higher is more harm) relative to the undefended model on clean images.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from art.defences.preprocessor import JpegCompression

import mt_torchattacks as mta
from art_plugins import AutoProjectedGradientDescent, PyTorchMultiTaskEstimator
from mt_torchattacks.report import to_markdown


def estimator(defence: Any = None) -> PyTorchMultiTaskEstimator:
    """The model, with a preprocessor in front of it or without one."""
    model, tasks = mta.models.zoo("rooms3/all-shared"), mta.standard_tasks(["segmentation", "normal", "depth"])
    own = {"input_shape": (3, 64, 64), "clip_values": (0.0, 1.0), "balance": "dgba"}
    return PyTorchMultiTaskEstimator(model, tasks, preprocessing_defences=defence, **own)


def metrics(of: PyTorchMultiTaskEstimator, x: np.ndarray[Any, Any], y: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Every metric of the estimator's predictions, by task."""
    outputs, found = of.predict(x), {}
    for task, meter in mta.standard_metrics(tuple(y), 13).items():
        predicted = np.stack([output[task] for output in outputs])
        meter.update(torch.from_numpy(predicted), torch.from_numpy(y[task]))
        found[task] = {name: float(value) for name, value in meter.compute().items()}
    return found


def main(words: list[str] | None = None) -> pd.DataFrame:
    """Attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--quality", type=int, default=50, help="of the JPEG compression, 1 to 95")
    options = parser.parse_args(words)
    warnings.filterwarnings("ignore", module="art")
    images, targets = mta.data.Rooms(length=options.images, seed=1).render(range(options.images))
    x, y = images.numpy(), {task: target.numpy() for task, target in targets.items()}
    jpeg = JpegCompression(clip_values=(0.0, 1.0), quality=options.quality, channels_first=True)
    plain, defended = estimator(), estimator(jpeg)
    made = {"clean": x}
    for name, of in (("made on the undefended model", plain), ("made through the defence", defended)):
        attack = AutoProjectedGradientDescent(of, eps=8 / 255, max_iter=options.steps, verbose=False)
        made[name] = attack.generate(x, of.labels(x, y))
    clean = metrics(plain, x, y)
    directions = {task: dict(meter.directions) for task, meter in mta.standard_metrics(tuple(y), 13).items()}
    rows = []
    for name, shown in made.items():
        for model, of in (("undefended", plain), ("JPEG", defended)):
            arp = mta.metrics.average_relative_performance(clean, metrics(of, shown, y), directions)
            rows.append({"images": name, "model": model} | dict(arp.per_task) | {"ARP": arp.total})
    table = pd.DataFrame(rows)
    print(to_markdown(table, 1))
    return table


if __name__ == "__main__":
    main()
