#!/usr/bin/env python3
"""Checks how large the functions' zips are: the end of `make build`.

    zip_sizes.py target/lambda    a line for each function; fails if a zip is larger than it may be

`sam deploy` packs each program into a zip. Lambda fetches and unpacks it before a function's first
request, so a larger zip is a slower start. 1 MB is 1,000,000 bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path

MB = 1_000_000
LARGEST = 5 * MB
# It resamples prices with the data-frame library polars.
LARGEST_OF = {"fetch-data": 10 * MB}


def main() -> int:
    """Lists the zips, and names those that are too large."""
    parser = argparse.ArgumentParser(description="Checks how large the functions' zips are.")
    parser.add_argument("folder", type=Path, help="holds NAME/bootstrap for each function")
    programs = sorted(parser.parse_args().folder.glob("*/bootstrap"))
    if not programs:
        print("zip_sizes.py: no function is built", file=sys.stderr)
        return 1
    too_large = []
    for program in programs:
        name, size = program.parent.name, zip_bytes(program)
        print(f"{name:<16}{size:>12,} bytes of zip, of at most {largest(name):,}")
        if size > largest(name):
            too_large.append(f"{name} ({size:,} bytes, {size - largest(name):,} too many)")
    if too_large:
        print(f"zip_sizes.py: too large: {', '.join(too_large)}", file=sys.stderr)
    return 1 if too_large else 0


def zip_bytes(program: Path) -> int:
    """The size in bytes of the zip that `sam deploy` makes of a program."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(program, "bootstrap")
    return len(archive.getvalue())


def largest(name: str) -> int:
    """The most bytes that a function's zip may have."""
    return LARGEST_OF.get(name, LARGEST)


if __name__ == "__main__":
    sys.exit(main())
