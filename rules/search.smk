"""The search for a row's settings: its trials, and which of them the row is trained with.

Inputs: tokens, splits and encoders, as for any training.
Outputs: <results>/search/{model}/{trial}/seed-{seed}/ with history.csv and training.json of each trial, and
<results>/search/{model}/ with chosen.json (the values, as the row's training takes them), outcome.json (the same with
score and number of trials) and trials.csv (all trials, ranked).
A search that is halved has its trainings in <results>/search/{model}/rung-{rung}/ instead: those of the first rung by
trial, those of a later one by place in the ranking of the rung before (promoted.json), so that all jobs are known before
it is known which trials go on.
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
        model=any_of(STUDY.runs.grids),
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


# No input of the trainings, which look at their own steps too: a trial more would train all others again. It comes first.
rule check_halving:
    """The smallest budget of a search that is halved: it must be one step of each trial at the least."""
    input:
        split=lambda wildcards: STUDY.inputs.searched_splits(wildcards.model),
        code=code_of("check_halving"),
    output:
        checked="<results>/search/{model}/steps.json",
    log:
        "<logs>/search/{model}/check_halving.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.halved),
    priority: 3
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
        smallest=lambda wildcards: STUDY.runs.budget(wildcards.model, 1),
        trained=lambda wildcards: STUDY.runs.trial_lengths(wildcards.model),
    message:
        "Count the steps of the trials of {wildcards.model}"
    script:
        "../scripts/check_halving.py"


rule train_rung:
    """Fine-tune one row with the settings of one trial of its search, up to the first budget."""
    input:
        unpack(lambda wildcards: STUDY.inputs.training(wildcards.model, int(wildcards.seed), wildcards.trial)),
        code=code_of("train_rung"),
    output:
        history="<results>/search/{model}/rung-1/{trial}/seed-{seed}/history.csv",
        training="<results>/search/{model}/rung-1/{trial}/seed-{seed}/training.json",
        # Weights and an optimizer's moments: three times the encoder for each trial.
        state=temp("<results>/search/{model}/rung-1/{trial}/seed-{seed}/state.npz"),
    log:
        "<logs>/search/{model}/rung-1/{trial}/seed-{seed}/train_rung.log",
    benchmark:
        "<benchmarks>/search/{model}/rung-1/{trial}/seed-{seed}/train_rung.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.halved),
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
        checkpoints=checkpoint_folder("rungs"),
        trial="{trial}",
        tried=lambda wildcards: STUDY.runs.search(wildcards.model)["trials"][wildcards.trial],
        budget=lambda wildcards: STUDY.runs.budget(wildcards.model, 1),
    message:
        "Fine-tune {wildcards.model} up to {params.budget} of its steps with the settings of trial {wildcards.trial} and seed {wildcards.seed}"
    script:
        "../scripts/train_rung.py"


rule select_promoted:
    """Choose the trials that go on from a rung of a row's search by their score on the validation part."""
    input:
        unpack(lambda wildcards: STUDY.inputs.choice(wildcards.model, int(wildcards.rung))),
        code=code_of("select_promoted"),
    output:
        promoted="<results>/search/{model}/rung-{rung}/promoted.json",
    log:
        "<logs>/search/{model}/rung-{rung}/select_promoted.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.halved),
        rung="[1-9][0-9]*",
    priority: 1
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
        metric=lambda wildcards: STUDY.runs.search(wildcards.model)["metric"],
        searched=lambda wildcards: STUDY.runs.search(wildcards.model)["keys"],
        runs=lambda wildcards: STUDY.runs.rung_params(wildcards.model, int(wildcards.rung)),
        promoted=lambda wildcards: STUDY.runs.promoted(wildcards.model, int(wildcards.rung)),
    message:
        "Select the trials of {wildcards.model} that go on from rung {wildcards.rung}"
    script:
        "../scripts/select_promoted.py"


rule train_promoted:
    """Go on with the trial that took one place in the rung before, up to the budget of this one."""
    input:
        unpack(lambda wildcards: STUDY.inputs.promoted(wildcards.model, int(wildcards.rung), int(wildcards.seed))),
        code=code_of("train_promoted"),
    output:
        history="<results>/search/{model}/rung-{rung}/place-{place}/seed-{seed}/history.csv",
        training="<results>/search/{model}/rung-{rung}/place-{place}/seed-{seed}/training.json",
        state=temp("<results>/search/{model}/rung-{rung}/place-{place}/seed-{seed}/state.npz"),
    log:
        "<logs>/search/{model}/rung-{rung}/place-{place}/seed-{seed}/train_promoted.log",
    benchmark:
        "<benchmarks>/search/{model}/rung-{rung}/place-{place}/seed-{seed}/train_promoted.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.halved),
        rung="[1-9][0-9]*",
        place="[1-9][0-9]*",
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
        checkpoints=checkpoint_folder("rungs"),
        place=lambda wildcards: int(wildcards.place),
        budget=lambda wildcards: STUDY.runs.budget(wildcards.model, int(wildcards.rung)),
    message:
        "Fine-tune {wildcards.model} up to {params.budget} of its steps with the settings in place {wildcards.place} of the rung before and seed {wildcards.seed}"
    script:
        "../scripts/train_promoted.py"


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
