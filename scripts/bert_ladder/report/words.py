"""Numbers in words: what the sentences of the summary are made of."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from bert_ladder.report.results import Pair

# A heading and its sentences.
Section = tuple[str, list[str]]


def difference(pair: Pair) -> str:
    """A pair's difference with its interval and, behind them, its corrected p-value, in words."""
    low, value, high = (100 * pair[key] for key in ("low", "difference", "high"))
    return f"{value:+z.2f} points [{low:+z.2f}, {high:+z.2f}] ({p_value(pair['p_holm'])})"


def p_value(p: float) -> str:
    """ "p = .032", "p < .001"."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".") if p < 1 else "p = 1"


def among(names: Sequence[str]) -> str:
    """ "“a”, “b” and “c”"."""
    return joined([f"“{name}”" for name in names])


def joined(parts: Sequence[str]) -> str:
    """ "a, b and c"; of one that one."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def milliseconds(value: float) -> str:
    """Two digits of a time, or all before the point."""
    return f"{value:.2g} ms" if value < 9.95 else f"{value:,.0f} ms"


def spoken(verdict: str) -> str:
    """A verdict that a row's name can follow."""
    return {"better": "better than", "worse": "worse than", "not separable": "not separable from"}[verdict]


def span(values: Sequence[int]) -> str:
    """ "3", or "3 to 7"."""
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def constant_rows(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The lines of table.csv whose runs, or some of them, give every test text one class."""
    return table[table["constant_runs"] > 0].to_dict("records")


def constant_words(row: dict[Hashable, Any]) -> str:
    """That a row gives every test text one class."""
    some = "" if row["constant_runs"] == row["seeds"] else f" in {row['constant_runs']} of its {row['seeds']} runs"
    return f"“{row['model']}” gives every test text one class{some}, “{row['constant_class']}”, whatever it reads."
