"""A team's own kinds: the manual's example, parts, scopes, and what text of a blueprint becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from compiler.blueprint.yaml_tree import parse
from compiler.cli.entry import landform
from compiler.compilation import Compilation, Compiled, compile_blueprints
from compiler.kinds.available import kinds_at
from compiler.kinds.schema import blueprint_schema
from compiler.kinds.team.text import holds_marks, inside_terraform, terraform
from compiler.terraform.schema.expressions import template_references
from compiler.terraform.stack import Expression, escape

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "your-own-kinds.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)^```$", MANUAL, re.M | re.S))
KIND = "kinds/feature-store.yaml"

HEAD = """
landform: 1
organization: {name: acme%s}
defaults: {aws: {region: %s}}
accounts:
"""


def blueprint(
    folder: Path, kind: str, components: str, accounts: int = 3, partition: str = "aws"
) -> Compilation:
    """Compile a blueprint of accounts one-1, one-2, … with the kind `own`."""
    regions = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
    head = HEAD % (f", aws: {{partition: {partition}}}", regions[partition])
    listed = [f'  one-{n}: {{id: "{n:012}"}}\n' for n in range(1, accounts + 1)]
    (folder / "kinds").mkdir(parents=True)
    (folder / "landform.yaml").write_text(
        f"{head}{''.join(listed)}components:\n{components}", encoding="utf-8"
    )
    (folder / "kinds" / "own.yaml").write_text(kind, encoding="utf-8")
    return compile_blueprints(folder)


def sound(compilation: Compilation) -> Compiled:
    assert not compilation.diagnostics, "\n".join(map(str, compilation.diagnostics))
    return compilation.blueprints[0]


# -------------------------------------------------------------------- the manual


def shows(shown: Any, real: Any) -> bool:
    """Whether `shown` is `real` with parts left out: keys of mappings, items of lists."""
    if isinstance(shown, dict):
        return all(key in real and shows(value, real[key]) for key, value in shown.items())
    if isinstance(shown, list):
        return all(any(shows(item, other) for other in real) for item in shown)
    return bool(shown == real)


def test_what_the_manual_would_show_wrongly_is_found() -> None:
    assert shows({"a": [{"b": 1}]}, {"a": [{"c": 2}, {"b": 1, "c": 3}]})
    assert not shows({"a": [{"b": 2}]}, {"a": [{"b": 1}]})
    assert not shows({"b": 1}, {"a": 1})


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    (tmp_path / "kinds").mkdir()
    for name in ("landform.yaml", KIND):
        (tmp_path / name).write_text(EXAMPLES[name], encoding="utf-8")
    return tmp_path


def test_the_example_of_the_manual_compiles_to_what_it_shows(manual: Path) -> None:
    one = sound(compile_blueprints(manual))
    tree = one.tree()
    shown = [name for name in EXAMPLES if name.endswith(".tf.json")]
    assert shown
    for name in shown:
        assert shows(json.loads(EXAMPLES[name]), json.loads(tree[name])), name
    for path in (f"aws/{name}/features" for name in ("shared", "training", "production")):
        assert f"{path}/main.tf.json" in tree
        assert f"`{path}`" in MANUAL


def test_four_statements_for_each_reader(manual: Path) -> None:
    one = sound(compile_blueprints(manual))
    edges = {edge.id: edge for edge in one.edges}
    for reader in ("training", "production"):
        edge = edges[f"features/reader-reads-features-{reader}"]
        assert sorted(each.side for each in edge.statements) == [
            "identity", "identity", "key", "resource",
        ]  # fmt: skip


def test_every_input_type_and_part_is_in_the_manual() -> None:
    from compiler.kinds.team.model import PARTS, GrantPart, InputSchema, InputType, TargetPart

    named = set(re.findall(r"[A-Za-z_]+", " ".join(re.findall(r"`([^`]*)`", MANUAL))))
    assert set(InputType.__args__) <= named
    assert set(InputSchema.model_fields) - {"type"} <= named
    assert set(PARTS) <= named
    assert set(TargetPart.model_fields) | set(GrantPart.model_fields) <= named
    for part in PARTS.values():
        assert set(part.model_fields) <= named, part


# -------------------------------------------------------------------- commands


def run(*arguments: str) -> Any:
    return CliRunner().invoke(landform, arguments, prog_name="landform")


def test_the_team_s_kinds_are_listed_and_shown(manual: Path) -> None:
    listed = run("kinds", "--blueprint", str(manual), "--format", "json")
    summaries = {each["kind"]: each["summary"] for each in json.loads(listed.stdout)["kinds"]}
    assert summaries["feature-store"].startswith("An encrypted bucket")
    assert "ml-pipeline" in summaries
    shown = run("kinds", "feature-store", "--blueprint", str(manual))
    assert "keep_days  (whole number; default 30)\n      days that logs are kept" in shown.stdout


def test_without_a_blueprint_the_default_folder_is_looked_at(
    manual: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(folder)
    assert "feature-store" not in run("kinds").stdout
    (folder / "blueprints").symlink_to(manual)
    assert "feature-store" in run("kinds").stdout


def test_the_schema_knows_the_team_s_kinds(manual: Path) -> None:
    text = run("schema", str(manual)).stdout
    schema = json.loads(text)
    assert schema == blueprint_schema(kinds_at(manual)[0])
    Draft202012Validator.check_schema(schema)
    component = {"kind": "feature-store", "account": "shared", "readers": ["training"]}

    def valid(**changes: object) -> bool:
        return Draft202012Validator(schema).is_valid({"components": {"x": component | changes}})

    assert valid()
    assert valid(keep_days=3)
    assert valid(keep_days="{{ vars.days }}")
    assert not valid(keep_days=0)
    assert not valid(keep_dais=3)
    assert not valid(kind="feature-shop")


def test_a_kind_with_errors_is_told_by_both_commands(manual: Path) -> None:
    broken = EXAMPLES[KIND].replace("type: integer", "type: int")
    (manual / KIND).write_text(broken, encoding="utf-8")
    for arguments in (("kinds", "--blueprint", str(manual)), ("schema", str(manual))):
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert f"{KIND}:5:" in result.stderr.replace("\\", "/")


# -------------------------------------------------------------------- as with any kind

TOPIC = """
summary: a topic
inputs: {account: {type: account}, size: {type: string, default: small}}
stacks:
  account:
    resources:
      aws_sns_topic: {one: {name: "{{ component.prefix }}-{{ inputs.size }}"}}
