"""What the study's numbers say, section by section; a claim of a difference only where its test carries it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from bert_ladder.data.training_steps import FEW_STEPS, MORE_STEPS, steps_trained
from bert_ladder.report.results import Pair, Results
from bert_ladder.report.words import (
    Section,
    among,
    constant_rows,
    constant_words,
    difference,
    joined,
    milliseconds,
    span,
    spoken,
)

LISTED = 10  # pairs that are told one by one
TOLD = 5  # rows that a sentence compares with another, one by one
Z_95 = 1.96
# Texts of a validation part that rows may be chosen by: whatever the accuracy, it is then known to within 10 points.
LEAST_VALIDATION = 93
FREQUENT = 0.8  # share of a class from which accuracy hides the others


def choice_section(results: Results, parts_differ: bool = False) -> Section:
    """Which row to take for accuracy, and which for cost; none where nothing tells the rows apart.

    Args:
        results: the numbers.
        parts_differ: whether the rows were validated on different parts.
    """
    title, rows = "Which row to take", results.table.index.tolist()
    best = results.best(rows)
    lines = [*_constant_lines(results), _constant_line(results)]
    nothing = nothing_concluded(results, best)
    if nothing:
        return title, [nothing, *lines]
    others = [row for row in rows if row != best]
    lines = [*best_lines(results, best), *lines]
    if parts_differ:
        lines.append("The rows' validation parts differ, so that this choice also depends on how the parts were drawn.")
    if results.tuned and others:
        lines.append(
            f"The settings of {among(results.tuned)} were chosen on the validation part too, which flatters "
            f"{'it' if len(results.tuned) == 1 else 'them'} a little in this choice."
        )
    return title, lines + (cost_lines(results, best) if others else [])


def nothing_concluded(results: Results, best: str) -> str | None:
    """Why no row can be named, and what to do; None if one can.

    A row is worth naming if it is shown to be above one answer for every text. Rows that the test split does not put in
    the order of the validation part are chosen between by that part alone, which must then have texts enough.
    """
    if not results.beats_constant(best):
        return (
            f"Nothing can be concluded: “{best}”, the best on the validation part, reaches {results.measured(best)} on "
            f"the test split, which is not shown to be more than the {100 * results.constant:.2f} % of one and the "
            "same answer for every text. Label more texts, above all of the rare classes, or look for what the rows "
            "miss on the pages of mistakes and of the data audit."
        )
    texts = results.validation_texts
    open_pairs = [*results.tied(best), *results.above(best)]
    if open_pairs and texts < LEAST_VALIDATION:
        return (
            f"Nothing can be concluded on which row is best: on {texts:,} validation texts an accuracy is known to "
            f"within {100 * half_width(texts):.0f} points only, and the test split does not put “{best}”, the best "
            f"there, above {among(open_pairs)}. Label more texts, or raise validation_fraction, until "
            f"{LEAST_VALIDATION} texts or more are in the validation part."
        )
    return None


def half_width(texts: int) -> float:
    """How far Wilson's 95 % interval of an accuracy on so many texts reaches at most to each side."""
    return float(Z_95 / (2 * (texts + Z_95**2) ** 0.5))


def _constant_line(results: Results) -> str:
    """What one answer for every text reaches."""
    if results.metric.name == "accuracy":
        most = results.table["majority_class"].iloc[0]
        return (
            f"Always answering “{most}”, the most frequent class of the test texts, has an accuracy of "
            f"{100 * results.constant:.2f} %."
        )
    return f"One and the same answer for every test text reaches an F1 of {100 * results.constant:.2f} % at most."


def _constant_lines(results: Results) -> list[str]:
    """The rows that answer one class whatever they read, and what to try."""
    lines = []
    frequent = results.table["constant_accuracy"].iloc[0] >= FREQUENT
    for row in constant_rows(results.table.reset_index()):
        advice = "Its training diverged or learned too little: try a lower learning_rate, or more epochs. "
        lines.append(
            f"{constant_words(row)} {advice if row['kind'] == 'bert' else ''}"
            f"{'With one class this frequent compare by F1: comparison: {metric: f1}.' if frequent else ''}"
        )
    return lines


def best_lines(results: Results, best: str) -> list[str]:
    """The best row, or those that are as good."""
    name, close, above = results.metric.name, results.not_separable(best), results.above(best)
    mean = f"{100 * results.of(results.metric.validation)['mean'][best]:.2f} %"
    if len(results.table) == 1:
        return [f"“{best}” is the study's only row: {mean} on the validation part, {results.measured(best)} on test."]
    tied = results.tied(best)
    equal = [row for row in tied if row not in close]
    if tied:
        lines = [
            f"For {name} no single row is shown to be the best: “{best}” has the highest mean on the validation part "
            f"({mean}) and reaches {results.measured(best)} on the test split."
        ]
    else:
        lines = [
            f"For {name} take “{best}”: it has the highest mean on the validation part ({mean}); on the test split it "
            f"reaches {results.measured(best)}."
        ]
    if equal:
        lines.append(f"On the validation part {among(equal)} {'is' if len(equal) == 1 else 'are'} as good.")
    if above:
        lines.append(f"On the test split {among(above)} came out better than it; the choice was not made there.")
    if close:
        lines.append(f"On the test split it is not separable from {among(close)}.")
    return lines


