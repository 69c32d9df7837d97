"""Fine-tune a row once with the settings of one trial of its search; only its measures are kept, no weights."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.runtime.checkpoints import checkpoint_seconds, remove_checkpoints
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    tried = ", ".join(f"{key} {value}" for key, value in snakemake.params.tried.items())
    name = f"{snakemake.params.model}, trial with {tried}, seed {snakemake.params.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.classifier import Diverged, train_on_files

    training = dict(snakemake.params.training) | dict(snakemake.params.tried)
    try:
        _, history, record = train_on_files(
            paths=dict(snakemake.input.items()),
            training=training,
            seed=snakemake.params.seed,
            name=name,
            threads=snakemake.threads,
            checkpoint_folder=Path(snakemake.params.checkpoints),
            checkpoint_seconds=checkpoint_seconds(os.environ),
        )
    except Diverged as error:
        # That some settings ruin the training is what a search is there to find out.
        log.warning("%s The trial comes last.", error)
        history, record = pd.DataFrame(columns=["epoch"]), {"training": training, "diverged": True}
    history.to_csv(snakemake.output.history, index=False)
    record = {"model": snakemake.params.model} | record | lease.record()
    Path(snakemake.output.training).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    remove_checkpoints(Path(snakemake.params.checkpoints))


if __name__ == "__main__":
    run_job(main, snakemake)
