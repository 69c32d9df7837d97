"""Which columns hold the texts and labels of a table, and how a csv is written, told by what people bring."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.names import LABEL_NAMES, TEXT_NAMES, is_row_number, text_pair
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import BadInput

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[tuple[str, Any]]]:
    """Writes a file and reads it; its rows."""

    def run(name: str, content: bytes | str, split: str = "train", **options: Any) -> list[tuple[str, Any]]:
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(raw)
        texts, labels, _ = read_examples(PublishedFile(tmp_path / name, split, **{"max_bytes": 10**8} | options))
        names = [label.decode() if isinstance(label, bytes) else label for label in labels]
        return list(zip([raw.decode() for raw in texts], names, strict=True))

    return run


def refusal(read: Callable[..., list], *args: Any, **options: Any) -> str:
    with pytest.raises(BadInput) as error:
        read(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "text", "label"),
    [
        (["Review Text", "Rating", "Title", "Age"], "Review Text", "Rating"),
        (["id", "keyword", "location", "text", "target"], "text", "target"),
        (["textID", "text", "selected_text", "sentiment"], "text", "sentiment"),
        (["UserName", "OriginalTweet", "Sentiment"], "OriginalTweet", "Sentiment"),
        (["PhraseId", "SentenceId", "Phrase", "Sentiment"], "Phrase", "Sentiment"),
        (["article_link", "headline", "is_sarcastic"], "headline", "is_sarcastic"),
        (["title", "text", "subject", "label"], "text", "label"),
        (["qid", "question_text", "target"], "question_text", "target"),
        (["text", "label", "label_text"], "text", "label"),
        (["Unnamed: 0", "text", "clean_text", "intent"], "text", "intent"),
        (["overall", "reviewText", "summary"], "reviewText", "overall"),
        (["tweet_id", "airline_sentiment", "name", "retweet_count", "text"], "text", "airline_sentiment"),
        ([" text ", "label "], "text", "label"),
        (["text_train", "label_train", "other"], "text_train", "label_train"),
    ],
)
def test_names_of_well_known_data_sets_are_found(
    read: Callable[..., list], names: list[str], text: str, label: str
) -> None:
    """Whatever case and blanks they have, and whatever else stands beside them."""
    plain = [name.strip() for name in names]
    row = ["the text" if name == text else "the label" if name == label else f"other {name}" for name in plain]
    assert read("a.csv", f"{','.join(names)}\n{','.join(row)}\n") == [("the text", "the label")]


def test_two_candidates_are_both_named(read: Callable[..., list]) -> None:
    """Instead of one of them being guessed."""
    said = refusal(read, "a.csv", "text,coarse_label,fine_label\na,b,c\n")
    assert "'coarse_label' and 'fine_label' could both hold the labels" in said
    assert said.endswith("set dataset.label")


def test_the_documentation_lists_the_names() -> None:
    """Each in the tier where it is looked for."""
    page = (PROJECT / "docs/data.md").read_text(encoding="utf-8")
    for tier in (*TEXT_NAMES, *LABEL_NAMES):
        rows = [line for line in page.splitlines() if all(f"`{name}`" in line for name in tier)]
        assert rows, sorted(tier)


@pytest.mark.parametrize(
    "name", ["", "Unnamed: 0", "unnamed: 12", "Unnamed: 0_level_0", "__index_level_0__", "ID", "Idx"]
)
def test_numbers_of_rows_are_neither(name: str) -> None:
    """Written by pandas or by hand."""
    assert is_row_number(name)


def test_what_columns_hold_tells_where_names_do_not(read: Callable[..., list]) -> None:
    """Two columns are told apart beyond doubt, or refused; of more it is said what to set."""
    lines = [f"{'ham' if i % 3 else 'spam'},this is the message of number {i}" for i in range(40)]
    found = read("a.csv", "\n".join(["v1,v2,,", *(f"{line},," for line in lines)]))
    assert found[:2] == [("this is the message of number 0", "spam"), ("this is the message of number 1", "ham")]
    said = refusal(read, "a.csv", "\n".join(["v1,v2,v3", *(f"{line},{i}" for i, line in enumerate(lines))]))
    assert "it has the columns 'v1', 'v2', 'v3'; set dataset.text" in said
    assert "'v2' are the texts and 'v1' the labels" in said
    both = refusal(
        read, "a.csv", "\n".join(["v1,v2", *(f"one long text {i},another long text {i}" for i in range(40))])
    )
    assert "cannot tell which column holds the texts" in both
    assert "by what they hold" not in both


# Rows with other than one text and one label --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        *(("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text_a", "text_b")),
        *(("Text 1", "Text 2"), ("question", "passage"), ("sentenceA", "sentenceB"), ("query", "document")),
        *(("text", "text2"), ("text", "text_pair"), ("Headline", "articleBody"), ("sentence", "sentence2")),
    ],
)
def test_pairs_of_texts_are_told(read: Callable[..., list], names: tuple[str, str]) -> None:
    """With both ways round; the study may name one of the two."""
    content = f"{names[0]},{names[1]},label\na,b,1\n"
    said = refusal(read, "a.csv", content)
    assert f"{names[0]!r} and {names[1]!r} look like pairs of texts, which are not supported" in said
    assert "set dataset.text to one of them" in said
    assert read("a.csv", content, text=names[1]) == [("b", "1")]


def test_names_that_are_no_pair(read: Callable[..., list]) -> None:
    """One of the two alone is a column like others, and so is a pair beside a column of texts."""
    assert read("a.csv", "text,premise,hypothesis,label\na,b,c,1\n") == [("a", "1")]
    assert text_pair(["text", "label", "text3"]) is None
    assert text_pair(["label", "label2", "text"]) is None
    assert text_pair(["question", "label", "premise"]) is None
    assert text_pair(["a", "b", "label"]) is None


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("classes", [["toxic", "obscene", "threat"], ["anger", "fear", "joy"]])
def test_a_column_per_class_is_told(read: Callable[..., list], name: str, classes: list[str]) -> None:
    """Several may be 1; one of them, named, is a class against the rest."""
    frame = pd.DataFrame({"id": range(4), "comment_text": ["a", "b", "c", "d"]} | {c: [0, 1, 1, 0] for c in classes})
    content = {
        "a.csv": frame.to_csv(index=False).encode(),
        "a.jsonl": frame.to_json(orient="records", lines=True).encode(),
        "a.parquet": frame.to_parquet(),
    }[name]
    said = refusal(read, name, content)
    assert f"'{classes[0]}', '{classes[1]}', '{classes[2]}' hold only 0 and 1, one column per class" in said
    assert "several labels per text are not supported" in said
    assert "set dataset.label to one of them" in said
    assert [str(label) for _, label in read(name, content, label=classes[1])] == ["0", "1", "1", "0"]


@pytest.mark.parametrize("marks", [("TRUE", "FALSE"), ("Yes", "no"), ("x", ""), ("1", ""), ("X", " ")])
def test_marks_of_a_column_per_class_are_told(read: Callable[..., list], marks: tuple[str, str]) -> None:
    """However they are written; beside another label yes and no are no classes."""
    yes, no = marks
    for names in ("toxic,obscene", "anger,joy"):
        said = refusal(read, "a.csv", f"text,{names}\na,{yes},{no}\nb,{no},{yes}\nc,{yes},{yes}\n")
        assert ", one column per class, and several labels per text are not supported" in said
    content = f"text,rating,liked,bought\na,5,{yes},{no}\nb,3,{no},{yes}\n"
    assert read("a.csv", content) == [("a", "5"), ("b", "3")]
    assert read("a.csv", "text,toxic,verified\na,0,yes\nb,1,no\n") == [("a", "0"), ("b", "1")]


def test_one_column_of_two_values_is_the_label(read: Callable[..., list]) -> None:
    """Beside the texts and numbers of rows; and `label` is one whatever other flags there are."""
    assert read("a.csv", "id,text,toxic\n1,a,0\n2,b,1\n") == [("a", "0"), ("b", "1")]
    assert read("a.csv", "text,label,is_reply\na,0,1\nb,1,0\n") == [("a", "0"), ("b", "1")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"text": "a", "labels": ["x", "y"]}\n{"text": "b", "labels": []}\n'),
        ("a.json", json.dumps({"text": ["a", "b"], "labels": [[1], [2, 3]]})),
        ("a.parquet", pd.DataFrame({"text": ["a", "b"], "labels": [[1], [2, 3]]}).to_parquet()),
        ("a.csv", "text,labels\na,\"['x', 'y']\"\nb,['x']\n"),
    ],
    ids=["jsonl", "json", "parquet", "csv"],
)
def test_lists_of_labels_are_told(read: Callable[..., list], name: str, content: Any) -> None:
    """In each form that can hold them."""
    said = refusal(read, name, content)
    assert "'labels' (dataset.label) holds lists, and several labels per text are not supported" in said


@pytest.mark.parametrize("label", ["\"['x', 'y']\"", "['x']", "\"('x',)\"", "{'x'}", '"[1, 2]"'])
def test_lists_of_labels_in_some_rows_are_told(read: Callable[..., list], label: str) -> None:
    """They are no classes beside the others."""
    assert "'label' (dataset.label) holds lists" in refusal(read, "a.csv", f"text,label\na,x\nb,{label}\n")
    said = refusal(read, "a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": ["x", "y"]}\n')
    assert "'label' (dataset.label) holds lists" in said
    for plain in ("[other]", "(none of them)", "{x}"):
        assert read("a.csv", f"text,label\na,x\nb,{plain}\n")[1] == ("b", plain)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("id,text\n1,a\n", {}),
        ("id,text,keyword,place\n1,a,b,c\n", {}),
        ("id,text,keyword\n1,a,b\n", {"text": "text", "label": "label"}),
    ],
)
def test_a_test_file_without_labels_is_told(read: Callable[..., list], content: str, options: dict) -> None:
    """With the way round."""
    said = refusal(read, "a.csv", content, split="test", **options)
    assert "a test file without labels cannot be scored: leave `dataset.test` out" in said
    assert "dataset.test" not in refusal(read, "a.csv", content, **options)


# Keys inside others ---------------------------------------------------------------------------------------------------

NESTED = [{"id": i, "data": {"text": f"t{i}", "more": {"a.b": 1}}, "meta": {"label": i % 2}} for i in range(4)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet", "a.arrow"])
def test_keys_inside_others_are_named_with_a_dot(read: Callable[..., list], name: str) -> None:
    """The sentence without them names them."""
    table = pa.Table.from_pylist(NESTED)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    content = {
        "a.jsonl": "\n".join(map(json.dumps, NESTED)),
        "a.json": json.dumps(NESTED),
        "a.parquet": sink.getvalue(),
        "a.arrow": stream.getvalue().to_pybytes(),
    }[name]
    assert "keys inside others are named with a dot: 'data.text', " in refusal(read, name, content)
    assert read(name, content, text="data.text", label="meta.label") == [(f"t{i}", i % 2) for i in range(4)]
    assert read(name, content, text="data.text", label="data.more.a.b") == [(f"t{i}", 1) for i in range(4)]
    assert "has no 'data.none' (dataset.text)" in refusal(read, name, content, text="data.none")


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_name_with_a_dot_wins(read: Callable[..., list], name: str) -> None:
    """Over a key inside another."""
    rows = [{"data.text": "outer", "label": 1}]
    if name == "a.jsonl":
        rows[0]["data"] = {"text": "inner"}  # type: ignore[assignment]
    content: Any = json.dumps(rows[0]) if name == "a.jsonl" else pd.DataFrame(rows).to_parquet()
    assert read(name, content, text="data.text") == [("outer", 1)]


def test_a_missing_struct_is_a_missing_text(read: Callable[..., list]) -> None:
    """As a missing key is."""
    table = pa.table({"data": pa.array([{"text": "a"}, None]), "label": [0, 1]})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert "row 2: the text is missing" in refusal(read, "a.parquet", sink.getvalue(), text="data.text")


@pytest.mark.parametrize("rows", [1, 150, 250])
def test_columns_are_found_before_their_values_are_checked(read: Callable[..., list], rows: int) -> None:
    """First rows without a text hide nothing: the row is told."""
    lines = ['{"text": null, "label": "pos"}'] * rows + ['{"text": "a", "label": "neg"}'] * 3
    assert "line 1: the text is missing" in refusal(read, "a.jsonl", "\n".join(lines))
    others = '{"text": 5, "label": "pos"}\n{"text": "a", "label": "neg"}\n'
    assert "line 1: the text is a number, 5; name the column" in refusal(read, "a.jsonl", others)
    assert "line 1: the text is a list, [" in refusal(read, "a.jsonl", '{"text": ["a", "b"], "label": "pos"}')
    table = pa.table({"text": pa.nulls(2), "label": ["pos", "neg"]})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert "all 2 texts are missing or empty" in refusal(read, "a.parquet", sink.getvalue())


# csv and tsv ----------------------------------------------------------------------------------------------------------

HEADERLESS = {
    "labels first": "neg,a bad film\npos,a good one\nneg,another bad one\n",
    "a known word": "spam\tyou have won\nham\tsee you\nspam\twon again\n",
    "numbers": '"3","A headline","The story"\n"2","Another","Its story"\n',
    "long texts": "a first text that has so many words in it,x\na second text,y\n",
    "twice": "0,0,some text\n4,1,other text\n",
}


@pytest.mark.parametrize("case", HEADERLESS)
def test_a_file_without_header_is_told(read: Callable[..., list], case: str) -> None:
    """With the key that names the columns."""
    content = HEADERLESS[case]
    name = "a.tsv" if "\t" in content else "a.csv"
    said = refusal(read, name, content)
    assert "has no header? Its first line looks like a row" in said
    assert "set dataset.train.columns to them in their order, such as [" in said
    columns = said.partition("such as [")[2].rstrip("]").split(", ")
    assert {"text", "label"} <= set(columns)
    assert len(read(name, content, columns=columns)) == content.count("\n")


def test_the_names_given_are_checked(read: Callable[..., list]) -> None:
    """Against the first line."""
    content = HEADERLESS["labels first"]
    assert read("a.csv", content, columns=["label", "text"])[0] == ("a bad film", "neg")
    assert "dataset.train.columns: gives 3 names, but the first line of" in refusal(
        read, "a.csv", content, columns=["label", "text", "more"]
    )
    said = refusal(read, "a.csv", "Text,Label\na,b\n", columns=["text", "label"])
    assert "its first line has these names already; remove dataset.train.columns" in said
    assert "has no 'label' (dataset.label)" in refusal(
        read, "a.csv", content, columns=["a", "b"], text="a", label="label"
    )
    for key, value in (("columns", ["text", "label"]), ("delimiter", ";")):
        said = refusal(read, "a.jsonl", '{"text": "a", "label": "b"}', **{key: value})
        assert f"dataset.train.{key}: is for csv and tsv" in said


@pytest.mark.parametrize(
    "header", ["text,label", "Frage,text,label", "0,1,text,label", "How did you like the food that you had?,label,text"]
)
def test_headers_are_no_rows(read: Callable[..., list], header: str) -> None:
    """Long questions, numbers and words that stand in a text too."""
    width = header.count(",") + 1
    rows = [",".join(["label", "text", "x", "y"][:width]), ",".join(["a", "b", "c", "d"][:width])]
    assert len(read("a.csv", "\n".join([header, *rows]))) == 2


@pytest.mark.parametrize(
    "content",
    [
        "text,toxic\na,toxic\nb,fine\n",
        "spam,message\nspam,you won\nham,see you\n",
        "text,label,source\na,x,source\nb,y,other\n",
        "Headline,Stance\na,stance\nb,Stance\n",
    ],
)
def test_a_known_name_may_be_a_value_too(read: Callable[..., list], content: str) -> None:
    """A name of texts shows the header, whatever the other columns hold."""
    assert len(read("a.csv", content)) == 2


def test_a_label_may_be_a_known_name_of_texts(read: Callable[..., list]) -> None:
    """In a file without a header, where it stands in later rows too."""
    assert "has no header?" in refusal(read, "a.csv", "query,how is it?\nquery,who?\nstatement,it is\n")


def test_names_of_the_study_show_the_header(read: Callable[..., list]) -> None:
    """Long questions of a survey, of which the study names the texts."""
    long = "What would you tell a friend about this place and its people"
    content = f"{long},Would you come again to this place?\nyes it is nice,no\nnot so nice,no\n"
    assert "has no header?" in refusal(read, "a.csv", content)
    assert read("a.csv", content, text=long)[0] == ("yes it is nice", "no")


def test_the_example_of_columns_goes_by_what_they_hold(read: Callable[..., list]) -> None:
    """Not by the first line alone, whose label may be longer than its text."""
    rows = ["1,very good indeed,ok"] + [f"{i},{'bad' if i % 2 else 'good'},a longer text {i}" for i in range(2, 12)]
    assert refusal(read, "a.csv", "\n".join(rows)).endswith("such as [column1, label, text]")


def test_a_header_in_the_middle_is_refused(read: Callable[..., list]) -> None:
    """It is no row of the class "label"."""
    content = "text,label,id\na,x,1\n" + "text, label ,id\nb,y,2\n"
    assert "line 3: repeats the header; take the line out" in refusal(read, "a.csv", content)
    assert read("a.csv", "text,label\ntext,x\na,label\n") == [("text", "x"), ("a", "label")]


def test_columns_for_a_file_with_a_header_are_refused(read: Callable[..., list]) -> None:
    """Else its header were a row; a row that holds such words is one where they stand again."""
    said = refusal(read, "a.csv", "text,label\na,x\nb,y\n", columns=["review", "sentiment"])
    assert "its first line looks like a header: 'text', 'label'; remove dataset.train.columns and name" in said
    content = "spam,message\nspam,you won\nham,message\n"
    assert len(read("a.csv", content, columns=["label", "text"])) == 3


@pytest.mark.parametrize("delimiter", [";", "|", "\t", ","])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("quoting", [0, 1])
def test_delimiters_are_found(read: Callable[..., list], name: str, delimiter: str, quoting: int) -> None:
    """In either name, quoted throughout or not, with the others in the texts."""
    rows = [("one; two", "pos"), ("three, four | five", "neg"), ("six", "pos")]
    frame = pd.DataFrame(rows, columns=["text", "label"])
    content = frame.to_csv(index=False, sep=delimiter, quoting=quoting)
    assert read(name, content) == rows
    assert read(name, content, delimiter=delimiter) == rows


def test_a_rare_delimiter_is_named(read: Callable[..., list]) -> None:
    """It is not guessed at."""
    assert "is '^' the separator? Set dataset.train.delimiter" in refusal(read, "a.csv", "text^label\na^b\n")
    assert read("a.csv", "text^label\na^b\n", delimiter="^") == [("a", "b")]
    said = refusal(read, "a.csv", "te;xt|la;bel\na;b|c;d\n")
    assert "its fields may be separated by ';' or '|'; set dataset.train.delimiter" in said
    said = refusal(read, "a.csv", "text;label\n1;2;3\n1;2;3\n1\n")
    assert "is ';' the separator? Set dataset.train.delimiter" in said


@pytest.mark.parametrize(
    ("first", "delimiter"), [("sep=,", ","), ("sep=;", ";"), ('"sep=|"', "|"), ("SEP=\t", "\t"), ("sep = ;", ";")]
)
def test_the_line_that_names_the_delimiter_is_obeyed(read: Callable[..., list], first: str, delimiter: str) -> None:
    """And is no header; lines are counted from it."""
    content = (
        f"{first}\r\ntext,label\r\na,b\r\n".replace(",", delimiter)
        if delimiter != ","
        else f"{first}\ntext,label\na,b\n"
    )
    assert read("a.csv", content) == [("a", "b")]
    assert "line 4: 1 field where" in refusal(read, "a.csv", content + "c\n")


@pytest.mark.parametrize("content", ["\n\n", " \n\t\n", "\ufeff", "\ufeff\n", "sep=;", "sep=;\n", ",,\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_nothing_but_blanks_is_no_row(read: Callable[..., list], name: str, content: str) -> None:
    """Nor columns to choose from."""
    assert refusal(read, name, content).endswith(": has no rows; give a file with labelled texts")


@pytest.mark.parametrize(
    ("content", "place"), [("label,\npos,some text\n", 2), ("text,\na,x\n", 2), (",label\na,x\n", 1)]
)
def test_a_column_without_a_name_is_told(read: Callable[..., list], content: str, place: int) -> None:
    """Where it may be the one that is missing."""
    said = refusal(read, "a.csv", content)
    assert f" and, as column {place}, one without a name, to be named in the header" in said
    assert "without a name" not in refusal(read, "a.csv", ",label,\n1,x,\n")


@pytest.mark.parametrize(
    "content",
    [
        'text, label\n"good, really", "neg"\n"bad", "pos"\n',
        'text,label\n"good, really", "neg"\n"bad", "pos"\n',
        'text, label\n"good, really", neg\n"bad", pos\n',
        'label, text\nneg, "good, really"\npos, "bad"\n',
        'label,text\nneg, "good, really"\npos, "bad"\n',
    ],
)
def test_blanks_after_delimiters_are_none_of_a_field(read: Callable[..., list], content: str) -> None:
    """Quotes behind them enclose their field."""
    assert read("a.csv", content) == [("good, really", "neg"), ("bad", "pos")]


def test_a_blank_of_a_text_stays(read: Callable[..., list]) -> None:
    """Where nothing says that it is none of it."""
    content = 'text,label\n" a ""b""",x\n c,x\n'
    assert read("a.csv", content) == [(' a "b"', "x"), (" c", "x")]


