"""The outputs of an encoder that is not trained, for the rows that read it frozen."""

from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import lease_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params, output = snakemake.input, snakemake.params, snakemake.output
    name = f"{snakemake.wildcards.encoder}, frozen, {snakemake.wildcards.texts} texts"
    lease = lease_device(snakemake.threads, snakemake.resources, name)
    from bert_ladder.training.features import FeatureFiles, Reading, build_features

    build_features(
        EncoderFiles.of({"config": paths.config, "weights": paths.weights, "vocabulary": paths.vocabulary}),
        paths.tokens,
        Reading(params.reading["length"], params.reading["truncation"], params.poolings),
        name,
        FeatureFiles(output.features, output.record),
        lease,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
