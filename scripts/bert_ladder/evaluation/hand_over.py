"""Writes the folder of the chosen model: its run, how its probabilities become answers, what it is."""

import hashlib
import json
import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.data.frames import read_labels
from bert_ladder.evaluation.calibration import fit_decision, scale_probabilities
from bert_ladder.evaluation.chosen_model import LINEAR_MODEL, TRAINED_BY, ChosenModel, model_sha256, read_chosen
from bert_ladder.evaluation.decision import Decision
from bert_ladder.evaluation.forms import FORM_RECORDS, FORMS, PROOF
from bert_ladder.evaluation.predictions import class_probabilities, read_predictions
from bert_ladder.runtime.code import PACKAGE, code_version
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.packages import versions_of
from bert_ladder.study.families import BERT

log = logging.getLogger(__name__)

PACKAGES = (
    *("keras", "keras-hub", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow", "tensorflow-text"),
    *("onnxruntime", "tokenizers"),
)
HARDWARE = ("processor", "cores")
CALIBRATED = {"ece": "calibrated_ece", "brier": "calibrated_brier", "test_loss": "calibrated_loss"}


@dataclass(frozen=True)
class RunFiles:
    """The files of one run of the chosen row.

    Attributes:
        folder: of the run, which holds metrics.json, predictions.parquet, and either model.weights.h5 and training.json
            or baseline.npz.
        encoder: encoder.json and the files of the tokenizer, of a row that reads an encoder.
        speed: speed.json of its row.
    """

    folder: Path
    encoder: Sequence[Path]
    speed: Path

    @property
    def metrics(self) -> dict[str, Any]:
        """metrics.json."""
        return _read_json(self.folder / "metrics.json")


@dataclass(frozen=True)
class Reason:
    """Why a row was chosen: see `ChosenModel`."""

    chosen_by: str
    why: str


@dataclass(frozen=True)
class HandOver:
    """Files to write: model.json, and a folder with the model itself."""

    record: Path
    native: Path


def best_run(runs: Sequence[RunFiles], metric: str) -> RunFiles:
    """The run of a row with the highest score on the validation part; of several the lowest loss, then the first.

    Args:
        runs: of one row, a seed each.
        metric: "accuracy" or "f1".
    """

    def score(run: RunFiles) -> tuple[float, float]:
        metrics = run.metrics
        return metrics[f"validation_{metric}"], -metrics["validation_loss"]

    return max(runs, key=score)


def hand_over(
    run: RunFiles,
    reason: Reason,
    path_labels: Path | str,
    wanted: Mapping[str, Any],
    data: Mapping[str, Path | str],
    outputs: HandOver,
) -> None:
    """Write the folder of a chosen model.

    Args:
        run: that is handed over.
        reason: why its row was chosen.
        path_labels: labels.json.
        wanted: `decision` of the study.
        data: the record of each published file, by its name.
        outputs: files to write.

    Raises:
        BadInput: the run's weights are gone; a threshold is wanted of more than two classes.
    """
    metrics = run.metrics
    names, positive = read_labels(path_labels)
    if wanted["threshold"] is not None and positive is None:
        raise BadInput(
            f"decision.threshold: is of the positive class of two, and these data have {len(names)} classes; remove it."
        )
    copy_model(run, outputs.native)
    (validation,) = read_predictions([run.folder / "predictions.parquet"], "validation")
    labels = validation["label"].to_numpy()
    probabilities = scale_probabilities(class_probabilities(validation), metrics["temperature"])
    decision = fit_decision(probabilities, labels, positive, wanted)
    ChosenModel(
        study=metrics["study"],
        row=metrics["model"],
        kind=metrics["kind"],
        encoder=metrics["encoder"],
        seed=metrics["seed"],
        chosen_by=reason.chosen_by,
        why=reason.why,
        labels=names,
        settings=_settings(run, metrics),
        temperature=metrics["temperature"],
        decision=decision,
        metrics=_scores(metrics),
        calibration={key: [metrics[key], metrics[after]] for key, after in CALIBRATED.items()}
        | {"fitted_on": len(labels)},
        data={part: _read_json(record)["sha256"] for part, record in data.items()},
        made_with=_made_with(run, metrics) | {"native": sha256_of(outputs.native)},
        family=_family(run),
    ).write(outputs.record)
    remove_stale_forms(outputs.record.parent)
    log.info("%s, seed %d: %s", metrics["model"], metrics["seed"], _in_words(decision, metrics["temperature"]))


def copy_model(run: RunFiles, native: Path) -> None:
    """Copy a run's model, and what belongs to it, into a new folder.

    Raises:
        BadInput: the weights are gone.
    """
    kept = ["model.weights.h5", "training.json"] if run.encoder else [LINEAR_MODEL]
    missing = [name for name in kept if not (run.folder / name).is_file()]
    if missing:
        rule = TRAINED_BY[run.metrics["kind"]]
        raise BadInput(
            f"{run.folder / missing[0]}: is gone, and it is of the chosen row; make it again with "
            f"--forcerun {rule} and the name of its file, or let the study choose another row (`choose`)."
        )
    native.mkdir(parents=True)
    for file in [*(run.folder / name for name in kept), *run.encoder]:
        shutil.copyfile(file, native / file.name)


def sha256_of(native: Path) -> dict[str, str]:
    """SHA-256 of each file of a folder, by its name."""
    found = {}
    for path in sorted(native.iterdir()):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def remove_stale_forms(folder: Path) -> None:
    """Remove the forms of an earlier choice, and what is said of them; those of this very model stay.

    Args:
        folder: chosen/ of a study, with a new model.json.
    """
    if forms_belong(folder):
        return
    stale = [folder / name for name in (*FORMS, *FORM_RECORDS) if (folder / name).exists()]
    for path in stale:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if stale:
        log.info("Removed what was of an earlier choice: %s", ", ".join(path.name for path in stale))


def forms_belong(folder: Path) -> bool:
    """Whether the forms in a folder were proven to be those of its model."""
    try:
        content = _read_json(folder / PROOF)
        return content["model_sha256"] == model_sha256(read_chosen(folder))
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of metrics.json, and `class_metrics` written out."""
    numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float) and key != "seed"}
    return numbers | {"class_metrics": json.loads(metrics["class_metrics"])}


def _settings(run: RunFiles, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What the run was trained with."""
    if not run.encoder:
        return json.loads(metrics["hyperparameters"])
    return _read_json(run.folder / "training.json")["training"]


def _family(run: RunFiles) -> str:
    """The family of the run's encoder; empty for a baseline."""
    config = next((file for file in run.encoder if file.name == "encoder.json"), None)
    return "" if config is None else _read_json(config).get("family", BERT)


def _made_with(run: RunFiles, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Versions, code and hardware."""
    speed = _read_json(run.speed)
    return {
        "versions": versions_of(PACKAGES),
        "code": code_version(PACKAGE.parent / f"{TRAINED_BY[metrics['kind']]}.py"),
        "commit": git_commit(PACKAGE),
        "hardware": {"device": metrics["device"]} | {key: speed[key] for key in HARDWARE if key in speed},
    }


def git_commit(folder: Path) -> str | None:
    """The commit of a working tree, with "-dirty" behind it where files differ; None where git knows none."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None


def _in_words(decision: Decision, temperature: float) -> str:
    """Temperature, threshold and abstention, for the log."""
    words = [f"temperature {temperature:.3f}"]
    if decision.threshold_for is not None:
        words.append(f"threshold {decision.threshold} for {decision.threshold_for}")
    if decision.least_confidence is not None:
        words.append(f"answers from a confidence of {decision.least_confidence:.4f} on")
    return ", ".join(words)


def _read_json(file: Path | str) -> Any:
    return json.loads(Path(file).read_text(encoding="utf-8"))
