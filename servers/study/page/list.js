// # List: every event as a row
//
// Problem: a picture is nothing to a screen reader, and little to who looks for one event.
// Idea: a folded table with all of them, made when it is opened.
// Leaves out: the single calls of a run: they differ in nothing but their time.

function makeList(details) {
  const scene = sceneOf(details.dataset.list);
  const row = (event) => html("tr", {},
    html("td", {}, moment(event.begin, 100)), html("td", {}, took(event.end - event.begin)),
    html("th", { scope: "row" }, titleOf(scene, event)),
    html("td", {}, outcomeText(event.outcome) + ((event.count ?? 1) > 1 ? `, ${grouped(event.count)} times` : "")),
    html("td", {}, scene.threads[event.thread] ?? ""));
  const heads = ["begins", "takes", "what", "outcome", "thread"];
  const head = html("tr", {}, ...heads.map((name) => html("th", { scope: "col" }, name)));
  return html("table", {}, html("thead", {}, head), html("tbody", {}, ...scene.events.map(row)));
}

function startList(details) {
  const open = () => {
    if (!details.open) return;
    details.removeEventListener("toggle", open);
    details.querySelector(".scroll").replaceChildren(makeList(details));
  };
  details.addEventListener("toggle", open);
}