"""


def test_a_kind_that_nobody_uses_makes_nothing(tmp_path: Path) -> None:
    component = "  base: {kind: account-baseline, account: one-1}\n"
    without = sound(blueprint(tmp_path / "a", TOPIC, component)).tree()
    (tmp_path / "a" / "kinds" / "own.yaml").unlink()
    assert sound(compile_blueprints(tmp_path / "a")).tree() == without


def test_one_account_and_fifty(tmp_path: Path) -> None:
    component = '  c: {kind: own, for_each: {accounts: "**"}}\n'
    for number in (1, 50):
        one = sound(blueprint(tmp_path / str(number), TOPIC, component, accounts=number))
        assert len(one.stacks) == number


READS = """
summary: a role that reads
inputs: {account: {type: account}, guest: {type: role}}
stacks:
  account:
    keys: {k: {}}
    buckets: {data: {key: k}}
    roles: {own: {service: lambda.amazonaws.com}, guest: {existing: "{{ inputs.guest }}"}}
grants:
  looks: {principal: own, actions: ["ssm:GetParameter"], resource: {arn: "arn:aws:ssm:eu-west-1:{{ account.id }}:parameter/x"}}
  reads: {principal: own, actions: ["s3:GetObject"], resource: {bucket: data, objects: "*"}}
  asks: {principal: guest, actions: ["s3:GetObject"], resource: {bucket: data, objects: "*"}}
