"""BERT Ladder: from labelled text to a defended choice of BERT, in one command."""

from snakemake.utils import min_version

min_version("9.19")


# A study stands alone: the embedded one is read only when no other is named, since Snakemake merges the two.
if not workflow.overwrite_configfiles:

    configfile: workflow.source_path("config.yaml")


include: "rules/common.smk"


pathvars:
    results=f"results/{STUDY['study']}",
    logs=f"logs/{STUDY['study']}",
    benchmarks=f"benchmarks/{STUDY['study']}",
    dataset=f"resources/{STUDY['dataset']['name']}",


wildcard_constraints:
    file=any_of(PUBLISHED),
    split="train|test",
    corpus=any_of(STUDY["dataset"]["unlabelled"]),
    texts=any_of(["train", "test", *(f"unlabelled/{name}" for name in STUDY["dataset"]["unlabelled"])]),
    vocabulary=any_of(STUDY["vocabularies"]),
    encoder=any_of(STUDY["encoders"]),
    fraction=any_of(VALIDATION_FRACTIONS),
    split_seed=any_of(SEEDS if SPLIT_PER_RUN else [STUDY["split_seed"]]),
    seed=any_of(SEEDS),
    trial=any_of(TRIALS),


report: "report/workflow.rst"


# Target rules have nothing to do, a cluster's nodes may not reach the network, and what takes seconds is not worth the
# queue.
localrules:
    all,
    data,
    baselines,
    encoders,
    exports,
    download_dataset,
    fetch_vocabulary,
    fetch_encoder,
    select_trial,
    compare_models,
    render_table,
    render_summary,
    render_figures,
    render_errors,
    render_audit,
    render_runs,
    plot_rows,
    plot_accuracy,
    plot_pairs,
    plot_search,
    plot_pretraining,
    plot_history,
    plot_confusion,
    plot_curves,
    plot_reliability,
    plot_lengths,
    plot_timeline,


include: "rules/data.smk"
include: "rules/encoders.smk"
include: "rules/search.smk"
include: "rules/training.smk"
include: "rules/comparison.smk"
include: "rules/report.smk"
include: "rules/export.smk"


# Snakemake deletes the outputs of a job before it runs and when it fails, and makes none again whose successors exist: a
# row that was changed and failed would be forgotten, and the old table stand for it. So the targets name a file
# of every job behind them.
rule all:
    """The table, the words, the figures and the report's pages of the study."""
    default_target: True
    input:
        data_targets(),
        encoder_targets(USED_ENCODERS),
        training_targets(),
        evaluation_targets(),
        rules.compare_models.output,
        rules.render_table.output,
        rules.render_summary.output,
        rules.render_figures.output,
        rules.render_errors.output,
        rules.render_audit.output,
        rules.render_runs.output,
        [f"<results>/figures/{name}.{ending}" for name in FIGURES for ending in ("svg", "pdf")],


rule data:
    """The data set's frames, its audit and its tokens; nothing is trained."""
    input:
        data_targets(),


rule encoders:
    """The encoders of the rows in normal form, such as to copy them to a machine without internet."""
    input:
        encoder_targets(USED_ENCODERS),


rule baselines:
    """The linear baselines alone."""
    input:
        frame_targets(BASELINE_RUNS),
        of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", BASELINE_RUNS),


rule exports:
    """The encoders of the rows, and of every run, as SavedModels; not part of a usual run."""
    input:
        data_targets(),
        encoder_targets(USED_ENCODERS),
        training_targets(),
        expand(rules.export_encoder.output, exported=EXPORTED),


onsuccess:
    show_results(workflow)


onerror:
    explain_kills(log)
