#!/usr/bin/env python3
"""The way of `make deploy` and `make destroy`, gone in a copy of the project against an emulated AWS.

    deployment.py SCENARIO

Each scenario is a function below and ends with status 0 if all holds. make, samconfig.toml, `sam deploy`
and its change sets are the real ones. template.yaml is too, with one tiny program in every function's place
and without CodeDeploy, which the emulator does not have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

from emulator import CREDENTIALS, Emulator
from rollout import leave_out_codedeploy, leave_out_rollout

ROOT = Path(__file__).resolve().parents[2]
# What make reads. It names its tools by their requirements.
PARTS = ["Makefile", "samconfig.toml", "template.yaml", "tools/revision.py", "tools/stack.py"]
REQUIREMENTS = ("*/*/requirements*.txt", "tests/*/package-lock.json")
STACK = "sextant-prod"
# Not the one that samconfig.toml once named.
REGION = "eu-central-1"
PROGRAM = "#!/bin/sh\nexit 1\n"


class Project:
    """A copy of the parts that a deployment needs."""

    region = REGION
    # What the emulator lacks. Where functions are invoked, they are so without their aliases.
    leave_out = staticmethod(leave_out_rollout)

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.emulator = emulator
        self.credentials = CREDENTIALS
        requirements = [path for names in REQUIREMENTS for path in ROOT.glob(names)]
        for part in PARTS + [str(path.relative_to(ROOT)) for path in requirements]:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder / part)
        document = self.template()
        self.leave_out(document)
        self.write_template(document)
        for resource in self.template()["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                program = folder / resource["Properties"]["CodeUri"] / "bootstrap"
                program.parent.mkdir(parents=True)
                program.write_text(PROGRAM, encoding="utf-8")
                program.chmod(0o755)

    def template(self) -> dict[str, Any]:
        """The copy of template.yaml."""
        return yaml.safe_load((self.folder / "template.yaml").read_text(encoding="utf-8"))

    def write_template(self, document: dict[str, Any]) -> None:
        """Replaces the copy of template.yaml."""
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        (self.folder / "template.yaml").write_text(text, encoding="utf-8")

    def change(self, part: str, old: str, new: str) -> None:
        """Changes the copy of a file."""
        text = (self.folder / part).read_text(encoding="utf-8")
        expect(old in text, f"{part} has no {old!r}")
        (self.folder / part).write_text(text.replace(old, new), encoding="utf-8")

    def make(self, goal: str, **settings: str) -> tuple[int, str]:
        """Runs make for prod, as a pipeline does: with a region, without a terminal. Returns status and output."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "AWS_REGION": self.region,
            "CI": "true",
            **self.credentials,
        }
        tools = Path(sys.executable).parents[1]
        done = subprocess.run(
            ["make", goal, "BUILD=no", f"VENV={tools}"]
            + [f"{name}={value}" for name, value in ({"STAGE": "prod"} | settings).items()],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout, flush=True)
        return done.returncode, done.stdout

    def deploy(self, **settings: str) -> None:
        """Deploys, which must succeed."""
        status, _ = self.make("deploy", **settings)
        expect(status == 0, f"make deploy ended with status {status}")

    def stack(self, name: str = STACK) -> dict[str, Any] | None:
        """The stack as CloudFormation describes it; `None` once it is deleted."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return next((stack for stack in stacks if stack["StackName"] == name), None)

    def physical(self, name: str) -> str:
        """The physical id of a resource of the stack."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=name
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def client(self, service: str) -> Any:
        """A client of an emulated service in the region of the deployment."""
        return self.emulator.client(service, self.region)


class ProjectWithAliases(Project):
    """A copy in which a deployment moves the aliases of the functions."""

    leave_out = staticmethod(leave_out_codedeploy)


