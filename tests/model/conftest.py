"""Fixtures of the tests that build models: TensorFlow is set up as a training job sets it up."""

from _device import set_up_device

set_up_device(threads=2)
