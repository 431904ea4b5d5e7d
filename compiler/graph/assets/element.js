// Small words for making elements. Text is always text, never HTML.

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== ""));
  return made;
}

// A path or an ARN that may be broken where its parts end.
function code(text) {
  return element("code", {}, text.split(/(?<=[/:,.[_])/).flatMap((part) => [part, element("wbr")]));
}

function byId(id) {
  return document.getElementById(id);
}

function counted(number, noun, several = `${noun}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : several}`;
}

// A button that looks like a link and leads to a stack, an account or a line.
function leadsTo(label, target, note = "") {
  const properties = { type: "button", class: "lead", onclick: () => select(target, { show: true }) };
  return element("button", properties, element("span", {}, label), note ? element("small", {}, note) : "");
}

// A list of which the first are made, and the rest when they are asked for.
function longList(items, make, first = 50) {
  const list = element("ul", { class: "plain" });
  const show = (from, to) => list.append(...items.slice(from, to).map((item) => element("li", {}, make(item))));
  show(0, first);
  if (items.length <= first) return list;
  const rest = items.length - first;
  const more = element("button", { type: "button", onclick: () => {
    show(first, items.length);
    more.remove();
  } }, `Show ${rest.toLocaleString("en")} more`);
  return element("div", {}, list, more);
}
