"""Tokenizers in the form of the package `tokenizers`: byte pairs and SentencePiece's unigrams. No TensorFlow."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

from bert_ladder.data.json_vocabulary import json_pieces, read_json
from bert_ladder.runtime.jobs import BadInput, reason_of


class JsonTokenizer:
    """A tokenizer of a tokenizer.json, without what stands before and behind a text, and without truncation.

    The calls release the interpreter's lock, so that several threads may share one tokenizer.
    """

    def __init__(self, path: Path | str) -> None:
        """Build the tokenizer.

        Raises:
            BadInput: if the file is none.
        """
        self.pieces = json_pieces(read_json(path))
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises nothing more special
            raise BadInput(f"{path}: is no tokenizer.json ({reason_of(error)}); fetch it again.") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A text that spells a special token out is a text.
        self._tokenizer.encode_special_tokens = True
        self._dtype = np.uint16 if len(self.pieces) <= np.iinfo(np.uint16).max + 1 else np.int32

    def tokenize(self, texts: pa.Array) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
        """Tokenize texts.

        Args:
            texts: string array (n,) without nulls.

        Returns:
            ids (T,) of all texts one after the other, uint16 or int32 by the size of the vocabulary, and
            offsets (n+1,) int64: the ids of text i are ids[offsets[i]:offsets[i+1]].
        """
        found = [one.ids for one in self._tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(ids) for ids in found], dtype=np.int64)])
        ids = np.concatenate([np.zeros(0, self._dtype), *(np.asarray(one, self._dtype) for one in found)])
        return ids, offsets
