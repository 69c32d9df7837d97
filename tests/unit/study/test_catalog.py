"""The catalogue of encoders, and how a study's encoders are found in it, in the study and in resources/."""

import json
import re
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from bert_ladder.study.catalog import find_encoder, load_catalog, resolve_encoders
from bert_ladder.study.schema import StudyError, check_schema

PROJECT = Path(__file__).parents[3]
CONFIG_SCHEMA, SCHEMA = (
    yaml.safe_load((PROJECT / f"schemas/{name}.schema.yaml").read_text()) for name in ("config", "encoders")
)
CONFIG_SCHEMA["$defs"] |= SCHEMA["$defs"]
CATALOG = load_catalog(PROJECT / "catalog/encoders.yaml", SCHEMA)
MINIATURES = {f"bert_uncased_L-{n}_H-{h}_A-{h // 64}" for n, h in product(range(2, 13, 2), (128, 256, 512, 768))}
SIZES = {f"bert_{size}_{case}" for size in ("base", "large") for case in ("uncased", "cased")}
GOOGLES = sorted(MINIATURES | SIZES | {"bert_base_multilingual_cased"})
OTHERS = sorted(CATALOG["encoders"].keys() - GOOGLES)
PIECES = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"


def resolved(encoders: dict[str, Any], rows: list[str], *roots: Path, vocabularies: Any = None) -> dict[str, Any]:
    """A study's encoders and vocabularies, resolved."""
    study = {
        "encoders": deepcopy(encoders),
        "vocabularies": vocabularies or {},
        "baselines": [],
        "models": [{"name": f"Row {row}", "encoder": row} for row in rows],
    }
    resolve_encoders(study, CATALOG, [Path(), *roots])
    return study


