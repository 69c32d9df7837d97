"""How fast a trained row answers on the CPU, from text to probabilities, and how much memory that takes."""

import json
import logging
import resource
from pathlib import Path
from typing import Any

import numpy as np

from bert_ladder.data.frames import DATA_COLUMN, read_frame
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.training.speed import BATCH, SECONDS, TEXTS, bert_predictor, measure_speed

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    paths = dict(snakemake.input.items())
    names = json.loads(Path(paths["labels"]).read_text(encoding="utf-8"))["names"]
    texts = read_frame(paths["test"])[DATA_COLUMN]
    texts = texts.iloc[np.random.default_rng(0).permutation(len(texts))[:TEXTS]].tolist()
    if "baseline" in paths:
        from bert_ladder.training.linear import load_linear_model

        predict, length = load_linear_model(paths["baseline"]).probabilities, None
    else:
        predict, length = bert_predictor(paths, len(names))
    speed = measure_speed(predict, texts, SECONDS) | {
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": snakemake.threads,
        "length": length,
        "texts": len(texts),
    }
    Path(snakemake.output.speed).write_text(json.dumps(speed, indent=2) + "\n", encoding="utf-8")
    log.info(
        "%s: %.1f ms for one text, %.0f texts/s in batches of %d, with %d threads",
        snakemake.params.model,
        speed["latency_ms"],
        speed["throughput"],
        BATCH,
        snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
