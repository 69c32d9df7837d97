"use strict";
const at = (id) => document.getElementById(id);
const FIRST = 10; // classes that are shown at once
let about = null, asking = null;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9 %";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

function show(id, text) {
  at(id).textContent = text;
  at(id).hidden = text === "";
}

// The answer of the server, or a sentence on why there is none.
async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; it may have been ended.");
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(found.error ?? `The server answers with status ${response.status}.`);
  return found;
}

function introduce() {
  const {row, study, labels, decision} = about;
  document.title = `${row} – ${study}`;
  at("row").textContent = row;
  const classes = labels.length > FIRST ? `${labels.length} classes` : `classes: ${labels.join(", ")}`;
  const lines = [`Chosen by the study ${study}; ${classes}.`];
  const {threshold, positive, least_confidence: least} = decision;
  if (threshold !== null && positive !== null)
    lines.push(`From ${percent(threshold)} on the answer is ${labels[positive]}.`);
  if (least !== null && least <= 1) lines.push(`An answer of less than ${percent(least)} is not given.`);
  at("about").textContent = lines.join(" ");
}

function bar(label, probability, isAnswer) {
  const line = element("tr", undefined, isAnswer ? "answer" : ""), name = element("th", label);
  const cell = element("td"), track = element("div", undefined, "track"), filled = element("div", undefined, "bar");
  name.scope = "row";
  name.dir = "auto";
  filled.style.width = `${100 * probability}%`;
  track.append(filled);
  cell.setAttribute("aria-hidden", "true");
  cell.append(track);
  line.append(name, cell, element("td", percent(probability), "share"));
  return line;
}

function showBars(answer) {
  const of = answer.probabilities;
  const lines = about.labels.map((label) => [label, of[label]]).sort((one, other) => other[1] - one[1])
    .map(([label, probability]) => bar(label, probability, label === answer.label));
  at("bars").replaceChildren(...lines);
  lines.slice(FIRST).forEach((line) => { line.hidden = true; });
  at("more").hidden = lines.length <= FIRST;
  at("more").textContent = `Show all ${lines.length} classes`;
}

function showReasons(because) {
  at("because").hidden = because === undefined;
  if (because === undefined) return;
  const {label, words, parts} = because;
  at("because-title").textContent = words.length ? `Words without which ${label} would be less probable`
    : `No single word matters much for ${label}`;
  const largest = Math.max(...words.map((one) => one.drop));
  at("marked").replaceChildren(...parts.map(({text, drop}) => {
    if (drop === 0) return document.createTextNode(text);
    const marked = element("mark", text);
    marked.style.setProperty("--weight", `${20 + 80 * drop / largest}%`);
    return marked;
  }));
  at("words").replaceChildren(...words.map(({word, drop}) => element("li", `${word} −${(100 * drop).toFixed(1)} points`)));
}

function showAnswer(answer) {
  const {label, forced_label: forced, probabilities} = answer, least = about.decision.least_confidence;
  at("answer").textContent = label === null ? "Not answered: not sure enough" : `Answer: ${label}`;
  show("reason", label !== null ? "" : least > 1 ? "No answer of this model is sure enough to be given."
    : `${forced} has ${percent(probabilities[forced])}, and ${percent(least)} is needed.`);
  showBars(answer);
  showReasons(answer.because);
  at("result").hidden = false;
}

async function classify(explain) {
  asking?.abort();
  const mine = asking = new AbortController();
  const text = at("text").value;
  show("error", "");
  show("reason", "");
  at("result").hidden = true;
  at("answer").textContent = "";
  try {
    if (text.trim() === "") {
      at("text").focus();
      throw new Error("There is no text yet.");
    }
    at("answer").textContent = "Asking the model …";
    about ??= await ask("model");
    const headers = {"Content-Type": "application/json"}, body = JSON.stringify({text, explain});
    const {answers: [answer]} = await ask("predict", {method: "POST", headers, body, signal: mine.signal});
    if (mine === asking) showAnswer(answer);
  } catch (error) {
    if (mine !== asking) return;
    at("answer").textContent = "";
    show("error", error.message);
  }
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  classify(false);
});
at("explain").addEventListener("click", () => classify(true));
at("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  classify(false);
});
at("text").addEventListener("input", () => {
  if (!at("result").hidden) show("reason", "The text has changed since this answer.");
});
at("more").addEventListener("click", () => {
  for (const line of at("bars").children) line.hidden = false;
  at("more").hidden = true;
});
ask("model").then((found) => {
  about = found;
  introduce();
}, (error) => show("error", error.message));
