"""How time grows with the bars.

What is evaluated is the engine. The allocator of Linux gives a block of more than 128 KiB back to
the kernel and gets it anew, page by page, which costs as much as some works on the longest series
and nothing on the shorter ones; so it is configured to keep its memory, and what its defaults add is
shown apart.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

from driver.processes import run_to_json
from driver.table import Goals, table, time_of

MOST_FOR_FOUR_TIMES = 4.4
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}


def measure(programs: Path, goals: Goals) -> str:
    """Time of each work on three lengths, and the exponent between the shortest and the longest."""
    command = (programs / "works", "growth", "-")
    lines, by_default = run_to_json(command, KEEP_MEMORY), run_to_json(command)
    names = list(dict.fromkeys(line["work"] for line in lines))
    rows = []
    for name in names:
        points = sorted((line["bars"], line["cpu_us"]) for line in lines if line["work"] == name)
        steps = [after[1] / before[1] for before, after in pairwise(points)]
        exponent = math.log(points[-1][1] / points[0][1]) / math.log(points[-1][0] / points[0][0])
        times = [time_of(cpu_us) for _, cpu_us in points]
        verdict = goals.verdict(f"growth, {name}", max(steps) <= MOST_FOR_FOUR_TIMES)
        longest = max(by_default, key=lambda line: (line["work"] == name, line["bars"]))
        rows.append([name, *times, f"× {max(steps):.2f}", f"{exponent:.3f}", verdict])
        rows[-1].append(time_of(longest["cpu_us"]))
    lengths = sorted({line["bars"] for line in lines})
    heading = ("", *(f"{bars:,} bars" for bars in lengths), "bars × 4, at most", "exponent", "")
    heading += (f"{lengths[-1]:,} bars, default allocator",)
    return (
        table(heading, rows) + f"\nBars × 4 must take at most {MOST_FOR_FOUR_TIMES} × the time.\n"
    )