def normal_form(folder: Path, lower_case: bool = True) -> Path:
    """A folder with the files of an encoder in normal form; no real weights."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text(PIECES)
    (folder / "encoder.json").write_text(json.dumps({"architecture": {}, "lower_case": lower_case}))
    (folder / "encoder.weights.h5").touch()
    return folder


def parameters(size: dict[str, int], vocabulary: int) -> int:
    """Weights of a BERT encoder (Devlin et al. 2019): embeddings, layers, pooler."""
    hidden, intermediate = size["hidden"], 4 * size["hidden"]
    norm, square = 2 * hidden, hidden * hidden + hidden
    layer = 4 * square + norm + 2 * hidden * intermediate + intermediate + hidden + norm
    return (vocabulary + size["positions"] + 2) * hidden + norm + size["layers"] * layer + square


def test_all_miniatures_and_their_bigger_siblings_are_known() -> None:
    """The 24 miniatures of Turc et al. 2019, Base and Large in both cases, and multilingual Base."""
    assert set(CATALOG["encoders"]) >= set(GOOGLES)
    assert len(MINIATURES) == 24


@pytest.mark.parametrize("name", GOOGLES)
def test_sizes_and_sources_agree_with_each_other(name: str) -> None:
    """The number of parameters follows from the size, and every address speaks of that size."""
    encoder = CATALOG["encoders"][name]
    size, vocabulary = encoder["size"], CATALOG["vocabularies"][encoder["vocabulary"]]
    assert size["parameters"] == parameters(size, vocabulary["size"])
    assert size["heads"] == size["hidden"] // 64
    assert vocabulary["lower_case"] == ("uncased" in name)
    wanted = f"L-{size['layers']}_H-{size['hidden']}_A-{size['heads']}"
    for source in encoder["sources"]:
        [(kind, address)] = source.items()
        if kind in ("tfhub", "checkpoint"):
            assert wanted in address
        if kind == "kaggle":
            assert wanted.lower().replace("_", "-") in address
        # "uncased" holds "cased": the case is told by what stands before it.
        if "cased" in address:
            assert ("uncased" in address) == vocabulary["lower_case"]


@pytest.mark.parametrize("name", OTHERS)
def test_what_others_published(name: str) -> None:
    """Each entry says where it was read, and its numbers are possible ones of a BERT."""
    encoder = CATALOG["encoders"][name]
    size = encoder["size"]
    assert encoder["read_in"]
    # Devlin et al.'s heads are 64 wide; MiniLM's 32.
    is_bert = encoder["family"] == "bert"
    width = 32 if size["hidden"] == 384 and is_bert else 64
    assert "heads" not in size or size["hidden"] // size["heads"] == width
    if "parameters" in size and is_bert:
        # What is left of them for the vocabulary, over the hidden size, is a whole number of WordPieces.
        pieces, rest = divmod(size["parameters"] - parameters(size, 0), size["hidden"])
        assert rest == 0
        assert 20_000 < pieces < 130_000
        if "vocabulary" in encoder:
            assert pieces == CATALOG["vocabularies"][encoder["vocabulary"]]["size"]
    lower_case = encoder.get("lower_case", CATALOG["vocabularies"].get(encoder.get("vocabulary"), {}).get("lower_case"))
    if "cased" in name:
        assert lower_case == ("uncased" in name)


@pytest.mark.parametrize("name", OTHERS)
def test_encoders_in_two_forms_say_which_gelu(name: str) -> None:
    """TensorFlow checkpoints and KerasHub's presets do not, and transformers' configuration would say another."""
    kinds = {kind for source in CATALOG["encoders"][name]["sources"] for kind in source}
    assert not kinds & {"checkpoint", "keras"} or "gelu" in CATALOG["encoders"][name]


def test_an_encoder_with_a_vocabulary_of_its_own() -> None:
    """Its tokens are made with the file that is fetched with it, and nobody shares them."""
    study = resolved({}, ["german", "bge-small"])
    assert study["vocabularies"] == {
        "bert_base_german_cased": {
            "file": "resources/encoders/bert_base_german_cased/vocab.txt",
            "lower_case": False,
        },
        "bge-small-en-v1.5": {"file": "resources/encoders/bge-small-en-v1.5/vocab.txt", "lower_case": True},
    }
    assert study["encoders"]["bert_base_german_cased"]["vocabulary"] == "bert_base_german_cased"
    with pytest.raises(StudyError, match=r"vocabularies\.gte-large: this is the name of an encoder of the catalogue"):
        resolved({}, ["gte-large"], vocabularies={"gte-large": {"size": 100, "lower_case": True}})


def test_documented_short_names_are_those_of_the_catalogue() -> None:
    """docs/encoders.md lists every alias, and nothing else, and how many encoders there are."""
    text = (PROJECT / "docs/encoders.md").read_text()
    table = text.partition("| kind | short names |")[2].partition("\n\n")[0]
    listed = [name for name in re.findall(r"`([^`]+)`", table) if ":" not in name]
    aliases = [alias for encoder in CATALOG["encoders"].values() for alias in encoder["aliases"]]
    assert set(listed) - {"gte-small", "gte-base", "gte-large", "finbert"} == set(aliases)
    assert all(find_encoder(CATALOG, name) for name in listed)
    assert f"({len(CATALOG['encoders'])} encoders)" in text


def test_published_parameter_counts() -> None:
    """Turc et al. and the model cards: 4.4, 11.2 (11.17), 28.8, 41.4 and 110 (109.5) million."""
    expected = {"tiny": 4.39, "mini": 11.17, "small": 28.76, "medium": 41.37, "base": 109.48, "large": 335.14}
    encoders = {alias: CATALOG["encoders"][find_encoder(CATALOG, alias)] for alias in expected}
    millions = {alias: encoder["size"]["parameters"] / 1e6 for alias, encoder in encoders.items()}
    assert millions == pytest.approx(expected, abs=0.005)


def test_alias_stands_for_its_encoder() -> None:
    """An alias and the name give one encoder, in a folder that all studies share."""
    study = resolved({}, ["tiny", "bert_uncased_L-2_H-128_A-2"])
    assert [row["encoder"] for row in study["models"]] == ["bert_uncased_L-2_H-128_A-2"] * 2
    assert list(study["encoders"]) == ["bert_uncased_L-2_H-128_A-2"]
    assert study["encoders"]["bert_uncased_L-2_H-128_A-2"]["fetched"] == "bert_uncased_L-2_H-128_A-2"


def test_encoders_of_one_vocabulary_share_its_tokens() -> None:
    """Texts are tokenized once for all encoders of one vocabulary, and adding a row changes nothing for the others."""
    study = resolved({}, ["tiny", "base", "base-cased"])
    tiny, base, cased = study["encoders"].values()
    assert tiny["vocabulary"] == base["vocabulary"] == "bert_uncased"
    assert cased["vocabulary"] == "bert_cased"
    assert study["vocabularies"] == {
        "bert_uncased": {"file": "resources/vocabularies/bert_uncased/vocab.txt", "lower_case": True},
        "bert_cased": {"file": "resources/vocabularies/bert_cased/vocab.txt", "lower_case": False},
    }
    assert resolved({}, ["base"])["vocabularies"].items() <= study["vocabularies"].items()


def test_a_study_may_define_a_name_of_the_catalogue_anew() -> None:
    """What a study says of a name wins over the catalogue."""
    scratch = {"scratch": {"layers": 1, "hidden": 8, "positions": 16}, "vocabulary": "own"}
    study = resolved({"tiny": scratch}, ["tiny"], vocabularies={"own": {"size": 100, "lower_case": True}})
    assert "scratch" in study["encoders"]["tiny"]


def test_inline_encoder_is_named_by_its_content() -> None:
    """Two studies may call different encoders by one name: they do not meet in resources/."""
    one = resolved({"mine": {"sources": [{"huggingface": "owner/one"}]}}, ["mine"])["encoders"]["mine"]
    two = resolved({"mine": {"sources": [{"huggingface": "owner/two"}]}}, ["mine"])["encoders"]["mine"]
    again = resolved({"mine": {"sources": [{"huggingface": "owner/one"}]}}, ["mine"])["encoders"]["mine"]
    assert one["fetched"] != two["fetched"]
    assert one == again
    assert one["fetched"].startswith("mine-")
    assert one["vocabulary"] == one["fetched"]
    # Nor do two that demand different things of the same files: each would fetch it again after the other.
    for demand in ({"lower_case": False}, {"vocabulary": "bert_cased"}):
        entry = {"sources": [{"huggingface": "owner/one"}]} | demand
        assert resolved({"mine": entry}, ["mine"])["encoders"]["mine"]["fetched"] != one["fetched"]


def test_inline_encoder_may_share_a_vocabulary_of_the_catalogue() -> None:
    """A fine-tuned BERT with the genuine vocabulary uses the tokens that are there."""
    encoder = {"sources": [{"checkpoint": "http://h/a.zip"}], "vocabulary": "bert_uncased", "gelu": "tanh"}
    study = resolved({"mine": encoder}, ["mine", "tiny"])
    mine = study["encoders"]["mine"]
    assert mine["vocabulary"] == "bert_uncased"
    assert "given_vocabulary" not in mine
    assert mine["definition"] == {"sources": [{"checkpoint": "http://h/a.zip"}], "gelu": "tanh"}


def test_local_sources_are_found_and_watched(tmp_path: Path) -> None:
    """A path is looked for beside the study; its files are inputs, so that a change is noticed."""
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").touch()
    study = resolved({"mine": {"sources": [{"huggingface": "bert"}]}}, ["mine"], tmp_path)
    assert study["encoders"]["mine"]["local"] == [str(tmp_path / "bert/config.json")]
    assert study["encoders"]["mine"]["definition"]["sources"] == [{"huggingface": str(tmp_path / "bert")}]


def test_folders_with_one_vocabulary_share_its_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vocabulary of an encoder in resources/ is known by its content: equal ones share tokens."""
    for name, lower_case in (("a", True), ("b", True), ("c", False)):
        normal_form(tmp_path / "resources/encoders" / name, lower_case)
    monkeypatch.chdir(tmp_path)
    study = resolved({}, ["a", "b", "c"])
    a, b, c = (study["encoders"][name]["vocabulary"] for name in "abc")
    assert a == b != c


