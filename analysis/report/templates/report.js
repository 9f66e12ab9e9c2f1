"use strict";
// A click on a column head sorts its table; a second click turns the order round. Empty cells stay last.
for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const column = Array.from(head.parentNode.children).indexOf(head);
    const body = head.closest("table").tBodies[0];
    const first = head.dataset.first === "descending" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const cell of head.parentNode.children) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const numeric = head.classList.contains("n");
    const key = (row) => {
      const cell = row.cells[column];
      const raw = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
      if (raw === "") return null;
      return numeric ? Number(raw) : raw;
    };
    const sign = order === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows).map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (numeric ? a - b : a.localeCompare(b));
    });
    body.append(...rows.map(([, row]) => row));
  });
}
