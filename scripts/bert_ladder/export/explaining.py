"""The words that an answer rests on: what its probability loses without each of them."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from bert_ladder.export.loading import Classifier

MOST_NAMED = 5
# Of the largest drop: a word whose own is smaller is not named.
SMALLEST_SHARE = 0.1
SMALLEST_DROP = 1e-4
MOST_TRIED = 2000  # different words of a text, from its beginning
CHUNK = 256


def important_words(model: Classifier, text: str, code: int) -> list[tuple[str, float]]:
    """The words without which the probability of an answer falls most (Li et al. 2016, arXiv 1612.08220: erasure).

    Each different word is left out wherever it stands, since one of two that say the same would not be missed.
    Punctuation is none.

    Args:
        model: that answers.
        text: what it answers.
        code: of the class that is the answer.

    Returns:
        At most MOST_NAMED words, lower-cased, and their drops, falling.
    """
    found = dict.fromkeys(found[0].lower() for found in _pattern().finditer(text))
    words = [word for word in found if not _is_punctuation(word)][:MOST_TRIED]
    whole = model.probabilities([text])[0, code]
    drops: list[float] = []
    for start in range(0, len(words), CHUNK):
        # By a blank, since its neighbours would become one word.
        without = [replace_words(text, {word}, lambda _: " ") for word in words[start : start + CHUNK]]
        drops += (whole - model.probabilities(without)[:, code]).tolist()
    ranked = sorted(zip(words, drops, strict=True), key=lambda pair: -pair[1])[:MOST_NAMED]
    least = max(SMALLEST_DROP, SMALLEST_SHARE * max(drops, default=0.0))
    return [(word, drop) for word, drop in ranked if drop >= least]


def replace_words(text: str, words: set[str], new: Callable[[str], str]) -> str:
    """A text with other strings for some of its words.

    Args:
        text: any.
        words: lower-cased, replaced wherever they stand.
        new: what to write for such a word, given as it stands there.
    """
    return _pattern().sub(lambda found: new(found[0]) if found[0].lower() in words else found[0], text)


def _is_punctuation(word: str) -> bool:
    return all(unicodedata.category(character).startswith("P") for character in word)


@cache
def _pattern() -> re.Pattern[str]:
    """Matches a word as the linear models have them."""
    from bert_ladder.training.linear import word_pattern

    return word_pattern()
