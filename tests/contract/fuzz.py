#!/usr/bin/env python3
"""Sends the platform requests that schemathesis generates from its document, and checks each answer.

    fuzz.py URL EXAMPLES --home FOLDER --program sextant

URL is a platform that runs on its sample prices with its data in FOLDER, EXAMPLES the number of
random requests for an operation. The program makes the first administrator.

The operations that end sessions, change passwords and roles, or erase run last, with a customer
of their own: they would keep the others from being accepted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import requests

FOLDER = Path(__file__).resolve().parent
ADMINISTRATOR = "administrator@example.com"
ENDING = [
    "change_customer",
    "change_password",
    "erase_customer",
    "reset_password",
    "sign_out",
    "sign_out_everywhere",
]


def main() -> int:
    """Tests the operations in two runs."""
    parser = argparse.ArgumentParser(description="Tests a platform with generated requests.")
    parser.add_argument("url")
    parser.add_argument("examples", type=int, help="random requests for each operation")
    parser.add_argument("--home", type=Path, required=True, help="the platform's folder")
    parser.add_argument("--program", type=Path, required=True, help="the platform's program")
    options = parser.parse_args()
    make_administrator(options)
    statuses = [
        run(options, "staying@example.com", "--exclude-operation-id"),
        run(options, "leaving@example.com", "--include-operation-id"),
    ]
    return max(statuses)


def make_administrator(options: argparse.Namespace) -> None:
    """Registers a customer and makes them the first administrator."""
    name = {"first_name": "Grace", "last_name": "Hopper"}
    person = {"email": ADMINISTRATOR, "password": "correct horse battery"} | name
    requests.post(f"{options.url}/customers", json=person, timeout=10).raise_for_status()
    command = [options.program, "set-role", ADMINISTRATOR, "administrator"]
    environment = os.environ | {"SEXTANT_HOME": str(options.home)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def run(options: argparse.Namespace, customer: str, selects: str) -> int:
    """Runs schemathesis with this customer, and returns its status."""
    st = Path(sys.executable).with_name("st")
    document = f"{options.url}/openapi.json"
    command = [st, "--config-file", FOLDER / "schemathesis.toml", "run", document]
    command += ["--url", options.url, "--max-examples", str(options.examples)]
    command += [word for name in ENDING for word in (selects, name)]
    environment = os.environ | {
        "PYTHONPATH": str(FOLDER),
        "SEXTANT_URL": options.url,
        "SEXTANT_ADMINISTRATOR": ADMINISTRATOR,
        "SEXTANT_CUSTOMER": customer,
    }
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
