"""A chosen linear model as one file of arrays and one program that reads it with NumPy alone."""

import inspect
import json
import shutil
from pathlib import Path

import numpy as np

from bert_ladder.evaluation.chosen_model import LINEAR_MODEL, NATIVE, damage_told, read_chosen
from bert_ladder.evaluation.forms import check_form
from bert_ladder.export.programs import linear_predict
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.training.linear import UNSPACED, word_pattern, words_of

IMPORT = "from bert_ladder.training.linear import word_pattern, words_of\n"


def export_numpy(folder: Path | str, target: Path | str) -> None:
    """Write a chosen linear model as baseline.npz, numpy.json (`labels`, `temperature`) and predict.py.

    Args:
        folder: chosen/ of a study.
        target: folder to write.

    Raises:
        BadInput: if the folder is no chosen linear model, its arrays are damaged, or of other classes.
    """
    model = read_chosen(folder)
    check_form("numpy", model)
    source, target = Path(folder, NATIVE, LINEAR_MODEL), Path(target)
    with damage_told(model, source), np.load(source, allow_pickle=False) as arrays:
        classes = int(arrays["classes"])
    if classes != len(model.labels):
        raise BadInput(
            f"{source}: is of {classes} classes, and model.json names {len(model.labels)}; "
            "bring the two that belong together."
        )
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target / LINEAR_MODEL)
    settings = {"labels": list(model.labels), "temperature": model.temperature}
    content = json.dumps(settings, indent=2, ensure_ascii=False)
    (target / "numpy.json").write_text(f"{content}\n", encoding="utf-8")
    (target / "predict.py").write_text(program(), encoding="utf-8")


def program() -> str:
    """The reader with the words of this project's own code in the place of their import."""
    words = "\n\n".join(inspect.getsource(function) for function in (word_pattern, words_of))
    own = f"import re\nimport unicodedata\n\nUNSPACED = {UNSPACED!a}\n\n\n{words}"
    return inspect.getsource(linear_predict).replace(IMPORT, own)
