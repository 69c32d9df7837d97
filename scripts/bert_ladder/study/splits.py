"""The divisions into a training and a validation part, and who is trained on which.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from typing import Any

from bert_ladder.study.runs import Run, Runs


class Splits:
    """Fractions, seeds and files of the divisions of a resolved study.

    The validation part is drawn from the training split; or it is a file of its own, whose texts stand behind the
    training texts in one frame.
    """

    def __init__(self, study: dict[str, Any], runs: Runs) -> None:
        self.runs = runs
        self.given: bool = "validation" in study["dataset"]
        self.per_run: bool = study["split_seed"] == "per_run"
        self.seeds: list[int] = runs.seeds if self.per_run else [study["split_seed"]]
        # The baselines use that of `training`, which most rows share.
        self.fraction = study["training"]["validation_fraction"]
        used = [study["training"], *(row["training"] for row in study["models"])]
        fractions = [settings["validation_fraction"] for settings in used]
        self.fractions = [] if self.given else sorted(set(map(_named, fractions)))

    @property
    def texts(self) -> str:
        """The texts that are divided, as their frame and their tokens are called."""
        return "train_validation" if self.given else "train"

    @property
    def frame(self) -> str:
        """The frame that is divided."""
        return f"<results>/data/{self.texts}.parquet"

    def file(self, model: str, seed: int) -> str:
        """The division that a row or a baseline is trained on with a seed."""
        if self.given:
            return "<results>/data/splits/given.parquet"
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
