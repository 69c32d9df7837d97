"""Fine-tune a row with the settings of one trial of its search, up to the first budget of a search that is halved."""

import os
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.checkpoints import checkpoint_seconds
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training.inputs import CheckpointPolicy, Job, Rung, TrainingFiles, TrainingOutputs


def main(snakemake: Any) -> None:
    params, output, paths = snakemake.params, snakemake.output, dict(snakemake.input.items())
    tried = ", ".join(f"{key} {value}" for key, value in params.tried.items())
    name = f"{params.model}, trial with {tried}, {100 * params.budget:g} % of its steps, seed {params.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.fine_tuning import train_trial

    rung = Rung(params.trial, params.budget, Path(output.state))
    train_trial(
        EncoderFiles.of(paths),
        TrainingFiles.of(paths),
        TrainingSettings.of(dict(params.training) | dict(params.tried)),
        Job(params.model, name, params.seed, snakemake.threads, lease, Path(snakemake.log[0])),
        CheckpointPolicy(Path(params.checkpoints), checkpoint_seconds(os.environ), rung),
        TrainingOutputs(output.history, output.training),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
