"""What every backbone keeps to, parametrised by the registry; and what is particular to the Taskonomy models."""

from __future__ import annotations

import copy
import pickle
from typing import TypeAlias

import pytest
import torch
import torchvision
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mt_torchattacks.models import BACKBONES, BranchedModel, branched
from mt_torchattacks.models.backbones.layers import cut_unread_pixels
from tests.unit.models.small import HEADS, PARTLY, SMALL, build, single_task, unallocated

Outputs: TypeAlias = dict[str, Tensor]

IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=SMALL)
def backbone(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def model(backbone: str) -> BranchedModel:
    """Shared by the tests, which leave it as it is."""
    return build(PARTLY, backbone=backbone)


@pytest.fixture(scope="module")
def expected(model: BranchedModel) -> Outputs:
    return run(model, IMAGES)


@torch.no_grad()
def run(model: BranchedModel, images: Tensor) -> Outputs:
    return model(images)


def flops(module: nn.Module, *inputs: object) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return counter.get_total_flops()


def same(one: Outputs, other: Outputs, tolerance: float = 0) -> None:
    assert list(one) == list(other)
    for task, value in one.items():
        torch.testing.assert_close(value, other[task], rtol=tolerance, atol=tolerance)


def test_every_backbone_is_tested() -> None:
    assert set(SMALL) == set(BACKBONES)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 1), (7, 90)])
def test_outputs_have_the_images_size_and_the_heads_channels(model: BranchedModel, size: tuple[int, int]) -> None:
    outputs = run(model, torch.rand(2, 3, *size))
    assert {task: tuple(output.shape) for task, output in outputs.items()} == {
        task: (2, channels, *size) for task, channels in HEADS.items()
    }
    assert all(output.isfinite().all() for output in outputs.values())


def test_every_parameter_has_a_gradient_and_so_has_each_pixel(model: BranchedModel) -> None:
    images = IMAGES.clone().requires_grad_()
    squares = sum(output.square().sum() for output in model(images).values())
    pixels, *parameters = torch.autograd.grad(squares, [images, *model.parameters()])  # unused ones are an error
    assert pixels.any(dim=1).float().mean() > 0.9  # a few lie behind ReLUs that are off
    assert all(gradient.isfinite().all() for gradient in parameters)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 1), (128, 64)])
def test_no_stride_of_a_narrow_1x1_convolution_divides_the_size(model: BranchedModel, size: tuple[int, int]) -> None:
    """Where it does, oneDNN may corrupt the heap in the gradient of the weight."""
    seen: list[bool] = []

    def look(conv: nn.Module, args: tuple[Tensor], _: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        if conv.in_channels < 16 and conv.kernel_size == (1, 1) and conv.stride != (1, 1):
            sides = args[0].shape[2:]
            seen.append(all(side % step == 0 for side, step in zip(sides, conv.stride, strict=True)))

    hooks = [module.register_forward_hook(look) for module in model.modules() if isinstance(module, nn.Conv2d)]
    run(model, torch.rand(2, 3, *size))
    for hook in hooks:
        hook.remove()
    assert not any(seen)


@pytest.mark.parametrize("stride", [2, 3, (1, 2), (2, 1)])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 4), (6, 12)])
def test_cutting_unread_pixels_changes_nothing(stride: int | tuple[int, int], size: tuple[int, int]) -> None:
    conv = nn.Conv2d(4, 3, 1, stride).double()  # oneDNN, hence its fault, has no double precision
    other = copy.deepcopy(conv)
    cut_unread_pixels(conv)
    assert conv._forward_pre_hooks and not other._forward_pre_hooks
    images = torch.rand(2, 4, *size, dtype=torch.double, requires_grad=True)
    outputs = conv(images), other(images)
    torch.testing.assert_close(*outputs)
    gradients = [
        torch.autograd.grad(output.square().sum(), [images, module.weight])
        for output, module in zip(outputs, (conv, other), strict=True)
    ]
    torch.testing.assert_close(*gradients)


