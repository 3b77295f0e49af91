"""Tasks: roles, and outputs in every form that models return."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import mt_torchattacks as mta
from mt_torchattacks.tasks.outputs import outputs_by_task
from tests import toys

A, B = torch.zeros(2), torch.ones(2)


@dataclass
class Output:
    a: Tensor
    b: Tensor
    hidden: Any = None


Pair = namedtuple("Pair", ["a", "b"])


@pytest.mark.parametrize("outputs", [{"a": A, "b": B, "more": 3}, Output(A, B), Pair(A, B), (A, B), [A, B]])
def test_outputs_in_every_form(outputs: Any) -> None:
    found = outputs_by_task(outputs, ["a", "b"])
    assert found["a"] is A
    assert found["b"] is B


def test_one_tensor_stands_for_one_task() -> None:
    assert outputs_by_task(A, ["a"])["a"] is A
    with pytest.raises(TypeError, match="expected a mapping, dataclass or tuple with 'a', 'b', found float32 of shape"):
        outputs_by_task(A, ["a", "b"])


def test_a_missing_output_lists_what_is_there() -> None:
    with pytest.raises(KeyError) as caught:
        outputs_by_task({"a": A, "depths": B}, ["a", "depth"])
    assert str(caught.value) == (
        "model output: expected the keys 'a', 'depth'; 'depth' missing among 'a', 'depths'. "
        "If it has another name: depth=mta.Task(loss, output='depths')."
    )
    with pytest.raises(TypeError, match="model output 'a': expected a tensor, found int"):
        outputs_by_task({"a": 1}, ["a"])


def test_a_tuple_longer_than_the_tasks_is_refused() -> None:
    """The third of three outputs must not be scored on the second one's target."""
    tasks = mta.Tasks(a=mta.losses.L1(), c=mta.losses.L1())
    expected = (
        r"model outputs: expected one for each of the tasks 'a', 'c', in their order, found 3 of them; give each task "
        r"its place, tasks.with_outputs\(a=0, ...\) or mta.Task\(loss, output=0\)"
    )
    for outputs in ((A, B, A), [A, B, A], (A,)):
        with pytest.raises(ValueError, match=expected.replace("3", str(len(outputs)))):
            tasks.losses(outputs, {"a": A, "c": B})


@pytest.mark.parametrize("outputs", [(A, B, A + 2), {"a": A, "x": A + 2, "more": "text"}, [A, B, A + 2]])
def test_a_task_says_where_its_output_is(outputs: Any) -> None:
    place = "x" if isinstance(outputs, dict) else 2
    tasks = mta.Tasks(a=mta.losses.L1(), outputs=mta.losses.L1()).with_outputs(outputs=place)
    tasks = tasks if isinstance(outputs, dict) else tasks.with_outputs({"a": 0})
    assert torch.equal(tasks.by_task(outputs)["outputs"], A + 2)
    for same in (tasks.with_roles(a="preserve"), tasks.targeted(), tasks.only(["outputs"]), mta.Tasks(tasks)):
        assert torch.equal(same.by_task(outputs, ["outputs"])["outputs"], A + 2)
    assert torch.equal(tasks.losses(outputs, {"a": A, "outputs": A})["outputs"], torch.full((2,), 2.0))
    assert f"outputs=L1() (output {place!r})" in repr(tasks)


def test_errors_are_taken_of_the_same_output() -> None:
    tasks = mta.Tasks(depth=mta.Task(mta.losses.L1(), output=1))
    assert mta.error_tasks(tasks)["depth"].output == mta.standard_tasks(tasks)["depth"].output == 1


def test_a_place_that_is_not_there() -> None:
    tasks = mta.Tasks(a=mta.losses.L1(), b=mta.Task(mta.losses.L1(), output=2))
    with pytest.raises(ValueError, match="output of task 'a': expected a position in the .* 3 outputs, found None"):
        tasks.by_task((A, B, A))
    with pytest.raises(ValueError, match="output of task 'b': expected a position in the model's 2 outputs, found 2"):
        tasks.with_outputs(a=0).by_task((A, B))
    with pytest.raises(TypeError, match="output of task 'b': expected a name, found the position 2 among 'a', 'b'"):
        tasks.by_task({"a": A, "b": B})
    with pytest.raises(KeyError, match="'depth' missing among 'a'"):
        tasks.with_outputs(b="depth").by_task({"a": A})
    with pytest.raises(TypeError, match="output: expected a name, a position or None, found 1.5"):
        mta.Task(mta.losses.L1(), output=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="outputs: expected one of 'a', 'b', found 'c'"):
        tasks.with_outputs(c=1)


def test_attacks_and_measurements_take_the_named_output() -> None:
    class Three(toys.Toy):
        def forward(self, x: Tensor) -> Any:
            outputs = super().forward(x)
            return outputs["classes"], outputs["normal"], outputs["depth"]

    images, targets = toys.batch(2)
    targets = {name: targets[name] for name in ("classes", "depth")}
    chosen = mta.Tasks({name: toys.tasks()[name] for name in ("classes", "depth")})
    places = chosen.with_outputs(classes=0, depth=2)
    attacks = [mta.PGD(model, tasks, random_start=False) for model, tasks in ((toys.Toy(), chosen), (Three(), places))]
    wanted, found = (attack(images, targets) for attack in attacks)
    assert torch.equal(found, wanted)
    measured = [
        mta.evaluate(attack.model, attack.tasks, [(images, targets)], {}).to_frame().to_string() for attack in attacks
    ]
    assert measured[0] == measured[1]