"""
READ = ("asks", "guest-uses-k", "looks", "own-uses-k", "reads")


def test_each_account_of_for_each_has_grants_of_its_own(tmp_path: Path) -> None:
    """Both the roles inside each account and the one of yet another that all of them admit."""
    component = (
        "  c: {kind: own, for_each: {accounts: [one-1, one-2]}, guest: {account: one-3, role: g}}\n"
    )
    one = sound(blueprint(tmp_path, READS, component))
    edges = {edge.id: edge for edge in one.edges}
    assert set(edges) == {
        f"c/{id}-{home}" for id in ("asks", "guest-one-3-uses-k", "looks", "reads")
        for home in ("one-1", "one-2")
    } | {"c/own-one-1-uses-k", "c/own-one-2-uses-k"}  # fmt: skip
    for home in ("one-1", "one-2"):
        assert edges[f"c/asks-{home}"].resource_account == home
        assert edges[f"c/looks-{home}"].principal_account == home
    assert [stack.path for stack in one.stacks] == [f"aws/one-{n}/c" for n in (1, 2, 3)]
    (body,) = one.documents["aws/one-3/c"]["locals"].values()
    keys = [s["Resource"] for s in body["Statement"] if "kms:Decrypt" in s["Action"]]
    assert keys == [[f"arn:aws:kms:eu-west-1:{n:012}:key/*"] for n in (1, 2)]


@pytest.mark.parametrize("place", ["account: one-1", "for_each: {accounts: [one-1]}"])
def test_grants_in_one_account_have_their_own_names(place: str, tmp_path: Path) -> None:
    component = f"  c: {{kind: own, {place}, guest: {{account: one-3, role: g}}}}\n"
    one = sound(blueprint(tmp_path, READS, component))
    assert tuple(edge.id for edge in one.edges) == tuple(f"c/{id}" for id in READ)


def test_a_reader_of_several_keys_of_one_name(tmp_path: Path) -> None:
    kind = ROLES.replace("readers: {type: accounts}", "reader: {type: account}")
    kind = kind.replace("owner: {type: account}", "owner: {type: accounts}")
    kind = kind.replace("  readers: {roles", "  reader: {roles")
    component = "  c: {kind: own, owner: [one-1, one-2], reader: one-3}\n"
    one = sound(blueprint(tmp_path, kind, component))
    uses = [edge.id for edge in one.edges if "kms:Decrypt" in edge.actions]
    assert uses == ["c/reader-uses-k-one-1", "c/reader-uses-k-one-2"]


def test_a_stack_of_which_each_instance_has_a_part(tmp_path: Path) -> None:
    """The guest's policy would be lost in the stack of its own account, or that stack in it."""
    component = (
        "  c: {kind: own, for_each: {accounts: [one-1, one-2]}, guest: {account: one-2, role: g}}\n"
    )
    (found,) = blueprint(tmp_path, READS, component).diagnostics
    assert (found.code, str(found.span).rpartition("/")[2]) == ("E401", "landform.yaml:10:3")
    assert 'makes the stack "aws/one-2/c" for several accounts' in found.message


