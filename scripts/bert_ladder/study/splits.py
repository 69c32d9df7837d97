"""The divisions of the training split into a training and a validation part, and who is trained on which.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from typing import Any

from bert_ladder.study.runs import Run, Runs


class Splits:
    """Fractions, seeds and files of the divisions of a resolved study."""

    def __init__(self, study: dict[str, Any], runs: Runs) -> None:
        self.runs = runs
        self.per_run: bool = study["split_seed"] == "per_run"
        self.seeds: list[int] = runs.seeds if self.per_run else [study["split_seed"]]
        # The baselines use that of `training`, which most rows share.
        self.fraction: float = study["training"]["validation_fraction"]
        used = [study["training"], *(row["training"] for row in study["models"])]
        self.fractions = sorted({_named(settings["validation_fraction"]) for settings in used})

    def file(self, model: str, seed: int) -> str:
        """The division that a row or a baseline is trained on with a seed."""
        row = self.runs.rows.get(model)
        fraction = row["training"]["validation_fraction"] if row else self.fraction
        return f"<results>/data/splits/{_named(fraction)}-seed-{seed if self.per_run else self.seeds[0]}.parquet"

    def files(self, runs: list[Run]) -> list[str]:
        """The divisions of some runs, each once, sorted."""
        return sorted({self.file(run.model, run.seed) for run in runs})

    @property
    def differ(self) -> bool:
        """Whether the rows are not all validated on the same texts."""
        parts: dict[str, set[str]] = {}
        for run in self.runs.all:
            parts.setdefault(run.model, set()).add(self.file(run.model, run.seed))
        return len({frozenset(files) for files in parts.values()}) > 1


def _named(fraction: float) -> str:
    """A fraction in the name of a file: all digits that it takes to tell it from every other."""
    return repr(fraction)
