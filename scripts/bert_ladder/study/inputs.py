"""The files that a study's jobs read where these depend on the row, the encoder or the search.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from typing import Any

from bert_ladder.study.encoders import Encoders
from bert_ladder.study.rows import reading_name, row_settings
from bert_ladder.study.runs import Runs, files_of, rung_name
from bert_ladder.study.settings import monitors_f1
from bert_ladder.study.splits import Splits

POSITIVE = {"positive": "<results>/data/positive.json"}
TRIAL_FILES = {"history": "history.csv", "training": "training.json"}
PROMOTED = "promoted.json"


class Inputs:
    """Input files by row, seed or exported model, as rules name them."""

    def __init__(self, encoders: Encoders, runs: Runs, splits: Splits) -> None:
        self.encoders = encoders
        self.runs = runs
        self.splits = splits

    def encoder(self, model: str) -> dict[str, str]:
        """The encoder in normal form that a row starts from."""
        return self.encoders.files(self.runs.encoder(model))

    def tokens(self, model: str, split: str) -> list[str]:
        """Ids and offsets of a split in the vocabulary of a row's encoder."""
        return self.encoders.tokens(self.runs.encoder(model), split)

    def training(self, model: str, seed: int, trial: str | None = None) -> dict[str, Any]:
        """What a row, or a trial of its search, is trained on: encoder, tokens, classes and split.

        The positive class is among them only where its F1 ends a training or chooses its weights.
        """
        files = self.encoder(model) | {
            "tokens": self.tokens(model, self.splits.texts),
            "frame": self.splits.frame,
            "classes": "<results>/data/classes.json",
            "split": self.splits.file(model, seed),
        }
        row = self.runs.rows[self.runs.whole(model)]
        settings = row_settings(row) if trial is None else [row["training"] | row["search"]["trials"][trial]]
        return files | (POSITIVE if any(map(monitors_f1, settings)) else {})

    def promoted(self, model: str, rung: int, seed: int) -> dict[str, Any]:
        """What a trial that has come into a rung goes on with: the ranking of the rung before, and where all stood."""
        before = [run for run in self.runs.rung(model, rung - 1) if run.seed == seed]
        return self.training(model, seed) | {
            "promoted": self.ranking(model, rung - 1),
            "states": files_of(before, "state.npz"),
        }

    def searched_splits(self, model: str) -> list[str]:
        """The divisions that the trials of a row's search are trained on, each once."""
        return list(dict.fromkeys(self.splits.file(model, seed) for seed in self.runs.search(model)["seeds"]))

    def ranking(self, model: str, rung: int) -> str:
        """Which trials go on from a rung."""
        return f"<results>/search/{model}/{rung_name(rung)}/{PROMOTED}"

    def choice(self, model: str, rung: int | None = None) -> dict[str, Any]:
        """What the trials of a row's search, or those of one rung, are ranked by.

        The positive class is among it only where that is by F1.
        """
        runs = self.runs.trials_of(model) if rung is None else self.runs.rung(model, rung)
        files: dict[str, Any] = {name: files_of(runs, file) for name, file in TRIAL_FILES.items()}
        return files | (POSITIVE if self.runs.search(model)["metric"] == "f1" else {})

    def trials(self, model: str, name: str) -> list[str]:
        """The file `name` of every training of a row's search."""
        return files_of(self.runs.trials_of(model), name)

    def speed(self, model: str) -> dict[str, str]:
        """A trained row, or a baseline, of its first seed, to be timed."""
        run = next(run for run in self.runs.all if run.model == model)
        if model not in self.runs.on_encoders:
            return {"baseline": f"{run.folder}/baseline.npz"}
        encoder = self.encoder(model)
        return {
            "config": encoder["config"],
            "vocabulary": encoder["vocabulary"],
            "weights": f"{run.folder}/model.weights.h5",
            "training": f"{run.folder}/training.json",
        }

    def features(self, model: str, file: str = "npy") -> dict[str, str]:
        """What the encoder of a frozen row gave for the texts that are divided and for the test split.

        Args:
            model: the row.
            file: "npy" the outputs, "json" their record.
        """
        entry = self.runs.frozen[self.runs.whole(model)]
        folder = f"<results>/data/features/{entry['encoder']}/{reading_name(entry)}"
        return {"train": f"{folder}/{self.splits.texts}.{file}", "test": f"{folder}/test.{file}"}

    def frozen(self, model: str, seed: int) -> dict[str, Any]:
        """What the classifier on a frozen encoder learns from and belongs to."""
        outputs, records = self.features(model), self.features(model, "json")
        return self.encoder(model) | {
            "train_features": outputs["train"],
            "test_features": outputs["test"],
            "train_record": records["train"],
            "split": self.splits.file(model, seed),
        }

    @property
    def feature_records(self) -> list[str]:
        """The record of every job that lets an encoder read texts for frozen rows, each once."""
        records = [record for model in self.runs.frozen for record in self.features(model, "json").values()]
        return list(dict.fromkeys(records))

    @property
    def exported(self) -> list[str]:
        """What can be exported, as it is called below <results>/exports/: BERTs, and every run of a row of one."""
        berts = [name for name in self.encoders.used if self.encoders.family(name).tfhub]
        rows = [path for path, row in self.runs.rows.items() if row["encoder"] in berts]
        runs = [run.folder.removeprefix("<results>/") for run in self.runs.berts if run.model in rows]
        return [f"encoders/{name}" for name in berts] + runs

    def export(self, exported: str) -> dict[str, str]:
        """An encoder as the study has it, or as a run fine-tuned it, with the names of the classes of its head."""
        kind, name, *_ = exported.split("/")
        if kind == "encoders":
            return self.encoders.files(name)
        return self.encoder(name) | {
            "weights": f"<results>/{exported}/model.weights.h5",
            "training": f"<results>/{exported}/training.json",
            "labels": "<results>/data/labels.json",
        }

    def chosen_run(self, name: str, seed: int) -> dict[str, str]:
        """What the run of the chosen row predicted.

        Args:
            name: of the row.
            seed: of the run.
        """
        run = next(run for run in self.runs.all if (run.name, run.seed) == (name, seed))
        return {"predictions": f"{run.folder}/predictions.parquet", "metrics": f"{run.folder}/metrics.json"}

    def asked_tokens(self, name: str) -> dict[str, list[str]]:
        """The tokens of the test split as the encoder of a row has them; nothing of a linear model."""
        path = next((path for path, row in self.runs.on_encoders.items() if row["name"] == name), None)
        return {"tokens": self.tokens(path, "test")} if path is not None else {}

    @property
    def audited(self) -> list[dict[str, Any]]:
        """The text lengths at which each vocabulary is used."""
        lengths: dict[str, set[int]] = {}
        for row in self.runs.readers:
            vocabulary = self.encoders.vocabulary(row["encoder"])
            lengths.setdefault(vocabulary, set()).update(settings["length"] for settings in row["settings"])
        return [{"vocabulary": name, "lengths": sorted(found)} for name, found in sorted(lengths.items())]

    @property
    def audited_offsets(self) -> list[str]:
        """The offsets of the texts that are divided, and of the test split, in each vocabulary of `audited`."""
        names = [audited["vocabulary"] for audited in self.audited]
        texts = (self.splits.texts, "test")
        return [f"<results>/data/tokens/{name}/{split}.offsets.npy" for name in names for split in texts]

    @property
    def split_records(self) -> list[str]:
        """The records of the reading of train, of test, and of a validation file of its own."""
        splits = ("train", "test", "validation") if self.splits.given else ("train", "test")
        return [f"<results>/data/{split}.json" for split in splits]

    @property
    def validation(self) -> dict[str, str]:
        """The frame of a validation file of its own, where there is one."""
        return {"validation": "<results>/data/validation.parquet"} if self.splits.given else {}
