"""One training and one evaluation per row and seed, the baselines, all metrics, one look at the clock per row.

Inputs: tokens, splits and encoders, the chosen trial of a search.
Outputs: <results>/data/features/, what frozen encoders made of the texts;
<results>/runs/{model}/seed-{seed}/ with weights, history.csv, training.json (a linear model of n-grams has baseline.npz
instead), predictions.parquet, evaluation.json, metrics.json, and <results>/runs/{model}/speed.json and, of a row,
row.json. A row's name trains nothing again: it comes by functions that take the outputs, which Snakemake does not
compare.
"""


rule build_row:
    """Note whose runs a folder holds, so that a row that is given another name keeps them."""
    input:
        code=code_of("build_row"),
    output:
        record="<results>/runs/{model}/row.json",
    log:
        "<logs>/runs/{model}/build_row.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.rows),
    # Before the trainings that it is about.
    priority: 3
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        row=lambda wildcards: STUDY.runs.record(wildcards.model),
    message:
        "Note which row {wildcards.model} is"
    script:
        "../scripts/build_row.py"


rule train_model:
    """Fine-tune one row with one seed."""
    input:
        unpack(lambda wildcards: STUDY.inputs.training(wildcards.model, int(wildcards.seed))),
        unpack(chosen_settings),
        code=code_of("train_model"),
    output:
        weights="<results>/runs/{model}/seed-{seed}/model.weights.h5",
        history="<results>/runs/{model}/seed-{seed}/history.csv",
        training="<results>/runs/{model}/seed-{seed}/training.json",
    log:
        "<logs>/runs/{model}/seed-{seed}/train_model.log",
    benchmark:
        "<benchmarks>/runs/{model}/seed-{seed}/train_model.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.of_kind("bert")),
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
        checkpoints=checkpoint_folder("runs"),
    message:
        "Fine-tune {wildcards.model} with seed {wildcards.seed}"
    script:
        "../scripts/train_model.py"


rule evaluate_model:
    """Predict every text of the training, validation and test parts with one trained model."""
    input:
        config=lambda wildcards: STUDY.inputs.encoder(wildcards.model)["config"],
        vocabulary=lambda wildcards: STUDY.inputs.encoder(wildcards.model)["vocabulary"],
        weights="<results>/runs/{model}/seed-{seed}/model.weights.h5",
        training="<results>/runs/{model}/seed-{seed}/training.json",
        train_tokens=lambda wildcards: STUDY.inputs.tokens(wildcards.model, STUDY.splits.texts),
        test_tokens=lambda wildcards: STUDY.inputs.tokens(wildcards.model, "test"),
        train=STUDY.splits.frame,
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        split=lambda wildcards: STUDY.splits.file(wildcards.model, int(wildcards.seed)),
        code=code_of("evaluate_model"),
    output:
        predictions="<results>/runs/{model}/seed-{seed}/predictions.parquet",
        record="<results>/runs/{model}/seed-{seed}/evaluation.json",
    log:
        "<logs>/runs/{model}/seed-{seed}/evaluate_model.log",
    benchmark:
        "<benchmarks>/runs/{model}/seed-{seed}/evaluate_model.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.of_kind("bert")),
    conda:
        "../envs/tensorflow.yaml"
    threads: MACHINE.training_threads(TRAININGS_AT_ONCE)
    resources:
        gpu=1,
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    message:
        "Evaluate {wildcards.model} with seed {wildcards.seed}"
    script:
        "../scripts/evaluate_model.py"


rule train_baseline:
    """Fit a linear baseline, tuned on the validation part, and predict with it."""
    input:
        train=STUDY.splits.frame,
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        split=lambda wildcards: STUDY.splits.file(wildcards.model, int(wildcards.seed)),
        code=code_of("train_baseline"),
    output:
        model="<results>/runs/{model}/seed-{seed}/baseline.npz",
        predictions="<results>/runs/{model}/seed-{seed}/predictions.parquet",
        record="<results>/runs/{model}/seed-{seed}/evaluation.json",
    log:
        "<logs>/runs/{model}/seed-{seed}/train_baseline.log",
    benchmark:
        "<benchmarks>/runs/{model}/seed-{seed}/train_baseline.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.of_kind("baseline")),
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(120),
    params:
        baseline=lambda wildcards: STUDY.runs.baseline(wildcards.model)["baseline"],
        class_weight=lambda wildcards: STUDY.runs.baseline(wildcards.model)["class_weight"],
        seed=lambda wildcards: int(wildcards.seed),
    message:
        "Fit {wildcards.model} with seed {wildcards.seed}"
    script:
        "../scripts/train_baseline.py"


