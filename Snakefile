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
    vocabulary=any_of(STUDY["vocabularies"]),
    encoder=any_of(STUDY["encoders"]),
    fraction=any_of(VALIDATION_FRACTIONS),
    split_seed=any_of([STUDY["split_seed"]]),
    seed=any_of(STUDY["seeds"]),


report: "report/workflow.rst"


# Target rules have nothing to do, and a cluster's nodes may not reach the network.
localrules:
    all,
    data,
    baselines,
    encoders,
    exports,
    download_dataset,
    fetch_vocabulary,
    fetch_encoder,


include: "rules/data.smk"
include: "rules/encoders.smk"
include: "rules/training.smk"
include: "rules/comparison.smk"
include: "rules/report.smk"
include: "rules/export.smk"


rule all:
    """The table and the figures of the study."""
    default_target: True
    input:
        rules.render_table.output,
        rules.plot_accuracy.output,
        rules.plot_history.output,


rule data:
    """The data set's frames, its audit and its tokens; nothing is trained."""
    input:
        rules.audit_dataset.output,


rule encoders:
    """The encoders of the study in normal form, such as to copy them to a machine without internet."""
    input:
        [list(encoder_files(name).values()) for name in STUDY["encoders"]],
        [vocabulary["file"] for vocabulary in STUDY["vocabularies"].values() if "file" in vocabulary],


rule baselines:
    """The linear baselines alone."""
    input:
        expand(rules.train_baseline.output, model=STUDY["baselines"], seed=STUDY["seeds"][0]),


rule exports:
    """The encoders of the study, and of every run, as SavedModels; not part of a usual run."""
    input:
        expand(rules.export_encoder.output, exported=EXPORTED),


onsuccess:
    show_table(workflow)
