"""The base class of torchattacks' attacks, with the types that it does not have itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import Tensor, nn
    from torchattacks.attack import Attack

    from mt_torchattacks.types import Targets

    class Host(Attack):
        """What an attack has from torchattacks, as type checkers see it."""

        model: nn.Module
        device: torch.device
        attack: str
        attack_mode: str
        targeted: bool
        supported_mode: list[str]
        normalization_used: dict[str, Tensor] | None

        def get_mode(self) -> str: ...
        def set_device(self, device: torch.device | str) -> None: ...
        def set_normalization_used(self, mean: Sequence[float], std: Sequence[float]) -> None: ...
        def set_mode_default(self) -> None: ...
        def _change_model_mode(self, given_training: bool) -> None: ...
        def _recover_model_mode(self, given_training: bool) -> None: ...
        def set_mode_targeted_by_label(self, quiet: bool = False) -> None: ...
        def set_mode_targeted_by_function(
            self, target_map_function: Callable[[Tensor, Targets], Targets], quiet: bool = False
        ) -> None: ...
        def set_model_training_mode(
            self, model_training: bool = False, batchnorm_training: bool = False, dropout_training: bool = False
        ) -> None: ...

else:
    Host = object
