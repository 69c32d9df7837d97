"""Does the default study tell the same story with other seeds, threads and kernels? Runs its trainings in each of them.

    python bench/default_study.py [--only NAME …]

Each is a study of its own, results/demo-NAME/, and a finished one is only read. Prints two markdown tables: the test
accuracy of every row, its mean and from its worst to its best seed, and the verdicts.
"""

import argparse
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
import yaml

PROJECT = Path(__file__).parents[1]
THREADS = ("--set-threads", "train_model=2", "train_trial=2", "pretrain_encoder=2")
# By name: what it is, seeds, environment, and further words for Snakemake.
WAYS: dict[str, tuple[str, list[int], dict[str, str], tuple[str, ...]]] = {
    "seeds-1-3": ("as it is", [1, 2, 3], {}, ()),
    "seeds-4-6": ("seeds 4 to 6", [4, 5, 6], {}, ()),
    "two-threads": ("two threads per training", [1, 2, 3], {}, THREADS),
    "no-onednn": ("`TF_ENABLE_ONEDNN_OPTS=0`", [1, 2, 3], {"TF_ENABLE_ONEDNN_OPTS": "0"}, ()),
    "avx2": ("`ONEDNN_MAX_CPU_ISA=AVX2`", [1, 2, 3], {"ONEDNN_MAX_CPU_ISA": "AVX2"}, ()),
}


def run(name: str) -> Path:
    """Train and compare, without speed, report and hand-over; returns the folder of the results."""
    _, seeds, environment, words = WAYS[name]
    folder = Path("results", f"demo-{name}")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as overlay:
        yaml.safe_dump({"study": folder.name, "seeds": seeds}, overlay)
        overlay.flush()
        subprocess.run(
            [
                *(PROJECT / ".venv/bin/snakemake", "--cores", "2", f"{folder}/pairs.csv", f"{folder}/comparison.csv"),
                *(*words, "--configfile", "config.yaml", overlay.name),
            ],
            cwd=PROJECT,
            env=os.environ | environment,
            check=True,
        )
    return PROJECT / folder


def accuracies(folder: Path) -> pd.DataFrame:
    """Test accuracy in percent by row (rows) and seed (columns), of the BERTs; of a linear baseline its only one."""
    records = [json.loads(file.read_text()) for file in folder.glob("runs/*/seed-*/metrics.json")]
    runs = pd.DataFrame(records)[["model", "seed", "test_accuracy"]]
    return 100 * runs.pivot_table(index="model", columns="seed", values="test_accuracy")


def verdicts(folder: Path, rows: list[str], linear: list[str]) -> list[str]:
    """Neighbouring rungs, the smallest against the linear models, and the tuned row against the rung of its size."""
    pairs = pd.read_csv(folder / "pairs.csv").set_index(["model_a", "model_b"])
    *rungs, tuned = rows
    asked = [*((name, rungs[0]) for name in linear), *itertools.pairwise(rungs), (tuned.removesuffix(" tuned"), tuned)]
    words = {"worse": "<", "better": ">", "not separable": "≈"}
    return [f"{a} {words[pairs.loc[(a, b), 'verdict']]} {b}" for a, b in asked]


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the default study's trainings in several ways.")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS), metavar="NAME")
    names = parser.parse_args().only
    study = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    rows = [row["name"] for row in study["models"]]
    table, said = {}, {}
    for name in names:
        folder = run(name)
        found, what = accuracies(folder), WAYS[name][0]
        linear = [row for row in found.index if row not in rows]
        table[what] = {
            row: f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})"
            if row in rows
            else f"{values.mean():.2f}"
            for row, values in found.loc[[*linear, *rows]].iterrows()
        }
        said[what] = verdicts(folder, rows, linear)
    print("\n" + pd.DataFrame(table).T.to_markdown())
    print("\n" + pd.DataFrame(said).T.to_markdown(headers=["", *("" for _ in next(iter(said.values())))]))


if __name__ == "__main__":
    main()
