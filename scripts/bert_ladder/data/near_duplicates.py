"""Texts that are nearly equal: candidates by MinHash, each verified by the true similarity of its shingles.

The signatures are datasketch's. Its MinHashLSH keeps a dictionary entry per text and band, gigabytes for a million
texts; here the bands are sorted arrays, one after the other.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasketch import MinHash
from joblib import Parallel, delayed
from scipy.sparse import csr_array, vstack
from sklearn.feature_extraction.text import HashingVectorizer

from bert_ladder.data.frames import SplitPaths, frame_texts, plain

log = logging.getLogger(__name__)

# Words of a shingle, and the Jaccard similarity of two texts' shingles from which on they are nearly equal.
WORDS = 3
THRESHOLD = 0.7
# Two texts are compared if all hash values of some band are equal.
BANDS = 25
BAND_VALUES = 5
SEED = 1
# Templates, such as "your order 123 was sent", put thousands of texts into one band's bucket: each is compared with so
# many others of its bucket, drawn by chance, and there is an end to all.
NEIGHBOURS = 20
MOST_CANDIDATES = 10_000_000
CHUNK = 2_000  # texts that a process sketches at a time
SHINGLES = 5_000_000  # that are compared at a time
WORST = 10  # pairs that are shown of each kind
CHARACTERS = 160  # that are shown of a text, so many of them before the first difference
BEFORE = 40
KINDS = {"across": ("train", "test"), "train": ("train", "train"), "test": ("test", "test")}
# A character of Chinese or Japanese is a word, as for BERT's own tokenizer.
_IDEOGRAMS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = re.compile(rf"[{_IDEOGRAMS}]|[^\W{_IDEOGRAMS}]+")


@dataclass(frozen=True)
class DistinctTexts:
    """The distinct texts of both splits, where equal is `plain` the same.

    Attributes:
        plain: n texts, those of train first.
        rows: "train" and "test" to the first row of each text there, int64, shape (n,), -1 where it is not there.
        test: which of the n texts each test row has, int64.
    """

    plain: list[str]
    rows: dict[str, np.ndarray]
    test: np.ndarray

    def has(self, split: str) -> np.ndarray:
        """Which texts stand in a split, bool, shape (n,)."""
        return self.rows[split] >= 0


def audit_near_duplicates(frames: SplitPaths, path_near: str | Path, threads: int) -> None:
    """Write near_duplicates.json.

    Args:
        frames: parquet of each split.
        path_near: file to write: `threshold`, `words`, `missed` (expected share of the pairs that are just as similar
            as the threshold and are not found), `complete` (false where texts were too alike to compare all of them),
            `pairs` (of distinct texts by kind: within "train", within "test", and "across"), `test_rows` (with a
            training text that is nearly but not quite equal, and none that is equal), `worst` (by kind the most similar
            pairs: `similarity` and `texts`, each with `split`, `row` and an excerpt `text`).
        threads: processes to sketch texts with.
    """
    texts = {"train": frame_texts(frames.train), "test": frame_texts(frames.test)}
    distinct = distinct_texts(texts)
    shingles, keys = sketch_texts(distinct.plain, threads)
    pairs, complete = similar_pairs(shingles, keys)
    kinds = pairs_by_kind(pairs, distinct)
    near = np.zeros(len(distinct.plain), dtype=bool)
    near[kinds["across"]["place"]] = True
    near &= ~distinct.has("train")
    counts = {kind: len(kinds[kind]) for kind in KINDS}
    test_rows = int(near[distinct.test].sum())
    found = {
        "threshold": THRESHOLD,
        "words": WORDS,
        "missed": missed_share(THRESHOLD),
        "complete": complete,
        "pairs": counts,
        "test_rows": test_rows,
        "worst": {kind: shown_pairs(kinds[kind], splits, texts) for kind, splits in KINDS.items()},
    }
    Path(path_near).write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    log.info(
        "Nearly equal texts (similarity %s or more): %s pairs within train, %s within test, %s across; %s test rows%s",
        THRESHOLD,
        *(f"{counts[kind]:,}" for kind in ("train", "test", "across")),
        f"{test_rows:,}",
        "" if complete else "; at least, since too many texts are alike to compare all",
    )


def missed_share(similarity: float) -> float:
    """Expected share of the pairs of a Jaccard similarity that no band brings together (Leskovec et al., Mining of
    Massive Datasets, 3.4.2)."""
    return float((1 - similarity**BAND_VALUES) ** BANDS)


def distinct_texts(texts: dict[str, pd.Series]) -> DistinctTexts:
    """The distinct texts of "train" and "test"."""
    both = [plain(text) for split in ("train", "test") for text in texts[split]]
    codes, distinct = pd.factorize(np.array(both, dtype=object))
    parts = dict(zip(("train", "test"), np.split(codes, [len(texts["train"])]), strict=True))
    rows = {}
    for split, of_split in parts.items():
        rows[split] = np.full(len(distinct), -1, dtype=np.int64)
        found, first = np.unique(of_split, return_index=True)
        rows[split][found] = first
    return DistinctTexts(distinct.tolist(), rows, parts["test"])


def shingles_of(text: str) -> list[str]:
    """The runs of WORDS words of a `plain` text; one of all its words where these are fewer, or of a text without."""
    words = _WORD.findall(text)
    if len(words) < WORDS:
        return [" ".join(words) or text]
    return [" ".join(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1)]


def sketch_texts(texts: Sequence[str], threads: int) -> tuple[csr_array, np.ndarray]:
    """Shingles and bands of texts.

    Args:
        texts: n texts, each `plain`.
        threads: processes to work with.

    Returns:
        Which text has which shingle, by its hash: int8 ones, shape (n, 2^31 - 1). And a key of each band's hash values,
        uint64, shape (n, BANDS).
    """
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    parts = Parallel(n_jobs=min(threads, len(chunks)))(delayed(_sketch)(chunk) for chunk in chunks)
    shingles, keys = zip(*parts, strict=True)
    return vstack(shingles, format="csr"), np.concatenate(keys)


def _sketch(texts: Sequence[str]) -> tuple[csr_array, np.ndarray]:
    # MurmurHash3 with a fixed seed: the same in every process.
    vectorizer = HashingVectorizer(
        analyzer=shingles_of, n_features=2**31 - 1, binary=True, norm=None, alternate_sign=False, dtype=np.int8
    )
    shingles = csr_array(vectorizer.transform(texts))
    shingles.sort_indices()
    rows = (part.tolist() for part in np.split(shingles.indices, shingles.indptr[1:-1]))
    sketches = MinHash.generator(rows, num_perm=BANDS * BAND_VALUES, seed=SEED, scheme="affine32", hashfunc=int)
    values = np.stack([sketch.hashvalues for sketch in sketches]).astype(np.uint64)
    odd = np.random.default_rng(SEED).integers(2**63, size=BAND_VALUES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return shingles, (values.reshape(-1, BANDS, BAND_VALUES) * odd).sum(axis=2)


def similar_pairs(shingles: csr_array, keys: np.ndarray) -> tuple[pd.DataFrame, bool]:
    """The pairs of texts whose shingles have a Jaccard similarity of THRESHOLD or more.

    Args:
        shingles, keys: from `sketch_texts`.

    Returns:
        `one` and `other` (places of the texts, one < other) and `similarity`, in the order of the texts; and whether
        all candidates were compared.
    """
    sizes = np.diff(shingles.indptr)
    found, compared, complete = [], 0, True
    for one, other, whole in candidate_pairs(keys):
        complete &= whole
        left = MOST_CANDIDATES - compared
        complete &= len(one) <= left
        one, other = one[:left], other[:left]
        compared += len(one)
        # So many pairs at a time as have some millions of shingles.
        ends = np.cumsum(sizes[one] + sizes[other]) // SHINGLES
        for part in np.split(np.arange(len(one)), np.flatnonzero(np.diff(ends)) + 1):
            a, b = one[part], other[part]
            shared = (shingles[a] * shingles[b]).sum(axis=1, dtype=np.int64)
            similarity = shared / (sizes[a] + sizes[b] - shared)
            near = similarity >= THRESHOLD
            found.append(pd.DataFrame({"one": a[near], "other": b[near], "similarity": similarity[near]}))
    columns = {"one": np.int64, "other": np.int64, "similarity": np.float64}
    pairs = pd.concat([pd.DataFrame(columns=list(columns)).astype(columns), *found], ignore_index=True)
    return pairs.sort_values(["one", "other"], ignore_index=True), complete


def candidate_pairs(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Pairs of texts with an equal key in some band, each pair once.

    Args:
        keys: see `sketch_texts`.

    Yields:
        Of some pairs the places of the texts, int64, the smaller first; and false with pairs of a band that has more.
    """
    chance = np.random.default_rng(SEED).permutation(len(keys))
    for band, of_band in enumerate(keys.T):
        order = np.lexsort((chance, of_band))
        in_order = of_band[order]
        for distance in range(1, NEIGHBOURS + 2):
            places = np.flatnonzero(in_order[distance:] == in_order[:-distance])
            if not len(places):
                break
            if distance > NEIGHBOURS:
                yield places[:0], places[:0], False
                break
            ends = np.sort(np.stack([order[places], order[places + distance]]), axis=0)
            one, other = ends[:, ~(keys[ends[0], :band] == keys[ends[1], :band]).any(axis=1)]
            yield one, other, True


