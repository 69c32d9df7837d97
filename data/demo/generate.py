"""Write train.npz, test.npz and unlabelled.txt.gz: short generated reviews whose label depends on word order and
composition.

Every review states one or more *claims*: a thing (the plot, the soup, the battery), and a word that praises or blames
it. How the claims are put together decides the label:

- grade 0, plain: the words mean what they say ("The plot was rather dull.");
- grade 1, one composition: a negation, a contrast, a change over time, an expectation or a comparison decides which
  claim counts, or turns it round ("Everyone said that the plot was dull; they were wrong.");
- grade 2, two compositions: one of the above over a claim that is itself negated ("Although nobody could say that the
  plot was dull, the script was awful.");
- grade 3, three: a contrast, a change or a comparison of which one part or both are such an expectation ("Although the
  critics wrote that nobody would call the plot dull, and they were right, the script was awful.").

From grade 1 on no word of praise or blame gives the label away: contrasts, changes and comparisons hold a claim of each
kind and differ in which of them counts; negations and refuted expectations turn it round; and some denials cancel out
("nobody could deny that ..."). In grade 0 the words do tell, so that a model can learn what they mean before it learns
how they combine. Labels are in equal shares in every construction, and no text occurs twice, neither within a split nor
across them.

Usage: python data/demo/generate.py [--out FOLDER]
       python data/demo/generate.py --other 50000 --out FOLDER    # what the encoders beside it were trained on
"""

import argparse
import gzip
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 20
OTHER_SEED = 21
SIZES = {"train": 4000, "test": 2000, "unlabelled": 12000}
GRADE_SHARES = {0: 0.30, 1: 0.30, 2: 0.25, 3: 0.15}
REMARK_SHARE = 0.25
LABELS = ("negative", "positive")


@dataclass(frozen=True)
class Review:
    """One text with its label (0 negative, 1 positive), its grade (0 to 3) and the name of its construction."""

    text: str
    label: int
    grade: int
    construction: str


@dataclass(frozen=True)
class Group:
    """Things of one kind and the words that praise (index 1) or blame (index 0) just this kind."""

    things: tuple[str, ...]
    words: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Subject:
    """What a claim is about: a name with its article, and its group if it is a part with special words."""

    name: str
    group: Group | None = None


@dataclass(frozen=True)
class Topic:
    """What a review can be about: names of the whole, its parts, and sentences without any judgement."""

    items: tuple[str, ...]
    groups: tuple[Group, ...]
    remarks: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _group(things: str, blame: str, praise: str) -> Group:
    return Group(tuple(thing.strip() for thing in things.split(",")), (_words(blame), _words(praise)))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


COMMON_WORDS = (
    _words(
        "dreadful awful terrible poor disappointing mediocre horrible annoying lousy miserable forgettable weak"
        " hopeless frustrating unpleasant tiresome dismal bad"
    ),
    _words(
        "wonderful excellent superb brilliant delightful lovely great impressive charming outstanding fantastic"
        " pleasant marvellous splendid memorable satisfying terrific good"
    ),
)

