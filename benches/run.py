"""Measures Sextant and prints the tables of BENCHMARKS.md; `make bench` builds and starts it.

Figures are medians of CPU time (user and system) over at least seven runs. Where a peer does the
same work, the two take turns and their answers are compared first: an answer that differs ends
the run, for a wrong answer's time means nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from driver import accuracy, beside_peers, functions, growth, http_calls, machine
from driver.processes import MeasuringError, Worker, median
from driver.table import Goals, time_of

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benches" / "peers"
PRICES = ROOT / "data" / "prices"
PARTS = ("peers", "engine", "growth", "accuracy", "functions", "http")
FEWEST_RUNS = 7


def main() -> int:
    """Measures; returns 1 where a goal is missed."""
    arguments = parse_arguments()
    goals = Goals()
    print(machine.describe(arguments.python, PEERS / "requirements.txt"), flush=True)
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as scratch:
        for part in arguments.parts:
            print(measure(part, arguments, Path(scratch), goals), flush=True)
    print("Goals missed: " + (", ".join(goals.missed) or "none"))
    return 1 if goals.missed else 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True, help="folder of release programs")
    parser.add_argument(
        "--functions", type=Path, required=True, help="folder of functions as they are deployed"
    )
    parser.add_argument(
        "--python", type=Path, required=True, help="Python with the peers' packages"
    )
    parser.add_argument("--runs", type=int, default=9, help=f"at least {FEWEST_RUNS}")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; else all")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown or arguments.runs < FEWEST_RUNS:
        parser.error(f"unknown part {unknown}" if unknown else f"{FEWEST_RUNS} runs at least")
    arguments.parts = arguments.parts or PARTS
    # Not resolved: the Python of a virtual environment is known by its path.
    arguments.python = arguments.python.absolute()
    arguments.programs = arguments.programs.absolute()
    arguments.functions = arguments.functions.absolute()
    return arguments


def measure(part: str, arguments: argparse.Namespace, scratch: Path, goals: Goals) -> str:
    """One part, as Markdown."""
    programs, python, runs = arguments.programs, arguments.python, arguments.runs
    match part:
        case "peers":
            works = beside_peers.works(programs, PEERS, PRICES, scratch)
            return beside_peers.measure(works, python, runs, goals)
        case "engine":
            return engine(programs, runs)
        case "growth":
            return growth.measure(programs, goals)
        case "accuracy":
            return accuracy.measure(programs, PEERS, PRICES, python, goals)
        case "functions":
            peer = (python, PEERS / "function.py")
            return functions.measure(ROOT, arguments.functions, peer, runs, goals)
        case _:
            return http_calls.measure(programs, scratch, runs, goals)


def engine(programs: Path, runs: int) -> str:
    """One whole backtest in the engine."""
    with Worker((programs / "works", "whole", PRICES)) as worker:
        bars, _ = worker.answer
        cpu_us = median([worker.sample() for _ in range(runs)], "cpu_us")
    return (
        f"One backtest of {bars:,} bars in the engine, with every figure, every trade, the equity"
        f" curve, and buy and hold beside it: {time_of(cpu_us)}, {bars / cpu_us:.0f} million bars"
        " a second.\n"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MeasuringError as error:
        sys.exit(f"bench: {error}")
