"""The tokenizer of an encoder in normal form."""

from typing import Any

from bert_ladder.data.json_tokenizer import JsonTokenizer
from bert_ladder.data.wordpiece import WordPieceTokenizer
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.vocabulary import read_pieces


def build_tokenizer(encoder: dict[str, Any], files: EncoderFiles) -> WordPieceTokenizer | JsonTokenizer:
    """What turns texts into the ids that an encoder takes.

    Args:
        encoder: what encoder.json holds, see `read_encoder`.
        files: of the encoder.
    """
    (file,) = files.tokenizer_files(encoder["tokenizer"]).values()
    if file.suffix == ".json":
        return JsonTokenizer(file)
    return WordPieceTokenizer(read_pieces(file), encoder["lower_case"])
