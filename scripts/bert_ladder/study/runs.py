"""The runs of a study: one training per row and seed, the baselines, and the trials of the searches.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bert_ladder.study.locations import safe_name
from bert_ladder.study.row_folders import row_record
from bert_ladder.study.rows import READING, is_frozen, reading_name, row_settings

# What tells the jobs of a row apart, by wildcard.
OF_A_RUN = ("rung", "trial", "place", "seed")


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        model: the row's folder: its name as it stands in paths, or that which it had when its runs were trained; of a
            run on a fraction of the labels a folder in that one, see `Runs.parts`.
        seed: of the run.
        name: the row's name.
        kind: "bert", "baseline" (a linear model of n-grams) or "frozen" (one on the outputs of an encoder).
        trial: name of a search's trial, None for a run of its own; in a rung after the first, where it is not known
            before which trials go on, the place in the ranking of the rung before, as a folder.
        rung: of a search that is halved, from 1; None for all other runs.
        fraction: of the labelled texts that it learns from and is validated on.
    """

    model: str
    seed: int
    name: str
    kind: str = "bert"
    trial: str | None = None
    rung: int | None = None
    fraction: float = 1.0

    @property
    def folder(self) -> str:
        """Where the run's files lie."""
        if self.trial is None:
            return f"<results>/runs/{self.model}/seed-{self.seed}"
        trial = self.trial if self.rung is None else f"{rung_name(self.rung)}/{self.trial}"
        return f"<results>/search/{self.model}/{trial}/seed-{self.seed}"


@dataclass(frozen=True)
class Part:
    """A row on a fraction of the labels.

    Attributes:
        model: the row's folder.
        fraction: of the labelled texts, below 1.
    """

    model: str
    fraction: float


