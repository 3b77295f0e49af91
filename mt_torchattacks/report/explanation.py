"""Why one rule beats another: the task and the metric that decide it."""

from __future__ import annotations

from mt_torchattacks.evaluation import Evaluation
from mt_torchattacks.metrics import AverageRelativePerformance
from mt_torchattacks.report.tables import AttackName

_RIVALS = ("total", "sign_total")


def explain(evaluation: Evaluation, rule: str = "dgba") -> list[str]:
    """Where a rule is not the strongest, cell by cell, and which task and metric decide that.

    A cell is an attack at an eps (see :class:`~mt_torchattacks.report.AttackName`); totals are compared to one decimal.
    The deciding task is the one whose ARP is furthest above what it is under the rule; of its metrics the one that
    changes most beyond what it changes under the rule has the largest share in that.

    Args:
        evaluation: with attacks named ``attack/rule/eps``.
        rule: the rule to defend.

    Returns:
        A line that counts the cells, then a line for each rule that is stronger in a cell.
    """
    cells = {cell: arps for cell, arps in _cells(evaluation).items() if rule in arps}
    lines, leads, wins = [], 0, 0
    for cell, arps in cells.items():
        totals = {name: round(arp.total, 1) for name, arp in arps.items()}
        stronger = sorted((name for name in totals if totals[name] > totals[rule]), key=lambda name: -totals[name])
        leads += not set(stronger) & set(_RIVALS)
        wins += not stronger
        lines += [f"{cell}: {_why(name, arps[name], rule, arps[rule])}" for name in stronger]
    rivals = " and ".join(_RIVALS)
    return [
        f"{rule}: ARP at least that of {rivals} in {leads} of {len(cells)} cells, of every rule in {wins}.",
        *lines,
    ]


def _cells(evaluation: Evaluation) -> dict[str, dict[str, AverageRelativePerformance]]:
    """ARPs by rule for each attack and eps."""
    cells: dict[str, dict[str, AverageRelativePerformance]] = {}
    for full_name, arp in evaluation.relative.items():
        name = AttackName.parse(full_name)
        cell = name.attack.upper() + (f" at {name.eps}/255" if name.eps else "")
        cells.setdefault(cell, {})[name.rule] = arp
    return cells


def _why(winner: str, won: AverageRelativePerformance, loser: str, lost: AverageRelativePerformance) -> str:
    leads = {task: won.per_task[task] - lost.per_task[task] for task in won.per_task}
    task = max(leads, key=lambda name: leads[name])
    changes, others = won.changes[task], lost.changes[task]
    metric = max(changes, key=lambda name: changes[name] - others[name])
    behind = [f"{name} ({-lead:+.1f})" for name, lead in leads.items() if lead < 0]
    return (
        f"{winner} {won.total:.1f} % against {loser} {lost.total:.1f} %: {task} decides ({leads[task]:+.1f}), "
        f"most by {metric} ({changes[metric]:.1f} % against {others[metric]:.1f} %)"
        + (f"; {loser} is ahead on {', '.join(behind)}" if behind else "")
    )
