"""How a model does under a grid of attacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table, one_model
from mt_torchattacks.studies.options import GridOptions, ModelOptions, grid

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import Evaluation, Store


@dataclass
class EvaluateOptions(GridOptions, ModelOptions):
    """Options of the study ``evaluate``."""

    images: int = 64


class Evaluated(NamedTuple):
    """What the study found: the evaluation, and in words of what."""

    evaluation: Evaluation
    title: str


class Evaluate(Study[EvaluateOptions, Evaluated]):
    """Metrics and average relative performance (ARP) of one model under every attack of a grid."""

    name = "evaluate"
    help = "attack a model: any attacks, rules and radii"
    example = "--model rooms3/all-shared --attack pgd apgd --balance single dgba --eps 4/255 8/255"
    Options = EvaluateOptions

    def run(
        self, store: Store, models: Models, data: Data, options: EvaluateOptions, *, progress: bool = True
    ) -> Evaluated:
        model = one_model(models, options.model)
        images = data(model.name)
        specs = grid(options, list(images.tasks))
        found = mta.evaluation.evaluate_cells(store, model, images, specs, seed=options.seed, progress=progress)
        return Evaluated(found, f"{model.name} on {len(images)} images of {images.name}")

    def tables(self, result: Evaluated) -> list[Table]:
        found = result.evaluation
        return [
            Table("clean", f"Clean metrics of {result.title}", mta.report.clean_table(found), digits=3),
            Table("arp", "ARP (%; higher is the stronger attack), by task and their mean", mta.report.arp_table(found)),
            Table("metrics", "Every metric under every attack", found.to_frame(), digits=4, shown=False),
            Table("rows", "The papers' rows", mta.report.paper_table(found).reset_index(), digits=4, shown=False),
        ]

    def files(self, result: Evaluated) -> dict[str, str]:
        return {"evaluation.json": result.evaluation.to_json()}
