"""What must be applied before what: bindings after what they name, stacks after the bucket of their state."""

from __future__ import annotations

from compiler.ordering import sequenced
from compiler.terraform.stack import Expression, Resource, Stack, Value

BUCKET = Resource(type="google_storage_bucket", name="b", arguments={"name": "acme-b"})
ACCOUNT = Resource(type="google_service_account", name="a", arguments={"account_id": "worker"})
IMAGES = Resource(
    type="google_artifact_registry_repository",
    name="r",
    arguments={"repository_id": "images", "location": "europe-west4"},
)
MEMBER = "serviceAccount:worker@acme-one.iam.gserviceaccount.com"


def stack(name: str, *resources: Resource, state: str = "", deploys: bool = False) -> Stack:
    """A stack of the component c in the project of that name."""
    backend = {"backend": {"gcs": {"bucket": state, "prefix": name}}} if state else {}
    return Stack(
        cloud="google",
        account=name,
        account_id=f"acme-{name}",
        component="deploy" if deploys else "c",
        kind="k",
        region="europe-west4",
        terraform=backend,
        providers={},
        resources=resources,
        creates_deploy_role=deploys,
    )


def binding(what: str, **arguments: Value) -> Resource:
    return Resource(type=f"google_{what}", name="x", arguments={"role": "r", **arguments})


def waits(*stacks: Stack) -> dict[str, list[str]]:
    """The stacks that wait, by project, for those of which projects."""
    found = {s.account: [p.split("/")[1] for p in s.depends_on] for s in sequenced(stacks)}
    return {name: others for name, others in found.items() if others}


def test_a_binding_comes_after_its_member() -> None:
    made = stack("one", ACCOUNT)
    for arguments in ({"member": MEMBER}, {"members": ["group:a@b.example", MEMBER]}):
        what = f"project_iam_{'member' if 'member' in arguments else 'binding'}"
        assert waits(made, stack("two", binding(what, **arguments))) == {"two": ["one"]}
        assert waits(stack("one", ACCOUNT, binding(what, **arguments))) == {}
    for member in (MEMBER.replace("one", "three"), MEMBER.replace("worker", "other"), "allUsers"):
        assert waits(made, stack("two", binding("project_iam_member", member=member))) == {}


def test_a_binding_comes_after_what_it_is_about() -> None:
    made = stack("one", BUCKET, IMAGES, ACCOUNT)
    images = {"project": "acme-one", "location": "europe-west4", "repository": "images"}
    path = "projects/acme-one/serviceAccounts/worker@acme-one.iam.gserviceaccount.com"
    for about in (
        binding("storage_bucket_iam_member", bucket="acme-b"),
        binding("artifact_registry_repository_iam_member", **images),
        binding("service_account_iam_member", service_account_id=path),
    ):
        assert waits(made, stack("two", about)) == {"two": ["one"]}, about.type
    for other in (
        binding("storage_bucket_iam_member", bucket="acme-c"),
        binding("storage_bucket_iam_member", bucket=Expression("${x.y.name}")),
        binding("artifact_registry_repository_iam_member", **{**images, "location": "europe"}),
        binding("artifact_registry_repository_iam_member", **{**images, "project": "acme-two"}),
        binding("project_iam_member", bucket="acme-b"),
    ):
        assert waits(made, stack("two", other)) == {}, other.type


def test_a_state_is_kept_where_a_bucket_is() -> None:
    made = stack("one", BUCKET, state="acme-b")
    assert waits(made, stack("two", state="acme-b"), stack("three", state="acme-c")) == {
        "two": ["one"]
    }


def test_who_is_admitted_to_the_bucket_of_states_comes_first() -> None:
    """The bucket alone is made before, by hand: its stack waits for the accounts that it admits."""
    member = MEMBER.replace("one", "two")
    admits = binding("storage_bucket_iam_member", bucket="acme-b", member=member)
    stacks = (
        stack("one", BUCKET, admits, state="acme-b", deploys=True),
        stack("two", ACCOUNT, state="acme-b", deploys=True),
        stack("two", state="acme-b"),
        stack("three", state="acme-b"),
    )
    found = {stack.path: stack.depends_on for stack in sequenced(stacks)}
    assert found == {
        "google/one/deploy": ("google/two/deploy",),
        "google/two/deploy": (),
        "google/two/c": ("google/one/deploy", "google/two/deploy"),
        "google/three/c": ("google/one/deploy",),
    }