def test_a_late_label_in_quotes_is_refused(read: Callable[..., list]) -> None:
    """It is never a class of its own."""
    content = "text,label\n" + "a,neg\nb,pos\n" * 500 + 'c, "neg"\n'
    assert "line 1002: the label is ' \"neg\"', quotes and all" in refusal(read, "a.csv", content)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        *(('\t"pos"', '\t"pos"'), ('\u00a0"pos"', '\u00a0"pos"'), ("'pos'", "'pos'"), ('"""pos"""', '"pos"')),
        *(("\u201cpos\u201d", "\u201cpos\u201d"), ('="pos"', '="pos"'), ("\u00abpos\u00bb", "\u00abpos\u00bb")),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_label_with_its_quotes_is_refused(read: Callable[..., list], label: str, found: str, delimiter: str) -> None:
    """Whatever quotes they are, and whatever blank stands before them."""
    said = refusal(read, "a.csv", f'text{delimiter}label\na{delimiter}neg\n"some text"{delimiter}{label}\n')
    assert f"line 3: the label is {found!r}, quotes and all" in said
    assert "; take " in said
    for whole in ("rock 'n' roll", "'tis", "it's", "5'"):
        assert read("a.csv", f"text,label\na,{whole}\n") == [("a", whole)]


@pytest.mark.parametrize("header", ['"text"\t"label"', "text\tlabel"])
def test_one_bad_quote_does_not_end_the_quoting(read: Callable[..., list], header: str) -> None:
    """In a tsv that quotes its names or nearly every line, the record is told instead."""
    for delimiter in ("\t", ";"):  # in a csv too
        table = f'{header}\n"1"\t"2"\n"Good" film\t"x"\n'.replace("\t", delimiter)
        assert "line 3: not a " in refusal(read, "a.csv", table)
    content = header + '\n"One film"\t"neg"\n"Good" film\t"pos"\n'
    assert "line 3: not a tsv record" in refusal(read, "a.tsv", content)


