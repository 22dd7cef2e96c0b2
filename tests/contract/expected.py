"""The refusals of well-formed requests that no JSON schema can rule out, each with its reason.

A refusal that is not listed here fails the test: the document then promises more than the platform
accepts, or the platform refuses what it should accept.
"""

from __future__ import annotations

# By problem code: the request is valid, and the state of the platform refuses it.
BY_CODE = {
    "email_taken": "an e-mail address belongs to one customer",
    "idempotency_key_reused": "a key belongs to one request",
    "insufficient_funds": "the wallet may have less money",
    "insufficient_units": "the position may have fewer units",
    "invalid_credentials": "the password is not known",
    "invalid_cursor": "only the platform issues cursors",
    "invalid_token": "only the operator issues one-time tokens",
    "not_found": "an id may name nothing",
    "precondition_failed": "the version may not be the current one",
    "symbol_taken": "a symbol names one custom instrument",
    "too_many_attempts": "a password is checked a limited number of times",
    "unknown_symbol": "a symbol may name nothing",
    "wrong_password": "the password is not known",
}

# By operation and pointer: the field has the right form, and its meaning is refused.
BY_FIELD: dict[tuple[str, str], str] = {}
