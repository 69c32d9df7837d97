"""BERT Ladder: from labelled text to a defended choice of BERT, in one command."""

from snakemake.utils import min_version

min_version("9.19")


# A study stands alone: the embedded one is read only when no other is named, since Snakemake merges the two.
if not workflow.overwrite_configfiles:

    configfile: workflow.source_path("config.yaml")


include: "rules/common.smk"


pathvars:
    results=f"results/{STUDY.name}",
    logs=f"logs/{STUDY.name}",
    benchmarks=f"benchmarks/{STUDY.name}",
    dataset=f"resources/{STUDY.dataset.name}",


wildcard_constraints:
    file=any_of(STUDY.dataset.published),
    split=any_of(STUDY.dataset.splits),
    corpus=any_of(STUDY.dataset.unlabelled),
    texts=any_of(STUDY.dataset.texts),
    vocabulary=any_of(STUDY.encoders.vocabularies),
    encoder=any_of(STUDY.encoders.known),
    fraction=any_of(STUDY.splits.fractions),
    split_seed=any_of(STUDY.splits.seeds),
    seed=any_of(STUDY.runs.seeds),
    trial=any_of(STUDY.runs.trial_names),


report: "report/workflow.rst"


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
        STUDY.targets.data,
        unmoved(STUDY.targets.encoders),
        STUDY.targets.training,
        STUDY.targets.evaluation,
        STUDY.targets.label_curve,
        rules.compare_models.output,
        rules.render_table.output,
        rules.render_summary.output,
        rules.render_figures.output,
        rules.render_classes.output,
        rules.render_errors.output,
        rules.render_audit.output,
        rules.render_runs.output,
        rules.select_model.output,
        rules.render_card.output,
        rules.render_report.output,
        [f"<results>/figures/{name}.{ending}" for name in STUDY.outline.figures for ending in ("svg", "pdf")],
    localrule: True
    message:
        "The whole study"


rule data:
    """The data set's frames, its audit and its tokens; nothing is trained."""
    input:
        STUDY.targets.data,
    localrule: True
    message:
        "All data"


rule encoders:
    """The encoders of the rows in normal form, such as to copy them to a machine without internet."""
    input:
        unmoved(STUDY.targets.encoders),
    localrule: True
    message:
        "All encoders"


rule baselines:
    """The baselines alone: linear models of n-grams, and those on frozen encoders."""
    input:
        STUDY.targets.baselines,
    localrule: True
    message:
        "All baselines"


rule exports:
    """The chosen model in every form that can express it, each asked every test text; not part of a usual run."""
    input:
        STUDY.targets.data,
        unmoved(STUDY.targets.encoders),
        STUDY.targets.training,
        STUDY.targets.evaluation,
        rules.select_model.output,
        rules.compare_forms.output,
    localrule: True
    message:
        "All forms of the chosen model"


rule encoder_exports:
    """The encoders of the rows, and of every run, as SavedModels with TF Hub's interface; not part of a usual run."""
    input:
        STUDY.targets.data,
        unmoved(STUDY.targets.encoders),
        STUDY.targets.training,
        expand(rules.export_encoder.output, exported=STUDY.inputs.exported),
    localrule: True
    message:
        "All exports of encoders"


onsuccess:
    show_results(workflow)


onerror:
    show_failures(workflow, log)
