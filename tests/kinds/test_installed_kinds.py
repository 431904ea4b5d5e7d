"""Kinds that are Python packages: the example is installed and compiled; packages that do not work."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from compiler.compilation import Compilation, compile_blueprints
from compiler.kinds import available, constructs
from compiler.kinds.installed import GROUP, Installed, load
from compiler.terraform.stack import Expression, JsonText
from tests.needs import lacking

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "kind-in-python"
BINDINGS = "cdktf_cdktf_provider_aws"

HEAD = """
landform: 1
organization: {name: acme}
defaults: {aws: {region: eu-west-1}}
accounts:
  shared: {id: "111111111111"}
  training: {id: "222222222222"}
components:
"""
LAB = "  lab: {kind: notebook, account: training, publish_to: shared}\n"
ALERTS = "  alerts: {kind: alerts, account: shared, notify: [b@acme.example, a@acme.example]}\n"

# A package of the test's own: each kind is wrong in its own way, but for "right".
PACKAGE = '''
"""The manual of the package."""
from datetime import date
from compiler.kinds.api import (
    Accounts, Draft, Events, Images, Kind, OneAccount, Shape, Statement, service_trust
)

class Inputs(Shape):
    account: OneAccount

class NoShape:
    pass

def build(draft: Draft) -> None:
    draft.place(draft.component.inputs.account)

def fails(draft: Draft) -> None:
    raise ZeroDivisionError("no number\\nmore")

def exits(draft: Draft) -> None:
    raise SystemExit(3)

def keyed(draft: Draft) -> None:
    arguments = {"name": "x", "tags": {1: "one"}}
    draft.add(draft.component.inputs.account, "aws_sns_topic", "one", arguments)

def giving(value):
    def build(draft: Draft) -> None:
        draft.add(draft.component.inputs.account, "aws_sns_topic", "one", {"name": [value]})
    return build

def outputs(draft: Draft) -> None:
    draft.output(draft.component.inputs.account, "one", {1}, "one")

def trusting(draft: Draft) -> None:
    draft.role(draft.component.inputs.account, "one", "one", "one", [
        Statement(sid="A", actions=("a:B",), principal={"Service": {"x"}})
    ])

def naming(*names):
    def build(draft: Draft) -> None:
        account = draft.component.inputs.account
        draft.role(account, "own", "own", "o", [service_trust("lambda.amazonaws.com", None)])
        for number, name in enumerate(names):
            draft.add(account, "aws_iam_role", name, {"name": str(number)})
    return build

def pulling(draft: Draft) -> None:
    account = draft.component.inputs.account
    role = draft.role(account, "w", "w", "w", [service_trust("lambda.amazonaws.com", None)])
    images = Images(draft.repository(account, "images", "images", existing=False))
    draft.grant("pulls", role, ["ecr:BatchGetImage"], images)

def again(draft: Draft) -> None:
    for _ in range(2):
        draft.add(draft.component.inputs.account, "aws_sns_topic", "one", {"name": "one"})
        draft.output(draft.component.inputs.account, "one", "one", "one")

def output_twice(draft: Draft) -> None:
    for value in (1, 2):
        draft.output(draft.component.inputs.account, "one", value, "one")

def granting(*conditions):
    def build(draft: Draft) -> None:
        account = draft.component.inputs.account
        trust = [service_trust("lambda.amazonaws.com", None)]
        role = draft.role(account, "worker", "worker", "works", trust)
        bus = draft.bus(account, "events", "events")
        for condition in conditions:
            draft.grant("worker-sends", role, ["events:PutEvents"], Events(bus), condition)
    return build

def in_a_circle(draft: Draft) -> None:
    one, two = draft.component.inputs.accounts
    draft.after(one, two)
    draft.after(two, one)

class Texts(Inputs):
    text: str = "x"
    accounts: Accounts | None = None

EXITS = Kind(name="exits", summary="s", inputs=Inputs, build=exits, home="account")
KEYED = Kind(name="keyed", summary="s", inputs=Inputs, build=keyed, home="account")
TWICE = Kind(name="twice", summary="s", inputs=Inputs, build=granting({}, {}), home="account")
ONCE = Kind(name="once", summary="s", inputs=Inputs, build=granting({}), home="account")
EACH = Kind(
    name="each", summary="s", inputs=Inputs, build=granting({}), home="account", per="account"
)
EMPTY = Kind(
    name="empty",
    summary="s",
    inputs=Inputs,
    build=granting({"StringEquals": {"aws:RequestedRegion": None}}),
    home="account",
)
def kind(name, build):
    return Kind(name=name, summary="s", inputs=Inputs, build=build, home="account")

PULLING = kind("pulling", pulling)
AGAIN = kind("again", again)
ASET = kind("aset", giving({"a"}))
ADATE = kind("adate", giving({"x": date(2026, 1, 1)}))
OUTPUTS = kind("outputs", outputs)
TRUSTING = kind("trusting", trusting)
SAME = kind("same", naming("one", "one"))
SPACED = kind("spaced", naming("q q"))
PARTS = kind("parts", naming("own"))
OUTPUTTWICE = kind("outputtwice", output_twice)
IDLE = Kind(name="idle", summary="s", inputs=Inputs, build=None, home="account")
WORDY = Kind(name="wordy", summary="s", inputs=Texts, build=build, home="text")
MANY = Kind(name="many", summary="s", inputs=Texts, build=build, home="accounts")
CIRCLE = Kind(name="circle", summary="s", inputs=Texts, build=in_a_circle, home="account")
RIGHT = Kind(name="right", summary="s", inputs=Inputs, build=build, home="account")
FAILS = Kind(name="fails", summary="s", inputs=Inputs, build=fails, home="account")
PLAIN = Kind(name="plain", summary="s", inputs=NoShape, build=build, home="account")
HOMELESS = Kind(name="homeless", summary="s", inputs=Inputs, build=build, home="acount")
UPPER = Kind(name="Upper", summary="s", inputs=Inputs, build=build, home="account")
BUILT_IN = Kind(name="ml-pipeline", summary="s", inputs=Inputs, build=build, home="account")
TEXT = "right"
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "landform_test_kinds"
    (tmp_path / f"{name}.py").write_text(PACKAGE, encoding="utf-8")
    (tmp_path / f"{name}_exiting.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Installed, components: str
) -> Compilation:
    monkeypatch.setattr(available, "installed", lambda: found)
    monkeypatch.chdir(tmp_path)
    Path("blueprint.yaml").write_text(HEAD + components, encoding="utf-8")
    return compile_blueprints(Path("blueprint.yaml"))


# -------------------------------------------------------------------- the example


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed, beside what the tests have."""
    folder = tmp_path_factory.mktemp("installed")
    # The build writes beside its source.
    source = shutil.copytree(EXAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(folder / "site"), str(source)],
        check=True,
        timeout=120,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def landform(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_example_is_listed_and_shown(
    environment: dict[str, str], tmp_path: Path
) -> None:
    listed = json.loads(landform(environment, tmp_path, "kinds", "--format", "json"))
    assert {"notebook", "alerts", "ml-pipeline"} <= {kind["kind"] for kind in listed["kinds"]}
    manual = landform(environment, tmp_path, "kinds", "notebook")
    assert manual.startswith("A SageMaker notebook whose results go to a bucket")
    assert "instance  (text; default ml.t3.medium)" in manual


@pytest.mark.rig  # imports the typed bindings, which takes a dozen seconds
def test_the_installed_example_compiles(environment: dict[str, str], tmp_path: Path) -> None:
    """Parts and grants in one kind, constructs with the typed bindings in the other."""
    bindings = importlib.util.find_spec(BINDINGS) is not None
    components = LAB + ALERTS if bindings else LAB
    (tmp_path / "blueprint.yaml").write_text(HEAD + components, encoding="utf-8")
    landform(environment, tmp_path, "compile", "blueprint.yaml")
    made = tmp_path / "generated" / "acme"
    ledger = json.loads((made / "access.json").read_text())
    edge = next(e for e in ledger["edges"] if e["id"] == "lab/notebook-writes-results")
    assert {each["side"] for each in edge["statements"]} == {"identity", "resource", "key"}
    assert len(edge["statements"]) == 4
    if not bindings:
        lacking(f"{BINDINGS} is not installed: pip install landform[bindings]")
    stack = json.loads((made / "aws" / "shared" / "alerts" / "main.tf.json").read_text())
    assert stack["resource"] == {
        "aws_sns_topic": {"alerts": {"name": "acme-alerts-alerts"}},
        "aws_sns_topic_subscription": {
            f"mail_{name}_acme_example": {
                "endpoint": f"{name}@acme.example",
                "protocol": "email",
                "topic_arn": "${aws_sns_topic.alerts.arn}",
            }
            for name in ("a", "b")
        },
    }
    assert stack["output"]["topic"]["value"] == "${aws_sns_topic.alerts.arn}"
    assert "metadata" not in json.dumps(stack)


# -------------------------------------------------------------------- what does not work


def test_a_kind_is_found_by_its_entry_point(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("right", f"{package}:RIGHT")])
    compilation = compiled(
        tmp_path, monkeypatch, found, "  one: {kind: right, account: shared, region: eu-west-3}\n"
    )
    assert not compilation.diagnostics
    (stack,) = compilation.blueprints[0].stacks
    assert (stack.path, stack.kind, stack.region) == ("aws/shared/one", "right", "eu-west-3")
    assert found.kinds["right"].manual == "The manual of the package."


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("gone", "landform_test_kinds_that_are_not:KIND", "cannot be loaded: ModuleNotFoundError"),
        ("gone", "landform_test_kinds:NONE", "cannot be loaded: AttributeError"),
        ("text", "landform_test_kinds:TEXT", "is no Kind, but str"),
        ("other", "landform_test_kinds:RIGHT", 'is the kind "right"'),
        ("plain", "landform_test_kinds:PLAIN", "has inputs that are no Shape"),
        ("Upper", "landform_test_kinds:UPPER", "has a name that is none of a kind"),
        ("homeless", "landform_test_kinds:HOMELESS", 'has the home "acount"'),
        ("idle", "landform_test_kinds:IDLE", "has a build that is no function, but NoneType"),
        ("wordy", "landform_test_kinds:WORDY", 'has the home "text", which names no accounts'),
        ("exiting", "landform_test_kinds_exiting:KIND", "cannot be loaded: SystemExit: 3"),
    ],
)
def test_a_package_that_does_not_work_is_told_of_the_component(
    name: str,
    value: str,
    why: str,
    package: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = load([point(name, value)])
    component = f"  one: {{kind: {name}, account: shared}}\n"
    (diagnostic,) = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert diagnostic.code == "E332"
    assert f'component "one": the kind "{name}": {value} {why}' in diagnostic.message
    assert str(diagnostic.span) == "blueprint.yaml:9:3"


def test_a_package_that_nobody_uses_stops_nobody(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("gone", "landform_test_kinds_that_are_not:KIND")])
    baseline = "  base: {kind: account-baseline, account: shared}\n"
    assert not compiled(tmp_path, monkeypatch, found, baseline).diagnostics


