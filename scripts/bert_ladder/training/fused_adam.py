"""Adam with one kernel of TensorFlow for each variable's update, where Keras has a dozen element-wise operations.

The update is the same: Kingma & Ba 2015 (arXiv 1412.6980), with epsilon as in the last lines of its section 2, the
decay of AdamW (Loshchilov & Hutter 2019) before it, and gradients clipped as Keras clips them.

The sparse gradients of embeddings are left to Keras. It squares what each occurrence of a token gives and adds that up,
and so takes their norm, where a dense gradient's square is that of the sum.
"""

from typing import Any

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Adam of float32 variables."""

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Update a variable and its two moments."""
        if isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        step = tf.cast(self.iterations.value + 1, tf.float32)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(tf.constant(self.beta_1), step),
            beta2_power=tf.pow(tf.constant(self.beta_2), step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )

    def _clip_by_norm(self, values: Any, axes: Any = None) -> Any:
        if isinstance(values, tf.IndexedSlices):
            return super()._clip_by_norm(values, axes)
        return values * (self.clipnorm / tf.maximum(tf.sqrt(2.0 * tf.nn.l2_loss(values)), self.clipnorm))


class AdamW(Adam, keras.optimizers.AdamW):
    """Adam of float32 variables, with decoupled weight decay."""
