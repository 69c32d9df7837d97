"""A fine-tuning as `scripts/train_model.py` does it, from a study's files to weights on disk, for compare_speed.py."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from work import Clock, product_rate, read_settings, read_texts

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.study.settings import TrainingSettings
from bert_ladder.training.inputs import CheckpointPolicy, Job, TrainingFiles, TrainingOutputs

SAME = {
    "optimizer": "adamw", "learning_rate": 1e-4, "epsilon": 1e-8, "clipnorm": None, "global_clipnorm": 1.0,
    "weight_decay": 0.01, "momentum": 0.0, "schedule": "constant", "warmup_fraction": 0.0, "dropout": 0.1,
    "encoder_dropout": 0.1, "pooling": "pooler", "xla": False, "class_weight": None, "truncation": "head",
    "validation_fraction": 0.1, "keep": "last", "monitor": "validation_accuracy", "patience": None, "epochs": 1,
}  # fmt: skip


def main() -> None:
    given, clock = read_settings(), Clock()
    folder = Path(given["folder"])
    set_up_device(given["threads"])
    import keras
    from keras import ops

    from bert_ladder.training.fine_tuning import train_model

    clock.end("import")
    fit = keras.Model.fit

    def timed_fit(model: keras.Model, *arguments: Any, callbacks: list, **more: Any) -> Any:
        clock.end("build")
        each = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: clock.step())
        history = fit(model, *arguments, callbacks=[each, *callbacks], **more)
        clock.end("train and measure")
        return history

    keras.Model.fit = timed_fit
    settings = TrainingSettings.of(
        SAME | {key: given[key] for key in ("length", "batch_size", "precision", "length_buckets")}
    )
    tokenizer = folder / "here/vocab.txt"
    train_model(
        EncoderFiles(folder / "here/encoder.json", folder / "here/encoder.weights.h5", (tokenizer,)),
        TrainingFiles(
            [folder / "train.ids.npy", folder / "train.offsets.npy"],
            folder / "train.parquet", folder / "split.parquet", folder / "classes.json",
        ),
        settings,
        Job("bench", "bench", 1, given["threads"]),
        CheckpointPolicy(folder / "here/checkpoints", 1e9),
        TrainingOutputs(folder / "here/history.csv", folder / "here/training.json", folder / "here/model.weights.h5"),
    )  # fmt: skip
    clock.end("save")
    trained = json.loads((folder / "here/training.json").read_text(encoding="utf-8"))
    texts, _, is_validation = read_texts(given["folder"], given["length"])
    real = sum(len(text) for text, held in zip(texts, is_validation, strict=True) if not held)
    dtype = given["precision"].removeprefix("mixed_")

    def product(a: np.ndarray, b: np.ndarray) -> Any:
        a, b = (ops.cast(ops.convert_to_tensor(one), dtype) for one in (a, b))
        return lambda: float(ops.matmul(a, b)[0, 0])

    clock.tell(product_rate=product_rate(product), real=real, positions=trained["positions"])


if __name__ == "__main__":
    main()
