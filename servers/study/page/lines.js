// # Lines: how a figure grows
//
// Problem: nine lines cross, and colours alone don't tell nine apart.
// Idea: each has a colour, a dash and a sign of its own; the legend shows all three.
// Leaves out: curves: between two measured points the line is straight.

const DOTS = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", "M-3.6 -3.6H3.6V3.6H-3.6Z", "M0 -5L4.6 4H-4.6Z",
  "M0 -5L5 0L0 5L-5 0Z", "M0 5L4.6 -4H-4.6Z"];
const LINES = { left: 58, right: 14, top: 12, bottom: 40, height: 260 };

const power = (n) => (n >= 1e6 ? `${n / 1e6} M` : n >= 1e4 ? `${n / 1e3} k` : n >= 1 ? grouped(n) : `${n}`);

/** An axis: a function from a figure to 0..1, and the figures to name. */
function axisOf(values, isLog) {
  const most = Math.max(...values, 1e-9);
  if (!isLog) {
    const { step, moments } = ticks({ from: 0, to: most * 1.05 }, 200, 40);
    return { share: (v) => v / (most * 1.05), marks: moments, name: (v) => (step >= 1 ? grouped(v) : v.toFixed(Math.ceil(-Math.log10(step)))) };
  }
  const some = values.filter((v) => v > 0);
  const least = Math.floor(Math.log10(Math.min(...some, most)) + 1e-9);
  // A logarithmic axis has no zero: where there are some, they lie on a line of their own, below all.
  const hasZero = some.length < values.length;
  const bottom = hasZero ? least - 1 : least;
  const top = Math.max(bottom + 1, Math.ceil(Math.log10(most) - 1e-9));
  const marks = Array.from({ length: top - bottom + 1 }, (_, n) => 10 ** (bottom + n));
  return { share: (v) => (Math.log10(Math.max(v, 10 ** bottom)) - bottom) / (top - bottom), marks, name: (v) => (hasZero && v === marks[0] ? "0" : power(+v.toPrecision(3))) };
}

const dot = (series, x, y) =>
  svg("path", { class: `dot s${series % 9}`, d: DOTS[series % DOTS.length], transform: `translate(${x} ${y})` });

function lineOf(one, series, place) {
  const there = one.points.filter(({ y }) => y !== null && y !== undefined);
  const places = there.map((point) => [place.x(point.x), place.y(point.y)]);
  const path = places.map(([x, y], n) => `${n ? "L" : "M"}${x} ${y}`).join("");
  const spread = there.filter(({ low, high }) => (low ?? null) !== null && (high ?? null) !== null).map(({ x, low, high }) =>
    svg("path", { class: `whisker s${series % 9}`, d: `M${place.x(x)} ${place.y(low)}V${place.y(high)}` }));
  return [svg("path", { class: `line s${series % 9} d${series % 3}`, d: path }), ...spread,
    ...places.map(([x, y]) => dot(series, x, y))];
}

function drawLines(chart, width) {
  const { left, right, top, bottom, height } = LINES;
  const points = chart.series.flatMap((one) => one.points).filter(({ y }) => y !== null && y !== undefined);
  const across = axisOf(points.map(({ x }) => x), chart.x.log);
  const up = axisOf(points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]), chart.log);
  const place = {
    x: (v) => left + across.share(v) * (width - left - right),
    y: (v) => height - bottom - up.share(v) * (height - top - bottom),
  };
  const nodes = [];
  for (const mark of up.marks) {
    const y = place.y(mark);
    nodes.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }));
    nodes.push(svg("text", { class: "tick", x: left - 8, y, "text-anchor": "end" }, up.name(mark)));
  }
  for (const mark of across.marks) {
    nodes.push(svg("text", { class: "tick", x: place.x(mark), y: height - bottom + 16, "text-anchor": "middle" }, across.name(mark)));
  }
  nodes.push(svg("text", { class: "tick", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, chart.x.label));
  chart.series.forEach((one, series) => nodes.push(...lineOf(one, series, place)));
  return { nodes, height };
}

/** Which sign is which series. */
function chartLegend(chart) {
  const sample = (series) => chart.x
    ? svg("svg", { width: 30, height: 12, "aria-hidden": "true" },
      svg("path", { class: `line s${series % 9} d${series % 3}`, d: "M0 6H30" }), dot(series, 15, 6))
    : svg("svg", { width: 14, height: 12, "aria-hidden": "true" },
      ...barShape(series, { width: 14, height: 12, rx: 2 }));
  return html("ul", { class: "series" }, ...chart.series.map((one, series) => html("li", {}, sample(series), one.name)));
}

/** Draws a chart as wide as its place, now and whenever that changes. */
function startChart(host) {
  const chart = page.charts.find(({ id }) => id === host.dataset.chart);
  const stage = svg("svg", { class: "figures", width: "100%", role: "img", "aria-label": `${chart.title}: the table below has the figures` });
  if (chart.series.length > 1) host.append(chartLegend(chart));
  host.append(stage);
  const paint = () => {
    const width = Math.max(240, host.clientWidth);
    const { nodes, height } = chart.x ? drawLines(chart, width) : drawBars(chart, width);
    stage.setAttribute("viewBox", `0 0 ${width} ${height}`);
    stage.setAttribute("height", height);
    stage.replaceChildren(...nodes);
  };
  new ResizeObserver(() => requestAnimationFrame(paint)).observe(host);
}
