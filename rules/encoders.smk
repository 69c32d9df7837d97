"""Encoders and their vocabularies, brought to one normal form.

Inputs: `encoders:` and `vocabularies:` of the study, catalog/encoders.yaml, the sources that they name.
Outputs: <results>/vocabularies/{vocabulary}/vocab.txt, and {encoder.json,encoder.weights.h5,vocab.txt} of each encoder,
tokenizer.json in the place of vocab.txt where a family has no WordPieces:
those built or pre-trained for the study in <results>/encoders/{encoder}/, the latter with pretraining.csv, .json and
_heads.npz too; fetched ones in resources/encoders/{encoder}/ for all studies.
"""


rule build_vocabulary:
    """Learn a WordPiece vocabulary from the training text and unlabelled texts, or take one from a file."""
    input:
        unpack(lambda wildcards: unmoved(STUDY.encoders.vocabulary_source(wildcards.vocabulary))),
        code=code_of("build_vocabulary"),
    output:
        vocabulary="<results>/vocabularies/{vocabulary}/vocab.txt",
    log:
        "<logs>/vocabularies/{vocabulary}/build_vocabulary.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        size=lambda wildcards: STUDY.encoders.vocabularies[wildcards.vocabulary].get("size"),
        lower_case=lambda wildcards: STUDY.encoders.vocabularies[wildcards.vocabulary]["lower_case"],
    message:
        "Build the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/build_vocabulary.py"


rule build_encoder:
    """Build an encoder with random weights."""
    input:
        vocabulary=lambda wildcards: f"<results>/vocabularies/{STUDY.encoders.vocabulary(wildcards.encoder)}/vocab.txt",
        code=code_of("build_encoder"),
    output:
        config="<results>/encoders/{encoder}/encoder.json",
        weights="<results>/encoders/{encoder}/encoder.weights.h5",
        vocabulary="<results>/encoders/{encoder}/vocab.txt",
    log:
        "<logs>/encoders/{encoder}/build_encoder.log",
    wildcard_constraints:
        encoder=any_of(STUDY.encoders.scratch),
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(3000),
        runtime=per_attempt(60),
    params:
        scratch=lambda wildcards: STUDY.encoders.known[wildcards.encoder]["scratch"],
        lower_case=lambda wildcards: STUDY.encoders.lower_case(wildcards.encoder),
    message:
        "Build the encoder {wildcards.encoder} with random weights"
    script:
        "../scripts/build_encoder.py"


rule pretrain_encoder:
    """Learn an encoder from text without labels by masked language modelling."""
    input:
        unpack(lambda wildcards: STUDY.encoders.pretraining_start(wildcards.encoder)),
        train="<results>/data/train.parquet",
        test="<results>/data/test.parquet",
        tokens=lambda wildcards: STUDY.encoders.pretraining_tokens(wildcards.encoder),
        code=code_of("pretrain_encoder"),
    output:
        config="<results>/encoders/{encoder}/encoder.json",
        weights="<results>/encoders/{encoder}/encoder.weights.h5",
        vocabulary="<results>/encoders/{encoder}/vocab.txt",
        heads="<results>/encoders/{encoder}/pretraining_heads.npz",
        history="<results>/encoders/{encoder}/pretraining.csv",
        pretraining="<results>/encoders/{encoder}/pretraining.json",
    log:
        "<logs>/encoders/{encoder}/pretrain_encoder.log",
    benchmark:
        "<benchmarks>/encoders/{encoder}/pretrain_encoder.tsv"
    wildcard_constraints:
        encoder=any_of(STUDY.encoders.with_tokenizer(STUDY.encoders.pretrained, WORDPIECES)),
    # Nothing that uses the encoder can begin before.
    priority: 2
    conda:
        "../envs/tensorflow.yaml"
    threads: MACHINE.pretraining_threads(TRAININGS_AT_ONCE)
    resources:
        gpu=1,
        mem_mb=lambda wildcards, input, attempt: (
            attempt * STUDY.resources.pretraining_memory_mb(wildcards.encoder, input.size_mb)
        ),
        runtime=1440,
    params:
        encoder="{encoder}",
        settings=lambda wildcards: STUDY.encoders.pretraining(wildcards.encoder),
        checkpoints=checkpoint_folder("encoders"),
    message:
        "Pre-train the encoder {wildcards.encoder}"
    script:
        "../scripts/pretrain_encoder.py"


