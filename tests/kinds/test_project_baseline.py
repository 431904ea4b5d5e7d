"""What every Google project gets: services, audit logs, the deploy account, budget, state bucket."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.access.rules.google import ACCOUNT_ROLES
from compiler.compilation import Compilation, Compiled, compile_blueprints
from compiler.kinds.project_baseline.inputs import AUDITED, SERVICES
from compiler.kinds.project_baseline.services import ALWAYS
from compiler.manifest import waves

EXAMPLE = Path(__file__).parents[2] / "docs/examples/project-baseline.yaml"
GITHUB = {"owner": "acme", "repository": "platform"}
BASE: dict[str, Any] = {
    "landform": 1,
    "organization": {"name": "acme"},
    "defaults": {"google": {"region": "europe-west4"}},
    "projects": {
        "one": {"id": "acme-one", "number": "100000000001"},
        "two": {"id": "acme-two", "number": "100000000002"},
    },
    "deploy": {"google": {"service_account": "terraform@{{ project.id }}.iam.gserviceaccount.com"}},
    "state": {"google": {"bucket": "acme-tfstate-google"}},
}
INPUTS: dict[str, Any] = {
    "deploy_from": {
        "github": GITHUB,
        "roles": ["roles/storage.admin", "roles/container.admin"],
    },
    "budget": {
        "billing_account": "01AB23-4CD567-8EF901",
        "monthly_usd": 1000,
        "notify": ["b@acme.example", "a@acme.example"],
    },
    "state_bucket": "{{ project.name == 'one' }}",
}


def compilation(**changes: Any) -> Compilation:
    """The blueprint with changes of its only component; `top` are changes of its top level."""
    top = changes.pop("top", {})
    component = {
        "kind": "project-baseline",
        "for_each": {"projects": {"unit": "**"}},
        **INPUTS,
        **changes,
    }
    component = {key: value for key, value in component.items() if value is not None}
    value = {**BASE, "components": {"baseline": component}, **top}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blueprint.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in value.items() if v is not None}))
        return compile_blueprints(path)


def compiled(**changes: Any) -> Compiled:
    found = compilation(**changes)
    assert found.diagnostics == ()
    return found.blueprints[0]


def resources(project: str = "one", **changes: Any) -> dict[str, dict[str, Any]]:
    """The resources of the baseline's root module in a project, by type and name."""
    document: Any = compiled(**changes).documents[f"google/{project}/baseline"]
    found: dict[str, dict[str, Any]] = document["resource"]
    return found


def codes(**changes: Any) -> set[str]:
    return {found.code for found in compilation(**changes).diagnostics}


def test_services_stay_on() -> None:
    services = resources()["google_project_service"].values()
    names = {service["service"].removesuffix(".googleapis.com") for service in services}
    assert names == {*SERVICES, *ALWAYS, "sts", "billingbudgets"}
    assert {service["disable_on_destroy"] for service in services} == {False}
    assert {service["project"] for service in services} == {"acme-one"}


def test_services_are_what_is_asked_for_and_what_is_needed() -> None:
    found = resources(services=["run", "pubsub.googleapis.com"], budget=None, state_bucket=None)
    names = {each["service"] for each in found["google_project_service"].values()}
    assert names == {f"{name}.googleapis.com" for name in (*ALWAYS, "pubsub", "run", "sts")}
    found = resources(services=[], budget=None, state_bucket=None, deploy_from=None)
    names = {each["service"] for each in found["google_project_service"].values()}
    assert names == {f"{name}.googleapis.com" for name in ALWAYS}


def test_what_is_not_wanted_is_left_out() -> None:
    found = resources(services=[], audit=[], budget=None, state_bucket=None, deploy_from=None)
    assert set(found) == {"google_project_service"}