def test_folder_in_normal_form(tmp_path: Path) -> None:
    """A folder of another place is copied into resources/, with its own vocabulary."""
    folder = normal_form(tmp_path / "mine")
    study = resolved({"mine": {"folder": str(folder)}}, ["mine"])
    assert study["encoders"]["mine"]["definition"]["sources"] == [{"folder": str(folder)}]
    assert study["vocabularies"][study["encoders"]["mine"]["vocabulary"]]["file"] == str(folder / "vocab.txt")


MISTAKES = {
    "unknown name": ({}, ["tiyn"], r"row 'Row tiyn'\).encoder: 'tiyn' is neither .* did you mean 'tiny'\?"),
    "missing local archive": (
        {"a": {"sources": [{"tfhub": "no/such.tar.gz"}]}},
        ["a"],
        r"encoders.a.sources\[0\].tfhub: there is no file or folder 'no/such.tar.gz'",
    ),
    "missing local folder": (
        {"a": {"sources": [{"huggingface": "./nowhere"}]}},
        ["a"],
        r"encoders.a.sources\[0\].huggingface: found './nowhere'; allowed is a folder that exists, or a repository",
    ),
    "repository without an owner": (
        {"a": {"sources": [{"huggingface": "bert-base-uncased"}]}},
        ["a"],
        r"encoders.a.sources\[0\].huggingface: found 'bert-base-uncased'; .* as owner/name",
    ),
    "address of another kind": (
        {"a": {"sources": [{"checkpoint": "gs://bucket/a.zip"}]}},
        ["a"],
        r"encoders.a.sources\[0\].checkpoint: found 'gs://bucket/a.zip'; allowed is a path, file://, http://",
    ),
    "vocabulary that is not there": (
        {"a": {"sources": [{"checkpoint": "http://h/a.zip"}], "vocabulary": "bert_uncasde"}},
        ["a"],
        "encoders.a.vocabulary: found 'bert_uncasde'",
    ),
    "case said twice": (
        {"a": {"sources": [{"checkpoint": "http://h/a.zip"}], "vocabulary": "bert_cased", "lower_case": True}},
        ["a"],
        "encoders.a.lower_case: the vocabulary 'bert_cased' says so already; remove the key",
    ),
    "gelu of a scratch encoder": (
        {"a": {"scratch": {"layers": 1, "hidden": 8}, "vocabulary": "v", "gelu": "erf"}},
        ["a"],
        "encoders.a.gelu: this key is for published encoders; remove it",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_get_one_sentence(mistake: str) -> None:
    """Each names the key, what was found and what to do."""
    encoders, rows, sentence = MISTAKES[mistake]
    with pytest.raises(StudyError, match=sentence):
        resolved(encoders, rows)


def test_vocabulary_of_the_study_under_a_name_of_the_catalogue_is_refused() -> None:
    """Two vocabularies of one name would be mistaken for each other."""
    with pytest.raises(
        StudyError, match=r"vocabularies\.bert_uncased: this is the name of a vocabulary of the catalogue"
    ):
        resolved({}, ["tiny"], vocabularies={"bert_uncased": {"size": 100, "lower_case": True}})


def test_learned_vocabulary_for_a_published_encoder_is_refused() -> None:
    """Its embeddings belong to the WordPieces that it was trained with."""
    encoder = {"a": {"sources": [{"checkpoint": "http://h/a.zip"}], "vocabulary": "own"}}
    with pytest.raises(StudyError, match=r"encoders\.a\.vocabulary: 'own' is learned from the study's text"):
        resolved(encoder, ["a"], vocabularies={"own": {"size": 100, "lower_case": True}})


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"tfhub": "http://h/1", "kaggle": "a/b/c/d/1"}, "exactly one of 'tfhub' or 'kaggle'"),
        ({"revision": "main"}, "exactly one of 'tfhub'"),
        ({"kaggle": "a/b/c/d"}, "found 'a/b/c/d'; allowed is what matches"),
        ({"checkpoint": "http://h/a.zip", "sha256": "12"}, "found '12'"),
        ({"tfhb": "http://h/1"}, "unknown key 'tfhb'; .*did you mean 'tfhub'"),
    ],
)
def test_malformed_source_in_a_study_is_refused(source: dict[str, Any], sentence: str) -> None:
    """The schema of the catalogue's sources holds for those of a study."""
    study = {
        "study": "s",
        "dataset": {"name": "d", "train": {"url": "a.csv"}},
        "encoders": {"a": {"sources": [source]}},
        "models": [{"name": "A", "encoder": "a"}],
    }
    with pytest.raises(StudyError, match=sentence):
        check_schema(study, CONFIG_SCHEMA)


