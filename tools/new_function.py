#!/usr/bin/env python3
"""Makes the skeleton of a function that answers HTTP: `make new-function NAME=dividends`.

The files in tools/new-function are a whole function of the name `new-function`. They are copied with
the new name in its place, and the function gets its line in each list that has to know it. The result
compiles, passes the tests, and answers `GET /NAME` with the caller and the time.

Nothing is changed when the name cannot be used, or when a list is not where it is expected.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

SKELETON = Path(__file__).resolve().parent / "new-function"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Longer names would push lines of Rust over the width that rustfmt allows.
MAX_NAME = 20
# Words that no crate can have as its name, and crates that are there without being named anywhere.
RESERVED = re.compile(
    r"abstract|alloc|as|async|await|become|benches|box|break|const|continue|core|crate|do|dyn|else|enum"
    r"|extern|false|final|fn|for|gen|if|impl|in|let|loop|macro|match|mod|move|mut|new-function|override"
    r"|priv|proc-macro|pub|ref|return|self|static|std|struct|super|tests?|trait|true|try|type|typeof"
    r"|union|unsafe|unsized|use|virtual|where|while|yield"
)


class RefusedError(Exception):
    """The function cannot be made; the message says why."""


class Names:
    """A function's name in each of its forms."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.crate = name.replace("-", "_")
        self.resource = "".join(part.capitalize() for part in name.split("-"))

    def put_into(self, text: str) -> str:
        """The skeleton's text with this name in it."""
        text = text.replace("NewFunction", self.resource)
        return text.replace("new_function", self.crate).replace("new-function", self.name)


def main() -> int:
    """Makes the function, or says why not."""
    parser = argparse.ArgumentParser(description="Makes the skeleton of a function.")
    parser.add_argument(
        "--root", type=Path, default=SKELETON.parents[1], help="the project's folder"
    )
    parser.add_argument("name", help="such as dividends, or fetch-data")
    options = parser.parse_args()
    try:
        names = Names(options.name)
        check(options.root, names)
        write(options.root, files(names), edits(options.root, names))
    except (RefusedError, OSError) as error:
        print(f"new-function: {error}; nothing was changed", file=sys.stderr)
        return 1
    print(
        f"Made the function {names.name}. It answers GET /{names.name} with the caller and the time.\n"
        f"Its code is in functions/{names.name}, its test in tests/it/{names.crate}.rs.\n"
        "Next: make openapi, then make test. docs/adding-a-function.md says how to go on."
    )
    return 0


def check(root: Path, names: Names) -> None:
    """Refuses a name that cannot be a function's, or is taken."""
    name = names.name
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise RefusedError(
            f"{name!r} is no name for a function: use at most {MAX_NAME} lower-case letters and"
            " digits, in words separated by single hyphens, such as fetch-data"
        )
    if RESERVED.fullmatch(name):
        raise RefusedError(f"{name} means something else to Rust or to this project")
    crates = re.findall(r"^([a-z0-9_-]+) = ", read(root, "Cargo.toml"), re.MULTILINE)
    if names.crate in {crate.replace("-", "_") for crate in crates}:
        raise RefusedError(f"a crate has the name {name} already")
    for place in (f"functions/{name}", f"events/{name}", f"tests/it/{names.crate}.rs"):
        if (root / place).exists():
            raise RefusedError(f"{place} is there already")
    if f' /{name}"' in read(root, "shared/api/src/policy.rs"):
        raise RefusedError(f"/{name} is a route already, and the skeleton's route goes by its name")
    for resource in (f"{names.resource}Function", f"{names.resource}LogGroup"):
        if f"\n  {resource}:\n" in read(root, "template.yaml"):
            raise RefusedError(f"template.yaml has a {resource} already")


def files(names: Names) -> dict[str, str]:
    """The new files."""
    function = f"functions/{names.name}"
    places = {
        "Cargo.toml": f"{function}/Cargo.toml",
        "src/lib.rs": f"{function}/src/lib.rs",
        "src/main.rs": f"{function}/src/main.rs",
        "event.json": f"events/{names.name}/read.json",
        "test.rs": f"tests/it/{names.crate}.rs",
    }
    return {place: names.put_into(read(SKELETON, source)) for source, place in places.items()}


