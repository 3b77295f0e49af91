"""What a user may get wrong: every message says which argument, what was expected and what was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mt_torchattacks as mta
from mt_torchattacks.attacks import ATTACKS, attack_class
from tests import toys

Batch = tuple[Tensor, dict[str, Tensor]]


def attack(images: Any, targets: Any, model: nn.Module | None = None, tasks: mta.Tasks | None = None) -> Tensor:
    return mta.PGD(model or toys.Toy(), tasks or toys.tasks(), steps=2)(images, targets)


@pytest.fixture(name="case")
def _case() -> Batch:
    return toys.batch(3)


class TestTargets:
    def test_a_missing_task(self, case: Batch) -> None:
        images, targets = case
        del targets["depth"]
        with pytest.raises(KeyError) as caught:
            attack(images, targets)
        assert "'depth' missing among 'classes', 'segmentation', 'normal'" in str(caught.value)

    @pytest.mark.parametrize("targets", [None, torch.zeros(3), [1, 2, 3]])
    def test_not_a_mapping(self, case: Batch, targets: Any) -> None:
        with pytest.raises(TypeError, match="targets: expected a mapping with the keys 'classes', 'segmentation'"):
            attack(case[0], targets)

    def test_another_number_of_samples(self, case: Batch) -> None:
        images, targets = case
        targets["depth"] = targets["depth"][:2]
        with pytest.raises(
            ValueError, match=r"targets\['depth'\]: expected a tensor with 3 samples, one for each image"
        ):
            attack(images, targets)

    def test_another_number_of_samples_than_a_noise_batch_attack_splits_off(self, case: Batch) -> None:
        images, targets = case
        doubled = {**targets, "depth": torch.cat([targets["depth"]] * 2)}
        split = mta.PGDRS(toys.Toy(), toys.tasks(), steps=1, noise_batch_size=2, batch_max=2)
        with pytest.raises(ValueError, match=r"targets\['depth'\]: expected a tensor with 3 samples"):
            split(images, doubled)
        ignoring = mta.PGDRS(toys.Toy(), toys.tasks().with_roles(depth="ignore"), steps=1, noise_batch_size=2)
        assert ignoring(images, {**targets, "depth": None}).shape == images.shape

    def test_made_in_inference_mode(self, case: Batch) -> None:
        images, targets = case
        tasks = mta.Tasks(classes=nn.CrossEntropyLoss(reduction="none"), depth=nn.MSELoss(reduction="none"))
        model = toys.Toy()
        torch.manual_seed(0)
        expected = attack(images, {name: targets[name] for name in tasks}, model, tasks)
        torch.manual_seed(0)
        with torch.inference_mode():
            found = attack(images.clone(), {name: targets[name].clone() for name in tasks}, model, tasks)
        assert torch.equal(found, expected)

    def test_a_wrong_shape(self, case: Batch) -> None:
        images, targets = case
        targets["normal"] = targets["normal"][:, :2]
        with pytest.raises(ValueError, match=r"task 'normal': target: expected .* shape \(3, 3, 16, 16\), found"):
            attack(images, targets)

    def test_a_wrong_dtype(self, case: Batch) -> None:
        images, targets = case
        targets["segmentation"] = targets["segmentation"].float()
        with pytest.raises(TypeError, match="task 'segmentation': target: expected class labels of dtype int64"):
            attack(images, targets)

    def test_a_label_out_of_range(self, case: Batch) -> None:
        images, targets = case
        targets["segmentation"][0, 3, 3] = 4
        with pytest.raises(
            ValueError, match=r"task 'segmentation': target: expected labels in \[0, 4\) or ignore_index=255"
        ):
            attack(images, targets)

    def test_nan(self, case: Batch) -> None:
        images, targets = case
        targets["normal"][1, 0, 5, 5] = float("nan")
        tasks = toys.tasks().only(["normal"])
        with pytest.raises(ValueError, match="task 'normal': target: expected finite values, found"):
            attack(images, targets, tasks=mta.Tasks({**tasks, "normal": mta.losses.CosineDistance()}))

    def test_a_sample_with_no_valid_pixel_for_one_task(self, case: Batch) -> None:
        images, targets = case
        full = attack(images[1:], {key: t[1:] for key, t in targets.items()})
        targets["depth"][0] = 0
        torch.manual_seed(0)
        adversarial = attack(images, targets)
        assert bool(torch.isfinite(adversarial).all())
        assert bool((adversarial != images).flatten(1).any(1).all())
        assert full.shape == adversarial[1:].shape

    def test_a_sample_with_no_task_left(self, case: Batch) -> None:
        """Not for want of a target, which would leave it clean with a warning: its loss is 0 whatever the image."""
        images, targets = case

        def blind(output: Tensor, target: Tensor) -> Tensor:
            return (output - target).abs().flatten(1).mean(dim=1) * torch.tensor([1.0, 0.0, 1.0])

        with pytest.raises(
            ValueError, match=r"expected at least one task to attack for every sample, .*sample\(s\) \[1\]"
        ):
            mta.PGD(toys.Toy(), mta.Tasks(depth=blind), balance="single:depth")(images, targets)


class TestImages:
    @pytest.mark.parametrize(("change", "error", "message"), [
        (lambda x: x[:0], ValueError, "images: expected at least one sample, found an empty batch"),
        (lambda x: x[:, 0, 0, 0], ValueError, r"images: expected shape \(N, .*\(N, C, H, W\), found .*\(3,\)"),
        (lambda x: x * 255, ValueError, r"images: expected values in \[0, 1\], found values in \[.*, 25"),
        (lambda x: x - 0.5, ValueError, r"images: expected values in \[0, 1\], found values in \[-0"),
        (lambda x: (x * 255).to(torch.uint8), TypeError, "images: expected a floating-point dtype .*, found uint8"),
        (lambda x: x.log() * 0, ValueError, "images: expected finite values, found .* NaN or infinite"),
        (lambda x: x.numpy(), TypeError, r"images: expected a tensor of shape \(N, .*\(N, C, H, W\), found ndarray"),
        (lambda x: x.to("meta"), ValueError, "images: expected values, found a tensor on the device 'meta'"),
    ])  # fmt: skip
    def test_images(self, case: Batch, change: Any, error: type, message: str) -> None:
        images, targets = case
        images[0, 0, 0, 0] = 0
        targets = {key: t[: len(change(images))] for key, t in targets.items()} if error is ValueError else targets
        with pytest.raises(error, match=message):
            attack(change(images), targets)

    @pytest.mark.parametrize("name", [name for name in ATTACKS if attack_class(name).traits.images])
    def test_attacks_that_use_the_geometry_of_images(self, case: Batch, name: str) -> None:
        images, targets = case
        with pytest.raises(
            ValueError, match=r"images: expected shape \(N, C, H, W\), found float32 of shape \(3, 16, 16\)"
        ):
            getattr(mta, name)(toys.Toy(), toys.tasks())(images[0], targets)


class TestArguments:
    @pytest.mark.parametrize(("name", "value"), [("eps", 0), ("eps", -1 / 255), ("alpha", 0.0), ("steps", 0)])
    def test_not_positive(self, name: str, value: float) -> None:
        with pytest.raises(ValueError, match=f"{name}: expected a number > 0, found {value}"):
            mta.PGD(toys.Toy(), toys.tasks(), **{name: value})

    def test_a_radius_in_grey_levels(self) -> None:
        for name, argument in (("PGD", "eps"), ("PIFGSM", "max_epsilon"), ("APGD", "eps")):
            with pytest.raises(
                ValueError, match=rf"{argument}: expected a radius of at most 1, .*\(8/255, not 8\), found 8"
            ):
                getattr(mta, name)(toys.Toy(), toys.tasks(), **{argument: 8})
        mta.PGDL2(toys.Toy(), toys.tasks(), eps=3.0)
        mta.APGD(toys.Toy(), toys.tasks(), norm="L2", eps=3.0)

    def test_set_later(self, case: Batch) -> None:
        pgd = mta.PGD(toys.Toy(), toys.tasks())
        pgd.eps = -1.0
        with pytest.raises(ValueError, match=r"eps: expected a number > 0, found -1\.0"):
            pgd(*case)

    @pytest.mark.parametrize(("name", "arguments", "error", "message"), [
        ("PGD", {"steps": 2.5}, TypeError, "steps: expected a whole number > 0, found 2.5"),
        ("APGD", {"n_restarts": 1.5}, TypeError, "n_restarts: expected a whole number > 0, found 1.5"),
        ("APGD", {"seed": "a"}, TypeError, "seed: expected a whole number, found 'a'"),
        ("APGD", {"rho": 7.0}, ValueError, r"rho: expected a share of the steps in \[0, 1\], found 7.0"),
        ("APGD", {"norm": "L2", "eps": float("inf")}, ValueError, "eps: expected a finite number, found inf"),
        ("Square", {"n_queries": 20.5}, TypeError, "n_queries: expected a whole number > 0, found 20.5"),
        ("Square", {"stop_at": "x"}, TypeError, "stop_at: expected a number or None, found 'x'"),
        ("Square", {"p_init": "x"}, TypeError, r"p_init: expected a share of the pixels in \(0, 1\], found 'x'"),
        ("SPSA", {"nb_sample": 2.5}, TypeError, "nb_sample: expected a whole number > 0, found 2.5"),
        ("AutoSAGA", {"decay": None}, TypeError, "decay: expected a number >= 0, found None"),
    ])  # fmt: skip
    def test_numbers(self, name: str, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            getattr(mta, name)(toys.Toy(), toys.tasks(), **arguments)

    def test_numbers_of_numpy(self, case: Batch) -> None:
        plain = mta.APGD(toys.Toy(), toys.tasks(), eps=8 / 255, steps=3)
        numbers = {"eps": np.float64(8 / 255), "steps": np.int64(3), "seed": np.int32(0)}
        assert torch.equal(mta.APGD(toys.Toy(), toys.tasks(), **numbers)(*case), plain(*case))

    def test_arguments_that_an_attack_does_not_have(self, case: Batch) -> None:
        for name in ("PGD", "Square"):
            with pytest.raises(TypeError, match="wacth"):
                getattr(mta, name)(toys.Toy(), toys.tasks())(*case, wacth=print)

    def test_wrong_types(self) -> None:
        with pytest.raises(TypeError, match="eps: expected a number, or one a channel, found '8/255'"):
            mta.PGD(toys.Toy(), toys.tasks(), eps="8/255")
        with pytest.raises(TypeError, match="model: expected a torch.nn.Module, found function"):
            mta.PGD(lambda x: x, toys.tasks())
        with pytest.raises(ValueError, match="norm: expected one of 'Linf', 'L2', 'L1', found 'L0'"):
            mta.APGD(toys.Toy(), toys.tasks(), norm="L0")

    @pytest.mark.parametrize("name", ["APGD", "UPGD"])
    def test_losses_of_one_classifier(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"loss: expected 'ce' \(here: the tasks' own losses.*found 'dlr'"):
            getattr(mta, name)(toys.Toy(), toys.tasks(), loss="dlr")


class Broken(toys.Toy):
    """A toy whose outputs go through a function first."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Any:
        return self.change(x, super().forward(x))


