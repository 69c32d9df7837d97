"""Write the chosen BERT as ONNX, in float32 and in int8."""

import os
from pathlib import Path
from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with
    set_up_device(snakemake.threads)
    from bert_ladder.export.onnx_model import export_onnx

    export_onnx(Path(snakemake.input.record).parent, snakemake.output.float32, snakemake.output.int8)


if __name__ == "__main__":
    run_job(main, snakemake)
