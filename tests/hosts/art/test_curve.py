"""Security curves of several tasks."""

from __future__ import annotations

import numpy as np
import pytest
from art.evaluations.security_curve.security_curve import SecurityCurve

import mt_torchattacks as mta
from art_plugins import FastGradientMethod, MultiTaskSecurityCurve
from tests import toys
from tests.hosts.art import cases


def test_security_curve_by_task() -> None:
    (x, y), estimator = cases.arrays(), cases.estimator()
    counts = {"segmentation": mta.metrics.SegmentationMetrics(toys.CLASSES)}
    curve = MultiTaskSecurityCurve(eps=[0.0, 0.01, 0.03])
    budgets, curves, clean = curve.evaluate(estimator, x, y, metrics=counts, eps_step=0.005, max_iter=4)
    assert budgets == [0.0, 0.01, 0.03]
    assert sorted(curves["segmentation"]) == ["miou", "pixel_acc"]
    for name in ("classes", "normal", "depth"):
        expected = float(estimator.compute_losses(x, y)[name].mean())
        np.testing.assert_allclose(clean[name]["error"], expected, rtol=1e-5)
        np.testing.assert_allclose(curves[name]["error"][0], expected, rtol=1e-5)
        assert curves[name]["error"][0] < curves[name]["error"][1] < curves[name]["error"][2]
    assert MultiTaskSecurityCurve(eps=2).evaluate(estimator, x, y, attack=FastGradientMethod)[0] == [0.5, 1.0]
    with pytest.raises(ValueError, match="eps: expected a list of budgets"):
        MultiTaskSecurityCurve(eps=2).evaluate(cases.estimator(clip_values=None), x, y)
    with pytest.raises(IndexError):  # ART's own is for one classifier's accuracy
        SecurityCurve(eps=[0.1]).evaluate(estimator, x, estimator.labels(x, y))


def test_a_security_curve_can_be_drawn() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    (x, y), curve = cases.arrays(), MultiTaskSecurityCurve(eps=[0.01, 0.02])
    curve.evaluate(cases.estimator(), x, y, attack=FastGradientMethod)
    figure = curve.plot()
    assert [axes.get_title() for axes in figure.axes] == list(toys.NAMES)
    pyplot.close(figure)
