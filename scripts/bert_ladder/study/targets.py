"""What a study asks for: a file of every job, so that none whose outputs are gone is forgotten.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Iterable

from bert_ladder.study.dataset import Dataset
from bert_ladder.study.encoders import Encoders
from bert_ladder.study.runs import Run, Runs, files_of
from bert_ladder.study.splits import Splits

FRAMES = ("train.npz", "test.npz", "classes.json", "positive.json", "labels.json")


class Targets:
    """The files that the target rules of a study name."""

    def __init__(self, dataset: Dataset, encoders: Encoders, runs: Runs, splits: Splits) -> None:
        self.dataset = dataset
        self.encoders_of_study = encoders
        self.runs = runs
        self.splits = splits

    @property
    def data(self) -> list[str]:
        """One file of every job that prepares data for the study's rows, baselines and pre-trainings."""
        texts = self._tokenized()
        return [
            *self._frames(self.runs.all + self.runs.trials, self._corpora(texts)),
            "<results>/data/audit.json",
            "<results>/data/near_duplicates.json",
            *(self.encoders_of_study.vocabulary_file(name) for name in texts),
            *(f"<results>/data/tokens/{name}/{part}.offsets.npy" for name in texts for part in sorted(texts[name])),
        ]

    @property
    def encoders(self) -> list[str]:
        """The files of the encoders in use, and those that their vocabularies are taken from."""
        encoders = self.encoders_of_study
        vocabularies = [encoders.vocabularies[encoders.vocabulary(name)] for name in encoders.used]
        return [file for name in encoders.used for file in encoders.files(name).values()] + [
            vocabulary["file"] for vocabulary in vocabularies if "file" in vocabulary
        ]

    @property
    def training(self) -> list[str]:
        """One light file of every job that trains or searches a row, so that weights may be deleted to save space."""
        return [
            *(f"<results>/runs/{model}/row.json" for model in self.runs.rows),
            *files_of(self.runs.berts, "training.json"),
            *files_of(self.runs.trials, "training.json"),
            *(f"<results>/search/{model}/outcome.json" for model in self.runs.searches),
            *(f"<results>/search/{model}/trials.csv" for model in self.runs.searches),
        ]

    @property
    def evaluation(self) -> list[str]:
        """One file of every job that evaluates or times a run, and so of the baselines."""
        return [
            *files_of(self.runs.all, "evaluation.json"),
            *files_of(self.runs.all, "metrics.json"),
            *(f"<results>/runs/{model}/speed.json" for model in self.runs.models),
        ]

    @property
    def baselines(self) -> list[str]:
        """One file of every job of the baselines, and of the data that they are trained on."""
        files = [file for name in ("evaluation.json", "metrics.json") for file in files_of(self.runs.baselines, name)]
        return self._frames(self.runs.baselines, set()) + files

    def _tokenized(self) -> dict[str, set[str]]:
        """The texts that are tokenized, by vocabulary."""
        encoders = self.encoders_of_study
        names = {encoders.vocabulary(row["encoder"]) for row in self.runs.rows.values()}
        texts = {name: {self.splits.texts, "test"} for name in sorted(names)}
        for name in encoders.used_pretrained:
            texts[encoders.vocabulary(name)] |= set(encoders.pretraining_texts(name))
        return texts

    def _corpora(self, tokenized: dict[str, set[str]]) -> set[str]:
        """The unlabelled texts that are tokenized, or that a vocabulary is learned from."""
        read = set().union(*tokenized.values())
        learned = [self.encoders_of_study.vocabularies[name].get("text", []) for name in tokenized]
        return {name for name in self.dataset.unlabelled if f"unlabelled/{name}" in read}.union(*learned)

    def _frames(self, runs: list[Run], corpora: Iterable[str]) -> list[str]:
        """One file of every job between the published files and the frames that some runs read, and corpora."""
        records = {record for part in (*self.dataset.splits, *corpora) for record in self.dataset.records_of(part)}
        return [
            *sorted(records),
            *(f"<results>/data/{name}" for name in FRAMES),
            *(["<results>/data/validation.npz"] if self.splits.given else []),
            *(["<results>/data/weighted.json"] if self.runs.weighted else []),
            *(f"<results>/data/unlabelled/{name}.parquet" for name in sorted(corpora)),
            *self.splits.files(runs),
        ]
