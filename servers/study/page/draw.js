// # Draw: lanes, seen through a view
//
// Problem: hundreds of spans, most of them far shorter than a point of the screen.
// Idea: only what is in view is drawn, new for each view; spans too short to tell apart become one
// dark line that says how many they are.
// Leaves out: what moves the view: `moves.js`. Colours and patterns: CSS.

const AXIS = 26;
const WIDE = 620;
const HEIGHTS = { kernel: 30, thread: 36, reactor: 26, queue: 26, task: 20 };
const SIGN_PATHS = {
  signal: "M-4 4L0 -5L4 4Z", submit: "M-4 -4L4 0L-4 4Z", complete: "M4 -4L-4 0L4 4Z",
  close: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5", event: "M0 -5L4.5 0L0 5L-4.5 0Z",
  wake: "M-4 -4L4 -4L0 4.5Z", timer: "M-4 -4H4L-4 4H4Z",
};

const heightOf = (lane) => (lane.client ? 44 : lane.thin ? 22 : HEIGHTS[lane.role.split(" ")[0]] ?? 26);

/** Where each lane lies, for a picture of `width` pixels. */
function layout(plot, width) {
  const wide = width >= WIDE;
  const left = wide ? plot.gutter : 0;
  const above = wide ? 0 : 16;
  let y = AXIS;
  const rows = plot.lanes.map((lane, index) => {
    const apart = index > 0 && plot.lanes[index - 1].role !== lane.role ? 7 : 3;
    const top = y + apart + above;
    y = top + heightOf(lane);
    return { lane, top, height: heightOf(lane) };
  });
  return { left, wide, rows, width: width - left, height: y + 4 };
}

/** Marks in view; neighbours shorter than a point are one. */
function gathered(marks, view, scale) {
  const found = [];
  for (const mark of marks) {
    if (mark.end < view.from || mark.begin > view.to) continue;
    const last = found.at(-1);
    const isShort = (mark.end - mark.begin) * scale < 1.6;
    if (isShort && last?.items && (mark.begin - last.end) * scale < 1) {
      last.items.push(mark);
      last.end = Math.max(last.end, mark.end);
    } else {
      found.push(isShort ? { begin: mark.begin, end: mark.end, items: [mark] } : mark);
    }
  }
  return found.map((one) => (one.items?.length === 1 ? one.items[0] : one));
}

function asCluster(cluster) {
  const names = cluster.items.slice(0, 5).map(({ title, begin, end }) => `${title}: ${took(end - begin)}`);
  const rest = cluster.items.length - names.length;
  if (rest > 0) names.push(`and ${many(rest, "other")}`);
  return { phase: "cluster", title: many(cluster.items.length, "step"), facts: [...names, PHASES.cluster[1]] };
}

function vainCall(at, run) {
  if (run.count === 1) return run;
  const facts = [`at ${moment(at, 1)}`, `one of ${grouped(run.count)}`];
  return { begin: at, end: at, title: `${run.title}: not yet`, facts };
}

/** Draws into the plot's own coordinates, and remembers what lies where. */
class Pen {
  constructor(view, width) {
    this.view = view;
    this.width = width;
    this.scale = width / (view.to - view.from);
    this.spots = [];
    this.nodes = [];
  }

  x(moment) {
    const x = (moment - this.view.from) * this.scale;
    return Math.min(this.width + 4, Math.max(-4, x));
  }

  sees(begin, end) {
    return end >= this.view.from && begin <= this.view.to;
  }

  add(node) {
    this.nodes.push(node);
  }

  spot(left, right, top, height, item) {
    this.spots.push({ left, right, top, height, item });
  }

  /** Words, where there is room; the first of several that fits. */
  words(left, right, y, texts, name = "words") {
    const from = Math.max(0, left);
    const room = Math.min(this.width, right) - from;
    const text = texts.find((one) => one.length * 6.3 + 12 < room);
    if (text) this.add(svg("text", { class: name, x: from + room / 2, y }, text));
  }

