"""What an audit found."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

from mt_torchattacks import checks

if TYPE_CHECKING:
    from pandas import DataFrame

_WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """Something that makes numbers of robustness untrustworthy.

    Attributes:
        name: of the check that found it, as ``"blocked"``.
        task: the task that it is about; empty for the model as a whole.
        seen: what was measured.
        why: why it matters.
        advice: what to try.
    """

    name: str
    task: str
    seen: str
    why: str
    advice: str

    def __str__(self) -> str:
        about = f"{self.name}, {self.task}" if self.task else self.name
        body = f"{self.seen} {self.why} {self.advice}"
        return f"{about}:\n{textwrap.fill(body, _WIDTH, initial_indent='    ', subsequent_indent='    ')}"


@dataclass(frozen=True, repr=False)
class Audit:
    """The findings of :func:`~mt_torchattacks.audit`; printed, they are whole sentences.

    Attributes:
        findings: in the order of the checks; none for a model on which nothing was found.
        looked_for: the names of the checks.

    Example:
        >>> report = Audit([Finding("random", "", "Two passes differ.", "Attacks lose.", "Average.")], ["random"])
        >>> report.ok, report.to_frame().loc[0, "name"]
        (False, 'random')
        >>> report
        random:
            Two passes differ. Attacks lose. Average.
    """

    findings: list[Finding]
    looked_for: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __repr__(self) -> str:
        if self.ok:
            return f"Nothing found; looked for: {', '.join(self.looked_for)}."
        return "\n".join(map(str, self.findings))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    def to_frame(self) -> DataFrame:
        """A row for each finding.

        Raises:
            ImportError: pandas is not installed.
        """
        columns = ["name", "task", "seen", "why", "advice"]
        return checks.optional("pandas", extra="plot").DataFrame(map(asdict, self.findings), columns=columns)
