"""Logistic regression on the outputs of an encoder that is not trained, tuned on the validation part only."""

from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.evaluation.runs import RunOutputs
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params, output = dict(snakemake.input.items()), snakemake.params, snakemake.output
    # The encoder has read the texts: what is left needs no device.
    set_up_device(snakemake.threads)
    from bert_ladder.training.frozen import FrozenFiles, FrozenOutputs, train_frozen

    train_frozen(
        EncoderFiles.of(paths),
        FrozenFiles.of(paths),
        params.settings,
        params.seed,
        f"{snakemake.wildcards.model}, seed {params.seed}",
        FrozenOutputs(output.weights, output.training, RunOutputs(output.predictions, output.record)),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
