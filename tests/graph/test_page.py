"""The page in a real browser: what a person sees, clicks and types.

Needs Chromium: `apt-get install chromium`, or another place in LANDFORM_CHROMIUM. `.ci/run` installs it.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.organisation import blueprint
from compiler.compilation import compile_blueprints
from compiler.graph.html import LIBRARY, as_html
from compiler.graph.links import links
from compiler.graph.model import graph_of
from compiler.graph.records import Graph, Touched, principal_home, resource_home
from tests.graph.browser import Browser, Page, found, running
from tests.graph.support import ROOT, acme, binding, edge, graph, package, stack
from tests.graph.test_model import CHANGED

# A real browser.
pytestmark = pytest.mark.rig

Open = Callable[..., Page]
MINUS = "\N{MINUS SIGN}"
MEBIBYTE = 1 << 20
SECONDS = 2.0
# One measure may meet another process of this machine.
TRIES = 5
AXE = "axe-core@4.14.1"
# The vendored version, and the digest of its minified file.
CYTOSCAPE = ("3.34.4", "081591ab735b2b6a3b31a3c60f8f3a3e2fee8c92939e0c7820ad1208571b6cd8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(found(), tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of graphs; at the end nothing may have gone wrong in it, or been asked for."""
    pages: list[Page] = []

    def show(*graphs: Graph, fragment: str = "", theme: str = "light", width: int = 1440) -> Page:
        path = tmp_path / f"graph-{len(pages)}.html"
        path.write_text(as_html(graphs), encoding="utf-8")
        page = browser.page(width)
        pages.append(page)
        page.prefer(theme)
        page.open(path, fragment)
        return page

    yield show
    for page in pages:
        assert page.events("Runtime.exceptionThrown") == []
        assert page.events("Runtime.consoleAPICalled") == []
        assert page.events("Log.entryAdded") == []
        asked = [each["request"]["url"] for each in page.events("Network.requestWillBeSent")]
        assert [re.sub("#.*", "", url)[:5] for url in asked] == ["file:"]
        page.call("Page.close")


def texts(page: Page, selector: str) -> list[str]:
    """What each of these elements that is shown says."""
    until = time.monotonic() + 1
    while True:
        found: list[str] = page.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".filter(each => each.checkVisibility()).map(each => each.innerText.trim())"
        )
        # A row that comes into view says nothing until the browser draws it (`content-visibility`).
        if all(found) or time.monotonic() > until:
            return [" ".join(text.split()) for text in found]


def drawn(page: Page, key: str) -> tuple[float, float]:
    """Where the middle of a stack or a line is on the screen."""
    found: list[float] = page.evaluate(
        "(() => { const canvas = document.getElementById('canvas');"
        f"const one = canvas._cyreg.cy.getElementById({json.dumps(key)});"
        "const at = one.isNode() ? one.renderedPosition() : one.renderedMidpoint();"
        "const box = canvas.getBoundingClientRect(); return [box.x + at.x, box.y + at.y]; })()"
    )
    return found[0], found[1]


# ---- In it


def test_every_stack_and_its_resources_are_there(opened: Open) -> None:
    page = opened(acme())
    assert page.text("#counts").startswith("28 stacks · 10 accounts and projects · ")
    assert len(texts(page, ".row.stack")) == len(acme().stacks)
    for each in acme().stacks:
        page.evaluate(f"location.hash = 'stack=acme/{each.path}'")
        page.wait(f"document.querySelector('#details h2').innerText === {json.dumps(each.path)}")
        said = page.text("#details")
        assert each.kind in said
        assert acme().homes[each.home].id in said
        assert f"Resources ({each.size})" in said
        listed = set()
        for line in texts(page, ".resources li"):
            kind, *names = re.split(r",? ", line)
            listed |= {f"{kind}.{name}" for name in names}
        assert listed == set(each.resources)
        for path in each.depends_on:
            assert path in said


def test_stacks_stand_below_their_unit_and_account(opened: Open) -> None:
    page = opened(acme())
    rows = texts(page, ".row")
    place = rows.index("workloads/prod")
    assert rows[place + 1 : place + 3] == ["production aws", "baseline wave 1"]
    assert rows[0] == "(in no unit)"


def test_a_click_on_a_stack_says_what_is_in_it(opened: Open) -> None:
    page = opened(acme())
    page.click(*drawn(page, "acme/aws/shared/churn"))
    assert page.text("#details h2") == "aws/shared/churn"
    assert texts(page, ".row[aria-selected=true]") == ["churn wave 3"]
    assert "stack=acme%2Faws%2Fshared%2Fchurn" in page.evaluate("location.hash")
    # Beside it nothing is selected any more.
    page.click_on("#canvas")
    page.press("Escape")
    assert page.text("#details h2") == "acme"


