"""What an encoder that is not trained makes of texts: its pooled outputs, computed once for all who read them."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder
from bert_ladder.encoders.vocabulary import tokenizer_vocabulary
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory
from bert_ladder.runtime.leases import Lease
from bert_ladder.training.classifier import NO_POOLER, pooled_outputs, prediction_batches
from bert_ladder.training.fitting import engine_device

log = logging.getLogger(__name__)

STEPS = 10  # how often progress is told


@dataclass(frozen=True)
class Reading:
    """How an encoder reads a text.

    Attributes:
        length: the most tokens of a text, special ones included.
        truncation: which part of a longer text is kept.
        poolings: those that somebody wants to read; all that the encoder has are kept.
    """

    length: int
    truncation: str
    poolings: Sequence[str] = ()


@dataclass(frozen=True)
class FeatureFiles:
    """Files to write.

    Attributes:
        outputs: .npy, float32 (texts, poolings, hidden).
        record: JSON: `poolings`, their names in the order of the array, `texts`, `hidden`, `seconds` (of the encoding
            alone), `device`, and when and where it ran, as an evaluation records it.
    """

    outputs: Path | str
    record: Path | str


def build_features(
    encoder: EncoderFiles, tokens: Sequence[Path | str], reading: Reading, name: str, files: FeatureFiles, lease: Lease
) -> None:
    """Let an encoder read some texts, in float32, and keep every pooled output that it has.

    Args:
        encoder: with its own weights.
        tokens: ids and offsets of the texts in its vocabulary.
        reading: how it reads them.
        name: what progress lines are about.
        files: to write.
        lease: the devices, for the record.

    Raises:
        BadInput: if the length is beyond the encoder's positions, it has no pooler that is wanted, its weights are not
            its own, or memory runs out.
    """
    keras.config.set_dtype_policy("float32")
    description = read_encoder(encoder.config)
    vocabulary = tokenizer_vocabulary(description["tokenizer"], encoder)
    built = build_encoder(description)
    if reading.length > built.positions:
        raise BadInput(
            f"{name}: length {reading.length} is beyond the encoder's {built.positions} positions; lower it."
        )
    if "pooler" in reading.poolings and built.pooler is None:
        raise BadInput(f"{name}: {NO_POOLER}")
    load_weights(built.backbone, encoder.weights)
    token_ids, pooled = pooled_outputs(built, vocabulary.pad)
    model = keras.Model(token_ids, pooled)
    device = engine_device(name)
    texts = vocabulary.open_tokens(*tokens)
    count = len(texts.offsets) - 1
    batches = prediction_batches(model, texts, np.arange(count), reading.length, reading.truncation)
    shape = (count, len(pooled), int(pooled["mean"].shape[-1]))
    outputs = np.lib.format.open_memmap(files.outputs, mode="w+", dtype=np.float32, shape=shape)
    log.info("%s: %s texts on %s", name, f"{count:,}", device)
    ready_at, start = time.time(), time.perf_counter()
    told = 0
    try:
        for place, (rows, _) in enumerate(batches.batches):
            found = model.predict_on_batch(batches[place][0])
            for index, pooling in enumerate(pooled):
                outputs[rows, index] = ops.convert_to_numpy(found[pooling])
            if STEPS * (place + 1) // len(batches) > told:
                told = STEPS * (place + 1) // len(batches)
                log.info("%s: %d %% after %.0f s", name, 100 * told // STEPS, time.perf_counter() - start)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(
            f"{name}: out of memory on {device} at length {reading.length}; lower it, or give the job more memory."
        ) from error
    outputs.flush()
    record: dict[str, Any] = {
        "poolings": list(pooled),
        "texts": count,
        "hidden": shape[-1],
        "seconds": round(time.perf_counter() - start, 3),
        "device": device,
        **{f"evaluation_{key}": value for key, value in lease.record().items()},
        "evaluation_ready_at": round(ready_at, 3),
    }
    Path(files.record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