def lifecycle(project: Project) -> None:
    """Prod is deployed, updated and deleted without a terminal; table and bucket outlive it."""
    status, said = project.make("deploy")
    expect(status == 0, f"make deploy ended with status {status}")
    about = f"account 000000000000, region {REGION}, stage prod, stack {STACK}"
    expect(about in said, f"it does not say what it is about to change: {about}")
    stack = project.stack()
    expect_status(stack, "CREATE_COMPLETE")
    expect("REVIEW_IN_PROGRESS" in states(project), "it was not deployed by a change set")
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    expect(parameters["Stage"] == "prod", f"the parameters are not those of prod: {parameters}")
    tags = {each["Key"]: each["Value"] for each in stack["Tags"]}
    expect(tags == {"project": "sextant", "stage": "prod"}, f"the tags are {tags}")
    elsewhere = project.emulator.client("cloudformation").describe_stacks()["Stacks"]
    expect(not elsewhere, f"something was deployed to another region: {elsewhere}")
    table, bucket = project.physical("Table"), project.physical("Bucket")
    function = project.physical("SessionsFunction")
    expect(is_protected(project, table), "the table of prod is not protected from deletion")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    for name, resource in project.template()["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            project.client("lambda").get_function(FunctionName=outputs[f"{name}Name"])
    throttled = project.template()["Resources"]["Api"]["Properties"]["RouteSettings"]
    stage = project.client("apigatewayv2").get_stage(ApiId=outputs["ApiId"], StageName="$default")
    expect(stage["RouteSettings"].keys() == throttled.keys(), "the routes have other throttles")

    before, revision = retention(project), only_revision(project)
    project.deploy()
    expect(only_revision(project) == revision, "a deployment without a change published versions")
    project.change("samconfig.toml", f"LogRetentionDays={before}", "LogRetentionDays=30")
    project.deploy()
    expect_status(project.stack(), "UPDATE_COMPLETE")
    expect(before != 30 and retention(project) == 30, "the update did not arrive")
    expect(only_revision(project) != revision, "the changed value did not reach the aliases")
    expect(project.physical("Table") == table, "the update replaced the table")
    left = list(project.folder.glob(".template-*"))
    expect(not left, f"deployments left {left}")

    for confirmation in ({}, {"CONFIRM": "dev"}):
        status, _ = project.make("destroy", **confirmation)
        expect(status != 0, f"make destroy went on with {confirmation}")
        expect_status(project.stack(), "UPDATE_COMPLETE")
    status, said = project.make("destroy", CONFIRM="prod")
    expect(status == 0, f"make destroy ended with status {status}")
    expect(project.stack() is None, "the stack is still there")
    for name in (table, bucket):
        expect(said.count(name) > 1, f"it does not say that {name} stays, and how to remove it")
    expect(is_protected(project, table), "the table lost its protection")
    project.client("s3").head_bucket(Bucket=bucket)
    functions = project.client("lambda").list_functions()["Functions"]
    expect(function not in str(functions), "the functions are still there")


def failed_first(project: Project) -> None:
    """A first deployment of prod that fails rolls back and leaves an empty table and bucket."""
    # A resource that cannot be created, after all that a failure could leave behind.
    project.change(
        "template.yaml",
        "\nOutputs:\n",
        """
  Impossible:
    Type: AWS::Logs::LogStream
    DependsOn: [Table, Bucket, BucketPolicy, ApiAccount]
    Properties: { LogGroupName: there-is-no-such-group }

Outputs:
""",
    )
    status, _ = project.make("deploy")
    expect(status != 0, "make deploy ended with status 0")
    expect_status(project.stack(), "ROLLBACK_COMPLETE")
    [table] = project.client("dynamodb").list_tables()["TableNames"]
    expect(is_protected(project, table), "the table of prod is not protected from deletion")
    left = project.client("dynamodb").scan(TableName=table)["Count"]
    expect(left == 0, f"the table has {left} items")
    buckets = project.client("s3").list_buckets()["Buckets"]
    expect(sum(STACK in bucket["Name"] for bucket in buckets) == 1, f"the buckets are {buckets}")

    status, said = project.make("deploy")
    expect(status != 0 and "make destroy STAGE=prod" in said, "it does not say what to do next")
    status, _ = project.make("destroy", CONFIRM="prod")
    expect(status == 0, f"make destroy ended with status {status}")
    expect(project.stack() is None, "the stack is still there")


def least_permissions(project: Project) -> None:
    """A pipeline with the policy of deploy/permissions.yaml deploys prod, and may do nothing else."""
    permissions = yaml.safe_load((ROOT / "deploy/permissions.yaml").read_text(encoding="utf-8"))
    policy = permissions["Resources"]["DeployPolicy"]["Properties"]["PolicyDocument"]
    # The emulator does not know this condition key.
    [statement] = [each for each in policy["Statement"] if "cloudformation:RoleArn" in str(each)]
    del statement["Condition"]
    cloudformation, iam = project.client("cloudformation"), project.client("iam")
    cloudformation.create_stack(
        StackName="permissions",
        TemplateBody=yaml.safe_dump(permissions),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="permissions")
    [stack] = cloudformation.describe_stacks(StackName="permissions")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    role = outputs["ExecutionRoleArn"]
    iam.create_user(UserName="pipeline")
    iam.attach_user_policy(UserName="pipeline", PolicyArn=outputs["DeployPolicyArn"])
    key = iam.create_access_key(UserName="pipeline")["AccessKey"]
    project.credentials = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }

    # The bucket of builds refuses plain HTTP, and the emulator has nothing else.
    status, said = project.make("deploy", EXECUTION_ROLE_ARN=role)
    expect(status != 0 and "explicit deny" in said, "the bucket of builds accepted plain HTTP")
    for bucket in project.client("s3").list_buckets()["Buckets"]:
        project.client("s3").delete_bucket_policy(Bucket=bucket["Name"])
    project.deploy(EXECUTION_ROLE_ARN=role)
    expect_status(project.stack(), "CREATE_COMPLETE")
    project.change(
        "samconfig.toml", f"LogRetentionDays={retention(project)}", "LogRetentionDays=30"
    )
    project.deploy(EXECUTION_ROLE_ARN=role)
    expect_status(project.stack(), "UPDATE_COMPLETE")

    status, said = project.make("destroy", CONFIRM="prod")
    expect(status != 0 and "cloudformation:DeleteStack" in said, "a pipeline may delete the stack")
    pipeline = boto3.client(
        "dynamodb",
        endpoint_url=project.emulator.endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    try:
        pipeline.scan(TableName=project.physical("Table"))
    except ClientError as error:
        expect(error.response["Error"]["Code"] == "AccessDeniedException", str(error))
    else:
        raise AssertionError("a pipeline may read the table")


def is_protected(project: Project, table: str) -> bool:
    """Whether a table is protected from deletion."""
    described = project.client("dynamodb").describe_table(TableName=table)["Table"]
    return described["DeletionProtectionEnabled"]


def only_revision(project: Project) -> str:
    """The revision in the environment of every function, in the only version that is left of it."""
    client = project.client("lambda")
    found = set()
    for name in (each["FunctionName"] for each in client.list_functions()["Functions"]):
        versions = client.list_versions_by_function(FunctionName=name)["Versions"]
        [published] = [each["Version"] for each in versions if each["Version"] != "$LATEST"]
        current = client.get_function_configuration(FunctionName=name, Qualifier="current")
        expect(current["Version"] == published, f"the alias of {name} does not name {published}")
        found.add(current["Environment"]["Variables"]["SEXTANT_REVISION"])
    expect(len(found) == 1 and "none" not in found, f"the revisions are {found}")
    return found.pop()


def states(project: Project) -> list[str]:
    """The states that the stack has been in."""
    paginator = project.client("cloudformation").get_paginator("describe_stack_events")
    events = [
        event for page in paginator.paginate(StackName=STACK) for event in page["StackEvents"]
    ]
    return [event["ResourceStatus"] for event in events if event["LogicalResourceId"] == STACK]


def retention(project: Project) -> int:
    """Days for which the API's log is retained."""
    name = project.physical("ApiLogGroup")
    groups = project.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(group["retentionInDays"] for group in groups if group["logGroupName"] == name)


def expect_status(stack: dict[str, Any] | None, status: str) -> None:
    """Fails unless the stack has this status."""
    found = None if stack is None else stack["StackStatus"]
    expect(found == status, f"the stack is {found}, not {status}")


def expect(holds: bool, otherwise: str) -> None:
    """Fails unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


SCENARIOS: dict[str, Callable[[Project], None]] = {
    "lifecycle": lifecycle,
    "failed-first": failed_first,
    "least-permissions": least_permissions,
}


def main() -> None:
    """Runs one scenario with an emulator of its own."""
    scenario = SCENARIOS[sys.argv[1]]
    settings = {"AUTH": "true"} if scenario is least_permissions else {}
    with tempfile.TemporaryDirectory(prefix="sextant-deployment-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        with Emulator(work, **settings) as emulator:
            scenario(ProjectWithAliases(Path(folder) / "project", emulator))


if __name__ == "__main__":
    main()
