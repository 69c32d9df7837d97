"""A page to browse mistakes on the test split: the surest ones of every row, and where the rows disagree."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, read_frame, read_labels
from bert_ladder.report.html import html_page, html_table, json_block, visible
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

ENTRIES = 200  # texts on the page
CHARACTERS = 600  # of a text that are shown
SURE = 0.9  # the summary counts mistakes of at least this probability

TITLE = "Mistakes on the test split"
STYLE = """
#controls { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; position: sticky; top: 0; z-index: 1;
  background: #fff; padding: .75rem 0; border-bottom: 1px solid #ddd; }
#controls label { display: flex; flex-direction: column; font-size: .86rem; color: #555; }
#controls select, #controls input, #controls button { font: inherit; font-size: 14px; color: #1a1a1a; height: 2rem;
  box-sizing: border-box; border: 1px solid #999; border-radius: 3px; background: #fff; padding: 0 .5rem;
  max-width: 16rem; }
#controls button { cursor: pointer; }
#count { margin: .75rem 0; font-weight: 600; }
.entry { border: 1px solid #ddd; border-radius: 4px; padding: .6rem .9rem .7rem; margin: 0 0 .8rem; }
.entry[hidden] { display: none; }
.head { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: baseline; margin: 0 0 .4rem; max-width: none; }
.tag { border: 1px solid #bbb; border-radius: 3px; padding: 0 .4rem; font-size: .86rem; }
.head .quiet { margin-left: auto; font-size: .86rem; }
.parts { display: grid; gap: .4rem 2rem; align-items: start; }
@media (min-width: 56rem) { .parts { grid-template-columns: minmax(0, 1fr) minmax(0, 29rem); } }
.text { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 21rem; overflow: auto; margin: 0; }
.parts table { margin: 0; width: 100%; font-size: 13px; }
.parts th { border-bottom-width: 1px; font-weight: 600; }
.parts th, .parts td { padding: .1rem .8rem .1rem 0; }
.parts th:last-child, .parts td:last-child { padding-right: 0; }
.parts tr:last-child td { border-bottom: 0; }
.parts td { min-width: 0; }
.parts .number { text-align: right; white-space: nowrap; }
.wrong { color: #a34700; font-weight: 600; }
.right { color: #006b4d; }
"""
# Data reach the page through textContent only. Nothing here needs storage or history, which a data: address has not.
SCRIPT = r"""
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

function show() {
  const wrong = (entry) => entry.rows[row.value][0] !== entry.label;
  const needle = fold(search.value.trim());
  const found = entries.filter((entry) => (row.value === "" || wrong(entry)) && (kind.value === "" || entry[kind.value])
    && (label.value === "" || entry.label === Number(label.value)) && entry.folded.includes(needle));
  if (row.value !== "") found.sort((one, other) => other.rows[row.value][1] - one.rows[row.value][1]);
  list.replaceChildren(...found.map((entry) => entry.card));
  count.textContent = `Showing ${found.length} of ${entries.length} ${entries.length === 1 ? "text" : "texts"}`;
}

for (const control of [row, kind, label]) control.addEventListener("change", show);
search.addEventListener("input", show);
document.getElementById("clear").addEventListener("click", () => {
  for (const control of [row, kind, label, search]) control.value = "";
  show();
});
show();
"""
CONTROLS = """
<div id="controls">
<label>Wrong in row <select id="row"><option value="">any row</option></select></label>
<label>Kind <select id="kind"><option value="">all</option><option value="mistake">surest mistakes</option>
<option value="disagreement">disagreements</option></select></label>
<label>True label <select id="label"><option value="">all</option></select></label>
<label>Text contains <input id="search" type="search" autocomplete="off" spellcheck="false"></label>
<button id="clear" type="button">Show all</button>
</div>
<p id="count" role="status"></p>
<noscript><p class="note">The texts are shown by a script, which this browser does not run.</p></noscript>
<div id="entries"></div>
"""


@dataclass(frozen=True)
class RowPredictions:
    """What every row says of the n test texts; R rows in table order.

    Attributes:
        models: the rows' shown names.
        seeds: runs of each row, int, shape (R,).
        labels: known codes, shape (n,).
        predicted: code of the highest mean probability over the seeds, of several the first, shape (R, n).
        probability: that mean probability, shape (R, n).
        known: mean probability of the known class, shape (R, n).
        right: how many seeds are right, int, shape (R, n).
    """

    models: list[str]
    seeds: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    known: np.ndarray
    right: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Whether a row's prediction is wrong, bool, shape (R, n)."""
        return self.predicted != self.labels


def render_errors(
    paths_predictions: Sequence[str | Path],
    path_test: str | Path,
    path_labels: str | Path,
    path_page: str | Path,
    runs: Sequence[dict[str, Any]],
) -> None:
    """Write the page.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_test: parquet of the test split.
        path_labels: labels.json.
        path_page: html file to write.
        runs: `model` and `seed` of every run, in the same order.

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    test = read_frame(path_test)
    names, _ = read_labels(path_labels)
    rows = read_predictions(paths_predictions, runs, test[LABEL_COLUMN].to_numpy())
    entries = describe_entries(rows, choose_entries(rows), test[DATA_COLUMN])
    Path(path_page).write_text(errors_page(rows, entries, names), encoding="utf-8")
    log.info("%d of %s texts that some row gets wrong", len(entries), f"{rows.wrong.any(axis=0).sum():,}")


def read_predictions(paths: Sequence[str | Path], runs: Sequence[dict[str, Any]], labels: np.ndarray) -> RowPredictions:
    """Take the runs of each row together.

    Args:
        paths: predictions.parquet of every run.
        runs: `model` of every run, in the same order.
        labels: the test split's codes, shape (n,).

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    of_model: dict[str, list[str | Path]] = {}
    for path, run in zip(paths, runs, strict=True):
        of_model.setdefault(run["model"], []).append(path)
    texts = np.arange(len(labels))
    rows = []
    for of_row in of_model.values():
        total, right = 0.0, np.zeros(len(labels), np.int64)
        for path in of_row:
            frame = pd.read_parquet(path, filters=[("split", "==", "test")]).sort_values("row")
            if not np.array_equal(frame["label"], labels):
                raise BadInput(
                    f"{path}: its {len(frame):,} test labels differ from the {len(labels):,} of the test split; "
                    "delete the older of the two and run again"
                )
            probabilities = frame[[column for column in frame if column.startswith("probability_")]]
            total = total + probabilities.to_numpy(np.float64)
            right += frame["prediction"].to_numpy() == labels
        mean = total / len(of_row)
        predicted = mean.argmax(axis=1)
        rows.append((predicted, mean[texts, predicted], mean[texts, labels], right))
    predicted, probability, known, right = (np.stack(values) for values in zip(*rows, strict=True))
    seeds = np.array([len(of_row) for of_row in of_model.values()])
    return RowPredictions(list(of_model), seeds, labels, predicted, probability, known, right)


def rank_mistakes(rows: RowPredictions) -> list[int]:
    """Texts that some row gets wrong: each row's surest mistake first, then each row's second, and so on.

    Every row has its turn because one may be surer of everything than another; within a turn the surest comes first.

    Returns:
        Indices of test texts, each once.
    """
    candidates = []
    for row, wrong in enumerate(rows.wrong):
        texts = np.flatnonzero(wrong)
        sure = rows.probability[row, texts]
        order = np.argsort(-sure, kind="stable")[:ENTRIES]
        candidates += [(turn, -sure[place], row, texts[place]) for turn, place in enumerate(order)]
    return list(dict.fromkeys(int(text) for *_, text in sorted(candidates)))


def rank_disagreements(rows: RowPredictions) -> list[int]:
    """Texts that some row gets right and another wrong, where the rows differ most first.

    The order is by the widest distance between two rows' shares of right seeds, then by how evenly the rows are
    divided (the variance of the shares), then by the distance of the known class's probabilities.

    Returns:
        Indices of test texts, each once.
    """
    shares = rows.right / rows.seeds[:, np.newaxis]
    # Rounded, so that the order of the rows does not decide between equals.
    variance = np.var(shares, axis=0).round(9)
    texts = np.flatnonzero(rows.wrong.any(axis=0) & ~rows.wrong.all(axis=0))
    order = np.lexsort([-np.ptp(rows.known, axis=0)[texts], -variance[texts], -np.ptp(shares, axis=0)[texts].round(9)])
    return texts[order][:ENTRIES].tolist()


def choose_entries(rows: RowPredictions) -> dict[int, set[str]]:
    """Take in turns from the surest mistakes and the disagreements until there are `ENTRIES` texts.

    Returns:
        Index of a test text to why it was chosen, "mistake", "disagreement" or both: the surest mistakes first, then
        disagreements, each as ranked.
    """
    ranked = {"mistake": rank_mistakes(rows), "disagreement": rank_disagreements(rows)}
    chosen: dict[int, set[str]] = {}
    for kind, text in _in_turns(ranked):
        if text not in chosen and len(chosen) == ENTRIES:
            break
        chosen.setdefault(text, set()).add(kind)
    place = {kind: {text: rank for rank, text in enumerate(texts)} for kind, texts in ranked.items()}
    mistakes = [text for text in place["mistake"] if "mistake" in chosen.get(text, ())]
    others = [text for text in place["disagreement"] if text in chosen and "mistake" not in chosen[text]]
    return {text: chosen[text] for text in mistakes + others}


def _in_turns(ranked: dict[str, list[int]]) -> Iterator[tuple[str, int]]:
    for rank in range(max(map(len, ranked.values()))):
        yield from ((kind, texts[rank]) for kind, texts in ranked.items() if rank < len(texts))


def describe_entries(rows: RowPredictions, chosen: dict[int, set[str]], texts: Sequence[str]) -> list[dict[str, Any]]:
    """What the page knows of each chosen text.

    Args:
        rows: all predictions.
        chosen: from `choose_entries`.
        texts: all test texts, n strings.

    Returns:
        `row` (index of the text), `text` (its first `CHARACTERS`), `length` (characters of the whole), `label` (code),
        `mistake`, `disagreement` (bool), and `rows`: for each row [predicted code, probability, seeds right].
    """
    texts = pd.Series(texts)
    return [
        {
            "row": row,
            "text": visible(texts.iloc[row][:CHARACTERS]),
            "length": len(texts.iloc[row]),
            "label": int(rows.labels[row]),
            **{kind: kind in kinds for kind in ("mistake", "disagreement")},
            "rows": [
                [int(code), round(float(probability), 4), int(right)]
                for code, probability, right in zip(
                    rows.predicted[:, row], rows.probability[:, row], rows.right[:, row], strict=True
                )
            ],
        }
        for row, kinds in chosen.items()
    ]


def errors_page(rows: RowPredictions, entries: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """The html page.

    Args:
        rows: all predictions.
        entries: from `describe_entries`.
        names: label names in the order of their codes.
    """
    total, some_wrong = len(rows.labels), int(rows.wrong.any(axis=0).sum())
    intro = _intro(some_wrong, total, several=len(rows.models) > 1, seeds=int(rows.seeds.max()))
    if not entries:
        return html_page(TITLE, intro)
    lines = []
    for row, model in enumerate(rows.models):
        wrong = rows.wrong[row]
        shown = sum(entry["rows"][row][0] != entry["label"] for entry in entries)
        sure = int((wrong & (rows.probability[row] >= SURE)).sum())
        counts = [f"{wrong.sum():,}", f"{100 * wrong.mean():.2f} %", f"{sure:,}", f"{shown:,}"]
        lines.append([model, str(rows.seeds[row]), *counts])
    headers = [
        "Row",
        "Seeds",
        "Texts wrong",
        "Share",
        f"Sure to {100 * SURE:.0f}\N{NO-BREAK SPACE}% or more",
        "Among those below",
    ]
    data = {
        "models": [visible(model) for model in rows.models],
        "seeds": rows.seeds.tolist(),
        "labels": [visible(name) for name in names],
        "entries": list(entries),
    }
    body = intro + html_table(headers, lines, "lrrrrr") + CONTROLS + json_block("data", data)
    return html_page(TITLE, body, STYLE, SCRIPT)


def _intro(some_wrong: int, total: int, several: bool, seeds: int) -> str:
    if not some_wrong:
        every = "Every row" if several else "The row"
        return f"<p>{every} gets all {total:,} test texts right: there is no mistake to show.</p>"
    by = "at least one row gets" if several else "the row gets"
    over = " A row predicts the class whose probability, as a mean over its seeds, is highest." if seeds > 1 else ""
    kinds = (
        "The texts below are every row's surest mistakes, and the texts where the rows disagree most: "
        "some rows right with all seeds, others wrong with all."
        if several
        else "The texts below are its surest mistakes."
    )
    return f"""
<p>Of the {total:,} test texts, {by} {some_wrong:,} wrong.{over}
{kinds} At most {ENTRIES} are shown, each with its number in the test split, counted from 0.
A sure mistake is often a wrong label, or a text whose decisive words were cut off.</p>
"""
