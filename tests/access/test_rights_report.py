"""Access beside policies as people see it: the ledger's formats, questions, and what a change gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from compiler.access import report
from compiler.access.delta import Change, Home, Snapshot, delta
from compiler.access.ledger import Right
from compiler.cli.entry import landform
from compiler.compilation import Compiled, compile_blueprints
from tests.access.rights_mutants import OUTSIDER
from tests.access.test_rights import CLUSTER, module

ROOT = Path(__file__).parents[2]
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
SERVE = "arn:aws:eks:eu-west-1:333333333333:cluster/serve"


@cache
def serving() -> Compiled:
    compilation = compile_blueprints(ROOT / "blueprints" / "model-serving.yaml")
    assert compilation.diagnostics == ()
    return compilation.blueprints[0]


def ask(question: str) -> report.Why:
    one = serving()
    return report.why(one.documents, one.entries, one.world.organization.aws_id, question)


def command(*arguments: str) -> str:
    result = CliRunner().invoke(landform, ["access", "blueprints/model-serving.yaml", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_all_formats_show_the_policy_and_where_it_holds() -> None:
    chosen = ("--who", "ml-deployer", "--action", "AmazonEKS")
    assert command(*chosen) == (
        "arn:aws:iam::333333333333:role/ml-deployer\n"
        "  serve/role-ml-deployer-production-edits-cluster\n"
        "    AmazonEKSEditPolicy(namespaces:churn,vision)\n"
        f"    on {SERVE}\n\n"
        "principal                                   production\n"
        "arn:aws:iam::333333333333:role/ml-deployer  1\n"
    )
    (line,) = command(*chosen, "--format", "csv").splitlines()[1:]
    assert '"AmazonEKSEditPolicy(namespaces:churn,vision)"' in line
    page = command(*chosen, "--format", "markdown")
    assert f"| AmazonEKSEditPolicy(namespaces:churn,vision) | {SERVE} |" in page
    (entry,) = json.loads(command(*chosen, "--format", "json"))["rights"]
    assert entry["right"] == "AmazonEKSEditPolicy"
    assert entry["namespaces"] == ["churn", "vision"]
    assert {each["side"] for each in entry["statements"]} == {"access-entry"}


def test_filters_find_rights() -> None:
    assert command("--action", "ClusterAdmin").count("serve/") == 1
    assert command("--to", "cluster/serve", "--action", "AmazonEKS*").count("serve/") == 3
    assert "PodIdentity" in command("--who", "serviceaccount/churn", "--to", "pods-churn")


@pytest.mark.parametrize("entry", serving().rights, ids=lambda entry: entry.id)
def test_why_has_an_answer_for_each_entry(entry: Right) -> None:
    for action in entry.name.split("+"):
        found = ask(f"{entry.principal} {action} {entry.resource}")
        assert found.edges == (entry,)
        assert found.answer.allowed
        assert [link.address for link in found.answer.chain] == list(entry.addresses)
    assert found.request.context.get("namespaces", "") == ", ".join(entry.namespaces)


def test_why_takes_parts_of_names_and_says_in_which_namespaces() -> None:
    text = report.why_text(ask("ml-deployer EditPolicy serve"), {})
    assert text.startswith(
        f"allowed: arn:aws:iam::333333333333:role/ml-deployer AmazonEKSEditPolicy {SERVE}\n"
        "  with namespaces = churn, vision\n"
        "  access-entry: Allow by aws/production/serve "
        "aws_eks_access_entry.role_ml_deployer_production\n"
    )
    answer = json.loads(report.why_json(ask("ml-deployer EditPolicy serve"), {}))
    assert answer["context"] == {"namespaces": "churn, vision"}


def test_why_not() -> None:
    found = ask(f"ml-deployer ClusterAdmin {SERVE}")
    assert found.answer.denied
    assert report.why_text(found, {}).endswith(
        f"  nothing gives arn:aws:iam::333333333333:role/ml-deployer "
        f"AmazonEKSClusterAdminPolicy on {SERVE}\n  declared by no grant\n"
    )


def test_a_question_about_policies_tells_what_is_beside_them() -> None:
    """eks:AccessKubernetesApi is IAM's permission for the console; access to a cluster is its entry."""
    found = ask("platform-admin eks:AccessKubernetesApi serve")
    assert not found.answer.allowed
    text = report.why_text(found, {})
    assert (
        "  beside policies: AmazonEKSClusterAdminPolicy(cluster) by aws/production/serve "
        "aws_eks_access_policy_association.role_platform_admin_production (access-entry)\n" in text
    )
    (beside,) = json.loads(report.why_json(found, {}))["beside"]
    assert (beside["right"], beside["namespaces"]) == ("AmazonEKSClusterAdminPolicy", [])