def test_a_click_on_a_line_says_which_grants_it_stands_for(opened: Open) -> None:
    training, shared = "aws/training/churn", "aws/shared/churn"
    only = replace(
        acme(),
        stacks=tuple(each for each in acme().stacks if each.path in (training, shared)),
        entries=tuple(each for each in acme().entries if each.component == "churn"),
    )
    page = opened(only)
    (link,) = [each for each in links(only) if each.source == training and each.grants]
    page.click(*drawn(page, f"access|acme/{training}|acme/{shared}"))
    assert page.text("#details h2") == f"{training} → {shared}"
    assert f"Grants ({len(link.grants)})" in page.text("#details")
    page.click_on("#details .grant summary")
    page.wait("document.querySelector('#details .grant .facts') !== null")
    assert any(grant in page.text("#details .grant") for grant in link.grants)
    assert "aws_iam_role_policy." in page.text("#details .grant")


def test_search_narrows_list_and_drawing(opened: Open) -> None:
    page = opened(acme())
    page.press("/")
    page.write("kind:model-hub Shared")
    assert page.text("#found") == "1 of 28 stacks"
    assert texts(page, ".row") == ["platform", "shared aws", "models wave 1"]
    dim = "document.getElementById('canvas')._cyreg.cy.nodes('.stack.dim').length"
    assert page.evaluate(dim) == 27
    page.press("Enter")
    assert page.text("#details h2") == "aws/shared/models"
    page.press("Escape", "Escape")
    assert page.text("#details h2") == "acme"
    assert page.evaluate(dim) == 0
    assert len(texts(page, ".row.stack")) == 28


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        (
            "wave:3",
            {
                "aws/shared/catalog",
                "aws/shared/churn",
                "aws/shared/fraud",
                "google/artifacts/gke",
                "google/data/gke",
            },
        ),
        ("444444444444 churn", {"aws/production-us/churn"}),
        ("aws_eks_cluster", {"aws/production/serve"}),
        ("unit:prod kind:model", {"aws/production/models", "aws/production/serve"}),
        ("status:changed", set()),
        ("nothing-like-it", set()),
    ],
)
def test_searches(opened: Open, query: str, paths: set[str]) -> None:
    page = opened(acme(), fragment=f"#q={query.replace(' ', '+')}")
    shown = page.evaluate(
        "document.getElementById('canvas')._cyreg.cy.nodes('.stack').not('.dim').map(n => n.id())"
    )
    assert {key.removeprefix("acme/") for key in shown} == paths
    assert page.evaluate("document.getElementById('nothing').checkVisibility()") == (not paths)


def test_the_matrix_counts_the_grants(opened: Open) -> None:
    count: dict[tuple[str, str], int] = {}
    for entry in acme().entries:
        pair = tuple(
            key if key in acme().homes else "outside"
            for key in (principal_home(entry), resource_home(entry))
        )
        if pair[0] != pair[1]:
            count[pair[0] or "", pair[1] or ""] = count.get((pair[0] or "", pair[1] or ""), 0) + 1
    page = opened(acme(), fragment="#tab=access")
    shown = page.evaluate(
        "(() => { const heads = [...document.querySelectorAll('.matrix thead th')].map(e => e.textContent);"
        "return [...document.querySelectorAll('.matrix tbody tr')].flatMap(row =>"
        "[...row.querySelectorAll('td')].map((cell, n) => [row.querySelector('th').textContent, heads[n],"
        "cell.textContent])).filter(each => each[2]); })()"
    )
    assert {(source, target): int(number) for source, target, number in shown} == count
    page.click_on('.matrix button[title^="aws/training on aws/shared"]')
    assert page.text("#details h2") == "aws/training → aws/shared"
    assert f"Grants ({count['aws/training', 'aws/shared']})" in page.text("#details")
    page.press("/")
    page.write("kms:decrypt")
    page.wait("document.getElementById('matrix-note').innerText.includes('grant')")
    assert 0 < len(texts(page, ".matrix td button")) < len(count)


def test_waves_and_kinds_are_other_arrangements(opened: Open) -> None:
    page = opened(acme())
    boxes = "document.getElementById('canvas')._cyreg.cy.nodes('.box').map(n => n.data('label'))"
    assert {"workloads", "prod", "production"} <= set(page.evaluate(boxes))
    for name, expected in (("wave", ["wave 0", "wave 1", "wave 2", "wave 3"]),):
        page.evaluate(
            f"(() => {{ const one = document.getElementById('arrange'); one.value = '{name}';"
            "one.dispatchEvent(new Event('change')); })()"
        )
        assert page.evaluate(boxes) == expected
    left = [drawn(page, f"acme/{path}")[0] for path in ("aws/shared/baseline", "aws/shared/churn")]
    assert left[0] < left[1]


