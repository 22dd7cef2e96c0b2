#!/usr/bin/env python3
"""Deploys template.yaml to an emulated AWS on this machine, for the whole-system tests.

It starts the emulator, uploads each function's program, deploys the SAM template itself and
creates the routes that the emulator does not make from it. Then it either runs a command with
the addresses in its environment and ends with that command's status:

    deploy.py --programs target/debug --work target/emulated-aws -- cargo test --workspace

or, without a command, stays until its standard input closes or it gets a signal to stop. When it ends,
so do the emulator and every function it started.

The emulator refuses a function what its role does not allow. permissions.py says what it cannot
check.

The template is deployed three times. The second stack asks Alpha Vantage for its prices, at an address
on this machine where nothing listens until a test does, and sends its spans to another. The third is put on a restored table by a test.

WORK/addresses.json holds what tests need, the command finds its path in SEXTANT_TEST_AWS:
`api_url` to put before a path, `live_url` to connect to, `endpoint`, `region`, `table` and `bucket`
for AWS clients, `functions` with the name of each function by its name in the template, and the
stack's `outputs`; under `second` the same of the second stack, its `provider_url` and its `collector_url`; under `third` that
of the third. `stack` is the name of a stack.
WORK/emulator.log is what the emulator and the functions said.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from emulator import Emulator, EmulatorError, free_port
from packages import BUCKET, PackageError, package
from permissions import leave_out_unknown_conditions
from rollout import leave_out_rollout
from routes import RouteError, create_routes

STACK = "sextant-test"
SECOND_STACK = "sextant-test-second"
THIRD_STACK = "sextant-test-third"
PROVIDER_KEY = "/sextant/test/key"
SENDER = "sextant@example.com"
# The stacks start up at the same time as the tests do; a schedule of the second would use up the
# provider's calls that a test counts.
NEVER = "cron(0 0 1 1 ? 2099)"
# All tests come from one source address, and many share a customer. The limit on exports keeps its
# default: one test reaches it with a customer of its own.
UNLIMITED = {
    "SignInLimit": "0",
    "RegistrationLimit": "0",
    "ReportLimit": "0",
    "ImportLimit": "0",
    "BacktestLimit": "0",
}
EVERYWHERE = {**UNLIMITED, "EmailSender": SENDER}
FUNCTION = "AWS::Serverless::Function"
ALARM = "AWS::CloudWatch::Alarm"
ADDRESSES = "addresses.json"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DeployError(Exception):
    """The template could not be deployed."""


def main() -> int:
    """Deploys, waits or runs the command, and cleans up."""
    options = parse_arguments()
    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    try:
        with Emulator(options.work) as emulator:
            addresses = deploy(emulator, options.template, options.programs, options.work)
            write_json(options.work / ADDRESSES, addresses)
            say(f"deployed {options.template.name} to {addresses['api_url']}")
            if options.command:
                return run(options.command, addresses, options.work)
            wait_for_end_of_input()
            return 0
    except (DeployError, EmulatorError, PackageError, RouteError) as error:
        say(f"error: {error}")
    except (BotoCoreError, ClientError) as error:
        say(
            f"error: the emulator refused a call: {error}\n(its log is {options.work}/emulator.log)"
        )
    return 1


def parse_arguments() -> argparse.Namespace:
    """The command line; what follows the first `--` is the command."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(
        description="Deploys template.yaml to an emulated AWS, and runs a command against it.",
        usage="%(prog)s [options] [-- COMMAND …]",
    )
    parser.add_argument("--template", type=Path, default=root / "template.yaml")
    parser.add_argument(
        "--programs", type=Path, required=True, help="the folder with the functions' built programs"
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="a folder for addresses and logs; emptied first"
    )
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    options.command = arguments[end + 1 :]
    return options