def test_grants_that_for_each_gives_one_name(tmp_path: Path) -> None:
    kind = READS.replace("asks:", "looks-one:")
    component = '  c: {kind: own, for_each: {accounts: "**"}, guest: {account: "{{ each.name }}", role: g}}\n'
    component += 'accounts: {eu: {id: "111111111111"}, one-eu: {id: "222222222222"}}\n'
    text = f"landform: 1\norganization: {{name: acme}}\ndefaults: {{aws: {{region: eu-west-1}}}}\ncomponents:\n{component}"
    (tmp_path / "kinds").mkdir()
    (tmp_path / "landform.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "kinds" / "own.yaml").write_text(kind, encoding="utf-8")
    (found,) = compile_blueprints(tmp_path).diagnostics
    assert found.code == "E204"
    assert 'are both called "looks-one-eu" under for_each' in found.message


def test_for_each_is_for_kinds_of_one_account(tmp_path: Path) -> None:
    kind = TOPIC.replace("size: {", "others: {type: accounts, required: false}, size: {")
    component = '  c: {kind: own, for_each: {accounts: "**"}, account: one-1}\n'
    assert [d.code for d in blueprint(tmp_path / "a", kind, component).diagnostics] == ["E310"]


ROLES = """
summary: roles that read
inputs: {owner: {type: account}, readers: {type: accounts}}
stacks:
  owner: {keys: {k: {}}, buckets: {data: {key: k}}}
  readers: {roles: {reader: {service: "ec2.{{ 'amazonaws.com.cn' if 'cn-' in component.region else 'amazonaws.com' }}"}}}
grants:
  reads: {principal: reader, actions: ["s3:GetObject"], resource: {bucket: data, objects: "*"}}
"""


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_other_partitions(partition: str, tmp_path: Path) -> None:
    component = "  c: {kind: own, owner: one-1, readers: [one-2]}\n"
    one = sound(blueprint(tmp_path / "a", ROLES, component, partition=partition))
    text = json.dumps([one.documents[stack.path] for stack in one.stacks])
    assert f"arn:{partition}:s3:::" in text
    assert set(re.findall(r"arn:(aws[a-z-]*):", text)) == {partition}


def test_long_names_and_fifty_readers(tmp_path: Path) -> None:
    name = "a" + "-b" * 15
    component = f'  {name}: {{kind: own, owner: one-1, readers: "**"}}\n'
    one = sound(blueprint(tmp_path / "a", ROLES, component, accounts=50))
    assert len(one.stacks) == 50
    document: Mapping[str, Any] = one.documents[f"aws/one-7/{name}"]
    assert len(document["resource"]["aws_iam_role"]["reader"]["name"]) <= 64


def test_one_account_in_both_parts(tmp_path: Path) -> None:
    component = "  c: {kind: own, owner: one-1, readers: one-1}\n"
    one = sound(blueprint(tmp_path / "a", ROLES, component))
    assert [stack.path for stack in one.stacks] == ["aws/one-1/c"]
    sides = {each.side for edge in one.edges for each in edge.statements}
    assert sides == {"identity", "key"}


def test_two_components_of_a_kind_in_one_account(tmp_path: Path) -> None:
    same = TOPIC.replace("{{ component.prefix }}-", "")
    components = "  a: {kind: own, account: one-1}\n  b: {kind: own, account: one-1}\n"
    sound(blueprint(tmp_path / "a", TOPIC, components))
    assert [d.code for d in blueprint(tmp_path / "b", same, components).diagnostics] == ["E401"]


def test_vars_of_the_component_and_of_the_stack_s_account(tmp_path: Path) -> None:
    kind = TOPIC.replace("inputs.size }}", "vars.level }}-{{ vars.own }}")
    component = (
        '  c: {kind: own, for_each: {accounts: "**"}, vars: {own: "{{ account.name }}"}}\n'
        "defaults: {aws: {region: eu-west-1}, vars: {level: low}}\n"
    )
    (tmp_path / "kinds").mkdir()
    text = (HEAD % ("", "x")).replace("defaults: {aws: {region: x}}\n", "")
    text += '  one: {id: "000000000001"}\n  two: {id: "000000000002", vars: {level: high}}\n'
    (tmp_path / "landform.yaml").write_text(f"{text}components:\n{component}", encoding="utf-8")
    (tmp_path / "kinds" / "own.yaml").write_text(kind, encoding="utf-8")
    one = sound(compile_blueprints(tmp_path))
    names = [topic(one.documents[stack.path]) for stack in one.stacks]
    assert names == ["acme-c-low-one", "acme-c-high-two"]


def topic(document: Mapping[str, Any]) -> str:
    name: str = document["resource"]["aws_sns_topic"]["one"]["name"]
    return name


def test_a_broken_kind_blames_no_component(tmp_path: Path) -> None:
    """The kind is wrong; what a component gives it cannot be judged."""
    kind = TOPIC.replace("type: account}", "type: acount}")
    component = "  c: {kind: own, account: nowhere, sise: 3}\n"
    (found,) = blueprint(tmp_path / "a", kind, component).diagnostics
    assert found.span is not None
    assert found.span.path.endswith("kinds/own.yaml")
    assert 'used by component "c"' in dict(found.related)


def test_yaml_errors_of_a_kind(tmp_path: Path) -> None:
    component = "  c: {kind: own, account: one-1}\n"
    found = blueprint(tmp_path / "a", "inputs: {a: [}\n", component).diagnostics
    assert {d.code for d in found} == {"E010"}


def test_two_files_of_one_name(tmp_path: Path) -> None:
    blueprint(tmp_path / "a", TOPIC, "  c: {kind: own, account: one-1}\n")
    (tmp_path / "a" / "kinds" / "own.yml").write_text(TOPIC, encoding="utf-8")
    (found,) = compile_blueprints(tmp_path / "a").diagnostics
    assert found.code == "E331"
    assert str(found.span).endswith("own.yml:1:1")


def test_the_same_bytes_again(tmp_path: Path) -> None:
    component = "  c: {kind: own, owner: one-1, readers: [one-3, one-2]}\n"
    first = sound(blueprint(tmp_path / "a", ROLES, component)).tree()
    assert sound(compile_blueprints(tmp_path / "a")).tree() == first


@pytest.mark.parametrize(
    "existing",
    ["team/reader", "{{ inputs.role }}", "{{ [inputs.role, 'other'] }}"],
)
def test_an_existing_role_in_each_of_several_accounts(existing: str, tmp_path: Path) -> None:
    """Two roles of one name: each has its own halves."""
    kind = ROLES.replace("service: ", "existing: ").replace(
        "readers: {type", "role: {type: role}, readers: {type", 1
    )
    kind = re.sub(r'existing: "ec2[^\n]*"}}}', f'existing: "{existing}"}}}}}}', kind)
    component = "  c: {kind: own, owner: one-1, readers: [one-2, one-3], role: team/reader}\n"
    one = sound(blueprint(tmp_path / "a", kind, component))
    readers = {e.principal_arn for e in one.edges if e.id.startswith("c/reads-")}
    assert {f"arn:aws:iam::00000000000{n}:role/team/reader" for n in (2, 3)} <= readers
    uses = [edge for edge in one.edges if "-uses-k" in edge.id]
    assert len(uses) == len(readers)


def test_one_role_named_for_several_accounts(tmp_path: Path) -> None:
    kind = ROLES.replace("readers: {type", "role: {type: role}, readers: {type", 1)
    kind = re.sub(r'service: "ec2[^\n]*"}}}', 'existing: "{{ inputs.role }}"}}}', kind)
    role = "{role: reader, account: one-3}"
    component = f"  c: {{kind: own, owner: one-1, readers: [one-2, one-3], role: {role}}}\n"
    one = sound(blueprint(tmp_path / "a", kind, component))
    assert {edge.principal_arn for edge in one.edges} == {"arn:aws:iam::000000000003:role/reader"}
    stack = next(stack for stack in one.stacks if stack.path == "aws/one-3/c")
    assert len({r.address for r in stack.resources}) == len(stack.resources)


@pytest.mark.parametrize(
    ("role", "id_"), [("other", "reads-one-2"), ("other", "reader-one-2-uses-k")]
)
def test_grants_that_would_be_called_alike(role: str, id_: str, tmp_path: Path) -> None:
    kind = ROLES.replace(
        "owner: {keys", "owner: {roles: {other: {service: ec2.amazonaws.com}}, keys"
    )
    kind += f"  {id_}: {{principal: {role}, actions: [s3:PutObject], resource: {{bucket: data, objects: x}}}}\n"
    component = "  c: {kind: own, owner: one-1, readers: [one-2, one-3]}\n"
    (found,) = blueprint(tmp_path / "a", kind, component).diagnostics
    assert (found.code, f'two grants are called "{id_}"' in found.message) == ("E204", True)


def test_a_kind_of_both_clouds(tmp_path: Path) -> None:
    kind = """
summary: an AWS account and a Google project
inputs: {account: {type: account}, project: {type: project}}
stacks:
  account: {resources: {aws_sns_topic: {one: {name: "{{ component.region }}-{{ inputs.project.number }}"}}}}
  project: {resources: {google_pubsub_topic: {one: {name: "{{ component.region }}-{{ project.id }}"}}}}
"""
    component = (
        "  c: {kind: own, account: one-1, project: p}\n"
        'projects: {p: {id: acme-p-1, number: "100000000001", google: {region: europe-west4}}}\n'
    )
    one = sound(blueprint(tmp_path / "a", kind, component))
    assert topic(one.documents["aws/one-1/c"]) == "eu-west-1-100000000001"
    google = one.documents["google/p/c"]["resource"]
    assert google == {"google_pubsub_topic": {"one": {"name": "europe-west4-acme-p-1"}}}


ARGUMENTS = """
summary: arguments as the provider wants them
inputs: {account: {type: account}, version: {type: string, default: x}}
stacks:
  account:
    resources:
      aws_sns_topic:
        one:
          name: "{{ component.prefix }}-one"
          display_name: 1.30
          delivery_policy: {http: {defaultHealthyRetryPolicy: {numRetries: 3}}}
          tags: {version: 012, other: 1.10}
      aws_ecs_task_definition:
        one:
          family: one
          container_definitions: [{name: "{{ component.name }}", image: "${aws_sns_topic.one.arn}"}]
      aws_s3_bucket_lifecycle_configuration:
        one: {bucket: x, rule: {id: 007, status: Enabled, expiration: [{days: 3}], filter: {}}}
"""


def test_arguments_are_as_the_provider_wants_them(tmp_path: Path) -> None:
    one = sound(blueprint(tmp_path / "a", ARGUMENTS, "  c: {kind: own, account: one-1}\n"))
    document: Any = one.documents["aws/one-1/c"]
    made = document["resource"]
    topic = made["aws_sns_topic"]["one"]
    assert topic["display_name"] == "1.30"
    assert topic["tags"] == {"version": "012", "other": "1.10"}
    assert topic["delivery_policy"] == "${jsonencode(local.sns_topic_one_delivery_policy)}"
    assert document["locals"] == {
        "ecs_task_definition_one_container_definitions": [
            {"name": "c", "image": "${aws_sns_topic.one.arn}"}
        ],
        "sns_topic_one_delivery_policy": {"http": {"defaultHealthyRetryPolicy": {"numRetries": 3}}},
    }
    rule = made["aws_s3_bucket_lifecycle_configuration"]["one"]["rule"]
    assert rule == {"id": "007", "status": "Enabled", "expiration": [{"days": 3}], "filter": {}}


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("name: {a: b}", "an object where a string is required"),
        ("name: [a]", "a list where a string is required"),
        ("name: [{a: b}]", "a list where a string is required"),
        ("delivery_policy: [a]", "a list where a string is required"),
        ("fifo_topic: {a: b}", "an object where a bool is required"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_what_is_no_json_is_of_the_wrong_type(
    argument: str, wrong: str, used: bool, tmp_path: Path
) -> None:
    kind = TOPIC.replace('name: "{{ component.prefix }}-{{ inputs.size }}"', argument)
    component = (
        "  c: {kind: own, account: one-1}\n"
        if used
        else "  c: {kind: account-baseline, account: one-1}\n"
    )
    found = blueprint(tmp_path / "a", kind, component).diagnostics
    assert [(d.code, wrong in d.message) for d in found] == [("E501", True)]


# -------------------------------------------------------------------- text is data

SIGNS = st.text(alphabet=["$", "%", "{", "}", '"', "\\", "~", "a", "."], max_size=12)
REFERENCE = "${aws_x.y.z}"
FORMS = (
    "{{ inputs.x }}",
    "a{{ inputs.x }}b",
    "{{ inputs.x }}{{ inputs.x }}",
    "${{ inputs.x }}",
    "%{{ inputs.x }}",
    f"{REFERENCE}{{{{ inputs.x }}}}",
    f"{{{{ inputs.x }}}}{REFERENCE}",
    "{{ inputs.x }}%{ if true }{{ inputs.x }}%{ endif }",
    f"$${{b}}{{{{ inputs.x }}}}{REFERENCE}{{{{ inputs.x | upper }}}}",
)


def evaluated(form: str, text: str) -> str:
    """The text that Terraform reads for a form in `resources`."""
    tree, _ = parse(f"value: {json.dumps(form)}\n", "x.yaml")
    assert tree is not None
    value, found = terraform(tree, {"inputs": {"x": text}})
    assert not found
    assert isinstance(value, dict)
    made = value["value"]
    return made.text if isinstance(made, Expression) else escape(str(made))


@pytest.mark.parametrize("form", FORMS)
@given(text=SIGNS)
def test_what_an_input_holds_is_never_code(form: str, text: str) -> None:
    made = evaluated(form, text)
    found = {str(each) for each in template_references(made)}
    assert found <= ({"aws_x.y.z"} if REFERENCE in form else set())
    if REFERENCE in form:
        assert found


@pytest.mark.parametrize(
    ("form", "text", "made"),
    [
        ("{{ inputs.x }}", "${a.b.c}", "$${a.b.c}"),
        ("x-{{ inputs.x }}", "%{ for }", "x-%%{ for }"),
        ("${{ inputs.x }}", "{a.b.c}", "$${a.b.c}"),
        ("${a.b.c}-{{ inputs.x }}", "5$", "${a.b.c}-5$"),
        ("{{ inputs.x }}${a.b.c}", "5$", '5${"$"}${a.b.c}'),
        ("$${a}{{ inputs.x }}", "x", "$${a}x"),
        ("%{ if true }{{ inputs.x }}%{ endif }", "x", "%{ if true }x%{ endif }"),
        ("costs ${{ inputs.x }}", "5", "costs $5"),
    ],
)
def test_how_text_is_written(form: str, text: str, made: str) -> None:
    assert evaluated(form, text) == made


@pytest.mark.parametrize("text", ["﷐{a.b.c}", "﷑{ if }", "﷒﷒{"])
def test_text_that_could_pass_for_a_sign_is_refused(text: str, tmp_path: Path) -> None:
    """The characters stand for Terraform's signs while expressions are evaluated."""
    assert holds_marks({"x": [text]})
    component = f"  c: {{kind: own, account: one-1, size: {json.dumps(text)}}}\n"
    found = blueprint(tmp_path / "a", TOPIC, component).diagnostics
    assert [d.code for d in found] == ["E204"]


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ("${upper({{ inputs.x }})}", True),
        ('${lower("{{ inputs.x }}")}', True),
        ("%{ if {{ inputs.x }} }a%{ endif }", True),
        ("${a.b.c}{{ inputs.x }}", False),
        ('${lower("}")}{{ inputs.x }}', False),
        ("$${ {{ inputs.x }} }", False),
        ("${{ inputs.x }}", False),
        ("${jsonencode({a = {b = 1}})}{{ inputs.x }}", False),
    ],
)
def test_expressions_inside_terraform_s_own(form: str, wrong: bool) -> None:
    tree, _ = parse(f"value: {json.dumps(form)}\n", "x.yaml")
    assert tree is not None
    assert [d.code for d in inside_terraform(tree)] == (["E104"] if wrong else [])


