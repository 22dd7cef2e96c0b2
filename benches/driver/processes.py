"""Starting programs and reading what they cost."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# One thread in every peer: CPU time of several would count against it.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Command = Sequence[str | Path]


class MeasuringError(Exception):
    """A figure could not be measured; the message says why."""


class Worker:
    """A program that does one work inside its process, a sample each time it is asked."""

    def __init__(self, command: Command) -> None:
        self._name = " ".join(str(part) for part in command)
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD,
            text=True,
        )
        self.answer = self._read()["answer"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def sample(self) -> dict[str, float]:
        """CPU time of one work in microseconds, and the process's peak memory in KiB."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise MeasuringError(f"{self._name} ended with {self._process.wait()}")
        return json.loads(line)


class ColdProgram:
    """A program that is started anew for each sample; it prints its answer and its peak memory."""

    def __init__(self, command: Command) -> None:
        self._command = [str(part) for part in command]
        # The first start brings files into the page cache.
        self.answer = self._run()["answer"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def sample(self) -> dict[str, float]:
        """CPU time of the whole process in microseconds, and its peak memory in KiB."""
        return self._run()

    def _run(self) -> dict[str, Any]:
        read, write = os.pipe()
        pid = os.posix_spawn(
            self._command[0],
            self._command,
            os.environ | ONE_THREAD,
            file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
        )
        os.close(write)
        with os.fdopen(read) as output:
            text = output.read()
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise MeasuringError(f"{self._command} ended with status {status}")
        return json.loads(text) | {"cpu_us": (usage.ru_utime + usage.ru_stime) * 1e6}


def run_to_json(command: Command, variables: dict[str, str] | None = None) -> Any:
    """Run a program to its end and parse the one line of JSON that it prints."""
    command = [str(part) for part in command]
    environment = os.environ | ONE_THREAD | (variables or {})
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise MeasuringError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def cpu_seconds(pid: int) -> float:
    """CPU time of another process so far, user and system, to the nanosecond.

    Linux makes the number of a process's CPU clock from the process's number.
    """
    return time.clock_gettime((~pid << 3) | 2)


def peak_memory_kib(pid: int) -> int:
    """Most memory of another process that was resident at one time."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise MeasuringError(f"process {pid} has no VmHWM")


def median(samples: Sequence[dict[str, float]], figure: str) -> float:
    """Median of one figure of the samples."""
    return statistics.median(sample[figure] for sample in samples)
