"""Encoders in normal form: from scratch and from a folder."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from bert_ladder.encoders.families.bert import build_backbone, scratch_encoder
from bert_ladder.encoders.normal_form import load_weights, save_encoder
from bert_ladder.encoders.readers import folder_encoder
from bert_ladder.runtime.jobs import BadInput

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
SCRATCH = {
    "layers": 2,
    "hidden": 16,
    "heads": 2,
    "intermediate": 64,
    "positions": 24,
    "initializer_range": 0.02,
    "seed": 3,
}
INPUTS = {
    "token_ids": np.array([[2, 5, 6, 3, 0]], np.int32),
    "segment_ids": np.zeros((1, 5), np.int32),
    "padding_mask": np.array([[1, 1, 1, 1, 0]], np.int32),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an encoder in normal form."""
    save_encoder(*scratch_encoder(SCRATCH, VOCABULARY, True), tmp_path / "encoder.json", tmp_path / "e.weights.h5")
    return tmp_path


def outputs(backbone: object) -> np.ndarray:
    """The pooled output for a fixed input."""
    return ops.convert_to_numpy(backbone(INPUTS)["pooled_output"])


def test_seed_fixes_a_scratch_encoder() -> None:
    """The same seed gives the same weights, another seed others; the size is what the study asked for."""
    encoder, first = scratch_encoder(SCRATCH, VOCABULARY, True)
    _, again = scratch_encoder(SCRATCH, VOCABULARY, True)
    _, other = scratch_encoder(SCRATCH | {"seed": 4}, VOCABULARY, True)
    np.testing.assert_array_equal(outputs(first), outputs(again))
    assert not np.allclose(outputs(first), outputs(other))
    assert encoder["architecture"]["vocabulary_size"] == len(VOCABULARY)
    assert len(first.transformer_layers) == 2


def test_initializer_range_widens_the_kernels_only() -> None:
    """Kernels have the asked standard deviation, embeddings keep BERT's, layer norms and biases stay as they are."""
    _, narrow = scratch_encoder(SCRATCH, VOCABULARY, True)
    _, wide = scratch_encoder(SCRATCH | {"initializer_range": 0.1}, VOCABULARY, True)
    for one, other in zip(narrow.trainable_variables, wide.trainable_variables, strict=True):
        factor = 5 if one.path.endswith("/kernel") else 1
        np.testing.assert_allclose(factor * ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-6)
    kernels = [v for v in wide.trainable_variables if v.path.endswith("/kernel")]
    assert len(kernels) == 2 * 6 + 1
    assert np.std(np.concatenate([np.ravel(v) for v in kernels])) == pytest.approx(0.1 * 0.88, rel=0.1)


def test_positions_start_as_sinusoids() -> None:
    """As large as BERT's random ones; how alike two are depends on their distance only, and neighbours are alike."""
    _, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    (positions,) = (ops.convert_to_numpy(v) for v in backbone.trainable_variables if "position" in v.path)
    assert np.sqrt(np.mean(positions**2)) == pytest.approx(0.02, rel=1e-3)
    likeness = positions @ positions.T / (16 * 0.02**2)
    for distance in range(24):
        np.testing.assert_allclose(np.diag(likeness, distance), likeness[0, distance], atol=1e-5)
    assert likeness[0, 0] == pytest.approx(1, rel=1e-3) and 0.8 < likeness[0, 1] < 1 and likeness[0, 3] < 0.8


def test_attention_does_not_try_kernels_that_refuse_its_mask() -> None:
    """On a GPU with JAX each layer would log a traceback of cuDNN's refusal."""
    keras.config.enable_flash_attention()
    scratch_encoder(SCRATCH, VOCABULARY, True)
    # None: where they can be used, as Keras thinks.
    assert keras.config.is_flash_attention_enabled() is False


