"""Write small chosen BERTs as Hugging Face folders, for `make_text_classification.py` (see README.md)."""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "scripts")]

from asked_texts import TEMPERATURE  # noqa: E402
from bert_ladder.evaluation.chosen_model import NATIVE, RECORD  # noqa: E402
from bert_ladder.export.huggingface_folder import export_huggingface  # noqa: E402
from chosen_models import bert_chosen  # noqa: E402

# Which end of a long text is kept, and the form of GELU.
CASES = (("head", "erf"), ("tail", "tanh"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="folder to write a folder for each case in")
    target = parser.parse_args().target
    for truncation, gelu in CASES:
        with TemporaryDirectory() as scratch:
            folder = bert_chosen(Path(scratch, "chosen"), temperature=TEMPERATURE)
            record = json.loads((folder / RECORD).read_text())
            record["settings"] |= {"truncation": truncation}
            (folder / RECORD).write_text(json.dumps(record))
            encoder = json.loads((folder / NATIVE / "encoder.json").read_text())
            encoder["architecture"]["gelu"] = gelu
            (folder / NATIVE / "encoder.json").write_text(json.dumps(encoder))
            export_huggingface(folder, target / f"{truncation}_{gelu}")


if __name__ == "__main__":
    main()
