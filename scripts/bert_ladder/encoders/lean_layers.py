"""BERT's transformer layer, trained in fewer passes over memory than KerasHub's, on TensorFlow.

Beside its matrix products a layer is bound by memory: each element-wise operation of TensorFlow reads and writes a
whole tensor, and its automatic gradients add as many again. Here query, key and value come from one product, the
gradients of attention, GELU and layer norm are written out, and dropout draws half as many random bits. Variables,
their names and the outputs are KerasHub's; docs/speed.md has the measurements.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import keras_hub
import tensorflow as tf

# What is added to the scores of padding: their weights are zero then, and float16 can hold it.
MASKED = -3e4
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715  # Hendrycks & Gimpel 2016
DRAWS = 1 << 16
Gelu = Callable[[Any], Any]


class TransformerEncoder(keras_hub.layers.TransformerEncoder):
    """KerasHub's post-norm layer with the same variables; its name is the same too, since files of weights hold it.

    It computes as this module does while it trains, otherwise as KerasHub.

    Attributes:
        gelu: its activation, `gelu_tanh` or `gelu_erf`.
    """

    gelu: Gelu

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Any:
        """The states after this layer, (batch, width, hidden) as `inputs`; see KerasHub for the arguments."""
        if not training or padding_mask is None or attention_mask is not None or return_attention_scores:
            return super().call(inputs, padding_mask, attention_mask, training, return_attention_scores)
        shape = tf.shape(inputs)
        states = tf.reshape(inputs, (-1, inputs.shape[-1]))
        attended = self._attend(states, padding_mask, shape)
        states = _add_and_norm(attended, states, self._self_attention_dropout, self._self_attention_layer_norm)
        between = self.gelu(_dense(states, self._feedforward_intermediate_dense))
        after = _dense(between, self._feedforward_output_dense)
        states = _add_and_norm(after, states, self._feedforward_dropout, self._feedforward_layer_norm)
        return tf.reshape(states, tf.shape(inputs))

    def _attend(self, states: Any, padding_mask: Any, shape: Any) -> Any:
        """Self-attention with its projections; states and result are (batch * width, hidden)."""
        attention, hidden, heads = self._self_attention_layer, states.shape[-1], self.num_heads
        parts = (attention._query_dense, attention._key_dense, attention._value_dense)
        kernel = tf.concat([tf.reshape(part.kernel, (hidden, hidden)) for part in parts], axis=1)
        bias = tf.concat([tf.reshape(part.bias, (hidden,)) for part in parts], axis=0)
        projected = tf.nn.bias_add(tf.matmul(states, kernel), bias)
        projected = tf.reshape(projected, (shape[0], shape[1], 3, heads, hidden // heads))
        query, key, value = tf.unstack(tf.transpose(projected, (2, 0, 3, 1, 4)))
        query *= tf.cast(1 / math.sqrt(hidden // heads), query.dtype)
        mask = ((1 - tf.cast(padding_mask, query.dtype)) * MASKED)[:, None, None, :]
        keep, scale = _kept(tf.stack([shape[0], heads, shape[1], shape[1]]), attention._dropout_layer, query.dtype)
        # Of what dropout keeps, the scale is put on the values, which are fewer than the weights.
        mixed = _attention(query, key, value * scale, mask, keep)
        mixed = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (-1, hidden))
        out = attention._output_dense
        return tf.nn.bias_add(tf.matmul(mixed, tf.reshape(out.kernel, (hidden, hidden))), tf.identity(out.bias))


def lean(layer: keras_hub.layers.TransformerEncoder, gelu: str) -> None:
    """Let a layer of KerasHub's BERT, built already, train as `TransformerEncoder` does.

    Args:
        layer: to change.
        gelu: the form of its activation, "tanh" or "erf".
    """
    layer.__class__ = TransformerEncoder
    layer.gelu = {"tanh": gelu_tanh, "erf": gelu_erf}[gelu]


def plain(layer: keras.layers.Layer) -> None:
    """Let a layer train as KerasHub's again: a file of a graph keeps no written-out gradients."""
    if isinstance(layer, TransformerEncoder):
        layer.__class__ = keras_hub.layers.TransformerEncoder


def _dense(states: Any, layer: keras.layers.Dense) -> Any:
    """A dense layer before its activation."""
    return tf.nn.bias_add(tf.matmul(states, layer.kernel), tf.identity(layer.bias))


