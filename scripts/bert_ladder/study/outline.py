"""What the report of a study holds: its figures, the rows of its table, the jobs of its timeline.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from pathlib import Path
from typing import Any

from bert_ladder.study.classes import Classes, weights_in_words
from bert_ladder.study.inputs import Inputs
from bert_ladder.study.runs import Run, files_of


class Outline:
    """Figures, rows and jobs in the order in which they are shown."""

    def __init__(self, inputs: Inputs, classes: Classes) -> None:
        self.inputs = inputs
        self.encoders = inputs.encoders
        self.runs = inputs.runs
        self.classes = classes

    @property
    def figures(self) -> dict[str, str]:
        """The titles of the study's figures by their names, in the order of their page."""
        left_out = {
            "label_curve": not self.runs.fractions,
            "search": not self.runs.searches,
            "pretraining": not self.encoders.used_pretrained,
        }
        return {name: title for name, title in FIGURES.items() if not left_out.get(name)}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, as render_table takes them."""
        baselines = [
            {"model": entry["name"], "path": path, "encoder": entry.get("encoder", "")}
            for path, entry in self.runs.linear.items()
        ]
        berts = [
            {"model": row["name"], "path": row["path"], "encoder": row["encoder"], "reference": row["reference"]}
            for row in self.runs.rows.values()
        ]
        weights = self.class_weights
        return [
            row | ({"class_weight": weights[row["model"]]} if row["model"] in weights else {})
            for row in baselines + berts
        ]

    @property
    def class_weights(self) -> dict[str, str]:
        """The class weights in words of the rows and baselines that have them; a search tells what it chose."""
        of_row = {self.runs.name(model): self.runs.class_weight(model) for model in self.runs.models}
        names = self.classes.names
        return {name: weights_in_words(weights, names) for name, weights in of_row.items() if weights is not None}

    @property
    def searches(self) -> list[dict[str, Any]]:
        """Name and searched keys of each row with a search."""
        return [{"model": self.runs.name(path), "keys": search["keys"]} for path, search in self.runs.searches.items()]

    @property
    def timed(self) -> list[str]:
        """The records of all jobs that train something."""
        pretrained = [f"<results>/encoders/{name}/pretraining.json" for name in self.encoders.used_pretrained]
        return pretrained + files_of(self.runs.berts + self.runs.trials, "training.json")

    @property
    def timed_names(self) -> list[str]:
        """What the timeline calls each job of `timed`."""
        return [
            *(f"{name}, pre-training" for name in self.encoders.used_pretrained),
            *_timeline_names("training", self.runs.berts),
            *_timeline_names("trial", self.runs.trials),
        ]

    @property
    def predicted(self) -> list[str]:
        """The records of all jobs that let a model read texts."""
        return [*self.inputs.feature_records, *files_of(self.runs.berts, "metrics.json")]

    @property
    def evaluations(self) -> list[str]:
        """What the timeline calls each job of `predicted`."""
        folders = [Path(record).relative_to("<results>/data/features") for record in self.inputs.feature_records]
        return [
            *(f"{folder.parts[0]} frozen, {folder.stem} texts, {folder.parts[1]}" for folder in folders),
            *_timeline_names("evaluation", self.runs.berts),
        ]


# In the order of their page.
FIGURES = {
    "rows": "Rows and their seeds",
    "accuracy": "Accuracy, size and cost",
    "pairs": "Rows against rows",
    "label_curve": "Label curve",
    "history": "Learning curves",
    "search": "Search",
    "pretraining": "Pre-training",
    "confusion": "Confusion matrices",
    "curves": "ROC and precision-recall curves",
    "reliability": "Reliability diagrams",
    "coverage": "Risk against coverage",
    "lengths": "Accuracy by text length",
    "timeline": "Where the time went",
}


def _timeline_names(kind: str, runs: list[Run]) -> list[str]:
    """What the timeline calls the jobs of some runs."""
    rungs = ["" if run.rung is None else f"rung {run.rung}, " for run in runs]
    kinds = [kind if run.trial is None else f"{rung}{kind} {run.trial}" for run, rung in zip(runs, rungs, strict=True)]
    return [f"{run.name}, {of_run}, seed {run.seed}" for run, of_run in zip(runs, kinds, strict=True)]
