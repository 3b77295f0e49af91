from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from mt_torchattacks.models import BranchedModel, Layout, branched

HEADS = {"segmentation": 5, "normal": 3, "depth": 1}
SMALL = {
    "tiny_resnet": {"widths": (4, 6, 8, 10, 12), "head_width": 4},
    "deeplab_resnet34": {"width": 4, "head_width": 4},
    "mobilenet_v2": {"width": 0.1, "head_width": 4},
}
PARTLY = "[[[0, 1, 2]], [[0, 1, 2]], [[0, 1, 2]], [[0], [1, 2]], [[0], [1], [2]]]"


def build(layout: str | Layout, heads: dict[str, int] = HEADS, backbone: str = "tiny_resnet") -> BranchedModel:
    """A small model in evaluation mode whose batch normalizations do something."""
    torch.manual_seed(0)
    model = branched(backbone, layout, heads, **SMALL[backbone])
    for name, value in model.state_dict().items():
        if "running" in name:
            value.copy_(torch.rand_like(value) + 0.5)
    return model.eval()


def on_path(key: str, task: int, name: str) -> str | None:
    """A state-dict key of a branched model as the key of the single-task model of one task; None if not on its path."""
    part, second, rest = key.split(".", 2)
    if part == "heads":
        return key if second == name else None
    group, rest = rest.split(".", 1)
    return f"blocks.{second}.0.{rest}" if str(task) in group.split("-") else None


@pytest.mark.parametrize("backbone", SMALL)
@given(index=st.integers(0, Layout.count(3, 5) - 1))
@settings(max_examples=8, deadline=None)
def test_each_task_sees_the_single_task_model_on_its_path(backbone: str, index: int) -> None:
    model = build(list(Layout.enumerate(3, 5))[index], backbone=backbone)
    images = torch.rand(2, 3, 33, 47)
    outputs = model(images)
    for task, (name, channels) in enumerate(HEADS.items()):
        single = build(Layout.all_shared(1, 5), {name: channels}, backbone)
        state = {on_path(key, task, name): value for key, value in model.state_dict().items()}
        state.pop(None)
        single.load_state_dict(state)
        torch.testing.assert_close(single(images)[name], outputs[name], rtol=0, atol=0)
        assert outputs[name].shape == (2, channels, 33, 47)


@pytest.mark.parametrize("tasks", [["depth"], ["depth", "segmentation"], ["normal", "depth"], []])
@pytest.mark.parametrize("layout", [Layout.all_shared(3, 5), Layout.parse(PARTLY), Layout.independent(3, 5)])
@pytest.mark.parametrize("backbone", SMALL)
def test_only_what_the_tasks_need_is_run(backbone: str, layout: Layout, tasks: list[str]) -> None:
    model = build(layout, backbone=backbone)
    ran = set()
    for b, groups in enumerate(model.blocks):
        for key, block in groups.items():
            block.register_forward_hook(lambda *_, name=(b, key): ran.add(name))
    for name, head in model.heads.items():
        head.register_forward_hook(lambda *_, name=name: ran.add(name))
    outputs = model(torch.rand(1, 3, 32, 32), tasks=tasks)
    wanted = {list(HEADS).index(task) for task in tasks}
    needed = {(b, "-".join(map(str, group))) for b, p in enumerate(layout.blocks) for group in p if wanted & set(group)}
    assert ran == needed | set(tasks)
    assert list(outputs) == [task for task in HEADS if task in tasks]


@pytest.mark.parametrize("backbone", SMALL)
def test_flops_of_one_task_of_independent_ones_are_those_of_its_path(backbone: str) -> None:
    def flops(model: BranchedModel, tasks: list[str] | None) -> int:
        with FlopCounterMode(display=False) as counter:
            model(torch.rand(1, 3, 32, 32), tasks)
        return counter.get_total_flops()

    independent = build(Layout.independent(3, 5), backbone=backbone)
    each = [flops(independent, [task]) for task in HEADS]
    assert sum(each) == flops(independent, None)
    assert each[2] == flops(build(Layout.all_shared(1, 5), {"depth": 1}, backbone), None)
    assert each[2] == flops(build(Layout.all_shared(3, 5), backbone=backbone), ["depth"])


def test_backbone_parameters() -> None:
    shared, partly, independent = (
        build(layout).backbone_parameters() for layout in (Layout.all_shared(3, 5), PARTLY, Layout.independent(3, 5))
    )
    # Without bias: 5x5 stem, four residual blocks of two 3x3 convolutions and a projection where the shape changes;
    # two affine vectors for each convolution.
    blocks = [3 * 4 * 25 + 2 * 4]
    for inputs, outputs in ((4, 6), (6, 8), (8, 10), (10, 12)):
        blocks.append(9 * inputs * outputs + 9 * outputs**2 + inputs * outputs + 3 * 2 * outputs)
    assert shared == sum(blocks)
    assert partly == sum(blocks[:3]) + 2 * blocks[3] + 3 * blocks[4]
    assert independent == 3 * shared


def test_normalization_is_inside() -> None:
    model = build(PARTLY)
    images = torch.rand(1, 3, 32, 32)
    seen = []
    model.blocks[0]["0-1-2"].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(images)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen[0], (images - mean.view(3, 1, 1)) / std.view(3, 1, 1))


def test_errors() -> None:
    with pytest.raises(ValueError, match="backbone: expected one of .*'tiny_resnet', found 'vgg'"):
        branched("vgg", PARTLY, HEADS)
    with pytest.raises(ValueError, match="layout: expected 5 blocks .* and 3 tasks .*, found 4 blocks and 3 tasks"):
        branched("tiny_resnet", Layout.all_shared(3, 4), HEADS)
    with pytest.raises(ValueError, match="layout: expected 5 blocks .* and 3 tasks .*, found 5 blocks and 2 tasks"):
        branched("tiny_resnet", Layout.all_shared(2, 5), HEADS)
    with pytest.raises(ValueError, match="tasks: expected one of 'segmentation', 'normal', 'depth', found 'edges'"):
        build(PARTLY)(torch.rand(1, 3, 32, 32), ["edges"])
