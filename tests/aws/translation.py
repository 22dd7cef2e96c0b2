#!/usr/bin/env python3
"""Gradual deployments, as AWS gets them: checks of the template that SAM makes of ours.

    translation.py CHECK

Each check is a function below and ends with status 0 if all holds.
"""

from __future__ import annotations

import copy
import os
import re
import sys
import tomllib
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from revision import revision_of, values, with_revision

CONFIGURATION = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
PROD = dict(
    given.split("=", 1)
    for given in CONFIGURATION["prod"]["deploy"]["parameters"]["parameter_overrides"]
)
TEMPLATE = ROOT / "template.yaml"
FUNCTION = "AWS::Serverless::Function"
VERSION = "AWS::Lambda::Version"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
REGION = "us-east-1"
# What names a function without invoking it: its versions and aliases, and metrics.
MAY_NAME_FUNCTIONS = {
    VERSION,
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
}
# What CloudFormation does only for properties that the template does not have.
NOT_NEEDED = {
    "codedeploy:RegisterOnPremisesInstance",
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:PutFunctionScalingConfig",
    "lambda:PutProvisionedConcurrencyConfig",
    "lambda:PutRuntimeManagementConfig",
}


def read() -> dict[str, Any]:
    """The template."""
    return yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))


class NoManagedPolicies:
    """Stands for the list of AWS's own policies. SAM asks it for those that a template names in short."""

    def load(self) -> dict[str, str]:
        """The policies by name: none."""
        return {}


def translated(document: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """The resources that SAM makes of a template."""
    # SAM asks for a region, whichever; it makes no call.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    document = copy.deepcopy(document)
    for resource in document["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(document, {"AWS::Region": REGION, **parameters}, NoManagedPolicies())[
        "Resources"
    ]


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    """The resources of one type."""
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def references(document: Any) -> set[str]:
    """The names of what a part of a translated template refers to."""
    if isinstance(document, list):
        return set().union(*map(references, document))
    if not isinstance(document, dict):
        return set()
    found = set()
    for key, value in document.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value[0] if isinstance(value, list) else value.split(".")[0])
        elif key == "Fn::Sub":
            text = value[0] if isinstance(value, list) else value
            found |= set(re.findall(r"\$\{(\w+)", text)) | references(value)
        elif key == "DependsOn":
            found |= {value} if isinstance(value, str) else set(value)
        else:
            found |= references(value)
    return found


def needed_by(name: str, resources: dict[str, Any]) -> set[str]:
    """The names of the resources that CloudFormation creates and updates before this one."""
    found: set[str] = set()
    open_names = {name}
    while open_names:
        named = references(resources[open_names.pop()]) & resources.keys()
        open_names |= named - found
        found |= named
    return found


def aliases() -> None:
    """Everything invokes a function by its alias, and no resource waits for itself."""
    resources = translated(read(), PROD)
    functions = of_type(resources, "AWS::Lambda::Function").keys()
    expect(len(functions) > 10, f"the functions are {functions}")
    alias = {name: f"{name}Aliascurrent" for name in functions}
    expect(
        of_type(resources, "AWS::Lambda::Alias").keys() == set(alias.values()),
        "not every function has an alias",
    )
    for name, resource in resources.items():
        if resource["Type"] not in MAY_NAME_FUNCTIONS:
            direct = references(resource) & functions
            expect(not direct, f"{name} names {direct} without the alias")
    for name, each in of_type(resources, "AWS::Lambda::EventInvokeConfig").items():
        expect(each["Properties"]["Qualifier"] == "current", f"{name} is not about the alias")
    for name, function in {
        "Api": "AuthorizerFunction",
        "UndeliverableEmails": "OperatorFunction",
        "UndeliverableEmailsPermission": "OperatorFunction",
        "VerificationStateMachine": "OperatorFunction",
        "VerificationStateMachineRole": "OperatorFunction",
        "PublishRatesFunctionQuotesRefreshed": "PublishRatesFunction",
        "RefreshPricesFunctionDuringTrading": "RefreshPricesFunction",
        "RefreshPricesFunctionDuringTradingRole": "RefreshPricesFunction",
    }.items():
        expect(alias[function] in references(resources[name]), f"{name} does not name the alias")
    integrations = of_type(resources, "AWS::ApiGatewayV2::Integration")
    expect(len(integrations) == 3, f"the integrations of the live API are {integrations}")
    for name, each in integrations.items():
        expect(alias["LiveFunction"] in references(each), f"{name} does not name the alias")
    try:
        TopologicalSorter(
            {name: references(each) & resources.keys() for name, each in resources.items()}
        ).prepare()
    except CycleError as error:
        raise AssertionError(f"resources wait for one another: {error.args[1]}") from error


