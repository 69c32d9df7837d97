"""Learn an encoder by masked language modelling on the training texts and on texts without labels."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from bert_ladder.runtime.checkpoints import checkpoint_seconds, remove_checkpoints
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    name = f"pre-training of {snakemake.params.encoder}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.encoders.normal_form import save_encoder
    from bert_ladder.training.pretraining import pretrain_on_files, save_heads

    settings = dict(snakemake.params.settings)
    encoder, model, backbone, history, record = pretrain_on_files(
        paths=dict(snakemake.input.items()),
        texts=["train", *settings["text"]],
        settings=settings,
        name=name,
        threads=snakemake.threads,
        checkpoint_folder=Path(snakemake.params.checkpoints),
        checkpoint_seconds=checkpoint_seconds(os.environ),
    )
    save_encoder(encoder, backbone, snakemake.output.config, snakemake.output.weights)
    save_heads(model, snakemake.output.heads)
    shutil.copyfile(snakemake.input.vocabulary, snakemake.output.vocabulary)
    history.to_csv(snakemake.output.history, index=False)
    record = {"encoder": snakemake.params.encoder} | record | lease.record()
    Path(snakemake.output.pretraining).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    remove_checkpoints(Path(snakemake.params.checkpoints))


if __name__ == "__main__":
    run_job(main, snakemake)
