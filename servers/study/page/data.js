// # Data: the recording, as the page brought it
//
// Problem: the times of vain calls came as distances, to be short, and pictures need moments.
// Idea: read once, and add up into arrays of numbers, which a binary search can use.
// Leaves out: checks: the program that wrote the page wrote the data.

const page = JSON.parse(document.getElementById("data").textContent);

for (const scene of page.scenes) {
  for (const event of scene.events ?? []) {
    if (!event.steps) continue;
    // The first call has no distance: it is when the event began.
    const at = new Float64Array(event.steps.length + 1);
    at[0] = event.begin;
    event.steps.forEach((step, index) => (at[index + 1] = at[index] + step));
    event.at = at;
    delete event.steps;
  }
}

/** The scenes that have something to show. */
const scenes = page.scenes.filter((scene) => !scene.unavailable);

const sceneOf = (model) => scenes.find((scene) => scene.model === model);