# -------------------------------------------------------------------- what a change gives


def association(**changes: Any) -> dict[str, Any]:
    return {
        "cluster_name": "c",
        "principal_arn": OUTSIDER,
        "policy_arn": ADMIN,
        "access_scope": [{"type": "cluster"}],
        **changes,
    }


def snapshot(resources: Mapping[str, Mapping[str, Any]]) -> Snapshot:
    home = Home(name="shared", id="111111111111", production="tag env: prod")
    return Snapshot(documents=module(resources), homes={home.id: home})


def of(*bodies: dict[str, Any]) -> Snapshot:
    named = {f"x{number}": body for number, body in enumerate(bodies)}
    return snapshot({"aws_eks_access_policy_association": named})


def changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    found = delta("acme", before, after).changes
    back = {"gained": "lost", "lost": "gained", "widened": "narrowed", "narrowed": "widened"}
    mirror = [(back[c.kind], c.who.text, c.actions) for c in delta("acme", after, before).changes]
    assert sorted(mirror) == sorted((c.kind, c.who.text, c.actions) for c in found)
    return found


def test_a_foreign_cluster_administrator_is_told_with_its_marks() -> None:
    (change,) = changes(of(), of(association()))
    assert (change.kind, change.who.text, change.on.text) == ("gained", OUTSIDER, CLUSTER)
    assert change.actions == ("AmazonEKSClusterAdminPolicy",)
    assert {mark.name for mark in change.marks} == {
        *("privileged", "cross-account", "external", "production"),
    }
    assert not delta("acme", of(association()), of(association())).changes


def test_namespaces_are_compared() -> None:
    def scope(*namespaces: str) -> dict[str, Any]:
        return association(access_scope=[{"type": "namespace", "namespaces": [*namespaces]}])

    (change,) = changes(of(scope("a")), of(association()))
    assert (change.kind, change.before, change.after) == ("widened", ("only in namespaces a",), ())
    (change,) = changes(of(scope("a")), of(scope("a", "b")))
    assert (change.kind, change.conditions) == ("widened", ("in namespaces a, b",))
    assert changes(of(scope("a-*")), of(scope("a-*", "a-b"))) == ()
    both = changes(of(scope("a")), of(scope("b")))
    assert {change.kind for change in both} == {"widened", "narrowed"}


def test_another_policy_by_the_same_entry_is_more_and_less() -> None:
    view = ADMIN.replace("ClusterAdmin", "View")
    found = changes(of(association(policy_arn=view)), of(association()))
    assert [(c.kind, c.actions[0], c.marked("privileged")) for c in found] == [
        ("widened", "AmazonEKSClusterAdminPolicy", True),
        ("narrowed", "AmazonEKSViewPolicy", False),
    ]


def test_whoever_gets_a_policy_was_signed_in_before() -> None:
    entry = {"cluster_name": "c", "principal_arn": OUTSIDER, "type": "STANDARD"}
    bare = snapshot({"aws_eks_access_entry": {"x": entry}})
    (change,) = changes(snapshot({}), bare)
    assert change.actions == ("kubernetes:system:authenticated",)
    full = snapshot(
        {
            "aws_eks_access_entry": {"x": entry},
            "aws_eks_access_policy_association": {"x": association()},
        }
    )
    (change,) = changes(bare, full)
    assert change.actions == ("AmazonEKSClusterAdminPolicy",)