# -------------------------------------------------------------------- images

IMAGES = """
summary: workers that pull
inputs: {account: {type: account}, workers: {type: accounts}}
stacks:
  account: {repositories: {images: {}, others: {}}}
  workers: {roles: {worker: {service: sagemaker.amazonaws.com}}}
grants:
  pulls: {principal: worker, actions: [%s], resource: {repository: images}}
  more: {principal: worker, actions: ["ecr:PutImage"], resource: {repository: others}, when: %s}
"""
ENTERS = """
  enters:
    principal: worker
    actions: ["ecr:getAuthorizationToken"]
    resource: {arn: "*"}
"""
TOKEN = "ecr:GetAuthorizationToken"


@pytest.mark.parametrize(
    ("actions", "more", "rest", "tokens"),
    [
        ("'ecr:BatchGetImage'", "true", "", ["worker-one-2-enters-registry"]),
        ("'ecr:Upload*'", "false", "", ["worker-one-2-enters-registry"]),
        ("'ecr:BatchGetImage'", "true", ENTERS, []),
        ("'ecr:DescribeImages'", "false", "", []),
    ],
)
def test_who_moves_images_enters_the_registry(
    actions: str, more: str, rest: str, tokens: list[str], tmp_path: Path
) -> None:
    kind = IMAGES % (actions, more) + rest
    component = "  c: {kind: own, account: one-1, workers: [one-2]}\n"
    one = sound(blueprint(tmp_path, kind, component))
    edges = [e for e in one.edges if TOKEN in e.actions]
    assert [e.id.partition("/")[2] for e in edges] == tokens
    for edge in edges:
        (statement,) = edge.statements
        policy = json.loads(one.tree()[f"{statement.stack}/main.tf.json"])
        bodies = policy["locals"]["iam_role_policy_worker"]["Statement"]
        assert {"Action": [TOKEN], "Resource": ["*"]} in [
            {"Action": body["Action"], "Resource": body["Resource"]} for body in bodies
        ]