def test_who_reads_and_writes_data_is_logged() -> None:
    found = resources()["google_project_iam_audit_config"]
    assert {each["service"] for each in found.values()} == {f"{s}.googleapis.com" for s in AUDITED}
    for each in found.values():
        kinds = [block["log_type"] for block in each["audit_log_config"]]
        assert kinds == ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
        assert not any("exempted_members" in block for block in each["audit_log_config"])
    found = resources(audit=["allServices"])["google_project_iam_audit_config"]
    assert [each["service"] for each in found.values()] == ["allServices"]


def test_every_resource_comes_after_the_service_that_it_needs() -> None:
    found = resources()
    turned_on = {f"google_project_service.{name}" for name in found["google_project_service"]}
    for type_, named in found.items():
        for name, body in named.items():
            after = set(body.get("depends_on", ()))
            assert all(a in turned_on for a in after if a.startswith("google_project_service."))
            if type_ != "google_project_service":
                assert after, f"{type_}.{name}"


def test_only_the_repository_s_branch_may_deploy() -> None:
    found = resources()
    provider = found["google_iam_workload_identity_pool_provider"]["github"]
    assert provider["oidc"] == [{"issuer_uri": "https://token.actions.githubusercontent.com"}]
    assert provider["attribute_condition"] == (
        "assertion.repository == 'acme/platform' && assertion.ref == 'refs/heads/main'"
    )
    mapping = provider["attribute_mapping"]
    assert mapping["attribute.repository"] == "assertion.repository"
    assert mapping["attribute.repository_ref"] == "assertion.repository + '@' + assertion.ref"
    pool = found["google_iam_workload_identity_pool"]["github"]["workload_identity_pool_id"]
    assert provider["workload_identity_pool_id"] == pool == "acme-baseline-github"
    (becomes,) = [
        each
        for each in found["google_service_account_iam_member"].values()
        if each["role"] == "roles/iam.workloadIdentityUser"
    ]
    assert becomes["member"] == (
        "principalSet://iam.googleapis.com/projects/100000000001/locations/global/"
        "workloadIdentityPools/acme-baseline-github/attribute.repository_ref/"
        "acme/platform@refs/heads/main"
    )
    assert "google_iam_workload_identity_pool_provider.github" in becomes["depends_on"]


def test_another_ref_is_another_member() -> None:
    """So that the ledger, the proof and `diff --access` see it, which don't read the condition."""
    found = resources(deploy_from=github(ref="refs/tags/live"))
    members = {each["member"] for each in found["google_service_account_iam_member"].values()}
    assert any(
        m.endswith("/attribute.repository_ref/acme/platform@refs/tags/live") for m in members
    )


def github(**changes: str) -> dict[str, Any]:
    return {"github": {**GITHUB, **changes}}


def condition(**changes: str) -> str:
    found = resources(deploy_from=github(**changes))
    text: str = found["google_iam_workload_identity_pool_provider"]["github"]["attribute_condition"]
    return text


def test_ids_of_owner_and_repository_are_asked_for() -> None:
    assert condition(owner_id="123456", repository_id="456789", ref="refs/tags/live") == (
        "assertion.repository == 'acme/platform' && assertion.ref == 'refs/tags/live' && "
        "assertion.repository_owner_id == '123456' && assertion.repository_id == '456789'"
    )


def test_a_subject_that_google_would_refuse_is_not_mapped() -> None:
    """127 bytes: a longer google.subject would refuse each token of the workflow."""
    mapped = {}
    for length in (93, 94):
        found = resources(deploy_from=github(ref=f"refs/heads/{'b' * length}"))
        provider = found["google_iam_workload_identity_pool_provider"]["github"]
        mapped[length] = provider["attribute_mapping"]["google.subject"]
    assert mapped == {93: "assertion.sub", 94: "assertion.repository_id"}


