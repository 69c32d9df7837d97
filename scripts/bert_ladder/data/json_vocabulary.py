"""What a tokenizer.json of the package `tokenizers` holds, read without that package. NumPy is not needed either."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bert_ladder.runtime.jobs import BadInput, reason_of

# Keys of "model" that only one kind has, for files that do not name the kind.
KINDS = {"BPE": "merges", "Unigram": "unk_id"}


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a tokenizer.json without building the tokenizer.

    Raises:
        BadInput: if it is no such file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        content["model"]["vocab"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadInput(f"{path}: is no tokenizer.json ({reason_of(error)}); fetch it again.") from error
    return content


def kind_of(content: Mapping[str, Any]) -> str:
    """The kind of a tokenizer's model, such as "BPE" or "Unigram"; the word that the file has for another."""
    model = content["model"]
    return str(model.get("type") or next((kind for kind, key in KINDS.items() if key in model), "unknown"))


def json_pieces(content: Mapping[str, Any]) -> list[str]:
    """The tokens of a tokenizer.json in the order of their ids; "" where an id has none.

    Raises:
        BadInput: if its vocabulary is none.
    """
    vocab = content["model"]["vocab"]
    try:
        ids = {piece: number for number, (piece, _) in enumerate(vocab)} if isinstance(vocab, list) else dict(vocab)
        ids |= {token["content"]: token["id"] for token in content.get("added_tokens") or ()}
        pieces = [""] * (max(ids.values()) + 1 if max(ids.values()) < 2 * len(ids) + 1000 else 0)
        for piece, number in ids.items():
            pieces[number] = piece
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadInput(f"tokenizer.json: its vocabulary gives tokens no ids ({reason_of(error)}); fetch it.") from error
    return pieces
