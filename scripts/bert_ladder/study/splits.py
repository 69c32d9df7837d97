"""The divisions into a training and a validation part, and who is trained on which.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from typing import Any

from bert_ladder.study.runs import Run, Runs

GIVEN = "given"


class Splits:
    """Fractions, seeds and files of the divisions of a resolved study.

    The validation part is drawn from the training split; or it is a file of its own, whose texts stand behind the
    training texts in one frame. Of a label curve each fraction of the labels has divisions of its own, one per seed.
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
        self.parts = [_named(fraction) for fraction in runs.fractions if fraction < 1]

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
        part = self.runs.parts.get(model)
        folder = f"labels-{_named(part.fraction)}-seed-{seed}/" if part else ""
        return f"<results>/data/splits/{folder}{self._division(self.runs.whole(model), seed)}.parquet"

    def _division(self, model: str, seed: int) -> str:
        """How the texts are divided that a row learns from and is validated on, as it is called in paths."""
        if self.given:
            return GIVEN
        row = self.runs.rows.get(model)
        fraction = row["training"]["validation_fraction"] if row else self.fraction
        return f"{_named(fraction)}-seed-{seed if self.per_run else self.seeds[0]}"

    @property
    def divisions(self) -> dict[str, dict[str, Any]]:
        """Fraction and seed of each division by its name in paths; nothing of what is given."""
        if self.given:
            return {GIVEN: {}}
        return {
            f"{fraction}-seed-{seed}": {"fraction": float(fraction), "seed": seed}
            for fraction in self.fractions
            for seed in self.seeds
        }

    @property
    def labelled(self) -> dict[str, str]:
        """The texts that a fraction of is drawn, and their division where it is given."""
        return {"frame": self.frame} | ({"given": f"<results>/data/splits/{GIVEN}.parquet"} if self.given else {})

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
