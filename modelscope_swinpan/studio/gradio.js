// Mends what Gradio's page lacks. It runs before all of Gradio's scripts, with `PHRASES`: for each language pairs of a
// pattern of Gradio's own words and what to say instead; "" removes a name, so that an element is named by its text.

// Of Chinese, Gradio knows the languages zh-CN and zh-TW alone.
if (/^zh/i.test(navigator.language) && !["zh-CN", "zh-TW"].includes(navigator.language)) {
  const traditional = /hant|tw|hk|mo/i.test(navigator.language);
  Object.defineProperty(navigator, "language", { value: traditional ? "zh-TW" : "zh-CN" });
}

const phrases = PHRASES[/^zh/i.test(navigator.language) ? "zh" : "en"];
const OURS = ".viewer, #header, #footer, script, style"; // names of files and classes stand as they are

function reword(words) {
  return phrases.reduce((text, [pattern, ours]) => text.replace(new RegExp(pattern), ours), words);
}

function mendName(element, name) {
  const words = element.getAttribute(name);
  const ours = words && reword(words);
  if (words && !ours) element.removeAttribute(name);
  else if (ours !== words) element.setAttribute(name, ours);
}

function mend(node) {
  if (node.nodeType === Node.TEXT_NODE) {
    const ours = reword(node.data);
    if (ours !== node.data) node.data = ours;
  } else if (node.nodeType === Node.ELEMENT_NODE && !node.matches(OURS)) {
    for (const name of ["aria-label", "title"]) mendName(node, name);
    if (node.matches("img:not([alt])")) node.alt = ""; // the button around it has a name
    if (node.matches("#photo input")) node.accept = "image/*"; // told to Gradio, it would refuse what has no suffix
    node.childNodes.forEach(mend);
  }
}

new MutationObserver((changes) => {
  for (const { type, target, addedNodes, attributeName } of changes) {
    const element = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
    if (element?.closest?.(OURS)) continue;
    if (type === "attributes") mendName(target, attributeName);
    else (type === "childList" ? addedNodes : [target]).forEach(mend);
  }
}).observe(document, {
  attributeFilter: ["aria-label", "title"],
  characterData: true,
  childList: true,
  subtree: true,
});
