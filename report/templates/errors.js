"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function rowTable(entry) {
  const table = element("table"), head = element("tr"), body = element("tbody");
  head.append(element("th"), element("th", "Row"), element("th", "Predicted"),
    element("th", "Probability", "number"), element("th", "Seeds right", "number"));
  entry.rows.forEach(([code, probability, right], index) => {
    const wrong = code !== entry.label, line = element("tr");
    line.append(element("td", wrong ? "✗" : "✓", wrong ? "wrong" : "right"), element("td", data.models[index]),
      element("td", data.labels[code], wrong ? "wrong" : "right"),
      element("td", `${(100 * probability).toFixed(1)} %`, "number"),
      element("td", `${right} of ${data.seeds[index]}`, "number"));
    body.append(line);
  });
  const header = element("thead");
  header.append(head);
  table.append(header, body);
  return table;
}

function card(entry) {
  const made = element("article", undefined, "entry"), head = element("p", undefined, "head");
  const label = element("span", "True label: ");
  label.append(element("strong", data.labels[entry.label]));
  head.append(label);
  if (entry.mistake) head.append(element("span", "surest mistake", "tag"));
  if (entry.disagreement) head.append(element("span", "disagreement", "tag"));
  const shown = [...entry.text].length;
  const cut = entry.length > shown ? `, the first ${shown} of ${entry.length.toLocaleString("en")} characters` : "";
  head.append(element("span", `Text ${entry.row.toLocaleString("en")}${cut}`, "quiet"));
  const blank = entry.text.trim() === "";
  const text = element("p", blank ? "(no visible characters)" : entry.text + (cut ? "…" : ""), "text");
  if (blank) text.classList.add("quiet");
  text.dir = "auto";
  text.tabIndex = -1;
  const parts = element("div", undefined, "parts");
  parts.append(text, rowTable(entry));
  made.append(head, parts);
  return made;
}

const fold = (text) => text.normalize("NFKC").toLowerCase();
const entries = data.entries.map((entry) => ({...entry, card: card(entry), folded: fold(entry.text)}));
const [row, kind, label, search] = ["row", "kind", "label", "search"].map((id) => document.getElementById(id));
const list = document.getElementById("entries"), count = document.getElementById("count");
data.models.forEach((name, index) => row.append(new Option(name, index)));
data.labels.forEach((name, code) => label.append(new Option(name, code)));

const more = document.getElementById("more"), step = Number(list.dataset.step) || Infinity;
let limit = step;

function show() {
  const wrong = (entry) => entry.rows[row.value][0] !== entry.label;
  const needle = fold(search.value.trim());
  const found = entries.filter((entry) => (row.value === "" || wrong(entry)) && (kind.value === "" || entry[kind.value])
    && (label.value === "" || entry.label === Number(label.value)) && entry.folded.includes(needle));
  if (row.value !== "") found.sort((one, other) => other.rows[row.value][1] - one.rows[row.value][1]);
  const shown = found.slice(0, limit), of = more ? found : entries;
  list.replaceChildren(...shown.map((entry) => entry.card));
  count.textContent = `Showing ${shown.length} of ${of.length} ${of.length === 1 ? "text" : "texts"}`;
  if (more) more.hidden = shown.length === found.length;
}

function begin() {
  limit = step;
  show();
}

for (const control of [row, kind, label]) control.addEventListener("change", begin);
search.addEventListener("input", begin);
document.getElementById("clear").addEventListener("click", () => {
  for (const control of [row, kind, label, search]) control.value = "";
  begin();
});
if (more) more.addEventListener("click", () => {
  const first = limit;
  limit += step;
  show();
  list.children[first].querySelector(".text").focus({preventScroll: true});
});
show();
