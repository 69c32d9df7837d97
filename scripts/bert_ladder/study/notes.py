"""What a study says to people: the foot of its table, warnings at the start, why jobs were killed.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import re
from collections.abc import Iterable
from typing import Any

from bert_ladder.study.dataset import Dataset
from bert_ladder.study.encoders import Encoders
from bert_ladder.study.runs import Runs
from bert_ladder.study.splits import Splits

READS = {"cls": "[CLS]", "mean": "the mean of the last hidden states"}
LOCK_REMOVED = "The lock of a run that was killed has been removed."
# By SIGKILL, or by SIGABRT, SIGBUS or SIGSEGV, as engines end that get no memory; a shell adds 128.
KILLED = r"died with <Signals\.SIG(?:KILL|ABRT|BUS|SEGV)|returned non-zero exit status 1(?:34|35|37|39)\."


class Notes:
    """Sentences about a study's data, encoders and rows."""

    def __init__(self, dataset: Dataset, encoders: Encoders, runs: Runs, splits: Splits) -> None:
        self.dataset = dataset
        self.encoders = encoders
        self.readers = runs.readers
        self.renamed = runs.renamed
        self.splits = splits

    @property
    def warnings(self) -> list[str]:
        """What to say when the study is read."""
        return [
            *self.unread_texts(),
            *self.untrained_poolers(),
            *self.other_poolings(),
            *self.missing_prefixes(),
            *self.kept_folders(),
        ]

    @property
    def table(self) -> list[str]:
        """What the foot of the table must say about the data."""
        return [
            *self.pretrainings(),
            *self.unknown_positions(),
            *self.untrained_poolers(),
            *self.split_per_run(),
        ]

    def pretrainings(self) -> list[str]:
        """What the encoders in use were pre-trained on, and what follows for the intervals."""
        by_texts: dict[tuple[str, ...], list[str]] = {}
        for name in self.encoders.used_pretrained:
            by_texts.setdefault(tuple(self.encoders.pretraining(name)["text"]), []).append(name)
        notes = []
        for texts, names in by_texts.items():
            others = "".join(f" and “{text}”" for text in texts)
            of_validation = "" if self.splits.given else ", and the texts of the validation part were read in it"
            notes.append(
                f"Pre-trained on the training texts{others}, without labels and without test texts, once for all "
                f"seeds: {', '.join(map(self._pretrained_how, names))}. Intervals do not include the variance "
                f"between pre-trainings{of_validation}."
            )
        return notes

    def _pretrained_how(self, name: str) -> str:
        """What a pre-trained encoder started from, and for how long it learned."""
        pretrain = self.encoders.pretraining(name)
        start = "random weights" if pretrain["from"] in self.encoders.scratch else f"“{pretrain['from']}”"
        return f"“{name}” from {start} ({pretrain['epochs']} epoch{'s' * (pretrain['epochs'] > 1)})"

    def unknown_positions(self) -> list[str]:
        """Which rows read further into a text than their encoder's pre-training from random weights did."""
        notes = []
        for row in self.readers:
            pretrained = self.encoders.pretrained_from_scratch(row["encoder"])
            known = max((settings["length"] for settings in pretrained), default=0)
            longest = max(used["length"] for used in row["settings"])
            if 0 < known < longest:
                notes.append(
                    f"“{row['name']}” reads up to {longest} WordPieces of a text; its encoder, pre-trained from random "
                    f"weights on sequences of {known}, learned later positions in the fine-tuning alone."
                )
        return notes

    def untrained_poolers(self) -> list[str]:
        """Which rows have a head that reads a pooler that no pre-training has trained."""
        return [
            f"“{row['name']}” reads its encoder's pooled output, which hidden tokens alone did not train from its "
            "random weights: bag_of_words in the pre-training does, or let the row have pooling: mean."
            for row in self.readers
            if self._reads_untrained_pooler(row)
        ]

    def _reads_untrained_pooler(self, row: dict[str, Any]) -> bool:
        pretrained = self.encoders.pretrained_from_scratch(row["encoder"])
        trained = any(settings["bag_of_words"] or settings["next_sentence"] for settings in pretrained)
        return bool(pretrained) and not trained and any(used["pooling"] == "pooler" for used in row["settings"])

    def other_poolings(self) -> list[str]:
        """Which rows read their encoder otherwise than its publisher made it for."""
        notes = []
        for row in self.readers:
            made_for = self.encoders.published_pooling(row["encoder"])
            read_by = {"mean": "mean", "cls": "pooler" if self.encoders.family(row["encoder"]).pooler else "native"}
            if made_for and read_by[made_for] not in [used["pooling"] for used in row["settings"]]:
                notes.append(
                    f"“{row['name']}”: {row['encoder']} was made to be read by {READS[made_for]}; let the row have "
                    f"pooling: {read_by[made_for]}."
                )
        return notes

    def missing_prefixes(self) -> list[str]:
        """Which encoders in use were trained with words before every text, which only a data file can bring."""
        prefixes = {row["encoder"]: self.encoders.published_prefix(row["encoder"]) for row in self.readers}
        return [
            f"{encoder} was trained with “{prefix}” before every text, which nothing adds here: fine-tuning works "
            "without it, or write it before each text of the data files."
            for encoder, prefix in prefixes.items()
            if prefix
        ]

    def unread_texts(self) -> list[str]:
        """Which texts without labels nothing reads."""
        encoders = self.encoders
        vocabularies = {encoders.vocabulary(name) for name in encoders.used}
        read = {text for name in encoders.used_pretrained for text in encoders.pretraining(name)["text"]}
        read |= {text for name in vocabularies for text in encoders.vocabularies[name].get("text", [])}
        return [
            f"dataset.unlabelled.{name}: no row's encoder and no vocabulary of theirs reads it; name it in `text` of "
            "one."
            for name in self.dataset.unlabelled
            if name not in read
        ]

    def kept_folders(self) -> list[str]:
        """Which rows have the folder of an earlier name."""
        return [
            f"“{name}” keeps the folder {folder}, which holds its runs: a new name trains nothing again."
            for name, folder in self.renamed.items()
        ]

    def split_per_run(self) -> list[str]:
        """That the validation part is another one for each seed, where it is."""
        if not self.splits.per_run:
            return []
        return ["Each seed draws its own split into a training and a validation part, for the baselines too."]


def refusal(error: Exception) -> str:
    """What to say of a study that cannot be run."""
    return f"The study cannot be run. {error}"


def explain_kills(logs: Iterable[str]) -> dict[str, str]:
    """Say what it mostly means when a job was killed, since it could not say so itself.

    Args:
        logs: the texts of Snakemake's logs.

    Returns:
        A sentence for each rule of which a job was killed.
    """
    rules = {rule for text in logs for rule in re.findall(rf"\.(\w+)\.py' (?:{KILLED})", text)}
    return dict.fromkeys(
        sorted(rules),
        "it was killed before it could say why. Unless somebody did it, memory ran out: run fewer jobs at once "
        "(--cores 1), lower batch_size or length of a training, or give the job more memory, and type the same "
        "command again.",
    )
