"""How often the classes occur, in words.

Imported by the Snakefile too, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

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
