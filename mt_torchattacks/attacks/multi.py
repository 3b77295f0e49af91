"""Several attacks one after another, each sample keeping the best."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mt_torchattacks import checks
from mt_torchattacks.attacks.best import CLEAN, BestOf
from mt_torchattacks.attacks.host.attack import MultiTaskAttack, named_arguments
from mt_torchattacks.types import Images, Targets


class MultiAttack:
    """Run attacks on the same images and keep, for each sample, the result with the highest score.

    torchattacks' MultiAttack hands on the samples whose class has not changed; with several tasks there is no such
    event, so every attack sees every sample and the score decides: that of the first attack's tasks and rule, which is
    never below that of the best attack of the list. The clean image counts as a result too.

    Args:
        attacks: two or more multi-task attacks on one model.

    Raises:
        TypeError: something else than a multi-task attack.
        ValueError: fewer than two, or attacks on different models, with different bounds or normalizations.

    Example:
        >>> import torch, mt_torchattacks as mta
        >>> model, tasks = torch.nn.Conv2d(3, 1, 1), mta.Tasks(depth=mta.losses.L1())
        >>> attack = mta.MultiAttack([mta.FGSM(model, tasks), mta.PGD(model, tasks, steps=3)])
        >>> attack(torch.rand(2, 3, 8, 8), {"depth": torch.zeros(2, 1, 8, 8)}).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, attacks: Sequence[MultiTaskAttack]) -> None:
        checks.require(len(attacks) >= 2, "attacks", "two or more attacks", len(attacks))
        for attack in attacks:
            expected = "multi-task attacks (mta.PGD(...), ...)"
            checks.require(isinstance(attack, MultiTaskAttack), "attacks", expected, checks.describe(attack), TypeError)
        models = {id(attack.model) for attack in attacks}
        checks.require(len(models) == 1, "attacks", "attacks on one model", f"{len(models)} models")
        bounds = [attack.box.numbers for attack in attacks]
        same = all(numbers == bounds[0] for numbers in bounds)
        checks.require(same, "attacks", "attacks with the same bounds", f"bounds {bounds}")
        means = [_normalization(attack) for attack in attacks]
        same = all(mean == means[0] for mean in means)
        checks.require(same, "attacks", "attacks with the same normalization", f"{means}")
        self.attacks = list(attacks)

    def __call__(
        self,
        inputs: Images | None = None,
        labels: Targets | None = None,
        *,
        images: Images | None = None,
        targets: Targets | None = None,
    ) -> Tensor:
        """Adversarial images of the inputs' shape; see :meth:`mt_torchattacks.MultiTaskAttack.__call__`."""
        inputs, labels = named_arguments(inputs, labels, images, targets)
        results = [attack(inputs, labels) for attack in self.attacks]
        assert inputs is not None
        clean, score = inputs.to(results[0]), self.attacks[0].scores
        best = BestOf(clean, score(clean, inputs, labels), name=CLEAN)
        for number, found in enumerate(results):
            best.add(found, score(found, inputs, labels), name=f"attack {number}")
        return best.images

    def __repr__(self) -> str:
        return f"MultiAttack({self.attacks})"


def _normalization(attack: MultiTaskAttack) -> dict[str, list[float]]:
    """Mean and standard deviation by channel; empty for an attack on images that are not normalized."""
    return {name: value.flatten().tolist() for name, value in (attack.normalization_used or {}).items()}
