"""What a browser of mistakes holds: the chosen texts with what each row says of them, and counts by row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN, read_frame, read_labels
from bert_ladder.report.html import Table, visible
from bert_ladder.report.mistakes import ENTRIES, RowPredictions, choose_entries, read_row_predictions

CHARACTERS = 600  # of a text that are shown
LEFT_OUT = "(left out: the study has report: {texts: false})"
SURE = 0.9  # the summary counts mistakes of at least this probability
HEADERS = [
    "Row",
    "Seeds",
    "Texts wrong",
    "Share",
    f"Sure to {100 * SURE:.0f}\N{NO-BREAK SPACE}% or more",
    "Among those below",
]


def browsed_errors(
    paths_predictions: Sequence[str | Path],
    path_test: str | Path,
    path_labels: str | Path,
    runs: Sequence[dict[str, Any]],
    show_texts: bool = True,
) -> dict[str, Any]:
    """What the templates of a browser of mistakes name.

    Args:
        paths_predictions: predictions.parquet of every run.
        path_test: parquet of the test split.
        path_labels: labels.json.
        runs: `model` and `seed` of every run, in the same order.
        show_texts: whether the page may hold texts of the data.

    Returns:
        `total` (test texts), `some_wrong` (those that some row gets wrong), `several_rows`, `several_seeds`, `limit`
        (of texts to show), `counts` (a `Table`), and `data`, which the page's script reads: `models`, `seeds`,
        `labels`, and `entries` from `describe_entries`.

    Raises:
        BadInput: a run did not predict the texts of this test split.
    """
    test = read_frame(path_test)
    names, _ = read_labels(path_labels)
    rows = read_row_predictions(paths_predictions, runs, test[LABEL_COLUMN].to_numpy())
    texts = test[DATA_COLUMN].tolist() if show_texts else [LEFT_OUT] * len(test)
    entries = describe_entries(rows, choose_entries(rows), texts)
    return {
        "total": len(rows.labels),
        "some_wrong": int(rows.wrong.any(axis=0).sum()),
        "several_rows": len(rows.models) > 1,
        "several_seeds": int(rows.seeds.max()) > 1,
        "limit": ENTRIES,
        "counts": Table(HEADERS, _counts(rows, entries), "lrrrrr"),
        "data": {
            "models": [visible(model) for model in rows.models],
            "seeds": rows.seeds.tolist(),
            "labels": [visible(name) for name in names],
            "entries": entries,
        },
    }


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
    return [
        {
            "row": row,
            "text": visible(texts[row][:CHARACTERS]),
            "length": len(texts[row]),
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


def _counts(rows: RowPredictions, entries: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The line of each row in the table above the texts: mistakes in the whole test split, and those shown."""
    lines = []
    for row, model in enumerate(rows.models):
        wrong = rows.wrong[row]
        shown = sum(entry["rows"][row][0] != entry["label"] for entry in entries)
        sure = int((wrong & (rows.probability[row] >= SURE)).sum())
        counts = [f"{wrong.sum():,}", f"{100 * wrong.mean():.2f} %", f"{sure:,}", f"{shown:,}"]
        lines.append([model, str(rows.seeds[row]), *counts])
    return lines
