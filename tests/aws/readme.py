#!/usr/bin/env python3
"""Deploys as README.md says: a shell gets the commands of the part "Deploy it", and of the examples that it refers to.

    readme.py --programs target/debug

The commands are run as they are written, in this order, in one shell, in a copy of the project. What differs
from a reader's account is all here:

- `environment`: AWS is an emulator, with permissions on. Nothing is built, because the functions here run the
  tests' programs; `deployment.py` and the pipelines test the build. There is no terminal to confirm at.
- `TYPED`: what a reader types.
- `Deployment`: the copy of the template is adapted as for all tests. The output `ApiUrl` is the emulator's
  address of the API, and its routes are created after a deployment.
- `command_line.py` is the AWS command line, which the tests do not require to be installed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy import adapt, connect
from deployment import ROOT, Project, expect
from emulator import CREDENTIALS, Emulator

README = (ROOT / "README.md").read_text(encoding="utf-8")
STACK = "sextant-dev"
KEY = "not-a-key"
# What a reader types after a command that reads from the terminal.
TYPED = {"read -rs KEY": KEY}
# Printed after the commands of a block.
DONE = "the block is done"


class Deployment(Project):
    """A copy of the project with the real programs."""

    region = Emulator.region

    def __init__(self, folder: Path, emulator: Emulator, programs: Path) -> None:
        super().__init__(folder, emulator)
        document = self.template()
        adapt(document, programs, emulator)
        url = f"{emulator.endpoint}/_aws/execute-api/${{Api}}/$default"
        document["Outputs"]["ApiUrl"]["Value"] = {"Fn::Sub": url}
        self.write_template(document)


class Shell:
    """A shell that ends at the first command that fails."""

    def __init__(self, project: Deployment) -> None:
        self.project = project
        self.process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail"],
            cwd=project.folder,
            env=environment(project),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, block: str) -> str:
        """Runs a block of commands and returns what it prints."""
        lines = []
        for line in block.splitlines():
            lines.append(line)
            lines += [typed for command, typed in TYPED.items() if line.startswith(command)]
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n".join([*lines, f"echo; echo '{DONE}'", ""]))
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line == f"{DONE}\n":
                break
            printed += line
        else:
            raise AssertionError(f"this failed:\n{block}\n{printed}")
        print(f"{block}\n\n{printed}", flush=True)
        if "make deploy" in block:
            connect(self.project.emulator, STACK)
        return printed


def environment(project: Deployment) -> dict[str, str]:
    """The environment of a reader who has credentials, and the AWS command line."""
    programs = project.folder / "bin"
    programs.mkdir()
    aws = programs / "aws"
    command = f"'{sys.executable}' '{ROOT / 'tests/aws/command_line.py'}'"
    aws.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    aws.chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(project.folder),
        "AWS_ENDPOINT_URL": project.emulator.endpoint,
        "MAKEFLAGS": f"VENV={Path(sys.executable).parents[1]} BUILD=no CONFIRM=dev",
        **CREDENTIALS,
    }


def blocks(first: str, end: str) -> list[str]:
    """The blocks of commands of README.md from one heading to another."""
    _, _, rest = README.partition(f"\n{first}\n")
    part, heading, _ = rest.partition(f"\n{end}\n")
    expect(bool(heading), f"README.md has no headings {first!r} and {end!r} in this order")
    return re.findall(r"^```sh\n(.*?)\n```$", part, re.DOTALL | re.MULTILINE)


def only(found: list[str], words: str) -> str:
    """The one block with these words."""
    matching = [block for block in found if words in block]
    expect(len(matching) == 1, f"README.md has {len(matching)} blocks with {words!r}")
    return matching[0]


def parameter() -> tuple[str, str]:
    """The SSM parameter that README.md names, and the setting of samconfig.toml with it."""
    found = re.findall(r'`("AlphaVantageKeyParameter=([^`"]+)")`', README)
    expect(len(found) == 1, f"README.md has these settings: {found}")
    [(addition, name)] = found
    return name, addition


def follow(project: Deployment) -> None:
    """Deploys, goes on with the examples, appoints an administrator, sets a key, and deletes the stack."""
    shell = Shell(project)
    examples = blocks("### Sign in", "### Live quotes")
    steps = blocks("## Deploy it", "## Learn more")
    for block in steps[:2]:
        said = shell.run(block)
    expect('"status":"ok"' in said and '"sample"' in said, f"the stack is not healthy: {said}")
    for block in examples:
        shell.run(block)

    for block in steps[2:]:
        said = shell.run(block)
        if "set-role" in block:
            expect('"administrator"' in said, f"the role was not set: {said}")
            shell.run(only(examples, "TOKEN=$(curl"))
            said = shell.run('curl -fsS -H "$AUTH" $URL/customers')
            expect("ada@example.com" in said, f"an administrator sees no customers: {said}")
        if "put-parameter" in block:
            name, addition = parameter()
            found = project.client("ssm").get_parameter(Name=name, WithDecryption=True)
            expect(found["Parameter"]["Value"] == KEY, f"the key is not in {name}")
            before = 'parameter_overrides = ["Stage=dev"'
            project.change("samconfig.toml", before, f"{before}, {addition}")
        if block == "make deploy":
            said = shell.run("curl -f $URL/health")
            expect('"alpha_vantage"' in said, f"the prices do not come from the provider: {said}")
    expect(project.stack(STACK) is None, "the stack is still there")


def main() -> None:
    """Follows README.md on an emulator of its own."""
    parser = argparse.ArgumentParser(description="Deploys as README.md says.")
    parser.add_argument("--programs", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sextant-readme-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        with Emulator(work) as emulator:
            follow(Deployment(Path(folder) / "project", emulator, options.programs))


if __name__ == "__main__":
    main()
