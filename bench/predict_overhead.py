"""How long a chosen model takes for its answers, beside ONNX Runtime alone on the same token ids (docs/predict.md).

    .venv/bin/python bench/predict_overhead.py results/<study>/chosen texts.txt

The model's ONNX form is opened twice: as `bert_ladder.export.load` does, from texts to calibrated probabilities, and as
a bare session that is given ids which are padded already. Both take the same texts in turn, one by one and in batches
of 32 of similar length. Prints the medians over the rounds and their ratio. On a busy machine `--alone` says more: one
thread, and its processor time, which others do not lengthen.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))

from bert_ladder.evaluation.chosen_model import read_chosen  # noqa: E402
from bert_ladder.export.loading import Classifier, open_onnx, processors  # noqa: E402

BATCH = 32


def padded_ids(token_ids: Callable[[str], list[int]], texts: Sequence[str]) -> np.ndarray:
    """The ids of texts, padded to the longest with 0."""
    rows = [token_ids(text) for text in texts]
    batch = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for line, row in zip(batch, rows, strict=True):
        line[: len(row)] = row
    return batch


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Milliseconds."""
    start = clock()
    work()
    return 1000 * (clock() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chosen", type=Path, help="folder of a chosen model with its form onnx")
    parser.add_argument("texts", type=Path, help="a text per line")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--alone", action="store_true", help="one thread, and its processor time")
    arguments = parser.parse_args()
    threads, clock = (1, time.process_time) if arguments.alone else (processors(), time.perf_counter)
    os.environ["TOKENIZERS_PARALLELISM"] = str(not arguments.alone).lower()
    folder, chosen = arguments.chosen / "onnx", read_chosen(arguments.chosen)
    texts = arguments.texts.read_text(encoding="utf-8").splitlines()[: 4 * BATCH]
    model = Classifier(chosen, "onnx", open_onnx(folder, len(chosen.labels), threads))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    sys.path.insert(0, str(folder))
    import predict  # the program of the form

    token_ids = predict.Classifier(folder).token_ids
    ordered = sorted(texts, key=lambda text: len(token_ids(text)))
    for size in (1, BATCH):
        batches = [ordered[start : start + size] for start in range(0, len(ordered), size)][:: 1 if size > 1 else 4]
        ids = [padded_ids(token_ids, batch) for batch in batches]
        alone, here = [], []
        for _ in range(arguments.rounds + 1):
            alone.append([timed(lambda: session.run(["logits"], {"token_ids": batch}), clock) for batch in ids])  # noqa: B023
            here.append([timed(lambda: model.probabilities(batch), clock) for batch in batches])  # noqa: B023
        of_session, of_model = (statistics.median(map(sum, rounds[1:])) / len(batches) for rounds in (alone, here))
        print(f"{size:3} at once: {of_model:8.2f} ms here, {of_session:8.2f} ms alone, {of_model / of_session:.2f} x")


if __name__ == "__main__":
    main()
