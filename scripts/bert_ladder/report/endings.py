"""What a run ends with on the terminal beside table and summary: the chosen model, the data's audit, baselines' scores.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import json
import textwrap
from pathlib import Path
from statistics import fmean
from typing import Any

from tabulate import tabulate

from bert_ladder.report.markup import TEXT_WIDTH, single_spaced
from bert_ladder.report.shares import label_shares, percent, rare_in_words
from bert_ladder.study.study import Study

# Columns of the baselines' table, in percent.
SCORES = {
    "train_accuracy": "Train acc.",
    "validation_accuracy": "Val. acc.",
    "validation_f1": "Val. F1",
    "test_accuracy": "Test acc.",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
}


def audit_ending(study: Study) -> str:
    """The findings of audit.json in a few lines."""
    folder = study.outputs / "results" / study.name / "data"
    return "\n".join(_filled([f"Study {study.name}: what was found in the data"], audit_lines(folder / "audit.json")))


def report_ending(study: Study) -> str:
    """Where the report lies."""
    return f"Report: {study.outputs / 'results' / study.name / 'report.html'}"


def chosen_ending(study: Study) -> str:
    """Which model is handed over, and how to ask it."""
    folder = study.outputs / "results" / study.name / "chosen"
    chosen: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return (
        f"Handed over in {folder}: “{chosen['row']}”, seed {chosen['seed']}. To ask it:\n"
        f'  .venv/bin/bert-ladder predict {folder} --text "…"'
    )


def own_texts_ending() -> str:
    """How the way goes on behind the embedded default study."""
    return (
        "Your own texts: copy studies/template.yaml to studies/my-study.yaml, put the path of your csv into it, and\n"
        "  .venv/bin/bert-ladder run studies/my-study.yaml"
    )


def forms_ending(study: Study) -> str:
    """How each form of the chosen model did, and how the report comes to say so."""
    folder = study.outputs / "results" / study.name
    forms = (folder / "chosen/forms.md").read_text(encoding="utf-8")
    return f"{forms}\nThe next run of the study puts this into {folder / 'report.html'}."


def audit_lines(path_audit: Path) -> list[str]:
    """Rows, classes, repeated, leaked and empty texts, lengths and cuts.

    Args:
        path_audit: audit.json; near_duplicates.json lies beside it.
    """
    audit: dict[str, Any] = json.loads(path_audit.read_text(encoding="utf-8"))
    near = json.loads(path_audit.with_name("near_duplicates.json").read_text(encoding="utf-8"))
    rows, leaked, exact = audit["rows"], audit["leaked"]["test_rows"], audit["exact"]["leaked"]["test_rows"]
    classes = len(audit["labels"]["train"])
    lines = [f"Texts: {_by_split(rows)}, of {classes} classes."]
    lines += [
        f"Labels of the {split} texts: {label_shares(audit['labels'][split], path_audit.name)}." for split in rows
    ]
    lines += [
        f"Duplicates (case, blanks and invisible characters do not count): {_by_split(audit['duplicates'])}; "
        f"texts under several labels: {audit['contradictory']['both']:,}.",
        f"Test texts that are training texts too: {leaked:,} ({exact:,} letter by letter); nearly equal to one: "
        f"{near['test_rows']:,}.",
        f"Empty texts left out: {_by_split(audit['left_out'])}.",
        *rare_in_words(audit),
    ]
    words = audit["words"]["train"]
    lines.append(f"Length of the train texts in words: median {words['median']:,.0f}, longest {words['max']:,}.")
    lines += [
        f"Cut at {int(length):,} WordPieces ({vocabulary}): "
        + ", ".join(f"{percent(share)} of {split}" for split, share in cut.items())
        + "."
        for vocabulary, found in audit["vocabularies"].items()
        for length, cut in found["cut"].items()
    ]
    return [*lines, f"More: {path_audit}."]


def _by_split(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in counts.items())


def baselines_ending(study: Study) -> str:
    """A table of the baselines' scores, and what answering one class reaches."""
    folder = study.outputs / "results" / study.name / "runs"
    metrics: dict[str, list[dict[str, Any]]] = {}
    for run in study.runs.baselines:
        file = folder / run.model / f"seed-{run.seed}" / "metrics.json"
        metrics.setdefault(run.name, []).append(json.loads(file.read_text(encoding="utf-8")))
    title = f"Study {study.name}: the baselines, in percent"
    if not metrics:
        return f"Study {study.name} has no baselines."
    return "\n".join([title, "", *baseline_lines(metrics)])


def baseline_lines(metrics: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The table and its foot.

    Args:
        metrics: of each baseline its metrics.json, one per seed.
    """
    rows = [
        [single_spaced(name), *(f"{100 * fmean(run[score] for run in runs):.2f}" for score in SCORES)]
        for name, runs in metrics.items()
    ]
    first, *_ = [run for runs in metrics.values() for run in runs]
    table = tabulate(
        rows,
        headers=["Model", *SCORES.values()],
        disable_numparse=True,
        colalign=("left", *["right"] * len(SCORES)),
    )
    of_what = "macro averages" if first["average"] == "macro" else "of the positive class"
    foot = (
        f"Precision, recall and F1 are {of_what}, on the test split but for Val. F1; {first['n_validation']:,} "
        f"validation and {first['n_test']:,} test texts. Always answering “{first['majority_class']}”, the most "
        f"frequent class of the test texts, has an accuracy of {100 * first['constant_accuracy']:.2f}."
    )
    return [table, "", textwrap.fill(single_spaced(foot), TEXT_WIDTH)]


def _filled(heading: list[str], lines: list[str]) -> list[str]:
    """Lines of a list within the terminal's width."""
    return heading + [
        textwrap.fill(single_spaced(line), TEXT_WIDTH, initial_indent="- ", subsequent_indent="  ") for line in lines
    ]
