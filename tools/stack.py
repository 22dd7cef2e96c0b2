#!/usr/bin/env python3
"""Deploys and deletes the stack of a stage: `make deploy` and `make destroy`.

    stack.py check STAGE     says which account and region `make deploy` would change, or why it cannot
    stack.py deploy STAGE    deploys the programs in target/lambda
    stack.py destroy STAGE   deletes the stack, and says what stays

The name of the stack is in samconfig.toml. The region comes from AWS_REGION, AWS_DEFAULT_REGION or the
profile, in this order, and the credentials from where the AWS command line finds them. Nothing but
`make deploy` and `make destroy` needs either.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import click
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, WaiterError
from revision import RevisionError, with_revision
from samcli.cli.types import CfnParameterOverridesType

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "samconfig.toml"
TEMPLATE = ROOT / "template.yaml"
PROD = "prod"
# CloudFormation updates no stack that is in one of these, and the sentence says what to do.
STUCK = {
    "ROLLBACK_COMPLETE": "its first deployment failed: `make destroy STAGE={stage}` removes what is left of it",
    "ROLLBACK_FAILED": "its first deployment failed: `make destroy STAGE={stage}` removes what is left of it",
    "CREATE_FAILED": "its first deployment failed: `make destroy STAGE={stage}` removes what is left of it",
    "DELETE_FAILED": "it was not deleted whole: `make destroy STAGE={stage}` tries again",
    "UPDATE_ROLLBACK_FAILED": (
        "its last deployment could not be undone: mend what the stack's events name, then run"
        " `aws cloudformation continue-update-rollback --stack-name {stack}`"
    ),
}
# Why a resource stays when its stack is deleted.
REASONS = {
    "AWS::DynamoDB::Table": "it holds the records of your customers",
    "AWS::S3::Bucket": "it holds reports, exports and results of your customers",
    "AWS::ApiGateway::Account": "other WebSocket APIs in this region may write their logs with it",
    "AWS::IAM::Role": "it is the role that API Gateway writes logs with in this region",
}


class StackError(Exception):
    """The stack cannot be deployed or deleted; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """What is about to be changed: a stack in one account and region."""

    stage: str
    stack: str
    account: str
    region: str
    session: boto3.Session

    def __str__(self) -> str:
        return (
            f"account {self.account}, region {self.region}, stage {self.stage}, stack {self.stack}"
        )

    def client(self, service: str) -> Any:
        """A client of one service."""
        return self.session.client(service)


def main() -> int:
    """Runs one command, or says why it cannot."""
    parser = argparse.ArgumentParser(description="Deploys and deletes the stack of a stage.")
    parser.add_argument("command", choices=["check", "deploy", "destroy"])
    parser.add_argument("stage", help="a stage of samconfig.toml, such as dev")
    options = parser.parse_args()
    try:
        target = find_target(options.stage)
        if options.command == "destroy":
            destroy(target)
            return 0
        check(target)
        return deploy(target) if options.command == "deploy" else 0
    except StackError as error:
        say(f"error: {error}")
    except (BotoCoreError, ClientError) as error:
        say(f"error: {error}")
    except KeyboardInterrupt:
        say("interrupted")
    return 1