@pytest.mark.parametrize("name", ["account", "wave", "component"])
def test_no_two_stacks_lie_on_each_other(opened: Open, name: str) -> None:
    page = opened(acme())
    boxes = page.evaluate(
        f"(() => {{ const one = document.getElementById('arrange'); one.value = '{name}';"
        "one.dispatchEvent(new Event('change'));"
        "return document.getElementById('canvas')._cyreg.cy.nodes('.stack').map(n => {"
        "const at = n.position(); return [at.x, at.y, n.width(), n.height()]; }); })()"
    )
    assert len(boxes) == 28
    for number, (x, y, width, height) in enumerate(boxes):
        for other in boxes[:number]:
            apart = abs(x - other[0]) >= width or abs(y - other[1]) >= height
            assert apart


# ---- What changes


def test_changes_are_shown_everywhere(opened: Open) -> None:
    page = opened(CHANGED)
    assert "changes since main" in page.text("#counts")
    assert texts(page, ".row.stack") == [
        "churn wave 1",
        "~ churn wave 0",
        f"{MINUS} fraud gone",
        "+ new wave 0",
    ]
    page.press("3")
    said = texts(page, "#changes .change")
    assert said[:3] == [
        f"{MINUS} removed aws/training/fraud ml-pipeline",
        "+ added aws/training/new ml-pipeline",
        "~ changed aws/training/churn ml-pipeline, 3 parts",
    ]
    assert said[3].startswith(
        "gained cross-account arn:aws:iam::1:role/x (training) may s3:GetObject"
    )
    page.click_on("#changes li:nth-child(3) .lead")
    assert page.text("#details h2") == "aws/training/churn"
    assert "Changes (3)" in page.text("#details")
    assert "aws_s3_bucket.b" in page.text("#details")
    page.press("2")
    assert texts(page, ".matrix td button") == ["1 +1"]
    page.press("/")
    page.write("status:removed")
    assert texts(page, ".row.stack") == [f"{MINUS} fraud gone"]


def test_the_same_change_in_many_stacks_is_told_once(opened: Open) -> None:
    def touched(account: str) -> tuple[Touched, ...]:
        return (
            Touched(address=f"aws_s3_bucket.{account}", status="changed", parts=("tags.owner",)),
        )

    names = [f"team-{number}" for number in range(5)]
    stacks = [
        stack(f"aws/{n}/base", status="changed", touched=touched(n.replace("-", "_")))
        for n in names
    ]
    other = stack("aws/other/base", status="changed", touched=touched("something_else"))
    page = opened(graph(*stacks, other, since="main"), fragment="#tab=changes")
    assert texts(page, "#changes .change") == [
        "~ changed aws/other/base ml-pipeline, 1 part",
        "~ changed 5 stacks of ml-pipeline, the same in each 1 part",
    ]
    page.click_on("#changes details summary")
    page.wait("document.querySelectorAll('#changes details .lead').length === 5")
    assert "tags.owner" in page.text("#changes details")


def test_without_a_revision_there_are_no_changes(opened: Open) -> None:
    page = opened(acme())
    assert texts(page, "[role=tab]") == ["Drawing", "Access"]
    page.press("3")
    assert (
        page.evaluate("document.querySelector('[aria-selected=true][role=tab]').id")
        == "tab-drawing"
    )


# ---- By keyboard, in both themes, on a small screen


def test_all_of_it_by_keyboard(opened: Open) -> None:
    page = opened(acme())
    focus = "document.activeElement.id || document.activeElement.className"
    page.press("/")
    assert page.evaluate(focus) == "search"
    page.press("ArrowDown")
    assert page.text("#details h2") == "aws/sandbox/baseline"
    page.press("ArrowDown", "ArrowDown")
    assert page.text("#details h2") == "aws/management/baseline"
    page.press("ArrowLeft")
    assert page.text("#details .over") == "AWS account"
    page.press("ArrowRight", "End")
    assert page.text("#details h2") == "aws/production-us/churn"
    page.press("Enter")
    assert page.evaluate(focus) == "details"
    page.press("2")
    assert page.evaluate("document.getElementById('matrix').checkVisibility()")
    page.press("1")
    page.evaluate("document.getElementById('canvas').focus()")
    before = page.text("#details h2")
    page.press("ArrowUp")
    assert page.text("#details h2") != before
    assert page.text("#details h2").startswith("aws/production-us/")
    # For those who hear the drawing.
    assert page.text("#said") == "aws/production-us/baseline, account-baseline"
    zoom = "document.getElementById('canvas')._cyreg.cy.zoom()"
    start = page.evaluate(zoom)
    page.press("+")
    assert page.evaluate(zoom) > start
    page.press("-", "-")
    assert page.evaluate(zoom) < start
    page.press("?")
    assert page.evaluate("document.getElementById('keys').open")