def changed_catalog(tmp_path: Path, old: str, new: str) -> Path:
    """A copy of the catalogue with one change."""
    text = (PROJECT / "catalog/encoders.yaml").read_text()
    assert old in text
    file = tmp_path / "encoders.yaml"
    file.write_text(text.replace(old, new, 1))
    return file


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("aliases: [mini]", "aliases: [tiny]", "the name 'tiny' is that of bert_uncased_L-2_H-128_A-2 already"),
        ("      vocabulary: bert_uncased\n", "      vocabulary: bert_unc\n", "found 'bert_unc'; .*did you mean"),
        ("licence: Apache-2.0", "license: Apache-2.0", "unknown key 'license'; .*did you mean 'licence'"),
        ("layers: 2,", "layers: two,", "found 'two'; allowed is integer"),
        (
            "    lower_case: true\n    pooling: mean\n",
            "    pooling: mean\n",
            "found neither; give",
        ),
        ("    pooling: mean\n", "    pooling: max\n", "found 'max'; allowed are"),
        ("  bert_base_cased:\n", "  bert_base_uncased:\n", "the key 'bert_base_uncased' is given twice"),
    ],
)
def test_mistake_in_the_catalogue(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """A user who adds an encoder is told what is wrong with the entry."""
    with pytest.raises(StudyError, match=f"encoders.yaml.*{sentence}"):
        load_catalog(changed_catalog(tmp_path, old, new), SCHEMA)


def test_an_added_encoder_is_known(tmp_path: Path) -> None:
    """An entry is all that it takes."""
    entry = """
  my_bert:
    title: My BERT
    size: {layers: 2, hidden: 128, heads: 2, parameters: 4385920}
    vocabulary: bert_uncased
    sources:
      - huggingface: me/my-bert
    publication: none
    licence: MIT
"""
    file = tmp_path / "encoders.yaml"
    file.write_text((PROJECT / "catalog/encoders.yaml").read_text() + entry)
    assert find_encoder(load_catalog(file, SCHEMA), "my_bert") == "my_bert"


def test_an_encoder_of_another_family() -> None:
    """Its tokenizer is its own file; WordPieces may be shared with BERTs."""
    study = resolved({}, ["roberta", "distilbert"])
    file = "resources/encoders/roberta-base/tokenizer.json"
    assert study["vocabularies"]["roberta-base"] == {"file": file, "lower_case": None}
    assert study["encoders"]["distilbert-base-uncased"]["vocabulary"] == "bert_uncased"


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        ({"family": "robeta"}, r"encoders\.mine\.family: found 'robeta'; .*did you mean 'roberta'"),
        ({"family": "roberta", "lower_case": True}, r"encoders\.mine\.lower_case: this key is for WordPieces"),
        ({"family": "roberta", "vocabulary": "bert_uncased"}, r"encoders\.mine\.vocabulary: this key is for WordPiec"),
    ],
)
def test_bad_families_are_refused(encoder: dict, sentence: str) -> None:
    """One that is not on the list, and keys of WordPieces where there are none."""
    with pytest.raises(StudyError, match=sentence):
        resolved({"mine": {"sources": [{"huggingface": "me/mine"}]} | encoder}, ["mine"])
