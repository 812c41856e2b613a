// # Scale: from moments to places, and back
//
// Problem: a scene is 70 ms long, and a copy takes 10 µs: no single scale shows both.
// Idea: a view is a part of the time, from and to; zooming keeps the moment under the pointer in
// its place.
// Leaves out: the pointer itself: `moves.js`.

/** The closest that one can look: 400 ns over the whole picture. */
const CLOSEST = 400;

/** `view` moved and cut so that it lies within `limit`. */
function within(view, limit) {
  const whole = limit.to - limit.from;
  const span = Math.min(whole, Math.max(CLOSEST, view.to - view.from));
  const middle = (view.from + view.to) / 2;
  const from = Math.min(limit.to - span, Math.max(limit.from, middle - span / 2));
  return { from, to: from + span };
}

/** `view` with its span times `factor`; the moment `fixed` keeps its place. */
function zoomed(view, factor, fixed) {
  const span = view.to - view.from;
  const wanted = Math.max(CLOSEST, span * factor);
  const share = (fixed - view.from) / span;
  return { from: fixed - share * wanted, to: fixed + (1 - share) * wanted };
}

/** Moments of the axis: 1, 2 or 5 times a power of ten apart, at least `room` pixels. */
function ticks(view, width, room) {
  const least = ((view.to - view.from) / width) * room;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * [1, 2, 5, 10].find((times) => power * times >= least);
  const moments = [];
  for (let n = Math.ceil(view.from / step); n * step <= view.to; n += 1) moments.push(n * step);
  return { step, moments };
}

/** The first index whose moment is not before `time`, in a sorted list. */
function firstFrom(moments, time) {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
