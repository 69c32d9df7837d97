"""Encoders and their vocabularies, brought to one normal form.

Inputs: `encoders:` and `vocabularies:` of the study, folders in resources/encoders/.
Outputs: <results>/vocabularies/{vocabulary}/vocab.txt, <results>/encoders/{encoder}/{encoder.json,encoder.weights.h5,vocab.txt}.
"""


rule build_vocabulary:
    """Learn a WordPiece vocabulary from the training text, or take one from a file."""
    input:
        unpack(vocabulary_source),
        modules=modules("_tokenizer", "_vocabulary"),
    output:
        vocabulary="<results>/vocabularies/{vocabulary}/vocab.txt",
    log:
        "<logs>/vocabularies/{vocabulary}/build_vocabulary.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        size=lambda wildcards: STUDY["vocabularies"][wildcards.vocabulary].get("size"),
        lower_case=lambda wildcards: STUDY["vocabularies"][wildcards.vocabulary]["lower_case"],
    script:
        "../scripts/build_vocabulary.py"


rule fetch_encoder:
    """Bring an encoder into its normal form: configuration, weights and vocabulary."""
    input:
        unpack(encoder_source),
        modules=modules("_encoder"),
    output:
        config="<results>/encoders/{encoder}/encoder.json",
        weights="<results>/encoders/{encoder}/encoder.weights.h5",
        vocabulary="<results>/encoders/{encoder}/vocab.txt",
    log:
        "<logs>/encoders/{encoder}/fetch_encoder.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        scratch=lambda wildcards: STUDY["encoders"][wildcards.encoder].get("scratch"),
        lower_case=lambda wildcards: STUDY["vocabularies"][STUDY["encoders"][wildcards.encoder]["vocabulary"]][
            "lower_case"
        ],
    script:
        "../scripts/fetch_encoder.py"
