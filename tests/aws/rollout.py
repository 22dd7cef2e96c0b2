"""Gradual deployments: versions, the alias that names the current one, and CodeDeploy, which moves it.

The emulator has no CodeDeploy. The copy of the template that the whole-system tests use leaves all of this out,
so that their functions are invoked directly. What AWS gets is checked by translation.py.
"""

from __future__ import annotations

from typing import Any

ALIAS = ".Alias"


def leave_out_codedeploy(document: dict[str, Any]) -> None:
    """Lets CloudFormation move the aliases."""
    del document["Globals"]["Function"]["DeploymentPreference"]


def leave_out_rollout(document: dict[str, Any]) -> None:
    """Makes everything invoke the functions themselves, which then have no alias."""
    leave_out_codedeploy(document)
    for setting in ("AutoPublishAlias", "VersionDeletionPolicy"):
        del document["Globals"]["Function"][setting]
    invoke_functions(document["Resources"])


def invoke_functions(document: Any) -> None:
    """Replaces each reference to an alias by one to its function."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        if isinstance(value, dict) and str(value.get("Ref", "")).endswith(ALIAS):
            document[key] = {"Fn::GetAtt": [value["Ref"].removesuffix(ALIAS), "Arn"]}
        elif isinstance(value, dict | list):
            invoke_functions(value)