def edits(root: Path, names: Names) -> dict[str, str]:
    """The lists that have to know the function, each with its new line."""
    name, crate = names.name, names.crate
    route = f'("GET /{name}", '
    dependency = f'{crate} = {{ path = "functions/{name}", default-features = false }}'

    def listed(place: str, start: str, key: str, line: str, of: str) -> tuple[str, str]:
        return place, in_order(place, read(root, place), start, key, line, of)

    return dict(
        [
            listed(
                "Cargo.toml", "authorizer = ", r"(\w+) = \{ path = \"functions/", dependency, crate
            ),
            listed(
                "gateway/Cargo.toml",
                "[dependencies]",
                r"([\w-]+)(?:\.workspace)? = ",
                f"{crate}.workspace = true",
                crate,
            ),
            listed(
                "gateway/src/registry.rs",
                "pub const FUNCTIONS",
                r"    \w+\(\"([\w-]+)\"",
                f'    http("{name}", OfApp({crate}::router), {crate}::openapi),',
                name,
            ),
            listed(
                "shared/api/src/policy.rs",
                "pub const POLICIES",
                r"    \(\"[A-Z]+ (/[^\"]*)\", ",
                f"    {route}Access::Own),",
                f"/{name}",
            ),
            listed(
                "tests/it/policies/expected.rs",
                "pub const EXPECTED",
                r"    \(\"[A-Z]+ (/[^\"]*)\", ",
                f"    {route}alone(signed_in(200))),",
                f"/{name}",
            ),
            listed("tests/it/main.rs", "mod ", r"mod (\w+);", f"mod {crate};", crate),
            ("template.yaml", in_template(read(root, "template.yaml"), names)),
        ]
    )


def in_order(place: str, text: str, start: str, key: str, line: str, of: str) -> str:
    """The text with one more line, before the first one of its list whose key is greater.

    The list begins at the line that starts with `start` and ends with an empty line or a bracket.
    """
    lines = text.splitlines()
    begin = first(lines, 0, lambda each: each.startswith(start))
    if begin is None:
        raise RefusedError(f"{place} has no line that starts with {start!r}")
    end = first(lines, begin + 1, lambda each: each.strip() in ("", "];")) or len(lines)
    entries = [(at, re.match(key, lines[at])) for at in range(begin, end)]
    entries = [(at, found[1]) for at, found in entries if found]
    if not entries:
        raise RefusedError(f"{place} has no list below {start!r}")
    after = [at for at, other in entries if other > of]
    at = after[0] if after else entries[-1][0] + 1
    # Comments above a line belong to it.
    while lines[at - 1].lstrip().startswith("//"):
        at -= 1
    lines.insert(at, line)
    return "\n".join(lines) + "\n"


def in_template(text: str, names: Names) -> str:
    """The template with the function's resources among those of the others, by the alphabet."""
    lines = text.splitlines()
    functions = [at for at, line in enumerate(lines) if re.fullmatch(r"  \w+Function:", line)]
    if not functions:
        raise RefusedError("template.yaml has no function")
    after = [at for at in functions if lines[at].strip() > f"{names.resource}Function:"]
    if after:
        at = after[0]
    else:
        log_group = first(lines, functions[-1] + 1, is_resource)
        at = None if log_group is None else first(lines, log_group + 1, is_resource)
        at = len(lines) if at is None else at
    # Comments above a resource belong to it.
    while lines[at - 1].startswith("  #"):
        at -= 1
    resources = names.put_into(read(SKELETON, "template.yaml")).splitlines()
    return "\n".join([*lines[:at], *resources, "", *in_outputs(lines[at:], names)]) + "\n"


def in_outputs(lines: list[str], names: Names) -> list[str]:
    """The end of the template with the function's name among those of the others, by the alphabet."""
    output = re.compile(r"  (\w+)FunctionName:")
    outputs = [(at, output.fullmatch(line)) for at, line in enumerate(lines)]
    outputs = [(at, found[1]) for at, found in outputs if found]
    if not outputs:
        raise RefusedError("template.yaml has no output with the name of a function")
    after = [at for at, other in outputs if other > names.resource]
    # Each has a line of its own and one for its value.
    at = after[0] if after else outputs[-1][0] + 2
    new = [
        f"  {names.resource}FunctionName:",
        f"    Value: {{ Ref: {names.resource}Function }}",
    ]
    return [*lines[:at], *new, *lines[at:]]


def is_resource(line: str) -> bool:
    """Whether a line of the template begins a resource."""
    return re.fullmatch(r"  \w+:", line) is not None


def first(lines: list[str], start: int, fits: Callable[[str], bool]) -> int | None:
    """The place of the first line from `start` on that fits."""
    return next((at for at in range(start, len(lines)) if fits(lines[at])), None)


def read(root: Path, place: str) -> str:
    """The text of a file."""
    return (root / place).read_text(encoding="utf-8")


def write(root: Path, new: dict[str, str], changed: dict[str, str]) -> None:
    """Writes all files, or leaves the folder as it was."""
    before = {place: read(root, place) for place in changed}
    try:
        for place, text in new.items():
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_text(text, encoding="utf-8")
        for place, text in changed.items():
            (root / place).write_text(text, encoding="utf-8")
    except OSError:
        for place, text in before.items():
            (root / place).write_text(text, encoding="utf-8")
        for place in new:
            (root / place).unlink(missing_ok=True)
        for place in {
            "/".join(place.split("/")[:2]) for place in new if not place.startswith("tests")
        }:
            shutil.rmtree(root / place, ignore_errors=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
