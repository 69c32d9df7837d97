"""Fine-tuning here, in a plain PyTorch loop and with Hugging Face's Trainer, by turns on one machine.

    .venv/bin/python bench/fine_tuning/compare_speed.py TOKENS VOCABULARY --peer /tmp/hugging-face/bin/python

TOKENS is a folder with train.ids.npy and train.offsets.npy, such as results/<study>/data/tokens/<vocabulary>. Each side
trains the same classifier on the same WordPieces, with labels by chance, in a process of its own, from its start to
weights on disk, and then measures the rate of a product of two square matrices: what its engine reaches on this machine
at that moment. `--batches` says what is compared: "fixed" pads each batch to --length; "random" lets each side form its
batches as it does by itself (here of similar length, there at random), padded to their longest text; "grouped" lets
Trainer group texts by length too.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from work import SIZES

HERE = Path(__file__).parent
WARM_UP = 3
PARTS = ("import", "build", "first step", "other steps", "measure", "save")


def operations(size: str, positions: int, width: float, texts: int) -> float:
    """Floating-point operations that the steps cannot do without: three passes, two for each multiplication.

    Args:
        size: name of the encoder.
        positions: of all batches, padding included.
        width: mean width of a batch, that attention looks over.
        texts: of all batches, each with a pooler.
    """
    layers, hidden, _ = SIZES[size]
    return 6 * (positions * layers * (12 * hidden**2 + 2 * width * hidden) + texts * hidden**2)


def run(command: list[str], settings: dict[str, Any]) -> str:
    """What a process of one side prints."""
    environment = os.environ | {"BENCH_START": repr(time.time()), "TOKENIZERS_PARALLELISM": "false"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([*command, json.dumps(settings)], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return done.stdout


def read_run(told: dict[str, Any], settings: dict[str, Any], clean_steps: list[int]) -> dict[str, Any]:
    """Figures of a run.

    Args:
        told: what its `Clock` told.
        settings: of the run.
        clean_steps: numbers of the steps that count.

    Returns:
        `parts` (seconds of each of PARTS), `total` (seconds), `step` (median seconds of a step; with batches of several
        widths the mean), `processor` (mean seconds of both cores together) and `peak_mb`.
    """
    ends, steps = told["ends"], told["steps"]
    parts = {
        "import": ends["import"],
        "build": ends["build"] - ends["import"],
        "first step": steps[0] - ends["build"],
        "other steps": steps[-1] - steps[0],
        "measure": ends["train and measure"] - steps[-1],
        "save": ends["save"] - ends["train and measure"],
    }
    taken = [steps[i] - steps[i - 1] for i in clean_steps]
    middle = statistics.median if settings["batches"] == "fixed" else statistics.fmean
    used = told["processor"]
    processor = statistics.fmean(used[i] - used[i - 1] for i in clean_steps)
    return {"parts": parts, "total": ends["save"], "step": middle(taken), "processor": processor} | {
        key: told[key] for key in ("peak_mb", "product_rate")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--peer", default=None, help="Python that has torch, transformers and accelerate")
    parser.add_argument("--size", choices=list(SIZES), default="Tiny")
    parser.add_argument("--texts", type=int, default=1600)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--batches", choices=["fixed", "random", "grouped"], default="fixed")
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", nargs="+", default=["here", "loop", "trainer"], choices=["here", "loop", "trainer"])
    options = parser.parse_args()
    sides = [side for side in options.sides if side == "here" or options.peer]
    settings = {key: value for key, value in vars(options).items() if key not in ("peer", "rounds", "sides")}
    settings |= {"tokens": str(options.tokens), "vocabulary": str(options.vocabulary), "seed": 1}
    settings["length_buckets"] = options.batches != "fixed"
    theirs = [options.peer, str(HERE / "train_pytorch.py")]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        settings["folder"] = folder
        run([sys.executable, str(HERE / "prepare_here.py")], settings)
        if len(sides) > 1 or "here" not in sides:
            run(theirs, settings | {"prepare": True})
        for number, side in itertools.product(range(options.rounds), sides):
            command = [sys.executable, str(HERE / "train_here.py")] if side == "here" else theirs
            told = json.loads(run(command, settings | {"side": side}).splitlines()[-1])
            # The first steps warm up, and the last batch may be smaller.
            clean = list(range(WARM_UP, len(told["steps"]) - (1 if options.texts % options.batch_size else 0)))
            one = read_run(told, settings, clean)
            real, positions = told["real"], told["positions"]
            work = operations(options.size, positions, positions / options.texts, options.texts) / len(told["steps"])
            one["share"] = work / one["step"] / one["product_rate"]
            found[side].append(one)
            print(
                f"{side:>8} {number + 1}: step {1000 * one['step']:7.1f} ms, {1000 * one['processor']:7.1f} ms of the "
                f"cores, {one['share']:.0%} of {one['product_rate'] / 1e9:,.0f} GFLOP/s, padding "
                f"{1 - real / positions:.0%}, {one['peak_mb']:,.0f} MB; {one['total']:.1f} s in all: "
                + ", ".join(f"{part} {one['parts'][part]:.1f}" for part in PARTS),
                flush=True,
            )
    for side in sides[1:] if sides[0] == "here" else []:
        for what in ("step", "processor", "total"):
            ratios = [a[what] / b[what] for a, b in zip(found[side], found["here"], strict=True)]
            print(
                f"{side} / here, {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )  # fmt: skip


if __name__ == "__main__":
    main()
