// The drawing: cytoscape shows boxes, stacks and lines where layout.js puts them.

const MANY_LINES = 300;

class Drawing {
  constructor(model, container) {
    this.model = model;
    this.container = container;
    this.arrangement = "account";
    this.cy = cytoscape({
      container,
      style: this.style(),
      layout: { name: "preset" },
      minZoom: 0.02,
      maxZoom: 3,
      autoungrabify: true,
      boxSelectionEnabled: false,
      autounselectify: true,
      hideEdgesOnViewport: model.links.length > MANY_LINES,
    });
    this.cy.on("tap", (event) => {
      const target = event.target === this.cy ? null : event.target.scratch("target") ?? null;
      select(target);
    });
    this.cy.on("mouseover", "node.stack, edge, node.home", () => (container.style.cursor = "pointer"));
    this.cy.on("mouseout", () => (container.style.cursor = ""));
    this.arrange("account");
  }

  style() {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(`--${name}`).trim();
    const kinds = this.model.kinds.map((kind, number) => ({
      selector: `node.kind-${number}`,
      style: { "border-color": colour(`kind-${number % KIND_COLOURS}`), "background-color": colour(`kind-${number % KIND_COLOURS}`) },
    }));
    const status = (name, width, line = "solid") => ({
      selector: `node.${name}`,
      style: { "border-color": colour(name), "background-color": colour(name), "border-width": width, "border-style": line, "background-opacity": 0.25 },
    });
    return [
      { selector: "node", style: {
        shape: "round-rectangle", label: "data(label)",
        "font-family": "system-ui, sans-serif", color: colour("text"), "min-zoomed-font-size": 7,
      } },
      { selector: "node.box", style: {
        width: "data(width)", height: "data(height)",
        "background-color": colour("box"), "background-opacity": 1, "border-width": 1, "border-color": colour("edge"),
        "corner-radius": 8, "text-valign": "top", "text-halign": "center", "text-margin-y": "data(below)", "font-size": "data(letters)", "font-weight": 600,
        "text-max-width": "data(width)", "text-wrap": "ellipsis", "z-index-compare": "manual", "z-index": "data(depth)",
        color: colour("quiet"), "min-zoomed-font-size": 6,
      } },
      { selector: "node.box.odd", style: { "background-color": colour("surface") } },
      { selector: "node.stack", style: {
        width: SIZES.width, height: ARRANGEMENTS[this.arrangement].height ?? SIZES.height,
        "background-opacity": Number(colour("fill")), "border-width": 1.5, "corner-radius": 6, "text-valign": "center", "text-halign": "center",
        "font-size": 12, "text-wrap": "wrap", "text-max-width": "124px", "line-height": 1.15,
        "z-index-compare": "manual", "z-index": 40,
      } },
      ...kinds,
      { selector: "node.quiet", style: { opacity: 0.45 } },
      status("added", 3),
      status("changed", 3),
      status("removed", 3, "dashed"),
      { selector: "edge", style: {
        width: 1.4, "curve-style": "bezier",
        "target-arrow-shape": "triangle", "arrow-scale": 0.8, "z-index-compare": "manual", "z-index": 20, opacity: 0.55,
      } },
      { selector: "edge.order", style: { "line-color": colour("order"), "target-arrow-color": colour("order") } },
      { selector: "edge.access", style: {
        "line-color": colour("access"), "target-arrow-color": colour("access"), "line-style": "dashed", "line-dash-pattern": [6, 3],
      } },
      { selector: "edge.many", style: { "curve-style": "straight" } },
      { selector: "edge.quiet", style: { opacity: 0.2 } },
      { selector: "node.dim", style: { opacity: 0.13 } },
      { selector: "edge.dim", style: { opacity: 0.06 } },
      { selector: "edge.near", style: { opacity: 1, width: 2.2, "z-index": 45 } },
      { selector: "node.near", style: { "border-width": 3, opacity: 1 } },
      { selector: "node.selected", style: {
        "outline-width": 3, "outline-color": colour("focus"), "outline-offset": 2, "outline-opacity": 1, "border-width": 3, opacity: 1,
      } },
      { selector: "edge.selected", style: { width: 4, opacity: 1, "z-index": 46 } },
    ];
  }

  restyle() {
    this.cy.style(this.style());
  }

  // Lays everything out anew; what is selected stays.
  arrange(name) {
    this.arrangement = name;
    const arrangement = ARRANGEMENTS[name];
    const { model } = this;
    const several = model.organizations.length > 1;
    const { boxes, nodes, width, height: all } = placed(grouped(model.stacks, arrangement, several), arrangement);
    const since = model.organizations.some((each) => each.since);
    const elements = [];
    for (const box of boxes) {
      const kind = box.home ? "home" : "";
      elements.push({
        group: "nodes", classes: `box ${kind} ${box.depth % 2 ? "odd" : ""}`, position: { x: box.x, y: box.y },
        data: { id: `box ${box.key}`, label: box.label, width: box.width, height: box.height, depth: box.depth, below: box.title * 0.78, letters: box.letters },
        scratch: { target: box.home ?? null },
      });
    }
    for (const { stack, x, y } of nodes) {
      const status = stack.status !== "same" ? stack.status : since ? "quiet" : "";
      elements.push({
        group: "nodes", classes: `stack kind-${model.kinds.indexOf(stack.kind)} ${status}`, position: { x, y },
        data: { id: stack.key, label: arrangement.label(stack) },
        scratch: { target: stack },
      });
    }
    this.size = { width, height: all };
    this.drawn = new Set();
    this.cy.elements().remove();
    this.restyle();
    this.cy.add(elements);
    this.fit();
  }

