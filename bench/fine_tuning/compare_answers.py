"""Answers of a classifier here and in PyTorch, one text at a time and 32 at once, by turns on one machine.

    .venv/bin/python bench/fine_tuning/compare_answers.py TEXTS VOCABULARY --peer /tmp/hugging-face/bin/python

TEXTS is a file with a text on each line. Both sides have a BERT of the same size with random weights, and are timed
from strings to probabilities, tokenizing included: here as `evaluate_speed` times a row, there with the fast tokenizer
and BertForSequenceClassification, both padded to the longest text of a batch.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from compare_speed import run
from work import SIZES

HERE = Path(__file__).parent
MEASURES = {"one": "one text, ms", "many": "32 texts, ms"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--peer", required=True, help="Python that has torch and transformers")
    parser.add_argument("--size", choices=list(SIZES), default="Tiny")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of the two measurements")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    settings = {key: value for key, value in vars(options).items() if key not in ("peer", "rounds")}
    settings |= {"texts": str(options.texts), "vocabulary": str(options.vocabulary)}
    sides = {
        "here": [sys.executable, str(HERE / "answer_here.py")],
        "PyTorch": [options.peer, str(HERE / "answer_pytorch.py")],
    }
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(options.rounds):
        for side, command in sides.items():
            with tempfile.TemporaryDirectory() as folder:
                found[side].append(json.loads(run(command, settings | {"folder": folder}).splitlines()[-1]))
            told = ", ".join(f"{words} {found[side][-1][key]:.2f}" for key, words in MEASURES.items())
            print(f"{side:>8} {number + 1}: {told}", flush=True)
    for key, words in MEASURES.items():
        ratios = [there[key] / here[key] for there, here in zip(found["PyTorch"], found["here"], strict=True)]
        print(
            f"PyTorch / here, {words}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )  # fmt: skip


if __name__ == "__main__":
    main()
