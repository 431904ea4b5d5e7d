"""What AWS, the network and the credentials can do to an import: a code, a sentence, exit code 4."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.retries.bucket import TokenBucket
from moto import mock_aws

from compiler.importing import aws as reading
from tests.importing.simulated import Organization, run

NEW = ("acme.yaml", "--name", "acme")
Answer = Callable[[str], tuple[int, dict[str, Any]] | None]


class Raw:
    """A body, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Any:
        yield self._body


def answering(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> list[str]:
    """Let `answer` speak for AWS where it gives something; the calls that were made."""
    calls: list[str] = []
    make = reading._client

    def before_send(request: Any, **_: object) -> AWSResponse | None:
        called = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        calls.append(called)
        found = answer(called)
        if found is None:
            return None
        status, body = found
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, Raw(json.dumps(body).encode()))

    def client(profile: str | None) -> Any:
        made = make(profile)
        made.meta.events.register_first("before-send.organizations", before_send)
        return made

    monkeypatch.setattr(reading, "_client", client)
    return calls


def not_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Between attempts, whose seconds are told, and for its own limit of calls a second."""
    waited: list[float] = []
    monkeypatch.setattr(botocore.endpoint.time, "sleep", waited.append)
    monkeypatch.setattr(TokenBucket, "_sleep_amount", lambda *_: 0.0)
    return waited


def refusing(operation: str, code: str, message: str, status: int = 400) -> Answer:
    def answer(called: str) -> tuple[int, dict[str, Any]] | None:
        return (status, {"__type": code, "message": message}) if called == operation else None

    return answer


def failure(*arguments: str) -> tuple[str, str]:
    """The code and the message of the one error; nothing is written, and the exit code is 4."""
    done = run(*NEW, "--write", *arguments)
    assert done.exit_code == 4, done.output
    assert not Path("acme.yaml").exists()
    assert "Traceback" not in done.output
    shown = json.loads(run(*NEW, "--format", "json", *arguments).stdout)
    (found,) = shown["diagnostics"]
    assert found["code"] in done.stderr
    assert found["message"] in " ".join(done.stderr.split())
    assert found["hint"]
    return found["code"], found["message"]


# ---- Before AWS is asked


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    assert failure()[0] == "E901"


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert failure() == ("E902", "unable to locate credentials")


def test_with_half_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, message = failure()
    assert code == "E902"
    assert "AWS_SECRET_ACCESS_KEY" in message


def test_with_a_profile_that_is_not_there() -> None:
    code, message = failure("--profile", "nobody")
    assert code == "E902"
    assert "nobody" in message


def test_with_a_session_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile old]\nsso_session = acme\nsso_account_id = 111111111111\nsso_role_name = reader\n"
        "region = eu-west-1\n[sso-session acme]\nsso_region = eu-west-1\n"
        "sso_start_url = https://acme.awsapps.example/start\n",
        "utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert failure("--profile", "old")[0] == "E902"


def test_with_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no address")
    assert failure()[0] == "E904"


def test_with_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    not_waiting(monkeypatch)
    code, message = failure()
    assert code == "E904"
    assert "127.0.0.1:1" in message


# ---- What AWS answers


@pytest.mark.parametrize(
    "code", ["UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"]
)
def test_credentials_that_aws_does_not_take(
    aws: Organization, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    answering(monkeypatch, refusing("DescribeOrganization", code, "The security token is old."))
    assert failure() == ("E902", "AWS does not take the credentials: the security token is old")


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeOrganization",
        "ListRoots",
        "ListOrganizationalUnitsForParent",
        "ListAccountsForParent",
        "ListTagsForResource",
    ],
)
def test_permissions_that_are_missing(
    aws: Organization, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    answering(monkeypatch, refusing(operation, "AccessDeniedException", "You may not."))
    assert failure() == ("E903", f"AWS refuses organizations:{operation}: you may not")
    without_tags = run(*NEW, "--no-tags")
    assert without_tags.exit_code == (0 if operation == "ListTagsForResource" else 4)


def test_an_account_in_no_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        assert failure()[0] == "E905"


def test_throttling_is_waited_for(aws: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = not_waiting(monkeypatch)
    left = ["ListRoots", "ListAccountsForParent"]

    def answer(called: str) -> tuple[int, dict[str, Any]] | None:
        if called not in left:
            return None
        left.remove(called)
        return 400, {"__type": "TooManyRequestsException", "message": "slow down"}

    calls = answering(monkeypatch, answer)
    assert run(*NEW).exit_code == 0
    assert left == []
    assert len(waited) == 2
    assert (calls.count("ListRoots"), calls.count("ListAccountsForParent")) == (2, 2)


def test_throttling_that_does_not_end(aws: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ATTEMPTS", 3)
    not_waiting(monkeypatch)
    calls = answering(monkeypatch, refusing("ListRoots", "TooManyRequestsException", "Slow down."))
    assert run(*NEW).exit_code == 4
    assert calls.count("ListRoots") == 3


def test_aws_fails(aws: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    not_waiting(monkeypatch)
    answering(monkeypatch, refusing("ListRoots", "ServiceException", "Sorry.", status=500))
    code, message = failure()
    assert code == "E904"
    assert "organizations:ListRoots" in message
    assert "ServiceException" in message


# ---- What it reads


def test_every_page_is_read_also_behind_an_empty_one(
    aws: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may be empty and not the last (Organizations API reference, ListAccountsForParent)."""
    pages: list[dict[str, Any]] = [
        {"OrganizationalUnits": [], "NextToken": "1"},
        {"OrganizationalUnits": [{"Id": "ou-ab12-aaaaaaaa", "Name": "A"}], "NextToken": "2"},
        {"OrganizationalUnits": [{"Id": "ou-ab12-bbbbbbbb", "Name": "B"}]},
    ]

    def answer(called: str) -> tuple[int, dict[str, Any]] | None:
        if called == "ListOrganizationalUnitsForParent":
            return 200, pages.pop(0) if pages else {"OrganizationalUnits": []}
        if called == "ListAccountsForParent":
            return 200, {"Accounts": []}
        return None

    answering(monkeypatch, answer)
    found = reading.read_organization(tags=False)
    assert [(unit.id, unit.parent) for unit in found.units] == [
        ("ou-ab12-aaaaaaaa", aws.root),
        ("ou-ab12-bbbbbbbb", aws.root),
    ]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"State": "CLOSED", "Status": "ACTIVE"}, "CLOSED"),
        ({"State": "ACTIVE"}, "ACTIVE"),
        ({"Status": "SUSPENDED"}, "SUSPENDED"),
        ({}, "ACTIVE"),
    ],
)
def test_the_state_goes_before_the_status(
    aws: Organization, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], state: str
) -> None:
    account = {"Id": "111111111111", "Name": "One", **said}
    answering(
        monkeypatch,
        lambda called: (
            (200, {"Accounts": [account]}) if called == "ListAccountsForParent" else None
        ),
    )
    (found,) = reading.read_organization(tags=False).accounts
    assert found.state == state


def test_no_tags_are_asked_of_accounts_that_cannot_be_used(
    aws: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = aws.account("One")
    aws.account("Two", "A", {"a": "b"})
    aws.client.close_account(AccountId=closed)
    calls = answering(monkeypatch, lambda _: None)
    found = reading.read_organization()
    assert calls.count("ListTagsForResource") == 2
    assert [dict(each.tags) for each in found.accounts if each.tags] == [{"a": "b"}]
    calls.clear()
    reading.read_organization(tags=False)
    assert calls.count("ListTagsForResource") == 0


def test_only_reading_calls_are_made(aws: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.account("One", "A/B")
    calls = answering(monkeypatch, lambda _: None)
    reading.read_organization()
    assert all(call.startswith(("List", "Describe")) for call in calls)
    # The codes' explanation and the manual list the permissions.
    manual = (Path(__file__).parents[2] / "docs" / "importing.md").read_text("utf-8")
    assert all(f"organizations:{call}" in manual for call in calls)


def test_another_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-gov-west-1")
    with mock_aws():
        Organization(__import__("boto3").client("organizations", region_name="us-gov-west-1"))
        assert reading.read_organization().partition == "aws-us-gov"
