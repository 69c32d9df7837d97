"""The training core on Keras's JAX backend, for machines where TensorFlow is not: the same tests in another process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A killed training, its second start and the undisturbed one compile the same steps; with a cache, once.
BACKEND = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@pytest.mark.parametrize("marked", ["not long", pytest.param("long", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("test_resumed_training.py", "killed_training_ends and rich"),
        ("test_pretrain_encoder.py", "killed_pretraining_ends or heads_resume or averaged"),
    ],
)
def test_same_on_jax(file: str, tests: str, marked: str, tmp_path: Path) -> None:
    """Fine-tuning and pre-training learn, and end bit for bit as if nothing had killed them."""
    pytest_alone = ["pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "--basetemp", tmp_path / "jax"]
    done = subprocess.run(
        [sys.executable, "-m", *pytest_alone, "-k", tests, "-m", marked, Path(__file__).with_name(file)],
        env=os.environ | BACKEND | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
