"""What stands below the study's table: all that a reader must know to read it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bert_ladder.report.cells import CONSTANT, DIFFERENCE, ORIGINAL
from bert_ladder.report.markup import single_spaced
from bert_ladder.report.shares import label_shares, percent, rare_in_words
from bert_ladder.report.timing import unranked
from bert_ladder.report.words import constant_rows, constant_words, joined

TOLD = 10  # labels that a sentence names


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
        f"All scores in percent; precision, recall and F1 are {what}, on the test split. A dash: no value.",
        f"“{CONSTANT}”: what a model would reach that gives every text the most frequent class of the test split, "
        f"“{table['majority_class'].iloc[0]}”.",
        *map(constant_words, constant_rows(table)),
        _interval_line(table),
        _seconds_line(table),
        *_weight_lines(table),
        *_search_lines(table),
        *_measure_lines(table, audit),
    ]
    if any(column.startswith("reference_") for column in table.columns):
        lines.append(f"“{ORIGINAL}”: the value this row repeats; “{DIFFERENCE}”: ours minus the original's, in points.")
    exact = audit["exact"]
    duplicates, shared = exact["duplicates"], exact["leaked"]["texts"]
    all_of = [*audit["duplicates"].values(), audit["leaked"]["texts"]]
    alike = joined([f"{count:,}" for count in all_of])
    beyond = (
        f" But for case, white space and invisible characters: {alike}."
        if all_of != [*duplicates.values(), shared]
        else ""
    )
    for split, counts in audit["labels"].items():
        lines.append(f"Labels of the {split} texts: {label_shares(counts, 'the page of classes')}.")
    lines += rare_in_words(audit)
    lines.append(
        f"Exact duplicates: {', '.join(f'{count:,} in {split}' for split, count in duplicates.items())}; "
        f"{_texts_are(shared)} in both train and test.{beyond}"
    )
    if "validation" in audit["rows"]:
        pairs = [
            f"{_texts_are(found['texts'])} in both {split} and validation"
            for split, found in audit["in_validation"].items()
        ]
        lines.append(
            f"The validation part is a file of its own, {audit['rows']['validation']:,} texts; {joined(pairs)}."
        )
    cuts = [
        f"at {int(length):,} WordPieces "
        f"{joined([f'{percent(share)} of the {split}' for split, share in cut.items()])} texts are cut"
        f"{f' ({vocabulary})' if len(audit['vocabularies']) > 1 else ''}"
        for vocabulary, found in audit["vocabularies"].items()
        for length, cut in found["cut"].items()
    ]
    if cuts:
        lines.append(f"Text length: {'; '.join(cuts)}; the linear baselines read whole texts.")
    return [single_spaced(line) for line in [*lines, *notes]]


def held_out_lines(audit: dict[str, Any], held_out: dict[str, Any] | None) -> list[str]:
    """How much was held out as the test split, where the data set has none of its own.

    Args:
        audit: audit.json.
        held_out: `fraction` asked for and `seed`, or None.
    """
    if held_out is None:
        return []
    asked, test, train = held_out["fraction"], audit["labels"]["test"], audit["labels"]["train"]
    whole = {name: count + train[name] for name, count in test.items()}
    drawn, total = sum(test.values()), sum(whole.values())
    # A whole row more or less is rounding.
    departing = [
        f"“{name}” {count:,} of {whole[name]:,} ({percent(count / whole[name])})"
        for name, count in test.items()
        if abs(count - asked * whole[name]) > 1
    ]
    more = f" and {len(departing) - TOLD:,} more labels" if len(departing) > TOLD else ""
    except_for = (
        f" As texts that are equal stay together, other shares were drawn of {', '.join(departing[:TOLD])}{more}."
        if departing
        else ""
    )
    return [
        f"The data set has no test split: {drawn:,} of its {total:,} texts ({percent(drawn / total)}; {asked:.4g} was "
        f"asked for), in proportion by label (seed {held_out['seed']}), were held out as the test split.{except_for}"
    ]


def _seconds_line(table: pd.DataFrame) -> str:
    frozen = (
        "; for a frozen encoder with its reading of the training and validation texts, which is done once for all rows "
        "that read alike"
        if (table["kind"] == "frozen").any()
        else ""
    )
    return f"Seconds: training, without evaluation and search; for a linear baseline with its tuning{frozen}."


def _interval_line(table: pd.DataFrame) -> str:
    several = "over seeds and test examples"
    berts = table[table["kind"] == "bert"]
    of_seeds = berts["interval"] == "seeds and examples"
    models = "these trained models" if len(table) > 1 else "this trained model"
    one = f"of {models} only, over test examples; it says nothing about other seeds"
    if of_seeds.any():
        which = "a linear baseline or a frozen encoder" if (table["kind"] == "frozen").any() else "a linear baseline"
        linear = f"; of {which}, which has no seed in it, over test examples" if len(berts) < len(table) else ""
        rest = "" if of_seeds.all() else f" where a row has several seeds; with one {one}"
        return f"Low and high: the 95 % interval {several}{rest}{linear}."
    return f"Low and high: the 95 % interval {one}."


def _weight_lines(table: pd.DataFrame) -> list[str]:
    """Which rows were trained with class weights, and that scores are not weighted."""
    if "class_weight" not in table:
        return []
    weighted = table[table["class_weight"].notna()]
    rows = "; ".join(f"“{row['model']}” ({row['class_weight']})" for row in weighted.to_dict("records"))
    return [
        f"Trained with class weights: {rows}. In the training the loss of a text is multiplied by the weight of its "
        "class (balanced: the rarer, the more; 1 for a class that is not named); in all scores each text counts once."
    ]


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
            + (f" Its search was halved: {row['halving']}." if pd.notna(row.get("halving")) else "")
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
            f"in {' or '.join(table['engine'].dropna().unique())}, "
            f"with {' or '.join(f'{int(count)}' for count in threads)} threads and, on one machine, no other job of "
            "the study beside it; MB: peak memory of that process."
        )
        reason = unranked(table)
        if reason:
            lines.append(f"The times cannot be ranked, since {reason}.")
    return lines


def _texts_are(count: int) -> str:
    return "1 text is" if count == 1 else f"{count:,} texts are"
