"""Build an encoder with random weights, in normal form."""

import logging
import shutil
from pathlib import Path
from typing import Any

from _device import set_up_device
from _job import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from _encoder import save_encoder, scratch_encoder

    vocabulary = Path(snakemake.input.vocabulary).read_text(encoding="utf-8").rstrip("\n").split("\n")
    encoder, backbone = scratch_encoder(snakemake.params.scratch, vocabulary, snakemake.params.lower_case)
    save_encoder(encoder, backbone, snakemake.output.config, snakemake.output.weights)
    shutil.copyfile(snakemake.input.vocabulary, snakemake.output.vocabulary)
    log.info("%s: %s parameters", snakemake.wildcards.encoder, f"{backbone.count_params():,}")


if __name__ == "__main__":
    run_job(main, snakemake)