def test_the_account_is_the_one_that_every_provider_names() -> None:
    """It may become itself, as the provider block impersonates it also where the workflow is it."""
    one = compiled()
    found = resources()
    assert found["google_service_account"]["deploy"]["account_id"] == "terraform"
    bound = found["google_service_account_iam_member"].values()
    assert {each["role"] for each in bound} <= set(ACCOUNT_ROLES)
    account = "terraform@acme-one.iam.gserviceaccount.com"
    itself = found["google_service_account_iam_member"]["deployer_one_becomes_itself"]
    assert itself["member"] == f"serviceAccount:{account}"
    assert itself["service_account_id"] == f"projects/acme-one/serviceAccounts/{account}"
    outputs: Any = one.documents["google/one/baseline"]["output"]
    assert outputs["deploy_service_account"]["value"] == account
    assert outputs["workload_identity_provider"]["value"] == (
        "projects/100000000001/locations/global/workloadIdentityPools/acme-baseline-github/"
        "providers/github"
    )


def test_roles_of_the_account_are_those_listed() -> None:
    found = resources()["google_project_iam_member"].values()
    assert {(each["role"], each["project"]) for each in found} == {
        ("roles/container.admin", "acme-one"),
        ("roles/storage.admin", "acme-one"),
    }
    roles = ["roles/container.admin", "projects/acme-one/roles/container.admin"]
    alike = [*roles, "projects/acme-one/roles/container_admin"]
    from_one: dict[str, Any] = {
        "deploy_from": {"github": GITHUB, "roles": alike},
        "for_each": {"projects": "one"},
    }
    given = resources(**from_one)["google_project_iam_member"]
    assert sorted(each["role"] for each in given.values()) == sorted(alike)
    none = resources(deploy_from={"github": GITHUB})
    assert "google_project_iam_member" not in none


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({}, "repo:acme/platform:ref:refs/heads/main"),
        ({"ref": "refs/tags/live"}, "repo:acme/platform:ref:refs/tags/live"),
        (
            {"owner_id": "12", "repository_id": "34"},
            "repo:acme@12/platform@34:ref:refs/heads/main",
        ),
    ],
)
def test_in_a_pool_that_exists_the_member_is_one_subject(
    changes: dict[str, str], subject: str
) -> None:
    """Its conditions are somebody else's: the ref and the ids must stand in the member."""
    found = resources(deploy_from={**github(**changes), "existing_pool": "workflows"})
    becomes = found["google_service_account_iam_member"]["workflow_becomes_deployer_one"]
    assert becomes["member"] == (
        "principal://iam.googleapis.com/projects/100000000001/locations/global/"
        f"workloadIdentityPools/workflows/subject/{subject}"
    )


def test_a_pool_that_exists_is_used() -> None:
    found = resources(deploy_from={"github": GITHUB, "existing_pool": "workflows"})
    assert "google_iam_workload_identity_pool" not in found
    assert "google_iam_workload_identity_pool_provider" not in found
    becomes = found["google_service_account_iam_member"]["workflow_becomes_deployer_one"]
    assert "/workloadIdentityPools/workflows/subject/" in becomes["member"]
    assert becomes["depends_on"] == ["google_service_account.deploy"]


OTHER = {
    "kind": "project-baseline",
    "for_each": {"projects": "**"},
    "services": ["run"],
    "audit": [],
}


def test_the_stack_of_the_account_is_applied_first_and_without_it() -> None:
    baseline = {"kind": "project-baseline", "for_each": {"projects": {"unit": "**"}}, **INPUTS}
    one = compiled(top={"components": {"baseline": baseline, "other": OTHER}})
    documents: Any = one.documents
    for project in ("one", "two"):
        (provider,) = documents[f"google/{project}/baseline"]["provider"]["google"]
        assert "impersonate_service_account" not in provider
        (provider,) = documents[f"google/{project}/other"]["provider"]["google"]
        account = f"terraform@acme-{project}.iam.gserviceaccount.com"
        assert provider["impersonate_service_account"] == account
    wave = waves({stack.path: stack.depends_on for stack in one.stacks})
    # The state of the second is kept in the bucket that the first makes.
    assert {path: wave[path] for path in sorted(wave)} == {
        "google/one/baseline": 0,
        "google/one/other": 1,
        "google/two/baseline": 1,
        "google/two/other": 2,
    }


