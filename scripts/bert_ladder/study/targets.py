"""What a study asks for: a file of every job, so that none whose outputs are gone is forgotten.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Iterable

from bert_ladder.study.dataset import Dataset
from bert_ladder.study.encoders import Encoders
from bert_ladder.study.inputs import Inputs
from bert_ladder.study.runs import Run, files_of

FRAMES = ("train.npz", "test.npz", "classes.json", "positive.json", "labels.json")


class Targets:
    """The files that the target rules of a study name."""

    def __init__(self, dataset: Dataset, encoders: Encoders, inputs: Inputs) -> None:
        self.dataset = dataset
        self.encoders_of_study = encoders
        self.runs = inputs.runs
        self.splits = inputs.splits
        self.features = inputs.feature_records
        self.rankings = [
            inputs.ranking(model, rung) for model, rungs in inputs.runs.halved.items() for rung in range(1, len(rungs))
        ]

    @property
    def data(self) -> list[str]:
        """One file of every job that prepares data for the study's rows, baselines and pre-trainings."""
        texts = self._tokenized(row["encoder"] for row in self.runs.readers)
        return [
            *self._frames(self.runs.all + self.runs.trials + self.runs.partial, self._corpora(texts)),
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
            *self.features,
            *(f"<results>/runs/{model}/row.json" for model in self.runs.rows),
            *files_of(self.runs.berts, "training.json"),
            *files_of(self.runs.trials, "training.json"),
            *(f"<results>/search/{model}/steps.json" for model in self.runs.halved),
            *self.rankings,
            *files_of([run for run in self.runs.partial if run.kind == "bert"], "training.json"),
            *(f"<results>/search/{model}/outcome.json" for model in self.runs.searches),
            *(f"<results>/search/{model}/trials.csv" for model in self.runs.searches),
        ]

    @property
    def evaluation(self) -> list[str]:
        """One file of every job that evaluates or times a run, and so of the baselines."""
        return [
            *files_of(self.runs.all + self.runs.partial, "evaluation.json"),
            *files_of(self.runs.all, "metrics.json"),
            *(f"<results>/runs/{model}/speed.json" for model in self.runs.models),
        ]

    @property
    def label_curve(self) -> list[str]:
        """What is computed of the label curve, where there is one."""
        return [*self.label_curve_tables.values(), "<results>/label_curve.html"] if self.runs.fractions else []

    @property
    def label_curve_tables(self) -> dict[str, str]:
        """The numbers of the label curve by what they are; nothing where there is none."""
        names = {"curve": "label_curve", "pairs": "label_curve_pairs", "laws": "label_curve_laws"}
        return {key: f"<results>/{name}.csv" for key, name in names.items()} if self.runs.fractions else {}

    @property
    def baselines(self) -> list[str]:
        """One file of every job of the baselines, and of the data that they are trained on."""
        files = [file for name in ("evaluation.json", "metrics.json") for file in files_of(self.runs.baselines, name)]
        texts = self._tokenized(entry["encoder"] for entry in self.runs.frozen.values())
        return [*self._frames(self.runs.baselines, self._corpora(texts)), *self.features, *files]

    def _tokenized(self, names: Iterable[str]) -> dict[str, set[str]]:
        """The texts that are tokenized for some encoders, by vocabulary."""
        encoders = self.encoders_of_study
        used = encoders.chain(names)
        texts: dict[str, set[str]] = {}
        for name in sorted(used, key=encoders.vocabulary):
            texts.setdefault(encoders.vocabulary(name), {self.splits.texts, "test"})
        for name in (name for name in used if name in encoders.pretrained):
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
