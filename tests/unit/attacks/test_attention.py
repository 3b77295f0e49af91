"""Attention rollout against naive loops, and the weights of torchvision's and PyTorch's own transformers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import Rollout
from mt_torchattacks.attacks.attention import attention_weights, rollout


def naive_rollout(attentions: list[Tensor], sample: int) -> Tensor:
    """Abnar and Zuidema's recursion, element by element."""
    n = attentions[0].shape[-1]
    result = [[1.0 if i == j else 0.0 for j in range(n)] for i in range(n)]
    for attention in attentions:
        heads = attention[sample].tolist()
        mean = [[sum(head[i][j] for head in heads) / len(heads) for j in range(n)] for i in range(n)]
        mixed = [[0.5 * mean[i][j] + (0.5 if i == j else 0.0) for j in range(n)] for i in range(n)]
        result = [[sum(mixed[i][k] * result[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
    return torch.tensor(result, dtype=attentions[0].dtype)


def test_rollout_against_a_naive_loop() -> None:
    g = torch.Generator().manual_seed(0)
    attentions = [torch.rand(2, 3, 5, 5, generator=g, dtype=torch.float64).softmax(-1) for _ in range(3)]
    found = rollout(attentions)
    for sample in range(2):
        torch.testing.assert_close(found[sample], naive_rollout(attentions, sample))
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 5, dtype=torch.float64))
    with pytest.raises(
        ValueError, match="attentions: expected the attention weights of at least one block, found none"
    ):
        rollout([])


def by_hand(attention: nn.MultiheadAttention, x: Tensor) -> Tensor:
    """``softmax(q k^T / sqrt(d))`` of every head, from the layer's parameters."""
    n, tokens, width = x.shape
    weight, bias, heads = attention.in_proj_weight, attention.in_proj_bias, attention.num_heads
    q, k, _ = (x @ weight.T + bias).chunk(3, dim=-1)
    q, k = (part.reshape(n, tokens, heads, width // heads).transpose(1, 2) for part in (q, k))
    return (q @ k.mT / (width // heads) ** 0.5).softmax(dim=-1)


def vit() -> nn.Module:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    arguments = {"image_size": 16, "patch_size": 4, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}
    model = torchvision.models.VisionTransformer(**arguments, num_classes=3).double().eval()
    nn.init.normal_(model.heads.head.weight)
    nn.init.normal_(model.class_token)
    return model


@pytest.mark.parametrize("frozen", [False, True], ids=["trainable", "frozen"])
def test_weights_of_torchvisions_vision_transformer(frozen: bool) -> None:
    model, images = vit().requires_grad_(not frozen), torch.rand(2, 3, 16, 16).double()
    before = model(images)
    inputs: list[Tensor] = []
    layers = [block.self_attention for block in model.encoder.layers]
    handles = [layer.register_forward_hook(lambda _, args, output: inputs.append(args[0])) for layer in layers]
    found = attention_weights(model, images)
    for handle in handles:
        handle.remove()
    assert len(found) == 2
    for layer, x, weights in zip(layers, inputs, found, strict=True):
        assert weights.shape == (2, 2, 17, 17)
        torch.testing.assert_close(weights, by_hand(layer, x))
    assert torch.equal(model(images), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_weights_of_pytorchs_transformer_encoder() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.Flatten(2), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)).eval()
    images = torch.rand(3, 6, 2, 4)
    tokens = images.flatten(2)
    found = attention_weights(model, images)
    assert [weights.shape for weights in found] == [(3, 2, 6, 6)] * 2
    torch.testing.assert_close(found[0], by_hand(model[1].layers[0].self_attn, tokens))


def test_the_map_is_the_class_tokens_attention_laid_over_the_image() -> None:
    attention = torch.full((1, 1, 5, 5), 0.2)
    attention[0, 0, 0] = torch.tensor([0.2, 0.4, 0.2, 0.1, 0.1])  # the class token looks at the upper left most
    found = Rollout(nn.Identity(), lambda images: [attention])(torch.rand(1, 3, 8, 8))
    expected = nn.functional.interpolate(
        torch.tensor([[[[1.0, 0.5], [0.25, 0.25]]]]), size=(8, 8), mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(found, expected)


def test_without_a_class_token_the_patches_mean_counts_and_the_grid_follows_the_image() -> None:
    attention = torch.zeros(1, 1, 8, 8)
    attention[..., 5] = 1.0  # every patch looks at the sixth: row 2, column 2 of 2 x 4
    found = Rollout(nn.Identity(), lambda images: [attention], special=0)(torch.rand(1, 3, 4, 8))
    assert found.shape == (1, 1, 4, 8)
    assert divmod(int(found.argmax()), 8) in [(2, 2), (2, 3), (3, 2), (3, 3)]
    with pytest.raises(ValueError, match="weights: expected tokens that make a grid of the proportions 4 x 8, found 7"):
        Rollout(nn.Identity(), lambda images: [attention])(torch.rand(1, 3, 4, 8))


def test_another_trunk_needs_its_own_weights() -> None:
    with pytest.raises(TypeError, match=r"model: expected a trunk with nn.MultiheadAttention; .* found Conv2d"):
        Rollout(nn.Conv2d(3, 1, 1))(torch.rand(1, 3, 4, 4))


def test_auto_saga_on_a_transformer_and_a_convolutional_network() -> None:
    cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 3)).double()
    ensemble = mta.Ensemble({"vit": vit(), "cnn": cnn})
    tasks, images = mta.Tasks(ensemble.each(mta.losses.CrossEntropy())), torch.rand(4, 3, 16, 16).double()
    targets = ensemble.each(torch.tensor([0, 1, 2, 0]))
    with_maps = mta.AutoSAGA(ensemble, tasks, steps=5, attention={"vit": Rollout(ensemble.models["vit"])})
    adversarial = with_maps(images, targets)
    after, before = tasks.losses(ensemble(adversarial), targets), tasks.losses(ensemble(images), targets)
    assert all(bool((after[name] > before[name]).all()) for name in tasks)
    without = mta.AutoSAGA(ensemble, tasks, steps=5)(images, targets)
    assert not torch.equal(adversarial, without)
    assert "Rollout(VisionTransformer)" in repr(with_maps)
