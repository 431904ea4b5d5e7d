// What is said of what is selected.

function showDetails(model, target) {
  const made = {
    stack: stackDetails, home: homeDetails, link: linkDetails, cell: cellDetails,
  }[target?.type] ?? overview;
  const panel = byId("details");
  panel.replaceChildren(...made(target ?? model).flat(Infinity).filter(Boolean));
  panel.scrollTop = 0;
}

function titleOf({ organizations }) {
  return organizations.length > 2 ? `${organizations.length} organisations` : organizations.map((each) => each.name).join(", ");
}

function overview(model) {
  const applied = model.stacks.filter((stack) => stack.wave !== null);
  const bar = (label, number, mark, query) => element("li", {}, element(
    "button", { type: "button", class: "lead", onclick: () => searchFor(query) },
    mark, element("span", {}, label), element("small", {}, counted(number, "stack")),
  ));
  const kinds = model.kinds.map((kind, place) => {
    const dot = element("i", { class: `dot k${place % KIND_COLOURS}`, "aria-hidden": "true" });
    return bar(kind, model.stacks.filter((stack) => stack.kind === kind).length, dot, `kind:${kind}`);
  });
  const numbers = [...new Set(applied.map((stack) => stack.wave))].sort((a, b) => a - b);
  const waves = numbers.map((wave) => bar(`wave ${wave}`, applied.filter((stack) => stack.wave === wave).length, "", `wave:${wave}`));
  return [
    element("h2", {}, titleOf(model)),
    element("p", {}, `${counted(applied.length, "stack")} with ${counted(applied.reduce((sum, stack) => sum + managed(stack).length, 0), "resource")}. `
      + "Select a stack, an account or a line to see what is in it."),
    ...changedCounts(model, bar),
    element("h3", {}, "Kinds"), element("ul", { class: "plain" }, kinds),
    element("h3", {}, "Waves"),
    element("p", { class: "note" }, "Stacks of one wave can be applied at the same time, after those of the waves before."),
    element("ul", { class: "plain" }, waves),
  ];
}

function changedCounts(model, bar) {
  if (!model.organizations.some((each) => each.since)) return [];
  const made = ["added", "changed", "removed"].map((status) => {
    const number = model.stacks.filter((stack) => stack.status === status).length;
    return number ? bar(status, number, element("b", { class: status }, SIGNS[status]), `status:${status}`) : null;
  });
  const shown = made.filter(Boolean);
  return section("Changes", shown.length ? element("ul", { class: "plain" }, shown) : element("p", {}, "No stack differs."));
}

