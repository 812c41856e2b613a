// # Bars: one group per model, one bar per figure
//
// Problem: nine names under upright bars overlap on a phone.
// Idea: bars lie; names stand at the left, figures at the right, at any width.
// Leaves out: what is missing is written where its bar would be.

const BAR = 15;

/** A function from a figure to its length, and the marks of the axis. */
function barScale(chart, points, room) {
  const tops = points.flatMap(({ y, high }) => [y ?? 0, high ?? 0]);
  const most = Math.max(...tops, 1e-9);
  if (!chart.log) return (y) => Math.max(0, y / most) * room;
  const least = Math.min(...points.flatMap(({ y, low }) => [y, low]).filter((y) => y > 0), most);
  const bottom = Math.floor(Math.log10(least) - 0.3);
  const top = Math.log10(most);
  return (y) => (y > 0 ? Math.max(0.02, (Math.log10(y) - bottom) / Math.max(0.1, top - bottom)) * room : 0);
}

function whiskers(scale, x, y, { low, high }) {
  if (low === null || low === undefined || high === null || high === undefined) return [];
  const [from, to] = [x + scale(low), x + scale(high)];
  return [svg("path", { class: "whisker", d: `M${from} ${y}H${to}M${from} ${y - 3}V${y + 3}M${to} ${y - 3}V${y + 3}` })];
}

/** Every second series is hatched. */
function barShape(series, box) {
  const shapes = [svg("rect", { class: `bar s${series % 9}`, ...box })];
  if (series % 2 === 1) shapes.push(svg("rect", { class: "hatch", ...box }));
  return shapes;
}

function bar(place, point, series, scale, left, top) {
  const y = top + BAR / 2;
  if (point.y === null || point.y === undefined) {
    return [svg("text", { class: "none", x: left + 4, y }, `– ${point.missing ?? ""}`)];
  }
  const width = Math.max(1, scale(point.y));
  const end = left + Math.max(width, scale(point.high ?? 0)) + 6;
  return [
    ...barShape(series, { x: left, y: top, width, height: BAR - 2, rx: 2 }),
    ...whiskers(scale, left, y - 1, point),
    svg("text", { class: "value", x: end, y }, short(point.y)),
  ];
}

function drawBars(chart, width) {
  const names = [...new Set(chart.series.flatMap(({ points }) => points.map(({ x }) => x)))];
  const left = Math.max(...names.map((name) => name.length)) * 7.2 + 14;
  const points = chart.series.flatMap((one) => one.points);
  const scale = barScale(chart, points, Math.max(60, width - left - 70));
  const nodes = [];
  let y = 4;
  for (const name of names) {
    const middle = y + (chart.series.length * BAR) / 2;
    nodes.push(svg("text", { class: "group", x: left - 10, y: middle, "text-anchor": "end" }, name));
    chart.series.forEach((one, series) => {
      const point = one.points.find(({ x }) => x === name);
      if (point) nodes.push(...bar(name, point, series, scale, left, y));
      y += BAR;
    });
    y += 8;
  }
  nodes.push(svg("line", { class: "base", x1: left, x2: left, y1: 0, y2: y - 4 }));
  return { nodes, height: y };
}
