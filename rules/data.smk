"""From the data set as published to frames, splits and tokens.

Inputs: the addresses in `dataset:` of the study.
Each job that brings or reads a file has two dicts as params: `compared`, which Snakemake compares, is that of the job's
record as long as it means the same; `settings` is what the job does, and left out of the comparison as every function
that takes the outputs.
Outputs: <results>/data/{train,test}.parquet, classes.json, positive.json, labels.json, audit.json, leaked.parquet,
near_duplicates.json, splits/, tokens/, of a validation file {validation,train_validation}.parquet, and of texts without
labels unlabelled/{corpus}.parquet.
"""


rule download_dataset:
    """Bring one published file of the data set into resources/ and verify it."""

    # No inputs: a file of this machine counts by its content, and no edit to code downloads anything again.
    output:
        data="<dataset>/{file}",
        record="<dataset>/{file}.json",
    log:
        "<logs>/data/{file}/download_dataset.log",
    # A cluster's nodes may not reach the network.
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        compared=lambda wildcards: STUDY.dataset.download_params(wildcards.file),
        settings=lambda wildcards, output: STUDY.dataset.download(wildcards.file),
    message:
        "Bring {wildcards.file} of the data set"
    script:
        "../scripts/download_dataset.py"


rule build_npz:
    """Turn whatever was published into one safe, compact npz per split."""
    input:
        data=lambda wildcards: STUDY.dataset.files_of(wildcards.split),
        record=lambda wildcards: STUDY.dataset.records_of(wildcards.split),
        code=code_of("build_npz"),
    output:
        npz="<results>/data/{split}.npz",
        record="<results>/data/{split}.json",
    log:
        "<logs>/data/{split}/build_npz.log",
    conda:
        "../envs/data.yaml"
    params:
        split="{split}",
        compared=lambda wildcards: STUDY.dataset.reading_params(wildcards.split),
        settings=lambda wildcards, output: STUDY.dataset.reading(wildcards.split),
        place=lambda wildcards, output: STUDY.dataset.place(wildcards.split),
    message:
        "Read the {wildcards.split} split as it was published"
    script:
        "../scripts/build_npz.py"


rule build_frame:
    """One parquet per split with DATA_COLUMN and LABEL_COLUMN, and what its codes mean; refuse useless splits."""
    input:
        train="<results>/data/train.npz",
        test="<results>/data/test.npz",
        code=code_of("build_frame"),
    output:
        train="<results>/data/train.parquet",
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
    log:
        "<logs>/data/build_frame.log",
    conda:
        "../envs/data.yaml"
    params:
        named=lambda wildcards, output: STUDY.classes.named,
    message:
        "Check both splits and code their labels"
    script:
        "../scripts/build_frame.py"


# Apart from the frames of the other splits: a validation file that is added makes no pre-training again.
rule build_validation:
    """The frame of a validation file of its own, and behind the training texts in the frame that rows are trained on."""
    input:
        npz="<results>/data/validation.npz",
        train="<results>/data/train.parquet",
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        code=code_of("build_validation"),
    output:
        validation="<results>/data/validation.parquet",
        joined="<results>/data/train_validation.parquet",
        split="<results>/data/splits/given.parquet",
    log:
        "<logs>/data/build_validation.log",
    conda:
        "../envs/data.yaml"
    message:
        "Check the validation texts and set them behind the training texts"
    script:
        "../scripts/build_validation.py"


# Names and the positive class stay out of all that is trained: a study may change them at any time.
rule select_positive:
    """The class of two that precision, recall and F1 are of."""
    input:
        classes="<results>/data/classes.json",
        code=code_of("select_positive"),
    output:
        positive="<results>/data/positive.json",
    log:
        "<logs>/data/select_positive.log",
    # A wrong name is told before hours of training, here and below.
    priority: 3
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        positive=STUDY.classes.positive,
    message:
        "Select the positive class"
    script:
        "../scripts/select_positive.py"


rule build_labels:
    """The names of the classes, and which of them is positive."""
    input:
        classes="<results>/data/classes.json",
        positive="<results>/data/positive.json",
        code=code_of("build_labels"),
    output:
        labels="<results>/data/labels.json",
    log:
        "<logs>/data/build_labels.log",
    priority: 3
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        label_names=STUDY.classes.names,
    message:
        "Name the classes"
    script:
        "../scripts/build_labels.py"


# No training waits for it: each looks its labels up itself.
rule check_weights:
    """The labels that a class weight is given for: each must be one of the data."""
    input:
        classes="<results>/data/classes.json",
        code=code_of("check_weights"),
    output:
        weighted="<results>/data/weighted.json",
    log:
        "<logs>/data/check_weights.log",
    priority: 3
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        weighted=STUDY.runs.weighted,
    message:
        "Look up the labels of the class weights"
    script:
        "../scripts/check_weights.py"


