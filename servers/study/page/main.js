// # Main: which picture shows what
//
// Problem: the page has places for pictures, and scenes that could fill them.
// Idea: each place says by its attributes what it wants; here it gets its lanes and its view.
// Leaves out: nothing: this is the end of the way.

const all = new Map(scenes.map((scene) => [scene.model, lanesOf(scene)]));
const longest = Math.max(1, ...scenes.map((scene) => scene.span));
const wholeOf = (span) => ({ from: -0.015 * span, to: 1.015 * span });

/** As far as one can look: also at what a server did before the first client came, and after the last had left. */
function limitOf(some) {
  const first = Math.min(0, ...some.map(({ events }) => events[0]?.begin ?? 0));
  const last = some.flatMap(({ events }) => events).reduce((end, event) => Math.max(end, event.end), 1);
  const whole = wholeOf(Math.max(1, ...some.map(({ span }) => span)));
  return { from: Math.min(whole.from, first * 1.02), to: Math.max(whole.to, last * 1.02) };
}

/** From a little before the data came to a little after the reply went. */
function nearOf(exchange) {
  const parts = partsOf(exchange).filter(({ phase }) => phase !== "waiting").map(({ span }) => span);
  const from = Math.min(...parts.map(([begin]) => begin));
  const to = Math.max(...parts.map(([, end]) => end));
  const room = (to - from) * 0.2;
  return { from: from - room, to: to + room };
}

const labelled = (lanes) => lanes.map((lane) =>
  ({ ...lane, label: lane.purpose ? `${lane.model}: ${lane.purpose}` : lane.model }));

/** Two models: each role of the one above the same role of the other. */
function overlaid(models) {
  const lanes = models.flatMap((model, tint) => all.get(model).map((lane) => ({ ...lane, tint: tint + 1 })));
  const order = ["kernel", "thread", "reactor", "queue", "task", "connection"];
  const rank = (lane) => order.indexOf(lane.role.split(" ")[0]) * 100 + (+lane.role.split(" ")[1] || 0);
  lanes.sort((a, b) => rank(a) - rank(b));
  return lanes.map((lane) => ({ ...lane, label: `${lane.model}: ${lane.purpose ?? lane.label}` }));
}

const PLOTS = {
  far: (scene) => ({
    name: `${scene.model}, the whole scene`, models: [scene.model], lanes: all.get(scene.model),
    home: wholeOf(scene.span), limit: limitOf([scene]),
  }),
  near: (scene) => ({
    name: `${scene.model}, the median message`, models: [scene.model], lanes: all.get(scene.model),
    home: nearOf(scene.exchanges[scene.median]), limit: limitOf([scene]),
  }),
  threads: () => ({
    name: "What each thread does", models: scenes.map(({ model }) => model),
    lanes: labelled(scenes.flatMap(({ model }) => all.get(model).filter(({ role }) => role === "thread"))),
    home: wholeOf(longest), limit: limitOf(scenes),
  }),
  second: () => ({
    name: "What becomes of the second client", models: scenes.map(({ model }) => model),
    lanes: labelled(scenes.flatMap(({ model }) => all.get(model).filter(({ role }) => role === "connection 1"))),
    home: wholeOf(longest), limit: limitOf(scenes),
  }),
  overlay: (...models) => ({
    name: `${models.join(" and ")} on one axis`, models, lanes: overlaid(models),
    home: wholeOf(longest), limit: limitOf(scenes),
  }),
};

function startOverlay(host) {
  const choices = [...document.querySelectorAll("select[data-choice]")];
  const first = ["blocking", "async"].map((wanted, index) => sceneOf(wanted)?.model ?? scenes.at(index - 1).model);
  const show = () => makePicture(host, PLOTS.overlay(...choices.map((choice) => choice.value)));
  choices.forEach((choice, index) => {
    choice.append(...scenes.map(({ model }) => html("option", { value: model }, model)));
    choice.value = first[index];
    choice.addEventListener("change", show);
  });
  show();
}

function signSample(kind) {
  const path = kind === "arrival" ? { class: "arrival", d: "M-4 -3H4L0 5Z" } : { class: `sign ${kind}`, d: SIGN_PATHS[kind] };
  return svg("svg", { class: "swatch", width: 26, height: 16, viewBox: "-13 -8 26 16", "aria-hidden": "true" }, svg("path", path));
}

function startLegends() {
  const item = ([phase, [name, why]]) =>
    html("li", {}, swatch(phase), html("span", {}, html("b", {}, name), ` ${why}`));
  const signs = Object.entries({ ...SIGNS, arrival: SIGN_ARRIVAL }).map(([kind, why]) =>
    html("li", {}, signSample(kind), html("span", {}, why)));
  document.querySelector("[data-legend]").append(...Object.entries(PHASES).map(item), ...signs);
  for (const list of document.querySelectorAll("[data-parts]")) {
    const scene = sceneOf(list.dataset.parts);
    const parts = partsOf(scene.exchanges[scene.median])
      .filter(({ phase, span }) => phase !== "waiting" && span[1] > span[0]);
    list.append(...parts.map(({ phase, span }) =>
      html("li", {}, swatch(phase), html("span", {}, PHASES[phase][0]), html("b", {}, took(span[1] - span[0])))));
  }
}

startTheme();
startPrint();
startLegends();
for (const host of document.querySelectorAll("[data-picture]")) {
  if (scenes.length === 0) break;
  if (host.dataset.picture === "overlay") startOverlay(host);
  else makePicture(host, PLOTS[host.dataset.picture](sceneOf(host.dataset.of)));
}
document.querySelectorAll("[data-list]").forEach(startList);
document.querySelectorAll("[data-chart]").forEach(startChart);