def test_two_packages_with_one_kind(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("right", f"{package}:RIGHT"), point("right", f"{package}:FAILS")])
    component = "  one: {kind: right, account: shared}\n"
    (diagnostic,) = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert (diagnostic.code, "two installed packages" in diagnostic.message) == ("E332", True)


def test_an_exception_of_a_kind_is_no_traceback(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("fails", f"{package}:FAILS")])
    component = "  one: {kind: fails, account: shared}\n"
    (diagnostic,) = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert diagnostic.code == "E332"
    assert diagnostic.message.endswith('the kind "fails" failed: ZeroDivisionError: no number')
    assert package in (diagnostic.hint or "")


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("exits", "E332", 'the kind "exits" failed: SystemExit: 3'),
        ("keyed", "E332", 'the kind "keyed" failed: TypeError: aws_sns_topic.one: the key 1 is no'),
        ("aset", "E332", "TypeError: aws_sns_topic.one: {'a'} is of type set, which Terraform"),
        ("adate", "E332", "datetime.date(2026, 1, 1) is of type date"),
        ("outputs", "E332", "TypeError: output.one: {1} is of type set"),
        ("trusting", "E332", "TypeError: A: {'x'} is of type set"),
        ("same", "E332", "aws/shared/one: two that differ are called aws_iam_role.one"),
        ("spaced", "E332", "aws/shared/one: aws_iam_role.q q: a name in Terraform"),
        ("parts", "E332", "aws/shared/one: two that differ are called aws_iam_role.own"),
        ("outputtwice", "E332", "aws/shared/one: two that differ are called output.one"),
        ("twice", "E332", 'the kind "twice" failed: HalfGrantError: '),
        ("empty", "E332", 'the kind "empty" failed: ValueError: WorkerSends: the condition'),
    ],
)
def test_a_defect_of_a_kind_is_told_of_the_component(
    name: str, code: str, why: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point(name, f"{package}:{name.upper()}")])
    component = f"  one: {{kind: {name}, account: shared}}\n"
    (diagnostic,) = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert (diagnostic.code, str(diagnostic.span)) == (code, "blueprint.yaml:9:3")
    assert why in diagnostic.message


