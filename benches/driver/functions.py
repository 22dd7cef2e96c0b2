"""Works L1 to L3: how soon a function starts, how large its zip is, and how much memory it takes."""

from __future__ import annotations

import json
import os
import queue
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from zip_sizes import MB, largest, zip_bytes

from driver.processes import Command, MeasuringError, cpu_seconds, peak_memory_kib
from driver.runtime_api import RuntimeApi
from driver.table import Goals, memory_of, table, time_of

MOST_START_RATIO = 0.01
MOST_MEMORY_KIB = 64 * 1024
# A refusal is over before the function has worked.
REFUSAL = "refused"
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Start:
    """What one start and the events after it took; times in microseconds."""

    cpu_us: float
    wall_us: float
    first_event_cpu_us: float
    first_event_wall_us: float
    peak_memory_kib: int


def measure(root: Path, programs: Path, peer: Command, runs: int, goals: Goals) -> str:
    """The table of all functions, each of whose starts take turns with the peer's."""
    names = sorted(path.parent.name for path in (root / "functions").glob("*/Cargo.toml"))
    events = {name: sample_events(root / "events" / name) for name in names}
    starts: dict[str, list[Start]] = {name: [] for name in (*names, "peer")}
    for turn in range(runs + 1):
        taken = {name: started((programs / name,), events[name]) for name in names}
        taken["peer"] = started(peer, [b"{}"])
        # The first turn brings files into the page cache.
        for name, one in taken.items() if turn else ():
            starts[name].append(one)
    python = _median(starts["peer"], "cpu_us")
    rows = [_row(name, programs, starts[name], python, goals) for name in names]
    memory = memory_of(max(one.peak_memory_kib for one in starts["peer"]))
    wall = time_of(_median(starts["peer"], "wall_us"))
    rows.append(["Python with pandas, scikit-learn, matplotlib", time_of(python), wall])
    rows[-1] += ["", "", "", "", memory, "", ""]
    heading = ("function", "start, CPU", "wall", "/ Python", f"≤ {MOST_START_RATIO}")
    heading += ("first event, CPU", "wall", "peak memory", "≤ 64 MiB", "zip")
    return table(heading, rows)


def started(command: Command, events: list[bytes]) -> Start:
    """Starts a function, hands it its events, and ends it."""
    with RuntimeApi() as api:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment(api),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            polled = api.wait_for_poll(TIMEOUT_SECONDS)
            start_cpu = cpu_seconds(process.pid)
            first = None
            for event in events:
                seconds, answered, body = api.invoke(event, TIMEOUT_SECONDS)
                if not answered or not _good(body):
                    raise MeasuringError(f"{command[0]} answered {body[:300]!r}")
                api.wait_for_poll(TIMEOUT_SECONDS)
                first = first or (cpu_seconds(process.pid) - start_cpu, seconds)
            times = (start_cpu, polled - began, *first)
            return Start(*(seconds * 1e6 for seconds in times), peak_memory_kib(process.pid))
        except queue.Empty:
            raise MeasuringError(f"{command[0]} did not answer") from None
        finally:
            process.kill()
            process.wait()


def environment(api: RuntimeApi) -> dict[str, str]:
    """What Lambda and the template set, with AWS at the emulated address."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "group",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": f"http://{api.address}",
        "TABLE_NAME": "table",
        "BUCKET_NAME": "bucket",
        # Where matplotlib finds the fonts that it has listed before.
        "HOME": os.environ["HOME"],
    }


def sample_events(folder: Path) -> list[bytes]:
    """The sample events of a function that it does not refuse."""
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith(REFUSAL))
    if not paths:
        raise MeasuringError(f"{folder} holds no event")
    return [path.read_bytes() for path in paths]


def _good(body: bytes) -> bool:
    answer = json.loads(body)
    return not isinstance(answer, dict) or answer.get("statusCode", 200) < 400


def _median(starts: list[Start], figure: str) -> float:
    return statistics.median(getattr(one, figure) for one in starts)


def _row(name: str, programs: Path, starts: list[Start], python: float, goals: Goals) -> list[str]:
    cpu_us = _median(starts, "cpu_us")
    kib = max(one.peak_memory_kib for one in starts)
    zipped, most = zip_bytes(programs / name), largest(name)
    ratio = cpu_us / python
    zip_verdict = goals.verdict(f"L2 {name}", zipped <= most)
    return [
        name,
        time_of(cpu_us),
        time_of(_median(starts, "wall_us")),
        f"{ratio:.4f}",
        goals.verdict(f"L1 {name}", ratio <= MOST_START_RATIO),
        time_of(_median(starts, "first_event_cpu_us")),
        time_of(_median(starts, "first_event_wall_us")),
        memory_of(kib),
        goals.verdict(f"L3 {name}", kib <= MOST_MEMORY_KIB),
        f"{zipped / MB:.2f} MB (≤ {most // MB}: {zip_verdict})",
    ]
