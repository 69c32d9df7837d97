"""Fine-tune one row of the study with one seed."""

import json
import os
from pathlib import Path
from typing import Any

from bert_ladder.runtime.checkpoints import checkpoint_seconds, remove_checkpoints
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    name = f"{snakemake.params.model}, seed {snakemake.params.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.classifier import train_on_files

    paths, training = dict(snakemake.input.items()), dict(snakemake.params.training)
    if "chosen" in paths:
        training |= json.loads(Path(paths["chosen"]).read_text(encoding="utf-8"))["values"]
    model, history, record = train_on_files(
        paths=paths,
        training=training,
        seed=snakemake.params.seed,
        name=name,
        threads=snakemake.threads,
        checkpoint_folder=Path(snakemake.params.checkpoints),
        checkpoint_seconds=checkpoint_seconds(os.environ),
    )
    model.save_weights(snakemake.output.weights)
    history.to_csv(snakemake.output.history, index=False)
    record = {"model": snakemake.params.model} | record | lease.record()
    Path(snakemake.output.training).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    remove_checkpoints(Path(snakemake.params.checkpoints))


if __name__ == "__main__":
    run_job(main, snakemake)
