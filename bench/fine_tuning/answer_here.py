"""Milliseconds of answers of a row here, for compare_answers.py."""

import json
import sys
from pathlib import Path

import numpy as np
from prepare_here import write_encoder
from work import read_settings

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import set_up_device


def main() -> None:
    given = read_settings()
    set_up_device(given["threads"])
    import keras

    from bert_ladder.encoders.families.bert import bert_encoder
    from bert_ladder.training.answering import open_classifier
    from bert_ladder.training.classifier import build_classifier
    from bert_ladder.training.speed import BATCH, batched, time_calls

    folder = Path(given["folder"])
    files = EncoderFiles(folder / "encoder.json", folder / "model.weights.h5", (folder / "vocab.txt",))
    architecture = write_encoder(given, folder)
    build_classifier(bert_encoder(architecture), 2, pad=0).save_weights(files.weights)
    keras.backend.clear_session()
    training = {"length": given["length"], "truncation": "head", "pooling": "pooler", "precision": "float32"}
    (folder / "training.json").write_text(json.dumps({"training": training}), encoding="utf-8")
    predict = open_classifier(files, folder / "training.json", 2).predict
    texts = Path(given["texts"]).read_text(encoding="utf-8").splitlines()
    one = time_calls(predict, [[text] for text in texts], given["seconds"])
    many = time_calls(predict, [batch for batch in batched(texts, BATCH) if len(batch) == BATCH], given["seconds"])
    print(json.dumps({"one": 1000 * float(np.median(one)), "many": 1000 * float(np.median(many))}))


if __name__ == "__main__":
    main()