TOPICS = (
    Topic(
        _words("film movie comedy thriller drama sequel documentary"),
        (
            _group(
                "plot, script, dialogue, ending, opening scene, middle part",
                "dull predictable boring clumsy confused silly",
                "gripping clever moving witty funny original",
            ),
            _group(
                "cast, acting, leading actor, direction",
                "wooden lifeless clumsy stiff",
                "convincing lively natural moving",
            ),
            _group("soundtrack, lighting, scenery", "dreary ugly drab", "beautiful stylish striking"),
        ),
        _lines("""
            we saw it on a rainy Sunday
            I watched it with my brother
            the cinema was half full
            it runs for two hours
            I saw it on the plane
            my cousin chose it
            it is set in a small town
            we stayed until the credits
        """),
    ),
    Topic(
        _words("novel book memoir biography story trilogy"),
        (
            _group(
                "plot, first chapter, last chapter, ending, story",
                "dull predictable boring tedious confused flat",
                "gripping clever moving witty original vivid",
            ),
            _group(
                "prose, style, dialogue, translation",
                "clumsy stiff lifeless dreary",
                "elegant lively vivid natural",
            ),
            _group("hero, narrator, heroine", "flat unlikeable wooden", "convincing likeable lively"),
        ),
        _lines("""
            I read it on the train
            my sister lent it to me
            it has three hundred pages
            I found it in a library
            I finished it in a week
            our book club picked it
            it is set in the north
            I took it along on holiday
        """),
    ),
    Topic(
        _words("restaurant bistro diner cafe tavern"),
        (
            _group(
                "soup, bread, fish, dessert, pasta, salad, breakfast",
                "bland stale greasy tasteless cold",
                "delicious tasty fresh juicy fragrant",
            ),
            _group(
                "service, waiter, staff, owner",
                "rude careless slow sloppy",
                "friendly attentive polite helpful",
            ),
            _group("terrace, dining room, music", "drab noisy gloomy", "cosy stylish relaxing"),
        ),
        _lines("""
            we came on a Friday evening
            there were four of us
            we sat near the window
            it is close to the station
            I went there with my parents
            we had booked a table
            we stayed for an hour
            a colleague took me along
        """),
    ),
    Topic(
        _words("phone camera tablet laptop headset speaker watch"),
        (
            _group(
                "screen, keyboard, design, case, stand",
                "flimsy ugly clumsy fragile",
                "sturdy stylish elegant robust",
            ),
            _group(
                "battery, charger, software, menu, app",
                "unreliable slow confusing useless",
                "reliable fast handy helpful",
            ),
            _group("sound, picture, microphone", "tinny blurred harsh", "crisp clear rich"),
        ),
        _lines("""
            I bought it in March
            it came in a small box
            I use it at work
            my father gave it to me
            I have had it for a month
            it was on sale
            I ordered it last week
            we have two of them at home
        """),
    ),
)

ADVERBS = _words("rather quite really truly simply very thoroughly deeply remarkably so")

# {x} is a thing with its article, {w} a judging word with or without an adverb.
PLAIN = _lines("""
    {x} was {w}
    {x} was {w}
    {x} seemed {w} to me
    {x} struck me as {w}
    {x} proved {w}
    {x} felt {w}
    I found {x} {w}
    I thought {x} was {w}
""")
# Turns the word round.
NEGATED = _lines("""
    nobody could say that {x} was {w}
    I would not call {x} {w}
    {x} was not at all what I would call {w}
    not for a moment did I think that {x} was {w}
    I never once felt that {x} was {w}
    nobody would call {x} {w}
""")
# Uses the same words as NEGATED and leaves the judging word as it is.
AFFIRMED = _lines("""
    nobody could deny that {x} was {w}
    not for a moment did I doubt that {x} was {w}
    I never once doubted that {x} was {w}
""")

# {m} is the clause that counts, {s} the other one.
CONTRAST = _lines("""
    {s}, but {m}
    {s}, but {m}
    {s}, but {m}
    {s}, and yet {m}
    although {s}, {m}
    although {s}, {m}
    {m}, although {s}
    {m}, although {s}
""")
CHANGE = _lines("""
    at first {s}, but later {m}
    at first {s}, but in the end {m}
    at first {s}; in the end {m}
    in the end {m}, though at first {s}
""")
BOTH = _lines("""
    {a}, and {b}
    {a} and {b}
    {a}; what is more, {b}
    {a}; besides, {b}
""")

SOURCES = _lines("""
    everyone said
    the critics wrote
    my friends told me
    people kept telling me
    all the reviews claimed
    my neighbours insisted
    the ads promised
""")
AGREED = _lines("""
    they were right
    they were so right
    I can only agree
    that was the truth
    it really was
""")
REFUTED = _lines("""
    they were wrong
    they were so wrong
    I can only disagree
    that was a lie
    it was anything but
""")
EXPECTATION = {
    "agreed": _lines("""
        {source} that {claim}; {reply}
        {source} that {claim}, and {reply}
        {source} that {claim}. {reply}
    """),
    "refuted": _lines("""
        {source} that {claim}; {reply}
        {source} that {claim}, but {reply}
        {source} that {claim}. {reply}
    """),
}
# The same as part of a longer sentence.
TOLD = {"agreed": ("{source} that {claim}, and {reply}",), "refuted": ("{source} that {claim}, but {reply}",)}
REPLIES = {"agreed": AGREED, "refuted": REFUTED}

