"""What people call the columns of their texts, labels and rows, as docs/data.md lists it."""

import re

# In tiers: a name of a later one is looked for only where there is none of those before.
TEXT_NAMES: tuple[frozenset[str], ...] = (
    frozenset(
        {
            *("text", "texts", "review", "reviews", "sentence", "sentences", "document", "documents", "content"),
            *("comment", "message", "tweet", "body", "question", "utterance"),
        }
    ),
    frozenset(
        {
            *("review_text", "reviewtext", "review_body", "review_content", "reviews_text", "comment_text", "comments"),
            *("commenttext", "comment_body", "tweet_text", "tweets", "tweettext", "originaltweet", "tweet_content"),
            *("question_text", "questiontext", "questions", "message_text", "messages", "sms", "email", "email_text"),
            *("post", "posts", "post_text", "utterances", "query", "queries", "phrase", "phrases", "statement"),
            *("article", "article_text", "news", "passage", "paragraph", "doc", "full_text", "fulltext", "raw_text"),
            *(
                "text_content",
                "sentence_text",
                "input_text",
                "excerpt",
                "essay",
                "narrative",
                "transcription",
                "resume",
            ),
            *(
                "transcript",
                "consumer_complaint_narrative",
                "complaint",
                "lyrics",
                "joke",
                "product_review",
                "feedback",
            ),
        }
    ),
    frozenset({"headline", "headlines", "title", "titles", "description", "abstract", "summary", "subject", "input"}),
    frozenset({"clean_text", "cleaned_text", "clean_review", "processed_text", "text_clean", "text_cleaned"}),
    frozenset({"data", "x"}),
)
LABEL_NAMES: tuple[frozenset[str], ...] = (
    frozenset(
        {
            *("label", "labels", "target", "targets", "class", "classes", "category", "sentiment", "polarity", "y"),
        }
    ),
    frozenset(
        {
            *("intent", "intents", "emotion", "emotions", "topic", "topics", "categories", "feeling", "mood", "stance"),
            *("stars", "star_rating", "rating", "ratings", "overall", "sentiments", "airline_sentiment"),
            *("coarse_label", "fine_label", "class_name", "class_label", "class_index", "classification"),
            *("label_name", "label_text", "label_id", "gold", "gold_label", "sentiment_label", "review_sentiment"),
            *("is_sarcastic", "is_spam", "is_toxic", "toxic", "toxicity", "spam", "hate", "offensive", "humor"),
            *("tag", "genre", "output"),
        }
    ),
)
# Numbers of rows, by whatever tool they were written; pandas' own are told by `is_row_number`.
ROW_NUMBERS = frozenset(
    {
        *("", "id", "idx", "index", "row", "row_id", "rowid", "row_number", "guid", "uuid", "qid", "sno", "s.no", "#"),
        *("textid", "text_id", "tweet_id", "tweetid", "phraseid", "sentenceid", "review_id", "comment_id", "post_id"),
    }
)
# The two texts of a row of text pairs.
PAIRS: tuple[tuple[str, str], ...] = (
    *(("premise", "hypothesis"), ("query", "passage"), ("query", "document"), ("question", "sentence")),
    *(("question", "passage"), ("question", "answer"), ("question", "context"), ("headline", "articlebody")),
    ("headline", "article_body"),
)
_PAIRED = re.compile(r"(.*?)[_ ]?(1|a)", re.IGNORECASE)
_SECOND = {"1": "2", "a": "b"}
_BESIDE = ("2", "_2", "_b", "_pair")  # the second text's name is the first one's with such an end


def plain_name(name: str) -> str:
    """A column's name as it stands in the lists: "Review Text" and "review-text" are review_text."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def is_row_number(name: str) -> bool:
    """Whether a column numbers the rows, as an index of pandas does."""
    unnamed = re.fullmatch(r"unnamed:_?\d+(_level_\d+)?|__index_level_\d+__", plain_name(name))
    return plain_name(name) in ROW_NUMBERS or unnamed is not None


def known_names(key: str, split: str) -> list[set[str]]:
    """The tiers of names of the texts or labels, alone and with the split's, as `x_train` and `train_x`.

    Args:
        key: "text" or "label".
        split: name of the part that is read.
    """
    tiers = TEXT_NAMES if key == "text" else LABEL_NAMES
    return [{form for name in tier for form in (name, f"{name}_{split}", f"{split}_{name}")} for tier in tiers]


def names_both(fields: list[str], split: str) -> bool:
    """Whether one of the fields is a known name of texts and another one of labels; single letters are too common."""
    plain = {plain_name(field) for field in fields if len(field.strip()) > 1}
    return all(any(plain & tier for tier in known_names(key, split)) for key in ("text", "label"))


def text_pair(names: list[str]) -> tuple[str, str] | None:
    """The first two columns that are known to hold the two texts of a pair."""
    by_name = {plain_name(name): name for name in names}
    for first, second in PAIRS:
        if first in by_name and second in by_name:
            return by_name[first], by_name[second]
    texts = {name for tier in TEXT_NAMES for name in tier} | {"sent", "q"}
    for plain, name in by_name.items():
        beside = next((plain + end for end in _BESIDE if plain in texts and plain + end in by_name), None)
        if beside is not None:
            return name, by_name[beside]
        found = _PAIRED.fullmatch(plain)
        if found is not None and found[1] in texts:
            second = plain[: found.start(2)] + _SECOND[found[2]]
            if second in by_name:
                return name, by_name[second]
    return None
