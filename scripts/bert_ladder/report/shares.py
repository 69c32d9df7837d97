"""How often the classes occur, in words.

Imported by the Snakefile too, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from typing import Any

LISTED_CLASSES = 10


def percent(share: float) -> str:
    """A share in percent, to a tenth."""
    return f"{100 * share:.1f} %"


def label_shares(counts: dict[str, int], elsewhere: str) -> str:
    """The classes with their shares; of many the most frequent, the others being counted.

    Args:
        counts: texts by the name of the class.
        elsewhere: what has them all.
    """
    total = sum(counts.values())
    listed = counts if len(counts) <= LISTED_CLASSES else sorted(counts, key=counts.__getitem__, reverse=True)
    shown = [f"{name} {percent(counts[name] / total)}" for name in list(listed)[:LISTED_CLASSES]]
    others = len(counts) - len(shown)
    rest = f", and {others} {'other' if others == 1 else 'others'}; {elsewhere} has them all" if others else ""
    return ", ".join(shown) + rest


def rare_in_words(audit: dict[str, Any]) -> list[str]:
    """What became of rare classes, in a sentence; none where there were none.

    Args:
        audit: audit.json.
    """
    if "rare_classes" not in audit:
        return []
    rare = audit["rare_classes"]
    rows = rare["rows"]
    named = [f"“{label}” ({count:,})" for label, count in list(rows.items())[:LISTED_CLASSES]]
    others = len(rows) - len(named)
    listed = ", ".join(named) + (f" and {others} more" if others else "")
    outcome = "were left out" if rare["merged"] is None else f"were merged into “{rare['merged']}”"
    return [
        f"Classes with fewer than {rare['at_least']:,} distinct texts in the training file {outcome}, "
        f"{sum(rows.values()):,} texts: {listed}."
    ]
