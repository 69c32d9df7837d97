"""The page of the label curve: every row by its number of labels, in numbers and in words."""

from typing import Any

from bert_ladder.report.label_curve import read_label_curve
from bert_ladder.report.label_curve_page import render_label_curve
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths = snakemake.input
    render_label_curve(read_label_curve(paths.curve, paths.pairs, paths.laws), path_page=snakemake.output.page)


if __name__ == "__main__":
    run_job(main, snakemake)