def test_roles() -> None:
    tasks = toys.tasks().with_roles({"depth": "preserve"}, normal="ignore", classes="target")
    assert tasks.active == ("classes", "segmentation", "depth")
    assert [tasks[name].sign for name in tasks] == [-1, 1, -1, -1]
    assert toys.tasks()["depth"].role == "attack"
    with pytest.raises(ValueError, match="roles: expected one of 'classes', .*, found 'deph'"):
        toys.tasks().with_roles(deph="ignore")
    with pytest.raises(
        ValueError, match="role: expected one of 'attack', 'preserve', 'ignore', 'target', found 'keep'"
    ):
        toys.tasks().with_roles(depth="keep")  # type: ignore[arg-type]


def test_budgets() -> None:
    kept = mta.Task(mta.losses.L1(), role="preserve", budget=0.05)
    tasks = mta.Tasks({**toys.tasks(), "depth": kept})
    assert (tasks.active, tasks.balanced, tasks.preserved) == (toys.NAMES, toys.NAMES[:3], ("depth",))
    assert "depth=L1() (preserve within 0.05)" in repr(tasks)
    assert tasks.with_roles(normal="ignore")["depth"].budget == 0.05
    assert tasks.with_roles(depth="preserve")["depth"].budget == 0.05
    assert tasks.with_roles(depth="attack")["depth"].budget is None
    assert tasks.only(["depth", "normal"]).preserved == ("depth",)
    for budget in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"budget: expected a finite number >= 0 or None, found {budget}"):
            mta.Task(mta.losses.L1(), role="preserve", budget=budget)
    with pytest.raises(ValueError, match="budget: expected None unless the role is 'preserve', found 0.1 with role 'a"):
        mta.Task(mta.losses.L1(), budget=0.1)


def test_rules_do_not_see_tasks_with_a_budget() -> None:
    kept = mta.Task(toys.tasks()["depth"].loss, role="preserve", budget=0.05)
    tasks = mta.Tasks({**toys.tasks(), "depth": kept})
    for balance, names in (
        ("dgba", toys.NAMES[:3]),
        ("single:normal", ("normal",)),
        (mta.Weighted(dict.fromkeys(toys.NAMES[:3], 1.0)), toys.NAMES[:3]),
    ):
        objective = mta.Objective(toys.Toy(), tasks, balance)
        assert (objective.names, objective.preserved) == (names, ("depth",))
        assert set(objective.tasks.active) == {*names, "depth"}
    with pytest.raises(ValueError, match="balance='single:<task>': expected one of 'classes', .*, found 'depth'"):
        mta.Objective(toys.Toy(), tasks, "single:depth")
    images, targets = toys.batch(2)
    del targets["depth"]
    with pytest.raises(KeyError, match="targets: expected the keys .*; 'depth' missing"):
        mta.PGD(toys.Toy(), tasks, "single:normal")(images, targets)


def test_a_task_called_tasks_and_a_mapping_are_fine() -> None:
    assert list(mta.Tasks({"tasks": mta.losses.L1(), "self": mta.losses.L1()}, loss=mta.losses.MSE())) == [
        "tasks", "self", "loss",
    ]  # fmt: skip


def test_nothing_to_attack() -> None:
    with pytest.raises(ValueError, match="tasks: expected at least one task, found none"):
        mta.Tasks()
    ignored = mta.Tasks(a=mta.Task(mta.losses.L1(), role="ignore"))
    with pytest.raises(ValueError, match="tasks: expected a task whose role is not 'ignore', found none"):
        mta.Objective(toys.Toy(), ignored)
    kept = mta.Tasks(a=mta.Task(mta.losses.L1(), role="preserve", budget=0.1))
    with pytest.raises(ValueError, match=r"tasks: expected a task to attack, found only Tasks\(a=L1\(\) \(preserve wi"):
        mta.Objective(toys.Toy(), kept)
    with pytest.raises(TypeError, match=r"tasks: expected mta.Tasks\(...\), found dict"):
        mta.Objective(toys.Toy(), {"a": mta.losses.L1()})  # type: ignore[arg-type]


def test_an_ignored_head_is_not_differentiated() -> None:
    images, targets = toys.batch(2)
    model = toys.Toy()
    reached = []
    for name in toys.NAMES:
        getattr(model, name).register_full_backward_hook(lambda *_, name=name: reached.append(name))
    for tasks, balance in (
        (toys.tasks().with_roles(depth="ignore", classes="ignore"), "dgba"),
        (toys.tasks(), "single:normal"),
    ):
        reached.clear()
        bound = mta.Objective(model, tasks, balance).bind(images, targets)
        x = images.clone().requires_grad_()
        bound(x).sum().backward()
        assert set(reached) == ({"segmentation", "normal"} if balance == "dgba" else {"normal"})


def test_ignored_tasks_need_no_target() -> None:
    images, targets = toys.batch(2)
    del targets["depth"]
    tasks = toys.tasks().with_roles(depth="ignore")
    assert not torch.equal(mta.FGSM(toys.Toy(), tasks)(images, targets), images)


@pytest.mark.parametrize("form", [tuple, list, lambda outputs: Output(*list(outputs)[:2])])
def test_attacks_take_models_of_every_form(form: Any) -> None:
    class Other(toys.Toy):
        def forward(self, x: Tensor) -> Any:
            outputs = super().forward(x)
            return form([outputs["segmentation"], outputs["depth"]])

    images, targets = toys.batch(2)
    names = ["segmentation", "depth"]
    expected = mta.FGSM(toys.Toy(), mta.Tasks({n: toys.tasks()[n] for n in names}))(
        images, {n: targets[n] for n in names}
    )
    names = ["a", "b"]
    tasks = mta.Tasks(a=toys.tasks()["segmentation"], b=toys.tasks()["depth"])
    found = mta.FGSM(Other(), tasks)(images, {"a": targets["segmentation"], "b": targets["depth"]})
    assert torch.equal(found, expected)