use rule pretrain_encoder as pretrain_encoder_with_json with:
    output:
        config="<results>/encoders/{encoder}/encoder.json",
        weights="<results>/encoders/{encoder}/encoder.weights.h5",
        vocabulary=f"<results>/encoders/{{encoder}}/{TOKENIZER_JSON}",
        heads="<results>/encoders/{encoder}/pretraining_heads.npz",
        history="<results>/encoders/{encoder}/pretraining.csv",
        pretraining="<results>/encoders/{encoder}/pretraining.json",
    wildcard_constraints:
        encoder=any_of(STUDY.encoders.with_tokenizer(STUDY.encoders.pretrained, TOKENIZER_JSON)),


# What was fetched is fetched once: what lies in resources/ is no output of these rules (`to_fetch`), and a folder copied
# from another machine is taken as it is. To fetch an encoder anew, delete its folder.
rule fetch_vocabulary:
    """Fetch a vocabulary of the catalogue, verified by its checksum."""
    input:
        catalog=ancient(unmoved(str(PLACES.catalog))),
        code=ancient(code_of("fetch_vocabulary")),
    output:
        vocabulary=f"{FETCHED_VOCABULARIES}/{{vocabulary}}/vocab.txt",
    log:
        "<logs>/vocabularies/{vocabulary}/fetch_vocabulary.log",
    wildcard_constraints:
        vocabulary=any_of(STUDY.encoders.vocabularies_to_fetch),
    # A cluster's nodes may not reach the network.
    localrule: True
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(60),
    message:
        "Fetch the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/fetch_vocabulary.py"


rule fetch_encoder:
    """Fetch an encoder from the first of its sources that gives it, into normal form."""
    input:
        unpack(lambda wildcards: unmoved(STUDY.encoders.fetched_from(wildcards.encoder))),
        catalog=ancient(unmoved(str(PLACES.catalog))),
        code=ancient(code_of("fetch_encoder")),
    output:
        config=f"{FETCHED_ENCODERS}/{{encoder}}/encoder.json",
        weights=f"{FETCHED_ENCODERS}/{{encoder}}/encoder.weights.h5",
        vocabulary=f"{FETCHED_ENCODERS}/{{encoder}}/vocab.txt",
    log:
        "<logs>/encoders/{encoder}/fetch_encoder.log",
    wildcard_constraints:
        encoder=any_of(STUDY.encoders.with_tokenizer(STUDY.encoders.to_fetch, WORDPIECES)),
    # A cluster's nodes may not reach the network.
    localrule: True
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        definition=lambda wildcards: STUDY.encoders.fetched[wildcards.encoder]["definition"],
        vocabulary=lambda wildcards: STUDY.encoders.fetched[wildcards.encoder]["vocabulary"],
        lower_case=lambda wildcards: STUDY.encoders.fetched_lower_case(wildcards.encoder),
    message:
        "Fetch the encoder {wildcards.encoder}"
    script:
        "../scripts/fetch_encoder.py"


use rule fetch_encoder as fetch_encoder_with_json with:
    output:
        config=f"{FETCHED_ENCODERS}/{{encoder}}/encoder.json",
        weights=f"{FETCHED_ENCODERS}/{{encoder}}/encoder.weights.h5",
        vocabulary=f"{FETCHED_ENCODERS}/{{encoder}}/{TOKENIZER_JSON}",
    wildcard_constraints:
        encoder=any_of(STUDY.encoders.with_tokenizer(STUDY.encoders.to_fetch, TOKENIZER_JSON)),
