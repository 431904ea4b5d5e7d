"""The order of the passes: load → parse → resolve → build → check → synth → tree.

Takes a path, gives what each blueprint compiles to as a tree of files in memory, with every
diagnostic on the way. Reads the blueprint's files and nothing else; writes nothing (`compiler.tree`
does). A pass that found errors does not stop the others where they can still say something true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from compiler.access.grants import Access
from compiler.access.ledger import Binding, Edge, Entry, Right
from compiler.access.own_rights import own_rights
from compiler.access.proof import gather
from compiler.access.rules.records import Tuning
from compiler.adoption import adopt
from compiler.blueprint.files import Beside, BlueprintFiles, holds_several, read_blueprints
from compiler.blueprint.written import Places, Written
from compiler.blueprint.yaml_merge import merge_documents
from compiler.blueprint.yaml_tree import parse
from compiler.checks import (
    check_access,
    check_bindings,
    check_collisions,
    check_engine,
    check_instances,
    check_needed,
    check_order,
    check_rights,
    check_rules,
    check_schema,
    check_sizes,
    once,
)
from compiler.diagnostics import Diagnostic, Span, has_errors, in_order
from compiler.kinds.available import available, unusable, users, with_users
from compiler.kinds.draft import Draft
from compiler.kinds.installed import installed
from compiler.kinds.neighbours import Neighbours
from compiler.kinds.sharing import pointed, writers
from compiler.manifest import output_tree
from compiler.ordering import sequenced
from compiler.organization.kind import Kind
from compiler.organization.records import Component
from compiler.organization.resolve import World, resolve
from compiler.organization.roots import tombstone
from compiler.printing import Printer
from compiler.renaming import Renaming
from compiler.terraform.document import Json, document
from compiler.terraform.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One checked blueprint: its world, its stacks sorted by path, its ledger, their documents.

    `spans` says for each stack where its component is declared. `idle` are exceptions from rules that
    none of these stacks needs, `kind_files` the files of the team's kinds that parts of them stand in.
    Where `files` are given they are the tree, and the stacks have nothing but what stands beside their
    resources: `compiler.streaming` makes such. A `partial` one lacks stacks, of which nothing is said.
    """

    world: World
    stacks: tuple[Stack, ...]
    edges: tuple[Edge, ...]
    bindings: tuple[Binding, ...]
    rights: tuple[Right, ...]
    documents: Mapping[str, Mapping[str, Json]]
    spans: Mapping[str, Span]
    printer: Printer = field(default_factory=Printer)
    idle: tuple[Tuning, ...] = ()
    kind_files: frozenset[str] = frozenset()
    files: Mapping[str, bytes] | None = None
    partial: bool = False

    @property
    def organization(self) -> str:
        """The organisation's name: the folder below the output folder."""
        return self.world.organization.name

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The whole ledger: what policies allow, bindings of Google, and access beside both."""
        return (*self.edges, *self.bindings, *self.rights)

    def tree(self) -> Mapping[str, bytes]:
        """Every file of the organisation's folder; puts the stacks through CDKTF."""
        if self.files is not None:
            return self.files
        texts = self.printer.texts(self.documents)
        return output_tree(self.organization, self.stacks, self.entries, texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Everything that one run found. `sources` are the files read, whole, by the path shown.

    `read` are the blueprints as they were read; `several` says that they are all of a folder that may
    hold several.
    """

    blueprints: tuple[Compiled, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    read: tuple[BlueprintFiles, ...] = ()
    several: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the output is a function of `read` and of Landform alone: without installed kinds,
        whose code may change, and without `removed`, which asks what stands in the output folder.
        """
        environment = installed()
        return not (
            self.diagnostics
            or environment.kinds
            or environment.failures
            or any(one.world.removed for one in self.blueprints)
        )


Found = tuple[Diagnostic, ...]
# Compiles a blueprint's world with its kinds and the files beside it.
Maker = Callable[[World, Mapping[str, Kind], Beside], tuple[Compiled, Found]]


def compile_blueprints(path: Path, maker: Maker | None = None) -> Compilation:
    """Compile the blueprint at `path`, or each of the several in that folder.

    `maker` is `build`, or does the same in another way.
    """
    read, found = read_blueprints(path)
    diagnostics = list(found)
    unread = [d.span.path for d in found if d.span]
    compiled: list[Compiled] = []
    first: dict[str, Span] = {}
    for files in read:
        own = f"{files.path}/kinds/"
        lost = [path for path in unread if path.startswith(own)]
        one, found = _compile(files, lost, maker or build)
        diagnostics += found
        if one is None:
            continue
        span, name = one.world.span, one.organization
        if name in first:
            diagnostics.append(
                Diagnostic(
                    code="E317",
                    message=f'the organisation "{name}" has two blueprints',
                    span=span,
                    hint="rename one of them, or join both in a folder with a landform.yaml",
                    related=(("the other", first[name]),),
                )
            )
        first.setdefault(name, span)
        compiled.append(one)
    sources = {
        source.path: source.text
        for files in read
        for source in (*files.files, *files.kinds, *files.beside.sources)
    }
    return Compilation(
        blueprints=tuple(compiled),
        diagnostics=in_order(diagnostics),
        sources=sources,
        read=read,
        several=holds_several(path),
    )


def _compile(
    files: BlueprintFiles, unread: Iterable[str], maker: Maker
) -> tuple[Compiled | None, Found]:
    """One blueprint; `unread` are the paths of its kinds that could not be read."""
    diagnostics: list[Diagnostic] = []
    trees = []
    for source in files.files:
        tree, found = parse(source.text, source.path)
        diagnostics += found
        if tree is not None:
            trees.append((source.path, tree))
    kinds, wrong = available(files.kinds, unread=unread)
    # A file that could not be read may hold what the others refer to: blame nothing on its absence.
    if not trees or has_errors(diagnostics):
        return None, (*diagnostics, *wrong)
    root, found = merge_documents(trees)
    diagnostics += found
    by = users(root)
    diagnostics += (*with_users(wrong, by), *unusable(by))
    world, found = resolve(root, kinds)
    if world is None or has_errors(diagnostics):
        return None, (*diagnostics, *found)
    diagnostics += found
    if has_errors(diagnostics):
        return None, (*diagnostics, *_of_the_sound(world, kinds, files.beside))
    compiled, found = maker(world, kinds, files.beside)
    diagnostics += found
    return (None if has_errors(diagnostics) else compiled), tuple(diagnostics)


def _of_the_sound(world: World, kinds: Mapping[str, Kind], beside: Beside) -> Iterator[Diagnostic]:
    """What their kinds find in those components that can be read, where others cannot."""
    among = Among.of(world.components, world.unsound)
    for component in world.components:
        among.neighbours.guessed = False
        found = drafted(component, world, among, kinds, beside).diagnostics
        if not among.neighbours.guessed:
            yield from found


@dataclass(frozen=True, slots=True)
class Among:
    """All components of a blueprint, as one of them sees the others."""

    neighbours: Neighbours
    renaming: Renaming

    @classmethod
    def of(cls, components: Sequence[Component], unsound: frozenset[str] = frozenset()) -> Among:
        """These, and the names of those that have errors."""
        return cls(Neighbours.of(components, unsound), Renaming.of(components))


def build(
    world: World,
    kinds: Mapping[str, Kind],
    beside: Beside | None = None,
    printer: Printer | None = None,
    among: Among | None = None,
    drafts: Sequence[Draft] = (),
) -> tuple[Compiled, Found]:
    """Every component's stacks, checked against each other and against the providers' schemas.

    `among` are all components of the blueprint, where `world` has only a part of them; `drafts` are
    the components' own, where somebody has made them already.
    """
    whole = among is None
    among = among or Among.of(world.components)
    diagnostics, stacks = list[Diagnostic](), list[Stack]()
    spans: dict[str, Span] = {}
    beside = beside or Beside(Path())
    written: dict[tuple[str, str], Written] = {}
    renaming = among.renaming
    drafts = drafts or [drafted(each, world, among, kinds, beside) for each in world.components]
    access = _granted(drafts)
    for draft, component in zip(drafts, world.components, strict=True):
        made = renaming.finished(draft, component, access)
        diagnostics += draft.diagnostics
        stacks += made
        spans.update((stack.path, draft.component.span) for stack in made)
        written |= draft.written
    edges = renaming.entries(access.edges())
    bindings = renaming.entries(bound.entry for draft in drafts for bound in draft.bindings)
    diagnostics += check_instances(stacks, spans)
    stacks, found = adopt(_sound(drafts, world.components), stacks)
    diagnostics += (*found, *_refuse_living(world, stacks, spans))
    for path in world.removed:
        if path not in spans:
            stacks.append(tombstone(world.organization, path))
            spans[path] = world.removed[path]
    ordered = tuple(sorted(sequenced(stacks), key=lambda stack: stack.path))
    documents = {stack.path: document(stack) for stack in ordered}
    rights = (
        *renaming.entries(right for draft in drafts for right in draft.rights),
        *own_rights(documents, drafts, world.organization.accounts),
    )
    compiled = Compiled(
        world=world,
        stacks=ordered,
        edges=edges,
        bindings=bindings,
        rights=rights,
        documents=documents,
        spans=spans,
        printer=printer or Printer(),
        kind_files=frozenset(part.span.path for part in written.values()),
    )
    if not has_errors(diagnostics):
        checked, idle = _check(compiled, Places(spans, written))
        diagnostics += checked
        diagnostics += check_needed(idle if whole else (), world.exceptions)
        compiled = replace(compiled, idle=idle)
    return compiled, tuple(once(diagnostics, compiled.kind_files))


def _granted(drafts: Sequence[Draft]) -> Access:
    """Every grant of these, written."""
    access = Access()
    writer = writers(repository for draft in drafts for repository in draft.repositories)
    access.add(pointed((grant for draft in drafts for grant in draft.grants), writer))
    return access


def _check(made: Compiled, places: Places) -> tuple[list[Diagnostic], tuple[Tuning, ...]]:
    """What is wrong with these stacks, and the exceptions from rules that none of them needs."""
    world, documents, diagnostics = made.world, made.documents, list[Diagnostic]()
    # What is known was checked before, by itself: nothing about it depends on another stack.
    new = made.printer.begin(documents)
    diagnostics += check_order(made.stacks, made.spans)
    diagnostics += check_collisions(made.stacks, made.spans)
    diagnostics += check_schema((s for s in made.stacks if s.path in new), documents, places)
    diagnostics += check_sizes(made.stacks, made.spans)
    diagnostics += check_engine({path: documents[path] for path in new}, places)
    sound = not has_errors(diagnostics)
    policies = gather(documents, made.edges, world.organization.aws_id) if sound else None
    broken, idle = check_rules(documents, policies, world.exceptions, places)
    diagnostics += broken
    if policies is not None and not has_errors(diagnostics):
        diagnostics += check_access(documents, policies, made.edges, places)
    if not has_errors(diagnostics):
        diagnostics += check_bindings(documents, made.bindings, places)
        diagnostics += check_rights(documents, made.rights, places)
    return diagnostics, idle


def drafted(
    component: Component,
    world: World,
    among: Among,
    kinds: Mapping[str, Kind],
    beside: Beside,
) -> Draft:
    """The component as its kind declares it, before any grant is written; under its former name."""
    draft = Draft(component.unrenamed, world.organization, among.neighbours, beside=beside)
    kinds[component.kind].build(draft)
    return draft


def _sound(drafts: Sequence[Draft], components: Sequence[Component]) -> list[Component]:
    """The components that could be built: what the others lack is not told again of what they adopt."""
    both = zip(drafts, components, strict=True)
    return [component for draft, component in both if not has_errors(draft.diagnostics)]


def _refuse_living(
    world: World, stacks: Iterable[Stack], spans: Mapping[str, Span]
) -> Iterator[Diagnostic]:
    """Stacks to be destroyed that a component makes, or whose state one has that was renamed."""
    holders = {path: stack.path for stack in stacks for path in (stack.state, stack.path)}
    for path, span in world.removed.items():
        if path in holders:
            own = holders[path]
            what = "a component still makes it" if own == path else f'its state is that of "{own}"'
            yield Diagnostic(
                code="E602",
                message=f'"{path}" is listed under removed, but {what}',
                span=span,
                hint="take the line out, or remove the component",
                related=(("the component", spans[own]),),
            )
