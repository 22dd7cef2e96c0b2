"""What schemathesis does differently for Sextant: who calls, and which refusals are expected."""

from __future__ import annotations

import itertools
import os
from typing import Any

import requests
import schemathesis
from expected import BY_CODE, is_expected
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

URL = os.environ["SEXTANT_URL"]
CUSTOMER = os.environ["SEXTANT_CUSTOMER"]
ADMINISTRATOR = os.environ["SEXTANT_ADMINISTRATOR"]
PASSWORD = "correct horse battery"

# The operations that only administrators may call.
ADMINISTRATION = {"search_customers", "read_customer", "change_customer", "reverse_wallet_entry"}
# The operations that move money.
MONEY = {"deposit", "withdraw", "trade", "reverse_wallet_entry"}
# The field of a body that must be the caller's own password.
OWN_PASSWORD = {"change_password": "current_password", "erase_customer": "password"}

numbers = itertools.count()
# Changes with every password that change_password sets.
passwords = {CUSTOMER: PASSWORD, ADMINISTRATOR: PASSWORD}


def caller_of(case: Case, _context: AuthContext | None = None) -> str:
    """The e-mail address of the customer who makes the call."""
    administration = name_of(case) in ADMINISTRATION
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
    name = name_of(case)
    number = next(numbers)
    # A key belongs to one request. Where money moves, every request needs one but a dry run.
    if "Idempotency-Key" in case.operation.headers and (name in MONEY or number % 4):
        case.headers["Idempotency-Key"] = f"request-{number}"
    # The version of an object is known only after reading it.
    if "If-Match" in case.operation.headers and (number % 4 or not case.headers.get("If-Match")):
        case.headers["If-Match"] = "*"
    if name in OWN_PASSWORD and isinstance(case.body, dict):
        case.body[OWN_PASSWORD[name]] = passwords[caller_of(case)]


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Remembers a new password."""
    changed = name_of(case) == "change_password" and response.status_code == 204
    if changed and isinstance(case.body, dict):
        passwords[caller_of(case)] = case.body["new_password"]


@schemathesis.hook
def filter_failure(
    _context: HookContext, failure: Exception, case: Case, response: Response
) -> bool:
    """Keeps a failure unless it is a refusal that no schema can rule out."""
    if isinstance(failure, AcceptedNegativeData):
        # A dry run of an import and a check of a backtest succeed, and list what is wrong.
        match name_of(case):
            case "import_investments":
                return response.json()["invalid"] == 0
            case "check_backtest":
                return response.json()["valid"]
            case _:
                return True
    if not isinstance(failure, RejectedPositiveData) or not is_problem(response):
        return True
    problem = response.json()
    if problem["code"] in BY_CODE:
        return False
    errors = problem.get("errors", [])
    return not errors or not all(
        is_expected(pointer, error["detail"], is_number=is_number(case.body, pointer))
        for error in errors
        for pointer in [error["pointer"]]
    )


def name_of(case: Case) -> str:
    """The id of the operation."""
    return case.operation.definition.raw["operationId"]


def is_problem(response: Response) -> bool:
    """Whether the body is a problem of RFC 9457."""
    return response.headers.get("content-type", [""])[0] == "application/problem+json"


def is_number(body: Any, pointer: str) -> bool:
    """Whether the value at a pointer of the body was sent as a JSON number."""
    for name in pointer.removeprefix("/").split("/"):
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
    return isinstance(body, int | float)