  /** A mark, with words up to where the next one covers it. */
  span(mark, top, height, covered = Infinity) {
    const left = this.x(mark.begin);
    const right = Math.max(left + 1.6, this.x(mark.end));
    const { phase } = mark;
    const round = right - left > 8 ? 2 : 0;
    this.add(svg("rect", { class: `mark ${phase}`, x: left, y: top, width: right - left, height, rx: round }));
    this.spot(left, right, top, height, mark);
    if (phase === "cluster") return;
    const name = PHASES[phase][0];
    const long = took(mark.end - mark.begin);
    const texts = [`${mark.label ?? name} ${long}`, `${name} ${long}`, name, long];
    this.words(left, Math.min(right, this.x(covered)), top + height / 2, texts);
  }

  band(band, top, height) {
    if (!this.sees(band.begin, band.end)) return;
    if (callsOf(band.runs) <= FEW) {
      for (const run of band.runs) run.at.forEach((at) => this.lone(at, run, top, height));
      return;
    }
    const left = this.x(band.begin);
    const right = Math.max(left + 1.6, this.x(band.end));
    const { count, single } = seenOf(band, this.view, this.scale);
    const text = `${many(count, "call")} in vain`;
    const shape = single ? "vain-ground" : "mark vain";
    this.add(svg("rect", { class: shape, x: left, y: top, width: right - left, height }));
    const counted = countedFrom(band.runs);
    const facts = [`from ${moment(band.begin, 1000)} to ${moment(band.end, 1000)}`,
      ...(counted === null ? [] : [`from ${moment(counted, 1000)} on only counted`]),
      ...band.runs.slice(0, 4).map((run) => `${run.title}: ${grouped(run.count)} times ‘not yet’`)];
    this.spot(left, right, top, height, { begin: band.begin, end: band.end, phase: "vain", title: text, facts });
    if (single) {
      for (const { at, run } of single) this.call(at, run, top, height);
      return;
    }
    this.words(left, right, top + height / 2, [text, `${grouped(count)} in vain`, grouped(count)]);
  }

  call(at, run, top, height) {
    const x = this.x(at);
    this.add(svg("line", { class: "call", x1: x, x2: x, y1: top + 1, y2: top + height - 1 }));
    this.spot(x - 1, x + 1, top, height, vainCall(at, run));
  }

  /** A call in vain that stands alone: a tick from far, a pale span from near. */
  lone(at, run, top, height) {
    const left = this.x(at);
    const right = run.count === 1 ? this.x(run.end) : left;
    if (right - left < 6) {
      this.add(svg("line", { class: "lone", x1: left, x2: left, y1: top, y2: top + height * 0.3 }));
    } else {
      this.add(svg("rect", { class: "lone", x: left, y: top, width: right - left, height, rx: 2 }));
      this.words(left, right, top + height / 2, [outcomeText("not_yet")]);
    }
    this.spot(left - 1, Math.max(left + 1, right), top, height, vainCall(at, run));
  }

  sign(sign, top, height) {
    const x = this.x(sign.begin);
    const y = top + height / 2;
    this.add(svg("path", { class: `sign ${sign.kind}`, d: SIGN_PATHS[sign.kind], transform: `translate(${x} ${y})` }));
    this.spot(x - 4, x + 4, top, height, sign);
  }

  /** A message on its way into the kernel: how long the write took, and when it was there. */
  flag(flag, top, height, named) {
    const left = this.x(flag.begin);
    const right = Math.max(left + 1.6, this.x(flag.end));
    const at = this.x(flag.at);
    this.add(svg("rect", { class: "sent", x: left, y: top + height - 7, width: right - left, height: 5 }));
    this.add(svg("path", { class: "arrival", d: "M-4 -6H4L0 2Z", transform: `translate(${at} ${top + height - 9})` }));
    if (named) this.add(svg("text", { class: "name", x: at, y: top + 7 }, flag.name));
    this.spot(Math.min(left, at - 4), Math.max(right, at + 4), top, height, flag);
  }