def test_the_tab_key_reaches_every_part(opened: Open) -> None:
    page = opened(acme())
    seen = []
    for _ in range(24):
        page.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.role"))
    assert {"skip", "search", "tab-drawing", "theme", "help", "treeitem"} <= set(seen)
    assert {"arrange", "lines", "order", "access", "canvas"} <= set(seen)
    # The list is one stop: arrows go on inside.
    assert seen.count("treeitem") == 1


def test_everything_has_a_name(opened: Open) -> None:
    page = opened(CHANGED, fragment="#tab=access")
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = (
        "button",
        "tab",
        "searchbox",
        "combobox",
        "checkbox",
        "treeitem",
        "application",
        "tree",
    )
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node.get("role", {}).get("value") in roles
    ]
    assert len(named) > 15
    assert [role for role, name in named if not name.strip()] == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rules of WCAG that a program can check."""
    return (package(AXE, tmp_path_factory.mktemp("axe")) / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["stack=acme/aws/training/churn", "tab=access", "tab=changes"])
def test_no_rule_of_accessibility_is_broken(
    opened: Open, axe: str, theme: str, fragment: str
) -> None:
    page = opened(CHANGED, theme=theme, fragment=f"#{fragment}")
    page.evaluate(f"{axe};0")
    broken = page.evaluate(
        "axe.run(document).then(found => found.violations.flatMap(rule =>"
        "rule.nodes.map(node => `${rule.id}: ${node.html}`)))"
    )
    assert broken == []


def luminance(colour: str) -> float:
    """By the formula of WCAG 2.2, from `#rrggbb`."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes_can_be_read(opened: Open, theme: str) -> None:
    page = opened(CHANGED, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    names = [
        "page",
        "surface",
        "box",
        "chosen",
        "text",
        "quiet",
        "focus",
        "added",
        "changed",
        "removed",
    ]
    colours: dict[str, str] = page.evaluate(
        "(() => { const css = getComputedStyle(document.documentElement);"
        f"return Object.fromEntries({json.dumps(names)}.map(n => [n, css.getPropertyValue('--' + n).trim()]));"
        "})()"
    )
    for behind in ("page", "surface", "box"):
        for name in ("text", "quiet", "focus", "added", "changed", "removed"):
            assert contrast(colours[name], colours[behind]) >= 4.5, (name, behind)
    assert contrast(colours["text"], colours["chosen"]) >= 4.5
    dark = luminance(colours["page"]) < 0.2
    assert dark == (theme == "dark")
    # The drawing has the same text colour as the rest.
    label = "document.getElementById('canvas')._cyreg.cy.nodes('.stack')[0].style('color')"
    red, green, blue = (int(n) for n in re.findall(r"\d+", page.evaluate(label))[:3])
    assert f"#{red:02x}{green:02x}{blue:02x}" == colours["text"]


def test_the_theme_can_be_changed(opened: Open) -> None:
    page = opened(acme(), theme="dark")
    page.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.text("#theme") == "Dark"
    painted = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(painted)
    page.click_on("#theme")
    assert page.evaluate(painted) != light


def test_something_is_drawn(opened: Open) -> None:
    page = opened(acme())
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    shades = page.evaluate(
        "(() => { const found = new Set(); for (const each of document.querySelectorAll('#canvas canvas')) {"
        "const { data } = each.getContext('2d').getImageData(0, 0, each.width, each.height);"
        "for (let n = 0; n < data.length; n += 4) if (data[n + 3]) found.add(data.slice(n, n + 3).join());"
        "} return found.size; })()"
    )
    assert shades > 50


def test_a_small_screen_needs_no_scrolling_sideways(opened: Open) -> None:
    page = opened(acme(), width=480)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.press("2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---- What is written into it


def test_a_text_is_never_code(opened: Open) -> None:
    evil = "</script><img src=x onerror=alert(1)><!-- \ue001 @data@ ${x}"
    path = "google/data/gke"
    odd = graph(
        stack(path, resources=(f"aws_x.{evil}",), kind=evil),
        entries=(binding("a", path, f"group:{evil}"), edge(evil, "aws/a/b", "aws/c/d")),
        units={"data": "a<b>c"},
    )
    page = opened(odd, fragment=f"#stack=acme/{path}")
    assert evil in page.text("#details")
    assert page.evaluate("document.images.length") == 0
    assert "a<b>c" in texts(page, ".row")


def test_several_organisations_are_one_page(opened: Open) -> None:
    other = replace(graph(stack("aws/shared/churn", kind="own")), organization="other")
    page = opened(graph(stack("aws/shared/churn")), other)
    assert page.text("#name") == "acme, other"
    assert texts(page, ".row.unit") == ["acme: (in no unit)", "other: (in no unit)"]
    page.evaluate("location.hash = 'stack=other/aws/shared/churn'")
    page.wait("document.querySelector('#details .over')?.innerText === 'own'")


def test_an_organisation_without_stacks(opened: Open) -> None:
    page = opened(graph())
    assert page.text("#counts").startswith("0 stacks")
    page.press("2")
    assert page.text("#matrix") == "No such access."


def test_the_library_is_there_with_its_licence() -> None:
    """As it was published, so that anyone can compare."""
    folder = ROOT / "compiler" / "graph" / "assets" / Path(LIBRARY).parent
    digest = hashlib.sha256((folder / Path(LIBRARY).name).read_bytes()).hexdigest()
    assert digest == CYTOSCAPE[1]
    assert f"cytoscape.js](https://js.cytoscape.org) {CYTOSCAPE[0]} (MIT" in (
        ROOT / "docs" / "graph.md"
    ).read_text(encoding="utf-8")
    licence = (folder / "LICENSE.txt").read_text(encoding="utf-8")
    assert "The above copyright notice and this permission notice shall be included" in licence
    # The page is a copy: it must carry the notice itself.
    text = as_html([graph()])
    assert "Copyright (c) 2016-2026, The Cytoscape Consortium" in text
    assert "permission notice shall be included" in text


def test_the_same_graph_is_the_same_page() -> None:
    assert as_html([acme()]) == as_html([acme()])
    assert not re.findall(r'(?:src|href)="(?!#)', as_html([graph()]).partition("<script>\n/**")[0])


# ---- 1,000 stacks


def quickest(page: Page, path: Path) -> float:
    """The seconds until the page can be used.

    Where other processes keep the machine busy, the clock counts theirs as well. So of both the less: the
    clock, and the time that the page's process had a processor, on all its threads together.
    """
    page.call("Performance.enable")
    least = float("inf")
    for _ in range(TRIES):
        page.call("Page.navigate", url="about:blank")
        before = processor(page)
        clock = page.open(path)
        after = processor(page)
        # Another process may have taken the page over: then its count began with it.
        least = min(least, clock, after - before if after > before else after)
        if least < SECONDS:
            break
    return least


def processor(page: Page) -> float:
    metrics = page.call("Performance.getMetrics")["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "ProcessTime")


@pytest.mark.rig  # too long for the fast tests
def test_a_thousand_stacks(browser: Browser, tmp_path: Path) -> None:
    source, path = tmp_path / "blueprint.yaml", tmp_path / "graph.html"
    source.write_text(blueprint(456), encoding="utf-8")
    (compiled,) = compile_blueprints(source).blueprints
    whole = graph_of(compiled)
    assert len(whole.stacks) > 1000
    path.write_text(as_html([whole]), encoding="utf-8")
    assert path.stat().st_size < 2 * MEBIBYTE
    page = browser.page()
    assert quickest(page, path) < SECONDS

    assert len(_all(page, ".row.stack")) == len(whole.stacks)
    page.press("/")
    page.write("p00077")
    assert page.text("#found") == "3 of 1,005 stacks"
    page.press("Enter")
    assert page.text("#details h2") == "aws/production-00077/p00077"
    page.press("Escape", "Escape")
    page.evaluate("location.hash = 'stack=bench/aws/shared-00010/p00010'")
    page.wait("document.querySelector('#details h2').innerText === 'aws/shared-00010/p00010'")
    page.click(*drawn(page, "bench/aws/shared-00010/h00010"))
    assert page.text("#details h2") == "aws/shared-00010/h00010"
    (hub,) = [each for each in whole.stacks if each.path == "aws/shared-00010/h00010"]
    assert f"Resources ({hub.size})" in page.text("#details")
    page.press("2")
    cells = texts(page, ".matrix td button")
    assert sum(int(cell.replace(",", "")) for cell in cells) > 1000
    assert page.events("Runtime.exceptionThrown") == []


def _all(page: Page, selector: str) -> Sequence[Any]:
    return range(page.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))
