"""Write an encoder, as it is or as a run fine-tuned it, as a SavedModel with TF Hub's interface."""

import os
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with: no other can write a SavedModel
    set_up_device(snakemake.threads)
    from bert_ladder.export.saved_model import Head, export_encoder

    paths = snakemake.input
    export_encoder(
        EncoderFiles.of({"config": paths.config, "weights": paths.weights, "vocabulary": paths.vocabulary}),
        target=snakemake.output.folder,
        exported=snakemake.wildcards.exported,
        head=Head.read(paths.labels, paths.training) if hasattr(paths, "labels") else None,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
