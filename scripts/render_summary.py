"""What the study says, in plain words: which row to take, what is not separable, and whether more epochs would help.

Every claim of a difference rests on one test of pairs.csv after Holm's correction; rows are chosen on the validation
part and reported on the test split.
"""

from typing import Any

from bert_ladder.report.sections import SummarySources
from bert_ladder.report.summary import render_summary
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_summary(
        SummarySources(
            table=snakemake.input.table,
            comparison=snakemake.input.comparison,
            pairs=snakemake.input.pairs,
            audit=snakemake.input.audit,
            history=list(snakemake.input.history),
            training=list(snakemake.input.training),
            label_curve=list(snakemake.input.label_curve),
        ),
        runs=snakemake.params.runs,
        parts_differ=snakemake.params.parts_differ,
        study=snakemake.params.study,
        metric=snakemake.params.metric,
        paths_out={form: snakemake.output[form] for form in ("markdown", "html", "text")},
    )


if __name__ == "__main__":
    run_job(main, snakemake)
