"""The answer of a study at the top of its report: which row, how good, how sure, at what cost."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bert_ladder.report.cells import in_millions
from bert_ladder.report.findings import cheap_row, nothing_concluded
from bert_ladder.report.results import Pair, Results
from bert_ladder.report.words import among, milliseconds, spoken

TOLD = 3  # rows that a sentence names


@dataclass(frozen=True)
class Fact:
    """A number worth large type.

    Attributes:
        what: its name.
        value: the number with its unit.
        beside: what a reader must know of it.
    """

    what: str
    value: str
    beside: str


@dataclass(frozen=True)
class Answer:
    """What the study answers.

    Attributes:
        best: the row with the highest mean on the validation part.
        cheap: the fastest row that is nearly as good; None where none is named.
        settled: whether a row is named at all.
        heading: in a few words.
        sentences: three at most.
        facts: of the best row.
    """

    best: str
    cheap: str | None
    settled: bool
    heading: str
    sentences: list[str]
    facts: list[Fact]


def answer(results: Results) -> Answer:
    """The answer in three sentences: what to take for the metric, what for cost, and whether a BERT pays.

    Args:
        results: the numbers of the study.
    """
    best = results.best(results.table.index.tolist())
    doubt = nothing_concluded(results, best)
    name, alone = results.metric.name, len(results.table) == 1
    cheap = None if doubt or alone else cheap_row(results, best)
    if doubt:
        heading, sentences = "Nothing can be concluded yet", [doubt]
    elif alone:
        heading = f"“{best}” is the study's only row"
        sentences = [f"“{best}” reaches {results.measured(best)} {name} on the test split."]
    else:
        tied = results.tied(best)
        heading = f"No single row is shown to be the best: “{best}” leads" if tied else f"Take “{best}”"
        sentences = [_best_sentence(results, best, tied), _cost_sentence(results, best, cheap)]
    return Answer(
        best, cheap, doubt is None, heading, [*sentences, *_baseline_sentence(results)], _facts(results, best)
    )


def points(pair: Pair) -> str:
    """A difference in points with its interval, for a sentence; what is behind it stands in the matrix of verdicts."""
    low, value, high = (100 * pair[key] for key in ("low", "difference", "high"))
    return f"{value:+z.2f} points [{low:+z.2f}, {high:+z.2f}]"


def _best_sentence(results: Results, best: str, tied: list[str]) -> str:
    name = results.metric.name
    reaches = f"“{best}” has the highest {name} on the validation part and reaches {results.measured(best)} on test"
    above = results.above(best)
    if above:
        return f"{reaches}, where {among(above)} came out better."
    others = len(results.table) - 1
    if len(tied) > TOLD:
        which = f"none of the other {others} rows is" if len(tied) == others else f"{len(tied)} other rows are not"
        return f"{reaches}, where {which} separable from it."
    if tied:
        return f"{reaches}, where {among(tied)} {'is' if len(tied) == 1 else 'are'} not separable from it."
    return f"{reaches}, better than {'the other row' if others == 1 else f'each of the other {others} rows'}."


def _cost_sentence(results: Results, best: str, cheap: str | None) -> str:
    if cheap is None:
        return "Which row is the cheapest is not said: their times cannot be ranked (the table's notes say why)."
    cost = results.table["latency_ms"]
    if cheap == best:
        return f"No faster row comes near it: it answers a text in {milliseconds(cost[best])} on the CPU."
    pair = results.pair(cheap, best)
    return (
        f"For cost take “{cheap}”: {milliseconds(cost[cheap])} per text on the CPU instead of "
        f"{milliseconds(cost[best])}, for {points(pair)}, {spoken(pair['verdict'])} the best."
    )


def _baseline_sentence(results: Results) -> list[str]:
    """Whether a BERT beats the linear models; nothing where the study has no BERT."""
    if not results.berts:
        return []
    if not results.baselines:
        return ["There is no linear baseline in this study: whether a BERT is worth its cost is open."]
    baseline, bert = results.best(results.baselines), results.best(results.berts)
    pair = results.pair(bert, baseline)
    return [
        f"Of the linear models “{baseline}” does best with {results.measured(baseline)}; “{bert}” is "
        f"{spoken(pair['verdict'])} it ({points(pair)})."
    ]


def _facts(results: Results, best: str) -> list[Fact]:
    """Of one row: how good, how sure, how fast, how large."""
    row: dict[Hashable, Any] = results.table.loc[best].to_dict()
    test = results.metric.test
    low, high = (100 * row[f"{test}{end}"] for end in ("_low", "_high"))
    seeds = int(row["seeds"])
    trained = f", {seeds} {'seed' if seeds == 1 else 'seeds'}" if row["kind"] == "bert" else ""
    facts = [
        Fact(
            f"Test {results.metric.name}",
            f"{100 * row[test]:.2f} %",
            f"95 % interval {low:.1f} to {high:.1f}{trained}",
        )
    ]
    others = len(results.table) - 1
    if others:
        below, open_ones = len(results.below(best)), len(results.not_separable(best))
        facts.append(Fact("Shown to be better than", f"{below} of {others}", f"other rows; {open_ones} not separable"))
    if pd.notna(row["latency_ms"]):
        facts.append(Fact("Answers a text in", milliseconds(row["latency_ms"]), f"on {row['threads']:.0f} CPU threads"))
    seconds = f"{row['training_seconds']:,.{0 if row['training_seconds'] >= 10 else 1}f}"
    size = "Terms with weights" if row["kind"] == "baseline" else "Parameters"
    facts.append(Fact(size, in_millions(row["parameters"]), f"trained in {seconds} s per run"))
    return facts
