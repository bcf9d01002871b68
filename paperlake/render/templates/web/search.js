"use strict";
// Each month is a script that calls `paperlake(month, papers)`, so that the search works from a local folder too.
(() => {
  const form = document.getElementById("search");
  const field = document.getElementById("words");
  const results = document.getElementById("found");
  const state = document.getElementById("state");
  const more = document.getElementById("more");
  const months = form.dataset.months.split(" ").filter(Boolean);
  const SHOWN = 100, AT_ONCE = 6;
  const entries = [];
  const query = new URLSearchParams(location.search);
  // A link from a paper's page names the paper's month: it is loaded first, so that the paper is found at once.
  const linkedMonth = months.find((month) => month === query.get("month"));
  if (linkedMonth) months.unshift(...months.splice(months.indexOf(linkedMonth), 1));
  let loaded = 0, waiting = 0, reach = AT_ONCE;

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  window.paperlake = (month, papers) => {
    for (const [path, day, votes, title, organization, abstract, keywords = ""] of papers) {
      const text = plain(`${title} ${organization} ${abstract} ${keywords}`);
      entries.push({ path, day, votes, title, organization, abstract, text });
    }
  };

  const load = () => {
    while (loaded < Math.min(reach, months.length)) {
      const script = document.createElement("script");
      script.src = `search/${months[loaded]}.js`;
      script.onload = script.onerror = () => { waiting -= 1; show(); };
      waiting += 1;
      loaded += 1;
      document.head.append(script);
    }
  };

  const element = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    node.textContent = text;
    return node;
  };

  const resultItem = (paper) => {
    const item = document.createElement("li");
    const link = element("a", "", paper.title);
    link.href = paper.path;
    const head = document.createElement("h2");
    head.append(link);
    const details = [paper.votes === 1 ? "1 vote" : `${paper.votes ?? 0} votes`, paper.organization, paper.day].filter(Boolean).join(" · ");
    const excerpt = paper.abstract.length > 240 ? `${paper.abstract.slice(0, 240)}…` : paper.abstract;
    item.append(head, element("p", "details", details), element("p", "", excerpt));
    return item;
  };

  const show = () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    more.hidden = !words.length || loaded >= months.length;
    if (!words.length) { results.replaceChildren(); return; }
    const hits = entries.filter((paper) => words.every((word) => paper.text.includes(word)));
    hits.sort((a, b) => (b.day < a.day ? -1 : b.day > a.day ? 1 : (b.votes ?? 0) - (a.votes ?? 0)));
    results.replaceChildren(...hits.slice(0, SHOWN).map(resultItem));
    const since = months[loaded - 1];
    const shown = hits.length > SHOWN ? `, the newest ${SHOWN} shown` : "";
    const papers = hits.length === 1 ? "1 paper" : `${hits.length} papers`;
    const apart = linkedMonth < since ? ` and in ${linkedMonth}` : "";
    state.textContent = waiting ? "Loading …" : `${papers} since ${since}${apart}${shown}.`;
  };

  let timer;
  const search = () => {
    load();
    show();
    const address = new URL(location.href);
    address.searchParams.set("q", field.value);
    try { history.replaceState(null, "", address); } catch { /* browsers forbid it for some local folders */ }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 120); });
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  more.addEventListener("click", () => { reach += AT_ONCE; search(); });

  if (query.get("q")) { field.value = query.get("q"); search(); }
})();
