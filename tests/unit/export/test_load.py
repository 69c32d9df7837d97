"""A chosen model in Python, and the command on a single text; a BERT through ONNX Runtime, without TensorFlow."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from bert_ladder.commands.main import main
from bert_ladder.evaluation.calibration import scale_probabilities
from bert_ladder.evaluation.chosen_model import LINEAR_MODEL, NATIVE, RECORD, Decision, model_sha256, read_chosen
from bert_ladder.export import load, loading
from bert_ladder.export.explaining import important_words, replace_words
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, PIECES, WORDS, chosen_record, linear_chosen

PAD, START, END = (PIECES.index(piece) for piece in ("[PAD]", "[CLS]", "[SEP]"))
TEXTS = ["a lovely film", "the dull film", "was"]


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chosen linear model of three classes."""
    return linear_chosen(tmp_path_factory.mktemp("chosen") / "linear")


def onnx_chosen(folder: Path, length: int = 16, truncation: str = "head", proven: bool = True) -> Path:
    """A chosen BERT of which there is only the form onnx: each of WORDS adds 2 to the logit of its class."""
    (folder / "onnx").mkdir(parents=True)
    speaks = np.zeros((len(PIECES), len(LABELS)), np.float32)
    for word, code in WORDS.items():
        speaks[PIECES.index(word), code] = 2
    ids = helper.make_tensor_value_info("token_ids", TensorProto.INT32, ["batch", "width"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])
    nodes = [
        helper.make_node("Gather", ["speaks", "token_ids"], ["spoken"]),
        helper.make_node("ReduceSum", ["spoken", "axes"], ["logits"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(speaks, "speaks"), numpy_helper.from_array(np.array([1]), "axes")]
    graph = helper.make_graph(nodes, "words", [ids], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "onnx/model.onnx")
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    special = [("[CLS]", START), ("[SEP]", END)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    tokenizer.save(str(folder / "onnx/tokenizer.json"))
    record = {"length": length, "truncation": truncation, "pad": PAD, "start": START, "end": END, "labels": LABELS}
    (folder / "onnx/onnx.json").write_text(json.dumps(record | {"temperature": 1.0}))
    outcome = {"works": True, "proven": proven, "reason": None if proven else "it answers otherwise"}
    chosen_record("bert").write(folder / RECORD)
    content = {"model_sha256": model_sha256(read_chosen(folder)), "forms": {"onnx": outcome}}
    (folder / "forms.json").write_text(json.dumps(content))
    return folder


def test_answers_in_a_frame(linear: Path) -> None:
    """One line per text, in their order and with the index of a Series."""
    model = load(linear)
    found = model.predict(TEXTS)
    assert list(found) == ["prediction", *(f"probability_{label}" for label in LABELS)]
    assert found["prediction"].tolist() == ["good", "bad", "bad"]
    np.testing.assert_array_equal(found.iloc[:, 1:].to_numpy(), model.probabilities(TEXTS))
    series = pd.Series(TEXTS, index=[5, 3, 4])
    pd.testing.assert_frame_equal(model.predict(series), found.set_axis([5, 3, 4]))
    assert model.labels == list(LABELS)
    assert model.predict([]).empty


def test_order_of_texts_is_kept_over_batches(linear: Path, tmp_path: Path) -> None:
    """Texts are sorted by length on the way only."""
    random = np.random.default_rng(0)
    texts = ["very " * random.integers(0, 9) + random.choice(list(WORDS)) for _ in range(150)]
    expected = [LABELS[WORDS[text.split()[-1]]] for text in texts]
    for folder in (linear, onnx_chosen(tmp_path / "onnx")):
        assert load(folder).predict(texts)["prediction"].tolist() == expected


@pytest.mark.parametrize(("texts", "sentence"), [("a", "a single text"), (["a", None], "text 2: is NoneType")])
def test_what_is_no_list_of_texts_is_refused(linear: Path, texts: object, sentence: str) -> None:
    """A string would be taken for a list of letters."""
    with pytest.raises(BadInput, match=sentence):
        load(linear).predict(texts)


def test_temperature_scales_and_abstention_leaves_out(tmp_path: Path) -> None:
    """softmax(log p / T), and None for what is less sure than asked."""
    decision = Decision(least_confidence=0.6)
    plain, scaled = (
        load(linear_chosen(tmp_path / str(t), temperature=t, decision=decision)).predict(TEXTS) for t in (1.0, 4.0)
    )
    assert plain["prediction"].isna().tolist() == [False, False, True]
    assert scaled["prediction"].isna().all()
    expected = scale_probabilities(plain.iloc[:, 1:].to_numpy(), 4.0)
    np.testing.assert_allclose(scaled.iloc[:, 1:].to_numpy(), expected)
    np.testing.assert_allclose(expected.sum(axis=1), 1)


def test_onnx_is_taken_where_it_was_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the native engine, which is not in this folder; asked for, it is refused with the reason."""

    def open_bert(folder: Path, classes: int) -> None:
        (folder / "native/encoder.json").read_text()

    monkeypatch.setattr(loading, "open_bert", open_bert)  # without a minute of TensorFlow
    model = load(onnx_chosen(tmp_path / "proven"))
    assert model.engine == "onnx"
    assert model.predict(TEXTS)["prediction"].tolist() == ["good", "bad", "bad"]
    unproven = onnx_chosen(tmp_path / "unproven", proven=False)
    with pytest.raises(BadInput, match=r"not proven on the test split \(it answers otherwise\); leave the engine out"):
        load(unproven, engine="onnx")
    with pytest.raises(BadInput, match="native: cannot be read"):
        load(unproven)
    (unproven / "forms.json").unlink()
    with pytest.raises(BadInput, match=r"its forms\.json does not say"):
        load(unproven, engine="onnx")


def test_form_of_an_earlier_choice_is_not_taken(tmp_path: Path) -> None:
    """Where the study has chosen anew, the forms are still those of the other model."""
    folder = onnx_chosen(tmp_path / "chosen")
    replace(chosen_record("bert"), made_with={"native": {"model.weights.h5": "of others"}}).write(folder / RECORD)
    with pytest.raises(BadInput, match=r"onnx was made of another model than this one; run `snakemake exports`"):
        load(folder, engine="onnx")


def test_onnx_does_without_tensorflow(tmp_path: Path) -> None:
    """It starts in a second, then."""
    code = (
        "import sys; from bert_ladder.export import load\n"
        f"load({str(onnx_chosen(tmp_path / 'chosen'))!r}).predict(['a'])\n"
        "print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    scripts = Path(__file__).parents[3] / "scripts"
    done = subprocess.run([sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("truncation", "expected"), [("head", "bad"), ("tail", "good"), ("head+tail", "good")], ids=str
)
def test_onnx_cuts_texts_as_training_did(tmp_path: Path, truncation: str, expected: str) -> None:
    """Of a text of six words the model sees four."""
    model = load(onnx_chosen(tmp_path / "chosen", length=6, truncation=truncation))
    (found,) = model.predict(["dull dull film film lovely lovely"])["prediction"]
    assert found == expected


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "onnx.json"])
def test_damaged_onnx_is_told(tmp_path: Path, name: str) -> None:
    """In a sentence that names the folder, be the file cut or gone."""
    folder = onnx_chosen(tmp_path / "chosen")
    file = folder / "onnx" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"onnx: cannot be read .* copy the folder again, .*, or take the engine native"):
        load(folder)
    file.unlink()
    with pytest.raises(BadInput, match=r"onnx: cannot be read .* copy the folder again"):
        load(folder)


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "other", "pickle"])
def test_damaged_linear_model_is_told(tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command in one sentence, whatever NumPy says of it."""
    folder = linear_chosen(tmp_path / "chosen")
    file = folder / NATIVE / LINEAR_MODEL
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:-200])
        case "empty":
            file.write_bytes(b"")
        case "gone":
            file.unlink()
        case "other":
            np.savez(file, a=1)
        case "pickle":
            np.savez(file, baseline=np.array(["nb_svm", {}], object))
    assert main(["predict", str(folder), "--text", "a"]) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(r"bert-ladder: .*/native: cannot be read \(.+\); it is damaged or not whole: .+\n", err)


def test_other_versions_are_told_where_a_model_cannot_be_read(tmp_path: Path) -> None:
    """They may be why; a model that can be read is taken whatever it was made with."""
    folder = linear_chosen(tmp_path / "chosen")
    made_with = {"versions": {"numpy": "0.1", "no-such-package": "1.0"}}
    replace(read_chosen(folder), made_with=made_with).write(folder / RECORD)
    assert load(folder).predict(["lovely"])["prediction"].tolist() == ["good"]
    (folder / NATIVE / LINEAR_MODEL).write_bytes(b"")
    with pytest.raises(BadInput, match=rf"cannot be read \(.+; made with numpy 0\.1, here {np.__version__}\); it is"):
        load(folder)


def test_packages_that_do_not_fit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that was compiled for another NumPy."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match=r"onnx: what it takes cannot be imported \(.*onnxruntime.*\); `make install`"):
        load(onnx_chosen(tmp_path / "chosen"))


def test_folder_that_is_no_chosen_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the file is read; another format names both versions."""
    folder = linear_chosen(tmp_path / "chosen")
    record = json.loads((folder / RECORD).read_text())
    for content, sentence in (
        (json.dumps(record | {"format": 99}), "has the format 99, and this program reads 1"),
        (json.dumps({"format": 1}), "lacks study, row"),
        (json.dumps(record)[:-20], f"{RECORD}: cannot be read"),
        ('"text"', f"{RECORD}: is no record of a chosen model; it is damaged"),
        (json.dumps(record | {"decision": None}), "decision is None, which no study writes; it is damaged"),
        (json.dumps(record | {"decision": {"sure": 1}}), "decision is {'sure': 1}, which no study writes"),
        (json.dumps(record | {"labels": None}), "labels is None, which no study writes"),
        (json.dumps(record | {"temperature": "warm"}), "temperature is 'warm', which no study writes"),
        (json.dumps(record | {"kind": "oracle"}), "kind is 'oracle', which no study writes"),
        (None, "is no chosen model"),
    ):
        (folder / RECORD).unlink() if content is None else (folder / RECORD).write_text(content)
        assert main(["predict", str(folder), "--text", "a"]) == 1
        err = capsys.readouterr().err
        assert sentence in err
        assert err.count("\n") == 1


def test_single_text(linear: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer first, then every class, falling; the marked words where they are asked for."""
    answer = ["good", "", "  good  0.8668", "  bad   0.1173", "  fine  0.0159"]
    assert main(["predict", str(linear), "--text", "Lovely, bright film; dull"]) == 0
    assert capsys.readouterr().out.splitlines() == answer
    assert main(["predict", str(linear), "--text", "Lovely, bright film; dull", "--explain"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *answer,
        "",
        "Without these words good would be less probable:",
        "[Lovely], [bright] film; dull",
        "  lovely  -0.3985",
        "  bright  -0.3985",
    ]


def test_single_text_that_is_not_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The most probable class is named, and what it lacks."""
    folder = linear_chosen(tmp_path / "chosen", decision=Decision(least_confidence=0.9))
    assert main(["predict", str(folder), "--text", "lovely"]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "not answered: good has 0.7870, and 0.9000 is needed"


def test_unanswered_text_with_a_threshold_is_told_by_the_answer_that_was_held_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is that answer's probability which was too low, though another class be more probable."""
    decision = Decision(positive=1, threshold=0.1, least_confidence=0.9)
    folder = linear_chosen(tmp_path / "chosen", ("bad", "good"), decision=decision)
    assert main(["predict", str(folder), "--text", "awful"]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("not answered: good has 0.1"), first


def test_marks_between_words_keep_them_apart(linear: Path) -> None:
    """Without a mark its neighbours stay two words, so that it is not taken for one that the answer rests on."""
    assert [word for word, _ in important_words(load(linear), "film>lovely", 2)] == ["lovely"]


def test_words_that_an_answer_rests_on(linear: Path) -> None:
    """Each word is left out wherever it stands: a presence counted once would not miss one of two."""
    model = load(linear)
    words = important_words(model, "LOVELY, lovely bright film", 2)
    assert [word for word, _ in words] == ["lovely", "bright"]
    before, after = (model.probabilities([text])[0, 2] for text in ("lovely bright film", "bright film"))
    assert words[0][1] == pytest.approx(before - after)
    assert important_words(model, "the film", 0) == []
    assert important_words(model, "", 0) == []
    assert replace_words("Dull, dulls dull!", {"dull"}, str.upper) == "DULL, dulls DULL!"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """What a user types first."""
    for arguments, expected in (
        (["--version"], "bert-ladder 0.2.0"),
        (["predict", "--help"], "results/<study>/chosen"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--text", " "], "--text: is empty"),
        (["--text", "a", "-o", "b.csv"], "--output: is for files"),
        (["--text", "a", "--threads", "0"], "--threads: found 0"),
        (["--text", "a", "--engine", "onnx"], "a linear model has no form onnx; leave the engine out"),
    ],
)
def test_options_that_do_not_fit(
    linear: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence each."""
    assert main(["predict", str(linear), *arguments]) == 1
    assert sentence in capsys.readouterr().err
