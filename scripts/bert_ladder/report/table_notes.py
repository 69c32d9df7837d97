"""What stands below the study's table: all that a reader must know to read it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bert_ladder.report.cells import CONSTANT, DIFFERENCE, ORIGINAL
from bert_ladder.report.markup import single_spaced
from bert_ladder.report.shares import label_shares, percent
from bert_ladder.report.timing import unranked
from bert_ladder.report.words import constant_rows, constant_words


def foot_lines(
    table: pd.DataFrame, names: Sequence[str], positive: int | None, audit: dict[str, Any], notes: Sequence[str]
) -> list[str]:
    """What a reader must know to read the table, one sentence or two per line.

    Args:
        table: from `build_table`.
        names: label names in the order of their codes.
        positive: code of the positive class, or None.
        audit: audit.json.
        notes: lines to add at the end.
    """
    what = f"macro averages over the {len(names)} classes" if positive is None else f"of the class “{names[positive]}”"
    lines = [
        f"Accuracies, precision, recall and F1 in percent; precision, recall and F1 are {what}, on the test split.",
        f"“{CONSTANT}”: what a model would reach that gives every text the most frequent class of the test split, "
        f"“{table['majority_class'].iloc[0]}”.",
        *map(constant_words, constant_rows(table)),
        _interval_line(table),
        "Seconds: training, without evaluation and search; for a linear baseline with its tuning.",
        *_search_lines(table),
        *_measure_lines(table, audit),
    ]
    if any(column.startswith("reference_") for column in table.columns):
        lines.append(f"“{ORIGINAL}”: the value this row repeats; “{DIFFERENCE}”: ours minus the original's, in points.")
    duplicates, shared = audit["duplicates"], audit["leaked"]["texts"]
    for split, counts in audit["labels"].items():
        lines.append(f"Labels of the {split} texts: {label_shares(counts, 'the page of classes')}.")
    lines.append(
        f"Exact duplicates: {duplicates['train']:,} in train, {duplicates['test']:,} in test; "
        f"{shared:,} {'text is' if shared == 1 else 'texts are'} in both train and test."
    )
    cuts = [
        f"at {int(length):,} WordPieces {percent(cut['train'])} of the train and {percent(cut['test'])} of the test "
        f"texts are cut{f' ({vocabulary})' if len(audit['vocabularies']) > 1 else ''}"
        for vocabulary, found in audit["vocabularies"].items()
        for length, cut in found["cut"].items()
    ]
    if cuts:
        lines.append(f"Text length: {'; '.join(cuts)}; the linear baselines read whole texts.")
    return [single_spaced(line) for line in [*lines, *notes]]


def _interval_line(table: pd.DataFrame) -> str:
    several = "over seeds and test examples"
    berts = table[table["kind"] == "bert"]
    of_seeds = berts["interval"] == "seeds and examples"
    models = "these trained models" if len(table) > 1 else "this trained model"
    one = f"of {models} only, over test examples; it says nothing about other seeds"
    if of_seeds.any():
        linear = (
            "; of a linear baseline, which has no seed in it, over test examples" if len(berts) < len(table) else ""
        )
        rest = "" if of_seeds.all() else f" where a row has several seeds; with one {one}"
        return f"Low and high: the 95 % interval {several}{rest}{linear}."
    return f"Low and high: the 95 % interval {one}."


def _search_lines(table: pd.DataFrame) -> list[str]:
    """For each row with a search what was chosen, from how many trials, and the score that chose it."""
    if "chosen" not in table:
        return []
    lines = []
    for row in table[table["chosen"].notna()].to_dict("records"):
        score = f"{row['search_score']:.4f}" if row["search_metric"] == "loss" else f"{100 * row['search_score']:.2f}"
        lines.append(
            f"“{row['model']}”: {row['chosen']}, the best of {int(row['trials'])} trials by validation "
            f"{row['search_metric']} ({score} there; being the best of several, it is optimistic)."
        )
    return lines


def _measure_lines(table: pd.DataFrame, audit: dict[str, Any]) -> list[str]:
    lines = [
        "Brier: squared error summed over the classes; ECE: expected calibration error, 15 bins; MCC: Matthews "
        "correlation; PR-AUC: average precision. Clean acc.: test accuracy without the "
        f"{audit['leaked']['test_rows']:,} test texts that are training texts too."
    ]
    threads = table["threads"].dropna().unique()
    if len(threads):
        lines.append(
            "ms/text: median time on the CPU from one text to its probabilities; Texts/s: the same in batches of 32, "
            f"with {' or '.join(f'{int(count)}' for count in threads)} threads and, on one machine, no other job of "
            "the study beside it; MB: peak memory of that process."
        )
        reason = unranked(table)
        if reason:
            lines.append(f"The times cannot be ranked, since {reason}.")
    return lines
