"""The works that a program in Python does as well: the two take turns, answers compared first."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driver.processes import ColdProgram, MeasuringError, Worker, median
from driver.table import Goals, memory_of, table, time_of

# Both sides compute in floating point, in another order.
TOLERANCE = 1e-9
MOST_MEMORY_KIB = 64 * 1024


@dataclass(frozen=True)
class Work:
    """A work, the programs that do it, and the ratio of their times that is the goal."""

    name: str
    what: str
    ours: tuple[str | Path, ...]
    peer: tuple[str | Path, ...]
    most: float
    cold: bool = False
    # Where both write a document, that both have its two pages is part of the answer.
    documents: tuple[Path, ...] = ()


def works(programs: Path, peers: Path, prices: Path, scratch: Path) -> Iterator[Work]:
    """Every work, as performance goals name them."""
    provider, flat = provider_documents(prices / "GOOG.csv", scratch)
    our_report, their_report = scratch / "ours.pdf", scratch / "peer.pdf"
    ours, goog = programs / "works", prices / "GOOG.csv"
    backtest, report = peers / "backtest.py", peers / "report.py"
    yield Work(
        "A1",
        "one backtest of 2,148 bars, in process; pandas",
        (ours, "a1", prices),
        (backtest, "warm"),
        0.15,
    )
    yield Work(
        "A2",
        "the same, a whole process that reads the CSV; pandas",
        (programs / "a2", goog),
        (backtest, "cold"),
        0.02,
        cold=True,
    )
    yield Work(
        "D1",
        "linear regression, 30 days with bands; scikit-learn",
        (ours, "d1", prices),
        (peers / "line.py",),
        0.02,
    )
    yield Work(
        "E1",
        "report from CSV to PDF, a whole process; matplotlib",
        (programs / "e1", goog, our_report),
        (report, "cold", their_report),
        0.03,
        cold=True,
        documents=(our_report, their_report),
    )
    yield Work(
        "E2",
        "the same, in a warm process; matplotlib",
        (ours, "e2", prices, our_report),
        (report, "warm", their_report),
        0.03,
        documents=(our_report, their_report),
    )
    yield Work(
        "H1",
        "provider's JSON, 2,148 bars, to columns; json and pandas",
        (ours, "h1", provider),
        (peers / "provider_json.py", "provider", provider),
        0.15,
    )
    yield Work(
        "H1 flat",
        "the same, the peer reading a flat array of plain numbers",
        (ours, "h1", provider),
        (peers / "provider_json.py", "flat", flat),
        0.15,
    )


def measure(works: Iterator[Work], python: Path, runs: int, goals: Goals) -> str:
    """Times every work and returns the table."""
    heading = ("work", "", "ours", "peer", "ours / peer", "must be", "", "memory, ours", "peer")
    rows = [_row(work, python, runs, goals) for work in works]
    return table(heading, rows)


def _row(work: Work, python: Path, runs: int, goals: Goals) -> list[str]:
    kind = ColdProgram if work.cold else Worker
    with ExitStack() as both:
        ours = both.enter_context(kind(work.ours))
        peer = both.enter_context(kind((python, *work.peer)))
        compare(work.name, ours.answer, peer.answer)
        for document in work.documents:
            if pages(document) < 2:
                raise MeasuringError(f"{work.name}: {document} has fewer than two pages")
        pairs = [(ours.sample(), peer.sample()) for _ in range(runs)]
    own, other = ([pair[side] for pair in pairs] for side in (0, 1))
    own_us, other_us = median(own, "cpu_us"), median(other, "cpu_us")
    own_kib, other_kib = (max(one["peak_memory_kib"] for one in side) for side in (own, other))
    ratio = own_us / other_us
    verdict = goals.verdict(work.name, ratio <= work.most)
    goals.verdict(f"{work.name}, memory", own_kib <= MOST_MEMORY_KIB)
    return [
        work.name,
        work.what,
        time_of(own_us),
        time_of(other_us),
        f"{ratio:.4f}",
        f"≤ {work.most}",
        verdict,
        memory_of(own_kib),
        memory_of(other_kib),
    ]


def compare(work: str, ours: Any, peer: Any) -> None:
    """A wrong answer voids the time: both must give the same, to rounding."""
    if isinstance(ours, dict):
        same = isinstance(peer, dict) and ours.keys() == peer.keys()
        pairs = [(ours[name], peer[name]) for name in ours] if same else []
    elif isinstance(ours, list):
        same = isinstance(peer, list) and len(ours) == len(peer)
        pairs = list(zip(ours, peer, strict=True)) if same else []
    elif isinstance(ours, str) or isinstance(peer, str):
        same, pairs = ours == peer, []
    else:
        same, pairs = math.isclose(ours, peer, rel_tol=TOLERANCE, abs_tol=TOLERANCE), []
    if not same:
        raise MeasuringError(f"{work}: the answers differ: ours {ours}, the peer's {peer}")
    for own, other in pairs:
        compare(work, own, other)


def pages(document: Path) -> int:
    """Pages of a PDF whose objects are not compressed."""
    return len(re.findall(rb"/Type\s*/Page\b", document.read_bytes()))


def provider_documents(prices: Path, scratch: Path) -> tuple[Path, Path]:
    """The same bars in the provider's form and as a flat array."""
    with prices.open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_day = {
        row["date"]: {
            "1. open": row["open"],
            "2. high": row["high"],
            "3. low": row["low"],
            "4. close": row["close"],
            "5. volume": row["volume"],
        }
        for row in reversed(rows)
    }
    columns = ("open", "high", "low", "close", "volume")
    bars = [{"date": row["date"]} | {name: float(row[name]) for name in columns} for row in rows]
    provider, flat = scratch / "provider.json", scratch / "flat.json"
    series = {"Meta Data": {"2. Symbol": "GOOG"}, "Time Series (Daily)": by_day}
    provider.write_text(json.dumps(series, separators=(",", ":")))
    flat.write_text(json.dumps({"symbol": "GOOG", "bars": bars}))
    return provider, flat
