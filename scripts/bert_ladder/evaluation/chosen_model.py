"""The folder in which a study hands over the model that it chose. Plain Python.

model.json           what it is, see `ChosenModel`
README.md            its card
native/              a BERT, fine-tuned or frozen: encoder.json, model.weights.h5, training.json and the files of its
                     tokenizer; a linear model of n-grams: baseline.npz
<form>/              the same model in another form, when asked for
forms.json           how each form did on the test split
"""

import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.evaluation.decision import Decision
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory, reason_of
from bert_ladder.runtime.packages import versions_of
from bert_ladder.study.families import BERT

RECORD = "model.json"
NATIVE = "native"
LINEAR_MODEL = "baseline.npz"
# Which rule trains a run, by its kind.
TRAINED_BY = {"bert": "train_model", "baseline": "train_baseline", "frozen": "train_frozen"}
# Of what model.json says; raised when an older program could not read it.
FORMAT = 1
# What the readers of weights raise for a file that is damaged or not there.
UNREADABLE = (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class ChosenModel:
    """What model.json says.

    Attributes:
        study: its name.
        row: of the table; `kind` is "bert", "baseline" or "frozen", `encoder` the name of its encoder, empty for a
            baseline. A frozen encoder with its head has the files of a BERT.
        kind, encoder, seed: of the row and of the run that was taken.
        chosen_by: "accuracy", "f1", "cost", or "name".
        why: the choice in a sentence or two.
        labels: names of the classes, in the order of their codes.
        settings: of the training, see `TrainingSettings`; of a baseline its hyper-parameters.
        temperature: what the logarithms of the model's own probabilities are divided by before the softmax.
        decision: how probabilities become an answer.
        metrics: the numbers of the run's metrics.json, and `class_metrics`, by class.
        calibration: before and after the temperature: `ece`, `brier` and `test_loss`, each a pair, and `fitted_on`, the
            number of validation texts.
        data: SHA-256 of the published files by their names.
        made_with: versions of packages, `code` (SHA-256 of the code of the training), `commit` of git, `hardware`,
            and `native`, SHA-256 of the files of the model by their names.
        family: of its encoder, empty for a baseline.
    """

    study: str
    row: str
    kind: str
    encoder: str
    seed: int
    chosen_by: str
    why: str
    labels: Sequence[str]
    settings: Mapping[str, Any]
    temperature: float
    decision: Decision
    metrics: Mapping[str, Any]
    calibration: Mapping[str, Any]
    data: Mapping[str, Any]
    made_with: Mapping[str, Any]
    family: str
    format: int = FORMAT

    @property
    def on_encoder(self) -> bool:
        """Whether it is a classifier on an encoder, fine-tuned or not; else it is a linear model of n-grams."""
        return self.kind != "baseline"

    def write(self, file: Path | str) -> None:
        """Write model.json."""
        Path(file).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_chosen(folder: Path | str) -> ChosenModel:
    """Read the model.json of a folder.

    Raises:
        BadInput: if the folder is no chosen model, one of another format, or its model.json is damaged.
    """
    file = Path(folder) / RECORD
    if not file.is_file():
        raise BadInput(
            f"{folder}: is no chosen model, which holds a {RECORD} that this project has written; "
            "give the folder results/<study>/chosen of a finished study."
        )
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(file, f"cannot be read ({reason_of(error)})") from error
    if not isinstance(record, dict) or "format" not in record:
        raise damaged(file, "is no record of a chosen model")
    if record["format"] != FORMAT:
        raise BadInput(
            f"{file}: has the format {record['format']!r}, and this program reads {FORMAT}; use the program of its "
            "version, or run the study again."
        )
    # As earlier versions wrote it, which knew BERTs alone.
    record.setdefault("family", "" if record.get("kind") == "baseline" else BERT)
    missing = [one.name for one in fields(ChosenModel) if one.name not in record]
    if missing:
        raise damaged(file, f"lacks {', '.join(missing)}")
    _check_values(file, record)
    return ChosenModel(
        **{one.name: record[one.name] for one in fields(ChosenModel)} | {"decision": Decision(**record["decision"])}
    )


def damaged(place: Path, what: str, again: str = "run its study again") -> BadInput:
    """What to say of a chosen model of which a file is not as it was written.

    Args:
        place: the file or its folder.
        what: was found there.
        again: what makes it anew, once it is deleted: Snakemake leaves alone what is there.
    """
    return BadInput(f"{place}: {what}; it is damaged or not whole: copy the folder again, or delete it and {again}.")


@contextmanager
def damage_told(model: ChosenModel, place: Path, **again: str) -> Iterator[None]:
    """Tells in one sentence of files of a model that cannot be read, and which other versions it was made with.

    Args:
        model: what its model.json says.
        place, again: see `damaged`.

    Raises:
        BadInput: a file is damaged or not there.
    """
    try:
        yield
    except UNREADABLE as error:
        if is_out_of_memory(error):
            raise
        raise damaged(place, f"cannot be read ({reason_of(error)}{other_versions(model)})", **again) from error


def other_versions(model: ChosenModel) -> str:
    """Which packages a model was made with in another version than is here, as a part of a sentence."""
    made: dict[str, str] = model.made_with.get("versions", {})
    here = versions_of(made)
    others = [f"{name} {made[name]}, here {here[name]}" for name in here if here[name] != made[name]]
    return f"; made with {'; '.join(others)}" if others else ""


def _check_values(file: Path, record: Mapping[str, Any]) -> None:
    """Refuse a value that no study has written, of those that an answer rests on."""
    labels, decision, temperature = record["labels"], record["decision"], record["temperature"]
    right = {
        "kind": record["kind"] in TRAINED_BY,
        "labels": isinstance(labels, list) and len(labels) > 1 and all(isinstance(label, str) for label in labels),
        "settings": isinstance(record["settings"], dict),
        "temperature": type(temperature) in (int, float) and 0 < temperature < math.inf,
        "decision": isinstance(decision, dict) and decision.keys() <= {one.name for one in fields(Decision)},
        "made_with": isinstance(record["made_with"], dict),
    }
    wrong = next((name for name, is_right in right.items() if not is_right), None)
    if wrong:
        raise damaged(file, f"{wrong} is {record[wrong]!r:.60}, which no study writes")


def model_sha256(model: ChosenModel) -> str:
    """SHA-256 of all that the forms of a model are made from; scores, reasons and versions are not among it."""
    content = [model.kind, list(model.labels), model.settings, model.temperature, model.made_with.get("native")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def native_encoder(folder: Path | str) -> EncoderFiles:
    """The files of a chosen BERT."""
    native = Path(folder) / NATIVE
    config = native / "encoder.json"
    tokenizer = json.loads(config.read_text(encoding="utf-8")).get("tokenizer", {"files": ["vocab.txt"]})
    return EncoderFiles(config, native / "model.weights.h5", tuple(native / name for name in tokenizer["files"]))
