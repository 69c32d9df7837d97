"""Bring an encoder into its normal form: build it from scratch, or take it from a folder."""

import logging
import shutil
from pathlib import Path
from typing import Any

from _device import set_up_device
from _job import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads, gpu=False)
    from _encoder import folder_encoder, save_encoder, scratch_encoder

    vocabulary = Path(snakemake.input.vocabulary).read_text(encoding="utf-8").rstrip("\n").split("\n")
    if snakemake.params.scratch is not None:
        encoder, backbone = scratch_encoder(snakemake.params.scratch, vocabulary, snakemake.params.lower_case)
    else:
        encoder, backbone = folder_encoder(snakemake.input.config, snakemake.input.weights, vocabulary)
    save_encoder(encoder, backbone, snakemake.output.config, snakemake.output.weights)
    shutil.copyfile(snakemake.input.vocabulary, snakemake.output.vocabulary)
    log.info("%s: %s parameters", snakemake.wildcards.encoder, f"{backbone.count_params():,}")


if __name__ == "__main__":
    run_job(main, snakemake)
