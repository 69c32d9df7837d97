"""Write tests/fixtures/tfhub_preprocessing.json: hostile strings and the ids TF Hub's preprocessing gives them.

Runs in the environment of requirements.in (see README.md). The tests compare the project's ids with the file.
"""

import json
import tempfile
import unicodedata
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf
from hostile_strings import HOSTILE_STRINGS
from official.nlp.tools.export_tfhub_lib import export_preprocessing

FIXTURE = Path(__file__).parents[2] / "tests" / "fixtures" / "tfhub_preprocessing.json"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """
    the film ##film good ##od go fi ##lm ab ##ab ##abab aa ##aa aaaa ##aaaa ##ing ##s stras ##se straße strasse caf ##fe
    istanbul οδος 映 ##画 don ##' ... [unused1] [cls] [mask] 10 ##10 ffi ##ffi 영화 ##가 жж ##жж tm ##tm
"""
# Left out of the vocabulary, so that words with them are unknown.
UNKNOWN = set("ꙮ☃㍻ﷺ🎬")


def small_vocabulary() -> list[str]:
    """A vocabulary of every character that the strings, as they are or normalized, can be cut into, and some words."""
    characters: set[str] = set()
    for string in HOSTILE_STRINGS.values():
        folded = unicodedata.normalize("NFKC", string).casefold()
        characters |= {*string, *folded, *unicodedata.normalize("NFD", folded)}
    characters = {c for c in characters - UNKNOWN if not c.isspace() and unicodedata.category(c) not in {"Cc", "Cf"}}
    pieces = [piece for c in sorted(characters) for piece in (c, f"##{c}")]
    return list(dict.fromkeys(SPECIAL_TOKENS + pieces + WORDS.split()))


def exported_ids(vocabulary: list[str], lower_case: bool) -> dict[str, list[int]]:
    """Export the preprocessing, load it again and tokenize the strings, each in a call of its own."""
    with tempfile.TemporaryDirectory() as folder:
        vocabulary_file = Path(folder) / "vocab.txt"
        vocabulary_file.write_text("".join(f"{piece}\n" for piece in vocabulary), encoding="utf-8", newline="\n")
        export_preprocessing(
            f"{folder}/preprocessing",
            vocab_file=str(vocabulary_file),
            do_lower_case=lower_case,
            tokenize_with_offsets=False,
            default_seq_length=128,
        )
        tokenize = tf.saved_model.load(f"{folder}/preprocessing").tokenize
        return {
            name: tokenize(tf.constant([string])).merge_dims(1, 2).values.numpy().tolist()
            for name, string in HOSTILE_STRINGS.items()
        }


def main() -> None:
    vocabulary = small_vocabulary()
    fixture = {
        "made_with": {p: version(p) for p in ("tf-models-official", "tensorflow", "tensorflow-text")},
        "vocabulary": vocabulary,
        "strings": HOSTILE_STRINGS,
        "uncased": exported_ids(vocabulary, lower_case=True),
        "cased": exported_ids(vocabulary, lower_case=False),
    }
    # One entry a line; ASCII, so that no editor changes the strings.
    lines = []
    for key, value in fixture.items():
        if isinstance(value, dict):
            entries = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{entries}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    FIXTURE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
