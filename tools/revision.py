"""The revision of a deployment, a variable in the environment of every function.

SAM names a version of a function after its code and after the variables in its environment, as the template
writes them: a parameter by its name. If only the value of a parameter changed, no version would be published,
and the alias would remain at the version with the old value. The same holds for most other properties. So each
deployment writes a hash of the whole template and of all values into the environment.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

PLACEHOLDER = re.compile(r"^( +SEXTANT_REVISION:) none$", re.MULTILINE)
LENGTH = 16


class RevisionError(Exception):
    """The template has no place for the revision, or more than one."""


def with_revision(text: str, given: Mapping[str, str], current: Mapping[str, str]) -> str:
    """The template with its revision.

    `given` are the values that a deployment sets, and `current` those of the deployed stack.
    """
    template = yaml.safe_load(text)
    revision = revision_of(template, values(template, given, current))
    # In quotes: a hash can look like a number.
    revised, places = PLACEHOLDER.subn(rf'\1 "{revision}"', text)
    if places != 1:
        raise RevisionError(f"the template has {places} lines `SEXTANT_REVISION: none`, not one")
    return revised


def revision_of(template: Mapping[str, Any], parameters: Mapping[str, str]) -> str:
    """A hash of what determines the configuration of the functions. Comments do not change it."""
    text = json.dumps([template, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def values(
    template: Mapping[str, Any], given: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, str]:
    """The value that each parameter will have, as CloudFormation chooses it for `sam deploy`.

    That is the given one, else the current one, else the default.
    """
    return {
        name: str(given.get(name, current.get(name, parameter.get("Default"))))
        for name, parameter in template["Parameters"].items()
    }
