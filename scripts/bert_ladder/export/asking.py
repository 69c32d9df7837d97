"""Asking a form as its user would: a process that has its folder and its packages, and nothing of this project."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bert_ladder.data.tokens import Tokens
from bert_ladder.runtime.jobs import BadInput

PROGRAM = "predict.py"
BATCH = 32
SINGLE = 50  # texts that are asked one by one, to time them
# Imports the folder's own predict.py. Texts of similar length share a batch, as whoever has many would have it.
ASKING = """
import json, resource, sys, time
import numpy as np

folder, texts_file, answers_file, batch, single = sys.argv[1:]
sys.path.insert(0, folder)
import predict

with open(texts_file, encoding="utf-8") as file:
    texts = [json.loads(line) for line in file]
start = time.perf_counter()
model = predict.Classifier()
answers = {"labels": np.array(model.labels), "loading_seconds": time.perf_counter() - start}
order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
batches = [order[i : i + int(batch)] for i in range(0, len(order), int(batch))]
for rows in batches[:: max(1, len(batches) // 4)]:
    model.probabilities([texts[row] for row in rows])
start = time.perf_counter()
found = [model.probabilities([texts[row] for row in rows]) for rows in batches]
answers["seconds"] = time.perf_counter() - start
answers["probabilities"] = np.concatenate(found)[np.argsort(order)]
times = []
for row in np.random.default_rng(0).permutation(len(texts))[: int(single)]:
    start = time.perf_counter()
    model.probabilities([texts[row]])
    times.append(time.perf_counter() - start)
answers["ms_per_text"] = 1000 * np.median(times)
if hasattr(model, "token_ids"):
    ids = [model.token_ids(text) for text in texts]
    answers["ids"] = np.concatenate([np.array(one, np.int32) for one in ids])
    answers["offsets"] = np.cumsum([0, *map(len, ids)])
answers["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
np.savez(answers_file, **answers)
"""


@dataclass(frozen=True)
class Answers:
    """What a form answered.

    Attributes:
        labels: names of the classes.
        probabilities: float64 (texts, classes), each line of sum 1.
        ids: the ids of each text as the model saw it, int32; None of a form that does not show them.
        ms_per_text: median of single texts, milliseconds.
        texts_per_second: in batches of 32 of similar length.
        memory_mb: the most memory that the process had.
    """

    labels: list[str]
    probabilities: np.ndarray
    ids: list[np.ndarray] | None
    ms_per_text: float
    texts_per_second: float
    memory_mb: float


def ask_form(folder: Path | str, texts: Sequence[str]) -> Answers:
    """Answer texts by the predict.py of a form, in a process of its own.

    Args:
        folder: of the form.
        texts: one or more.

    Raises:
        BadInput: if the form has no predict.py, or it fails; with the last line that it said.
    """
    folder = Path(folder)
    if not (folder / PROGRAM).is_file():
        raise BadInput(f"{folder}: has no {PROGRAM}; export the form again.")
    with TemporaryDirectory(prefix="asked-") as scratch:
        asked, answered = Path(scratch, "texts.jsonl"), Path(scratch, "answers.npz")
        asked.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
        arguments = [str(folder.resolve()), str(asked), str(answered), str(BATCH), str(SINGLE)]
        # -I: neither the folder of the caller nor PYTHONPATH is searched. -B: nothing is left in the form's folder.
        command = [sys.executable, "-I", "-B", "-c", ASKING, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise BadInput(f"{folder / PROGRAM}: {said[-1][:200]}")
        with np.load(answered, allow_pickle=False) as found:
            ids = np.split(found["ids"], found["offsets"][1:-1]) if "ids" in found else None
            return Answers(
                labels=found["labels"].tolist(),
                probabilities=found["probabilities"].astype(np.float64),
                ids=ids,
                ms_per_text=float(found["ms_per_text"]),
                texts_per_second=len(texts) / float(found["seconds"]),
                memory_mb=float(found["memory_mb"]),
            )


def other_ids(ids: Sequence[np.ndarray], tokens: Tokens, length: int, truncation: str) -> np.ndarray:
    """Rows of the texts that a form sees otherwise than the training did, int64, rising.

    Args:
        ids: of each text as the form saw it.
        tokens: of the same texts, as the training has them.
        length, truncation: of the training.
    """
    lengths = tokens.lengths(length)
    return np.flatnonzero(
        [
            not np.array_equal(one, tokens.batch(np.array([row]), length, truncation, int(lengths[row]))[0])
            for row, one in enumerate(ids)
        ]
    )