class Runs:
    """Rows, seeds, runs and trials of a resolved study, and the runs of its label curve.

    What is asked by a row's folder is answered for one of `parts` as for the row itself.
    """

    def __init__(self, study: dict[str, Any]) -> None:
        self.study: str = study["study"]
        self.rows: dict[str, dict[str, Any]] = {row["path"]: row for row in study["models"]}
        self.searches: dict[str, dict[str, Any]] = {
            path: row["search"] for path, row in self.rows.items() if "search" in row
        }
        self.linear: dict[str, dict[str, Any]] = {entry["path"]: entry for entry in study["baselines"]}
        self.baseline_names: list[str] = list(self.linear)
        self.frozen = {path: entry for path, entry in self.linear.items() if is_frozen(entry)}
        curve = study["label_curve"] or {"fractions": [], "rows": []}
        self.fractions: list[float] = sorted(curve["fractions"])
        named = [path for path, row in self.rows.items() if row["name"] in curve["rows"]]
        self.drawn = [*self.linear, *named] if self.fractions else []
        self.parts = {
            f"{path}/labels-{fraction!r}": Part(path, fraction)
            for path in self.drawn
            for fraction in self.fractions
            if fraction < 1
        }
        # Baselines are deterministic given split and solver seed.
        self.baseline_seeds: list[int] = study["seeds"] if study["split_seed"] == "per_run" else study["seeds"][:1]
        self.seeds = sorted(
            {seed for used in [study, *self.rows.values(), *self.searches.values()] for seed in used["seeds"]}
        )
        self.baselines = [
            Run(path, seed, entry["name"], self.kind(path))
            for path, entry in self.linear.items()
            for seed in self.baseline_seeds
        ]
        self.berts = [Run(path, seed, row["name"]) for path, row in self.rows.items() for seed in row["seeds"]]
        self.trials = [
            Run(path, seed, self.rows[path]["name"], trial=trial, rung=rung)
            for path, search in self.searches.items()
            for rung, trials in trained_trials(search).items()
            for trial in trials
            for seed in search["seeds"]
        ]
        # Other labels for each seed, so that a baseline has as many runs as there are seeds.
        self.partial = [
            Run(folder, seed, self.name(part.model), self.kind(part.model), fraction=part.fraction)
            for folder, part in self.parts.items()
            for seed in (self.rows[part.model]["seeds"] if part.model in self.rows else study["seeds"])
        ]

    @property
    def curve(self) -> list[Run]:
        """The runs of the label curve: those on a fraction of the labels, and, if it has 1, the table's own."""
        whole = self.all if 1 in self.fractions else []
        return [*self.partial, *(run for run in whole if run.model in self.drawn)]

    def whole(self, model: str) -> str:
        """The folder of a row, also of one of `parts`."""
        return self.parts[model].model if model in self.parts else model

    def of_kind(self, *kinds: str) -> list[str]:
        """The folders of all rows of some kinds, and of those on a fraction of the labels."""
        return [model for model in [*self.models, *self.parts] if self.kind(model) in kinds]

    @property
    def all(self) -> list[Run]:
        """The runs that are compared: baselines and rows."""
        return self.baselines + self.berts

    @property
    def with_weights(self) -> list[Run]:
        """The runs that are a classifier on an encoder, trained or frozen."""
        return [run for run in self.all if run.model in self.on_encoders]

    @property
    def models(self) -> list[str]:
        """Baselines and rows as they stand in paths, in the order of the table."""
        return [*self.baseline_names, *self.rows]

    @property
    def on_encoders(self) -> dict[str, dict[str, Any]]:
        """The rows that read an encoder, trained or frozen, by folder."""
        return self.frozen | self.rows

    @property
    def readings(self) -> dict[str, dict[str, Any]]:
        """How the frozen encoders read a text, `length` and `truncation`, by the names of their folders."""
        return {
            reading_name(entry): {key: entry[key] for key in ("length", "truncation")} for entry in self.frozen.values()
        }

    def poolings(self, encoder: str, reading: str) -> list[str]:
        """Which poolings of an encoder the frozen rows want that read alike.

        Args:
            encoder: its name.
            reading: one of `readings`.
        """
        rows = [
            entry for entry in self.frozen.values() if (entry["encoder"], reading_name(entry)) == (encoder, reading)
        ]
        return sorted({entry["pooling"] for entry in rows})

    def frozen_settings(self, model: str) -> dict[str, Any]:
        """What the classifier on a frozen encoder is fitted with."""
        return {key: self.frozen[self.whole(model)][key] for key in (*READING, "class_weight")}

    @property
    def readers(self) -> list[dict[str, Any]]:
        """Those rows: `name`, `encoder`, and `settings`, all that each is trained with, or how a frozen one reads."""
        settings = {path: row_settings(row) for path, row in self.rows.items()}
        settings |= {path: [entry] for path, entry in self.frozen.items()}
        return [
            {"name": row["name"], "encoder": row["encoder"], "settings": settings[path]}
            for path, row in self.on_encoders.items()
        ]

    def kind(self, model: str) -> str:
        """What a row is: see `Run`."""
        model = self.whole(model)
        return "bert" if model in self.rows else "frozen" if model in self.frozen else "baseline"

    def name(self, model: str) -> str:
        """What a row or a baseline is called."""
        if model in self.parts:
            return f"{self.name(self.whole(model))}, {100 * self.parts[model].fraction:g} % of the labels"
        return (self.rows if model in self.rows else self.linear)[model]["name"]

    def in_words(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """A job by its rule and, where it is of one, by row, rung, trial or place, and seed."""
        row = f" of “{self.name(wildcards['model'])}”" if "model" in wildcards else ""
        return rule + row + "".join(f", {key} {wildcards[key]}" for key in OF_A_RUN if key in wildcards)

    def measured(self, model: str, seed: int) -> dict[str, Any]:
        """Which run it is, as its metrics say."""
        return {
            "study": self.study,
            "model": self.name(model),
            "encoder": self.encoder(model) if model in self.on_encoders else "",
            "kind": self.kind(model),
            "seed": seed,
        }

    def record(self, model: str) -> dict[str, Any]:
        """What the record of a row's folder holds."""
        return row_record(self.rows[model])

    @property
    def renamed(self) -> dict[str, str]:
        """The folders of rows that have another name than their runs were trained under, by row."""
        return {row["name"]: path for path, row in self.rows.items() if path != safe_name(row["name"])}

    def encoder(self, model: str) -> str:
        """The encoder of a row, trained or frozen."""
        return self.on_encoders[self.whole(model)]["encoder"]

    def training(self, model: str) -> dict[str, Any]:
        """The hyper-parameters of a row; those that it searches for come with a trial, or with the chosen one."""
        return self.rows[self.whole(model)]["training"]

    def baseline(self, model: str) -> dict[str, Any]:
        """What a baseline is: see `resolve_baseline`."""
        return self.linear[self.whole(model)]

    def class_weight(self, model: str) -> Any:
        """The class weights of a row or a baseline; None too for a row that searches for them."""
        settings = self.rows[model]["training"] if model in self.rows else self.linear[model]
        return settings.get("class_weight")

    @property
    def weighted(self) -> dict[str, list[str]]:
        """The published labels that a weight is given for, by the name of the row or baseline."""
        settings = {row["name"]: row_settings(row) for row in self.rows.values()}
        settings |= {entry["name"]: [entry] for entry in self.linear.values()}
        labels = {
            name: sorted({label for used in of_row for label in _labels(used["class_weight"])})
            for name, of_row in settings.items()
        }
        return {name: of_row for name, of_row in labels.items() if of_row}

    def search(self, model: str) -> dict[str, Any]:
        """The search of a row: `metric`, `seeds`, `keys`, `trials` and, where it is halved, `rungs`."""
        return self.searches[model]

    @property
    def grids(self) -> list[str]:
        """The rows whose search trains every trial to its end."""
        return [model for model, search in self.searches.items() if "rungs" not in search]

    @property
    def halved(self) -> dict[str, list[dict[str, Any]]]:
        """The rungs of each search that is halved: `budget` and `trials`."""
        return {model: search["rungs"] for model, search in self.searches.items() if "rungs" in search}

    def rung(self, model: str, rung: int) -> list[Run]:
        """The trainings of one rung of a row's search, from 1."""
        return [run for run in self.trials_of(model) if run.rung == rung]

    def budget(self, model: str, rung: int) -> float:
        """Up to which part of its steps a trial is trained in a rung, from 1."""
        return self.halved[model][rung - 1]["budget"]

    def promoted(self, model: str, rung: int) -> int:
        """How many trials go on from a rung to the next."""
        return self.halved[model][rung]["trials"]

    def trial_lengths(self, model: str) -> list[dict[str, int]]:
        """What the steps of a row's trials depend on, each once: `epochs` and `batch_size`."""
        keys = ("epochs", "batch_size")
        lengths = [{key: settings[key] for key in keys} for settings in row_settings(self.rows[model])]
        return [of for place, of in enumerate(lengths) if of not in lengths[:place]]

    def rung_params(self, model: str, rung: int) -> list[dict[str, Any]]:
        """Rung and seed of each training of a rung; which trial it is stands in its record."""
        return [{"rung": run.rung, "seed": run.seed} for run in self.rung(model, rung)]

    @property
    def trial_names(self) -> list[str]:
        """The names of all trials."""
        return [trial for search in self.searches.values() for trial in search["trials"]]

    def trials_of(self, model: str) -> list[Run]:
        """The trainings of a row's search."""
        return [run for run in self.trials if run.model == model]

    def trial_params(self, model: str) -> list[dict[str, Any]]:
        """Trial and seed of each of `trials_of`, or its rung and seed, see `rung_params`."""
        if model in self.halved:
            rungs = range(1, len(self.halved[model]) + 1)
            return [params for rung in rungs for params in self.rung_params(model, rung)]
        return [{"trial": run.trial, "seed": run.seed} for run in self.trials_of(model)]


def rung_name(rung: int) -> str:
    """A rung of a search that is halved, from 1, as it is called in paths."""
    return f"rung-{rung}"


def trained_trials(search: dict[str, Any]) -> dict[int | None, list[str]]:
    """The trials that a search trains by rung, or all under None; after the first rung their places in the one before.

    Args:
        search: of a resolved row.
    """
    trials = list(search["trials"])
    if "rungs" not in search:
        return {None: trials}
    by_rung: dict[int | None, list[str]] = {1: trials}
    for rung, later in enumerate(search["rungs"][1:], start=2):
        by_rung[rung] = [f"place-{place}" for place in range(1, later["trials"] + 1)]
    return by_rung


def _labels(class_weight: Any) -> list[str]:
    """The labels that a `class_weight` names."""
    return list(class_weight) if isinstance(class_weight, dict) else []


def files_of(runs: list[Run], name: str) -> list[str]:
    """The file `name` of each run."""
    return [f"{run.folder}/{name}" for run in runs]


def described(runs: list[Run]) -> list[dict[str, Any]]:
    """What a script must know of the runs behind a list of files: the row's name, seed and kind of each."""
    return [{"model": run.name, "seed": run.seed, "kind": run.kind} for run in runs]


def described_fractions(runs: list[Run]) -> list[dict[str, Any]]:
    """The same, and the fraction of the labels that each run knows."""
    return [one | {"fraction": run.fraction} for one, run in zip(described(runs), runs, strict=True)]