function managed(stack) {
  return stack.resources.filter((address) => !address.startsWith("data."));
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return element("dl", { class: "facts" }, shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function stackDetails(stack) {
  const { home } = stack;
  const outgoing = stack.grants.filter((grant) => grant.source === stack);
  const incoming = stack.grants.filter((grant) => grant.source !== stack);
  return [
    element("p", { class: "over" }, stack.kind),
    element("h2", {}, stack.path),
    stack.status === "same" ? null : element("p", { class: `status ${stack.status}` }, `${SIGNS[stack.status]} ${stack.status}`),
    facts([
      [home.cloud === "aws" ? "Account" : "Project", leadsTo(home.name, home, home.id)],
      ["Unit", home.unit || NOWHERE],
      ["Was", stack.origin ? code(stack.origin) : ""],
      ["Region", stack.region],
      ["Wave", stack.wave === null ? "none: it is gone" : `${stack.wave}`],
      ["Declared", stack.declared ? code(stack.declared) : ""],
    ]),
    ...changedParts(stack),
    ...neighbours("Applied after", stack.before),
    ...neighbours("Applied before", stack.after),
    ...section(`Resources (${managed(stack).length})`, resourceList(stack)),
    ...grantSection("Has access to", outgoing, (grant) => grant.targets.find((each) => each !== stack) ?? null, "inside this stack, or without a stack"),
    ...grantSection("Gives access to", incoming, (grant) => grant.source, "people, and principals without a stack"),
  ];
}

function section(title, ...content) {
  return [element("h3", {}, title), ...content];
}

function neighbours(title, stacks) {
  if (!stacks.length) return [];
  return section(`${title} (${stacks.length})`, longList(stacks, (stack) => leadsTo(stack.path, stack, stack.kind), 12));
}

function changedParts(stack) {
  const { touched } = stack;
  if (!touched.length) return [];
  return section(`Changes (${touched.length})`, longList(touched, ([address, status, parts, notes]) => element(
    "div", { class: "part" },
    element("div", { class: "head" }, element("b", { class: status, title: status }, SIGNS[status]), code(address)),
    notes.map((note) => element("p", {}, element("mark", {}, note))),
    parts.length ? element("ul", {}, parts.slice(0, 20).map((path) => element("li", {}, code(path)))) : "",
    parts.length > 20 ? element("small", {}, `and ${parts.length - 20} more`) : "",
  )));
}

// Resources by type: there are up to a hundred in a stack.
function resourceList(stack) {
  const types = new Map();
  for (const address of stack.resources) {
    const [type, name] = address.split(/\.(?=[^.]+$)/);
    types.set(type, [...(types.get(type) ?? []), name]);
  }
  return element("ul", { class: "plain resources" }, [...types].map(([type, names]) => element(
    "li", {}, element("code", {}, type), element("span", {}, names.join(", ")),
  )));
}

function homeDetails(home) {
  return [
    element("p", { class: "over" }, home.cloud === "aws" ? "AWS account" : "Google Cloud project"),
    element("h2", {}, home.name),
    facts([["Id", home.id], ["Unit", home.unit || NOWHERE], ["Organisation", home.organization.name]]),
    ...section(`Stacks (${home.stacks.length})`, longList(home.stacks, (stack) => leadsTo(stack.sign + stack.component, stack, stack.kind))),
    ...grantSection("Has access to", home.own.filter((grant) => grant.home !== home), (grant) => grant.home, ""),
    ...grantSection("Gives access to", home.given.filter((grant) => grant.own !== home), (grant) => grant.own, "people and others outside of the blueprint"),
  ];
}

function linkDetails(link) {
  const words = link.sort === "order" ? "is applied before" : "has access to";
  return [
    element("p", { class: "over" }, words),
    element("h2", {}, `${link.source.path} → ${link.target.path}`),
    facts([
      ["From", leadsTo(link.source.path, link.source, link.source.kind)],
      ["To", leadsTo(link.target.path, link.target, link.target.kind)],
    ]),
    link.sort === "order" ? element("p", {}, "The second waits for the first: it is of a later wave.") : null,
    ...(link.grants.length ? section(`Grants (${link.grants.length})`, longList(link.grants, grantItem)) : []),
  ];
}

function cellDetails(cell) {
  return [
    element("p", { class: "over" }, "has access to"),
    element("h2", {}, `${cell.from} → ${cell.to}`),
    ...(cell.changes.length ? section(`Changes (${cell.changes.length})`, longList(cell.changes, changedAccess)) : []),
    ...section(`Grants (${cell.grants.length})`, longList(cell.grants, grantItem)),
  ];
}

// Grants by whom they join this with; `otherwise` is what the rest is called.
function grantSection(title, grants, other, otherwise) {
  if (!grants.length) return [];
  const groups = new Map();
  for (const grant of grants) groups.set(other(grant), [...(groups.get(other(grant)) ?? []), grant]);
  const sorted = [...groups].sort(([a], [b]) => (a === null) - (b === null) || compare(a?.key ?? "", b?.key ?? ""));
  return section(`${title} (${grants.length})`, sorted.map(([target, several]) => {
    const label = target ? target.path ?? target.label : otherwise;
    const heading = element("summary", {}, element("span", {}, label), element("small", {}, counted(several.length, "grant")));
    const box = element("details", { class: "group" }, heading);
    // Made when it is opened: a hub has thousands.
    box.addEventListener("toggle", () => {
      if (!box.open || box.childElementCount > 1) return;
      if (target) box.append(leadsTo(`Go to ${label}`, target));
      box.append(longList(several, grantItem));
    });
    return box;
  }));
}

function shortened(text) {
  const google = text.match(/^\/\/[^/]+\/(.*)$/);
  if (google) return google[1];
  return text.replace(/^arn:[^:]*:([^:]*):[^:]*:\d*:/, "$1 ");
}

function grantItem(grant) {
  const { id, principal, actions, resource, condition, statements } = grant.words;
  const head = element("summary", {}, element("span", {}, shortened(principal).replace(/^iam role\//, "")), " ",
    element("code", {}, actions.slice(0, 3).join(", ") + (actions.length > 3 ? ` and ${actions.length - 3} more` : "")), " ",
    element("span", { class: "quiet" }, shortened(resource)));
  const box = element("details", { class: "grant" }, head);
  box.addEventListener("toggle", () => {
    if (!box.open || box.childElementCount > 1) return;
    box.append(facts([
      ["Grant", code(id)],
      ["Who", code(principal)],
      ["May", code(actions.join(", "))],
      ["On", code(resource)],
      ["If", condition ? code(condition) : ""],
    ]), element("ul", { class: "plain" }, statements.map(([stack, address, side, sid]) => {
      const target = grant.organization.byPath.get(stack);
      return element("li", {}, element("b", {}, side), " ", element("code", {}, `${address} ${sid}`.trim()), " ",
        target ? leadsTo(stack, target) : stack);
    })));
  });
  return box;
}

function showChanges(model, container) {
  const blocks = model.organizations.filter((each) => each.since).flatMap((organization) => {
    const order = ["removed", "added", "changed"];
    const stacks = organization.stacks.filter((stack) => stack.status !== "same");
    stacks.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || compare(a.path, b.path));
    const access = organization.changes;
    return [
      element("h2", {}, `${organization.name} since ${organization.since}`),
      element("h3", {}, `Stacks (${stacks.length})`),
      stacks.length ? longList(alike(stacks), changedStacks, 100) : element("p", {}, "No stack differs."),
      element("h3", {}, `Access (${access.length})`),
      access.length ? longList(access, changedAccess, 100) : element("p", {}, "Nobody can do more or less."),
    ];
  });
  container.replaceChildren(...blocks);
}

// Lists of stacks: those of one kind in which the same changed are one. Their patterns are the same then.
function alike(stacks) {
  const groups = new Map();
  for (const stack of stacks) {
    const key = stack.status === "changed" ? `${stack.organization.name} ${stack.kind} ${stack.row[9]}` : stack.key;
    groups.set(key, [...(groups.get(key) ?? []), stack]);
  }
  return [...groups.values()].flatMap((group) => (group.length > 3 ? [group] : group.map((stack) => [stack])));
}

function changedStacks(stacks) {
  const [stack] = stacks;
  const badge = element("b", { class: `badge ${stack.status}` }, `${SIGNS[stack.status]} ${stack.status}`);
  const parts = stack.touched.length ? counted(stack.touched.length, "part") : "";
  if (stacks.length === 1) {
    return element("div", { class: "change" }, badge, leadsTo(stack.path, stack, [stack.kind, parts].filter(Boolean).join(", ")));
  }
  const summary = element("summary", {}, badge, " ", `${counted(stacks.length, "stack")} of ${stack.kind}, the same in each `,
    element("small", {}, parts));
  const box = element("details", { class: "change" }, summary);
  box.addEventListener("toggle", () => {
    if (!box.open || box.childElementCount > 1) return;
    box.append(...changedParts(stack), element("h3", {}, `Stacks (${stacks.length})`), longList(stacks, (each) => leadsTo(each.path, each)));
  });
  return box;
}

function changedAccess(change) {
  const marks = change.marks.map((mark) => element("mark", {}, mark));
  return element("div", { class: "change" }, element("b", { class: `badge ${change.more ? "added" : "removed"}` }, change.kind), " ", ...marks,
    element("div", {}, code(change.principal), change.from ? ` (${change.from})` : ""),
    element("div", {}, "may ", element("code", {}, change.actions.slice(0, 12).join(", ")
      + (change.actions.length > 12 ? ` and ${change.actions.length - 12} more` : ""))),
    element("div", {}, "on ", code(change.resource), change.to ? ` (${change.to})` : ""),
    element("div", { class: "through" }, change.stacks.map((stack) => leadsTo(stack.path, stack))));
}
