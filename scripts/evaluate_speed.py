"""How fast a trained row answers on the CPU, from text to probabilities, and how much memory that takes."""

from typing import Any

from bert_ladder.data.frames import read_classes
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job
from bert_ladder.training.speed import evaluate_speed


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    paths = dict(snakemake.input.items())
    # A baseline answers without TensorFlow, whose memory is not its own.
    if "baseline" in paths:
        from bert_ladder.training.linear import open_baseline

        predictor = open_baseline(paths["baseline"])
    else:
        from bert_ladder.training.answering import open_classifier

        classes = len(read_classes(paths["classes"]))
        predictor = open_classifier(EncoderFiles.of(paths), paths["training"], classes)
    evaluate_speed(
        predictor,
        path_test=paths["test"],
        path_speed=snakemake.output.speed,
        row=snakemake.params.model,
        threads=snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
