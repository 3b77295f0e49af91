"""``python -m tests.api`` writes what follows from the public names; ``--release`` also what the next start from."""

from __future__ import annotations

import sys

from tests.api import stub, surface

stub.FILE.write_text(stub.stub(), "utf-8")
text = surface.as_text(surface.surface())
surface.FILE.write_text(text, "utf-8")
if "--release" in sys.argv[1:]:
    surface.RELEASED.write_text(text, "utf-8")
