"""An encoder with random weights, in normal form."""

import logging
import shutil
from pathlib import Path
from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.families.bert import scratch_encoder
from bert_ladder.encoders.normal_form import save_encoder
from bert_ladder.encoders.vocabulary import read_pieces

log = logging.getLogger(__name__)


def write_scratch_encoder(
    scratch: dict[str, Any], lower_case: bool, vocabulary: Path | str, outputs: EncoderFiles, name: str
) -> None:
    """Build a BERT with random weights and write it.

    Args:
        scratch: its sizes, see `scratch_encoder`.
        lower_case: whether its WordPieces are of lower-cased text.
        vocabulary: file of its WordPieces, which is copied.
        outputs: files to write.
        name: the encoder's, for the log.
    """
    encoder, backbone = scratch_encoder(scratch, read_pieces(vocabulary), lower_case)
    save_encoder(encoder, backbone, outputs.config, outputs.weights)
    (file,) = outputs.tokenizer
    shutil.copyfile(vocabulary, file)
    log.info("%s: %s parameters", name, f"{backbone.count_params():,}")
