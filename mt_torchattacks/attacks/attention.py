"""Where a transformer looks: attention rollout, as a map over the pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mt_torchattacks import checks
from mt_torchattacks.types import Images


def rollout(attentions: Sequence[Tensor]) -> Tensor:
    """How much each output token looks at each input token, through all blocks (Abnar and Zuidema, 2020, section 3).

    Each block counts as half its attention, averaged over the heads, and half the identity for its skip connection;
    the blocks are multiplied.

    Args:
        attentions: each block's attention weights ``(N, heads, tokens, tokens)``, the first block first.

    Returns:
        ``(N, tokens, tokens)``; each row sums to 1.

    Raises:
        ValueError: there is no block.

    Example:
        >>> uniform = torch.full((1, 2, 4, 4), 0.25)
        >>> rollout([uniform, uniform])[0, 0]
        tensor([0.4375, 0.1875, 0.1875, 0.1875])
    """
    checks.require(len(attentions) > 0, "attentions", "the attention weights of at least one block", "none")
    tokens = attentions[0].shape[-1]
    result = torch.eye(tokens, dtype=attentions[0].dtype, device=attentions[0].device)
    for attention in attentions:
        mixed = attention.mean(dim=1) + torch.eye(tokens, dtype=attention.dtype, device=attention.device)
        result = (mixed / mixed.sum(dim=-1, keepdim=True)) @ result
    return result


def attention_weights(model: nn.Module, images: Images) -> list[Tensor]:
    """The attention weights ``(N, heads, tokens, tokens)`` of every ``nn.MultiheadAttention``, in the order of use.

    This covers torchvision's vision transformers and ``nn.TransformerEncoder``, which ask for no weights themselves;
    one forward pass, without gradients.

    Raises:
        TypeError: the model has no ``nn.MultiheadAttention`` that was used.
    """
    found: list[Tensor] = []

    def ask(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs | {"need_weights": True, "average_attn_weights": False}

    def keep(_: nn.Module, args: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        found.append(output[1])

    with ExitStack() as hooks, _fused_passes_off(), torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.MultiheadAttention):
                hooks.enter_context(module.register_forward_pre_hook(ask, with_kwargs=True))
                hooks.enter_context(module.register_forward_hook(keep))
        model(images)
    expected = "a trunk with nn.MultiheadAttention; for another, give Rollout its own 'weights'"
    checks.require(len(found) > 0, "model", expected, type(model).__name__, TypeError)
    return found


@contextmanager
def _fused_passes_off() -> Iterator[None]:
    """Within it, encoder layers call their attention; the fused pass of PyTorch 2.4 goes past its hooks."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class Rollout:
    """A transformer trunk's attention as a map over the pixels: ``(N, C, H, W) -> (N, 1, H, W)``, largest value 1.

    The map phi of SAGA (Mahmood et al., arXiv:2104.02610), for ``attention`` of :class:`~mt_torchattacks.AutoSAGA`.

    Args:
        model: the trunk, or a model around it; one forward pass a map.
        weights: ``images -> each block's attention weights (N, heads, tokens, tokens)``, for trunks without
            ``nn.MultiheadAttention``.
        special: how many tokens before the patches' are not patches: 1 for a class token, whose attention is shown;
            with 0 the patches' mean attention is.

    Raises:
        ValueError: the tokens cannot be laid out as a grid of the image's proportions.

    Example:
        >>> uniform = lambda images: [torch.full((len(images), 1, 5, 5), 0.2)]
        >>> Rollout(torch.nn.Identity(), uniform)(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        weights: Callable[[Images], Sequence[Tensor]] | None = None,
        special: int = 1,
    ) -> None:
        self.model = model
        self.weights = weights
        self.special = special

    @torch.no_grad()
    def __call__(self, images: Images) -> Tensor:
        weights = attention_weights(self.model, images) if self.weights is None else self.weights(images)
        looked = rollout(weights)[:, :, self.special :]
        patches = looked[:, 0] if self.special else looked.mean(dim=1)
        patches = patches / patches.amax(dim=1, keepdim=True)
        height, width = images.shape[2:]
        rows = round((patches.shape[1] * height / width) ** 0.5)
        expected = f"tokens that make a grid of the proportions {height} x {width}"
        checks.require(rows > 0 and patches.shape[1] % rows == 0, "weights", expected, f"{patches.shape[1]} patches")
        grid = patches.reshape(len(images), 1, rows, -1)
        return nn.functional.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)

    def __repr__(self) -> str:
        return f"Rollout({type(self.model).__name__})"
