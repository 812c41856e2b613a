// # Tip: the facts of one thing
//
// Problem: a picture shows where something lies; the reader wants to know what it was.
// Idea: one box per picture, beside what the pointer or the keyboard has chosen; it is announced to
// who can't see it.
// Leaves out: the list of all events: `list.js`.

/** The nearest thing within a few pixels; the shortest of those that are hit. */
function hit(drawn, x, y) {
  let best = null;
  let least = Infinity;
  for (const spot of drawn.spots) {
    if (y < spot.top || y > spot.top + spot.height) continue;
    const off = Math.max(spot.left - x, x - spot.right, 0);
    const weight = off * 1000 + (spot.right - spot.left);
    if (off <= 6 && weight < least) [best, least] = [spot, weight];
  }
  return best;
}

function makeTip(host) {
  const box = html("div", { class: "tip", role: "status", "aria-live": "polite", hidden: "" });
  host.append(box);
  const show = (spot, drawn) => {
    const { item } = spot;
    box.replaceChildren(html("strong", {}, item.title), ...item.facts.map((fact) => html("span", {}, fact)));
    box.hidden = false;
    const middle = drawn.left + (Math.max(0, spot.left) + Math.min(drawn.width, spot.right)) / 2;
    const most = host.clientWidth - box.offsetWidth;
    box.style.left = `${Math.max(0, Math.min(most, middle - box.offsetWidth / 2))}px`;
    box.style.top = `${spot.top + spot.height + 6}px`;
  };
  return { show, hide: () => (box.hidden = true) };
}
