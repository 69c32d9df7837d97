"""Every row against every other, for a reader: a matrix of verdicts, and what is behind each."""

from dataclasses import dataclass

import pandas as pd

from bert_ladder.report.html import Table
from bert_ladder.report.results import Pair, Results
from bert_ladder.report.words import p_value, spoken

SIGNS = {"better": "▲", "worse": "▼", "not separable": "≈"}
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """A row against another.

    Attributes:
        verdict: "better", "worse" or "not separable".
        sign: a character for it.
        points: the difference, signed.
        words: all that is known of the pair, a sentence or two.
    """

    verdict: str
    sign: str
    points: str
    words: str


def verdict_matrix(results: Results) -> list[tuple[str, list[Cell | None]]]:
    """Each row's name with its cells against all rows in table order; None against itself.

    Args:
        results: the numbers of the study.
    """
    rows = results.table.index.tolist()
    found = {(pair["model_a"], pair["model_b"]): pair for pair in results.pairs_both_ways.to_dict("records")}
    return [(row, [verdict_cell(found[row, other]) if row != other else None for other in rows]) for row in rows]


def verdict_cell(pair: Pair) -> Cell:
    """What the matrix shows of a pair.

    Args:
        pair: a line of pairs.csv.
    """
    low, value, high = (100 * pair[key] for key in ("low", "difference", "high"))
    words = (
        f"“{pair['model_a']}” is {spoken(pair['verdict'])} “{pair['model_b']}”: {value:+z.2f} points, 95 % interval "
        f"{low:+z.2f} to {high:+z.2f}; {p_value(pair['p_holm'])} after Holm's correction over all pairs, "
        f"{p_value(pair['p_value'])} alone. Test: {pair['test']}; it speaks of {pair['scope']}."
    )
    return Cell(pair["verdict"], SIGNS[pair["verdict"]], f"{value:+z.1f}", words)


def pairs_table(pairs: pd.DataFrame) -> Table:
    """All pairs in numbers.

    Args:
        pairs: pairs.csv.
    """
    lines = [
        [
            pair["model_a"],
            pair["model_b"],
            pair["verdict"],
            f"{100 * pair['difference']:+z.2f}",
            f"{100 * pair['low']:+z.2f}, {100 * pair['high']:+z.2f}",
            p_value(pair["p_value"]),
            p_value(pair["p_holm"]),
            _count(pair["seeds_needed"]),
            _count(pair["examples_needed"]),
        ]
        for pair in pairs.to_dict("records")
    ]
    headers = ["Row", "Against", "Verdict", "Points", "95 % interval", "Alone", "After Holm", "Seeds", "Test texts"]
    return Table(headers, lines, "lllrrrrrr")


def _count(number: float) -> str:
    return NONE if pd.isna(number) else f"{number:,.0f}"