@pytest.mark.parametrize(("layers", "hidden", "millions"), [(2, 128, 4.39), (4, 256, 11.17)])
def test_sizes_are_those_of_the_published_miniatures(layers: int, hidden: int, millions: float) -> None:
    """BERT-Tiny and -Mini have 4.39 and 11.17 million parameters (Turc et al. 2019, arXiv 1908.08962)."""
    scratch = {"layers": layers, "hidden": hidden, "heads": hidden // 64, "intermediate": 4 * hidden}
    _, backbone = scratch_encoder(
        scratch | {"positions": 512, "initializer_range": 0.02, "seed": 0}, ["x"] * 30522, True
    )
    assert backbone.count_params() / 1e6 == pytest.approx(millions, abs=0.005)


def test_folder_round_trip(folder: Path) -> None:
    """What was saved comes back with the same outputs, its number of parameters and its origin."""
    saved = json.loads((folder / "encoder.json").read_text())
    encoder, backbone = folder_encoder(folder / "encoder.json", folder / "e.weights.h5", VOCABULARY)
    _, original = scratch_encoder(SCRATCH, VOCABULARY, True)
    np.testing.assert_array_equal(outputs(backbone), outputs(original))
    assert saved["parameters"] == backbone.count_params()
    assert encoder["source"] == {"kind": "folder", "of": {"kind": "scratch", "seed": 3, "initializer_range": 0.02}}


def test_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    """An encoder with someone else's vocabulary would read noise."""
    with pytest.raises(BadInput, match=r"embedding table has 15 rows and vocab.txt 14 WordPieces"):
        folder_encoder(folder / "encoder.json", folder / "e.weights.h5", VOCABULARY[:-1])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"architecture": {}, "lower_case": true}', "{'a': 1}"])
def test_bad_configuration_is_refused(folder: Path, content: str) -> None:
    """A configuration that is no encoder's gives a sentence with the file's name."""
    (folder / "encoder.json").write_text(content)
    with pytest.raises(BadInput, match=r"encoder\.json: .*architecture"):
        folder_encoder(folder / "encoder.json", folder / "e.weights.h5", VOCABULARY)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architecture": [1]}, r"encoder\.json: .*architecture"),
        ({"lower_case": "yes"}, r"encoder\.json: .* 'lower_case' is true or false"),
        ({"num_layers": 10**9}, r"encoder\.json: num_layers is 1,000,000,000, more than 1,000"),
        (
            {"hidden_dim": 10**8},
            r"e\.weights\.h5: holds .* describes .* parameters; bring the two that",
        ),
        ({"num_heads": None}, r"encoder\.json: describes no BERT: num_heads \(None\)"),
    ],
)
def test_impossible_configuration_is_not_built(folder: Path, change: dict, sentence: str) -> None:
    """Some bytes of configuration cannot fill the memory or keep the job busy."""
    encoder = json.loads((folder / "encoder.json").read_text())
    sizes = {key: value for key, value in change.items() if key in encoder["architecture"]}
    encoder |= {"architecture": encoder["architecture"] | sizes} | (change if not sizes else {})
    (folder / "encoder.json").write_text(json.dumps(encoder))
    with pytest.raises(BadInput, match=sentence):
        folder_encoder(folder / "encoder.json", folder / "e.weights.h5", VOCABULARY)


def test_weights_larger_than_their_file_are_refused(folder: Path) -> None:
    """HDF5 stores nothing for an array of zeros: a few kilobytes can stand for terabytes."""
    with h5py.File(folder / "e.weights.h5", "a") as file:
        file.create_dataset("layers/bomb/vars/0", shape=(10**12,), dtype="f4", chunks=True)
    _, backbone = scratch_encoder(SCRATCH, VOCABULARY, True)
    with pytest.raises(BadInput, match=r"e\.weights\.h5: its arrays are larger than the file; it does not hold"):
        load_weights(backbone, folder / "e.weights.h5")


@pytest.mark.parametrize("how", ["external", "link", "virtual"])
def test_weights_lead_to_no_other_file(folder: Path, how: str) -> None:
    """HDF5 can keep an array in another file, in three ways: none is followed."""
    name, other = "layers/embedding/vars/0", folder / "other.h5"
    other.write_bytes((folder / "e.weights.h5").read_bytes())
    with h5py.File(folder / "e.weights.h5", "a") as file:
        shape = file[name].shape
        del file[name]
        if how == "external":
            file.create_dataset(name, shape, "f4", external=[(str(other), 0, h5py.h5f.UNLIMITED)])
        elif how == "link":
            file[name] = h5py.ExternalLink(str(other), name)
        else:
            layout = h5py.VirtualLayout(shape, "f4")
            layout[:] = h5py.VirtualSource(str(other), name, shape)
            file.create_virtual_dataset(name, layout)
    with pytest.raises(BadInput, match=r"e\.weights\.h5: .* does not hold the weights"):
        folder_encoder(folder / "encoder.json", folder / "e.weights.h5", VOCABULARY)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    """Weights and configuration must belong together."""
    encoder, _ = scratch_encoder(SCRATCH | {"hidden": 32}, VOCABULARY, True)
    with pytest.raises(BadInput, match=r"does not hold the weights that encoder.json describes"):
        load_weights(build_backbone(encoder["architecture"]), folder / "e.weights.h5")
