"""Tokens per second of a pre-training here and of a loop like Hugging Face's run_mlm, by turns on one machine.

    .venv/bin/python bench/pretraining/compare_speed.py TOKENS VOCABULARY --hugging-face /tmp/hugging-face/bin/python

TOKENS is a folder with train.ids.npy and train.offsets.npy, such as results/<study>/data/tokens/<vocabulary>. Each side
trains the same encoder on the same WordPieces in processes of its own, with [CLS] and [SEP] as it has them, and then
measures the rate of a product of two square matrices: what its engine reaches on this machine at that moment.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def operations_per_token(layers: int, hidden: int, length: int, vocabulary: int, masked: float = 0.15) -> float:
    """Floating-point operations that a step cannot do without, per token: three passes, two per multiplication.

    Dense layers and attention of the encoder at each token (feed-forward size 4H), the head at the masked ones.
    """
    encoder = layers * (12 * hidden**2 + 2 * length * hidden)
    head = masked * (hidden**2 + hidden * vocabulary)
    return 6 * (encoder + head)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--hugging-face", default=sys.executable, help="Python that has torch and transformers")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    options = parser.parse_args()
    settings = {key: str(value) for key, value in vars(options).items() if key not in ("hugging_face", "rounds")}
    vocabulary = len(options.vocabulary.read_text(encoding="utf-8").splitlines())
    work = operations_per_token(options.layers, options.hidden, options.length, vocabulary)
    sides = {
        "here": [sys.executable, str(HERE / "train_here.py")],
        "Hugging Face": [options.hugging_face, str(HERE / "train_hugging_face.py")],
    }
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side, command in sides.items():
            done = subprocess.run([*command, json.dumps(settings)], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr[-3000:])
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
            measured = found[side][-1]
            share = measured["tokens_per_second"] * work / measured["product_rate"]
            print(
                f"{side:>12}: {measured['tokens_per_second']:>9,.0f} tokens/s, {share:.1%} of "
                f"{measured['product_rate'] / 1e9:,.0f} GFLOP/s, loss {measured['loss']:.2f}",
                flush=True,
            )
    ours, theirs = ([one["tokens_per_second"] for one in found[side]] for side in sides)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"here / Hugging Face, median of {options.rounds}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
          f"{max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
