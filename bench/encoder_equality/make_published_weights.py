"""Write what transformers gives for some real reviews with the published weights of all-MiniLM-L6-v2 (see README.md).

Runs in the environment of hugging_face.in. The texts themselves are not kept.
"""

import argparse
import gzip
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from seeded import kept_positions
from transformers import AutoTokenizer, BertModel

FIXTURE = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders" / "outputs_all-MiniLM-L6-v2.npz"
# Of the test split: two that are cut, three with accents, two of these with HTML.
IMDB_ROWS = (0, 3125, 7191, 12369, 18750, 19054)
# Of the validation split: a few words.
SST2_ROWS = (0, 2)
LENGTH = 256
MOST_POSITIONS = 16


def read_reviews(data: Path) -> list[str]:
    """The reviews, those of IMDB first."""
    imdb = np.load(data / "imdb" / "test.npz", allow_pickle=True)["text"]
    with gzip.open(data / "sst2" / "validation.tsv.gz", "rt", encoding="utf-8", newline="\n") as lines:
        sst2 = [line.rpartition("\t")[0] for line in lines][1:]
    return [imdb[row] for row in IMDB_ROWS] + [sst2[row] for row in SST2_ROWS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder of the published model in Hugging Face's form")
    parser.add_argument("data", type=Path, help="folder of imdb/ and sst2/; IMDB's texts are pickled: trust them")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = BertModel.from_pretrained(arguments.model, dtype=torch.float32).eval()
    ids, pooler, mean, sequence = [], [], [], []
    for text in read_reviews(arguments.data):
        # One by one, so that nothing is padded.
        batch = tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")
        with torch.no_grad():
            outputs = model(**batch)
        states = outputs.last_hidden_state[0]
        ids.append(batch["input_ids"][0].numpy())
        pooler.append(outputs.pooler_output[0].numpy())
        mean.append(states.mean(dim=0).numpy())
        sequence.append(states[kept_positions(len(states), MOST_POSITIONS)].numpy())
    np.savez_compressed(
        FIXTURE,
        made_with=np.array([f"{package} {version(package)}" for package in ("transformers", "torch")]),
        imdb_rows=np.array(IMDB_ROWS),
        sst2_rows=np.array(SST2_ROWS),
        length=np.array(LENGTH),
        most_positions=np.array(MOST_POSITIONS),
        lengths=np.array([len(row) for row in ids]),
        ids=np.concatenate(ids).astype(np.uint16),
        pooler=np.stack(pooler),
        mean=np.stack(mean),
        sequence=np.concatenate(sequence),
    )


if __name__ == "__main__":
    main()