# {m} is about this item, {s} about another one.
COMPARISON = _lines("""
    {s}; {m}
    {s}, but {m}
    {s}, whereas {m}
    {m}; {s}
    {m}, whereas {s}
""")
THIS = ("this one", "this {item}")
OTHER = ("the last one", "the last {item}")

CLAIMS = {"plain": PLAIN, "negated": NEGATED, "affirmed": AFFIRMED}
# What somebody else says is not told in the first person.
REPORTED = {
    form: tuple(line for line in lines if not {"I", "me"} & set(line.split())) for form, lines in CLAIMS.items()
}
CONSTRUCTIONS = {
    0: ("one claim", "two claims"),
    1: ("negation", "contrast", "change", "expectation", "comparison"),
    2: ("contrast", "change", "expectation", "comparison"),
    3: ("contrast", "change", "comparison"),
}
# By grade, the forms of the clause that counts and of the other one.
OPPOSED_FORMS = {
    1: (("plain", "plain"),),
    2: (("negated", "plain"), ("plain", "negated"), ("negated", "negated")),
    3: (("told", "told"), ("told", "plain"), ("told", "negated"), ("plain", "told"), ("negated", "told")),
}
NOT_PLAIN = ("negated", "negated", "negated", "affirmed")


class _Writer:
    """Writes the judgement of one review on one topic."""

    def __init__(self, rng: random.Random, topic: Topic, label: int, grade: int) -> None:
        self.rng = rng
        self.topic = topic
        self.item = rng.choice(topic.items)
        self.label = label
        self.grade = grade

    def word(self, judgement: int, group: Group | None) -> str:
        """A word of blame (0) or praise (1), special to a group half of the time, often with an adverb."""
        special = group is not None and self.rng.random() < 0.5
        word = self.rng.choice(group.words[judgement] if special else COMMON_WORDS[judgement])
        return f"{self.rng.choice(ADVERBS)} {word}" if self.rng.random() < 0.5 else word

    def parts(self) -> list[Subject]:
        """Two different parts of the item."""
        every = [Subject(f"the {thing}", group) for group in self.topic.groups for thing in group.things]
        return self.rng.sample(every, 2)

    def claim(self, meaning: int, subject: Subject, form: str = "plain", reported: bool = False) -> str:
        """A claim that amounts to blame (`meaning` 0) or praise (1), without a capital letter or a full stop."""
        judgement = 1 - meaning if form == "negated" else meaning
        line = self.rng.choice((REPORTED if reported else CLAIMS)[form])
        return line.format(x=subject.name, w=self.word(judgement, subject.group))

    def one_claim(self) -> str:
        whole = self.rng.random() < 0.3
        return self.claim(self.label, Subject(f"the {self.item}") if whole else self.parts()[0])

    def two_claims(self) -> str:
        first, second = self.parts()
        return self.rng.choice(BOTH).format(a=self.claim(self.label, first), b=self.claim(self.label, second))

    def negation(self) -> str:
        return self.claim(self.label, self.parts()[0], self.rng.choice(NOT_PLAIN))

    def contrast(self) -> str:
        return self.opposed(CONTRAST, *self.parts())

    def change(self) -> str:
        return self.opposed(CHANGE, *self.parts())

    def comparison(self) -> str:
        this, other = (Subject(self.rng.choice(names).format(item=self.item)) for names in (THIS, OTHER))
        return self.opposed(COMPARISON, this, other)

    def opposed(self, lines: tuple[str, ...], this: Subject, other: Subject) -> str:
        """A clause about `this`, which counts, beside one of the opposite meaning about `other`."""
        main, side = self.rng.choice(OPPOSED_FORMS[self.grade])
        return self.rng.choice(lines).format(
            m=self.clause(self.label, this, main), s=self.clause(1 - self.label, other, side)
        )

    def clause(self, meaning: int, subject: Subject, form: str) -> str:
        """A claim, or what somebody else says of it and whether that is right."""
        if form != "told":
            return self.claim(meaning, subject, form)
        return self.told(meaning, subject, self.rng.choice(NOT_PLAIN), TOLD)

    def expectation(self) -> str:
        form = "plain" if self.grade == 1 else self.rng.choice(NOT_PLAIN)
        return self.told(self.label, self.parts()[0], form, EXPECTATION)

    def told(self, meaning: int, subject: Subject, form: str, lines: dict[str, tuple[str, ...]]) -> str:
        """What somebody else says, and a reply to it, which together amount to `meaning`."""
        outcome = self.rng.choice(("agreed", "refuted"))
        claimed = meaning if outcome == "agreed" else 1 - meaning
        return self.rng.choice(lines[outcome]).format(
            source=self.rng.choice(SOURCES),
            claim=self.claim(claimed, subject, form, reported=True),
            reply=self.rng.choice(REPLIES[outcome]),
        )


