// The access matrix: whose principals have how many grants on whose resources.

const MOST_CELLS = 12_000;
const OUTSIDE = "outside";

class Matrix {
  constructor(model, container) {
    this.model = model;
    this.container = container;
  }

  // `by` is account or unit; `test` and `testChange` say which grants and changes count; `within` also those inside of one.
  show({ by, within, test, testChange }) {
    const several = this.model.organizations.length > 1;
    const prefix = (organization) => (several ? `${organization.name}: ` : "");
    const name = (grant, home) => {
      if (!home) return `${prefix(grant.organization)}${OUTSIDE}`;
      return prefix(grant.organization) + (by === "unit" ? home.unit || NOWHERE : home.label);
    };
    const cells = new Map();
    const cellOf = (each) => {
      const [from, to] = [name(each, each.own), name(each, each.home)];
      if (from === to && !within) return null;
      const key = `${from}\n${to}`;
      if (!cells.has(key)) cells.set(key, { type: "cell", key: `${from} ${to}`, from, to, grants: [], changes: [] });
      return cells.get(key);
    };
    for (const { grants, changes } of this.model.organizations) {
      for (const grant of grants) if (test(grant)) cellOf(grant)?.grants.push(grant);
      for (const change of changes) if (testChange(change)) cellOf(change)?.changes.push(change);
    }
    const rows = new Set([...cells.values()].map((cell) => cell.from));
    const columns = new Set([...cells.values()].map((cell) => cell.to));
    const total = [...cells.values()].reduce((sum, cell) => sum + cell.grants.length, 0);
    const places = `${counted(rows.size, "row")}, ${counted(columns.size, "column")}`;
    const tooMany = rows.size * columns.size > MOST_CELLS;
    byId("matrix-note").textContent = tooMany
      ? `${places}: too many to show side by side, so here are the pairs. Search narrows them.`
      : `${counted(total, "grant")}: who (rows) has access to what (columns).`;
    const made = tooMany ? this.pairs(cells) : this.table([...rows].sort(compare), [...columns].sort(compare), cells);
    this.container.replaceChildren(cells.size ? made : element("p", { class: "note" }, "No such access."));
  }

  // A button: the number of grants, and what was gained and lost.
  cell(target, content) {
    const { from, to, grants, changes } = target;
    const gained = changes.filter((change) => change.more).length;
    const lost = changes.length - gained;
    const marks = [gained ? `+${gained}` : "", lost ? `−${lost}` : ""];
    const said = [counted(grants.length, "grant"), gained ? `${gained} more` : "", lost ? `${lost} less` : ""];
    const label = `${from} on ${to}: ${said.filter(Boolean).join(", ")}`;
    const shown = [content, ...marks].filter(Boolean).join(" ");
    const properties = { type: "button", title: label, "aria-label": `${shown}: ${label}`, onclick: () => select(target) };
    return element("button", properties, content, marks.map((mark, place) => (
      mark ? [" ", element("b", { class: place ? "removed" : "added" }, mark)] : ""
    )).flat());
  }

  table(rows, columns, cells) {
    const head = columns.map((to) => element("th", { scope: "col" }, element("span", {}, to)));
    const most = Math.max(1, ...[...cells.values()].map((cell) => cell.grants.length));
    const body = rows.map((from) => element("tr", {}, element("th", { scope: "row" }, from), columns.map((to) => {
      const cell = cells.get(`${from}\n${to}`);
      if (!cell) return element("td");
      const strength = 1 + Math.floor((3.99 * Math.log1p(cell.grants.length)) / Math.log1p(most));
      return element("td", { class: `heat heat-${Math.min(strength, 4)}` }, this.cell(cell, cell.grants.length.toLocaleString("en")));
    })));
    return element("table", { class: "matrix" },
      element("caption", { class: "away" }, "Grants by who has them and where"),
      element("thead", {}, element("tr", {}, element("td", {}, element("span", {}, "who \\ where")), head)), element("tbody", {}, body));
  }

  pairs(cells) {
    const found = [...cells.values()].sort((a, b) => compare(a.key, b.key));
    return longList(found, (cell) => this.cell(cell, `${cell.from} → ${cell.to}: ${counted(cell.grants.length, "grant")}`), 200);
  }
}
