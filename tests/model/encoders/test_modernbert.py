"""ModernBERT's own backbone: what its parts are for, and configurations of both of transformers' ways."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import pytest

from bert_ladder.encoders.interface import Encoder
from bert_ladder.encoders.normal_form import FAMILIES
from bert_ladder.encoders.published_families import read_family
from bert_ladder.runtime.jobs import BadInput
from family_fixtures import deviation, published_encoder, unpack_family


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture of seven layers and 300 tokens."""
    keras.config.set_dtype_policy("float32")
    return unpack_family("modernbert", tmp_path_factory.mktemp("modernbert"))


def all_local(encoder: Encoder) -> None:
    """Every layer looks at near tokens."""
    for layer in encoder.layers:
        layer.reach = 64


def all_global(encoder: Encoder) -> None:
    """Every layer looks at all tokens."""
    for layer in encoder.layers:
        layer.reach = None


def one_base(encoder: Encoder) -> None:
    """One base of the rotary positions for all layers."""
    for layer in encoder.layers:
        layer.frequencies = encoder.layers[0].frequencies


def narrow_window(encoder: Encoder) -> None:
    """A window without its last token to each side."""
    for layer in encoder.layers:
        layer.reach = layer.reach and 63


def no_first_norm(encoder: Encoder) -> None:
    """The second layer's attention without its norm, as the first one's is."""
    encoder.layers[1].attention_norm = None


@pytest.mark.parametrize("spoil", [all_local, all_global, one_base, narrow_window, no_first_norm])
def test_planted_mistakes_are_found(root: Path, spoil: Callable[[Encoder], None]) -> None:
    """Each moves the outputs of the large weights by a hundred times what is allowed."""
    encoder = published_encoder(root, "modernbert", "large")
    spoil(encoder)
    found, highest = deviation(encoder, root, "large")
    assert found > 100 * 1e-5 * highest


def test_both_ways_of_config_json_are_read(tmp_path: Path) -> None:
    """What transformers 4 wrote is what version 5 writes."""
    folder = unpack_family("modernbert", tmp_path) / "usual"
    config = json.loads((folder / "config.json").read_text())
    newer = read_family(folder, FAMILIES["modernbert"]).architecture
    older = {key: value for key, value in config.items() if key not in ("layer_types", "rope_parameters")}
    older |= {"global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "global_attn_every_n_layers": 3}
    (folder / "config.json").write_text(json.dumps(older))
    assert read_family(folder, FAMILIES["modernbert"]).architecture == newer
    assert newer["global_every"] == 3 and newer["window"] == 128


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layer_types": ["full_attention"] * 3 + ["sliding_attention"] * 4}, "the layers with full attention"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "the rotary positions are scaled"),
        ({"norm_bias": True}, "norm_bias is True"),
    ],
)
def test_what_the_backbone_does_not_do_is_refused(tmp_path: Path, change: dict, told: str) -> None:
    """In one sentence, before anything is built."""
    folder = unpack_family("modernbert", tmp_path) / "usual"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(BadInput, match=told) as caught:
        read_family(folder, FAMILIES["modernbert"])
    assert "\n" not in str(caught.value)
