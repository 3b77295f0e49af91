"""The audit as a command: what makes numbers of a model's robustness untrustworthy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import mt_torchattacks as mta
from mt_torchattacks.studies.base import Data, Models, Study, Table
from mt_torchattacks.studies.options import ModelOptions, Radius

if TYPE_CHECKING:
    from mt_torchattacks.evaluation import Store


@dataclass
class AuditOptions(ModelOptions):
    """Options of the study ``audit``.

    Args:
        eps: radius, written 8/255, 0.03, or 8 for 8/255
        balance: the rule with which the model is to be attacked
        steps: of Auto-PGD
        queries: of Square
    """

    eps: Radius = Radius(8 / 255)
    balance: str = "dgba"
    steps: int = 10
    queries: int = 200
    images: int = 16


class Audited(NamedTuple):
    """What the study found: each model's findings, what was looked for, and in words on what."""

    findings: dict[str, list[dict[str, str]]]
    looked_for: list[str]
    title: str


class AuditStudy(Study[AuditOptions, Audited]):
    """Checks of the model, of its gradients and of what attacks do; see :func:`~mt_torchattacks.audit`."""

    name = "audit"
    help = "look for what makes numbers of a model's robustness untrustworthy"
    example = "--model rooms3/all-shared --eps 4/255 --images 4"
    Options = AuditOptions

    def run(self, store: Store, models: Models, data: Data, options: AuditOptions, *, progress: bool = True) -> Audited:
        own: dict[str, Any] = {"eps": float(options.eps), "balance": options.balance, "steps": options.steps}
        own |= {"queries": options.queries, "images": options.images, "seed": options.seed}
        found, cells, images = list(models(options.model)), [], ""
        for model in found:
            there = data(model.name)
            images = f"{len(there)} images of {there.name}"

            def compute(model: Any = model, there: Any = there) -> dict[str, Any]:
                report = mta.audit(model.model, there.tasks, there.on(model.device), **own)
                return {"findings": [asdict(one) for one in report.findings], "looked_for": report.looked_for}

            key = {"model": model.name, "study": "audit"} | own | there.key | {"weights": model.weights}
            cells.append((key, compute))
        values = store.cells(cells, progress=progress)
        findings = {model.name: value["findings"] for model, value in zip(found, values, strict=True)}
        return Audited(findings, values[0]["looked_for"] if values else [], f"eps {options.eps}, {images}")

    def tables(self, result: Audited) -> list[Table]:
        columns = ["model", "name", "task", "seen", "why", "advice"]
        rows = [{"model": model} | one for model, of in result.findings.items() for one in of]
        frame = mta.checks.optional("pandas", extra="plot").DataFrame(rows, columns=columns)
        short = frame[["model", "name", "task"]] if rows else frame[["model", "name"]]
        return [Table("findings", f"Findings, {result.title}", short), Table("audit", "", frame, shown=False)]

    def notes(self, result: Audited) -> list[str]:
        lines = []
        for model, findings in result.findings.items():
            report = mta.evaluation.audit.Audit(
                [mta.evaluation.audit.Finding(**one) for one in findings], result.looked_for
            )
            lines.append(f"{model}: {report}" if report.ok else f"{model}:\n{report}")
        return lines
