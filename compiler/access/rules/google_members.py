"""The forms of a member of a Google allow policy.

Source: IAM documentation, "Principal identifiers", those for allow policies.
"""

from __future__ import annotations

import re

PUBLIC = ("allUsers", "allAuthenticatedUsers", "principalSet://goog/public:all")

_EMAIL = r"[^@\s:\[\]]+@[^@\s:\[\]]+\.[^@\s:\[\]]+"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
# Domain-scoped projects have a colon: example.com:train.
_PROJECT = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_KUBERNETES = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_WORKLOADS = (
    r"iam\.googleapis\.com/projects/[0-9]+/locations/global/workloadIdentityPools/"
    rf"(?:[a-z0-9-]{{4,32}}|{_PROJECT}\.svc\.id\.goog)"
)
_GKE = (
    r"iam\.googleapis\.com/projects/[0-9]+/locations/global/workloadIdentityPools/"
    rf"{_PROJECT}\.svc\.id\.goog"
)
_WORKFORCE = r"iam\.googleapis\.com/locations/global/workforcePools/[a-z0-9-]{4,63}"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?:user|group|serviceAccount):{_EMAIL}",
        rf"serviceAccount:{_PROJECT}\.svc\.id\.goog\[{_KUBERNETES}/{_KUBERNETES}\]",
        rf"domain:{_DOMAIN}",
        rf"principal://{_GKE}/subject/ns/{_KUBERNETES}/sa/{_KUBERNETES}",
        rf"principal://{_GKE}/kubernetes\.serviceaccount\.uid/\S+",
        rf"principalSet://{_GKE}/namespace/{_KUBERNETES}",
        rf"principalSet://{_GKE}/kubernetes\.cluster/https://container\.googleapis\.com/v1/\S+",
        rf"principal://(?!{_GKE}/)(?:{_WORKLOADS}|{_WORKFORCE})/subject/\S.*",
        rf"principalSet://(?:{_WORKLOADS}|{_WORKFORCE})/(?:\*|group/\S.*|attribute\.[a-z0-9_]+/\S.*)",
        r"principalSet://cloudresourcemanager\.googleapis\.com/"
        r"(?:projects|folders|organizations)/[0-9]+/type/(?:ServiceAccount|ServiceAgent)",
        # Identities that resources have by themselves; their form varies with the service.
        r"principal(?:Set)?://(?!iam\.|cloudresourcemanager\.)[a-z0-9.-]+\.(?:googleapis\.com|id\.goog)/\S+",
    )
)


def is_member(text: str) -> bool:
    """Whether an allow policy takes the text as a member, everybody left out.

    >>> is_member("group:ml@acme.example"), is_member("ml@acme.example")
    (True, False)
    """
    return any(form.fullmatch(text) for form in _FORMS)


def is_public(text: str) -> bool:
    """Whether it is everybody, also in an access list: `READER:allUsers`, `publicRead`."""
    parts = text.split(":")
    return text in PUBLIC or any(p in PUBLIC[:2] or p.startswith("publicRead") for p in parts)
