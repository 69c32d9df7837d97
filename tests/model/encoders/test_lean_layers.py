"""The transformer layer that a BERT trains with, beside KerasHub's own."""

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from bert_ladder.encoders.families.bert import ARCHITECTURE, build_backbone

SIZES = dict(zip(ARCHITECTURE, (50, 2, 4, 32, 64, 16, 2), strict=True))


@pytest.fixture(autouse=True)
def float32() -> None:
    """Whatever a test before has set."""
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)


def batch() -> dict[str, np.ndarray]:
    """Four texts, the longest of 12 tokens."""
    token_ids = np.random.default_rng(0).integers(1, 50, (4, 12), np.int32)
    padding_mask = (np.arange(12) < np.array([[12], [3], [7], [1]])).astype(np.int32)
    return {"token_ids": token_ids, "segment_ids": 0 * token_ids, "padding_mask": padding_mask}


def outputs_and_gradients(model: keras.Model) -> tuple[np.ndarray, list[np.ndarray]]:
    """The last states of all tokens in training, and the gradients of a loss of them and the pooled output."""
    given = batch()
    with tf.GradientTape() as tape:
        outputs = model(given, training=True)
        states = tf.boolean_mask(outputs["sequence_output"], given["padding_mask"] > 0)
        loss = tf.reduce_sum(states**3) + tf.reduce_sum(outputs["pooled_output"] ** 2)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    return states.numpy(), [tf.convert_to_tensor(one).numpy() for one in gradients]


@pytest.mark.parametrize("gelu", ["tanh", "erf"])
def test_outputs_and_gradients_are_those_of_keras_hub(gelu: str) -> None:
    """With weights far from their small beginnings, where a form of GELU and a mask show."""
    ours, theirs = build_backbone(SIZES | {"gelu": gelu}), keras_hub.models.BertBackbone(**SIZES, dropout=0.0)
    if gelu == "erf":
        for layer in theirs.transformer_layers:
            layer.activation = layer._feedforward_intermediate_dense.activation = keras.activations.gelu
    random = np.random.default_rng(1)
    for our, their in zip(ours.weights, theirs.weights, strict=True):
        their.assign(random.normal(0, 0.2, their.shape))
        our.assign(their)
    (states, gradients), (wanted, wanted_gradients) = outputs_and_gradients(ours), outputs_and_gradients(theirs)
    np.testing.assert_allclose(states, wanted, atol=1e-5)
    for found, expected, variable in zip(gradients, wanted_gradients, ours.trainable_variables, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, abs(expected).max()), err_msg=variable.path)


def test_weights_are_read_by_keras_hub(tmp_path) -> None:
    """A file of weights is that of KerasHub's own BERT."""
    ours, theirs = build_backbone(SIZES), keras_hub.models.BertBackbone(**SIZES)
    ours.save_weights(tmp_path / "x.weights.h5")
    theirs.load_weights(tmp_path / "x.weights.h5")
    for our, their in zip(ours.weights, theirs.weights, strict=True):
        assert np.array_equal(our, their)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    """Only while it trains, other elements each time, and those that another layer's mask drops are others."""
    backbone = build_backbone(SIZES | {"num_layers": 1}, dropout=0.5)
    layer = backbone.transformer_layers[0]
    given = {"padding_mask": np.ones((64, 16), np.int32)}
    states = np.random.default_rng(0).normal(size=(64, 16, 32)).astype(np.float32)
    still = layer(states, training=False, **given)
    assert np.array_equal(still, layer(states, training=False, **given))
    first, second = (layer(states, training=True, **given).numpy() for _ in range(2))
    assert not np.allclose(first, second)
    # Without attention and feed-forward outputs nothing is left to drop; a bias that is all they give is.
    for variable in layer.weights:
        if variable.path.endswith("kernel"):
            variable.assign(0 * variable)
    layer._self_attention_layer._output_dense.bias.assign(np.full(32, 100.0))
    layer._self_attention_layer_norm.gamma.assign(np.ones(32))
    normed = layer(0 * states, training=True, **given).numpy()
    dropped = (normed < 0).mean()
    assert dropped == pytest.approx(0.5, abs=0.02)
