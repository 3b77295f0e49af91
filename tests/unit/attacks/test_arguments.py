"""An attack's arguments are said once, and an attack is found by being there."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks import checks
from mt_torchattacks.attacks import registry
from mt_torchattacks.attacks.arguments import argument, length, no_argument, number
from mt_torchattacks.attacks.native import NativeAttack
from tests import toys


class _Shifted(NativeAttack):
    """Moves all pixels alike.

    Example:
        none.
    """

    steps = no_argument()
    share: float = argument(0.5, "share of eps in [0, 1].", number("a share", lambda share: 0 <= share <= 1))
    width = length(0.25, "a length in pixel values that nothing depends on.")
    seed: int = argument(7, "of nothing.")

    def run(self, bound: Any, ball: Any, generator: torch.Generator) -> Tensor:
        """The shifted images."""
        assert isinstance(self.width, float)
        return ball.project(ball.images + self.share * ball.radius)


class _Further(_Shifted):
    """Moves them as far as it can."""

    share = 1.0
    passes: int = argument(1, "how often.", checks.whole)


def parameters(cls: type) -> list[str]:
    return list(inspect.signature(cls).parameters)


def test_the_signature_is_the_base_s_arguments_then_the_own_ones_in_order() -> None:
    common = ["model", "tasks", "balance", "norm", "eps"]
    assert parameters(_Shifted) == [*common, "share", "width", "seed", "bounds"]
    assert parameters(_Further) == [*common, "width", "seed", "passes", "bounds"]
    found = inspect.signature(_Shifted).parameters
    assert (found["seed"].default, found["share"].annotation) == (7, "float")
    assert found["bounds"].kind is inspect.Parameter.KEYWORD_ONLY


def test_positions_names_and_defaults_reach_the_attack() -> None:
    model, tasks = toys.Toy(), toys.tasks()
    attack = _Shifted(model, tasks, "total", "L2", 2.0, 0.25)
    found = (attack.balance, attack.norm, attack.eps, attack.share, attack.seed, attack.bounds)
    assert found == ("total", "L2", 2.0, 0.25, 7, (0.0, 1.0))
    assert not hasattr(attack, "steps")
    assert _Further(model, tasks).share == 1.0
    images, targets = toys.batch()
    moved = (images + 4 / 255).clamp(max=1.0)
    torch.testing.assert_close(pickle.loads(pickle.dumps(_Shifted(model, tasks)))(images, targets), moved)


def test_the_documentation_lists_every_argument_once_before_the_example() -> None:
    for cls in (_Shifted, _Further, mta.APGD, mta.AutoSAGA, mta.Square, mta.SPSA, mta.WorstCase):
        doc = inspect.getdoc(cls) or ""
        for name in parameters(cls):
            assert doc.count(f"\n    {name}: ") == 1, (cls, name)
    doc = inspect.getdoc(_Shifted) or ""
    assert doc.index("share: share of eps in [0, 1].") < doc.index("Shape:") < doc.index("Example:")
    assert "or inputs ``(N, ...)`` of any shape" in doc
    assert "of any shape" not in (inspect.getdoc(mta.Square) or "")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"stepz": 3}, TypeError, "_Shifted: expected the arguments 'model', .* found 'stepz'"),
        ({"steps": 3}, TypeError, "_Shifted: expected the arguments 'model', .* found 'steps'"),
        ({"share": 2.0}, ValueError, "share: expected a share, found 2.0"),
        ({"share": "much"}, TypeError, "share: expected a share, found 'much'"),
        ({"width": 0.0}, ValueError, "width: expected a number > 0, found 0.0"),
        ({"bounds": (0, 255), "eps": 8}, ValueError, "width: expected a length in the unit of bounds"),
    ],
)
def test_what_does_not_fit(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _Shifted(toys.Toy(), toys.tasks(), **arguments)
    with pytest.raises(TypeError, match="tasks: expected after the model, as in mta._Shifted"):
        _Shifted(toys.Toy())


def test_what_does_not_fit_any_more() -> None:
    attack = _Shifted(toys.Toy(), toys.tasks())
    attack.share = 3.0
    with pytest.raises(ValueError, match=r"share: expected a share, found 3\.0"):
        attack(*toys.batch())


def test_an_attack_is_registered_by_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REGISTERED", dict(registry.REGISTERED))
    made = type("Shifted", (NativeAttack,), {"__module__": "here", "run": _Shifted.run})
    assert registry.native_class("Shifted") is made
    # Those that do not say how to run are no attacks, and those that begin with an underscore are not for others.
    assert not {"NativeAttack", "QueryAttack", "_Shifted"} & set(registry.REGISTERED)
    with pytest.raises(ValueError, match="a name that no other attack has, found 'Shifted' of here"):
        type("Shifted", (NativeAttack,), {"__module__": "elsewhere", "run": _Shifted.run})


def test_an_attack_in_the_folder_is_found_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "native.py").write_text("class NativeAttack(Declared, _Host):\n    pass\n")
    (tmp_path / "query.py").write_text("class QueryAttack(NativeAttack):\n    pass\n")
    (tmp_path / "far_away.py").write_text(
        "class _Help:\n    pass\n\n\nclass FarAWAY(\n    A, QueryAttack\n):\n    pass\n"
    )
    (tmp_path / "ensemble.py").write_text("class Ensemble(nn.Module):\n    pass\n")
    assert registry.attacks_in(tmp_path, "a.b") == {"FarAWAY": "a.b.far_away"}
    assert set(registry.native_modules()) == {"ACG", "AutoSAGA", "FriendlyPGD", "PAdam", "SPSA", "Square", "WorstCase"}
    assert all(registry.native_class(name).__name__ == name for name in registry.native_modules())


def test_names_are_found_without_torch() -> None:
    source = Path(registry.__file__).read_text("utf-8")
    begin = f"from __future__ import annotations\nimport sys\n__package__, __file__ = 'x', {registry.__file__!r}\n"
    end = "\nprint(native_modules(), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", begin + source.split("annotations\n", 1)[1] + end],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().endswith("False")
    assert "x.auto_saga" in done.stdout
