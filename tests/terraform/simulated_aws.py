"""A simulated AWS for one organisation: moto's server in a process of its own, on loopback.

Gives an endpoint, the environment that points Terraform at it, and boto3 sessions inside any
account: whoever assumes a role of account X is in account X, whether or not the role exists. Each
`simulated_aws()` is a new, empty AWS, so nothing is carried over from another organisation. Starts
one process and always ends it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Resource types of the catalog that can't be applied here, each with the reason. Stacks that hold
# one are validated, but not applied.
UNSUPPORTED: Mapping[str, str] = {
    "aws_codestarnotifications_notification_rule": "moto has no CodeStar Notifications",
}

_ROOT = Path(__file__).parents[2]
_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "simulated"}


@dataclass(frozen=True, slots=True)
class SimulatedAws:
    """A running simulation; `endpoint` is `http://127.0.0.1:<port>`."""

    endpoint: str
    _sessions: dict[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the AWS provider needs to talk to this endpoint and to no other.

        S3 Control puts the account before the host name (`111111111111.127.0.0.1`), which no
        resolver knows: as a proxy the server gets those requests without a look-up.
        """
        proxies = {"HTTP_PROXY": self.endpoint, "http_proxy": self.endpoint}
        direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        endpoint = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
        nowhere = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        return {**endpoint, **nowhere, **_KEYS, **proxies, **direct}

    def client(self, service: str, account: str, region: str = "us-east-1") -> Any:
        """A boto3 client of a service, inside the account with this id."""
        if account not in self._sessions:
            self._sessions[account] = self._assume(account)
        return self._sessions[account].client(
            service, region_name=region, endpoint_url=self.endpoint
        )

    def _assume(self, account: str) -> Any:
        # Only the rig's environment has boto3; this module is imported in the others too.
        import boto3  # type: ignore[import-untyped]

        root = boto3.Session(_KEYS["AWS_ACCESS_KEY_ID"], _KEYS["AWS_SECRET_ACCESS_KEY"])
        sts = root.client("sts", region_name="us-east-1", endpoint_url=self.endpoint)
        role = f"arn:aws:iam::{account}:role/rig"
        got = sts.assume_role(RoleArn=role, RoleSessionName="rig")["Credentials"]
        return boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


@contextmanager
def simulated_aws() -> Iterator[SimulatedAws]:
    """Start an empty AWS; end it on the way out. Raises RuntimeError when it does not start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.terraform.moto_server"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening "):
            raise RuntimeError("the simulated AWS did not start: see its errors above")
        yield SimulatedAws(f"http://127.0.0.1:{int(line.split()[1])}")
    finally:
        process.kill()
        process.communicate()