def deploy(emulator: Emulator, template: Path, programs: Path, work: Path) -> dict[str, Any]:
    """Deploys the template three times and returns the addresses of the stacks."""
    try:
        document = yaml.safe_load(template.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DeployError(f"cannot read {template}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise DeployError(f"{template} is not a template: it has no Resources")
    leave_out_rollout(document)
    adapt(document, programs, emulator)

    second = copy.deepcopy(document)
    provider_url = f"http://127.0.0.1:{free_port()}"
    second["Globals"]["Function"]["Environment"]["Variables"]["ALPHA_VANTAGE_URL"] = provider_url
    emulator.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    emulator.client("ssm").put_parameter(Name=PROVIDER_KEY, Value="not-a-key", Type="SecureString")
    collector_url = f"http://127.0.0.1:{free_port()}"
    parameters = {
        "AlphaVantageKeyParameter": PROVIDER_KEY,
        "OtlpEndpoint": collector_url,
        "AlarmEmail": "operator@example.com",
        "RefreshSchedule": NEVER,
        "EveningRefreshSchedule": NEVER,
        **EVERYWHERE,
    }
    addresses = deploy_stack(emulator, STACK, document, EVERYWHERE, work)
    addresses["second"] = deploy_stack(emulator, SECOND_STACK, second, parameters, work)
    addresses["second"]["provider_url"] = provider_url
    addresses["second"]["collector_url"] = collector_url
    quiet = {"RefreshSchedule": NEVER, "EveningRefreshSchedule": NEVER, **UNLIMITED}
    addresses["third"] = deploy_stack(emulator, THIRD_STACK, document, quiet, work)
    return addresses


def adapt(document: dict[str, Any], programs: Path, emulator: Emulator) -> None:
    """Points the template at the built programs, and leaves out what the emulator does not know."""
    package(document, programs, emulator.client("s3"))
    leave_out_unknown_conditions(document)
    reach_live_connections(document, emulator.endpoint)
    leave_out_keywords(document)
    leave_out_metric_math(document)


def reach_live_connections(document: dict[str, Any], endpoint: str) -> None:
    """Makes the functions post to live connections at the emulator's address."""
    for resource in document["Resources"].values():
        if resource.get("Type") == FUNCTION:
            environment = resource["Properties"].get("Environment", {}).get("Variables", {})
            if "LIVE_ENDPOINT" in environment:
                environment["LIVE_ENDPOINT"] = {
                    "Fn::Sub": f"{endpoint}/_aws/execute-api/${{LiveApi}}/live"
                }


def leave_out_keywords(document: dict[str, Any]) -> None:
    """Leaves out inputs of schedules with a keyword, which the emulator would pass on as it is.

    The emulator then sends the event that EventBridge Scheduler sends by default. It has the time too.
    """
    for resource in document["Resources"].values():
        if resource.get("Type") == FUNCTION:
            for event in resource["Properties"].get("Events", {}).values():
                if "<aws.scheduler." in event["Properties"].get("Input", ""):
                    del event["Properties"]["Input"]


def leave_out_metric_math(document: dict[str, Any]) -> None:
    """Leaves out alarms on a sum of metrics, which the emulator does not know."""
    resources = document["Resources"]
    for name in [name for name, each in resources.items() if each["Type"] == ALARM]:
        if "Metrics" in resources[name]["Properties"]:
            del resources[name]


def deploy_stack(
    emulator: Emulator,
    stack: str,
    document: dict[str, Any],
    parameters: dict[str, str],
    work: Path,
) -> dict[str, Any]:
    """Creates one stack and returns its addresses."""
    copied = work / f"{stack}.json"
    write_json(copied, document)
    # CloudFormation accepts at most 51,200 bytes inline, and a megabyte from a bucket.
    s3 = emulator.client("s3")
    s3.put_object(Bucket=BUCKET, Key=copied.name, Body=copied.read_bytes())

    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{emulator.endpoint}/{BUCKET}/{copied.name}",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        OnFailure="DO_NOTHING",
    )
    wait_for_stack(cloudformation, stack)
    return connect(emulator, stack)


def connect(emulator: Emulator, stack: str) -> dict[str, Any]:
    """Creates the routes of a deployed stack and returns its addresses."""
    cloudformation = emulator.client("cloudformation")
    resources = physical_ids(cloudformation, stack)
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")[
        "TemplateBody"
    ]
    if isinstance(processed, str):
        processed = yaml.safe_load(processed)
    create_routes(processed, resources, emulator.client("apigatewayv2"), emulator.client("lambda"))

    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {
        output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
    }
    try:
        api_id, live_api_id, table, bucket = (
            outputs[key] for key in ("ApiId", "LiveApiId", "TableName", "BucketName")
        )
    except KeyError as error:
        raise DeployError(f"the template has no output {error}") from error
    sockets = emulator.endpoint.replace("http://", "ws://")
    return {
        "api_url": f"{emulator.endpoint}/_aws/execute-api/{api_id}/$default",
        "live_url": f"{sockets}/_aws/execute-api/{live_api_id}/live",
        "endpoint": emulator.endpoint,
        "region": emulator.region,
        "stack": stack,
        "table": table,
        "bucket": bucket,
        "functions": {
            name: resources[name]
            for name, resource in processed["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function"
        },
        "outputs": outputs,
    }


def wait_for_stack(cloudformation: Any, stack: str) -> None:
    """Waits until the stack is complete. Raises an error that names the failed resources."""
    waiter = cloudformation.get_waiter("stack_create_complete")
    try:
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    except BotoCoreError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failures = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise DeployError("the stack failed: " + "; ".join(failures or [str(error)])) from error


def physical_ids(cloudformation: Any, stack: str) -> dict[str, str]:
    """The physical id of every resource of the stack, by its name in the template."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")
    }


def run(command: list[str], addresses: dict[str, Any], work: Path) -> int:
    """Runs the command with the addresses in its environment and returns its status."""
    environment = os.environ | {
        "SEXTANT_TEST_AWS": str((work / ADDRESSES).resolve()),
        "SEXTANT_TEST_DYNAMODB_ENDPOINT": addresses["endpoint"],
        "SEXTANT_TEST_S3_ENDPOINT": addresses["endpoint"],
        "SEXTANT_TEST_S3_BUCKET": addresses["bucket"],
    }
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise DeployError(f"cannot run {command[0]}: {error}") from error
    try:
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    return status if status >= 0 else 128 - status


def wait_for_end_of_input() -> None:
    """Waits until the parent process closes standard input."""
    while True:
        select.select([sys.stdin], [], [])
        if not os.read(sys.stdin.fileno(), 4096):
            return


def stop(number: int, _frame: FrameType | None) -> None:
    """Handles a signal like an error, so that everything is cleaned up."""
    # A second signal would interrupt the clean-up and leave the emulator running.
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def write_json(path: Path, value: Any) -> None:
    """Writes the file so that a reader sees either nothing or all of it."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(value, indent=2, default=str) + "\n", encoding="utf-8")
    unfinished.replace(path)


def say(message: str) -> None:
    """Prints a message for the person who runs the tests."""
    print(f"deploy.py: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
