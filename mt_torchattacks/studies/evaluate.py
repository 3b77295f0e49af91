"""How a model does under a grid of attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import GridOptions, ModelOptions, PerImageOptions, grid

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import Evaluation, Store


@dataclass
class EvaluateOptions(PerImageOptions, GridOptions, ModelOptions):
    """Options of the study ``evaluate``."""

    images: int = 64


class Evaluated(NamedTuple):
    """What the study found: the evaluation, and in words of what."""

    evaluation: Evaluation
    title: str

    @property
    def per_image(self) -> bool:
        """Whether there are every image's losses."""
        return self.evaluation.clean.sample_losses is not None


class Evaluate(Study[EvaluateOptions, Evaluated]):
    """Metrics and average relative performance (ARP) of one model under every attack of a grid."""

    name = "evaluate"
    help = "attack a model: any attacks, rules and radii"
    example = "--model rooms3/all-shared --attack pgd apgd --balance single dgba --eps 4/255 8/255"
    together = True
    Options = EvaluateOptions

    def run(
        self, store: Store, models: Models, data: Data, options: EvaluateOptions, *, progress: bool = True
    ) -> Evaluated:
        if options.per_image:  # before anything is measured, not when the file is written
            mta.checks.optional("pyarrow", extra="parquet")
        model = one_model(models, options.model)
        images = data(model.name)
        specs = grid(options, list(images.tasks))
        found = mta.evaluation.evaluate_cells(
            store, model, images, specs, seed=options.seed, per_sample=options.per_image, progress=progress
        )
        return Evaluated(found, f"{model.name} on {len(images)} images of {images.name}")

    def tables(self, result: Evaluated) -> list[Table]:
        found = result.evaluation
        title = "Harm by image (increase of the losses over their clean mean, %), and how much less than the strongest"
        several = result.per_image and found.clean.samples > 1
        compared = [Table("compared", title, mta.report.compared_table(found), 2)] if several else []
        return [
            Table("clean", f"Clean metrics of {result.title}", mta.report.clean_table(found), digits=3),
            Table("arp", "ARP (%; higher is the stronger attack), by task and their mean", mta.report.arp_table(found)),
            *compared,
            Table("metrics", "Every metric under every attack", found.to_frame(), digits=4, shown=False),
            Table("rows", "The papers' rows", mta.report.paper_table(found).reset_index(), digits=4, shown=False),
        ]

    def files(self, result: Evaluated) -> Mapping[str, str | bytes]:
        files: dict[str, str | bytes] = {"evaluation.json": result.evaluation.to_json()}
        if result.per_image:
            files["per_image.parquet"] = mta.report.to_parquet(mta.report.per_image_table(result.evaluation))
        return files