def test_what_a_group_may_do_is_not_guessed() -> None:
    entry = {"cluster_name": "c", "principal_arn": OUTSIDER, "kubernetes_groups": ["ops"]}
    (change,) = changes(snapshot({}), snapshot({"aws_eks_access_entry": {"x": entry}}))
    assert change.depends_on == ("rights of the group ops in the cluster",)


def test_pods_of_a_strong_role_are_privileged() -> None:
    role = {"name": "strong", "assume_role_policy": "{}"}
    text = '{"Statement": [{"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}]}'
    resources = {
        "aws_iam_role": {"strong": role},
        "aws_iam_role_policy": {"strong": {"role": "${aws_iam_role.strong.name}", "policy": text}},
    }
    pods = {
        "cluster_name": "c",
        "namespace": "n",
        "service_account": "s",
        "role_arn": "${aws_iam_role.strong.arn}",
    }
    with_pods = {**resources, "aws_eks_pod_identity_association": {"x": pods}}
    (change,) = changes(snapshot(resources), snapshot(with_pods))
    assert change.who.text == f"{CLUSTER}/serviceaccount/n/s"
    assert change.marked("privileged")
    assert not change.marked("cross-account")


def test_shares_say_with_whom() -> None:
    share = {"portfolio_id": "port-a", "type": "ACCOUNT", "principal_id": "999999999999"}
    unit = {**share, "principal_id": "arn:aws:organizations::1:ou/o-a/ou-b"}
    everyone = {"portfolio_id": "port-a", "principal_arn": "arn:aws:iam:::role/x"}
    found = changes(
        snapshot({}),
        snapshot(
            {
                "aws_servicecatalog_portfolio_share": {"a": share, "b": unit},
                "aws_servicecatalog_principal_portfolio_association": {"c": everyone},
            }
        ),
    )
    assert {(c.who.text, mark.reason) for c in found for mark in c.marks[:1]} == {
        ("arn:aws:iam::999999999999:root", "from 999999999999 to shared"),
        ("arn:aws:organizations::1:ou/o-a/ou-b", "from all of ou-b to shared"),
        ("arn:aws:iam:::role/x", "from every account that it is shared to"),
    }


def test_an_attached_policy_is_told_by_name_also_where_another_gives_as_much() -> None:
    """PowerUserAccess is told as almost every action: what IAMFullAccess adds would hide behind it."""
    role = {"aws_iam_role": {"r": {"name": "r", "assume_role_policy": "{}"}}}

    def attached(*names: str) -> Snapshot:
        bodies = {
            name: {
                "role": "${aws_iam_role.r.name}",
                "policy_arn": f"arn:aws:iam::aws:policy/{name}",
            }
            for name in names
        }
        return snapshot({**role, "aws_iam_role_policy_attachment": bodies})

    before, after = attached("PowerUserAccess"), attached("PowerUserAccess", "IAMFullAccess")
    named = [c for c in changes(before, after) if c.actions == ("IAMFullAccess",)]
    assert [(c.kind, c.marked("privileged")) for c in named] == [("gained", True)]
    unknown = attached("PowerUserAccess", "NoSuchPolicyAccess")
    named = [c for c in changes(before, unknown) if c.actions == ("NoSuchPolicyAccess",)]
    assert named[0].depends_on == ("text of NoSuchPolicyAccess",)


def test_a_right_in_a_fleet_is_marked_on_google() -> None:
    provider = {"google": [{"project": "acme-train", "region": "europe-west4"}]}
    body = {"scope_id": "ml", "group": "a@b.example", "role": [{"predefined_role": "ADMIN"}]}
    types = {"google_gke_hub_scope_rbac_role_binding": {"x": body}}
    document: dict[str, Any] = {"provider": provider, "resource": types}
    after = replace(snapshot({}), documents={"google/train/gke": document})
    (change,) = changes(snapshot({}), after)
    assert (change.who.text, change.actions) == ("group:a@b.example", ("kubernetes:ADMIN",))
    assert change.marked("privileged")
    assert change.on.text.endswith("/projects/acme-train/locations/global/scopes/ml")
