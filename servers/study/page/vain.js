// # Vain: a hundred thousand calls, singly or as a band
//
// Problem: a server that spins makes more calls than a screen has points.
// Idea: calls that follow each other form a band; a search finds those in view; they are drawn
// singly when they lie three points apart, and counted when not.
// A few calls that stand alone are no band: each is a tick.
// Leaves out: calls that have no single time: they are only counted, and the picture says from when.

/** Calls lie at least so many pixels apart when each gets a line. */
const APART = 3;

/** So many calls, one after the other, are not yet asking for ever. */
const FEW = 4;

const callsOf = (runs) => runs.reduce((sum, run) => sum + run.count, 0);

/** Runs of several sockets, asked in turn, as bands without gaps. */
function bands(runs) {
  const found = [];
  for (const run of [...runs].sort((a, b) => a.begin - b.begin)) {
    const last = found.at(-1);
    if (last && run.begin <= last.end) {
      last.runs.push(run);
      last.end = Math.max(last.end, run.end);
    } else {
      found.push({ begin: run.begin, end: run.end, runs: [run] });
    }
  }
  return found;
}

/** How many calls of a run lie in view. */
function countIn(run, view) {
  if (run.begin >= view.from && run.end <= view.to) return run.count;
  const times = run.at;
  const seen = firstFrom(times, view.to) - firstFrom(times, view.from);
  if (times.length >= run.count) return seen;
  // The rest has no single times: taken as spread evenly behind the last one.
  const last = times.at(-1) ?? run.begin;
  const rest = Math.min(view.to, run.end) - Math.max(view.from, last);
  const share = run.end > last ? Math.max(0, rest) / (run.end - last) : 0;
  return seen + Math.round((run.count - times.length) * share);
}

/** Whether each call of a run that is in view has a time of its own. */
const isKnown = (run, view) => run.at.length >= run.count || run.at.at(-1) >= view.to;

/** From which moment on calls are only counted; null where each has its time. */
function countedFrom(runs) {
  const cut = runs.filter((run) => run.at.length < run.count).map((run) => run.at.at(-1));
  return cut.length > 0 ? Math.min(...cut) : null;
}

/** What of a band is in view: its count, and its single calls where there is room for them. */
function seenOf(band, view, scale) {
  const counts = band.runs.map((run) => countIn(run, view));
  const count = counts.reduce((sum, n) => sum + n, 0);
  const width = (Math.min(band.end, view.to) - Math.max(band.begin, view.from)) * scale;
  const all = band.runs.every((run) => isKnown(run, view));
  if (!all || count * APART > width) return { count, single: null };
  const single = band.runs.flatMap((run) => {
    const from = firstFrom(run.at, view.from);
    const to = firstFrom(run.at, view.to);
    return Array.from(run.at.subarray(from, to), (at) => ({ at, run }));
  });
  return { count, single: single.sort((a, b) => a.at - b.at) };
}