def test_evaluation_is_deterministic_and_training_differs(model: BranchedModel, expected: Outputs) -> None:
    same(run(model, IMAGES), expected)
    assert not torch.equal(run(copy.deepcopy(model).train(), IMAGES)["depth"], expected["depth"])


def test_a_sample_does_not_depend_on_its_batch(model: BranchedModel, expected: Outputs) -> None:
    assert not torch.allclose(expected["depth"][0], expected["depth"][1])
    same({task: output[1:] for task, output in expected.items()}, run(model, IMAGES[1:]), tolerance=1e-3)


def test_normalization_is_inside(model: BranchedModel) -> None:
    seen = []
    hook = model.blocks[0]["0-1-2"].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    run(model, IMAGES)
    hook.remove()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen[0], (IMAGES - mean.view(3, 1, 1)) / std.view(3, 1, 1))


def test_no_block_changes_the_features_that_others_share(model: BranchedModel) -> None:
    """An operation in place on a block's input would change what the other branches and the heads see."""
    kept = []

    def keep(_: nn.Module, args: tuple[Tensor]) -> None:
        kept.append((args[0], args[0].clone()))

    blocks = [block for groups in model.blocks for block in groups.values()]
    hooks = [block.register_forward_pre_hook(keep) for block in blocks]
    run(model, IMAGES)
    for hook in hooks:
        hook.remove()
    assert len(kept) == 8
    assert all(torch.equal(now, before) for now, before in kept)


def test_independent_tasks_are_single_task_models(backbone: str) -> None:
    model = build("independent", backbone=backbone)
    parts = BACKBONES[backbone](**SMALL[backbone])
    for task, output in run(model, IMAGES).items():
        assert torch.equal(run(single_task(parts, model, task, HEADS[task]), IMAGES)[task], output)


def test_flops_are_those_of_the_blocks_and_heads_on_the_tasks_paths(model: BranchedModel) -> None:
    seen: dict[str, tuple[nn.Module, tuple[object, ...]]] = {}
    hooks = [
        module.register_forward_pre_hook(lambda module, args, name=name: seen.update({name: (module, args)}))
        for name, module in model.named_modules()
        if name.count(".") == (2 if name.startswith("blocks") else 1)
    ]
    run(model, IMAGES)
    for hook in hooks:
        hook.remove()
    cost = {name: flops(module, *args) for name, (module, args) in seen.items()}
    for task, path in {"segmentation": "0", "normal": "1-2 1", "depth": "1-2 2"}.items():
        trunk, split = [f"blocks.{b}.0-1-2" for b in range(3)], path.split()
        names = [*trunk, f"blocks.3.{split[0]}", f"blocks.4.{split[-1]}", f"heads.{task}"]
        assert flops(model, IMAGES, [task]) == sum(cost[name] for name in names)
    assert flops(model, IMAGES) == sum(cost.values())


def test_copies_are_equal_and_apart(model: BranchedModel, expected: Outputs) -> None:
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        same(run(other, IMAGES), expected)
        pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
        assert not any(one.data_ptr() == two.data_ptr() for one, two in pairs)


def test_a_state_dict_restores_a_model(backbone: str, model: BranchedModel, expected: Outputs) -> None:
    fresh = branched(backbone, PARTLY, HEADS, **SMALL[backbone]).eval()
    assert not torch.equal(run(fresh, IMAGES)["depth"], expected["depth"])
    fresh.load_state_dict(load(save({name: value.contiguous() for name, value in model.state_dict().items()})))
    same(run(fresh, IMAGES), expected)


