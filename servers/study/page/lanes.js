// # Lanes: who did what, each in a row of its own
//
// Problem: a recording is one list of events, in order of time; a reader wants to follow one thing.
// Idea: a lane per thing. Each event goes into exactly one lane of the server; what arrived and
// what became of it come from the clients and the exchanges.
// Leaves out: places on the screen: `draw.js`.

const INSTANTS = new Set(["signal", "submit", "complete", "close", "event", "wake", "timer"]);
const SLEEPS_IN_ITS_CALLS = new Set(["blocking", "threads"]);

/** A lane holds marks (spans), signs (instants), runs (vain calls) and lines (a client's waits). */
const lane = (role, label, rest = {}) => (
  { role, label, marks: [], signs: [], runs: [], lines: [], flags: [], events: 0, ...rest });

function phaseOf(event) {
  switch (event.kind) {
    case "wait": case "park": return "sleep";
    case "accept": return "accepting";
    case "read": return "copying";
    case "write": return "replying";
    case "queued": return "inqueue";
    case "poll": return "polling";
    default: return "own";
  }
}

/** A call that waits by itself: it sleeps until the data comes, and is woken in the same call. */
function sleepingCall(scene, event, mark) {
  if (!SLEEPS_IN_ITS_CALLS.has(scene.model)) return [mark];
  if (event.kind === "accept") return [{ ...mark, phase: "sleep" }];
  if (event.kind !== "read") return [mark];
  const met = scene.exchanges.find(({ client, together }) =>
    client === event.connection && together && together[0] >= event.begin && together[1] <= event.end);
  if (!met) return [event.outcome?.bytes ? mark : { ...mark, phase: "sleep" }];
  const at = met.together[0];
  return [{ ...mark, end: at, phase: "sleep" }, { ...mark, begin: at, phase: "together" }];
}

/** Puts an event into its lane. */
function place(scene, event, into) {
  const title = titleOf(scene, event);
  const facts = factsOf(scene, event);
  into.events += 1;
  if (INSTANTS.has(event.kind)) {
    into.signs.push({ begin: event.begin, end: event.begin, kind: event.kind, title, facts });
  } else if (isVain(event) && !isVainSleep(event)) {
    const { begin, end, count = 1, at = Float64Array.of(begin) } = event;
    into.runs.push({ begin, end, count, at, title, facts, connection: event.connection ?? null });
  } else {
    const mark = { begin: event.begin, end: event.end, phase: phaseOf(event), title, facts, isVain: isVain(event) };
    into.marks.push(...sleepingCall(scene, event, mark));
  }
}

/** What arrives, for all clients: their writes as flags, the kernel's stamps as arrows. */
function kernelLane(scene) {
  const kernel = lane("kernel", LANES.kernel);
  for (const client of scene.clients) {
    client.messages.forEach((message, index) => {
      const { sent, arrived, bytes } = message;
      const facts = [many(bytes, "byte"), `written from ${moment(sent[0], 100)}`,
        `the write takes ${took(sent[1] - sent[0])}`];
      if (arrived !== null) facts.push(`arrived at ${moment(arrived, 100)}, says the kernel`);
      const title = `message ${index + 1} of ${client.name} arrives`;
      const at = arrived ?? sent[1];
      kernel.flags.push({ begin: sent[0], end: Math.max(sent[1], at), at, name: client.name, title, facts });
    });
  }
  kernel.flags.sort((a, b) => a.begin - b.begin);
  return kernel;
}

function connectionLane(scene, index, lanes) {
  const client = scene.clients[index];
  const row = lane(`connection ${index}`, `${LANES.connection} ${scene.connections[index]}`, { client: true });
  if (!client) return row;
  row.lines = clientMarks(client);
  row.present = [client.connected[0], client.left ?? scene.span];
  // Drawn a second time, for this one only: no event of its own.
  row.runs = lanes.flatMap((one) => one.runs.filter((run) => run.connection === index));
  // Who asks in vain waits, too: the calls say so better than a span that covers them.
  const spins = row.runs.some((run) => run.count > FEW);
  const slept = sleptMarks(scene, index);
  const met = exchangeMarks(scene, index)
    .filter(({ phase }) => phase !== "waiting" || (!spins && slept.length === 0));
  row.marks = [...slept, ...met, ...queuedMarks(scene, index)].sort((a, b) => a.begin - b.begin);
  return row;
}

/** Which lane of the server an event belongs to. */
function home(event, lanes) {
  const { threads, reactor, queue, tasks } = lanes;
  const task = tasks[event.task];
  const isReactors = ["wait", "event", "timer"].includes(event.kind);
  if (reactor && isReactors) return reactor;
  if (queue && ["wake", "queued"].includes(event.kind)) return queue;
  if (task && event.kind === "poll") return task;
  return threads[event.thread] ?? threads[0];
}

/** What a thread or a task is there for: one client, or to accept them all. */
function purposeOf(scene, name) {
  if (scene.connections.includes(name)) return `${LANES.forWhom} ${name}`;
  return ["main", "acceptor"].includes(name) ? LANES.accepts : name;
}

/** A lane for each thread, by its number: its purpose is said where there are several. */
function threadLanes(scene) {
  if (scene.threads.length < 2) return [lane("thread", LANES.thread)];
  return scene.threads.map((name) => {
    const purpose = purposeOf(scene, name);
    const nth = scene.connections.indexOf(name);
    return lane("thread", `${LANES.thread}: ${purpose}`, { purpose, nth, thin: true });
  });
}

function taskLane(scene, name) {
  const purpose = purposeOf(scene, name);
  return lane("task", purpose.startsWith(LANES.task) ? purpose : `${LANES.task}: ${purpose}`, { thin: true });
}

/** All lanes of a scene, from the top. */
function lanesOf(scene) {
  const threads = threadLanes(scene);
  const isAsync = scene.tasks.length > 0;
  // Where the runtime parks, that is when its thread sleeps; its wait is the reactor's own.
  const reactor = isAsync && scene.events.some(({ kind }) => kind === "park") ? lane("reactor", LANES.reactor) : null;
  const queue = isAsync ? lane("queue", LANES.queue) : null;
  const tasks = scene.tasks.map((name) => taskLane(scene, name));
  const lanes = { threads, reactor, queue, tasks };
  for (const event of scene.events) place(scene, event, home(event, lanes));
  // Threads come as the clients do, not as they first ran.
  const inOrder = [...threads].sort((a, b) => a.nth - b.nth);
  const server = [...inOrder, reactor, queue, ...tasks].filter(Boolean);
  server.forEach((one) => one.marks.sort((a, b) => a.begin - b.begin));
  const connections = scene.connections.map((_, index) => connectionLane(scene, index, server));
  return [kernelLane(scene), ...server, ...connections].map((one) => ({ ...one, model: scene.model }));
}
