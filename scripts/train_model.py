"""Fine-tune one row of the study with one seed."""

import os
from pathlib import Path
from typing import Any

from bert_ladder.data.training_steps import tell_few_steps
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.checkpoints import checkpoint_seconds
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.training.inputs import CheckpointPolicy, Job, TrainingFiles, TrainingOutputs, chosen_settings


def main(snakemake: Any) -> None:
    params, output, paths = snakemake.params, snakemake.output, dict(snakemake.input.items())
    name = f"{params.model}, seed {params.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.fine_tuning import train_model

    train_model(
        EncoderFiles.of(paths),
        TrainingFiles.of(paths),
        chosen_settings(params.training, paths.get("chosen")),
        Job(params.model, name, params.seed, snakemake.threads, lease, Path(snakemake.log[0])),
        CheckpointPolicy(Path(params.checkpoints), checkpoint_seconds(os.environ)),
        TrainingOutputs(output.history, output.training, output.weights),
    )
    tell_few_steps(output.training, name)


if __name__ == "__main__":
    run_job(main, snakemake)
