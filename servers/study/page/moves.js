// # Moves: wheel, fingers and keys
//
// Problem: a picture that takes the wheel or the finger for itself traps who only wants to scroll.
// Idea: a plain wheel and a finger that goes up or down belong to the page; Ctrl and the wheel, two
// fingers, and a drag to the side belong to the picture.
// Leaves out: what is drawn: `picture.js` is told where to look.

const KEYS = {
  "+": ["zoom", 0.5], "=": ["zoom", 0.5], "-": ["zoom", 2], "_": ["zoom", 2],
  ArrowLeft: ["pan", -0.2], ArrowRight: ["pan", 0.2], Home: ["whole"], 0: ["whole"],
  n: ["step", 1], N: ["step", 1], p: ["step", -1], P: ["step", -1], Escape: ["leave"],
};

function listenKeys(node, acts) {
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [act, by] = KEYS[event.key] ?? [];
    if (!act) return;
    event.preventDefault();
    acts[act](by);
  });
}

function listenWheel(node, acts, xOf) {
  node.addEventListener("wheel", (event) => {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !sideways) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    if (event.ctrlKey) acts.zoom(Math.exp(event.deltaY * lines * 0.006), xOf(event));
    else acts.drag(-(event.deltaX || event.deltaY) * lines);
  }, { passive: false });
}

/** One pointer drags, two pinch, one that did not move chooses. */
function listenPointers(node, acts, xOf) {
  const held = new Map();
  let moved = 0;
  const apart = () => {
    const [a, b] = [...held.values()];
    return { gap: Math.max(12, Math.abs(a - b)), middle: (a + b) / 2 };
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    if (held.size === 0) moved = 0;
    held.set(event.pointerId, xOf(event));
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    const x = xOf(event);
    if (!held.has(event.pointerId)) {
      acts.point(event);
      return;
    }
    const before = held.size === 2 ? apart() : null;
    const by = x - held.get(event.pointerId);
    held.set(event.pointerId, x);
    moved += Math.abs(by);
    if (before) {
      const now = apart();
      acts.drag(now.middle - before.middle);
      acts.zoom(before.gap / now.gap, now.middle);
    } else if (moved > 3) {
      acts.drag(by);
    }
  });
  const release = (event) => {
    const was = held.delete(event.pointerId);
    if (was && event.type === "pointerup" && moved <= 3) acts.choose(event);
  };
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, release);
  node.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && held.size === 0) acts.leave();
  });
}
