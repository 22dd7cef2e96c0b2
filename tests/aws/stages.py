#!/usr/bin/env python3
"""Deploys dev and prod into one account of an emulated AWS by `make deploy`, for a test that uses both.

    stages.py --programs target/debug --work FOLDER --provider URL

Both stages run the real programs, and ask the provider at URL for prices. When both are deployed, and no
function may touch what is the other stage's, FOLDER/addresses.json has their addresses under `dev` and
`prod`, as deploy.py describes them, and a line on standard output says so. A line `destroy dev` on
standard input then deletes dev by `make destroy`. All ends with the end of standard input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy import ADDRESSES, NEVER, adapt, connect, physical_ids, write_json
from deployment import Project, expect
from emulator import Emulator

STAGES = ("dev", "prod")
# One for the whole account, and names that are unique in one API alone.
SHARED = {"AWS::ApiGateway::Account", "AWS::ApiGatewayV2::Stage"}


class Stages(Project):
    """A copy of the project with the real programs, of which both stages are deployed."""

    region = Emulator.region

    def __init__(self, folder: Path, emulator: Emulator, programs: Path, provider: str) -> None:
        super().__init__(folder, emulator)
        document = self.template()
        adapt(document, programs, emulator)
        document["Globals"]["Function"]["Environment"]["Variables"]["ALPHA_VANTAGE_URL"] = provider
        for schedule in ("RefreshSchedule", "EveningRefreshSchedule"):
            document["Parameters"][schedule]["Default"] = NEVER
        self.write_template(document)

    def deploy_stage(self, stage: str) -> dict[str, Any]:
        """Deploys a stage that has a key of its own, and returns its addresses."""
        key = f"/sextant/{stage}/alpha-vantage"
        self.client("ssm").put_parameter(Name=key, Value=f"key-of-{stage}", Type="SecureString")
        parameters = f'parameter_overrides = ["Stage={stage}"'
        self.change("samconfig.toml", parameters, f'{parameters}, "AlphaVantageKeyParameter={key}"')
        self.deploy(STAGE=stage)
        return connect(self.emulator, f"sextant-{stage}") | {"key": key}

    def destroy_dev(self, addresses: dict[str, Any]) -> None:
        """Deletes dev. Its table stays, and all of prod."""
        tables = self.client("dynamodb")
        before = physical_ids(self.client("cloudformation"), addresses["prod"]["stack"])
        stored = customers(tables, addresses["dev"])
        status, _ = self.make("destroy", STAGE="dev", CONFIRM="dev")
        expect(status == 0, f"make destroy ended with status {status}")
        expect(self.stack(addresses["dev"]["stack"]) is None, "the stack of dev is still there")
        left = customers(tables, addresses["dev"])
        expect(left == stored > 0, f"the table of dev has {left} of {stored} customers")
        after = physical_ids(self.client("cloudformation"), addresses["prod"]["stack"])
        expect(after == before, "prod has other resources")
        remaining = {
            function["FunctionName"]
            for page in self.client("lambda").get_paginator("list_functions").paginate()
            for function in page["Functions"]
        }
        expected = set(addresses["prod"]["functions"].values())
        expect(remaining == expected, f"the functions are {remaining}, not {expected}")


def customers(tables: Any, addresses: dict[str, Any]) -> int:
    """How many customers the table of a stage has."""
    return tables.scan(
        TableName=addresses["table"],
        FilterExpression="begins_with(pk, :profile)",
        ExpressionAttributeValues={":profile": {"S": "PROFILE#"}},
        Select="COUNT",
    )["Count"]


def expect_own_resources(project: Stages, addresses: dict[str, Any]) -> None:
    """Fails if a resource belongs to both stages."""
    cloudformation = project.client("cloudformation")
    own = []
    for stage in STAGES:
        stack = addresses[stage]["stack"]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [each for page in pages for each in page["StackResourceSummaries"]]
        own.append(
            {
                (each["ResourceType"], each["PhysicalResourceId"])
                for each in resources
                if each["ResourceType"] not in SHARED
            }
        )
    expect(all(own) and not own[0] & own[1], f"both stages have {own[0] & own[1]}")


def expect_own_access(project: Stages, addresses: dict[str, Any]) -> None:
    """Fails if a function may read or change what is the other stage's."""
    roles = {
        function["FunctionName"]: function["Role"]
        for page in project.client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    # One session for all clients: each would read AWS's descriptions of its services anew.
    session = boto3.Session(region_name=project.region)
    allowed: set[tuple[str, str, str]] = set()
    for stage in STAGES:
        for function in addresses[stage]["functions"].values():
            clients = clients_of(project, session, roles[function])
            for other in STAGES:
                for action in allowed_actions(clients, addresses[other]):
                    expect(stage == other, f"{function} may {action} of {other}")
                    allowed.add((stage, other, action))
    # An action that no function may do even in its own stage would prove nothing.
    expected = {(stage, stage, action) for stage in STAGES for action in ACTIONS}
    expect(allowed == expected, f"these actions are allowed: {sorted(allowed)}")


def clients_of(project: Stages, session: boto3.Session, role: str) -> dict[str, Any]:
    """Clients with the permissions of a role, by service."""
    assumed = project.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    credentials = assumed["Credentials"]
    return {
        service: session.client(
            service,
            endpoint_url=project.emulator.endpoint,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        for service in {service for service, _ in ACTIONS.values()}
    }


ACTIONS: dict[str, tuple[str, Callable[[Any, dict[str, Any]], Any]]] = {
    "read the table": (
        "dynamodb",
        lambda client, its: client.get_item(
            TableName=its["table"], Key={"pk": {"S": "SESSION#1"}, "sk": {"S": "SESSION"}}
        ),
    ),
    "write to the table": (
        "dynamodb",
        lambda client, its: client.put_item(
            TableName=its["table"], Item={"pk": {"S": "LIMIT#1"}, "sk": {"S": "TEST"}}
        ),
    ),
    "read the bucket": (
        "s3",
        lambda client, its: client.get_object(Bucket=its["bucket"], Key="results/1"),
    ),
    "read the key": (
        "ssm",
        lambda client, its: client.get_parameter(Name=its["key"], WithDecryption=True),
    ),
    "publish on the bus": (
        "events",
        lambda client, its: client.put_events(
            Entries=[
                {
                    "EventBusName": its["stack"],
                    "Source": "sextant",
                    "DetailType": "nothing",
                    "Detail": "{}",
                }
            ]
        ),
    ),
}


def allowed_actions(clients: dict[str, Any], addresses: dict[str, Any]) -> list[str]:
    """The actions on a stage's resources that these clients may do."""
    allowed = []
    for action, (service, call) in ACTIONS.items():
        try:
            call(clients[service], addresses)
        except ClientError as error:
            if error.response["Error"]["Code"].startswith("AccessDenied"):
                continue
        allowed.append(action)
    return allowed


def main() -> None:
    """Deploys both stages, and deletes dev when it is asked to."""
    parser = argparse.ArgumentParser(description="Deploys dev and prod into one emulated account.")
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--provider", required=True)
    options = parser.parse_args()
    with Emulator(options.work) as emulator:
        project = Stages(options.work / "project", emulator, options.programs, options.provider)
        addresses = {stage: project.deploy_stage(stage) for stage in STAGES}
        expect_own_resources(project, addresses)
        expect_own_access(project, addresses)
        write_json(options.work / ADDRESSES, addresses)
        print("deployed", flush=True)
        for line in sys.stdin:
            expect(line == "destroy dev\n", f"what is {line!r}?")
            project.destroy_dev(addresses)
            print("destroyed", flush=True)


if __name__ == "__main__":
    main()
