// Places: stacks in boxes in boxes, packed in rows. The same data always gives the same drawing.

const SIZES = { width: 132, height: 30, gap: 16, pad: 14, title: 28, between: 16 };

const ARRANGEMENTS = {
  account: {
    path: (stack) => [
      ...(stack.home.unit || NOWHERE).split("/").map((step, place, all) => ({
        key: `unit ${all.slice(0, place + 1).join("/")}`, label: step,
      })),
      { key: stack.home.key, label: stack.home.name, home: stack.home },
    ],
    label: (stack) => stack.sign + stack.component,
    aspects: [1.7],
  },
  wave: {
    path: (stack) => [
      stack.wave === null
        ? { key: "wave gone", label: "gone", order: 1e9 }
        : { key: `wave ${stack.wave}`, label: `wave ${stack.wave}`, order: stack.wave },
    ],
    label: (stack) => `${stack.sign}${stack.home.name}\n${stack.component}`,
    height: 42,
    inRow: true,
    aspects: [0.15, 0.25, 0.4, 0.6, 0.8, 1.2],
  },
  component: {
    path: (stack) => [
      { key: `kind ${stack.kind}`, label: stack.kind },
      { key: `component ${stack.organization.name} ${stack.kind} ${stack.component}`, label: stack.component },
    ],
    label: (stack) => `${stack.sign}${stack.home.name}`,
    aspects: [1.7],
  },
};

// Boxes with the stacks in them, as a tree.
function grouped(stacks, arrangement, several) {
  const root = { key: "", label: "", boxes: new Map(), stacks: [] };
  for (const stack of stacks) {
    const first = several ? [{ key: `organization ${stack.organization.name}`, label: stack.organization.name }] : [];
    let box = root;
    let key = "";
    for (const step of [...first, ...arrangement.path(stack)]) {
      key = `${key}|${step.key}`;
      if (!box.boxes.has(key)) box.boxes.set(key, { ...step, key, boxes: new Map(), stacks: [] });
      box = box.boxes.get(key);
    }
    box.stacks.push(stack);
  }
  return root;
}

// Gives boxes and stacks with their middle and size, and the size of it all.
function placed(root, arrangement) {
  const height = arrangement.height ?? SIZES.height;
  const largest = [];
  count(root, 0, largest);
  let least = Infinity;
  let best = null;
  // Side by side boxes are as high as makes the whole nearly square.
  for (const aspect of arrangement.aspects) {
    measure(root, { ...arrangement, aspect }, { height, largest }, 0);
    const extent = Math.max(root.width, root.height);
    if (extent < least) [least, best] = [extent, aspect];
  }
  measure(root, { ...arrangement, aspect: best }, { height, largest }, 0);
  const boxes = [];
  const nodes = [];
  const put = (box, left, top, depth) => {
    if (depth > 0) {
      boxes.push({
        key: box.key, label: box.label, home: box.home, depth, title: box.title,
        letters: Math.min(box.title * 0.48, (1.6 * box.width) / box.label.length),
        x: left + box.width / 2, y: top + box.height / 2, width: box.width, height: box.height,
      });
    }
    for (const [stack, x, y] of box.places) nodes.push({ stack, x: left + x, y: top + y });
    for (const [inner, x, y] of box.inner) put(inner, left + x, top + y, depth + 1);
  };
  put(root, 0, 0, 0);
  return { boxes, nodes, width: root.width, height: root.height };
}

// How many stacks are in each box; `largest` has the most by depth.
function count(box, depth, largest) {
  const inner = [...box.boxes.values()];
  box.size = inner.reduce((sum, each) => sum + count(each, depth + 1, largest), box.stacks.length);
  largest[depth] = Math.max(largest[depth] ?? 0, box.size);
  return box.size;
}

function measure(box, arrangement, { height, largest }, depth) {
  const { width, gap, pad, between } = SIZES;
  const outermost = depth === 0;
  const inner = [...box.boxes.values()];
  inner.forEach((each) => measure(each, arrangement, { height, largest }, depth + 1));
  // The title of a large unit is to be read from far away; side by side they are of one size.
  box.title = outermost ? 0 : Math.max(SIZES.title, 5 * Math.sqrt(depth === 1 ? largest[1] : box.size));
  const side = outermost ? 0 : pad;
  const columns = Math.max(1, Math.round(Math.sqrt((box.stacks.length * arrangement.aspect * (height + gap)) / (width + gap))));
  box.places = box.stacks.map((stack, place) => [
    stack,
    side + (place % columns) * (width + gap) + width / 2,
    box.title + Math.floor(place / columns) * (height + gap) + height / 2,
  ]);
  const rows = Math.ceil(box.stacks.length / columns);
  const own = {
    width: rows ? Math.min(columns, box.stacks.length) * (width + gap) - gap : 0,
    height: rows ? rows * (height + gap) - gap : 0,
  };
  const below = own.height && inner.length ? own.height + between : own.height;
  const rest = packedInRows(inner, arrangement, outermost);
  box.inner = rest.places.map(([each, x, y]) => [each, side + x, box.title + below + y]);
  box.width = Math.max(own.width, rest.width, titleWidth(box.label)) + 2 * side;
  box.height = box.title + below + rest.height + side;
}

// Boxes in rows, the tallest first; of several widths the one that comes nearest to the wanted shape.
function packedInRows(boxes, { aspect, inRow }, outermost) {
  if (!boxes.length) return { places: [], width: 0, height: 0 };
  const sorted = boxes.every((each) => each.order !== undefined)
    ? [...boxes].sort((a, b) => a.order - b.order)
    : [...boxes].sort((a, b) => b.height - a.height || compare(a.label, b.label));
  const all = rowsOf(sorted, Infinity);
  if (inRow && outermost) return all;
  const widest = Math.max(...boxes.map((each) => each.width));
  let best = all;
  for (let part = 0; part < 24; part += 1) {
    const found = rowsOf(sorted, widest + ((all.width - widest) * part) / 24);
    if (Math.max(found.width, found.height * aspect) < Math.max(best.width, best.height * aspect)) best = found;
  }
  return best;
}

function rowsOf(boxes, limit) {
  const { between } = SIZES;
  const places = [];
  let [x, y, tallest, right] = [0, 0, 0, 0];
  for (const each of boxes) {
    if (x > 0 && x + each.width > limit) [x, y, tallest] = [0, y + tallest + between, 0];
    places.push([each, x, y]);
    x += each.width + between;
    right = Math.max(right, x - between);
    tallest = Math.max(tallest, each.height);
  }
  return { places, width: right, height: y + tallest };
}

function titleWidth(label) {
  return Math.min(label.length * 7.5, 260);
}