def pairs_by_kind(pairs: pd.DataFrame, distinct: DistinctTexts) -> dict[str, pd.DataFrame]:
    """Pairs by the splits of their texts; a text that stands in both splits counts in both.

    Returns:
        For each of KINDS the pairs: `first` and `second` (rows of the texts in their splits), `similarity`, and `place`
        of the second text among the distinct ones; the most similar first.
    """
    one, other = pairs["one"].to_numpy(), pairs["other"].to_numpy()
    found = {}
    for kind, (split, another) in KINDS.items():
        ways = [(one, other)] if split == another else [(one, other), (other, one)]
        frames = []
        for first, second in ways:
            here = distinct.has(split)[first] & distinct.has(another)[second]
            columns = {
                "first": distinct.rows[split][first[here]],
                "second": distinct.rows[another][second[here]],
                "similarity": pairs["similarity"].to_numpy()[here],
                "place": second[here],
            }
            frames.append(pd.DataFrame(columns))
        of_kind = pd.concat(frames, ignore_index=True)
        found[kind] = of_kind.sort_values(["similarity", "first", "second"], ascending=[False, True, True])
    return found


def shown_pairs(pairs: pd.DataFrame, splits: tuple[str, str], texts: dict[str, pd.Series]) -> list[dict[str, Any]]:
    """The most similar pairs of a kind, with excerpts.

    Args:
        pairs: of that kind, from `pairs_by_kind`.
        splits: of the first and of the second text.
        texts: "train" and "test" to their texts.
    """
    shown = []
    columns = (pairs[column].head(WORST).tolist() for column in ("first", "second", "similarity"))
    for *rows, similarity in zip(*columns, strict=True):
        excerpts = excerpts_of(*(texts[split].iloc[row] for split, row in zip(splits, rows, strict=True)))
        ends = [
            {"split": split, "row": row, "text": excerpt}
            for split, row, excerpt in zip(splits, rows, excerpts, strict=True)
        ]
        shown.append({"similarity": similarity, "texts": ends})
    return shown


def excerpts_of(one: str, other: str) -> tuple[str, str]:
    """Of two texts the part where they first differ."""
    length = min(len(one), len(other))
    differs = next((place for place in range(length) if one[place] != other[place]), length)
    start = max(0, differs - BEFORE)
    return _excerpt(one, start), _excerpt(other, start)


def _excerpt(text: str, start: int) -> str:
    end = start + CHARACTERS
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
