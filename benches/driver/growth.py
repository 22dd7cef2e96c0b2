"""How time grows with the bars."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

from driver.processes import tell
from driver.table import Goals, table, time_of

MOST_FOR_FOUR_TIMES = 4.4


def measure(programs: Path, goals: Goals) -> str:
    """Time of each work on three lengths, and the exponent between the shortest and the longest."""
    lines = tell((programs / "works", "growth", "-"))
    names = list(dict.fromkeys(line["work"] for line in lines))
    rows = []
    for name in names:
        points = sorted((line["bars"], line["cpu_us"]) for line in lines if line["work"] == name)
        steps = [after[1] / before[1] for before, after in pairwise(points)]
        exponent = math.log(points[-1][1] / points[0][1]) / math.log(points[-1][0] / points[0][0])
        times = [time_of(cpu_us) for _, cpu_us in points]
        verdict = goals.verdict(f"growth, {name}", max(steps) <= MOST_FOR_FOUR_TIMES)
        rows.append([name, *times, f"× {max(steps):.2f}", f"{exponent:.3f}", verdict])
    lengths = sorted({line["bars"] for line in lines})
    heading = ("", *(f"{bars:,} bars" for bars in lengths), "bars × 4, at most", "exponent", "")
    return (
        table(heading, rows) + f"\nBars × 4 must take at most {MOST_FOR_FOUR_TIMES} × the time.\n"
    )