def cost_lines(results: Results, best: str) -> list[str]:
    """The fastest row that is nearly as good as the best."""
    cheap = cheap_row(results, best)
    if cheap is None:
        return [f"For cost no row is named: the times cannot be ranked, since {results.unranked}."]
    cost = results.table["latency_ms"]
    if cheap == best:
        return [
            f"For cost take {f'“{best}”' if results.tied(best) else 'it too'}: no row that answers faster than its "
            f"{milliseconds(cost[best])} per text comes within one standard error of it on the validation part."
        ]
    pair = results.pair(cheap, best)
    return [
        f"For cost take “{cheap}”: the fastest row within one standard error of the best on the validation part, "
        f"{milliseconds(cost[cheap])} per text on the CPU instead of {milliseconds(cost[best])}. On the test split "
        f"it reaches {results.measured(cheap)}: {difference(pair)}, {spoken(pair['verdict'])} the best."
    ]


def cheap_row(results: Results, best: str) -> str | None:
    """The fastest row that is nearly as good as the best; None where times cannot be ranked."""
    if results.unranked:
        return None
    return results.cheapest([row for row in results.within_one_error(best) if results.beats_constant(row)])


def baseline_section(results: Results) -> Section:
    """Whether any BERT beats the linear baseline."""
    if not results.baselines:
        return "BERT or a linear model", ["The study has no linear baseline: whether a BERT is worth its cost is open."]
    baseline = results.best(results.baselines)
    lines = [
        f"The linear baseline with the highest {results.metric.name} on the validation part, “{baseline}”, reaches "
        f"{results.measured(baseline)} on the test split."
    ]
    lines += _against(results, baseline, results.berts)
    if not any(results.pair(row, baseline)["verdict"] == "better" for row in results.berts):
        lines.append("No BERT of this study is shown to beat the linear baseline.")
    return "BERT or a linear model", lines


def frozen_section(results: Results) -> Section | None:
    """Whether fine-tuning is needed: each row with a frozen encoder against the linear models and the BERTs."""
    if not results.frozen:
        return None
    lines = []
    for row in results.frozen:
        lines.append(
            f"“{row}”, logistic regression on the outputs of {results.table['encoder'][row]} as it is, reaches "
            f"{results.measured(row)} on the test split."
        )
        lines += _against(results, row, [*results.baselines, *results.berts])
    return "Fine-tuned or frozen", lines


def _against(results: Results, other: str, rows: list[str]) -> list[str]:
    """Some rows beside another one, by their verdicts."""
    pairs = {row: results.pair(row, other) for row in rows}
    lines = []
    for verdict in ("better", "not separable", "worse"):
        found = [row for row in rows if pairs[row]["verdict"] == verdict]
        if len(found) > TOLD:
            found.sort(key=lambda row: pairs[row]["difference"])
            ends = " to ".join(f"“{row}” {difference(pairs[row])}" for row in (found[0], found[-1]))
            lines.append(f"{spoken(verdict).capitalize()} it: {len(found)} rows, from {ends}.")
        elif found:
            spans = "; ".join(f"“{row}” {difference(pairs[row])}" for row in found)
            lines.append(f"{spoken(verdict).capitalize()} it: {spans}.")
    return lines


def size_section(results: Results) -> Section:
    """Whether the next larger rung is better; of rows of one size the best on the validation part stands for it.

    A size is a number of parameters, the vocabulary's among them.
    """
    sizes = results.table.loc[results.berts].groupby("parameters", sort=True)
    order = [results.best(of_size.index.tolist()) for _, of_size in sizes]
    lines = []
    for smaller, larger in pairwise(order):
        pair = results.pair(larger, smaller)
        lines.append(f"“{larger}” is {spoken(pair['verdict'])} “{smaller}”: {difference(pair)}.")
    if lines:
        lines.append(
            "Rungs are ordered by their number of parameters, the vocabulary's among them; of rows with the same "
            "number the best on the validation part is compared, whatever its settings."
        )
    return "From rung to rung", lines or ["All BERT rows are of one size: nothing to compare."]


def open_section(results: Results) -> Section:
    """Which differences are not separable with these data, and what it would take."""
    pairs = results.pairs[results.pairs["verdict"] == "not separable"]
    if results.pairs.empty:
        return "Not separable with these data", ["The study has one row: nothing to compare."]
    if pairs.empty:
        return "Not separable with these data", ["No pair: every difference between two rows is significant."]
    shown = pairs.head(LISTED).to_dict("records")
    lines = [f"“{pair['model_a']}” and “{pair['model_b']}”: {difference(pair)}{needed(pair)}." for pair in shown]
    if len(pairs) > LISTED:
        lines.append(f"And {len(pairs) - LISTED} more pairs; the pairwise matrix has them all.")
    if any(map(needed, shown)):
        lines.append(
            "Seeds and test texts are those with which a single test would find the difference 4 times in 5, were it "
            "as large as observed; Holm's correction over all pairs asks for more."
        )
    return "Not separable with these data", lines