def test_the_accounts_that_a_bucket_admits_come_before_its_stack() -> None:
    """As the manual has it: the bucket alone, the other baselines, the bucket's own, all else."""
    baseline = {"kind": "project-baseline", "for_each": {"projects": {"unit": "**"}}, **INPUTS}
    components = {"baseline": {**baseline, "states_of": "**"}, "other": OTHER}
    one = compiled(top={"components": components})
    assert {stack.path: stack.depends_on for stack in one.stacks} == {
        "google/one/baseline": ("google/two/baseline",),
        "google/one/other": ("google/one/baseline",),
        "google/two/baseline": (),
        "google/two/other": ("google/one/baseline", "google/two/baseline"),
    }


def test_one_account_for_all_projects() -> None:
    """It is made in its own project, has its roles in each, and the others wait for it."""
    central = {"google": {"service_account": "terraform@acme-one.iam.gserviceaccount.com"}}
    one = compiled(top={"deploy": central})
    documents: Any = one.documents
    assert "google_service_account" in documents["google/one/baseline"]["resource"]
    two = documents["google/two/baseline"]["resource"]
    assert "google_service_account" not in two
    assert "google_service_account_iam_member" not in two
    members = {each["member"] for each in two["google_project_iam_member"].values()}
    assert members == {"serviceAccount:terraform@acme-one.iam.gserviceaccount.com"}
    assert {each["project"] for each in two["google_project_iam_member"].values()} == {"acme-two"}
    roles = {each["role"] for each in two["google_project_iam_member"].values()}
    consumer = "roles/serviceusage.serviceUsageConsumer"
    assert roles == {consumer, "roles/container.admin", "roles/storage.admin"}
    one_s = documents["google/one/baseline"]["resource"]["google_project_iam_member"].values()
    assert consumer not in {each["role"] for each in one_s}
    depends = {stack.path: stack.depends_on for stack in one.stacks}
    assert depends == {
        "google/one/baseline": (),
        "google/two/baseline": ("google/one/baseline",),
    }


def test_an_account_of_another_project_calls_in_the_name_of_this_one() -> None:
    """Quota and cost of its calls are the project's that they are about."""
    central = {"google": {"service_account": "terraform@acme-one.iam.gserviceaccount.com"}}
    baseline = {"kind": "project-baseline", "for_each": {"projects": "**"}, **INPUTS}
    top = {"deploy": central, "components": {"baseline": baseline, "other": OTHER}}
    documents: Any = compiled(top=top).documents
    (two,) = documents["google/two/other"]["provider"]["google"]
    assert two["user_project_override"] is True
    assert two["billing_project"] == "acme-two"
    for path in ("google/one/other", "google/two/baseline"):
        (provider,) = documents[path]["provider"]["google"]
        assert not {"user_project_override", "billing_project"} & set(provider)


def test_the_ledger_has_every_binding() -> None:
    one = compiled()
    declared = {(each.stack, each.address) for each in one.bindings}
    documents: Any = one.documents
    made = {
        (path, f"{type_}.{name}")
        for path, document in documents.items()
        for type_, named in document["resource"].items()
        if type_.endswith("_iam_member")
        for name in named
    }
    assert declared == made
    assert {each.origin for each in one.bindings} == {"components.baseline"}
    ids = [each.id for each in one.bindings]
    assert len(set(ids)) == len(ids)
    assert sorted(each.id for each in one.bindings if each.project == "one") == [
        "baseline/deployer-one-becomes-itself",
        "baseline/deployer-one-has-container-admin",
        "baseline/deployer-one-has-storage-admin",
        "baseline/deployer-one-keeps-state",
        "baseline/deployer-one-lists-states",
        "baseline/workflow-becomes-deployer-one",
    ]


