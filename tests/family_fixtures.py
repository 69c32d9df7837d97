"""The families' fixtures, which bench/encoder_equality/make_families.py wrote, and chosen models of them."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from bert_ladder.encoders.interface import Encoder
from bert_ladder.encoders.normal_form import FAMILIES
from bert_ladder.encoders.published_families import build_published, read_family
from bert_ladder.study import families as facts

FIXTURES = Path(__file__).parent / "fixtures" / "encoders"
NAMES = [name for name in facts.FAMILIES if name != facts.BERT]
SCALES = ("usual", "large")
BATCHES = [f"{length} {kind}" for length in (8, 128, 300) for kind in ("unpadded", "padded")]
KEPT = 24


def unpack_family(name: str, folder: Path) -> Path:
    """Unpack a family's fixture."""
    with tarfile.open(FIXTURES / f"family_{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def published_encoder(root: Path, name: str, scale: str, **changes: Any) -> Encoder:
    """The encoder of a fixture, its architecture changed for a planted mistake."""
    family = FAMILIES[name]
    published = read_family(root / scale, family)
    published.architecture.update(changes)
    return build_published(family, published, root / scale)


def deviation(encoder: Encoder, root: Path, scale: str) -> tuple[float, float]:
    """The largest difference from transformers' last hidden states on real tokens, and the largest of these states."""
    largest = highest = 0.0
    with np.load(root / "outputs.npz") as kept:
        for batch in BATCHES:
            ids, mask = kept[f"{scale} {batch} ids"].astype(np.int32), kept[f"{scale} {batch} mask"]
            given = encoder.inputs(ops.convert_to_tensor(ids), ops.convert_to_tensor(mask.astype(np.int32)))
            output = encoder.outputs(encoder.backbone(given))
            width = ids.shape[1]
            positions = np.arange(width) if width <= KEPT else np.linspace(0, width - 1, KEPT).astype(int)
            ours = ops.convert_to_numpy(output["sequence_output"])[:, positions]
            theirs, real = kept[f"{scale} {batch} sequence"], mask[:, positions]
            largest = max(largest, float(np.abs(ours - theirs)[real].max()))
            highest = max(highest, float(np.abs(theirs[real]).max()))
    return largest, highest
