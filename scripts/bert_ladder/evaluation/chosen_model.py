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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.evaluation.decision import Decision
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.families import BERT

RECORD = "model.json"
NATIVE = "native"
LINEAR_MODEL = "baseline.npz"
# Which rule trains a run, by its kind.
TRAINED_BY = {"bert": "train_model", "baseline": "train_baseline", "frozen": "train_frozen"}
# Of what model.json says; raised when an older program could not read it.
FORMAT = 1


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
        BadInput: if the folder is no chosen model, or one of another format.
    """
    file = Path(folder) / RECORD
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        found = record["format"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{folder}: is no chosen model, which holds a {RECORD} that this project has written; "
            "give the folder results/<study>/chosen of a finished study."
        ) from error
    if found != FORMAT:
        raise BadInput(
            f"{file}: has the format {found!r}, and this program reads {FORMAT}; use the program of its version, "
            "or run the study again."
        )
    # As earlier versions wrote it, which knew BERTs alone.
    record.setdefault("family", "" if record.get("kind") == "baseline" else BERT)
    missing = [one.name for one in fields(ChosenModel) if one.name not in record]
    if missing:
        raise BadInput(f"{file}: lacks {', '.join(missing)}; run the study again, which writes it anew.")
    return ChosenModel(
        **{one.name: record[one.name] for one in fields(ChosenModel)} | {"decision": Decision(**record["decision"])}
    )


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
