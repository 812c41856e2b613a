// # Words: all that the pictures say
//
// Problem: words spread over the code that draws are hard to read, and to translate.
// Idea: they stand here, beside the two functions that write a time and a number.
// Leaves out: the sentences of the page: `parts.html`, `page.html`.

/** Name and explanation of each phase, in the order of the legend. */
const PHASES = {
  sleep: ["sleeps", "The thread sleeps in the kernel: it costs nothing."],
  vain: ["asks in vain", "Calls that came back with ‘not yet’: a band; from near, a line each. A thin tick is one that stands alone."],
  waiting: ["waits for data", "The server waits for this client, and nothing has come."],
  queued: ["not looked at yet", "The data is there, but the server has not begun to look."],
  waking: ["waking up", "The data is there; the thread does not run yet, or has not asked again."],
  own: ["own code", "The server runs, on its way to the read call."],
  copying: ["copying", "The read call fetches the bytes."],
  together: ["woken and copied", "Not separable from outside the kernel."],
  replying: ["replying", "The reply is handed to the kernel."],
  accepting: ["accepting", "A call takes a new connection."],
  inqueue: ["in the run queue", "A task was woken, and waits for its turn."],
  polling: ["polls a task", "The runtime runs a task until it has to wait."],
  cluster: ["steps too short to tell apart", "Zoom in to see them."],
};

const KINDS = {
  accept: "accept", read: "read", write: "write", wait: "wait", signal: "signal",
  submit: "submit", complete: "completion", close: "close", park: "park",
  event: "event of the kernel", wake: "wake", queued: "in the run queue", poll: "poll",
  timer: "timer",
};

/** What the small signs mean. */
const SIGNS = {
  signal: "The kernel sends a signal.", submit: "Work is handed to the kernel.", complete: "The kernel has done it.",
  close: "A connection is closed.", event: "The kernel reports a socket.",
  wake: "A task is woken.", timer: "A deadline is due.",
};

const SIGN_ARRIVAL = "The kernel has a message of this client. The line below it: the client writes.";

const LANES = {
  kernel: "kernel", thread: "thread", reactor: "reactor", queue: "run queue", task: "task",
  connection: "client", accepts: "accepts", forWhom: "for",
};

const grouped = (number) => Math.round(number).toLocaleString("en-US");

/** Three digits that count. */
function short(figure) {
  const size = Math.abs(figure);
  if (size === 0) return "0";
  if (size < 9.995) return figure.toFixed(2);
  return size < 99.95 ? figure.toFixed(1) : grouped(figure);
}

/** How long something took, from nanoseconds. */
function took(ns) {
  if (Math.abs(ns) < 1000) return `${Math.round(ns)} ns`;
  return Math.abs(ns) < 1e6 ? `${short(ns / 1e3)} µs` : `${short(ns / 1e6)} ms`;
}

/** A moment, with as many digits as a step of `step` nanoseconds needs. */
function moment(ns, step = 1000) {
  const digits = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(step) - 1e-9)));
  return `${(ns / 1e6).toFixed(digits).replace("-", "−")} ms`;
}

const many = (count, one) => `${grouped(count)} ${one}${count === 1 ? "" : "s"}`;