def _add_and_norm(states: Any, residual: Any, dropout: keras.layers.Dropout, norm: Any) -> Any:
    keep, scale = _kept(tf.shape(states), dropout, states.dtype)
    total = residual + (states if keep is None else _times(states, keep * scale))
    normed = layer_norm(tf.cast(total, tf.float32), norm.gamma._value, norm.beta._value, norm.epsilon)
    return tf.cast(normed, states.dtype)


def _kept(shape: Any, dropout: keras.layers.Dropout, dtype: Any) -> tuple[Any, Any]:
    """What dropout keeps, 1 or 0 in that shape and dtype, and the scale of it; (None, 1) where it keeps all.

    16 random bits decide for each element: a rate of 0.1 is 0.10001, and the scale is of that.
    """
    one = tf.ones((), dtype)
    if not dropout.rate:
        return None, one
    dropped = round(dropout.rate * DRAWS)
    seed = tf.cast(dropout.seed_generator.next(), tf.int32)
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32)
    bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], shape)
    return tf.cast(bits >= tf.constant(dropped, tf.uint16), dtype), one * (DRAWS / (DRAWS - dropped))


@tf.custom_gradient
def _times(values: Any, constant: Any) -> Any:
    """A product of which nobody asks the second factor's gradient."""
    return values * constant, lambda upstream: (upstream * constant, None)


def _attention(query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Any:
    """Softmax attention (Vaswani et al. 2017, equation 1) with dropout of its weights.

    The softmax's gradient takes the sum of its products with the weights from the output, which is smaller (Dao et al.
    2022, arXiv 2205.14135, appendix B.4).

    Args:
        query, key, value: float (batch, heads, width, size), the query scaled.
        mask: float (batch, 1, 1, width), added to the scores.
        keep: float (batch, heads, width, width), what the weights are multiplied by; None for ones.
    """

    @tf.custom_gradient
    def attend(query: Any, key: Any, value: Any) -> Any:
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) + mask)
        kept = weights if keep is None else weights * keep
        output = tf.matmul(kept, value)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            of_value = tf.matmul(kept, upstream, transpose_a=True)
            of_kept = tf.matmul(upstream, value, transpose_b=True)
            shared = tf.reduce_sum(upstream * output, axis=-1, keepdims=True)
            of_scores = of_kept * kept - weights * shared
            return tf.matmul(of_scores, key), tf.matmul(of_scores, query, transpose_a=True), of_value

        return output, gradient

    return attend(query, key, value)


@tf.custom_gradient
def gelu_tanh(x: Any) -> Any:
    """GELU in the form with tanh (Hendrycks & Gimpel 2016, arXiv 1606.08415), of any shape."""
    square = x * x
    tanh = tf.tanh(x * (square * (SQRT_2_OVER_PI * CUBIC) + SQRT_2_OVER_PI))
    share = 0.5 * tanh + 0.5

    def gradient(upstream: Any) -> Any:
        slope = x * (square * (1.5 * SQRT_2_OVER_PI * CUBIC) + 0.5 * SQRT_2_OVER_PI)
        return upstream * (share + tf.raw_ops.TanhGrad(y=tanh, dy=slope))

    return x * share, gradient


@tf.custom_gradient
def gelu_erf(x: Any) -> Any:
    """GELU in its exact form, with erf, of any shape."""
    share = 0.5 * tf.math.erf(x * math.sqrt(0.5)) + 0.5

    def gradient(upstream: Any) -> Any:
        return upstream * (share + x * (tf.exp(x * x * -0.5) * (0.5 * SQRT_2_OVER_PI)))

    return x * share, gradient


def layer_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Layer norm (Ba et al. 2016, arXiv 1607.06450) of the rows of a matrix.

    Args:
        x: float32 (n, size).
        gamma, beta: float32 (size,).
        epsilon: added to the variance.
    """

    @tf.custom_gradient
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        size = x.shape[-1]
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        deviation = tf.math.rsqrt(tf.reduce_mean(centred * centred, axis=-1, keepdims=True) + epsilon)
        normed = centred * deviation

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            product = upstream * normed
            weights = gamma[:, None] / size
            shift, slope = tf.matmul(upstream, weights), tf.matmul(product, weights)
            of_x = (upstream * gamma - shift - normed * slope) * deviation
            of_gamma, of_beta = (tf.raw_ops.BiasAddGrad(out_backprop=one) for one in (product, upstream))
            return of_x, of_gamma, of_beta

        return normed * gamma + beta, gradient

    return norm(x, tf.identity(gamma), tf.identity(beta))
