// # Phases: what became of each message
//
// Problem: an event says what a call did; a message wants to know how long it lay there.
// Idea: per connection, the phases of each exchange as they were recorded, and one that no call
// shows: the message had arrived, and the server had not begun to look.
// Leaves out: guesses: where the recording can't tell two phases apart, they are one span.

const PARTS = ["waiting", "waking", "own", "copying", "together", "replying"];

/** The phases of an exchange that it has, in their order in time. */
function partsOf(exchange) {
  const parts = PARTS.map((phase) => ({ phase, span: exchange[phase] }));
  return parts.filter(({ span }) => span);
}

function exchangeMarks(scene, connection) {
  const marks = [];
  for (const exchange of scene.exchanges.filter((one) => one.client === connection)) {
    const name = `message ${exchange.message + 1} of ${scene.connections[connection]}`;
    for (const { phase, span } of partsOf(exchange)) {
      const [begin, end] = span;
      const facts = [name, `begins at ${moment(begin, 100)}`, `takes ${took(end - begin)}`];
      marks.push({ begin, end, phase, title: PHASES[phase][0], facts });
    }
  }
  return marks;
}

/**
 * Where one call waits for all clients: each of its sleeps is a wait for this client too, not only
 * the one that its message ends. From its accept on; not while a message of it is under way.
 */
function sleptMarks(scene, connection) {
  const accepted = scene.events.find((event) => event.connection === connection && event.kind === "accept");
  const sleeps = scene.events.filter(({ kind }) => kind === "wait" || kind === "park");
  let from = accepted ? accepted.end : Infinity;
  const gaps = scene.clients[connection].messages.map((message) => {
    const gap = [from, message.arrived ?? message.sent[1]];
    from = Math.max(from, message.answered ?? Infinity);
    return gap;
  });
  gaps.push([from, scene.clients[connection].left]);
  return gaps.flatMap(([begin, end]) => sleeps.flatMap((sleep) => {
    const span = [Math.max(begin, sleep.begin), Math.min(end, sleep.end)];
    return span[0] < span[1] ? [waitMark(scene, connection, span)] : [];
  }));
}

function waitMark(scene, connection, [begin, end]) {
  const facts = [`for ${scene.connections[connection]}`, `begins at ${moment(begin, 100)}`, `takes ${took(end - begin)}`];
  return { begin, end, phase: "waiting", title: PHASES.waiting[0], facts };
}

/** For each message, when the server began the read that brought its first byte; or null. */
function lookedAt(scene, connection) {
  const reads = scene.events.filter(
    (event) => event.connection === connection && event.kind === "read" && event.outcome?.bytes);
  let next = 0;
  let read = 0;
  let sent = 0;
  return scene.clients[connection].messages.map((message) => {
    while (next < reads.length && read + reads[next].outcome.bytes <= sent) {
      read += reads[next].outcome.bytes;
      next += 1;
    }
    sent += message.bytes;
    return reads[next]?.begin ?? null;
  });
}

/** Spans in which a message was there, and no exchange nor read had begun. */
function queuedMarks(scene, connection) {
  const client = scene.clients[connection];
  const met = new Set(
    scene.exchanges.filter((one) => one.client === connection).map((one) => one.message));
  const looked = lookedAt(scene, connection);
  const spans = client.messages.flatMap((message, index) => {
    const begin = message.arrived ?? message.sent[1];
    const end = looked[index] ?? message.answered ?? scene.span;
    if (met.has(index) || end <= begin) return [];
    const fact = `message ${index + 1} of ${client.name}: arrived at ${moment(begin, 100)}, waits for ${took(end - begin)}`;
    return [{ begin, end, phase: "queued", facts: [fact] }];
  });
  return joined(spans).map((mark) => ({ ...mark, ...queueName(mark.facts.length) }));
}

const queueName = (count) => {
  const title = count === 1 ? PHASES.queued[0] : `${count} messages ${PHASES.queued[0]}`;
  return { title, label: title };
};

/** Spans that overlap, as one: messages that wait for the same look. */
function joined(spans) {
  const found = [];
  for (const span of spans) {
    const last = found.at(-1);
    if (last && span.begin < last.end) {
      last.end = Math.max(last.end, span.end);
      last.facts.push(...span.facts);
    } else {
      found.push({ ...span });
    }
  }
  return found;
}

/** From the client's side: from the begin of its write to the end of its reply. */
function clientMarks(client) {
  return client.messages.map((message, index) => {
    const begin = message.sent[0];
    const end = message.answered;
    const name = `message ${index + 1} of ${client.name}`;
    const facts = [many(message.bytes, "byte"), `sent at ${moment(begin, 100)}`];
    facts.push(end === null ? "never answered" : `answered after ${took(end - begin)}`);
    return { begin, end: end ?? begin, title: name, facts, open: end === null };
  });
}
