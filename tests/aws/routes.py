"""The routes of the deployed HTTP APIs.

The emulator takes an API from the template but not the OpenAPI document in it, where SAM puts
every route. They are created here from that very document, so that the routes under test are
those that AWS would make.
"""

from __future__ import annotations

from typing import Any

METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
AUTHORIZER_KIND = "x-amazon-apigateway-authtype"
DEFAULT_PATH = "/$default"


class RouteError(Exception):
    """The processed template contains something that this script cannot convert to a route."""


def create_routes(
    processed: dict[str, Any], physical: dict[str, str], gateway: Any, functions: Any
) -> None:
    """Creates authorizers, integrations and routes of every HTTP API in the processed template."""
    arns: dict[str, str] = {}

    def arn_of(name: str) -> str:
        if name not in arns:
            configuration = functions.get_function(FunctionName=physical[name])["Configuration"]
            arns[name] = configuration["FunctionArn"]
        return arns[name]

    for name, resource in processed["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            create_routes_of_api(resource["Properties"]["Body"], physical[name], gateway, arn_of)


def create_routes_of_api(document: dict[str, Any], api_id: str, gateway: Any, arn_of: Any) -> None:
    """Creates the resources of one OpenAPI document."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    authorizers = {
        name: create_authorizer(name, scheme[AUTHORIZER], api_id, gateway, arn_of)
        for name, scheme in schemes.items()
        if AUTHORIZER in scheme
    }
    integrations: dict[str, str] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS and method != ANY_METHOD:
                continue
            function = function_behind(operation.get(INTEGRATION, {}).get("uri"))
            if function not in integrations:
                integrations[function] = create_integration(arn_of(function), api_id, gateway)
            gateway.create_route(
                ApiId=api_id,
                RouteKey=route_key(method, path),
                Target=f"integrations/{integrations[function]}",
                **authorization(operation, schemes, authorizers),
            )


def create_authorizer(
    name: str, definition: dict[str, Any], api_id: str, gateway: Any, arn_of: Any
) -> str:
    """Creates a Lambda authorizer as the document defines it."""
    if definition["type"].upper() != "REQUEST":
        raise RouteError(
            f"authorizer {name} is of type {definition['type']}, only request is known"
        )
    arn = arn_of(function_behind(definition["authorizerUri"]))
    sources = definition.get("identitySource", [])
    if isinstance(sources, str):
        sources = [source.strip() for source in sources.split(",")]
    # Absent means the default of AWS, which is not zero.
    seconds = definition.get("authorizerResultTtlInSeconds")
    lifetime = {} if seconds is None else {"AuthorizerResultTtlInSeconds": seconds}
    created = gateway.create_authorizer(
        ApiId=api_id,
        Name=name,
        AuthorizerType="REQUEST",
        AuthorizerUri=invocation_uri(arn),
        AuthorizerPayloadFormatVersion=definition.get("authorizerPayloadFormatVersion", "2.0"),
        EnableSimpleResponses=definition.get("enableSimpleResponses", False),
        IdentitySource=sources,
        **lifetime,
    )
    return created["AuthorizerId"]


def create_integration(arn: str, api_id: str, gateway: Any) -> str:
    """Creates the integration with one function."""
    created = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion="2.0",
    )
    return created["IntegrationId"]


def authorization(
    operation: dict[str, Any], schemes: dict[str, Any], authorizers: dict[str, str]
) -> dict[str, str]:
    """How a route authorizes callers: not at all, by IAM or by an authorizer."""
    named = [name for requirement in operation.get("security", []) for name in requirement]
    if not named or named == ["NONE"]:
        return {"AuthorizationType": "NONE"}
    if len(named) > 1:
        raise RouteError(f"a route with several authorizers: {named}")
    if named[0] in authorizers:
        return {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[named[0]]}
    if schemes.get(named[0], {}).get(AUTHORIZER_KIND) == "awsSigv4":
        return {"AuthorizationType": "AWS_IAM"}
    raise RouteError(f"the document does not define the authorizer {named[0]}")


def route_key(method: str, path: str) -> str:
    """The key of a route, such as `GET /report/{symbol}`."""
    if path == DEFAULT_PATH:
        return "$default"
    return f"{'ANY' if method == ANY_METHOD else method.upper()} {path}"


def function_behind(uri: Any) -> str:
    """The logical name of the function that an invocation address names."""
    found = sorted(function_names(uri))
    if len(found) != 1:
        raise RouteError(f"an integration names {found or 'no function'}: {uri}")
    return found[0]


def function_names(uri: Any) -> set[str]:
    """The names in `Fn::GetAtt: [NAME, Arn]` and in `${NAME.Arn}`, at any depth."""
    if isinstance(uri, str):
        parts = uri.split("${")[1:]
        return {part.split(".Arn}")[0] for part in parts if ".Arn}" in part}
    if isinstance(uri, list):
        return set().union(*(function_names(item) for item in uri)) if uri else set()
    if isinstance(uri, dict):
        target = uri.get("Fn::GetAtt")
        if isinstance(target, list) and target[1:] == ["Arn"]:
            return {target[0]}
        return set().union(*(function_names(item) for item in uri.values())) if uri else set()
    return set()


def invocation_uri(arn: str) -> str:
    """The address under which API Gateway invokes a function."""
    region = arn.split(":")[3]
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
