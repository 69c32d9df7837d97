"""Write the chosen BERT for LiteRT."""

import os
from pathlib import Path
from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with
    set_up_device(snakemake.threads)
    from bert_ladder.export.litert_model import export_litert

    export_litert(Path(snakemake.input.record).parent, snakemake.output.folder)


if __name__ == "__main__":
    run_job(main, snakemake)
