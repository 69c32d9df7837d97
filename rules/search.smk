"""The search for a row's settings: its trials, and which of them the row is trained with.

Inputs: tokens, splits and encoders, as for any training.
Outputs: <results>/search/{model}/{trial}/seed-{seed}/ with history.csv and training.json of each trial, and
<results>/search/{model}/ with trials.csv (all trials, ranked), chosen.json (the
values, as the row's training takes them) and outcome.json (the same with score and number of trials).
"""


rule train_trial:
    """Fine-tune one row with the settings of one trial of its search."""
    input:
        unpack(training_files),
        code=code_of("train_trial"),
    output:
        history="<results>/search/{model}/{trial}/seed-{seed}/history.csv",
        training="<results>/search/{model}/{trial}/seed-{seed}/training.json",
    log:
        "<logs>/search/{model}/{trial}/seed-{seed}/train_trial.log",
    benchmark:
        "<benchmarks>/search/{model}/{trial}/seed-{seed}/train_trial.tsv"
    wildcard_constraints:
        model=any_of(SEARCHED),
    # A row waits for the whole search and is then trained: the longest way through a study begins here.
    priority: 1
    conda:
        "../envs/tensorflow.yaml"
    threads: device_threads()
    resources:
        gpu=1,
        mem_mb=training_memory,
        runtime=training_minutes,
    params:
        model=lambda wildcards: ROWS[wildcards.model]["name"],
        seed=lambda wildcards: int(wildcards.seed),
        training=training_settings,
        checkpoints=checkpoint_folder("search"),
        tried=lambda wildcards: SEARCHED[wildcards.model]["trials"][wildcards.trial],
    script:
        "../scripts/train_trial.py"


# A checkpoint: a search that grows retrains its row only if another trial is chosen.
checkpoint select_trial:
    """Choose the best trial of a row's search by its score on the validation part."""
    input:
        history=trial_files("history.csv"),
        training=trial_files("training.json"),
        code=code_of("select_trial"),
    output:
        chosen="<results>/search/{model}/chosen.json",
        outcome="<results>/search/{model}/outcome.json",
        trials="<results>/search/{model}/trials.csv",
    log:
        "<logs>/search/{model}/select_trial.log",
    wildcard_constraints:
        model=any_of(SEARCHED),
    conda:
        "../envs/data.yaml"
    params:
        model=lambda wildcards: ROWS[wildcards.model]["name"],
        metric=lambda wildcards: SEARCHED[wildcards.model]["metric"],
        searched=lambda wildcards: SEARCHED[wildcards.model]["keys"],
        runs=trial_runs,
    script:
        "../scripts/select_trial.py"
