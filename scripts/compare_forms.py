"""Compare the forms of the chosen model with the run that they were made from."""

from pathlib import Path
from typing import Any

from bert_ladder.evaluation.form_proof import Source, compare_forms
from bert_ladder.report.forms_table import write_forms
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, outputs = snakemake.input, snakemake.output
    evaluated = {
        Path(file).parent.name: (file, record) for file, record in zip(paths.answers, paths.records, strict=True)
    }
    run = Source(paths.predictions, paths.metrics)
    content = compare_forms(Path(paths.record).parent, run, evaluated, outputs.record)
    write_forms(content, outputs.csv, outputs.markdown)


if __name__ == "__main__":
    run_job(main, snakemake)