def test_budget() -> None:
    found = resources()
    budget = found["google_billing_budget"]["monthly"]
    assert budget["billing_account"] == "01AB23-4CD567-8EF901"
    assert budget["budget_filter"] == [
        {"calendar_period": "MONTH", "projects": ["projects/100000000001"]}
    ]
    assert budget["amount"] == [{"specified_amount": [{"currency_code": "USD", "units": "1000"}]}]
    warnings = [
        (rule["threshold_percent"], rule["spend_basis"]) for rule in budget["threshold_rules"]
    ]
    assert warnings == [(0.8, "CURRENT_SPEND"), (1, "CURRENT_SPEND"), (1, "FORECASTED_SPEND")]
    channels = found["google_monitoring_notification_channel"]
    addresses = sorted(each["labels"]["email_address"] for each in channels.values())
    assert addresses == ["a@acme.example", "b@acme.example"]
    (rule,) = budget["all_updates_rule"]
    named = rule["monitoring_notification_channels"]
    assert named == [f"${{google_monitoring_notification_channel.{name}.id}}" for name in channels]
    assert len(budget["display_name"]) <= 60


def test_a_budget_in_the_billing_account_s_own_currency() -> None:
    budget = {**INPUTS["budget"], "monthly": 900}
    del budget["monthly_usd"]
    found = resources(budget=budget)["google_billing_budget"]["monthly"]
    assert found["amount"] == [{"specified_amount": [{"units": "900"}]}]


def test_addresses_that_look_alike_are_two_channels() -> None:
    budget = {**INPUTS["budget"], "notify": ["a.b@acme.example", "a_b@acme.example"]}
    found = resources(budget=budget)["google_monitoring_notification_channel"]
    assert len(found) == 2
    assert len({each["labels"]["email_address"] for each in found.values()}) == 2


def test_state_bucket() -> None:
    bucket = resources()["google_storage_bucket"]["state"]
    assert bucket["name"] == "acme-tfstate-google"
    assert bucket["location"] == "europe-west4"
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["versioning"] == [{"enabled": True}]
    assert bucket["lifecycle"] == {"prevent_destroy": True}
    assert bucket["force_destroy"] is False
    assert "google_storage_bucket" not in resources("two")


def test_each_account_keeps_the_states_of_its_own_project() -> None:
    found = resources(states_of="**")
    assert "google_storage_bucket_iam_member" not in resources("two", states_of="**")
    bound = found["google_storage_bucket_iam_member"].values()
    keeping = {}
    for each in bound:
        if each["role"] == "roles/storage.objectUser":
            (only,) = each["condition"]
            keeping[each["member"]] = only["expression"]
        else:
            assert each["role"] == "roles/storage.legacyBucketReader"
    place = "projects/_/buckets/acme-tfstate-google/objects/google"
    assert keeping == {
        f"serviceAccount:terraform@acme-{name}.iam.gserviceaccount.com": (
            f'resource.name.startsWith("{place}/{name}/")'
        )
        for name in ("one", "two")
    }
    assert len(bound) == 4


def test_one_account_lists_the_bucket_once() -> None:
    central = {"google": {"service_account": "terraform@acme-one.iam.gserviceaccount.com"}}
    found = resources(states_of=["two"], top={"deploy": central})
    roles = [each["role"] for each in found["google_storage_bucket_iam_member"].values()]
    assert sorted(roles) == ["roles/storage.legacyBucketReader", *["roles/storage.objectUser"] * 2]


def test_an_account_that_somebody_else_made_is_no_resource_of_the_bucket_s_stack() -> None:
    """One of the bucket's own project, which another project has and no baseline makes."""
    central = "terraform-{{ project.name }}@acme-one.iam.gserviceaccount.com"
    own = {"kind": "project-baseline", "project": "one", **INPUTS, "states_of": ["two"]}
    top = {
        "deploy": {"google": {"service_account": central}},
        "components": {"baseline": own},
    }
    members = {
        each["member"]
        for each in resources(top=top)["google_storage_bucket_iam_member"].values()
        if "google_service_account.deploy" not in str(each)
    }
    assert members == {"serviceAccount:terraform-two@acme-one.iam.gserviceaccount.com"}


