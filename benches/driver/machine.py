"""On what, and with what, the figures were measured."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path


def describe(python: Path, requirements: Path) -> str:
    """Date, machine and versions, as a list in Markdown."""
    cpu = _first("/proc/cpuinfo", "model name")
    memory_kib = int(_first("/proc/meminfo", "MemTotal").split()[0])
    rustc = _output("rustc", "--version")
    peer = _output(python, "--version")
    packages = [line for line in requirements.read_text().split() if "==" in line]
    load = os.getloadavg()[0]
    now = datetime.datetime.now(datetime.UTC)
    return (
        f"- {now:%Y-%m-%d}, {os.cpu_count()} × {cpu}, {memory_kib / 1024**2:.1f} GiB,"
        f" Linux {platform.release()}; load before the first figure: {load:.1f}\n"
        f"- {rustc}, profile `release`; functions: `deployed`\n"
        f"- {peer}, {', '.join(packages).replace('==', ' ')}\n"
    )


def _first(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "unknown"


def _output(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