def test_the_memory_format_makes_no_difference(model: BranchedModel, expected: Outputs) -> None:
    weights = [parameter for parameter in model.parameters() if parameter.ndim == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    same(run(model, IMAGES.to(memory_format=torch.channels_last)), expected, tolerance=1e-3)
    contiguous = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
    same(run(contiguous, IMAGES), expected, tolerance=1e-3)


def test_each_copy_of_a_block_is_drawn_afresh(backbone: str) -> None:
    for build_block in BACKBONES[backbone](**SMALL[backbone]).blocks:
        pairs = zip(build_block().parameters(), build_block().parameters(), strict=True)
        assert any(not torch.equal(one, two) for one, two in pairs)


TORCHVISION = {
    "taskonomy_resnet18": "resnet18",
    "taskonomy_resnet50": "resnet50",
    "taskonomy_resnet152": "resnet152",
    "taskonomy_wide_resnet50": "wide_resnet50_2",
}


@pytest.mark.parametrize("backbone", TORCHVISION)
def test_a_taskonomy_encoder_is_torchvisions_resnet(backbone: str) -> None:
    """Parameter for parameter, in the same order, and the same strides."""
    model = unallocated(backbone, "all_shared", HEADS)
    with torch.device("meta"):
        reference = torchvision.models.get_model(TORCHVISION[backbone])
    expected = [tuple(p.shape) for name, p in reference.named_parameters() if not name.startswith("fc.")]
    assert [tuple(p.shape) for p in model.blocks.parameters()] == expected
    strides = [[m.stride for m in part.modules() if isinstance(m, nn.Conv2d)] for part in (model.blocks, reference)]
    assert strides[0] == strides[1]


def test_a_taskonomy_encoder_gives_torchvisions_features() -> None:
    torch.manual_seed(0)
    model, reference = branched("taskonomy_resnet18", "all_shared", {"depth": 1}).eval(), torchvision.models.resnet18()
    values = dict(zip(reference.state_dict(), model.blocks.state_dict().values(), strict=False))
    reference.load_state_dict(values, strict=False)
    reference.fc = nn.Identity()
    x = images = torch.rand(1, 3, 64, 64)
    for groups in model.blocks:
        x = groups["0"](x)
    torch.testing.assert_close(x.mean((2, 3)), reference.eval()(images))


def encoder_output(model: BranchedModel) -> tuple[int, ...]:
    x = torch.rand(1, 3, 256, 256, device="meta")
    for groups in model.blocks:
        (block,) = groups.values()
        x = block(x)
    return tuple(x.shape)


@pytest.mark.parametrize(
    ("backbone", "features", "widths"),
    [
        ("taskonomy_resnet18", (512, 8, 8), (256, 128, 64, 48, 32)),
        ("taskonomy_resnet50", (2048, 8, 8), (256, 128, 64, 48, 32)),
        ("taskonomy_resnet152", (2048, 8, 8), (256, 128, 64, 48, 32)),
        ("taskonomy_wide_resnet50", (2048, 8, 8), (256, 128, 64, 48, 32)),
        ("taskonomy_xception", (512, 16, 16), (256, 128, 96, 64)),
    ],
)
def test_decoders_reach_the_images_resolution(
    backbone: str, features: tuple[int, int, int], widths: tuple[int, ...]
) -> None:
    """Sizes for the 256 x 256 images of the Taskonomy code; parameters of the decoder by hand."""
    model = unallocated(backbone, "all_shared", {"segmentation": 17})
    assert encoder_output(model)[1:] == features
    head = model.heads["segmentation"]
    assert head([torch.rand(1, *features, device="meta")]).shape == (1, 17, 256, 256)
    count, inputs = 0, features[0]
    for step, width in enumerate(widths):
        count += 4 * inputs * width + width + 2 * width  # transposed convolution, batch normalization
        last = step == len(widths) - 1
        count += 9 * width * (17 if last else width) + (17 if last else 3 * width)
        inputs = width
    assert sum(parameter.numel() for parameter in head.parameters()) == count


def test_the_xception_encoders_parameters_by_hand() -> None:
    def separable(inputs: int, outputs: int) -> int:
        return 9 * inputs + inputs * outputs + 2 * outputs  # with its batch normalization

    expected = 27 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64
    for inputs, outputs in ((64, 128), (128, 256), (256, 728)):
        expected += separable(inputs, outputs) + separable(outputs, outputs) + inputs * outputs + 2 * outputs
    expected += 8 * 3 * separable(728, 728) + separable(728, 512)
    assert unallocated("taskonomy_xception", "all_shared", HEADS).backbone_parameters() == expected
