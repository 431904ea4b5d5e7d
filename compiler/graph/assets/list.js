// The list beside the drawing: the same stacks for the keyboard and for screen readers.

class List {
  constructor(model, container) {
    this.container = container;
    this.rows = [];
    const several = model.organizations.length > 1;
    for (const organization of model.organizations) {
      const homes = organization.homes.filter((home) => home.stacks.length);
      homes.sort((a, b) => compare(a.unit, b.unit) || compare(a.label, b.label));
      let unit = null;
      for (const home of homes) {
        if (home.unit !== unit) {
          unit = home.unit;
          const name = several ? `${organization.name}: ${unit || NOWHERE}` : unit || NOWHERE;
          this.add(null, "unit", 1, element("span", {}, name));
        }
        this.add(home, "home", 2, element("span", {}, home.name), element("small", {}, home.cloud));
        for (const stack of home.stacks) {
          const number = model.kinds.indexOf(stack.kind) % KIND_COLOURS;
          const dot = element("i", { class: `dot k${number}`, "aria-hidden": "true" });
          const status = stack.status === "same" ? "" : element("b", { class: stack.status, title: stack.status }, SIGNS[stack.status]);
          const wave = stack.wave === null ? "gone" : `wave ${stack.wave}`;
          this.add(stack, "stack", 3, dot, status, element("span", {}, stack.component), element("small", {}, wave));
        }
      }
    }
    container.append(...this.rows.map((row) => row.node));
    this.byTarget = new Map(this.rows.filter((row) => row.target).map((row) => [row.target, row]));
    this.byNode = new Map(this.rows.map((row) => [row.node, row]));
    this.shown = this.rows;
    this.current = this.rows.find((row) => row.target) ?? null;
    this.current?.node.setAttribute("tabindex", "0");
    container.addEventListener("click", (event) => {
      const row = this.byNode.get(event.target.closest("[role=treeitem]"));
      if (row?.target) this.choose(row);
    });
    container.addEventListener("keydown", (event) => this.key(event));
  }

  add(target, sort, level, ...children) {
    const properties = { role: "treeitem", class: `row ${sort}`, "aria-level": level, tabindex: target ? "-1" : null };
    const node = element("div", { ...properties, "aria-disabled": target ? null : "true" }, ...children);
    this.rows.push({ target, sort, node });
  }

  // Shows only what matches: a set of stacks, or null for all.
  filter(matches) {
    const wanted = (row) => !matches || (row.sort === "stack" ? matches.has(row.target) : false);
    const keep = new Set();
    let [unit, home] = [null, null];
    for (const row of this.rows) {
      if (row.sort === "unit") unit = row;
      else if (row.sort === "home") home = row;
      else if (wanted(row)) [unit, home, row].forEach((each) => keep.add(each));
    }
    for (const row of this.rows) row.node.hidden = !keep.has(row);
    this.shown = this.rows.filter((row) => keep.has(row));
    byId("nothing").hidden = this.shown.length > 0;
    const usable = this.shown.filter((row) => row.target);
    if (!usable.includes(this.current)) this.tabStop(usable[0] ?? null);
  }

  tabStop(row) {
    this.current?.node.setAttribute("tabindex", "-1");
    this.current = row;
    row?.node.setAttribute("tabindex", "0");
  }

  mark(target) {
    this.marked?.node.removeAttribute("aria-selected");
    this.marked = this.byTarget.get(target);
    if (!this.marked) return;
    this.marked.node.setAttribute("aria-selected", "true");
    this.tabStop(this.marked);
    this.marked.node.scrollIntoView({ block: "nearest" });
  }

  choose(row) {
    row.node.focus({ preventScroll: true });
    select(row.target, { show: true });
  }

  first() {
    return this.shown.find((row) => row.sort === "stack") ?? null;
  }

  key(event) {
    const usable = this.shown.filter((row) => row.target);
    const place = usable.indexOf(this.current);
    const after = usable.slice(place + 1);
    const next = {
      ArrowDown: () => usable[place + 1],
      ArrowUp: () => usable[place - 1],
      Home: () => usable[0],
      End: () => usable.at(-1),
      ArrowLeft: () => usable.slice(0, place).findLast((row) => row.sort === "home"),
      ArrowRight: () => (this.current?.sort === "home" ? after.find((row) => row.sort === "stack") : null),
    }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.current) select(this.current.target, { show: true });
      byId("details").focus();
    } else if (next && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      const row = next();
      if (row) this.choose(row);
    }
  }
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
