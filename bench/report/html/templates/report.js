"use strict";
// The page works without this; it adds sorting, filtering, and going from a marker to its row.
(() => {
  const table = document.getElementById("table");
  const number = (text) => {
    const found = parseFloat(text.replace(/[,%]/g, ""));
    return Number.isNaN(found) ? null : found;
  };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null) return x - y;
    if (x !== null || y !== null) return x === null ? 1 : -1;
    return a.localeCompare(b);
  };
  const sort = (head, place) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const text = (row) => row.children[place].textContent.trim();
    const body = table.tBodies[0];
    const rows = [...body.rows];
    // What is not known stays at the end, whichever way the rest goes.
    const known = rows.filter((row) => text(row) !== "-");
    known.sort((a, b) => compare(text(a), text(b)) * (up ? 1 : -1));
    body.append(...known, ...rows.filter((row) => text(row) === "-"));
  };
  const addSorting = () => {
    [...table.tHead.rows[1].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(head, place));
      head.replaceChildren(button);
    });
  };
  const addFilter = () => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    const rows = [...table.tBodies[0].rows];
    label.className = "filter";
    input.type = "search";
    input.placeholder = "such as w2a2, max, failed";
    count.setAttribute("role", "status");
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = `${row.cells[0].firstChild.title} ${row.textContent}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} points` : "";
    };
    input.addEventListener("input", apply);
    label.append("Only points with ", input, count);
    table.parentElement.before(label);
    return () => {
      input.value = "";
      apply();
    };
  };
  const showAll = table ? addFilter() : () => {};
  if (table) addSorting();

  // A link into something folded opens it; a link to a row shows all rows first.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.matches("tr") && target.hidden) showAll();
    for (let one = target; one; one = one.parentElement) {
      if (one.matches("details")) one.open = true;
    }
    target.scrollIntoView({ block: target.matches("tr") ? "center" : "start" });
  };
  addEventListener("hashchange", reveal);
  reveal();

  document.addEventListener("click", (event) => {
    const point = event.target.closest("[data-point]");
    if (!point) return;
    const hash = `#row-${point.dataset.point}`;
    if (location.hash === hash) reveal();
    else location.hash = hash;
  });
})();
