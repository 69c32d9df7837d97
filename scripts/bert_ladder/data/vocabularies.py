"""WordPiece vocabularies: learned from text with TF Text's learner, or checked as given."""

import itertools
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from bert_ladder.data.wordpiece import SPECIAL_TOKENS, count_words, read_texts, read_vocabulary
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

SLACK = 0.05
MAX_ALPHABET = 1000
# On English text the size falls about as threshold ** -0.65; only the second guess depends on it.
SIZE_EXPONENT = 0.65


def count_frame_words(frames: Sequence[str | Path], lower_case: bool) -> list[tuple[str, int]]:
    """Count the words of the texts of parquet files, as the tokenizer would split them.

    Args:
        frames: parquet files with a string column DATA_COLUMN.
        lower_case: fold case and strip accents first.

    Returns:
        (word, count) pairs, the most frequent first, equal counts in the order of the words' UTF-8 bytes.
    """
    counts = pa.table({"word": pa.array([], pa.large_binary()), "count": pa.array([], pa.int64())})
    for texts in itertools.chain.from_iterable(map(read_texts, frames)):
        counts = (
            pa.concat_tables([counts, count_words(texts, lower_case)]).group_by("word").aggregate([("count", "sum")])
        )
        counts = counts.rename_columns(["word", "count"])
    counts = counts.sort_by([("count", "descending"), ("word", "ascending")])
    words = (word.decode("utf-8") for word in counts["word"].to_pylist())
    return list(zip(words, counts["count"].to_pylist(), strict=True))


def learn_vocabulary(word_counts: list[tuple[str, int]], size: int) -> list[str]:
    """Learn a vocabulary of the asked size.

    TF Text's learner keeps the pieces that occur at least a threshold of times and finds the threshold by bisection
    from the highest count down, some 18 passes over the words. The same learner runs here at thresholds interpolated
    on logarithmic axes, which takes about three, until it keeps slightly more than enough; the rarest go.

    Args:
        word_counts: (word, count) pairs, the most frequent first.
        size: number of WordPieces wanted.

    Returns:
        The WordPieces, `SPECIAL_TOKENS` first, then single characters, then the others by falling count: `size` of
        them, or fewer where the text has no more.
    """
    # A character costs two WordPieces (at the start of a word and inside): rare ones must not fill a small vocabulary.
    alphabet = max(1, min(MAX_ALPHABET, size // 4))
    target = math.log(size * (1 + SLACK / 2))
    low, high = 1, word_counts[0][1]
    threshold = word_counts[min(size, len(word_counts)) - 1][1]
    too_large = too_small = None
    enough: list[str] | None = None
    vocabulary: list[str] = []
    while low <= high:
        # Equal bounds make the learner try exactly one threshold.
        vocabulary = learner.learn(
            *(word_counts, size, list(SPECIAL_TOKENS)),
            **{"upper_thresh": threshold, "lower_thresh": threshold, "max_unique_chars": alphabet},
        )
        log.info("threshold %d: %d WordPieces", threshold, len(vocabulary))
        if size <= len(vocabulary) <= size * (1 + SLACK):
            return without_rarest(vocabulary, size)
        point = (math.log(threshold), math.log(len(vocabulary)))
        if len(vocabulary) > size:
            low, too_large, enough = threshold + 1, point, vocabulary
        else:
            high, too_small = threshold - 1, point
        if too_large and too_small:
            share = (too_large[1] - target) / (too_large[1] - too_small[1])
            # Away from the ends, so that both bounds close in even where the curve is not a line.
            guess = too_large[0] + min(max(share, 0.1), 0.9) * (too_small[0] - too_large[0])
        else:
            guess = point[0] + (point[1] - target) / SIZE_EXPONENT
        threshold = min(max(round(math.exp(guess)), low), high)
    return without_rarest(enough, size) if enough else vocabulary


def without_rarest(vocabulary: list[str], size: int) -> list[str]:
    """Drop WordPieces from the end of a learned vocabulary until `size` are left.

    Special tokens and single characters stay, whatever the size: without them words of the text would be unknown.
    """
    surplus = len(vocabulary) - size
    kept = []
    for wordpiece in reversed(vocabulary):
        if surplus > 0 and wordpiece not in SPECIAL_TOKENS and len(wordpiece.removeprefix("##")) > 1:
            surplus -= 1
        else:
            kept.append(wordpiece)
    return kept[::-1]


def build_from_text(frames: Sequence[str | Path], output: str | Path, size: int, lower_case: bool) -> None:
    """Learn a vocabulary from the texts of parquet files; the same texts give the same vocabulary.

    Args:
        frames: parquet files with a string column DATA_COLUMN: the training text first.
        output: written, one WordPiece per line, `SPECIAL_TOKENS` first.
        size: number of WordPieces wanted.
        lower_case: learn an uncased vocabulary.

    Raises:
        BadInput: if there is no word in the texts.
    """
    word_counts = count_frame_words(frames, lower_case)
    frame = ", ".join(map(str, frames))
    if not word_counts:
        raise BadInput(f"{frame}, DATA_COLUMN: there is no word in any text; give training texts to learn from")
    log.info("%s: %d words, %d distinct", frame, sum(count for _, count in word_counts), len(word_counts))
    vocabulary = learn_vocabulary(word_counts, size)
    write_vocabulary(vocabulary, output)
    log.info("%s: %d WordPieces learned, %d asked for", output, len(vocabulary), size)


def build_from_file(path: str | Path, output: str | Path, lower_case: bool) -> None:
    """Check a given vocabulary and write it in normal form (UTF-8, newline after every WordPiece).

    Args:
        path: vocabulary file, one WordPiece per line.
        output: written; the ids are those of `path`.
        lower_case: whether the texts will be lower-cased; only warns when the vocabulary seems to be for the other.

    Raises:
        BadInput: see `read_vocabulary`.
    """
    vocabulary = read_vocabulary(path)
    cased = sum(wordpiece != wordpiece.lower() for wordpiece in vocabulary if wordpiece not in SPECIAL_TOKENS)
    if lower_case and cased > len(vocabulary) // 10:
        log.warning(
            "%s: %d of %d WordPieces have capital letters, which lower-cased text never matches; is lower_case right?",
            *(path, cased, len(vocabulary)),
        )
    write_vocabulary(vocabulary, output)
    log.info("%s: %d WordPieces taken from %s", output, len(vocabulary), path)


def write_vocabulary(vocabulary: list[str], path: str | Path) -> None:
    """Write one WordPiece per line, UTF-8, newline at the end of each."""
    Path(path).write_bytes("".join(f"{wordpiece}\n" for wordpiece in vocabulary).encode("utf-8"))