class TestModels:
    def test_an_input_that_is_detached(self, case: Batch) -> None:
        model = Broken(lambda x, outputs: {key: value.detach() for key, value in outputs.items()})
        with pytest.raises(ValueError, match="model output 'classes': expected outputs that can be differentiated"):
            attack(*case, model=model)

    def test_one_head_that_is_detached(self, case: Batch) -> None:
        model = Broken(lambda x, outputs: {**outputs, "depth": outputs["depth"].detach()})
        with pytest.raises(ValueError, match="model output 'depth': expected outputs that can be differentiated"):
            attack(*case, model=model)

    def test_a_gradient_that_is_zero_everywhere(self, case: Batch) -> None:
        model = Broken(lambda x, outputs: {key: value.detach() + 0 * value for key, value in outputs.items()})
        with pytest.raises(ValueError, match="model: expected outputs 'classes', .* found a gradient of zero for all"):
            attack(*case, model=model)

    def test_a_loss_that_is_nan_on_clean_images(self, case: Batch) -> None:
        def change(x: Tensor, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
            bad = torch.tensor([0.0, 0.0, float("nan")]).reshape(3, 1, 1, 1)
            return {**outputs, "depth": outputs["depth"] + bad}

        message = "loss of task 'depth': expected a finite value on the clean image, found nan for sample 2"
        with pytest.raises(ValueError, match=message):
            attack(*case, model=Broken(change))

    def test_a_missing_output(self, case: Batch) -> None:
        model = Broken(lambda x, outputs: {"class": outputs["classes"], "depth": outputs["depth"]})
        with pytest.raises(KeyError) as caught:
            attack(*case, model=model)
        assert "'classes', 'segmentation', 'normal' missing among 'class', 'depth'" in str(caught.value)

    def test_on_a_device_without_values(self, case: Batch) -> None:
        with pytest.raises(ValueError, match="model: expected parameters with values, found parameters on the device"):
            attack(*case, model=toys.Toy().to("meta"))

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: a model elsewhere than its images")
    def test_on_another_device_than_the_images(self, case: Batch) -> None:
        assert attack(*case, model=toys.Toy().cuda()).device.type == "cuda"

    def test_a_batch_mean_is_refused(self, case: Batch) -> None:
        tasks = mta.Tasks({**toys.tasks(), "depth": lambda output, target: (output - target).abs().mean()})
        with pytest.raises(ValueError, match=r"task 'depth': loss: expected one loss per sample, shape \(3,\)"):
            attack(*case, tasks=tasks)

    def test_parameterless_models_work(self) -> None:
        class Mean(nn.Module):
            def forward(self, x: Tensor) -> dict[str, Tensor]:
                return {"mean": x.mean(dim=(1, 2, 3))}

        images = torch.rand(2, 3, 4, 4) * 0.5 + 0.2
        tasks = mta.Tasks(mean=lambda output, target: output - target)
        adversarial = mta.FGSM(Mean(), tasks, eps=0.1)(images, {"mean": torch.zeros(2)})
        torch.testing.assert_close(adversarial, images + 0.1)


class TestKindsOfImages:
    def test_channels_last(self, case: Batch) -> None:
        images, targets = case
        bim = mta.BIM(toys.Toy(), toys.tasks())
        expected = bim(images, targets)
        found = bim(images.contiguous(memory_format=torch.channels_last), targets)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert ((found - expected).abs() > 1e-6).float().mean() < 0.01

    @pytest.mark.parametrize("name", sorted(mta.attacks.HOSTED))
    def test_bfloat16(self, case: Batch, name: str) -> None:
        images, targets = case
        images = images.bfloat16()
        radius = {"max_epsilon": 8 / 255} if name.startswith("PIFGSM") else {"eps": 8 / 255}
        found = getattr(mta, name)(toys.Toy().bfloat16(), toys.tasks(), **radius)(images, targets)
        assert found.dtype == torch.bfloat16
        assert bool(torch.isfinite(found).all())
        rounding = 2**-8  # of a bfloat16 just below 1
        assert (found.float() - images.float()).abs().max() <= 8 / 255 + rounding
        assert not torch.equal(found, images)

    def test_autocast(self, case: Batch) -> None:
        images, targets = case
        torch.manual_seed(0)
        expected = attack(images, targets)
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            found = attack(images, targets)
        assert found.dtype == torch.float32
        assert (found - images).abs().max() <= 8 / 255 + 1e-6
        assert ((found - expected).abs() > 1e-6).float().mean() < 0.2  # bfloat16 gradients, nearly the same signs

    def test_odd_sizes(self) -> None:
        class Wide(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.depth = nn.Conv2d(3, 1, 3, padding=1)

            def forward(self, x: Tensor) -> dict[str, Tensor]:
                return {"depth": self.depth(x)}

        tasks, targets = mta.Tasks(depth=mta.losses.L1()), {"depth": torch.rand(2, 1, 7, 13)}
        assert attack(torch.rand(2, 3, 7, 13), targets, Wide(), tasks).shape == (2, 3, 7, 13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, t: mta.PGD(m),
            r"tasks: expected after the model, as in mta.PGD\(model, mta.Tasks\(.*\)\), found none",
        ),
        (lambda m, t: mta.PGD(m, t, 8 / 255), r"balance: expected a name or a Rule \(.* eps=0.03137\), found 0.0313"),
        (lambda m, t: mta.PGD(m, t, epsilon=0.1), r"PGD: expected .*'eps'.*, found 'epsilon' \(here it is 'eps'\)"),
        (lambda m, t: mta.APGD(m, t, stepz=3), r"found 'stepz' \(did you mean 'steps'\?\)"),
        (lambda m, t: mta.AutoSAGA(m, t, max_iter=3), r"found 'max_iter' \(here it is 'steps'\)"),
        (lambda m, t: mta.FGSM(m, t, nonsense=3), "found 'nonsense'"),
        (
            lambda m, t: mta.evaluate(m, t, [], mta.PGD(m, t)),
            "attacks: expected a mapping of names to attacks, .*found PGD",
        ),
        (lambda m, t: mta.PGD(m, t)((255 * torch.rand(1, 3, 4, 4)).byte(), {}), r"dtype \(bytes: .float\(\) / 255\)"),
    ],
)
def test_what_people_of_other_libraries_write_is_answered_with_what_to_write(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(toys.Toy(), toys.tasks())