def canary() -> None:
    """CodeDeploy moves the aliases of prod, a tenth first if there are alarms, and of nothing else."""
    # `sam deploy` would keep a value that is not given, also that of an exception.
    expect(PROD["GradualDeployment"] == "on", "samconfig.toml does not end an exception")
    resources = translated(read(), PROD)
    names = of_type(resources, "AWS::Lambda::Alias")
    groups = of_type(resources, GROUP)
    expect(len(groups) == len(names) > 10, f"{len(groups)} groups for {len(names)} functions")
    for name, alias in names.items():
        group = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
        function = alias["Properties"]["FunctionName"]["Ref"]
        expect(group == f"{function}DeploymentGroup", f"{name} is moved by {group}")
    for name, group in groups.items():
        properties = group["Properties"]
        condition, alarms, none = properties["AlarmConfiguration"]["Fn::If"]
        expect((condition, none) == ("HasAlarms", {}), f"{name} watches {condition} or {none}")
        expect(alarms["Enabled"], f"{name} watches no alarms")
        watched = references(alarms)
        expect(watched == {"ApiErrorsAlarm", "EventErrorsAlarm"}, f"{name} watches {watched}")
        condition, *choices = properties["DeploymentConfigName"]["Fn::If"]
        chosen = [choice["Fn::Sub"][1]["ConfigName"] for choice in choices]
        expect(
            (condition, chosen) == ("HasAlarms", ["Canary10Percent10Minutes", "AllAtOnce"]),
            f"{name} is moved by {condition}: {chosen}",
        )
        events = properties["AutoRollbackConfiguration"]["Events"]
        expect("DEPLOYMENT_STOP_ON_ALARM" in events, f"{name} is rolled back on {events}")
        expect(references(properties["ServiceRoleArn"]) == {"CodeDeployRole"}, f"role of {name}")
    expect("CodeDeployServiceRole" not in resources, "SAM added a role of its own")
    # An alias that waited for another would be moved ten minutes after it, the first one serving the new version alone.
    for name in names:
        waits = needed_by(name, resources) & (names.keys() - {name})
        expect(not waits, f"{name} is moved after {waits}")
    # Otherwise CloudFormation moves them itself, alarm or not.
    for parameters in ({**PROD, "GradualDeployment": "off"}, {"Stage": "dev"}):
        resources = translated(read(), parameters)
        found = [name for name, each in resources.items() if "CodeDeploy::" in each["Type"]]
        expect(not found, f"with {parameters} there are {found}")
        for name, alias in of_type(resources, "AWS::Lambda::Alias").items():
            expect("UpdatePolicy" not in alias, f"with {parameters} {name} waits for CodeDeploy")


def versions() -> None:
    """A changed value or property publishes a version of every function, and an unchanged one none."""
    text = TEMPLATE.read_text(encoding="utf-8")

    def published(text: str, **given: str) -> set[str]:
        document = yaml.safe_load(with_revision(text, PROD | given, {}))
        resources = translated(document, values(document, PROD | given, {}))
        found = of_type(resources, VERSION)
        expect(len(found) > 10, f"the versions are {found}")
        for name, version in found.items():
            # Lambda refuses to publish a version that it still has, as after a rollback.
            expect(version["DeletionPolicy"] == "Delete", f"{name} is retained")
        return set(found)

    before = published(text)
    expect(published(text) == before, "the same deployment publishes versions again")
    expect(published(f"# A remark.\n{text}") == before, "a comment publishes versions")
    expect(not published(text, LogLevel="DEBUG") & before, "a changed value reaches no alias")
    for old, new in (
        ("    Timeout: 10\n", "    Timeout: 11\n"),
        ("  Tracing: Active", "  Tracing: PassThrough"),
    ):
        expect(text.count(old) == 1, f"the template has not one {old!r}")
        expect(not published(text.replace(old, new)) & before, f"{new!r} reaches no alias")

    document = read()
    defaults = values(document, {}, {})
    revisions = {revision_of(document, defaults)}
    for name, parameter in document["Parameters"].items():
        expect("NoEcho" not in parameter, f"{name}: a hidden value cannot be hashed")
        revisions.add(revision_of(document, defaults | {name: f"{defaults[name]}1"}))
    expect(len(revisions) == len(defaults) + 1, "some value does not change the revision")
    # A value that is not given remains what it is in the stack, and the default is for new parameters.
    current, given = {"LogLevel": "DEBUG", "Yahoo": "on"}, {"Yahoo": "off", "Stage": "prod"}
    expect(
        values(document, given, current) == defaults | {"LogLevel": "DEBUG", "Stage": "prod"},
        "the values are not those that `sam deploy` leads to",
    )


def permissions() -> None:
    """The role of deploy/permissions.yaml may do what CloudFormation does to move an alias."""
    document = yaml.safe_load((ROOT / "deploy/permissions.yaml").read_text(encoding="utf-8"))
    policies = document["Resources"]["ExecutionRole"]["Properties"]["Policies"]
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    allowed: set[str] = set()
    for statement in statements:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
    for kind in (VERSION, "AWS::Lambda::Alias", "AWS::CodeDeploy::Application", GROUP):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
        handlers = schema["handlers"]
        needed = {
            action
            for handler in ("create", "read", "update", "delete")
            for action in handlers[handler]["permissions"]
        }
        missing = needed - NOT_NEEDED - allowed
        expect(len(needed) > 3 and not missing, f"{kind} needs {missing}")
    [passes] = [each for each in statements if each["Sid"] == "PassRolesToTheirServices"]
    services = passes["Condition"]["StringEquals"]["iam:PassedToService"]
    expect("codedeploy.amazonaws.com" in services, f"roles are passed to {services} only")


def expect(holds: bool, otherwise: str) -> None:
    """Raises an error with this reason unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


CHECKS: dict[str, Callable[[], None]] = {
    "aliases": aliases,
    "canary": canary,
    "versions": versions,
    "permissions": permissions,
}

if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
