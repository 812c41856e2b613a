// # Vain: a hundred thousand calls, singly or as a band
//
// Problem: a server that spins makes more calls than a screen has points.
// Idea: calls that follow each other form a band; a search finds those in view; they are drawn
// singly when they lie three points apart, and counted when not.
// Leaves out: calls that have no single time: they are counted where their run is seen whole.

/** Calls lie at least so many pixels apart when each gets a line. */
const APART = 3;

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

/** What of a band is in view: its count, and its single calls where there is room for them. */
function seenOf(band, view, scale) {
  const counts = band.runs.map((run) => countIn(run, view));
  const count = counts.reduce((sum, n) => sum + n, 0);
  const width = (Math.min(band.end, view.to) - Math.max(band.begin, view.from)) * scale;
  const all = band.runs.every((run) => run.at.length >= run.count);
  if (!all || count * APART > width) return { count, single: null };
  const single = band.runs.flatMap((run) => {
    const from = firstFrom(run.at, view.from);
    const to = firstFrom(run.at, view.to);
    return Array.from(run.at.subarray(from, to), (at) => ({ at, run }));
  });
  return { count, single: single.sort((a, b) => a.at - b.at) };
}