def test_too_few_and_too_many_fields_have_their_remedies(read: Callable[..., list]) -> None:
    """And delimiters at the end of a line are no fields."""
    few = refusal(read, "a.csv", "text,label\na,b\nbroken\nover lines,b\n")
    many = refusal(read, "a.csv", "text,label\na,b\none, two,b\n")
    assert "line 3: 1 field where the header has 2; a line break inside a text?" in few
    assert "line 3: 3 fields where the header has 2; a separator inside a text?" in many
    assert read("a.csv", "text,label\na,b,\nc,d,,\n") == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_stands_above_the_header_is_told(read: Callable[..., list], name: str, delimiter: str) -> None:
    """A title, or comments."""
    table = "text,label\na,x\nb,y\n".replace(",", delimiter)
    said = refusal(read, name, "Reviews of 2023\n" + table)
    assert "line 1 has 1 field, those after 2: a title above the header? Remove it" in said
    assert "the first 2 lines have 1 field, those after 2: a" in refusal(read, name, "# One\n# Two\n" + table)


@pytest.mark.parametrize("title", ["Reviews,,", "Reviews, 2023,"])
def test_a_title_with_separators_is_told(read: Callable[..., list], title: str) -> None:
    """As spreadsheets write it."""
    said = refusal(read, "a.csv", f"{title}\ntext,label,id\na,x,1\nb,y,2\n")
    assert "line 1 stands above what looks like the header, 'text', 'label', 'id': a title? Remove it" in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_at_the_end_of_the_header_are_no_columns(read: Callable[..., list], delimiter: str) -> None:
    """Where the rows lack them; a row that has more fields is told."""
    content = "text,label,,\na,x\nb,y,\n".replace(",", delimiter)
    assert read("a.csv", content) == [("a", "x"), ("b", "y")]
    more = "text,label,,\n" + "a,x\n" * 300 + "a,b,x\n"
    assert "line 302: 3 fields where the header has 2" in refusal(read, "a.csv", more)


