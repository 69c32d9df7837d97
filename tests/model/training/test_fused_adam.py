"""The optimizers that a training has on TensorFlow, beside Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training.fitting import WarmUpDecay, build_optimizer
from trainings import SETTINGS

EXPECTED = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}


@pytest.mark.parametrize(
    "changed",
    [
        {"clipnorm": 0.5},
        {"optimizer": "adamw", "weight_decay": 0.1, "clipnorm": None, "global_clipnorm": 0.5},
        {"optimizer": "adamw", "weight_decay": 0.1, "schedule": "linear", "warmup_fraction": 0.3},
    ],
)
def test_steps_are_those_of_keras(changed: dict) -> None:
    """Of a dense and of a sparse gradient, with clipping, decay and schedule."""
    settings = TrainingSettings.of(SETTINGS | changed)
    ours = build_optimizer(settings, steps=10)
    theirs = EXPECTED[settings.optimizer].from_config(ours.get_config(), {"WarmUpDecay": WarmUpDecay})
    assert type(ours) is not type(theirs)
    random = np.random.default_rng(0)
    start = [random.normal(size=(6, 3)).astype(np.float32), random.normal(size=4).astype(np.float32)]
    ends = []
    for optimizer in (ours, theirs):
        draws = np.random.default_rng(1)
        variables = [keras.Variable(value, name=f"kernel_{i}") for i, value in enumerate(start)]
        optimizer.build(variables)
        for _ in range(5):
            rows = tf.constant(draws.normal(size=(3, 3)), tf.float32)
            sparse = tf.IndexedSlices(rows, tf.constant([1, 4, 1]), tf.constant([6, 3], tf.int64))
            optimizer.apply([sparse, tf.constant(draws.normal(size=4), tf.float32)])
        ends.append([np.array(variable) for variable in variables])
    for our, their, before in zip(*ends, start, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-6)
        assert not np.allclose(our, before)