def test_a_kind_whose_stacks_wait_for_each_other(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("circle", f"{package}:CIRCLE")])
    component = "  one: {kind: circle, account: shared, accounts: [shared, training]}\n"
    (diagnostic,) = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert (diagnostic.code, str(diagnostic.span)) == ("E406", "blueprint.yaml:9:3")
    assert "aws/shared/one → aws/training/one → aws/shared/one" in diagnostic.message


def test_a_kind_that_grants_once_compiles(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("once", f"{package}:ONCE"), point("many", f"{package}:MANY")])
    component = "  one: {kind: once, account: shared}\n"
    compilation = compiled(tmp_path, monkeypatch, found, component)
    assert [d.code for d in compilation.diagnostics if d.severity == "error"] == []
    assert set(found.kinds) == {"once", "many"}


def test_the_same_twice_is_there_once(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two parts of a kind both need a data source."""
    found = load([point("again", f"{package}:AGAIN")])
    component = "  one: {kind: again, account: shared}\n"
    assert compiled(tmp_path, monkeypatch, found, component).diagnostics == ()


def test_who_pulls_images_enters_the_registry(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("pulling", f"{package}:PULLING")])
    component = "  one: {kind: pulling, account: shared}\n"
    (one,) = compiled(tmp_path, monkeypatch, found, component).blueprints
    actions = {edge.id: edge.actions for edge in one.edges}
    assert actions["one/w-enters-registry"] == ("ecr:GetAuthorizationToken",)


def test_a_kind_that_grants_in_each_of_several_accounts(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author need not think of `for_each`: ids in the ledger end in the account's name."""
    found = load([point("each", f"{package}:EACH")])
    component = '  one: {kind: each, for_each: {accounts: "**"}}\n'
    compilation = compiled(tmp_path, monkeypatch, found, component)
    assert [d for d in compilation.diagnostics if d.severity == "error"] == []
    (made,) = compilation.blueprints
    assert [edge.id for edge in made.edges] == [
        "one/worker-sends-shared", "one/worker-sends-training",
    ]  # fmt: skip
    assert [right.id for right in made.rights] == [
        "one/lambda-becomes-worker-shared", "one/lambda-becomes-worker-training",
    ]  # fmt: skip


def test_ctrl_c_in_a_kind_is_not_swallowed(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: EntryPoint) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(EntryPoint, "load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load([point("right", f"{package}:RIGHT")])


def test_a_kind_with_the_name_of_a_built_in_one(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("ml-pipeline", f"{package}:BUILT_IN")])
    component = "  one: {kind: ml-pipeline, when: false, shared: shared}\n"
    diagnostics = compiled(tmp_path, monkeypatch, found, component).diagnostics
    assert [d.code for d in diagnostics] == ["E331"]


# -------------------------------------------------------------------- constructs


def test_texts_of_constructs_are_templates() -> None:
    assert constructs.value({"a": ["${x.y.z}", "$5", "%{ if }"]}) == {
        "a": [Expression("${x.y.z}"), "$5", Expression("%{ if }")]
    }


def test_a_policy_of_a_construct_is_written_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        "//": {"metadata": {}},
        "resource": {
            "aws_sns_topic_policy": {
                "own": {
                    "arn": "${aws_sns_topic.own.arn}",
                    "policy": '{"Statement": [{"Resource": "${aws_sns_topic.own.arn}"}]}',
                    "depends_on": ["aws_sns_topic.own"],
                    "//": {"metadata": {"path": "x"}},
                }
            }
        },
    }
    draft = _Draft()
    monkeypatch.setattr(constructs, "constructed", lambda build: made)
    addresses = constructs.add_constructs(draft, None, lambda stack: None)  # type: ignore[arg-type]
    assert addresses == ("aws_sns_topic_policy.own",)
    arguments, options = draft.added[0]
    policy = arguments["policy"]
    assert policy == JsonText({"Statement": [{"Resource": Expression("${aws_sns_topic.own.arn}")}]})
    assert options["depends_on"] == ["aws_sns_topic.own"]


@pytest.mark.parametrize("section", ["provider", "terraform", "module", "variable"])
def test_constructs_make_nothing_that_is_landforms(
    section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constructs, "constructed", lambda build: {section: {}})
    with pytest.raises(constructs.ConstructError, match=section):
        constructs.add_constructs(_Draft(), None, lambda stack: None)  # type: ignore[arg-type]


class _Draft:
    def __init__(self) -> None:
        self.added: list[tuple[dict[str, object], dict[str, object]]] = []

    def add(
        self, home: object, type_: str, name: str, arguments: dict[str, object], **options: object
    ) -> str:
        self.added.append((arguments, options))
        return f"{type_}.{name}"
