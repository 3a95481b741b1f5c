// Sorts and filters the table of a batch. Rows are moved and hidden; no text is ever made into markup.
"use strict";
(() => {
  const table = document.querySelector("table");
  if (!table) return;
  const form = document.querySelector(".filters");
  const search = form.querySelector("input");
  const choices = [...form.querySelectorAll("select")];
  const kinds = [...form.querySelectorAll("[data-show]")];
  const reset = form.querySelector(".reset");
  const shown = document.querySelector(".shown");
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const more = document.querySelector(".more");
  const firstLabel = 8;
  const page = 200;  // thousands of rows laid out at once make every click slow
  let limit = page;
  let rows = [...body.rows].map(row => ({
    row,
    kind: row.dataset.kind,
    text: [...row.cells].map(cell => cell.textContent.trim()).join(" ").replace(/\s+/g, " ").toLowerCase(),
  }));
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function filter(most = page) {
    limit = most;
    const kind = kinds.find(button => button.getAttribute("aria-pressed") === "true").dataset.show;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const labels = choices.filter(choice => choice.value);
    let count = 0;
    for (const { row, kind: own, text } of rows) {
      const fits = (!kind || own === kind) && words.every(word => text.includes(word)) &&
        labels.every(choice => "=" + row.cells[firstLabel + Number(choice.dataset.label)].textContent === choice.value);
      count += fits;
      row.hidden = !fits || count > limit;
    }
    more.hidden = count <= limit;
    more.textContent = `Show ${Math.min(page, count - limit)} more`;
    const all = !kind && !words.length && !labels.length;
    const here = count > limit ? `, the first ${limit} shown` : "";
    shown.textContent = (all ? `All ${rows.length} pairs` : `${count} of ${rows.length} pairs`) + here;
    reset.hidden = all;
  }

  function press(pressed) {
    for (const button of kinds) button.setAttribute("aria-pressed", String(button === pressed));
    filter();
  }

  function sort(head) {
    const column = head.cellIndex;
    const numeric = head.firstElementChild.dataset.kind === "number";
    const up = head.getAttribute("aria-sort") !== "ascending";
    const keyed = rows.map(item => {
      const cell = item.row.cells[column];
      const key = numeric ? cell.dataset.key : cell.textContent.trim();
      return { item, key: numeric && key !== "" ? Number(key) : key };
    });
    keyed.sort((one, other) => {
      if (one.key === "" || other.key === "") return (one.key === "") - (other.key === "");  // none comes last
      const sign = numeric ? one.key - other.key : order.compare(one.key, other.key);
      return up ? sign : -sign;
    });
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows = keyed.map(({ item }) => item);
    body.append(...rows.map(({ row }) => row));
    filter(limit);
  }

  for (const head of heads) {
    const button = head.firstElementChild;
    button.disabled = false;
    button.addEventListener("click", () => sort(head));
  }
  for (const button of kinds) button.addEventListener("click", () => press(button));
  for (const choice of choices) choice.addEventListener("change", () => filter());
  search.addEventListener("input", () => filter());
  form.addEventListener("submit", event => event.preventDefault());
  reset.addEventListener("click", () => {
    search.value = "";
    for (const choice of choices) choice.value = "";
    press(kinds[0]);
    search.focus();
  });
  more.addEventListener("click", () => filter(limit + page));
  form.hidden = false;
  filter();
})();