def test_long_names_stay_within_google_s_limits() -> None:
    name = "baseline-of-every-project-there"
    top = {
        "organization": {"name": "a-very-long-organisation-name"},
        "components": {name: {"kind": "project-baseline", "project": "one", **INPUTS}},
    }
    document: Any = compiled(top=top).documents[f"google/one/{name}"]
    found = document["resource"]
    pool = found["google_iam_workload_identity_pool"]["github"]["workload_identity_pool_id"]
    assert 4 <= len(pool) <= 32
    assert len(found["google_billing_budget"]["monthly"]["display_name"]) <= 60


def test_two_of_them_in_a_project_clash() -> None:
    baseline = {"kind": "project-baseline", "project": "one"}
    assert codes(top={"components": {"a": baseline, "b": baseline}}) == {"E401"}
    apart = {"a": baseline, "b": {**baseline, "audit": [], "services": ["run"]}}
    assert codes(top={"components": apart}) == set()


def projects(**changes: Any) -> dict[str, Any]:
    return {"top": {"projects": {"one": {"id": "acme-one", **changes}}}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"top": {"deploy": None}}, "E322"),
        ({"top": {"deploy": {"google": {"service_account": "terraform"}}}}, "E204"),
        (
            {
                "top": {
                    "deploy": {"google": {"service_account": "t@acme-one.iam.gserviceaccount.com"}}
                }
            },
            "E322",
        ),
        (
            {
                "top": {
                    "deploy": {
                        "google": {"service_account": "terraform@seed.iam.gserviceaccount.com"}
                    }
                }
            },
            "E322",
        ),
        ({"top": {"state": None}}, "E323"),
        (projects(), "E343"),
        ({"services": ["Vertex AI"]}, "E204"),
        ({"services": ["run", "run.googleapis.com"]}, "E204"),
        ({"audit": ["no service"]}, "E204"),
        ({"states_of": ["three"]}, "E301"),
        ({"budget": {**INPUTS["budget"], "monthly": 900}}, "E204"),
        ({"budget": {"billing_account": "1", "monthly_usd": 1, "notify": ["a@b.example"]}}, "E204"),
        (
            {"budget": {**INPUTS["budget"], "notify": [f"{n}@acme.example" for n in range(6)]}},
            "E204",
        ),
        ({"deploy_from": {"github": GITHUB, "roles": ["roles/editor"]}}, "E204"),
        ({"deploy_from": {"github": GITHUB, "roles": ["roles/ml.admin"]}}, "E204"),
        ({"deploy_from": {"github": GITHUB, "roles": ["container.admin"]}}, "E204"),
        ({"deploy_from": {"github": GITHUB, "roles": ["roles/run.admin"] * 2}}, "E204"),
        ({"deploy_from": {"github": GITHUB, "roles": ["projects/acme-one/roles/a"]}}, "E204"),
        ({"deploy_from": {"github": GITHUB, "existing_pool": "gcp-pool"}}, "E204"),
        ({"deploy_from": github(ref="main")}, "E204"),
        (
            {"deploy_from": {**github(ref=f"refs/heads/{'b' * 94}"), "existing_pool": "flows"}},
            "E204",
        ),
        ({"top": {"organization": {"name": "gcp-acme"}}}, "E204"),
    ],
)
def test_refused(changes: dict[str, Any], code: str) -> None:
    assert codes(**changes) == {code}


def test_the_example_s_bucket_holds_the_states_of_every_project() -> None:
    """Without that, `terraform init` of the other projects' stacks is refused."""
    found = compile_blueprints(EXAMPLE)
    assert found.diagnostics == ()
    document: Any = found.blueprints[0].documents["google/platform/baseline"]
    bound = document["resource"]["google_storage_bucket_iam_member"].values()
    keeping = {each["member"] for each in bound if each["role"] == "roles/storage.objectUser"}
    listing = {each["member"] for each in bound if "condition" not in each}
    assert keeping == listing
    assert keeping == {
        f"serviceAccount:terraform@{id}.iam.gserviceaccount.com"
        for id in ("acme-platform", "acme-train-eu")
    }
