"""The papers' backbones: parameters of all published layouts, resolutions, and the blocks' origin."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from mt_torchattacks.models import BranchedModel, Layout, branched, published_layouts
from mt_torchattacks.models.backbones.deeplab import ASPPHead


def unallocated(backbone: str, layout: Layout) -> BranchedModel:
    """A model at full width whose parameters take no memory."""
    with torch.device("meta"):
        return branched(backbone, layout, {f"task{t}": 1 for t in range(layout.num_tasks)}, head_width=1)


def single(backbone: str, **options: float) -> BranchedModel:
    torch.manual_seed(0)
    return branched(backbone, Layout.all_shared(1, 5), {"depth": 1}, head_width=4, **options).eval()


@pytest.mark.parametrize("name", published_layouts())
def test_published_parameters(name: str) -> None:
    published = published_layouts()[name]
    model = unallocated("deeplab_resnet34", published.layout)
    millions = model.backbone_parameters(as_published=True) / 1e6
    # The printed numbers have two digits, of which some were cut and others rounded.
    assert millions == pytest.approx(published.parameters, abs=0.01)


@pytest.mark.parametrize(("backbone", "left_out"), [("deeplab_resnet34", "fc."), ("mobilenet_v2", "classifier.")])
def test_parameters_are_those_of_torchvision(backbone: str, left_out: str) -> None:
    with torch.device("meta"):
        reference = torchvision.models.get_model(backbone.removeprefix("deeplab_"))
    # mobilenet_v2's features.18 is its classifier's convolution
    kept = {key: p for key, p in reference.named_parameters() if not key.startswith((left_out, "features.18."))}
    model = unallocated(backbone, Layout.all_shared(1, 5))
    assert [tuple(p.shape) for p in model.blocks.parameters()] == [tuple(p.shape) for p in kept.values()]
    assert model.backbone_parameters() == sum(p.numel() for p in kept.values())
    biases = sum(
        m.num_features for n, m in reference.named_modules() if isinstance(m, nn.BatchNorm2d) and "18" not in n
    )
    assert model.backbone_parameters() - model.backbone_parameters(as_published=True) == biases


@pytest.mark.parametrize(
    ("backbone", "strides"), [("deeplab_resnet34", [4, 4, 8, 8, 8]), ("mobilenet_v2", [2, 4, 8, 8, 8])]
)
def test_resolution_after_each_block_and_of_the_output(backbone: str, strides: list[int]) -> None:
    model = single(backbone, width=8 if backbone == "deeplab_resnet34" else 0.25)
    seen: list[int] = []
    for groups in model.blocks:
        groups["0"].register_forward_hook(lambda _, args, output: seen.append(64 // output.shape[-1]))
    assert model(torch.rand(2, 3, 64, 64))["depth"].shape == (2, 1, 64, 64)
    assert seen == strides


@pytest.mark.parametrize("backbone", ["deeplab_resnet34", "mobilenet_v2"])
def test_dilation(backbone: str) -> None:
    model = unallocated(backbone, Layout.all_shared(1, 5))
    dilations = [
        {m.dilation[0] for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size[0] == 3} - {1}
        for block in model.blocks
    ]
    assert dilations == [set(), set(), set(), {2}, {4}]


def test_undilated_layers_are_torchvisions() -> None:
    """Up to layer 2 the network is torchvision's ResNet-34, weight for weight."""
    model, reference = single("deeplab_resnet34"), torchvision.models.resnet34().eval()
    values = list(reference.state_dict().values())[: len(model.blocks.state_dict())]
    model.blocks.load_state_dict(dict(zip(model.blocks.state_dict(), values, strict=True)))
    x = torch.rand(1, 3, 64, 64)
    expected = reference.maxpool(reference.relu(reference.bn1(reference.conv1(x))))
    for block, layer in zip(model.blocks, [nn.Identity(), reference.layer1, reference.layer2], strict=False):
        x, expected = block["0"](x), layer(expected)
        torch.testing.assert_close(x, expected)


def test_the_head_sums_a_branch_for_each_rate() -> None:
    head = ASPPHead(3, 4, 2).eval()
    assert [branch[0].dilation[0] for branch in head.branches] == [6, 12, 18, 24]
    features = [torch.rand(1, 5, 8, 8), torch.rand(1, 3, 8, 8)]
    torch.testing.assert_close(head(features), sum(branch(features[-1]) for branch in head.branches))
