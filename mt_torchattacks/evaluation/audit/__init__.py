"""What makes an evaluation of a model's robustness untrustworthy."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.evaluation.audit.report import Audit, Finding
    from mt_torchattacks.evaluation.audit.run import audit
else:
    lazily(__name__)

__all__ = ["Audit", "Finding", "audit"]
