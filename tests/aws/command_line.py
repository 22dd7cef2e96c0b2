#!/usr/bin/env python3
"""`aws`, the command line, for tests of guides: it takes the arguments of version 2 and calls the same operation.

    command_line.py SERVICE OPERATION [--PARAMETER VALUE …] [OUTFILE] [--query EXPRESSION] [--output text]

Operations and parameters are those that AWS describes to its own command line and to boto3, so a name that
does not exist is an error here too. Parameters are strings, numbers, bytes and switches.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name

GLOBAL = {"query": None, "output": "json", "cli-binary-format": "base64"}


def main(arguments: list[str]) -> None:
    """Calls the operation and prints its result."""
    service, operation, *rest = arguments
    # The command line reads AWS_REGION, boto3 does not.
    client = boto3.client(service, region_name=os.environ["AWS_REGION"])
    method = xform_name(operation.replace("-", "_"))
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {} if model.input_shape is None else model.input_shape.members
    names = {xform_name(member, "-"): member for member in members}
    settings: dict[str, Any] = dict(GLOBAL)
    parameters: dict[str, Any] = {}
    files = []
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            files.append(word)
        elif (name := word.removeprefix("--")) in settings:
            settings[name] = rest.pop(0)
        elif name in names:
            member = names[name]
            parameters[member] = value(members[member].type_name, rest)
        else:
            sys.exit(f"aws: error: unknown option: {word}")
    if any(isinstance(each, bytes) for each in parameters.values()):
        # Without it, version 2 of the command line decodes bytes as base64.
        expected = "raw-in-base64-out"
        if settings["cli-binary-format"] != expected:
            sys.exit(f"aws: error: the bytes are not base64: --cli-binary-format {expected}")
    response = getattr(client, method)(**parameters)
    response.pop("ResponseMetadata")
    show(response, files, model.has_streaming_output, settings)


def value(kind: str, rest: list[str]) -> Any:
    """The value of a parameter, taken from the words that follow its name."""
    if kind == "boolean":
        return True
    word = rest.pop(0)
    if kind in ("integer", "long"):
        return int(word)
    if kind == "blob":
        return word.encode()
    if kind == "string":
        return word
    sys.exit(f"aws: error: parameters of type {kind} are not known here")


def show(
    response: dict[str, Any], files: list[str], streams: bool, settings: dict[str, Any]
) -> None:
    """Writes the body of the response to the file, and prints the rest."""
    if streams != (len(files) == 1):
        sys.exit(f"aws: error: unexpected or missing file: {files}")
    if streams:
        [body] = [name for name, each in response.items() if hasattr(each, "read")]
        Path(files[0]).write_bytes(response.pop(body).read())
    result = response if settings["query"] is None else jmespath.search(settings["query"], response)
    if settings["output"] == "text" and isinstance(result, list):
        print("\t".join(str(each) for each in result))
    elif settings["output"] == "text":
        print(result)
    else:
        print(json.dumps(result, indent=4, default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
