// Shows the photo and its segments side by side, and a table of the segments. Gradio runs this file once, as a function
// of `element`, `props` and `watch`. It builds the page node by node: labels come from models and must not become HTML.
const SVG = "http://www.w3.org/2000/svg";
const viewer = element.querySelector(".viewer");
const texts = props.texts[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
let filter = { kinds: ["Things", "Stuff"], threshold: 0 };
let value = props.value; // what is shown
let parts = []; // the nodes of every segment

function say(name, values) {
  return texts[name].replace(/{(\w+)}/g, (_, key) => values[key]);
}

function make(tag, attributes = {}, ...children) {
  const node = ["svg", "path"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function swatch(segment) {
  return make("span", { class: "swatch", style: `--color: ${segment.color}` });
}

function pane(kind, caption, alt) {
  const paths = value.segments.map((segment, index) => {
    const name = `${segment.label} ${segment.score.toFixed(2)}`;
    const style = `--color: ${segment.color}`;
    const path = make("path", { d: segment.path, style, role: "img", "aria-label": name });
    parts[index].push(path);
    return path;
  });
  const [width, height] = value.grid;
  const style = `--aspect: ${width / height}`;
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": caption }, ...paths);
  for (const name of ["pointermove", "pointerdown"])
    svg.addEventListener(name, (event) => point(event, paths.indexOf(event.target)));
  svg.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && highlight(-1)); // a finger leaves with every tap
  const photo = make("img", { src: value.photo, alt, width, height });
  return make("figure", { class: kind }, make("div", { class: "pane", style }, photo, svg), make("figcaption", {}, caption));
}

function row(segment, index) {
  const name = make("button", { type: "button" }, swatch(segment), segment.label);
  const bar = make("span", { class: "bar", style: `--part: ${segment.score}` });
  const node = make(
    "tr",
    {},
    make("th", { scope: "row" }, name),
    make("td", {}, segment.kind === "thing" ? texts.thing : texts.stuff_kind),
    make("td", {}, bar, segment.score.toFixed(2)),
    make("td", {}, `${(100 * segment.share).toFixed(1)} %`),
  );
  for (const event of ["pointerenter", "focusin", "click"]) node.addEventListener(event, () => highlight(index));
  for (const event of ["pointerleave", "focusout"]) node.addEventListener(event, () => highlight(-1));
  parts[index].push(node);
  return node;
}

function table() {
  const heads = ["segment", "kind", "score", "area"].map((name) => make("th", { scope: "col" }, texts[name]));
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...value.segments.map(row)));
}

// Highlight the segment at an index, or none for -1.
function highlight(index) {
  viewer.querySelector(".tip").hidden = true;
  viewer.classList.toggle("lit", index >= 0);
  parts.forEach((nodes, other) => nodes.forEach((node) => node.classList.toggle("on", other === index)));
}

function point(event, index) {
  highlight(index);
  if (index < 0) return;
  const segment = value.segments[index];
  const tip = viewer.querySelector(".tip");
  tip.hidden = false;
  tip.replaceChildren(swatch(segment), segment.label, make("b", {}, segment.score.toFixed(2)));
  const { left, top, width } = viewer.getBoundingClientRect();
  tip.style.left = `${Math.min(event.clientX - left + 14, width - tip.offsetWidth)}px`;
  tip.style.top = `${Math.max(event.clientY - top - tip.offsetHeight - 10, 0)}px`;
}

function applyFilter() {
  const kinds = { thing: "Things", stuff: "Stuff" };
  const shown = value.segments.map(
    (segment) => filter.kinds.includes(kinds[segment.kind]) && segment.score >= filter.threshold,
  );
  parts.forEach((nodes, index) => nodes.forEach((node) => node.classList.toggle("away", !shown[index])));
  const count = shown.filter(Boolean).length;
  viewer.querySelector(".count").textContent = shown.length
    ? say("count", { shown: count, all: shown.length })
    : texts.nothing;
}

function draw() {
  parts = (value.segments ?? []).map(() => []);
  viewer.classList.remove("lit");
  if (!value.segments) {
    const [kind, role] = value.problem ? ["problem", "alert"] : ["hint", "status"];
    viewer.replaceChildren(make("p", { class: kind, role }, value.problem ?? texts.hint));
    return;
  }
  const photo = pane("photo", `${value.name}, ${value.size.join(" × ")}`, texts.photo);
  viewer.replaceChildren(
    make("div", { class: "panes" }, photo, pane("segments", texts.segments, "")),
    make("p", { class: "count", role: "status" }),
    table(),
    make("div", { class: "tip", role: "tooltip", hidden: "" }),
  );
  applyFilter();
}

// On a phone the viewer is below the examples, so scroll to it.
function reveal() {
  if (viewer.getBoundingClientRect().top > innerHeight / 2) viewer.scrollIntoView({ behavior: "smooth" });
}

function show(next) {
  value = props.value = next; // Gradio tells of a value that differs from the one it knows
  draw();
  reveal();
}

document.addEventListener("swinpan-filter", (event) => {
  filter = event.detail;
  if (parts.length) applyFilter();
});
document.addEventListener("swinpan-failed", () => show({ problem: texts.failed }));

// Files that are refused. Gradio would say so in English, and take the first of several without a word.
function refusal(files) {
  if (files.length > 1) return say("several", { count: files.length });
  const { name, size, type } = files[0];
  if (size > props.megabytes * 2 ** 20) return say("too_large", { name, megabytes: props.megabytes });
  return type && !type.startsWith("image/") ? say("no_image", { name }) : null;
}

function choose(event, files) {
  const problem = files.length && refusal(files);
  if (!problem) return reveal();
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.value = "";
  show({ problem });
}

// A photo that is dropped beside the field: the browser would open it in place of the page.
function dropBeside(event) {
  event.preventDefault();
  const input = document.querySelector("#photo input");
  if (event.type !== "drop" || !input) return;
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const inField = ({ target }) => target.closest?.("#photo");
document.addEventListener("change", (event) => inField(event) && choose(event, event.target.files), true);
for (const kind of ["dragover", "drop"])
  document.addEventListener(
    kind,
    (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      if (!inField(event)) dropBeside(event);
      else if (kind === "drop") choose(event, event.dataTransfer.files);
    },
    true,
  );
document.addEventListener("click", ({ target }) => target.closest("#examples button") && reveal());
watch("value", () => show(props.value));
draw();
