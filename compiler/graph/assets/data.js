// The records of the page, made from the packed data (see packing.py for its form).

const FIRST_HOLE = 0xe000;
const HOLES = /[\ue000-\ue0ff]/g;
const NOWHERE = "(in no unit)";
const SIGNS = { same: "", added: "+", changed: "~", removed: "−" };

function camel(name) {
  return name.split("-").map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join("");
}

// What fills the holes: each name as it is, as in an address, as in a Sid.
function fillings(names) {
  return names.flatMap((name) => [name, name.replaceAll("-", "_"), camel(name)]);
}

// The texts of a pattern, with `forms` in their holes; without forms as they stand.
function filled(pattern, words, forms) {
  if (Array.isArray(pattern)) return pattern.map((each) => filled(each, words, forms));
  const text = words[pattern];
  return forms ? text.replace(HOLES, (hole) => forms[hole.charCodeAt(0) - FIRST_HOLE] ?? hole) : text;
}

const NO_HOME = fillings(["", ""]);

class Organization {
  constructor(raw) {
    this.name = raw.name;
    this.since = raw.since;
    this.raw = raw;
    this.known = new Map();
    this.homes = raw.homes.map(([cloud, name, id, unit]) => ({
      type: "home",
      organization: this,
      key: `${raw.name}/${cloud}/${name}`,
      label: `${cloud}/${name}`,
      cloud,
      name,
      id,
      unit: raw.names[unit],
      forms: fillings([name, id]),
      stacks: [],
      own: [],
      given: [],
    }));
    this.stacks = raw.stacks.map((row) => new Stack(this, row));
    this.byPath = new Map(this.stacks.map((stack) => [stack.path, stack]));
    for (const stack of this.stacks) {
      stack.before = stack.row[5].map((number) => this.stacks[number]);
      for (const other of stack.before) other.after.push(stack);
    }
    this.grants = raw.entries.map((row) => new Grant(this, row));
    this.changes = raw.access.map((row) => changeOf(this, row));
  }

  // A number below zero is that of a pattern whose texts have no holes, from the end: -1, -2, …
  pattern(number, forms, part = (whole) => whole) {
    const { patterns, words } = this.raw;
    if (number < 0) return filled(part(patterns[-1 - number]), words, null);
    return filled(part(patterns[number]), words, forms);
  }

  // What fills the holes of a pattern about a component and these accounts, by number.
  forms(component, ...homes) {
    const places = homes.map((number) => this.homes[number]?.forms ?? NO_HOME);
    return [...this.formsOf(component), ...places.flat()];
  }

  formsOf(component) {
    if (!this.known.has(component)) this.known.set(component, fillings([component]));
    return this.known.get(component);
  }
}

class Stack {
  constructor(organization, row) {
    const { names } = organization.raw;
    const [home, component, kind, region, wave, , , declared, status, , origin] = row;
    this.type = "stack";
    this.row = row;
    this.organization = organization;
    this.home = organization.homes[home];
    this.component = names[component];
    this.kind = names[kind] || "tombstone";
    this.region = names[region];
    this.wave = wave < 0 ? null : wave;
    this.path = `${this.home.label}/${this.component}`;
    this.key = `${organization.name}/${this.path}`;
    this.declared = declared.length ? `${names[declared[0]]}:${declared[1]}:${declared[2]}` : "";
    this.status = status;
    this.origin = origin;
    this.after = [];
    this.grants = [];
    this.links = [];
    this.home.stacks.push(this);
  }

  get forms() {
    return [...this.organization.formsOf(this.component), ...this.home.forms];
  }

  get resources() {
    return this.organization.pattern(this.row[6], this.forms);
  }

  // Of each part that differs its address, its status, what differs in it, and notes.
  get touched() {
    return this.organization.pattern(this.row[9], this.forms);
  }

  get sign() {
    return SIGNS[this.status] ? `${SIGNS[this.status]} ` : "";
  }

  get searched() {
    this.text ??= [
      this.key, this.kind, this.home.unit, this.home.id, this.region, this.declared, ...this.resources,
    ].join("\n").toLowerCase();
    return this.text;
  }
}

class Grant {
  constructor(organization, row) {
    const [pattern, component, own, home] = row;
    this.organization = organization;
    this.pattern = pattern;
    this.component = organization.raw.names[component];
    this.places = [own, home];
    this.own = organization.homes[own] ?? null;
    this.home = organization.homes[home] ?? null;
    const [from, to] = organization.pattern(pattern, this.forms, (whole) => whole.slice(-2));
    this.source = organization.byPath.get(from) ?? null;
    this.targets = to.map((path) => organization.byPath.get(path)).filter(Boolean);
    for (const stack of new Set([this.source, ...this.targets])) stack?.grants.push(this);
    this.own?.own.push(this);
    this.home?.given.push(this);
  }

  get forms() {
    return this.organization.forms(this.component, ...this.places);
  }

  // The words of a grant are made when they are shown: there are tens of thousands.
  get words() {
    const [id, principal, actions, resource, condition, statements] = this.organization.pattern(
      this.pattern,
      this.forms,
    );
    return { id, principal, actions, resource, condition, statements };
  }

  get searched() {
    const { id, principal, actions, resource } = this.words;
    this.text ??= [id, principal, ...actions, resource].join("\n").toLowerCase();
    return this.text;
  }
}

function changeOf(organization, [pattern, , own, home]) {
  const words = organization.pattern(pattern, organization.forms("", own, home));
  const [kind, principal, from, actions, resource, to, marks, stacks] = words;
  const found = stacks.map((path) => organization.byPath.get(path)).filter(Boolean);
  const more = kind === "gained" || kind === "widened";
  return {
    organization, kind, more, principal, from, actions, resource, to, marks, stacks: found,
    own: organization.homes[own] ?? null, home: organization.homes[home] ?? null,
  };
}

// Between different stacks: what is applied before what, and who has access to what.
function linksOf(organizations) {
  const found = new Map();
  const add = (type, source, target, grant) => {
    const key = `${type}|${source.key}|${target.key}`;
    const link = found.get(key) ?? { type: "link", sort: type, key, source, target, grants: [] };
    if (grant) link.grants.push(grant);
    found.set(key, link);
  };
  for (const { stacks, grants } of organizations) {
    for (const stack of stacks) for (const other of stack.before) add("order", other, stack);
    for (const grant of grants) {
      for (const target of grant.targets) {
        if (grant.source && grant.source !== target) add("access", grant.source, target, grant);
      }
    }
  }
  for (const link of found.values()) {
    link.source.links.push(link);
    link.target.links.push(link);
  }
  return [...found.values()];
}

const FIELDS = {
  kind: (stack) => stack.kind,
  wave: (stack) => (stack.wave === null ? "gone" : `${stack.wave}`),
  unit: (stack) => stack.home.unit,
  account: (stack) => `${stack.home.label} ${stack.home.id}`,
  component: (stack) => stack.component,
  region: (stack) => stack.region,
  status: (stack) => stack.status,
};
const WHOLE = new Set(["wave", "status"]);

// A function that says whether a stack has all words of the query.
function matcher(query) {
  const tests = query.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [field, value] = word.includes(":") ? word.split(/:(.*)/s) : ["", word];
    if (!(field in FIELDS)) return (stack) => stack.searched.includes(word);
    if (WHOLE.has(field)) return (stack) => FIELDS[field](stack) === value;
    return (stack) => FIELDS[field](stack).toLowerCase().includes(value);
  });
  return (stack) => tests.every((test) => test(stack));
}
