"""Write the chosen linear model as one file of arrays and one program that needs NumPy alone."""

from pathlib import Path
from typing import Any

from bert_ladder.export.linear_reader import export_numpy
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    export_numpy(Path(snakemake.input.record).parent, snakemake.output.folder)


if __name__ == "__main__":
    run_job(main, snakemake)