def test_row_names_without_a_name_are_told(read: Callable[..., list]) -> None:
    """As R's write.table writes them."""
    said = refusal(read, "a.csv", '"text","label"\n"1","a","x"\n"2","b","y"\n')
    assert "the rows have one field more than the header, 3: row names? Name their column in the header" in said


@pytest.mark.parametrize("line", ['"b" ,"y"', '"b","y" '])
def test_a_blank_behind_a_closing_quote_is_told(read: Callable[..., list], line: str) -> None:
    """Instead of quotes within the text."""
    said = refusal(read, "a.csv", f"text,label\r\na,x\r\n{line}\r\n")
    assert "line 3: not a csv record" in said
    assert "take out the blanks between a closing quote and what follows" in said
    assert "take out the blanks" not in refusal(read, "a.csv", 'text,label\n"a" b,x\n')


def test_a_line_in_one_pair_of_quotes_is_told(read: Callable[..., list]) -> None:
    """It is no field."""
    assert "each line stands in one pair of quotes" in refusal(read, "a.csv", '"text,label"\n"a,x"\n"b,y"\n')


def test_what_columns_without_a_name_hold_is_told(read: Callable[..., list], caplog: pytest.LogCaptureFixture) -> None:
    """They are not read; an index is no loss."""
    with caplog.at_level("WARNING"):
        assert read("a.csv", ",text,label,,\n0,a,x,,\n1,b,y,,\n") == [("a", "x"), ("b", "y")]
        assert not caplog.records
        read("a.csv", "text,label,,\na,x,,\nb,y,more,\n")
    assert "1 rows have something in columns without a name" in caplog.text
