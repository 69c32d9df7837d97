"""Go on with the trial that took one place in a rung of a search that is halved, up to the budget of the next one."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.checkpoints import checkpoint_seconds
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.study.settings import TrainingSettings, monitors_f1
from bert_ladder.training.inputs import CheckpointPolicy, Job, Rung, TrainingFiles, TrainingOutputs, promoted_trial


def main(snakemake: Any) -> None:
    params, output, paths = snakemake.params, snakemake.output, dict(snakemake.input.items())
    promoted = promoted_trial(paths["promoted"], params.place)
    settings = TrainingSettings.of(dict(params.training) | promoted["values"])
    tried = ", ".join(f"{key} {value}" for key, value in promoted["values"].items())
    name = f"{params.model}, trial with {tried}, {100 * params.budget:g} % of its steps, seed {params.seed}"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.fine_tuning import train_trial

    files = TrainingFiles.of(paths)
    if not monitors_f1(settings.plain()):
        # Given for the sake of other trials; the rung before was trained without.
        files = replace(files, positive=None)
    rung = Rung(promoted["trial"], params.budget, Path(output.state), Path(paths["states"][promoted["stands"]]))
    train_trial(
        EncoderFiles.of(paths),
        files,
        settings,
        Job(params.model, name, params.seed, snakemake.threads, lease, Path(snakemake.log[0])),
        CheckpointPolicy(Path(params.checkpoints), checkpoint_seconds(os.environ), rung),
        TrainingOutputs(output.history, output.training),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
