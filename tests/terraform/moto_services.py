"""Services that moto lacks altogether, as far as Terraform's resources of the catalog call them.

Takes a WSGI request, gives an HTTP status and JSON, or None for what is not here. State is
kept per account and region. The account is that of the access key, as moto itself finds it. Wire
formats are those of the service models in botocore.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from moto.iam.models import get_account_id_from

from tests.terraform import moto_catalog
from tests.terraform.moto_eks import eks

Body = dict[str, Any]
Reply = tuple[int, Body]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 409: "Conflict"}


@dataclass(frozen=True, slots=True)
class Place:
    """One service in one account and region: what it holds, by ARN."""

    account: str
    region: str
    items: dict[str, Body] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `action` from X-Amz-Target, or empty; `method` and `path`; the JSON body."""

    action: str
    method: str
    path: str
    body: Body


def answer(environ: dict[str, Any]) -> tuple[str, bytes] | None:
    """The reply of one of our services as (status line, JSON), or None."""
    match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = SERVICES.get(match[3]) if match else None
    if match is None or service is None:
        return None
    key = (get_account_id_from(match[1]), match[2], match[3])
    place = _places.setdefault(key, Place(key[0], key[1]))
    reply = service(place, _call(environ))
    if reply is None:
        return None
    status, body = reply
    return f"{status} {_REASONS[status]}", json.dumps(body).encode()


_places: dict[tuple[str, str, str], Place] = {}


def _call(environ: dict[str, Any]) -> Call:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(content)
    return Call(
        environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2],
        environ["REQUEST_METHOD"],
        unquote(environ.get("PATH_INFO", "")),
        json.loads(content or b"{}"),
    )


def access_analyzer(place: Place, call: Call) -> Reply:
    """IAM Access Analyzer (REST JSON): analyzers and their tags; timestamps are ISO 8601 text.

    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_AnalyzerSummary.html
    """
    _, kind, name = (*call.path.split("/", 2), "")[:3]
    if kind == "tags":
        return _tags(place, call, name)
    prefix = f"arn:aws:access-analyzer:{place.region}:{place.account}:analyzer/"
    if call.method == "PUT":
        arn = prefix + call.body["analyzerName"]
        place.items[arn] = {
            "arn": arn,
            "name": call.body["analyzerName"],
            "type": call.body["type"],
            "createdAt": "2026-01-01T00:00:00Z",
            "status": "ACTIVE",
            "tags": call.body.get("tags", {}),
        }
        return 200, {"arn": arn}
    if prefix + name not in place.items:
        return 404, _missing(name)
    if call.method == "DELETE":
        del place.items[prefix + name]
        return 200, {}
    return 200, {"analyzer": place.items[prefix + name]}


def _tags(place: Place, call: Call, arn: str) -> Reply:
    if arn not in place.items:
        return 404, _missing(arn)
    if call.method == "POST":
        place.items[arn]["tags"].update(call.body["tags"])
    return 200, {"tags": place.items[arn]["tags"]}


def code_connections(place: Place, call: Call) -> Reply:
    """CodeConnections (AWS JSON 1.0). A new connection is PENDING until a person completes it.

    https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_Connection.html
    """
    body = call.body
    if call.action == "CreateConnection":
        arn = (
            f"arn:aws:codeconnections:{place.region}:{place.account}:connection/"
            f"{uuid.uuid5(uuid.NAMESPACE_URL, body['ConnectionName'])}"
        )
        place.items[arn] = {
            "Connection": {
                "ConnectionName": body["ConnectionName"],
                "ConnectionArn": arn,
                "ProviderType": body.get("ProviderType"),
                "OwnerAccountId": place.account,
                "ConnectionStatus": "PENDING",
                "HostArn": body.get("HostArn"),
            },
            "Tags": body.get("Tags", []),
        }
        return 200, {"ConnectionArn": arn, "Tags": place.items[arn]["Tags"]}
    arn = body.get("ConnectionArn") or body.get("ResourceArn", "")
    if arn not in place.items:
        return 400, _missing(arn)
    if call.action == "DeleteConnection":
        del place.items[arn]
        return 200, {}
    if call.action == "GetConnection":
        return 200, {"Connection": place.items[arn]["Connection"]}
    if call.action == "ListTagsForResource":
        return 200, {"Tags": place.items[arn]["Tags"]}
    return 400, {"__type": "UnknownOperationException", "message": call.action}


def catalog(place: Place, call: Call) -> Reply:
    """Service Catalog: see `moto_catalog`."""
    return moto_catalog.service_catalog(place.account, place.region, call.action, call.body)


def organizations(place: Place, call: Call) -> Reply | None:
    """What of Organizations is about delegated administrators; the rest is moto's."""
    return moto_catalog.organizations(place.account, call.action, call.body)


def _missing(name: str) -> Body:
    return {"__type": "ResourceNotFoundException", "message": f"not found: {name}"}


# By the name that requests are signed for.
SERVICES: dict[str, Callable[[Place, Call], Reply | None]] = {
    "access-analyzer": access_analyzer,
    "codeconnections": code_connections,
    "codestar-connections": code_connections,
    "organizations": organizations,
    "servicecatalog": catalog,
    "eks": eks,
}
