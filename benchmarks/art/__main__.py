"""Compare ART's attacks, one per task or on a summed loss, with the plugin's and this library's.

python -m benchmarks.art --output results/art --images 32 --photographs 32
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.art.run import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; what does not fit ends in one line and the exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        run(options.output, images=options.images, photographs=options.photographs)
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"benchmarks.art: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.art", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--output", type=Path, default=Path("results/art"), help="folder for what it writes")
    parser.add_argument("--images", type=int, default=32, help="number of rooms")
    parser.add_argument("--photographs", type=int, default=32, help="number of faces; 0 leaves the face detector out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
