"""Write small chosen BERTs as folders of transformers and of sentence-transformers (see README.md).

`make_text_classification.py` and `make_sentence_classification.py` ask them.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "scripts")]

from asked_texts import TEMPERATURE  # noqa: E402
from bert_ladder.evaluation.chosen_model import NATIVE, RECORD  # noqa: E402
from bert_ladder.export.huggingface_folder import export_huggingface  # noqa: E402
from bert_ladder.export.sentence_folder import export_sentence_transformers  # noqa: E402
from chosen_models import bert_chosen  # noqa: E402

# Which end of a long text is kept, and the form of GELU.
CASES = (("head", "erf"), ("tail", "tanh"))
WRITERS = {"pooler": export_huggingface, "mean": export_sentence_transformers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="folder to write a folder for each case in, pooler/… and mean/…")
    target = parser.parse_args().target
    for (truncation, gelu), pooling in product(CASES, WRITERS):
        with TemporaryDirectory() as scratch:
            folder = bert_chosen(Path(scratch, "chosen"), temperature=TEMPERATURE)
            record = json.loads((folder / RECORD).read_text())
            record["settings"] |= {"truncation": truncation, "pooling": pooling}
            (folder / RECORD).write_text(json.dumps(record))
            encoder = json.loads((folder / NATIVE / "encoder.json").read_text())
            encoder["architecture"]["gelu"] = gelu
            (folder / NATIVE / "encoder.json").write_text(json.dumps(encoder))
            WRITERS[pooling](folder, target / pooling / f"{truncation}_{gelu}")


if __name__ == "__main__":
    main()
