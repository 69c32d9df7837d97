"""Write an encoder, as it is or as a run fine-tuned it, as a SavedModel with TF Hub's interface."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with: no other can write a SavedModel
    set_up_device(snakemake.threads)
    from bert_ladder.export.saved_model import export_encoder

    for name in ("absl", "tensorflow"):  # what they say of saving is about their own temporary names
        logging.getLogger(name).setLevel(logging.WARNING)
    head = {}
    if hasattr(snakemake.input, "labels"):
        labels, training = (
            json.loads(Path(path).read_text(encoding="utf-8"))
            for path in (snakemake.input.labels, snakemake.input.training)
        )
        head = {"label_names": labels["names"], "pooling": training["training"]["pooling"]}
    export_encoder(
        config=snakemake.input.config,
        weights=snakemake.input.weights,
        vocabulary=snakemake.input.vocabulary,
        target=snakemake.output.folder,
        exported=snakemake.wildcards.exported,
        **head,
    )
    log.info("%s: written to %s", snakemake.wildcards.exported, snakemake.output.folder)


if __name__ == "__main__":
    run_job(main, snakemake)