def find_target(stage: str) -> Target:
    """The stack of a stage, in the account and region of the environment."""
    stack = settings_of(stage)["stack_name"]
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        region = session.region_name
        if not region:
            raise StackError(
                "no AWS region is set. Set AWS_REGION, such as AWS_REGION=us-east-1, or a region in your AWS profile"
            )
        settings = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
        identity = session.client("sts", config=settings).get_caller_identity()
    except NoCredentialsError as error:
        raise StackError(
            "no AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"your AWS credentials cannot be used: {error}") from error
    return Target(stage, stack, identity["Account"], region, session)


def settings_of(stage: str) -> dict[str, Any]:
    """The settings in samconfig.toml with which a stage is deployed."""
    try:
        configuration = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise StackError(f"cannot read {CONFIGURATION.name}: {error}") from error
    stages = {
        name: section["deploy"]["parameters"]
        for name, section in configuration.items()
        if isinstance(section, dict) and "deploy" in section
    }
    if stage not in stages:
        raise StackError(f"{stage!r} is no stage: STAGE is one of {', '.join(sorted(stages))}")
    return stages[stage]


def check(target: Target) -> None:
    """Says what is about to be changed.

    Raises an error if the stack cannot be updated, which `sam deploy` would say after the build.
    """
    say(f"deploying to {target}")
    stack = describe(target)
    if stack is None:
        return
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise StackError(f"{target.stack} is being changed ({status}): wait until that is done")
    if status in STUCK:
        advice = STUCK[status].format(stage=target.stage, stack=target.stack)
        raise StackError(f"{target.stack} is in the state {status}; {advice}")


def describe(target: Target) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it; `None` if there is none."""
    try:
        found = target.client("cloudformation").describe_stacks(StackName=target.stack)
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found["Stacks"][0]


def deploy(target: Target) -> int:
    """Runs `sam deploy` with the template of this revision, and returns its status.

    A change of prod is confirmed at a terminal. A pipeline has none; there a reviewer is asked before.
    CloudFormation uses the role in EXECUTION_ROLE_ARN, if there is one, and else the caller's permissions.
    """
    role = os.environ.get("EXECUTION_ROLE_ARN")
    asks = target.stage == PROD and sys.stdin.isatty() and not os.environ.get("CI")
    # Beside template.yaml, because its paths are relative to it.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=ROOT, prefix=".template-", suffix=".yaml"
    ) as template:
        template.write(revised_template(target))
        template.flush()
        command = [
            str(Path(sys.executable).with_name("sam")),
            "deploy",
            *("--config-env", target.stage, "--region", target.region),
            *("--template-file", template.name),
            "--confirm-changeset" if asks else "--no-confirm-changeset",
            *(("--role-arn", role) if role else ()),
        ]
        return subprocess.run(
            command, cwd=ROOT, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}, check=False
        ).returncode


def revised_template(target: Target) -> str:
    """template.yaml with the revision of this deployment."""
    stack = describe(target)
    # A stack whose first change set was not executed has no values yet.
    is_new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    current = {} if is_new else values_of(stack)
    overrides = settings_of(target.stage).get("parameter_overrides")
    try:
        given = CfnParameterOverridesType().convert(overrides, None, None)
        return with_revision(TEMPLATE.read_text(encoding="utf-8"), given, current)
    except click.ClickException as error:
        raise StackError(f"{CONFIGURATION.name}: {error.format_message()}") from error
    except RevisionError as error:
        raise StackError(str(error)) from error


def values_of(stack: dict[str, Any]) -> dict[str, str]:
    """The values of the parameters of a stack."""
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}


def destroy(target: Target) -> None:
    """Deletes the stack after a confirmation, and says what stays and how to remove it."""
    stack = describe(target)
    if stack is None:
        raise StackError(f"there is no stack {target.stack} in {target.region}")
    removed, staying = resources(target, stack["StackId"])
    say(f"deleting from {target}")
    for kind, count in sorted(removed.items()):
        print(f"  removed  {count:3} {kind}")
    for resource in staying:
        print(
            f"  stays    {described(resource)}: {REASONS.get(resource['type'], 'the template retains it')}"
        )
    confirm(target)

    cloudformation = target.client("cloudformation")
    cloudformation.delete_stack(StackName=stack["StackId"])
    waiter = cloudformation.get_waiter("stack_delete_complete")
    try:
        waiter.wait(StackName=stack["StackId"], WaiterConfig={"Delay": 3, "MaxAttempts": 1200})
    except WaiterError as error:
        raise StackError(f"{target.stack} was not deleted: {failures(target, stack)}") from error
    say(f"deleted {target.stack}")
    for line in leftovers(staying, target.region):
        print(f"  {line}")


def resources(target: Target, stack: str) -> tuple[dict[str, int], list[dict[str, str]]]:
    """How many resources of each type go with the stack, and which ones stay."""
    cloudformation = target.client("cloudformation")
    got = cloudformation.get_template(StackName=stack, TemplateStage="Processed")
    template = got["TemplateBody"]
    # It is an object where CloudFormation has it as JSON.
    declared = (yaml.safe_load(template) if isinstance(template, str) else template)["Resources"]
    removed: dict[str, int] = {}
    staying = []
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        kind, name = resource["ResourceType"], resource["LogicalResourceId"]
        if resource["ResourceStatus"] in ("DELETE_COMPLETE", "CREATE_FAILED"):
            continue
        if declared.get(name, {}).get("DeletionPolicy", "Delete") == "Delete":
            removed[kind] = removed.get(kind, 0) + 1
        else:
            physical = resource.get("PhysicalResourceId", "")
            staying.append({"name": name, "type": kind, "id": physical})
    return removed, staying


def described(resource: dict[str, str]) -> str:
    """A resource with its type and its names in the template and in the account."""
    return f"{resource['name']} {resource['id']} ({resource['type']})"


def confirm(target: Target) -> None:
    """Asks for the stage's name, unless CONFIRM has it."""
    given = os.environ.get("CONFIRM", "")
    if not given and sys.stdin.isatty() and not os.environ.get("CI"):
        with contextlib.suppress(EOFError):
            given = input(f"Type {target.stage} to delete {target.stack}: ").strip()
    if given != target.stage:
        raise StackError(f"nothing was deleted. Confirm with CONFIRM={target.stage}")


def failures(target: Target, stack: dict[str, Any]) -> str:
    """Which resources could not be deleted, and why."""
    events = target.client("cloudformation").describe_stack_events(StackName=stack["StackId"])
    found = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events["StackEvents"]
        if event["ResourceStatus"] == "DELETE_FAILED"
    ]
    return "; ".join(found) or "it takes longer than an hour; look at its events"


def leftovers(staying: list[dict[str, str]], region: str) -> list[str]:
    """How to remove what stays."""
    commands = []
    for resource in staying:
        name = resource["id"]
        if resource["type"] == "AWS::DynamoDB::Table":
            commands += [
                f"aws dynamodb update-table --region {region} --table-name {name} --no-deletion-protection-enabled",
                f"aws dynamodb delete-table --region {region} --table-name {name}",
            ]
        elif resource["type"] == "AWS::S3::Bucket":
            # The bucket keeps the versions of removed objects for a week, and S3 removes no bucket with a version.
            commands += [
                f"aws s3 rm --region {region} --recursive s3://{name}",
                f"aws s3 rb --region {region} s3://{name}  # after eight days, when all versions have expired",
            ]
    if not commands:
        return []
    return [
        "What stays costs little, and is removed by hand only. This deletes it for good:",
        *commands,
    ]


def say(message: str) -> None:
    """Prints a message for the person who runs make."""
    print(f"stack.py: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
