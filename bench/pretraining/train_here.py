"""A pre-training of this project for some steps, for compare_speed.py."""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.vocabulary import Vocabulary, read_pieces, wordpiece_vocabulary
from bert_ladder.runtime.checkpoints import Checkpoints
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.study.settings import PretrainingSettings

WARM_UP = 3


def product_rate(device: str, precision: str, repeats: int = 5) -> float:
    """Operations per second of the fastest of some products of square matrices."""
    from keras import ops

    size = {"cpu": 2048, "gpu": 8192}[device]
    random = np.random.default_rng(0)
    dtype = precision.removeprefix("mixed_")
    a, b = (ops.cast(ops.convert_to_tensor(random.standard_normal((size, size), np.float32)), dtype) for _ in range(2))
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        # One number of it, so that the product is done and hardly anything else is waited for.
        float(ops.matmul(a, b)[0, 0])
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def read_tokens(folder: str, vocabulary: Vocabulary, count: int) -> Tokens:
    """The first texts with that many WordPieces."""
    tokens = vocabulary.open_tokens(f"{folder}/train.ids.npy", f"{folder}/train.offsets.npy")
    rows = int(np.searchsorted(tokens.offsets, count))
    ids = np.array(tokens.ids[: tokens.offsets[rows]])
    return Tokens(ids, tokens.offsets[: rows + 1], tokens.pad, tokens.cls, tokens.sep)


def train(settings: dict[str, Any], folder: str) -> tuple[float, float]:
    """Tokens per second of the full steps after the first few, and the mean loss."""
    import keras

    from bert_ladder.encoders.families.bert import bert_encoder
    from bert_ladder.training.pretraining import Corpus, Learner, build_masked_lm, pretrain

    layers, hidden, length, batch_size, steps = (
        int(settings[key]) for key in ("layers", "hidden", "length", "batch_size", "steps")
    )
    vocabulary = wordpiece_vocabulary(read_pieces(settings["vocabulary"]))
    # One text is held out, and one sequence is left for the cuts to move.
    tokens = read_tokens(settings["tokens"], vocabulary, (steps * batch_size + 20) * length)
    pretraining = {
        "length": length, "batch_size": batch_size, "epochs": 1, "optimizer": "adamw", "learning_rate": 1e-4,
        "epsilon": 1e-6, "clipnorm": None, "global_clipnorm": 1.0, "weight_decay": 0.01, "momentum": 0.0,
        "schedule": "linear", "warmup_fraction": 0.1, "masked_fraction": 0.15, "whole_words": False,
        "next_sentence": False, "bag_of_words": False, "validation_fraction": 0.001,
        "gradient_accumulation": 1, "seed": 0, "xla": False, "precision": settings["precision"],
        "encoder_dropout": 0.1, "from": "scratch", "text": [],
    }  # fmt: skip
    architecture = {
        "vocabulary_size": len(vocabulary), "num_layers": layers, "num_heads": max(1, hidden // 64),
        "hidden_dim": hidden, "intermediate_dim": 4 * hidden, "max_sequence_length": 512, "num_segments": 2,
    }  # fmt: skip
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(settings["precision"])
    encoder = bert_encoder(architecture, pretraining["encoder_dropout"])
    model = build_masked_lm(encoder)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    fit = model.fit
    model.fit = lambda *arguments, callbacks, **more: fit(*arguments, callbacks=[*callbacks, clock], **more)
    history, _ = pretrain(
        Learner(model, encoder),
        Corpus({"train": tokens}, {}, vocabulary),
        PretrainingSettings.of(pretraining),
        "here",
        Checkpoints(Path(folder, "none"), {}),
        1e9,
    )
    timed = ends[WARM_UP - 1 : steps]
    return batch_size * length * (len(timed) - 1) / (timed[-1] - timed[0]), float(history["loss"].iloc[-1])


def main() -> None:
    settings = json.loads(sys.argv[1])
    set_up_device(int(settings["threads"]), ["0"] if settings["device"] == "gpu" else [])
    with tempfile.TemporaryDirectory() as folder:
        speed, loss = train(settings, folder)
    rate = product_rate(settings["device"], settings["precision"])
    print(json.dumps({"tokens_per_second": speed, "product_rate": rate, "loss": loss}))


if __name__ == "__main__":
    main()
