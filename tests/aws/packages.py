"""Zips and uploads the functions' programs, and points the template at them."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

BUCKET = "sextant-test-packages"
FUNCTION = "AWS::Serverless::Function"
BOOTSTRAP = "bootstrap"


class PackageError(Exception):
    """A function cannot be packaged."""


def package(template: dict[str, Any], programs: Path, s3: Any) -> None:
    """Uploads the program of every function and points the template's `CodeUri` at it.

    `target/lambda/NAME/` stands for the program NAME in the folder `programs`.
    """
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource.get("Type") == FUNCTION
    }
    if not functions:
        raise PackageError("the template has no function")
    paths = {name: program_of(name, properties, programs) for name, properties in functions.items()}
    s3.create_bucket(Bucket=BUCKET)
    for name, properties in functions.items():
        key = f"{paths[name].name}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=zipped(paths[name]))
        properties["CodeUri"] = f"s3://{BUCKET}/{key}"


def program_of(function: str, properties: dict[str, Any], programs: Path) -> Path:
    """The built program of a function."""
    code = properties.get("CodeUri")
    if not isinstance(code, str):
        raise PackageError(f"{function} has no CodeUri that names a folder")
    program = programs / Path(code).name
    if not program.is_file():
        raise PackageError(f"{function} needs the program {program}, which is not built")
    return program


def zipped(program: Path) -> bytes:
    """A deployment package in Lambda's format: one executable called `bootstrap`."""
    with tempfile.TemporaryDirectory() as folder:
        content = without_symbols(program, Path(folder) / BOOTSTRAP).read_bytes()
    entry = zipfile.ZipInfo(BOOTSTRAP)
    entry.external_attr = 0o755 << 16
    # Not compressed: it is unpacked a moment later on the same machine.
    entry.compress_type = zipfile.ZIP_STORED
    package_bytes = io.BytesIO()
    with zipfile.ZipFile(package_bytes, "w") as archive:
        archive.writestr(entry, content)
    return package_bytes.getvalue()


def without_symbols(program: Path, copy: Path) -> Path:
    """A copy without debugging information where `strip` is installed, else the program itself."""
    if shutil.which("strip") is None:
        return program
    done = subprocess.run(
        ["strip", "-o", str(copy), str(program)], capture_output=True, check=False
    )
    return copy if done.returncode == 0 else program
