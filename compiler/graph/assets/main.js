// Joins the parts: what is selected and searched for, in every view and in the page's address.

const KIND_COLOURS = 10;
const model = modelOf(JSON.parse(byId("data").textContent));
const state = { selected: null, query: "", matches: null, tab: "drawing" };
const views = {};

function modelOf(raw) {
  const organizations = raw.organizations.map((each) => new Organization(each));
  const stacks = organizations.flatMap((each) => each.stacks);
  const kinds = [...new Set(stacks.map((stack) => stack.kind))].sort(compare);
  const homes = organizations.flatMap((each) => each.homes);
  return { organizations, stacks, kinds, homes, links: linksOf(organizations) };
}

// Selects a stack, an account, a line, a cell of the matrix, or nothing.
function select(target, { show = false } = {}) {
  state.selected = target ?? null;
  if (show && target?.type === "stack" && state.tab === "access") showTab("drawing");
  showDetails(model, state.selected);
  views.list.mark(state.selected);
  markDrawing();
  if (show && target && state.tab === "drawing") views.drawing.show(target);
  remember();
}

function markDrawing() {
  const lines = { all: byId("lines").value === "all", order: byId("order").checked, access: byId("access").checked };
  views.drawing.mark({ ...state, lines });
}

function searchFor(query) {
  byId("search").value = query;
  search(query);
}

function search(query) {
  state.query = query.trim();
  const test = matcher(state.query);
  state.matches = state.query ? new Set(model.stacks.filter(test)) : null;
  byId("found").textContent = state.query ? `${state.matches.size.toLocaleString("en")} of ${counted(model.stacks.length, "stack")}` : "";
  views.list.filter(state.matches);
  markDrawing();
  if (state.tab === "access") showMatrix();
  remember();
}

function showMatrix() {
  const word = state.query.toLowerCase();
  const joins = (grant) => [grant.source, ...grant.targets].some((stack) => state.matches.has(stack));
  const test = (grant) => !word || joins(grant) || grant.searched.includes(word);
  const testChange = (change) => !word || change.stacks.some((stack) => state.matches.has(stack));
  views.matrix.show({ by: byId("matrix-by").value, within: byId("within").checked, test, testChange });
}

function showTab(name) {
  state.tab = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", `${chosen}`);
    tab.setAttribute("tabindex", chosen ? "0" : "-1");
    byId(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (name === "access") showMatrix();
  if (name === "drawing") views.drawing.cy.resize();
  remember();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  try { localStorage.setItem("landform-theme", name); } catch { /* no storage for files */ }
  views.drawing.restyle();
  nameTheme();
}

function nameTheme() {
  byId("theme").textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark";
}

// The address says what is shown, so that a link to it can be sent.
function remember() {
  const words = new URLSearchParams();
  if (state.tab !== "drawing") words.set("tab", state.tab);
  if (state.query) words.set("q", state.query);
  if (["stack", "home"].includes(state.selected?.type)) words.set(state.selected.type, state.selected.key);
  const wanted = words.size ? `#${words}` : "";
  if (wanted !== location.hash) history.replaceState(null, "", wanted || location.pathname + location.search);
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  const tab = words.get("tab");
  if (tab === "access" || (tab === "changes" && !byId("tab-changes").hidden)) showTab(tab);
  const target = model.stacks.find((stack) => stack.key === words.get("stack"))
    ?? model.homes.find((home) => home.key === words.get("home"));
  if (words.get("q")) searchFor(words.get("q"));
  select(target ?? null, { show: true });
}

function showHead() {
  const homes = new Set(model.stacks.map((stack) => stack.home)).size;
  const grants = model.organizations.reduce((sum, each) => sum + each.grants.length, 0);
  const since = model.organizations.map((each) => each.since).find(Boolean);
  const applied = model.stacks.filter((stack) => stack.wave !== null).length;
  byId("name").textContent = titleOf(model);
  byId("counts").textContent = [
    counted(applied, "stack"), counted(homes, "account or project", "accounts and projects"), counted(grants, "grant"),
    since ? `changes since ${since}` : "",
  ].filter(Boolean).join(" · ");
  byId("counts").title = byId("counts").textContent;
  byId("tab-changes").hidden = !since;
  if (since) showChanges(model, byId("changes"));
}

function listen() {
  byId("search").addEventListener("input", (event) => search(event.target.value));
  byId("search").addEventListener("keydown", searchKey);
  byId("arrange").addEventListener("change", (event) => {
    views.drawing.arrange(event.target.value);
    markDrawing();
  });
  for (const id of ["lines", "order", "access"]) byId(id).addEventListener("change", markDrawing);
  for (const id of ["matrix-by", "within"]) byId(id).addEventListener("change", showMatrix);
  byId("in").addEventListener("click", () => views.drawing.zoom(1.3));
  byId("out").addEventListener("click", () => views.drawing.zoom(1 / 1.3));
  byId("fit").addEventListener("click", () => views.drawing.fit());
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  byId("help").addEventListener("click", () => byId("keys").showModal());
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    views.list.current?.node.focus();
  });
  byId("canvas").addEventListener("keydown", canvasKey);
  document.querySelector("[role=tablist]").addEventListener("keydown", tabKey);
  for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => showTab(tab.id.slice(4)));
  document.addEventListener("keydown", pageKey);
  addEventListener("hashchange", recall);
}

function searchKey(event) {
  const first = views.list.first();
  if (event.key === "Enter" && first) select(first.target, { show: true });
  else if (event.key === "ArrowDown" && first) views.list.choose(first);
  else return;
  event.preventDefault();
}

function canvasKey(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in ways) {
    const next = views.drawing.neighbour(state.selected, ways[event.key]);
    if (next) select(next, { show: true });
    // A drawing has nothing that a screen reader could read.
    if (next) byId("said").textContent = `${next.path}, ${next.kind}`;
  } else if (event.key === "Enter") byId("details").focus();
  else return;
  event.preventDefault();
}

function tabKey(event) {
  const tabs = [...document.querySelectorAll("[role=tab]:not([hidden])")];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  showTab(next.id.slice(4));
}

function pageKey(event) {
  const writing = event.target.matches("input[type=search], select") || byId("keys").open;
  if (event.key === "Escape" && !byId("keys").open) {
    if (state.selected) select(null);
    else searchFor("");
    return;
  }
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const tabs = { 1: "drawing", 2: "access", 3: "changes" };
  const actions = {
    "/": () => byId("search").focus(),
    "?": () => byId("keys").showModal(),
    t: () => byId("theme").click(),
    "+": () => views.drawing.zoom(1.3),
    "-": () => views.drawing.zoom(1 / 1.3),
    0: () => views.drawing.fit(),
  };
  const action = actions[event.key];
  if (action) action();
  else if (event.key in tabs && !byId(`tab-${tabs[event.key]}`).hidden) showTab(tabs[event.key]);
  else return;
  event.preventDefault();
}

nameTheme();
showHead();
views.list = new List(model, byId("list"));
views.matrix = new Matrix(model, byId("matrix"));
views.drawing = new Drawing(model, byId("canvas"));
if (model.links.length > MANY_LINES) byId("lines").value = "selection";
if (model.homes.filter((home) => home.stacks.length).length > 60) byId("matrix-by").value = "unit";
listen();
recall();
document.documentElement.dataset.ready = "yes";