  line(line, top) {
    const left = this.x(line.begin);
    const right = this.x(line.open ? this.view.to : line.end);
    const y = top + 6;
    this.add(svg("path", { class: "client", d: `M${left} ${y}H${right}M${left} ${y - 4}V${y + 4}` }));
    if (!line.open) this.add(svg("circle", { class: "answer", cx: right, cy: y, r: 3 }));
    this.spot(left - 2, right + 3, top, 12, line);
  }
}

function drawLane(pen, { lane, top, height }) {
  const body = lane.client ? { top: top + 14, height: height - 16 } : { top: top + 3, height: height - 6 };
  if (lane.present) {
    const [from, to] = lane.present.map((moment) => pen.x(moment));
    pen.add(svg("rect", { class: "present", x: from, y: top, width: Math.max(0, to - from), height }));
  }
  const marks = gathered(lane.marks, pen.view, pen.scale);
  marks.forEach((one, index) => {
    pen.span(one.items ? { ...one, ...asCluster(one) } : one, body.top, body.height, marks[index + 1]?.begin);
  });
  bands(lane.runs).forEach((band) => pen.band(band, body.top, body.height));
  for (const line of lane.lines) {
    if (pen.sees(line.begin, line.open ? Infinity : line.end)) pen.line(line, top);
  }
  let last = -Infinity;
  for (const sign of lane.signs.filter((one) => pen.sees(one.begin, one.begin))) {
    if (pen.x(sign.begin) - last < 3) continue;
    last = pen.x(sign.begin);
    pen.sign(sign, body.top, body.height);
  }
  last = -Infinity;
  for (const flag of lane.flags.filter((one) => pen.sees(one.begin, one.end))) {
    const named = pen.x(flag.at) - last > 9;
    if (named) last = pen.x(flag.at);
    pen.flag(flag, top, height, named);
  }
}

function axis(pen, height) {
  const { step, moments } = ticks(pen.view, pen.width, pen.width < 400 ? 96 : 120);
  return moments.flatMap((at) => {
    const x = pen.x(at);
    const edge = x < 30 ? "start" : x > pen.width - 30 ? "end" : "middle";
    return [
      svg("line", { class: "grid", x1: x, x2: x, y1: AXIS - 8, y2: height }),
      svg("text", { class: "tick", x, y: 11, "text-anchor": edge }, moment(at, step)),
    ];
  });
}

/** How many calls in vain are in view, all lanes of the server together. */
function vainIn(plot, view) {
  const isSeen = (one) => one.end >= view.from && one.begin <= view.to;
  const lanes = plot.lanes.filter((lane) => !lane.client);
  const runs = lanes.flatMap((lane) => lane.runs).filter(isSeen);
  const sleeps = lanes.flatMap((lane) => lane.marks).filter((mark) => mark.isVain && isSeen(mark));
  return runs.reduce((sum, run) => sum + countIn(run, view), sleeps.length);
}

/** Draws `plot` through `view`; returns what lies where. */
function draw(node, plot, view, width) {
  const places = layout(plot, width);
  const pen = new Pen(view, places.width);
  const grounds = places.rows.map(({ lane, top, height }) =>
    svg("rect", { class: `ground nth${lane.tint ?? 0}`, x: 0, y: top, width: places.width, height, rx: 3 }));
  const lanes = places.rows.map((row) => {
    pen.nodes = [];
    drawLane(pen, row);
    return svg("g", { "data-lane": row.lane.label, "data-model": row.lane.model }, ...pen.nodes);
  });
  const labels = places.rows.map(({ lane, top, height }) => places.wide
    ? svg("text", { class: "lane", x: places.left - 12, y: top + height / 2, "text-anchor": "end" }, lane.label)
    : svg("text", { class: "lane", x: 2, y: top - 7 }, lane.label));
  const { height } = places;
  const inner = svg("svg", { x: places.left, y: 0, width: places.width, height, overflow: "hidden" },
    ...grounds, ...axis(pen, height), ...lanes);
  node.setAttribute("viewBox", `0 0 ${width} ${height}`);
  node.setAttribute("height", height);
  node.replaceChildren(inner, ...labels);
  return { spots: pen.spots, left: places.left, width: places.width };
}