  // Everything in view. Its size is known: asking for it would measure every label.
  fit() {
    this.cy.resize();
    const { width, height } = this.size;
    const [wide, high] = [this.cy.width(), this.cy.height()];
    const zoom = Math.min((wide - 32) / width, (high - 32) / height, this.cy.maxZoom());
    this.cy.viewport({ zoom, pan: { x: (wide - width * zoom) / 2, y: (high - height * zoom) / 2 } });
  }

  zoom(factor) {
    const middle = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: middle });
  }

  // What is selected, what is searched for, and which lines are wanted.
  mark({ selected, matches, lines }) {
    const { cy } = this;
    const own = linksAt(selected);
    const wanted = new Set((lines.all ? this.model.links : own).filter((link) => lines[link.sort]));
    cy.batch(() => {
      this.draw(wanted);
      cy.elements().removeClass("selected near dim");
      if (matches) {
        cy.nodes(".stack").forEach((node) => node.toggleClass("dim", !matches.has(node.scratch("target"))));
      }
      if (matches) {
        const found = ({ source, target }) => matches.has(source) || matches.has(target);
        cy.edges().forEach((edge) => edge.toggleClass("dim", !found(edge.scratch("target"))));
      }
      if (!selected) return;
      const near = cy.collection(own.map((link) => cy.getElementById(link.key)));
      cy.edges().not(near).addClass("dim");
      near.addClass("near").removeClass("dim");
      near.connectedNodes().addClass("near").removeClass("dim");
      this.elementsOf(selected).addClass("selected").removeClass("dim");
      if (selected.type === "home") this.boxOf(selected).addClass("selected");
    });
  }

  // Only the lines that are wanted are there: thousands of hidden ones would take their time too.
  draw(wanted) {
    const { cy, drawn } = this;
    for (const link of drawn) {
      if (wanted.has(link)) continue;
      cy.getElementById(link.key).remove();
      drawn.delete(link);
    }
    const missing = [...wanted].filter((link) => !drawn.has(link));
    const many = wanted.size > MANY_LINES ? "many" : "";
    cy.add(missing.map((link) => ({
      group: "edges", classes: `${link.sort} ${many} ${this.sameEnds(link) ? "quiet" : ""}`, scratch: { target: link },
      data: { id: link.key, source: link.source.key, target: link.target.key },
    })));
    for (const link of missing) drawn.add(link);
  }

  // Beside what changed, what did not is drawn faintly.
  sameEnds({ source, target }) {
    return source.organization.since && source.status === "same" && target.status === "same";
  }

  boxOf(home) {
    return this.cy.nodes(".home").filter((node) => node.scratch("target") === home);
  }

  elementsOf(target) {
    if (!target) return this.cy.collection();
    if (target.type === "home") return this.cy.collection(target.stacks.map((stack) => this.cy.getElementById(stack.key)));
    return this.cy.getElementById(target.key);
  }

  // Brings the target into view where it is not, or is too small to read.
  show(target) {
    let found = this.elementsOf(target);
    if (!found.length) return;
    if (target.type === "link") found = found.connectedNodes();
    const box = found.boundingBox();
    const view = this.cy.extent();
    const inside = box.x1 >= view.x1 && box.x2 <= view.x2 && box.y1 >= view.y1 && box.y2 <= view.y2;
    if (inside && this.cy.zoom() > 0.5) return;
    if (box.w > view.w || box.h > view.h) this.cy.fit(found, 60);
    else if (this.cy.zoom() <= 0.5) this.cy.viewport({ zoom: 0.9, pan: this.panTo(box, 0.9) });
    else this.cy.center(found);
  }

  panTo(box, zoom) {
    return { x: this.cy.width() / 2 - ((box.x1 + box.x2) / 2) * zoom, y: this.cy.height() / 2 - ((box.y1 + box.y2) / 2) * zoom };
  }

  // The nearest stack in a direction, seen from the selected one.
  neighbour(selected, [right, down]) {
    const nodes = this.cy.nodes(".stack").not(".dim");
    if (selected?.type !== "stack") return nodes.length ? nodes[0].scratch("target") : null;
    const from = this.cy.getElementById(selected.key).position();
    let best = null;
    let least = Infinity;
    nodes.forEach((node) => {
      const { x, y } = node.position();
      const along = (x - from.x) * right + (y - from.y) * down;
      const aside = Math.abs((x - from.x) * down) + Math.abs((y - from.y) * right);
      const cost = along + 3 * aside;
      if (along > 1 && cost < least) [best, least] = [node.scratch("target"), cost];
    });
    return best;
  }
}

// The lines that begin or end there.
function linksAt(target) {
  if (target?.type === "link") return [target];
  if (target?.type === "stack") return target.links;
  if (target?.type === "home") return [...new Set(target.stacks.flatMap((stack) => stack.links))];
  return [];
}