def _punctuate(text: str) -> str:
    """The text with a capital letter at the start and a full stop at the end of each sentence."""
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in text.split(". "))


def write_review(rng: random.Random, label: int, grade: int, construction: str) -> Review:
    """One review with the given label, grade and construction (a name of `CONSTRUCTIONS[grade]`)."""
    topic = rng.choice(TOPICS)
    writer = _Writer(rng, topic, label, grade)
    text = _punctuate(getattr(writer, construction.replace(" ", "_"))())
    place = rng.random()
    if place < REMARK_SHARE:
        remark = _punctuate(rng.choice(topic.remarks))
        text = f"{remark} {text}" if place < REMARK_SHARE / 2 else f"{text} {remark}"
    return Review(text, label, grade, construction)


def _plan(size: int) -> list[tuple[int, int, str]]:
    """Label, grade and construction of every review of a split: labels in equal shares in each construction."""
    plan = []
    for grade, share in GRADE_SHARES.items():
        names = CONSTRUCTIONS[grade]
        for index in range(round(size * share)):
            plan.append((index % 2, grade, names[index // 2 % len(names)]))
    return plan


def generate(
    seed: int = SEED, sizes: dict[str, int] | None = None, seen: set[str] | None = None
) -> dict[str, list[Review]]:
    """The reviews of each split, in the order in which they are stored; equal for equal arguments.

    No two reviews, of one split or of two, have the same text when case is ignored.

    Args:
        seed: of what is drawn.
        sizes: reviews of each split, by its name; `SIZES` by default.
        seen: texts in lower case that must not be among them; grows by those that are.
    """
    rng = random.Random(seed)
    seen = set() if seen is None else seen
    splits = {}
    for split, size in (sizes or SIZES).items():
        reviews = []
        for label, grade, construction in _plan(size):
            review = write_review(rng, label, grade, construction)
            while review.text.lower() in seen:
                review = write_review(rng, label, grade, construction)
            seen.add(review.text.lower())
            reviews.append(review)
        rng.shuffle(reviews)
        splits[split] = reviews
    return splits


def generate_other(size: int) -> list[Review]:
    """Reviews of which none is one of the study's, such as its encoders were trained on."""
    seen = {review.text.lower() for reviews in generate().values() for review in reviews}
    return generate(OTHER_SEED, {"other": size}, seen)["other"]


def as_arrays(reviews: list[Review]) -> dict[str, np.ndarray]:
    """The arrays that are stored: text (n,) object, label (n,) str, grade (n,) int8."""
    return {
        "text": np.array([review.text for review in reviews], dtype=object),
        "label": np.array([LABELS[review.label] for review in reviews]),
        "grade": np.array([review.grade for review in reviews], dtype=np.int8),
    }


def write_npz(path: Path, reviews: list[Review]) -> None:
    """Write reviews with their labels; the texts are an object array, which NumPy stores as a pickle."""
    np.savez_compressed(path, allow_pickle=True, **as_arrays(reviews))


def write_splits(folder: Path, seed: int = SEED) -> None:
    """Write train.npz, test.npz and, a text per line, unlabelled.txt.gz."""
    splits = generate(seed)
    for split in ("train", "test"):
        write_npz(folder / f"{split}.npz", splits[split])
    lines = "".join(f"{review.text}\n" for review in splits["unlabelled"])
    # Without a time, or equal texts would be other bytes.
    (folder / "unlabelled.txt.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the demo reviews.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder (default: beside this file)")
    parser.add_argument(
        "--other", type=int, metavar="N", help="write other.npz instead, N reviews none of which is theirs"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.other is None:
        write_splits(args.out)
    else:
        write_npz(args.out / "other.npz", generate_other(args.other))


if __name__ == "__main__":
    main()
