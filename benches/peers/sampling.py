"""Measuring a piece of work inside its process, one sample each time the driver asks.

The first line of output is the answer, which the driver compares before it takes any sample;
then each line of input is answered with one sample.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.02


def serve(answer: Any, work: Callable[[], Any]) -> None:
    """Print `answer`, then time `work` as often as a line comes in."""
    emit({"answer": answer})
    repeats = 1
    while _mean_us(repeats, work) * repeats < SAMPLE_SECONDS * 1e6:
        repeats *= 2
    for _ in sys.stdin:
        cpu_us = _mean_us(repeats, work)
        emit({"cpu_us": cpu_us, "peak_memory_kib": peak_memory_kib()})


def emit(value: Any) -> None:
    """Write one line of JSON, at once."""
    print(json.dumps(value), flush=True)


def peak_memory_kib() -> int:
    """Most memory of this process that was resident at one time."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM")


def _mean_us(repeats: int, work: Callable[[], Any]) -> float:
    start = time.process_time_ns()
    for _ in range(repeats):
        work()
    return (time.process_time_ns() - start) / 1000 / repeats
