"""The emulated AWS: a child process on its own port that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

START_SECONDS = 60
STOP_SECONDS = 10
LOG_LINES = 15
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# The only variables that the emulator inherits. Its functions inherit them too, and must find neither
# the user's AWS profile nor a proxy.
INHERITED = ("PATH", "LANG", "LC_ALL")


class EmulatorError(Exception):
    """The emulator did not start."""


class Emulator:
    """Starts the emulator on entering and ends it, with its functions, on leaving."""

    region = "us-east-1"

    def __init__(self, work: Path, **settings: str) -> None:
        self.log = work / "emulator.log"
        self._settings = settings
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._scratch = tempfile.mkdtemp(prefix="sextant-aws-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= CREDENTIALS | {
            "AWS_DEFAULT_REGION": self.region,
            # The functions call AWS here, instead of the real one.
            "AWS_ENDPOINT_URL": self.endpoint,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            # A function may do what its role allows.
            "AUTH": "true",
            "HOME": self._scratch,
            "TMPDIR": self._scratch,
            **self._settings,
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from ministack.app import main; main()"],
                cwd=self._scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own process group, so that the functions that it starts can be ended with it.
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._end()

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of one emulated service, in the emulator's region or another."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region or self.region,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if (status := self._process.poll()) is not None:
                raise EmulatorError(
                    f"the emulator ended with status {status}:\n{self._last_lines()}"
                )
            try:
                direct.open(f"{self.endpoint}/_ministack/health", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise EmulatorError(
            f"the emulator did not answer in {START_SECONDS} s:\n{self._last_lines()}"
        )

    def _last_lines(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])

    def _end(self) -> None:
        if self._process is not None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=STOP_SECONDS)
            # Functions ignore the end of their emulator; the group outlives its first process.
            self._signal(signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def free_port() -> int:
    """A port that is currently free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
