"""The permissions of the template, as the emulator can check them.

The emulator checks the action and the resource of every call of a function against the policies of
its role. It does not know which keys, event or sender a call is about, and the functions reach
it without TLS. What depends on that is left out of its copy of the template, and nothing else.
"""

from __future__ import annotations

from typing import Any

# Condition keys without a value in the emulator, by operator. A condition that they decide would
# never hold. `ForAllValues` holds without a value, so the list of leading keys stays.
WITHOUT_VALUE = {
    "Null": {"dynamodb:LeadingKeys"},
    "StringEquals": {"events:source", "ses:FromAddress"},
}
# Actions that the emulator checks against every resource, whichever they are about.
WITHOUT_RESOURCE = {"ses:SendEmail"}
WITHOUT_TLS = "aws:SecureTransport"


def leave_out_unknown_conditions(document: Any) -> None:
    """Removes what the emulator cannot check from every policy of the template."""
    if isinstance(document, list):
        for each in document:
            leave_out_unknown_conditions(each)
    if not isinstance(document, dict):
        return
    for each in document.values():
        leave_out_unknown_conditions(each)
    if isinstance(action := document.get("Action"), str) and action in WITHOUT_RESOURCE:
        document["Resource"] = "*"
    if isinstance(condition := document.get("Condition"), dict):
        for operator, keys in WITHOUT_VALUE.items():
            for key in keys & set(condition.get(operator, {})):
                del condition[operator][key]
    resources = document.get("Resources")
    if isinstance(resources, dict):
        document["Resources"] = {
            name: resource
            for name, resource in resources.items()
            if not requires_tls(resource.get("Properties", {}).get("PolicyDocument", {}))
        }


def requires_tls(policy: dict[str, Any]) -> bool:
    """Whether the policy does nothing but refuse calls without TLS."""
    statements = policy.get("Statement", [])
    return bool(statements) and all(
        WITHOUT_TLS in keys
        for statement in statements
        for keys in statement.get("Condition", {"": {}}).values()
    )
