"""Learn an encoder by masked language modelling on the training texts and on texts without labels."""

import os
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.checkpoints import checkpoint_seconds
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.study.settings import PretrainingSettings
from bert_ladder.training.inputs import CheckpointPolicy, Job, PretrainingFiles, PretrainingOutputs


def main(snakemake: Any) -> None:
    params, paths, made = snakemake.params, dict(snakemake.input.items()), dict(snakemake.output.items())
    settings, name = PretrainingSettings.of(params.settings), f"pre-training of {params.encoder}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.pretraining import pretrain_encoder

    pretrain_encoder(
        EncoderFiles.of(paths),
        PretrainingFiles.of(paths),
        settings,
        Job(params.encoder, name, settings.seed, snakemake.threads, lease, Path(snakemake.log[0])),
        CheckpointPolicy(Path(params.checkpoints), checkpoint_seconds(os.environ)),
        PretrainingOutputs(EncoderFiles.of(made), made["heads"], made["history"], made["pretraining"]),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
