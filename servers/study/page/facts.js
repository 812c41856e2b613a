// # Facts: an event, in words
//
// Problem: a picture shows where an event lies, not what came of it.
// Idea: each event has a title and a few short facts: the same for the tooltip and for the list.
// Leaves out: where it is drawn: `lanes.js`.

function outcomeText(outcome) {
  if (outcome === null || outcome === undefined) return "";
  if (typeof outcome === "object") {
    if ("bytes" in outcome) return many(outcome.bytes, "byte");
    if ("ready" in outcome) return `${grouped(outcome.ready)} ready`;
    if ("error" in outcome) return `error: ${outcome.error}`;
  }
  return { done: "done", not_yet: "not yet", nothing: "nothing", end: "end of input" }[outcome] ?? `${outcome}`;
}

/** Whose event it is: a connection, or a task. */
function whose(scene, event) {
  const task = event.task ?? null;
  const connection = event.connection ?? null;
  if (connection !== null) return scene.connections[connection] ?? `connection ${connection}`;
  return task === null ? "" : scene.tasks[task] ?? `task ${task}`;
}

function titleOf(scene, event) {
  const owner = whose(scene, event);
  return (KINDS[event.kind] ?? event.kind) + (owner && ` of ${owner}`);
}

const isVain = (event) => event.outcome === "not_yet" || event.outcome === "nothing";

/** In vain, but asleep all the same: no reason to paint it red. */
const isVainSleep = (event) => event.outcome === "nothing" && (event.count ?? 1) === 1;

/** The facts of an event, a line each. */
function factsOf(scene, event) {
  const facts = [`begins at ${moment(event.begin, 100)}`];
  if (event.end > event.begin) facts.push(`takes ${took(event.end - event.begin)}`);
  if ((event.count ?? 1) > 1) facts.push(`${grouped(event.count)} calls, one after the other`);
  const outcome = outcomeText(event.outcome);
  if (outcome) facts.push(`outcome: ${outcome}`);
  const thread = scene.threads[event.thread];
  if (thread !== undefined) facts.push(`thread ${thread}`);
  return facts;
}
