"""What schemathesis does differently for Sextant: who calls, and which refusals are expected."""

from __future__ import annotations

import itertools
import os
from typing import Any

import requests
import schemathesis
from expected import BY_CODE, BY_FIELD
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.openapi.checks import RejectedPositiveData

URL = os.environ["SEXTANT_URL"]
CUSTOMER = os.environ["SEXTANT_CUSTOMER"]
ADMINISTRATOR = os.environ["SEXTANT_ADMINISTRATOR"]
PASSWORD = "correct horse battery"

# The operations that only administrators may call.
ADMINISTRATION = {"search_customers", "read_customer", "change_customer", "reverse_wallet_entry"}
# The field of a body that must be the caller's own password.
OWN_PASSWORD = {"change_password": "current_password", "erase_customer": "password"}

numbers = itertools.count()
# Changes with every password that change_password sets.
passwords = {CUSTOMER: PASSWORD, ADMINISTRATOR: PASSWORD}


def caller_of(case: Case, _context: AuthContext | None = None) -> str:
    """The e-mail address of the customer who makes the call."""
    administration = case.operation.definition.raw["operationId"] in ADMINISTRATION
    return ADMINISTRATOR if administration else CUSTOMER


@schemathesis.auth(retry_on=[401], cache_by_key=caller_of)
class Session:
    """Signs the caller in: at first, and again after a 401."""

    def get(self, case: Case, _context: AuthContext) -> str:
        """A token; a customer who was erased registers anew."""
        email = caller_of(case)
        answer = sign_in(email)
        if answer.status_code == 401:
            passwords[email] = PASSWORD
            register(email)
            answer = sign_in(email)
        answer.raise_for_status()
        return answer.json()["token"]

    def set(self, case: Case, token: str, _context: AuthContext) -> None:
        """Sends the token with the request."""
        case.headers["Authorization"] = f"Bearer {token}"


def register(email: str) -> None:
    """Registers a customer."""
    name = {"first_name": "Ada", "last_name": "Lovelace"}
    person = {"email": email, "password": PASSWORD} | name
    requests.post(f"{URL}/customers", json=person, timeout=10).raise_for_status()


def sign_in(email: str) -> requests.Response:
    """Asks for a session."""
    credentials = {"email": email, "password": passwords[email]}
    return requests.post(f"{URL}/sessions", json=credentials, timeout=10)


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Completes a valid request with what only a client that keeps a state can know."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    name = case.operation.definition.raw["operationId"]
    number = next(numbers)
    # Required where money moves, except in a dry run; a key belongs to one request.
    if "Idempotency-Key" in case.operation.headers and number % 4:
        case.headers["Idempotency-Key"] = f"request-{number}"
    # The version of an object is known only after reading it.
    if "If-Match" in case.operation.headers and number % 4:
        case.headers["If-Match"] = "*"
    if name in OWN_PASSWORD and isinstance(case.body, dict):
        case.body[OWN_PASSWORD[name]] = passwords[caller_of(case)]


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Remembers a new password."""
    changed = case.operation.definition.raw["operationId"] == "change_password"
    if changed and response.status_code == 204 and isinstance(case.body, dict):
        passwords[caller_of(case)] = case.body["new_password"]


@schemathesis.hook
def filter_failure(
    _context: HookContext, failure: Exception, case: Case, response: Response
) -> bool:
    """Keeps a failure unless it is a refusal that no schema can rule out."""
    if not isinstance(failure, RejectedPositiveData) or not is_problem(response):
        return True
    problem = response.json()
    name = case.operation.definition.raw["operationId"]
    pointers = {error["pointer"] for error in problem.get("errors", [])}
    explained = {pointer for pointer in pointers if (name, pointer) in BY_FIELD}
    return problem["code"] not in BY_CODE and (not pointers or explained != pointers)


def is_problem(response: Response) -> bool:
    """Whether the body is a problem of RFC 9457."""
    return response.headers.get("content-type", [""])[0] == "application/problem+json"
