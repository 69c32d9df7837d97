"""On how many texts and code points other tokenizers differ from TF Hub's preprocessing, and why (see README.md).

The reference is the project's own tokenizer, which compare_ids.py has shown to be equal to the preprocessing.
"""

import argparse
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import tensorflow_text as text
from tokenizers import BertWordPieceTokenizer

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.data.wordpiece import WordPieceTokenizer, read_texts, read_vocabulary

Tokenize = Callable[[list[str]], list[list[int]]]
BATCH = 10_000


def controls_to_space(string: str) -> str:
    """Do what TF Text does with control and format characters."""
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cf"} else c for c in string)


def compatibility_forms(string: str) -> str:
    """Do what TF Text does with ligatures, fractions, full-width letters and other compatibility characters."""
    return unicodedata.normalize("NFKC", string)


def everything(string: str) -> str:
    """All steps of TF Text's normalization that Hugging Face's lacks, except those for characters that it removes."""
    return controls_to_space(compatibility_forms(compatibility_forms(string).casefold()))


REASONS = {
    "control or format characters: deleted, not a space": controls_to_space,
    "compatibility characters (NFKC) left as they are": compatibility_forms,
    "case folding (ß, ς): only lower-cased": str.casefold,
    "several of these": everything,
}


def reason(string: str, expected: list[int], tokenize: Tokenize) -> str:
    """The first step of TF Text's normalization that, done beforehand, gives the expected ids."""
    for name, step in REASONS.items():
        if tokenize([step(string)])[0] == expected:
            return name
    return "something else (private use or U+FFFD removed, words of over 100 bytes, literal special tokens)"


def tokenizers(vocabulary: list[str], lower_case: bool) -> tuple[Tokenize, dict[str, Tokenize]]:
    """The reference, and the others by name; each maps texts to lists of ids."""
    reference = WordPieceTokenizer(vocabulary, lower_case)
    fast = text.FastBertTokenizer(vocabulary, lower_case_nfd_strip_accents=lower_case, support_detokenization=False)
    hugging_face = BertWordPieceTokenizer({piece: i for i, piece in enumerate(vocabulary)}, lowercase=lower_case)

    def reference_ids(texts: list[str]) -> list[list[int]]:
        ids, offsets = reference.tokenize(pa.array(texts, pa.large_string()))
        return pa.LargeListArray.from_arrays(offsets, ids).to_pylist()

    return reference_ids, {
        "TF Text FastBertTokenizer": lambda texts: fast.tokenize(texts).to_list(),
        "Hugging Face BertWordPieceTokenizer": lambda texts: [
            encoding.ids for encoding in hugging_face.encode_batch(texts, add_special_tokens=False)
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocabulary", help="one WordPiece per line")
    parser.add_argument("frames", nargs="*", help="parquet files with a column DATA_COLUMN")
    parser.add_argument("--cased", action="store_true", help="keep case and accents")
    arguments = parser.parse_args()
    reference, others = tokenizers(read_vocabulary(arguments.vocabulary), lower_case=not arguments.cased)

    for frame in arguments.frames:
        reasons: dict[str, Counter] = {name: Counter() for name in others}
        for texts in read_texts(frame):
            strings = texts.to_pylist()
            expected = reference(strings)
            for name, tokenize in others.items():
                for string, ids, right in zip(strings, tokenize(strings), expected, strict=True):
                    if ids != right:
                        reasons[name][reason(string, right, tokenize)] += 1
        for name, counter in reasons.items():
            print(f"{frame}: {name} differs on {counter.total()} texts {dict(counter)}", flush=True)

    characters = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]
    differing: dict[str, list[str]] = {name: [] for name in others}
    for start in range(0, len(characters), BATCH):
        batch = characters[start : start + BATCH]
        strings = [f"a{c}b {c} good{c}" for c in batch]
        expected = reference(strings)
        for name, tokenize in others.items():
            differing[name] += [
                c for c, ids, right in zip(batch, tokenize(strings), expected, strict=True) if ids != right
            ]
    for name, found in differing.items():
        categories = dict(Counter(unicodedata.category(c) for c in found).most_common())
        listed = " ".join(f"U+{ord(c):04X}" for c in found) if len(found) < 100 else ""
        print(f"{name} differs on {len(found)} of {len(characters)} code points {categories} {listed}")


if __name__ == "__main__":
    main()
