#!/usr/bin/env python3
"""Gradual deployments: versions, the alias that names the current one, and CodeDeploy, which shifts it.

The emulator has no CodeDeploy, so its copy of the template does without. What AWS gets is checked in
the template that SAM makes of ours, by running this file. It ends with status 0 if all holds.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml
from samtranslator.translator.transform import transform

FUNCTION = "AWS::Serverless::Function"
ALIAS = ".Alias"
REGION = "us-east-1"
GLOBAL_SETTINGS = ("AutoPublishAlias", "DeploymentPreference")


def leave_out_rollout(document: dict[str, Any]) -> None:
    """Makes everything invoke the functions themselves, which then have no alias."""
    for setting in GLOBAL_SETTINGS:
        del document["Globals"]["Function"][setting]
    invoke_functions(document["Resources"])


def invoke_functions(document: Any) -> None:
    """Replaces each reference to an alias by one to its function."""
    if isinstance(document, list):
        for each in document:
            invoke_functions(each)
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        if isinstance(value, dict) and str(value.get("Ref", "")).endswith(ALIAS):
            document[key] = {"Fn::GetAtt": [value["Ref"].removesuffix(ALIAS), "Arn"]}
        else:
            invoke_functions(value)


class NoManagedPolicies:
    """Stands for the list of AWS's own policies. SAM asks it for those that a template names in short."""

    def load(self) -> dict[str, str]:
        """The policies by name: none but the one that SAM gives to CodeDeploy."""
        name = "service-role/AWSCodeDeployRoleForLambda"
        return {name.split("/")[1]: f"arn:aws:iam::aws:policy/{name}"}


def translated(template: Path) -> dict[str, Any]:
    """The resources that SAM makes of the template."""
    # SAM asks for a region, whichever; it makes no call.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(document, {"AWS::Region": REGION}, NoManagedPolicies())["Resources"]


def check(resources: dict[str, Any]) -> None:
    """Raises an error if anything invokes a function other than by its alias, or shifts without alarms."""
    of_type = {
        kind: {name: each for name, each in resources.items() if each["Type"] == kind}
        for kind in {each["Type"] for each in resources.values()}
    }
    functions = of_type["AWS::Lambda::Function"]
    aliases = {f"{name}Aliascurrent": name for name in functions}
    expect(
        of_type["AWS::Lambda::Alias"].keys() == aliases.keys(), "not every function has an alias"
    )
    groups = of_type["AWS::CodeDeploy::DeploymentGroup"]
    for name, alias in of_type["AWS::Lambda::Alias"].items():
        group = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
        expect(group == f"{aliases[name]}DeploymentGroup", f"{name} is shifted by {group}")
    for name, group in groups.items():
        condition, alarms, _ = group["Properties"]["AlarmConfiguration"]["Fn::If"]
        watched = {alarm["Name"]["Ref"] for alarm in alarms["Alarms"]}
        expect(condition == "HasAlarms" and len(watched) >= 2, f"{name} watches {watched}")
        expect(watched <= of_type["AWS::CloudWatch::Alarm"].keys(), f"{name} watches {watched}")
        text = json.dumps(group["Properties"]["DeploymentConfigName"])
        canary, at_once = text.find("Canary10Percent5Minutes"), text.find("AllAtOnce")
        expect(-1 < text.find('"IsProd"') < canary < at_once, f"{name} is shifted by {text}")

    for name, permission in of_type["AWS::Lambda::Permission"].items():
        expect(permission["Properties"]["FunctionName"].get("Ref") in aliases, f"permission {name}")
    callers = {
        "AWS::ApiGatewayV2::Api": lambda each: each.get("Body", {}),
        "AWS::ApiGatewayV2::Integration": lambda each: each["IntegrationUri"],
        "AWS::Events::Rule": lambda each: each["Targets"],
        "AWS::Scheduler::Schedule": lambda each: each["Target"],
    }
    for kind, called in callers.items():
        for name, resource in of_type[kind].items():
            text = json.dumps(called(resource["Properties"]))
            for function in functions:
                for direct in (f'"{function}"', f"${{{function}.Arn}}", f"${{{function}}}"):
                    expect(direct not in text, f"{name} invokes {function} without its alias")
    api = json.dumps(of_type["AWS::ApiGatewayV2::Api"]["Api"]["Properties"]["Body"])
    live = json.dumps(of_type["AWS::ApiGatewayV2::Integration"])
    for text, function in ((api, "AuthorizerFunction"), (live, "LiveFunction")):
        expect(f"{function}Aliascurrent" in text, f"nothing invokes the alias of {function}")


def expect(holds: bool, otherwise: str) -> None:
    """Raises an error with this reason."""
    if not holds:
        raise AssertionError(otherwise)


if __name__ == "__main__":
    check(translated(Path(sys.argv[1])))
