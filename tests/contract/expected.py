"""The refusals of well-formed requests that no JSON schema can rule out, each with its reason.

A refusal that is not listed here fails the test: the document then promises more than the platform
accepts, or the platform refuses what it should accept.
"""

from __future__ import annotations

import re

# By problem code: the request is valid, and the state of the platform refuses it.
BY_CODE = {
    "already_reversed": "an entry is reversed once",
    "email_taken": "an e-mail address belongs to one customer",
    "duplicate_rows": "the portfolio may have the investments of a file already",
    "fx_unavailable": "a day may have no exchange rate",
    "history_conflict": "a later activity may need the units",
    "idempotency_key_reused": "a key belongs to one request",
    "insufficient_funds": "the wallet may have less money",
    "insufficient_units": "the position may have fewer units",
    "invalid_credentials": "the password is not known",
    "invalid_cursor": "only the platform issues cursors",
    "invalid_token": "only the operator issues one-time tokens",
    "last_administrator": "the platform keeps an administrator",
    "limit_reached": "a customer has a limited number of objects",
    "malformed_file": "a CSV file has rows of equal length",
    "no_bars_in_span": "an instrument has no prices for most days",
    "not_enough_bars": "an instrument has a limited history",
    "not_correctable": "an investment may be an activity that has no price",
    "not_found": "an id may name nothing",
    "not_reversible": "only deposits and withdrawals can be reversed",
    "own_account": "administrators do not change their own role",
    "portfolio_closed": "a closed portfolio does not change",
    "portfolio_has_trades": "a portfolio with trades is not deleted",
    "portfolio_not_empty": "a portfolio that holds units is not closed",
    "precondition_failed": "the version may not be the current one",
    "price_changed": "the price may be worse than the expected one",
    "price_unavailable": "an instrument may have no current price",
    "rate_limited": "a customer causes a limited number of e-mails",
    "symbol_taken": "a symbol names one custom instrument",
    "too_large": "a total may be larger than the ledger can store",
    "too_many_attempts": "a password is checked a limited number of times",
    "unknown_symbol": "a symbol may name nothing",
}

# By the pointer of a field and the detail of its error: the form is right, the meaning is not.
BY_FIELD = [
    (r"/(from|to)", "must not be after", "a span ends after it begins"),
    (
        r"/(from|to|as_of|acquired_on|.*date)",
        "between 1900 and 2199",
        "a format has no first and last day",
    ),
    (r"/(from|to|as_of|.*date)", "future|after|last|before", "the day may be after today"),
    (r"/.*currency", "currency", "a code of three letters may be no currency"),
    (r"/(buy|sell)", "", "a trading rule has a grammar of its own"),
    (r"/(new_)?password", "too easy to guess", "no pattern can say how easy it is to guess"),
    (r"/investment_profile/targets", "must sum to 1", "the fractions of all kinds sum to 1"),
    (r"/lots", "only for a sale", "only a sale names lots"),
    (r"/email", "until your e-mail address is verified", "only a verified address gets e-mails"),
    (r"/.*", r"floating point `-?\d+\.0`, expected", "JSON Schema takes 3.0 for an integer"),
    (r"/condition/window", "must be a whole number", "JSON Schema takes 3.0 for an integer"),
    (r"/prices", "given twice", "a day has one price"),
    (r"/symbol", "custom instrument", "custom instruments are only valued, and only they are"),
    (r"/lot_method", "dry runs only|sales only", "only the dry run of a sale tries a lot method"),
    (r"/lots", "together with lot_method", "a lot method chooses the lots itself"),
    (r"/quantity", "either", "an order has either a quantity or an amount"),
    (r"/[a-z_]+", "does not take it|needs it", "the type of an activity decides on its fields"),
    (r"/unit_price", "cost_unknown", "units that come in have a cost or none that is known"),
    (r"/amount", "unit_price", "an amount is quantity times price"),
    (r"/date", "must be from", "an activity is not in the future"),
    (r"/acquired_on", "after the date", "units are bought before they are moved"),
    (r"/lots", "lot method|each lot|add up|of the lot", "the named lots give all units"),
    (r"/note", "adjusted", "an adjustment says why"),
    (r"/amount", "must not be zero", "cash moves by something"),
    (r"/(fx|base)_rate", "must be 1, because", "a currency is worth itself"),
    (
        r"/reverses",
        "must be the id of|takes this one back",
        "only some activities take back another",
    ),
    (r"/currency", "is priced", "amounts are in the currency of the instrument"),
    (r"/header", "", "a CSV file has a header"),
    (r"/rows/.*", "", "the rows of a CSV file have columns"),
]

# The fields that hold exact decimals. No schema limits the value of a decimal in text, or the digits
# of a JSON number.
DECIMALS = re.compile(
    r"/(.*/)?(amount|fee|tax|ratio|percent|price|quantity|loss_capacity|targets/[a-z]+"
    r"|[a-z]+_(amount|price|rate|investment|minimum))"
)


def is_expected(pointer: str, detail: str, *, is_number: bool) -> bool:
    """Whether an error of a field, which was sent as a JSON number or not, is listed."""
    if DECIMALS.fullmatch(pointer) and (
        is_number or re.search("decimals|at most|above zero|below zero", detail)
    ):
        return True
    return any(re.fullmatch(at, pointer) and re.search(of, detail) for at, of, _ in BY_FIELD)
