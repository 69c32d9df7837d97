"""Validation texts from a file of their own: checked, and set behind the training texts."""

from typing import Any

from bert_ladder.data.validation import ValidationOutputs, ValidationSources, build_validation
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, output = snakemake.input, snakemake.output
    build_validation(
        ValidationSources(paths.npz, paths.train, paths.test, paths.classes),
        ValidationOutputs(output.validation, output.joined, output.split),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
