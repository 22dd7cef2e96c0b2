"""What requests cost the local gateway: CPU time of the server, and time on the wire."""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver.processes import MeasuringError, cpu_seconds, peak_memory_kib
from driver.table import Goals, memory_of, table, time_of

SYMBOL = "AAPL"
BARS = 3270
# Requests of one sample.
REQUESTS = 50
MOST_BACKTEST_CPU_US = 5000
FSYNC_BYTES = 4096


def measure(programs: Path, scratch: Path, runs: int, goals: Goals) -> str:
    """The table of the requests."""
    home = scratch / "home"
    with (scratch / "sextant.log").open("w+") as log:
        server = subprocess.Popen(
            [programs / "sextant", "serve", "--port", "0", "--home", home, "--no-schedules"],
            env={"PATH": os.environ["PATH"], "HOME": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            greeting = server.stdout.readline()
            address = re.search(r"http://(\S+)", greeting)
            if address is None:
                log.seek(0)
                raise MeasuringError(f"sextant did not start: {log.read()}")
            calls = Calls(address.group(1), server.pid)
            calls.sign_in()
            return _measured(calls, home, runs, goals)
        finally:
            server.terminate()
            server.wait()


class Calls:
    """One connection to the server, which is watched."""

    def __init__(self, address: str, pid: int) -> None:
        self.pid = pid
        self._connection = http.client.HTTPConnection(address)
        self._token = ""

    def sign_in(self) -> None:
        """Registers a customer, whose token goes with every call from now on."""
        person = {"email": "bench@example.com", "password": "a password of the bench"}
        self.post("/customers", person | {"first_name": "Bench", "last_name": "Mark"})
        self._token = json.loads(self.post("/sessions", person))["token"]

    def get(self, url: str) -> bytes:
        """The body of what a path or a link leads to."""
        parts = urllib.parse.urlsplit(url)
        return self._send("GET", parts._replace(scheme="", netloc="").geturl(), None)

    def post(self, path: str, body: Any) -> bytes:
        """The body of the answer to JSON."""
        return self._send("POST", path, json.dumps(body))

    def cost(self, request: Callable[[], Any], times: int) -> tuple[float, float]:
        """CPU time of the server and wall time of one request in microseconds, means of many."""
        cpu, wall = cpu_seconds(self.pid), time.perf_counter()
        for _ in range(times):
            request()
        cpu, wall = cpu_seconds(self.pid) - cpu, time.perf_counter() - wall
        return cpu / times * 1e6, wall / times * 1e6

    def _send(self, method: str, path: str, body: str | None) -> bytes:
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise MeasuringError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data


def _measured(calls: Calls, home: Path, runs: int, goals: Goals) -> str:
    bars = json.loads(calls.get(f"/fetch-data/{SYMBOL}"))["bars"]
    answer = json.loads(calls.post("/backtest", {"symbol": SYMBOL}))
    if answer["data"]["bars"] != BARS or len(answer["equity"]) != BARS:
        raise MeasuringError("the backtest does not answer with the whole span")
    report = json.loads(calls.get(f"/report/{SYMBOL}"))
    pdf = calls.get(report["pdf"]["url"])
    if not pdf.startswith(b"%PDF") or report["metrics"] != answer["metrics"]:
        raise MeasuringError("the report is not that of the backtest")

    # Another last day makes another report; each is asked for once.
    last_days = iter([bar["date"] for bar in bars][-2::-1])
    requests = {
        "backtest": lambda: calls.post("/backtest", {"symbol": SYMBOL}),
        "report": lambda: calls.get(f"/report/{SYMBOL}?to={next(last_days)}"),
        "bars": lambda: calls.get(f"/fetch-data/{SYMBOL}"),
    }
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in requests}
    fsyncs = []
    for turn in range(runs + 1):
        for name, request in requests.items():
            cost = calls.cost(request, REQUESTS)
            # The first turn warms up.
            if turn:
                samples[name].append(cost)
        fsyncs += [fsync_us(home) for _ in range(REQUESTS)]

    what = {
        "backtest": f"`POST /backtest`, {BARS:,} bars, whole equity curve in the answer",
        "report": f"`GET /report/{SYMBOL}`, a new PDF each time, stored",
        "bars": f"`GET /fetch-data/{SYMBOL}`, {BARS:,} bars",
    }
    rows = []
    for name, taken in samples.items():
        cpu_us, wall_us = (statistics.median(one[side] for one in taken) for side in (0, 1))
        must, verdict = "", ""
        if name == "backtest":
            must = f"< {MOST_BACKTEST_CPU_US / 1000:.0f} ms"
            verdict = goals.verdict("HTTP backtest", cpu_us < MOST_BACKTEST_CPU_US)
        rows.append([what[name], time_of(cpu_us), must, verdict, time_of(wall_us)])
    rows.append(
        ["one fsync of 4 KiB in the same folder", "", "", "", time_of(statistics.median(fsyncs))]
    )
    return (
        table(("", "server CPU", "must be", "", "wall"), rows)
        + f"\nThe report's PDF has {len(pdf):,} bytes. After all requests the server's peak memory"
        f" was {memory_of(peak_memory_kib(calls.pid))}.\n"
    )


def fsync_us(folder: Path) -> float:
    """Time of making one small write durable."""
    path = folder / "fsync.unfinished"
    with path.open("wb", buffering=0) as file:
        file.write(bytes(FSYNC_BYTES))
        start = time.perf_counter()
        os.fsync(file.fileno())
        took = time.perf_counter() - start
    path.unlink()
    return took * 1e6
