// # Nodes: elements in one line
//
// Problem: a picture is hundreds of elements, each with a name, attributes and a text.
// Idea: two functions make one; a text always becomes a text node, so that no name of a peer is
// ever read as markup.
// Leaves out: updates: what changes is made anew.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const html = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);

const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

/** A sample of a phase, for legends. */
const swatch = (phase) =>
  svg("svg", { class: "swatch", width: 26, height: 16, "aria-hidden": "true", focusable: "false" },
    svg("rect", { class: `mark ${phase}`, x: 0.5, y: 0.5, width: 25, height: 15, rx: 2 }));
