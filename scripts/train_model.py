"""Fine-tune one row of the study with one seed."""

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from _data import LABEL_COLUMN
from _device import set_up_device
from _job import run_job
from _tokens import load_tokens

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from _training import train_run

    names = json.loads(Path(snakemake.input.labels).read_text(encoding="utf-8"))["names"]
    model, history, record = train_run(
        encoder_config=snakemake.input.config,
        encoder_weights=snakemake.input.weights,
        tokens=load_tokens(*snakemake.input.tokens, snakemake.input.vocabulary),
        labels=pd.read_parquet(snakemake.input.frame, columns=[LABEL_COLUMN])[LABEL_COLUMN].to_numpy(),
        is_validation=(pd.read_parquet(snakemake.input.split)["part"] == "validation").to_numpy(),
        classes=len(names),
        training=snakemake.params.training,
        seed=snakemake.params.seed,
        name=f"{snakemake.params.model}, seed {snakemake.params.seed}",
        threads=snakemake.threads,
    )
    record = {"model": snakemake.params.model} | record
    model.save_weights(snakemake.output.weights)
    history.to_csv(snakemake.output.history, index=False)
    Path(snakemake.output.training).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_job(main, snakemake)
