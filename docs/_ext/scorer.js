// Sphinx's scores, but a page named like the query comes first, and pages for developers come after the guides.
var Scorer = {
  score([page, , , , score]) {
    const query = new URLSearchParams(location.search).get("q")?.toLowerCase().replace(/^-+/, "");
    if (page === query) return score + 10;
    return page === "architecture" || page.startsWith("project/") ? score - 3 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
