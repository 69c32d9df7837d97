"""The search for a row's settings: its trials, and which of them the row is trained with.

Inputs: tokens, splits and encoders, as for any training.
Outputs: <results>/search/{model}/{trial}/seed-{seed}/ with history.csv and training.json of each trial, and
<results>/search/{model}/ with chosen.json (the values, as the row's training takes them), outcome.json (the same with
score and number of trials) and trials.csv (all trials, ranked).
"""


rule train_trial:
    """Fine-tune one row with the settings of one trial of its search."""
    input:
        unpack(lambda wildcards: STUDY.inputs.training(wildcards.model, int(wildcards.seed), wildcards.trial)),
        code=code_of("train_trial"),
    output:
        history="<results>/search/{model}/{trial}/seed-{seed}/history.csv",
        training="<results>/search/{model}/{trial}/seed-{seed}/training.json",
    log:
        "<logs>/search/{model}/{trial}/seed-{seed}/train_trial.log",
    benchmark:
        "<benchmarks>/search/{model}/{trial}/seed-{seed}/train_trial.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.searches),
    # A row waits for the whole search and is then trained: the longest way through a study begins here.
    priority: 1
    conda:
        "../envs/tensorflow.yaml"
    threads: MACHINE.training_threads(TRAININGS_AT_ONCE)
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: attempt * STUDY.resources.training_memory_mb(wildcards.model),
        runtime=lambda wildcards, attempt: STUDY.resources.training_minutes(wildcards.model, attempt),
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
        seed=lambda wildcards: int(wildcards.seed),
        training=lambda wildcards: STUDY.runs.training(wildcards.model),
        checkpoints=checkpoint_folder("search"),
        tried=lambda wildcards: STUDY.runs.search(wildcards.model)["trials"][wildcards.trial],
    message:
        "Fine-tune {wildcards.model} with the settings of trial {wildcards.trial} and seed {wildcards.seed}"
    script:
        "../scripts/train_trial.py"


# A checkpoint: a search that grows retrains its row only if another trial is chosen.
checkpoint select_trial:
    """Choose the best trial of a row's search by its score on the validation part."""
    input:
        unpack(lambda wildcards: STUDY.inputs.choice(wildcards.model)),
        code=code_of("select_trial"),
    output:
        chosen="<results>/search/{model}/chosen.json",
        outcome="<results>/search/{model}/outcome.json",
    log:
        "<logs>/search/{model}/select_trial.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.searches),
    # What takes seconds is not worth a cluster's queue.
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
        metric=lambda wildcards: STUDY.runs.search(wildcards.model)["metric"],
        searched=lambda wildcards: STUDY.runs.search(wildcards.model)["keys"],
        runs=lambda wildcards: STUDY.runs.trial_params(wildcards.model),
    message:
        "Select the best trial of {wildcards.model}"
    script:
        "../scripts/select_trial.py"


# Apart from the choice: its F1 is of the positive class, which a choice by another measure must not wait for.
rule compare_trials:
    """All trials of a row's search with their measures on the validation part, ranked."""
    input:
        history=lambda wildcards: STUDY.inputs.trials(wildcards.model, "history.csv"),
        training=lambda wildcards: STUDY.inputs.trials(wildcards.model, "training.json"),
        positive="<results>/data/positive.json",
        code=code_of("compare_trials"),
    output:
        trials="<results>/search/{model}/trials.csv",
    log:
        "<logs>/search/{model}/compare_trials.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.searches),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
        metric=lambda wildcards: STUDY.runs.search(wildcards.model)["metric"],
        searched=lambda wildcards: STUDY.runs.search(wildcards.model)["keys"],
        runs=lambda wildcards: STUDY.runs.trial_params(wildcards.model),
    message:
        "Compare the trials of {wildcards.model}"
    script:
        "../scripts/compare_trials.py"
