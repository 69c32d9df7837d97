"use strict";
{
  const each = (selector, act, within = document) => [...within.querySelectorAll(selector)].forEach(act);

  // A table's lines by a column: numbers from the greatest, names from the first letter, then the other way round.
  function sortBy(table, column, head) {
    const body = table.tBodies[0], lines = [...body.rows];
    const given = (line) => line.cells[column].dataset.value;
    const numeric = lines.every((line) => given(line) === "" || !Number.isNaN(Number(given(line))));
    const first = numeric ? "descending" : "ascending", second = numeric ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const compare = numeric ? (one, other) => one - other : (one, other) => one.localeCompare(other, "en");
    lines.sort((one, other) => {
      const [left, right] = [given(one), given(other)];
      // What was not measured stands last, either way.
      if (left === "" || right === "") return (left === "") - (right === "");
      return sign * compare(left, right);
    });
    each("th", (other) => other.removeAttribute("aria-sort"), table.tHead);
    head.setAttribute("aria-sort", order);
    body.append(...lines);
  }

  each("table.sorted", (table) => [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(table, column, head));
    head.replaceChildren(button);
  }));

  // The matrix is one stop of the tab key; arrows move within it.
  each("table.matrix", (table) => {
    const panel = document.getElementById("verdict");
    const buttons = [...table.querySelectorAll("button")];
    buttons.forEach((button, index) => {
      button.tabIndex = index === 0 ? 0 : -1;
      button.dataset.words = button.title;
      button.removeAttribute("title");
    });
    function choose(button) {
      buttons.forEach((other) => {
        other.tabIndex = other === button ? 0 : -1;
        other.setAttribute("aria-pressed", String(other === button));
      });
      panel.textContent = button.dataset.words;
    }
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) choose(button);
    });
    const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
    table.addEventListener("keydown", (event) => {
      const move = moves[event.key], cell = event.target.closest("td");
      if (!move || !cell) return;
      event.preventDefault();
      const rows = [...table.tBodies[0].rows];
      let row = cell.parentElement.sectionRowIndex, column = cell.cellIndex;
      for (;;) {
        row += move[0];
        column += move[1];
        const next = rows[row]?.cells[column];
        if (!next || next.tagName === "TH") return;
        const button = next.querySelector("button");
        if (button) {
          button.focus();
          choose(button);
          return;
        }
      }
    });
    panel.textContent = "Choose a cell to see what is behind its verdict.";
  });

  // On a narrow window the contents are folded; on paper all but they is open.
  const contents = document.querySelector("#contents details");
  const wide = matchMedia("(min-width: 70rem)");
  const fit = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });

  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }), {rootMargin: "-10% 0px -80% 0px"});
  each("main > header, main > section", (part) => seen.observe(part));

  const folded = new Set();
  addEventListener("beforeprint", () => each("main details:not([open])", (one) => {
    folded.add(one);
    one.open = true;
  }));
  addEventListener("afterprint", () => {
    folded.forEach((one) => { one.open = false; });
    folded.clear();
  });
}
