"""Peak memory and time of the jobs that read a data set, each in a process of its own.

    .venv/bin/python bench/data_memory.py FOLDER [--texts 1000000] [--form csv]

Writes texts of 51 random words, some 330 bytes each, into FOLDER, which needs 3 GB, and prints a table.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
from joblib.externals.loky import get_reusable_executor
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from bert_ladder.data.audit import AuditedFiles, audit_dataset
from bert_ladder.data.frames import SplitPaths, write_labels
from bert_ladder.data.ingestion import HeldOut, build_npz
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.data.near_duplicates import audit_near_duplicates
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.splits import split_frame

WRITERS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "feather": lambda frame, path: frame.to_feather(path),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--form", choices=WRITERS, default="csv")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    published = folder / f"texts.{arguments.form}"
    measured(write_texts, published, arguments.texts)
    rows = [(name, *measured(job, folder, published)) for name, job in JOBS.items()]
    print(f"{arguments.texts:,} texts, {published.stat().st_size / 1e6:,.0f} MB of {arguments.form}")
    print(tabulate(rows, headers=["job", "peak, GB", "seconds"], floatfmt=("", ".2f", ".0f")))


def measured(job: Callable[..., None], *arguments: object) -> tuple[float, float]:
    """Peak memory, in GB, of a process that does one job, the largest of its children included, and the seconds."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    start = time.perf_counter()
    process = context.Process(target=_run, args=(sender, job, arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{job.__name__} ended with status {process.exitcode}")
    return receiver.recv() / 1e6, time.perf_counter() - start


def _run(sender: Connection, job: Callable[..., None], arguments: tuple) -> None:
    job(*arguments)
    # Its processes end now and count, instead of waiting for more work for minutes.
    get_reusable_executor().shutdown(wait=True)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    sender.send(max(resource.getrusage(kind).ru_maxrss for kind in kinds))


def write_texts(path: Path, count: int) -> None:
    """Texts of two classes by turns, from a fixed seed."""
    random = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(20_000)])
    texts = [" ".join(words[random.integers(0, len(words), 51)]) for _ in range(count)]
    labels = ["pos" if row % 2 else "neg" for row in range(count)]
    WRITERS[path.suffix[1:]](pd.DataFrame({"text": texts, "label": labels}), path)


def read_split(folder: Path, published: Path, split: str) -> None:
    build_npz(PublishedFile(published, split, 10**11), folder / f"{split}.npz", HeldOut(0.2, 0))
    record = {"params": {"held_out": {}}, "found": {"empty": 0, "rare": {}}}
    (folder / f"{split}.json").write_text(json.dumps(record))


def read_train(folder: Path, published: Path) -> None:
    read_split(folder, published, "train")


def read_test(folder: Path, published: Path) -> None:
    read_split(folder, published, "test")


def code_labels(folder: Path, _: Path) -> None:
    build_frame(_splits(folder, "npz"), _splits(folder, "parquet"), folder / "classes.json")
    write_labels(folder / "labels.json", ["neg", "pos"], 1)


def draw_validation(folder: Path, _: Path) -> None:
    split_frame(folder / "train.parquet", folder / "split.parquet", 0.2, 0)


def audit(folder: Path, _: Path) -> None:
    files = AuditedFiles(_splits(folder, "parquet"), _splits(folder, "json"), folder / "labels.json", [])
    audit_dataset(files, [], folder / "audit.json", folder / "leaked.parquet")


def audit_near(folder: Path, _: Path) -> None:
    audit_near_duplicates(_splits(folder, "parquet"), folder / "near_duplicates.json", 2)


def _splits(folder: Path, ending: str) -> SplitPaths:
    return SplitPaths(folder / f"train.{ending}", folder / f"test.{ending}")


JOBS = {
    "build_npz, train": read_train,
    "build_npz, test": read_test,
    "build_frame": code_labels,
    "split_frame": draw_validation,
    "audit_dataset": audit,
    "audit_near_duplicates": audit_near,
}

if __name__ == "__main__":
    main()
