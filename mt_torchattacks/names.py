"""Names that people type: how they are compared, and which one was probably meant.

Nothing here loads PyTorch, so that the command line can list what there is at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def at_commas(given: Iterable[str]) -> list[str]:
    """Names of which each text may hold several, separated by commas.

    Example:
        >>> at_commas(["depth,normal", "segmentation"])
        ['depth', 'normal', 'segmentation']
    """
    return [name for text in given for name in text.split(",")]


def plain(name: str) -> str:
    """A name without what does not tell two names apart: upper case, underscores, hyphens.

    Example:
        >>> plain("auto_saga") == plain("AutoSAGA")
        True
    """
    return name.replace("_", "").replace("-", "").lower()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None.

    Example:
        >>> nearest("PDG", ["PGD", "APGD", "FGSM"]), nearest("xyz", ["PGD"])
        ('PGD', None)
    """
    by_plain = {plain(one): one for one in known}
    close = difflib.get_close_matches(plain(name), by_plain, n=1, cutoff=0.6)
    return by_plain[close[0]] if close else None


def hint(name: object, known: Iterable[str]) -> str:
    """For the end of a message: `` (did you mean 'PGD'?)``, or nothing.

    Example:
        >>> hint("PDG", ["PGD", "APGD"]), hint(3, ["PGD"])
        (" (did you mean 'PGD'?)", '')
    """
    close = nearest(name, known) if isinstance(name, str) else None
    return "" if close is None or close == name else f" (did you mean {close!r}?)"
