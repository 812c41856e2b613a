// # Picture: a view of some lanes, that can be moved
//
// Problem: the same lanes are wanted whole, from near, and beside those of another model.
// Idea: a picture is a list of lanes and a view; every move changes the view, and the next frame
// draws it.
// Leaves out: which lanes: `main.js`.

const BUTTONS = [
  ["−", "Zoom out", (acts) => acts.zoom(2)],
  ["+", "Zoom in", (acts) => acts.zoom(0.5)],
  ["‹", "Earlier", (acts) => acts.pan(-0.25)],
  ["›", "Later", (acts) => acts.pan(0.25)],
  ["Reset", "Back to the first view", (acts) => acts.whole()],
];

function makeTools(plot, acts) {
  const buttons = BUTTONS.map(([text, name, press]) => {
    const button = html("button", { type: "button", title: name, "aria-label": `${name}: ${plot.name}` }, text);
    button.addEventListener("click", () => press(acts));
    return button;
  });
  // Plain words, not a live region: the tip alone speaks by itself.
  const span = html("span", { class: "span" });
  return { bar: html("div", { class: "tools", role: "group", "aria-label": "View" }, span, ...buttons), span };
}

function makeStage(plot) {
  const events = plot.lanes.reduce((sum, lane) => sum + lane.events, 0);
  const label = `${plot.name}. Timeline with ${plot.lanes.length} lanes: ` +
    `${[...new Set(plot.lanes.map((lane) => lane.label))].join(", ")}. Drawn from ${many(events, "event")}.`;
  return svg("svg", {
    class: "timeline", tabindex: 0, role: "application", "aria-roledescription": "timeline",
    "aria-label": label, "data-model": plot.models.join(" "), "data-events": events, width: "100%",
  });
}

/** What moves a view: `look(view)` shows another one. */
function makeMoves(plot, state, look) {
  const momentAt = (x) => state.view.from + (x / state.drawn.width) * (state.view.to - state.view.from);
  const shifted = (by) => ({ from: state.view.from + by, to: state.view.to + by });
  return {
    zoom: (factor, x = state.drawn.width / 2) => look(zoomed(state.view, factor, momentAt(x))),
    pan: (share) => look(shifted(share * (state.view.to - state.view.from))),
    drag: (pixels) => look(shifted(-pixels / state.drawn.width * (state.view.to - state.view.from))),
    whole: () => look(plot.home),
  };
}

/** What chooses a thing: with the pointer, or one after the other with the keyboard. */
function makeChoice(stage, plot, state, tip, look) {
  const things = plot.lanes
    .flatMap((lane, row) => [...lane.marks, ...lane.signs, ...lane.runs, ...lane.flags].map((item) => ({ item, row })))
    .sort((a, b) => a.item.begin - b.item.begin);
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return hit(state.drawn, event.clientX - box.left - state.drawn.left, event.clientY - box.top);
  };
  const point = (event) => {
    const spot = at(event);
    if (spot) tip.show(spot, state.drawn);
    else tip.hide();
  };
  /** Draws a frame around what is chosen, and says where that is. */
  const outlined = () => {
    const { view, drawn } = state;
    const { item, row } = things[state.chosen];
    const x = (moment) => Math.min(drawn.width, Math.max(0, (moment - view.from) * drawn.width / (view.to - view.from)));
    const { top, height } = layout(plot, state.width).rows[row];
    const spot = { left: x(item.begin), right: x(item.end), top, height, item };
    const width = Math.max(4, spot.right - spot.left) + 6;
    stage.append(svg("rect", { class: "chosen", x: drawn.left + spot.left - 3, y: top - 1, width, height: height + 2, rx: 4 }));
    return spot;
  };
  /** Shows the `n`th thing, moving the view to it where it is out of sight. */
  const show = (n) => {
    state.chosen = n;
    const { item } = things[n];
    if (item.end < state.view.from || item.begin > state.view.to) {
      const half = (state.view.to - state.view.from) / 2;
      look({ from: item.begin - half, to: item.begin + half });
    }
    state.paint();
    tip.show(outlined(), state.drawn);
  };
  const firstInView = () => Math.max(0, things.findIndex(({ item }) => item.end >= state.view.from));
  const step = (by) => {
    const next = state.chosen === null ? firstInView() : state.chosen + by;
    if (things.length > 0) show(Math.min(things.length - 1, Math.max(0, next)));
  };
  const leave = () => {
    state.chosen = null;
    tip.hide();
    state.paint();
  };
  return { point, choose: point, step, leave, outlined };
}

/** Builds a picture into `host`; `plot` has `name`, `models`, `lanes`, `home` and `limit`. */
function makePicture(host, plot) {
  const longest = Math.max(...plot.lanes.map((lane) => lane.label.length));
  const stage = makeStage(plot);
  const state = { view: within(plot.home, plot.limit), drawn: { spots: [], left: 0, width: 1 }, chosen: null };
  const counted = countedFrom(plot.lanes.flatMap((lane) => lane.runs));
  plot.gutter = Math.round(longest * 7.1) + 22;
  let asked = false;
  const look = (view) => {
    state.view = within(view, plot.limit);
    tip.hide();
    if (!asked) requestAnimationFrame(state.paint);
    asked = true;
  };
  const acts = makeMoves(plot, state, look);
  const tools = makeTools(plot, acts);
  const frame = html("div", { class: "frame" }, stage);
  host.replaceChildren(tools.bar, frame);
  const tip = makeTip(frame);
  state.paint = () => {
    asked = false;
    const { from, to } = state.view;
    state.width = Math.max(240, frame.clientWidth);
    state.drawn = draw(stage, plot, state.view, state.width);
    stage.dataset.from = Math.round(from);
    stage.dataset.to = Math.round(to);
    if (state.chosen !== null) acts.outlined();
    const vain = vainIn(plot, state.view);
    stage.dataset.vain = vain;
    tools.span.textContent = `${took(to - from)} in view${vain > 0 ? `, ${many(vain, "call")} in vain` : ""}` +
      (counted !== null && counted < to ? `, from ${moment(counted)} on only counted` : "");
  };
  Object.assign(acts, makeChoice(stage, plot, state, tip, look));
  const xOf = (event) => event.clientX - stage.getBoundingClientRect().left - state.drawn.left;
  listenKeys(stage, acts);
  listenWheel(stage, acts, xOf);
  listenPointers(stage, acts, xOf);
  stage.addEventListener("focus", () => stage.matches(":focus-visible") && acts.step(0));
  stage.addEventListener("blur", acts.leave);
  new ResizeObserver(() => requestAnimationFrame(state.paint)).observe(frame);
}
