"""Small chosen models, as a study would hand them over, made in a second without any training."""

import json
from pathlib import Path

import numpy as np

from bert_ladder.evaluation.chosen_model import LINEAR_MODEL, NATIVE, RECORD, ChosenModel, Decision
from bert_ladder.training.linear import LinearClassifier, LinearModel, build_vectorizer, save_linear_model
from trainings import SETTINGS

LABELS = ("bad", "fine", "good")
WORDS = {"awful": 0, "dull": 0, "passable": 1, "average": 1, "lovely": 2, "bright": 2}
FILLER = ("the", "film", "was", "one", "very", "and", "not", ".", ",")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS),
    *(f"##{letter}" for letter in LETTERS),
    *(*WORDS, *FILLER),
)


def chosen_record(
    kind: str,
    labels: tuple[str, ...] = LABELS,
    temperature: float = 1.0,
    decision: Decision | None = None,
    family: str = "bert",
) -> ChosenModel:
    """What the model.json of a chosen model says, "bert", of a family, or "baseline"."""
    return ChosenModel(
        study="small",
        row="BERT-Nano" if kind == "bert" else "NB-SVM",
        kind=kind,
        encoder="nano" if kind == "bert" else "",
        seed=1,
        chosen_by="accuracy",
        why="It is the only one.",
        labels=labels,
        settings=SETTINGS if kind == "bert" else {},
        temperature=temperature,
        decision=decision or Decision(positive=len(labels) - 1 if len(labels) == 2 else None),
        metrics={},
        calibration={},
        data={},
        made_with={},
        family=family if kind == "bert" else "",
    )


def linear_chosen(
    folder: Path, labels: tuple[str, ...] = LABELS, temperature: float = 1.0, decision: Decision | None = None
) -> Path:
    """Write a linear model in which the words of WORDS speak for the class of their code, and nothing else does.

    Args:
        folder: to write, which need not exist.
        labels: names of two or three classes; of two the first and the last of WORDS.
        temperature, decision: as model.json has them.
    """
    (folder / NATIVE).mkdir(parents=True)
    words = [*WORDS, *FILLER]
    vectorizer = build_vectorizer("nb_svm", words)
    speaks = np.zeros((len(LABELS), len(words)), np.float32)
    for place, code in enumerate(WORDS.values()):
        speaks[code, place] = 2
    weights = speaks if len(labels) == len(LABELS) else speaks[[2]] - speaks[[0]]
    classifier = LinearClassifier(weights, np.zeros(len(weights)))
    model = LinearModel(vectorizer, classifier, np.arange(len(labels)), len(labels))
    save_linear_model(folder / NATIVE / LINEAR_MODEL, "nb_svm", model)
    chosen_record("baseline", labels, temperature, decision).write(folder / RECORD)
    return folder


def bert_chosen(
    folder: Path, labels: tuple[str, ...] = LABELS, temperature: float = 1.0, decision: Decision | None = None
) -> Path:
    """Write a BERT of one layer whose random weights are large enough for different texts to get different answers.

    Args:
        folder: to write, which need not exist.
        labels: names of the classes.
        temperature, decision: as model.json has them.
    """
    import keras

    from bert_ladder.encoders.families.bert import BERT, scratch_encoder
    from bert_ladder.encoders.normal_form import whole_description
    from bert_ladder.training.classifier import build_classifier

    native = folder / NATIVE
    native.mkdir(parents=True)
    keras.config.set_dtype_policy("float32")
    scratch = {"layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "positions": 32, "seed": 0}
    content, backbone = scratch_encoder(scratch | {"initializer_range": 0.02}, PIECES, lower_case=True)
    encoder = BERT.build(content["architecture"], 0.0)
    model = build_classifier(encoder, len(labels), PIECES.index("[PAD]"))
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if not variable.path.endswith(("gamma", "beta", "bias")):
            variable.assign(random.normal(scale=0.3, size=variable.shape))
    model.save_weights(native / "model.weights.h5")
    description = whole_description(content) | {"parameters": backbone.count_params()}
    (native / "encoder.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    (native / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    (native / "training.json").write_text(json.dumps({"training": SETTINGS}) + "\n", encoding="utf-8")
    chosen_record("bert", labels, temperature, decision).write(folder / RECORD)
    return folder