def test_a_grant_with_the_name_of_a_token(tmp_path: Path) -> None:
    kind = (IMAGES % ("'ecr:PutImage'", "false")).replace("pulls:", "worker-one-2-enters-registry:")
    kind = kind.replace("{type: accounts}", "{type: account}").replace("worker-one-2", "worker")
    component = "  c: {kind: own, account: one-1, workers: one-2}\n"
    (found,) = blueprint(tmp_path, kind, component).diagnostics
    assert 'two grants are called "worker-enters-registry"' in found.message
    assert found.span is not None
    assert found.span.line == 8


# -------------------------------------------------------------------- Google

WRITERS = """
landform: 1
organization: {name: acme}
defaults: {google: {region: europe-west4}}
projects:
  data: {id: acme-data, number: "100000000001"}
  train: {id: acme-train, number: "100000000002"}
components:
  c: {kind: own, home: data, other: train}
"""
WRITER = """
summary: an account that writes into a bucket of another project
inputs: {home: {type: project}, other: {type: project}}
stacks:
  home: {}
  other: {service_accounts: {writer: {id: "{{ component.prefix }}-writer"}}}
grants:
  writes: {principal: writer, role: roles/storage.objectUser, resource: {project: home, bucket: acme-data}}
"""


def test_a_stack_with_a_binding_comes_after_the_one_with_its_member(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "landform.yaml").write_text(WRITERS, encoding="utf-8")
    (tmp_path / "kinds" / "own.yaml").write_text(WRITER, encoding="utf-8")
    one = sound(compile_blueprints(tmp_path))
    assert {stack.path: stack.depends_on for stack in one.stacks} == {
        "google/data/c": ("google/train/c",),
        "google/train/c": (),
    }