rule build_corpus:
    """One parquet of texts without labels, in the column DATA_COLUMN; none of them is a test text."""
    input:
        data=lambda wildcards: STUDY.dataset.files_of(wildcards.corpus),
        record=lambda wildcards: STUDY.dataset.records_of(wildcards.corpus),
        test="<results>/data/test.parquet",
        classes="<results>/data/classes.json",
        code=code_of("build_corpus"),
    output:
        corpus="<results>/data/unlabelled/{corpus}.parquet",
        record="<results>/data/unlabelled/{corpus}.json",
    log:
        "<logs>/data/unlabelled/{corpus}/build_corpus.log",
    conda:
        "../envs/data.yaml"
    params:
        corpus="{corpus}",
        compared=lambda wildcards: STUDY.dataset.reading_params(wildcards.corpus),
        settings=lambda wildcards, output: STUDY.dataset.reading(wildcards.corpus),
        place=lambda wildcards, output: STUDY.dataset.place(wildcards.corpus),
    message:
        "Read the unlabelled texts {wildcards.corpus}"
    script:
        "../scripts/build_corpus.py"


rule audit_dataset:
    """Look for duplicates, leakage, unbalanced labels and cut texts."""
    input:
        **STUDY.inputs.validation,
        train="<results>/data/train.parquet",
        test="<results>/data/test.parquet",
        records=STUDY.inputs.split_records,
        labels="<results>/data/labels.json",
        offsets=STUDY.inputs.audited_offsets,
        code=code_of("audit_dataset"),
    output:
        audit="<results>/data/audit.json",
        leaked="<results>/data/leaked.parquet",
    log:
        "<logs>/data/audit_dataset.log",
    # To be read before hours of training, though none of it waits: what the audit finds must not train anything again,
    # and behind an ancient() output Snakemake forgets jobs whose own settings changed.
    priority: 3
    conda:
        "../envs/data.yaml"
    params:
        vocabularies=STUDY.inputs.audited,
    message:
        "Audit the data set"
    script:
        "../scripts/audit_dataset.py"


# Beside audit_dataset, whose leaked.parquet the comparison waits for: the page of the audit alone reads this.
rule audit_near_duplicates:
    """Look for texts that are nearly equal, within the splits and across them."""
    input:
        train="<results>/data/train.parquet",
        test="<results>/data/test.parquet",
        code=code_of("audit_near_duplicates"),
    output:
        near="<results>/data/near_duplicates.json",
    log:
        "<logs>/data/audit_near_duplicates.log",
    conda:
        "../envs/data.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    message:
        "Look for texts that are nearly equal"
    script:
        "../scripts/audit_near_duplicates.py"


rule split_frame:
    """Divide the training split into a training and a validation part, stratified by label, equal texts together."""
    input:
        train="<results>/data/train.parquet",
        code=code_of("split_frame"),
    output:
        split="<results>/data/splits/{fraction}-seed-{split_seed}.parquet",
    log:
        "<logs>/data/splits/{fraction}-seed-{split_seed}/split_frame.log",
    conda:
        "../envs/data.yaml"
    params:
        fraction=lambda wildcards: float(wildcards.fraction),
        seed=lambda wildcards: int(wildcards.split_seed),
    message:
        "Split off {wildcards.fraction} of the training texts for validation with seed {wildcards.split_seed}"
    script:
        "../scripts/split_frame.py"


rule split_labels:
    """Divide a fraction of the labelled texts, drawn by a run's seed, into a training and a validation part."""
    input:
        **STUDY.splits.labelled,
        code=code_of("split_labels"),
    output:
        split="<results>/data/splits/labels-{part}-seed-{seed}/{division}.parquet",
    log:
        "<logs>/data/splits/labels-{part}-seed-{seed}/{division}/split_labels.log",
    wildcard_constraints:
        part=any_of(STUDY.splits.parts),
        division=any_of(STUDY.splits.divisions),
    # A fraction too small for a class is told before hours of training.
    priority: 3
    conda:
        "../envs/data.yaml"
    params:
        part=lambda wildcards: float(wildcards.part),
        seed=lambda wildcards: int(wildcards.seed),
        division=lambda wildcards: STUDY.splits.divisions[wildcards.division],
    message:
        "Draw {wildcards.part} of the labels with seed {wildcards.seed} and split them ({wildcards.division})"
    script:
        "../scripts/split_labels.py"


rule tokenize_text:
    """Token ids of a split or of unlabelled texts, once per vocabulary, not truncated."""
    input:
        frame="<results>/data/{texts}.parquet",
        vocabulary=lambda wildcards: unmoved(STUDY.encoders.vocabulary_file(wildcards.vocabulary)),
        code=code_of("tokenize_text"),
    output:
        ids="<results>/data/tokens/{vocabulary}/{texts}.ids.npy",
        offsets="<results>/data/tokens/{vocabulary}/{texts}.offsets.npy",
    log:
        "<logs>/data/tokens/{vocabulary}/{texts}/tokenize_text.log",
    conda:
        "../envs/tensorflow.yaml"
    threads: 2
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        lower_case=lambda wildcards: STUDY.encoders.vocabularies[wildcards.vocabulary]["lower_case"],
    message:
        "Tokenize {wildcards.texts} with the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/tokenize_text.py"