rule build_features:
    """Let an encoder that is not trained read some texts, once for all frozen rows."""
    input:
        unpack(lambda wildcards: STUDY.encoders.files(wildcards.encoder)),
        tokens=lambda wildcards: STUDY.encoders.tokens(wildcards.encoder, wildcards.texts),
        code=code_of("build_features"),
    output:
        features="<results>/data/features/{encoder}/{reading}/{texts}.npy",
        record="<results>/data/features/{encoder}/{reading}/{texts}.json",
    log:
        "<logs>/data/features/{encoder}/{reading}/{texts}/build_features.log",
    benchmark:
        "<benchmarks>/data/features/{encoder}/{reading}/{texts}/build_features.tsv"
    wildcard_constraints:
        reading=any_of(STUDY.runs.readings),
    # What the fits wait for.
    priority: 1
    conda:
        "../envs/tensorflow.yaml"
    threads: MACHINE.training_threads(TRAININGS_AT_ONCE)
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: (
            attempt
            * STUDY.resources.reading_memory_mb(wildcards.encoder, STUDY.runs.readings[wildcards.reading]["length"])
        ),
        runtime=lambda wildcards, attempt: STUDY.resources.reading_minutes(wildcards.encoder, attempt),
    params:
        reading=lambda wildcards: STUDY.runs.readings[wildcards.reading],
        # By a function that takes the outputs: all poolings are kept, whoever wants which.
        poolings=lambda wildcards, output: STUDY.runs.poolings(wildcards.encoder, wildcards.reading),
    message:
        "Let {wildcards.encoder} read the {wildcards.texts} texts ({wildcards.reading})"
    script:
        "../scripts/build_features.py"


rule train_frozen:
    """Fit logistic regression on the outputs of an encoder that is not trained, and predict with both."""
    input:
        unpack(lambda wildcards: STUDY.inputs.frozen(wildcards.model, int(wildcards.seed))),
        train=STUDY.splits.frame,
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        code=code_of("train_frozen"),
    output:
        weights="<results>/runs/{model}/seed-{seed}/model.weights.h5",
        training="<results>/runs/{model}/seed-{seed}/training.json",
        predictions="<results>/runs/{model}/seed-{seed}/predictions.parquet",
        record="<results>/runs/{model}/seed-{seed}/evaluation.json",
    log:
        "<logs>/runs/{model}/seed-{seed}/train_frozen.log",
    benchmark:
        "<benchmarks>/runs/{model}/seed-{seed}/train_frozen.tsv"
    wildcard_constraints:
        model=any_of(STUDY.runs.of_kind("frozen")),
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt * round(3000 + 4 * input.size_mb),
        runtime=per_attempt(120),
    params:
        settings=lambda wildcards: STUDY.runs.frozen_settings(wildcards.model),
        seed=lambda wildcards: int(wildcards.seed),
    message:
        "Fit {wildcards.model} with seed {wildcards.seed}"
    script:
        "../scripts/train_frozen.py"


rule evaluate_run:
    """The metrics of one run, from its predictions."""
    input:
        predictions="<results>/runs/{model}/seed-{seed}/predictions.parquet",
        record="<results>/runs/{model}/seed-{seed}/evaluation.json",
        labels="<results>/data/labels.json",
        code=code_of("evaluate_run"),
    output:
        metrics="<results>/runs/{model}/seed-{seed}/metrics.json",
    log:
        "<logs>/runs/{model}/seed-{seed}/evaluate_run.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.models),
    # What takes seconds is not worth a cluster's queue.
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        run=lambda wildcards: STUDY.runs.measured(wildcards.model, int(wildcards.seed)),
    message:
        "Measure {wildcards.model} with seed {wildcards.seed}"
    script:
        "../scripts/evaluate_run.py"


rule evaluate_speed:
    """Time one trained row on the CPU, from text to probabilities, while nothing else runs."""
    input:
        unpack(lambda wildcards: STUDY.inputs.speed(wildcards.model)),
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        code=code_of("evaluate_speed"),
    output:
        speed="<results>/runs/{model}/speed.json",
    log:
        "<logs>/runs/{model}/evaluate_speed.log",
    wildcard_constraints:
        model=any_of(STUDY.runs.models),
    conda:
        "../envs/tensorflow.yaml"
    threads: MACHINE.all_threads
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        model=lambda wildcards, output: STUDY.runs.name(wildcards.model),
    message:
        "Time the answers of {wildcards.model}"
    script:
        "../scripts/evaluate_speed.py"
