"""Write an encoder, as it is or as a run fine-tuned it, as a SavedModel with TF Hub's interface."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from _device import set_up_device
from _job import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with: no other can write a SavedModel
    set_up_device(snakemake.threads)
    from _saved_model import export_encoder

    for name in ("absl", "tensorflow"):  # what they say of saving is about their own temporary names
        logging.getLogger(name).setLevel(logging.WARNING)
    labels = getattr(snakemake.input, "labels", None)
    export_encoder(
        config=snakemake.input.config,
        weights=snakemake.input.weights,
        vocabulary=snakemake.input.vocabulary,
        target=snakemake.output.folder,
        exported=snakemake.wildcards.exported,
        label_names=labels and json.loads(Path(labels).read_text(encoding="utf-8"))["names"],
    )
    log.info("%s: written to %s", snakemake.wildcards.exported, snakemake.output.folder)


if __name__ == "__main__":
    run_job(main, snakemake)
