"""Write the files of a fine-tuning for compare_speed.py: texts, labels by chance, an encoder with random weights."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from work import SIZES, read_settings

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.data.frames import LABEL_COLUMN, PART_COLUMN
from bert_ladder.runtime.devices import set_up_device


def write_encoder(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write encoder.json, encoder.weights.h5 and vocab.txt of a BERT with random weights; returns its sizes."""
    from bert_ladder.encoders.families.bert import scratch_encoder
    from bert_ladder.encoders.normal_form import save_encoder
    from bert_ladder.encoders.vocabulary import read_pieces

    folder.mkdir(exist_ok=True)
    layers, hidden, heads = SIZES[given["size"]]
    sizes = {
        "layers": layers, "hidden": hidden, "heads": heads, "intermediate": 4 * hidden, "positions": 512, "seed": 1,
        "initializer_range": 0.02,
    }  # fmt: skip
    encoder, backbone = scratch_encoder(sizes, read_pieces(given["vocabulary"]), lower_case=True)
    encoder["architecture"]["gelu"] = "erf"  # as in transformers
    save_encoder(encoder, backbone, folder / "encoder.json", folder / "encoder.weights.h5")
    shutil.copyfile(given["vocabulary"], folder / "vocab.txt")
    return encoder["architecture"]


def main() -> None:
    given = read_settings()
    folder, source = Path(given["folder"]), Path(given["tokens"])
    ids, offsets = (np.load(source / f"train.{part}.npy", mmap_mode="r") for part in ("ids", "offsets"))
    # A tenth is measured after the epoch, as the study's default has it.
    count = given["texts"] * 10 // 9
    random = np.random.default_rng(given["seed"])
    chosen = random.choice(len(offsets) - 1, count, replace=False)
    texts = [np.array(ids[offsets[i] : offsets[i + 1]]) for i in chosen]
    np.save(folder / "train.ids.npy", np.concatenate(texts))
    np.save(folder / "train.offsets.npy", np.concatenate([[0], np.cumsum([len(one) for one in texts])]))
    labels, is_validation = random.integers(0, 2, count).astype(np.int16), np.arange(count) >= given["texts"]
    np.save(folder / "labels.npy", labels)
    np.save(folder / "is_validation.npy", is_validation)
    pd.DataFrame({LABEL_COLUMN: labels}).to_parquet(folder / "train.parquet")
    parts = np.where(is_validation, "validation", "train")
    pd.DataFrame({PART_COLUMN: parts}).to_parquet(folder / "split.parquet")
    (folder / "classes.json").write_text(json.dumps({"labels": ["0", "1"]}), encoding="utf-8")
    set_up_device(given["threads"])
    write_encoder(given, folder / "here")


if __name__ == "__main__":
    main()