def needed(pair: Pair) -> str:
    """How many seeds, or test texts, a difference as large as the observed one would take."""
    if pd.notna(pair["seeds_needed"]):
        return f"; it would take about {int(pair['seeds_needed'])} seeds per row"
    if pd.notna(pair["examples_needed"]):
        texts = f"about {int(pair['examples_needed']):,} test texts"
        return f"; it would take {texts}" + (" and many seeds" if pair["scope"] == "seeds and examples" else "")
    return ""


def leak_section(results: Results, leaked: int) -> Section:
    """What the leaked test texts change."""
    title = "Test texts that are training texts too"
    if not leaked:
        return title, ["None: no test text stands in the training split."]
    change = (results.table["clean_accuracy"] - results.table["test_accuracy"]).abs().max()
    what = "1 test text is a training text" if leaked == 1 else f"{leaked:,} test texts are training texts"
    return title, [
        f"{what} too; without {'it' if leaked == 1 else 'them'} no row's test accuracy changes by more than "
        f"{100 * change:.2f} points."
    ]


def search_section(results: Results) -> Section | None:
    """What the searches found."""
    if "chosen" not in results.table or not results.table["chosen"].notna().any():
        return None
    lines = []
    for row in results.table[results.table["chosen"].notna()].reset_index().to_dict("records"):
        model, chosen_by = row["model"], row["search_metric"]
        loss = chosen_by == "loss"
        score = f"{row['search_score']:.4f}" if loss else f"{100 * row['search_score']:.2f} %"
        measure = "validation_loss" if loss else f"validation_{chosen_by}"
        again = results.of(measure)["mean"][model]
        lines.append(
            f"“{model}”: {row['chosen']}, the best of {int(row['trials'])} trials by validation {chosen_by} "
            f"({score}). Trained with the row's seeds it has {f'{again:.4f}' if loss else f'{100 * again:.2f} %'} "
            f"there, and {results.measured(model)} {results.metric.name} on the test split; the best of several trials "
            "is an optimistic estimate."
        )
        if pd.notna(row.get("halving")):
            lines.append(
                f"The search of “{model}” was halved: {row['halving']}. Dropped {row['dropped']}. A trial that learns "
                "slowly at first may have been dropped although it would have been the best in the end."
            )
    return "What the search found", lines


def scope_section(results: Results, records: Sequence[dict[str, Any]] = ()) -> Section:
    """What the statements speak of.

    Args:
        results: the numbers.
        records: training.json of every BERT run, with its row as `model`.
    """
    seeds, models = "seeds and examples", "these trained models"
    scopes = set(results.pairs["scope"]) or {seeds if seeds in set(results.table["interval"]) else models}
    of_berts = results.table.loc[results.berts, "seeds"].astype(int)
    few, many = of_berts.min(), of_berts.max()
    count = f"{few} {'seed' if many == 1 else 'seeds'}" if few == many else f"{few} to {many} seeds"
    rows = "1 row is measured" if len(results.table) == 1 else f"{len(results.table)} rows are compared"
    lines = [
        f"{rows} by {results.metric.name} on the test split, each BERT row with {count}. Rows are chosen on the "
        "validation part and reported on the test split. “Better” and “worse” are said only where the test of the pair "
        "is significant at 5 % after Holm's correction over all pairs, which is in the p-values; intervals in brackets "
        "are of one pair or row alone, at 95 %."
    ]
    if scopes == {models}:
        lines.append(
            "Every statement is of these trained models only: it says nothing about what another seed would give."
        )
    elif scopes == {seeds}:
        lines.append("Each comparison speaks of other seeds and other texts of this kind too, not of other data sets.")
    else:
        lines.append(
            "Between rows with several seeds a comparison speaks of other seeds too; where a row has one, or neither "
            "is fine-tuned, of these trained models only."
        )
    weighted = results.weighted
    if weighted:
        lines.append(
            f"{among(weighted)} {'was' if len(weighted) == 1 else 'were'} trained with class weights, which favour the "
            "recall of heavier classes over accuracy; in the scores each text counts once."
        )
    if seeds in scopes and (of_berts == 2).any():
        lines.append(
            "Two seeds are few for a verdict: in simulations up to 15 % of studies had a false one, instead of 5 %."
        )
    lines += _few_steps_lines(records)
    return "What this speaks of", lines


def _few_steps_lines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Which rows had too few steps to learn much."""
    steps: dict[str, list[int]] = {}
    for record in records:
        steps.setdefault(record["model"], []).append(steps_trained(record))
    few = {row: sorted(of_row) for row, of_row in steps.items() if min(of_row) < FEW_STEPS}
    if not few:
        return []
    rows = joined([f"“{row}” ({span(of_row)})" for row, of_row in few.items()])
    return [f"Fewer than {FEW_STEPS} optimizer steps in all hardly train a model: {rows}; {MORE_STEPS}."]
