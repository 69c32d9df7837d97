"""What an edit of a finished study plans: params and inputs as Snakemake compares them, without Snakemake."""

import hashlib
import json
import os
import shutil
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import build_corpus
import build_npz
import build_row
import download_dataset
from bert_ladder.data.frames import write_classes, write_texts
from bert_ladder.data.readers.streams import COMPRESSED_ENDINGS
from bert_ladder.study.contents import Contents
from bert_ladder.study.records import DataRecords, Source, is_same_reading
from bert_ladder.study.schema import StudyError
from bert_ladder.study.study import Places, Study, read_study
from workspace import MICRO, PROJECT, write_reviews

FILES = {"train": "train.csv", "test": "test.csv", "more": "more.txt"}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The micro study after all of its data jobs, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_reviews(Path("train.csv"), 24, seed=1000)
    write_reviews(Path("test.csv"), 12, seed=5000)
    Path("more.txt").write_text("a line\nand another\n")
    study = read()
    do_jobs(study)
    return study


@pytest.fixture
def before(finished: Study) -> dict[str, str]:
    """What Snakemake has recorded of its data jobs."""
    return compared(finished)


def read(changes: dict[str, Any] | None = None, **dataset: Any) -> Study:
    """The micro study with other keys, and other keys of its data set, as it is read in the working directory."""
    study = deepcopy(MICRO) | deepcopy(changes or {})
    study["dataset"] |= dataset
    return read_study(study, Places(Path(os.path.relpath(PROJECT))))


def do_jobs(study: Study) -> None:
    """Bring and read each file of a study as its rules do, and note its rows."""
    for file in study.dataset.published:
        bring(study, file)
    data = Path("results", study.name, "data")
    (data / "unlabelled").mkdir(parents=True, exist_ok=True)
    write_texts(data / "test.parquet", [b"a test text"])
    write_classes(data / "classes.json", ["bad", "good"])
    for part in FILES:
        read_part(study, part, data)
    for model in study.runs.rows:
        folder = Path("results", study.name, "runs", model)
        folder.mkdir(parents=True, exist_ok=True)
        job = SimpleNamespace(params=SimpleNamespace(row=study.runs.record(model)))
        job.output = SimpleNamespace(record=folder / "row.json")
        build_row.main(job)


def bring(study: Study, file: str) -> None:
    """The job download_dataset."""
    there = Path("resources", study.dataset.name, file)
    params = {"compared": study.dataset.download_params(file), "settings": study.dataset.download(file)}
    output = SimpleNamespace(data=there, record=Path(f"{there}.json"))
    download_dataset.main(SimpleNamespace(output=output, params=SimpleNamespace(**params)))


def read_part(study: Study, part: str, data: Path) -> None:
    """The job build_npz or build_corpus."""
    files = [file.replace("<dataset>", f"resources/{study.dataset.name}") for file in study.dataset.files_of(part)]
    params = {
        "compared": study.dataset.reading_params(part),
        "settings": study.dataset.reading(part),
        "place": study.dataset.place(part),
    }
    paths: dict[str, Any] = {"data": files, "record": [f"{file}.json" for file in files]}
    if part in study.dataset.unlabelled:
        paths |= {"test": data / "test.parquet", "classes": data / "classes.json"}
        output = {"corpus": data / f"unlabelled/{part}.parquet", "record": data / f"unlabelled/{part}.json"}
        script, params["corpus"] = build_corpus, part
    else:
        output = {"npz": data / f"{part}.npz", "record": data / f"{part}.json"}
        script, params["split"] = build_npz, part
    job = {"input": paths, "output": output, "params": params}
    script.main(SimpleNamespace(**{name: SimpleNamespace(**values) for name, values in job.items()}))


def compared(study: Study) -> dict[str, str]:
    """What Snakemake compares of each data job, as it writes it down."""
    params = {f"bring {file}": study.dataset.download_params(file) for file in study.dataset.published}
    params |= {f"read {part}": study.dataset.reading_params(part) for part in FILES}
    return {job: repr(value) for job, value in params.items()}


def planned(before: dict[str, str], after: Study) -> set[str]:
    """The data jobs that another study plans."""
    new = compared(after)
    return {job for job in new if new[job] != before.get(job)}


def sha256(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


# === The data set ===


def test_what_means_the_same_plans_nothing(before: dict[str, str]) -> None:
    """A right checksum, another limit, columns and forms that were found, the same file elsewhere: one by one."""
    train, test = MICRO["dataset"]["train"], MICRO["dataset"]["test"]
    assert planned(before, read()) == set()
    for changes in (
        {"train": train | {"sha256": sha256("train.csv").upper()}},
        {"max_bytes": 10**10},
        {"max_bytes": Path("train.csv").stat().st_size},
        {"text": "text"},
        {"label": "label"},
        {"text": "text", "label": "label"},
        {"empty_texts": "drop"},
        {"missing_labels": "keep"},
        {"distinct_labels": True},
        {"rare_classes": "refuse", "min_class_texts": 3, "merged_class": "rest"},
        {"test": test | {"format": "csv"}},
        {"test": test | {"delimiter": ","}},
        {"unlabelled": {"more": {"url": "more.txt", "format": "txt", "sha256": sha256("more.txt")}}},
    ):
        assert planned(before, read(**changes)) == set(), changes
    Path("elsewhere").mkdir()
    shutil.move("train.csv", "elsewhere")
    assert planned(before, read(train={"url": "elsewhere/train.csv"})) == set()


def test_renamed_file_plans_nothing(finished: Study, before: dict[str, str]) -> None:
    """It keeps the name by which it was brought, also when jobs of it run again and in the second renaming."""
    sources = {"train": "reviews 2026.v2.csv", "test": "data.csv", "more": "posts.txt"}
    for old, new in zip(FILES.values(), sources.values(), strict=True):
        shutil.move(old, new)
    changes: dict[str, Any] = {part: {"url": sources[part]} for part in ("train", "test")}
    changes["unlabelled"] = {"more": {"url": sources["more"]}}
    study = read(**changes)
    assert planned(before, study) == set()
    assert [study.dataset.files_of(part) for part in FILES] == [finished.dataset.files_of(part) for part in FILES]
    assert list(study.dataset.published) == list(FILES.values())
    assert study.dataset.source("train.csv").key == "dataset.train"
    do_jobs(study)
    assert json.loads(Path("resources/micro/train.csv.json").read_text())["source"] == sources["train"]
    Path("reviews 2026.v2.csv").rename("last.csv")
    changes["train"] = {"url": "last.csv"}
    assert planned(before, read(**changes)) == set()
    # A job's own record is gone while the job runs.
    Path("results/micro/data/train.json").unlink()
    assert read(**changes).dataset.files_of("train") == ["<dataset>/train.csv"]


def test_renamed_file_that_is_another_has_its_own_name(finished: Study) -> None:
    """By its content, by an ending that tells another form, or as its old name is that of another file now."""
    shutil.copy("train.csv", "same.csv")
    shutil.copy("train.csv", "train.tsv")
    Path("edited.csv").write_text(Path("train.csv").read_text() + "one more,good\n")
    for changes, names in (
        ({"train": {"url": "train.tsv"}}, ["train.tsv", "test.csv"]),
        ({"train": {"url": "edited.csv"}}, ["edited.csv", "test.csv"]),
        ({"train": {"url": "same.csv"}, "test": {"url": "train.csv"}}, ["same.csv", "train.csv"]),
    ):
        published = list(read(**changes).dataset.published)
        assert published[:2] == names, changes


@pytest.mark.parametrize("packed", COMPRESSED_ENDINGS)
def test_ending_before_that_of_a_packed_file_counts(tmp_path: Path, packed: str) -> None:
    """It tells the form, as the last one does of a file that is not packed."""
    brought = f"a.csv.{packed}"
    records = DataRecords(tmp_path, "s", "d", Contents(tmp_path / "contents.json"))
    records.copy(brought).parent.mkdir(parents=True)
    records.copy(brought).touch()
    records.copy(f"{brought}.json").write_text(json.dumps({"sha256": "0" * 64}))
    source = Source("dataset.train", ["https://example.org/file"], "0" * 64)
    names = (f"b.2026.csv.{packed}", f"b.tsv.{packed}", f"b.{packed}")
    assert [records.kept_name(name, source, "", []) for name in names] == [brought, *names[1:]]


def test_added_validation_file_reads_nothing_else_again(before: dict[str, str]) -> None:
    """Its own file and part are new; they are compared as those of the other splits are."""
    write_reviews(Path("own.csv"), 12, seed=7000)
    study = read(validation={"url": "own.csv"})
    assert planned(before, study) == {"bring validation-own.csv"}
    bring(study, "validation-own.csv")
    read_part(study, "validation", Path("results/micro/data"))
    params = study.dataset.reading_params("validation")
    assert params["held_out"] is None
    assert read(validation={"url": "own.csv", "format": "csv"}).dataset.reading_params("validation") == params
    assert read(validation={"url": "own.csv", "format": "tsv"}).dataset.reading_params("validation") != params


def test_what_means_another_thing_is_planned(before: dict[str, str]) -> None:
    """Exchanged or other columns, a lower limit than the file needs, another form, a held-out test split."""
    for changes, jobs in (
        ({"text": "label", "label": "text"}, {"read train", "read test"}),
        ({"label": "stars"}, {"read train", "read test"}),
        ({"max_bytes": Path("train.csv").stat().st_size - 1}, {"read train"}),
        ({"train": {"url": "train.csv", "format": "tsv"}}, {"read train"}),
        ({"train": {"url": "train.csv", "delimiter": ";"}}, {"read train"}),
        ({"train": {"url": "train.csv", "columns": ["text", "label"]}}, {"read train"}),
        ({"rare_classes": "drop"}, {"read train"}),
    ):
        assert planned(before, read(**changes)) == jobs, changes


def test_dropping_empty_texts_matters_where_there_are_some(before: dict[str, str]) -> None:
    """A file of which rows were left out is read again when they are to be refused."""
    settings = read(empty_texts="drop").dataset.reading("train")
    found = {"bytes": 1, "empty": 1, "formats": [], "columns": ["text", "label"], "text": "text", "label": "label"}
    assert not is_same_reading(settings | {"empty_texts": "refuse"}, settings, found)
    assert is_same_reading(settings | {"empty_texts": "refuse"}, settings, found | {"empty": 0})


def test_keys_of_labels_matter_where_there_are_such_labels(before: dict[str, str]) -> None:
    """Labels that are written alike, and words for missing ones."""
    settings = read(distinct_labels=True, missing_labels="keep").dataset.reading("train")
    found = {"bytes": 1, "formats": [], "columns": ["text", "label"], "text": "text", "label": "label"}
    for key, value, kind in (("distinct_labels", False, "alike"), ("missing_labels", "refuse", "missing_words")):
        assert not is_same_reading(settings | {key: value}, settings, found | {kind: 1})
        assert is_same_reading(settings | {key: value}, settings, found | {kind: 0})


def test_parts_of_a_split(finished: Study, before: dict[str, str]) -> None:
    """Each is brought by itself; one that is edited, added or exchanged is brought, and read, anew."""
    write_reviews(Path("b.csv"), 8, seed=7)
    write_reviews(Path("c.csv"), 8, seed=8)
    train: dict[str, Any] = {"parts": ["train.csv", {"url": "b.csv", "sha256": sha256("b.csv")}]}
    study = read(train=train)
    assert study.dataset.files_of("train") == ["<dataset>/train-1-train.csv", "<dataset>/train-2-b.csv"]
    do_jobs(study)
    done = compared(read(train=train))
    assert planned(done, read(train=train | {"parts": ["./train.csv", "b.csv"]})) == set()
    exchanged, more = (
        read(train={"parts": parts}) for parts in (["b.csv", "train.csv"], ["train.csv", "b.csv", "c.csv"])
    )
    assert planned(done, exchanged) == {"bring train-1-b.csv", "bring train-2-train.csv"}
    assert planned(done, more) == {"bring train-3-c.csv"}
    shutil.copy("b.csv", "renamed.csv")
    study = read(train={"parts": ["train.csv", "renamed.csv"]})
    assert planned(done, study) == set()
    assert study.dataset.files_of("train") == ["<dataset>/train-1-train.csv", "<dataset>/train-2-b.csv"]
    assert study.dataset.source("train-2-b.csv").key == "dataset.train.parts[1]"
    write_reviews(Path("b.csv"), 8, seed=9)
    train["parts"][1] = "b.csv"
    assert planned(done, read(train=train)) == {"bring train-2-b.csv"}
    do_jobs(read(train=train))
    record = json.loads(Path("results/micro/data/train.json").read_text())
    assert record["sha256"] == [sha256("train.csv"), sha256("b.csv")]
    assert record["file"] == ["train-1-train.csv", "train-2-b.csv"]


def test_parts_that_cannot_be_meant_are_refused(finished: Study) -> None:
    """One sentence each: a checksum of all, a file twice, one that is not there, an address beside them."""
    for train, expected in (
        ({"parts": ["train.csv", "test.csv"], "sha256": "0" * 64}, "dataset.train.sha256: is of one file"),
        ({"parts": ["train.csv", "train.csv"]}, r"dataset.train.parts\[1\]: train.csv is named twice"),
        ({"parts": ["train.csv", "no.csv"]}, r"dataset.train.parts\[1\]: there is no file or folder 'no.csv'"),
        ({"parts": ["train.csv"], "url": "train.csv"}, "exactly one of 'url' or 'parts'"),
        ({"parts": []}, "dataset.train.parts: found"),
        ({"parts": [{"sha256": "0" * 64}]}, r"dataset.train.parts\[0\]: the key 'url' is missing"),
    ):
        with pytest.raises(StudyError, match=expected):
            read(train=train)


def test_mirrors_that_differ_are_refused(finished: Study) -> None:
    """Two files of this machine under `url` were meant as parts; equal copies are mirrors."""
    with pytest.raises(StudyError, match=r"dataset.train.url: train.csv and test.csv are different files.* parts: "):
        read(train={"url": ["train.csv", "test.csv"]})
    shutil.copy("train.csv", "copy.csv")
    assert read(train={"url": ["copy.csv", "missing.csv", "train.csv"]}).dataset.files_of("train")


def test_edited_file_is_planned(before: dict[str, str]) -> None:
    """By its content: a touch is none, the same length and time may be one."""
    file = Path("train.csv")
    times = file.stat()
    file.touch()
    assert planned(before, read()) == set()
    file.write_text(file.read_text().replace("the", "teh", 1))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(before, read()) == {"bring train.csv"}
    # When the jobs have run nothing more is planned.
    after = compared(read())
    do_jobs(read())
    assert planned(after, read()) == set()


def test_jobs_do_what_the_study_says(before: dict[str, str], finished: Study) -> None:
    """What is compared may be of before; a job that runs for another reason has the settings of now."""
    study = read(max_bytes=10**10, train={"url": "train.csv", "sha256": sha256("train.csv")})
    assert study.dataset.reading("train")["max_bytes"] == 10**10
    assert study.dataset.reading_params("train")["max_bytes"] == finished.dataset.reading("train")["max_bytes"]
    assert study.dataset.download("train.csv")["sha256"] == sha256("train.csv")
    do_jobs(study)
    assert planned(before, read()) == set()


def test_mirrors_and_checksums_of_an_address(finished: Study) -> None:
    """Mirrors that are added or reordered plan nothing, nor does a password; another address alone does."""
    addresses = ["https://a.example.org/train.csv", "https://b.example.org/train.csv"]
    record = Path("resources/micro/train.csv.json")
    params = {"locations": addresses, "sha256": None}
    record.write_text(json.dumps(json.loads(record.read_text()) | {"source": addresses[1], "params": params}))
    train = {"url": [*reversed(addresses), "https://u:p@c.example.org/train.csv"]}
    right = sha256("train.csv")
    for same in (train, {"url": addresses[0]}, train | {"sha256": right}):
        assert read(train=same).dataset.download_params("train.csv") == params
    # The same file from elsewhere: the study promises that it is the same, or it is here.
    elsewhere = {"url": "https://d.example.org/train.csv"}
    assert read(train=elsewhere | {"sha256": right}).dataset.download_params("train.csv") == params
    assert read().dataset.download_params("train.csv") == params
    assert read(train=elsewhere).dataset.download_params("train.csv") == {
        "locations": [elsewhere["url"]],
        "sha256": None,
    }
    with pytest.raises(StudyError, match=rf"dataset\.train\.sha256: .*train\.csv, brought .*{right}.* expects 0{{64}}"):
        read(train=train | {"sha256": "0" * 64})


def test_wrong_checksum_of_a_file_here_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any job."""
    monkeypatch.chdir(tmp_path)
    for file in FILES.values():
        Path(file).write_text(file)
    with pytest.raises(StudyError, match=rf"dataset\.train\.sha256: train\.csv has .*{sha256('train.csv')}"):
        read(train={"url": "train.csv", "sha256": "f" * 64})


def test_source_that_would_be_its_own_copy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake deletes an output before its job, which would lose the user's only file."""
    monkeypatch.chdir(tmp_path)
    own = Path("resources/micro/train.csv")
    own.parent.mkdir(parents=True)
    for file in (own, Path("test.csv"), Path("more.txt")):
        file.write_text("text,label\n")
    for address in (own, own.absolute(), "resources/../resources/micro/train.csv"):
        with pytest.raises(
            StudyError, match=r"dataset\.train\.url: resources/micro/train\.csv is where the copy .* elsewhere"
        ):
            read(train={"url": str(address)})


def test_edited_copy_is_told(before: dict[str, str], finished: Study) -> None:
    """When the study is read, and by the job that would read it; the file of one's own is named."""
    copy = Path("resources/micro/train.csv")
    content = copy.read_bytes()
    copy.write_bytes(content + b"one more,good\n")
    with pytest.raises(StudyError, match=r"resources/micro/train\.csv: .* edit train\.csv instead"):
        read()
    with pytest.raises(Exception, match=r"resources/micro/train\.csv: is not what was brought from train\.csv"):
        read_part(finished, "train", Path("results/micro/data"))
    copy.write_bytes(content)
    assert planned(before, read()) == set()


def test_messages_name_the_file_of_the_user(finished: Study) -> None:
    """Not the copy that was read."""
    Path("train.csv").write_text("text,label\none\n")
    bring(finished, "train.csv")
    with pytest.raises(Exception, match=r"^train\.csv, line 2: 1 field where"):
        read_part(finished, "train", Path("results/micro/data"))


def test_two_studies_do_not_share_the_name_of_a_data_set(before: dict[str, str]) -> None:
    """Unless the files are the same: never does one replace that of the other."""
    other = {"study": "other"}
    Path("b").mkdir()
    shutil.copy("train.csv", "b")
    assert planned(before, read(other, train={"url": "b/train.csv"})) == set()
    Path("b/train.csv").write_text("text,label\nnot the same,good\n")
    with pytest.raises(StudyError, match=r"dataset\.name: the study 'micro' has a data set 'micro' too, .* train\.csv"):
        read(other, train={"url": "b/train.csv"})
    read(other, name="b", train={"url": "b/train.csv"})
    # A study may change its own file, unless another one has read it.
    assert "bring train.csv" in planned(before, read(train={"url": "b/train.csv"}))
    do_jobs(read(other))
    with pytest.raises(StudyError, match="the study 'other' has a data set 'micro' too"):
        read(train={"url": "b/train.csv"})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sha256": 1}', '{"params": {}, "found": {}}'])
def test_damaged_records_are_none(finished: Study, content: str) -> None:
    """What they were of is made again."""
    for record in ("resources/micro/train.csv.json", "results/micro/data/train.json"):
        Path(record).write_text(content)
    assert read().dataset.reading_params("train") == finished.dataset.reading("train")


# === Checksums of files here ===


def test_checksums_are_remembered(tmp_path: Path) -> None:
    """A file is read once; a damaged or foreign cache is made anew, one that cannot be written is none."""
    file, cache = tmp_path / "a", tmp_path / "cache/contents.json"
    file.write_text("one")
    right = hashlib.sha256(b"one").hexdigest()
    assert Contents(cache).sha256(file) == right
    [state] = json.loads(cache.read_text())
    cache.write_text(json.dumps({state: "remembered"}))
    assert Contents(cache).sha256(file) == "remembered"
    for damaged in ("", "{", "[1]", json.dumps({state: 1})):
        cache.write_text(damaged)
        assert Contents(cache).sha256(file) == right
    file.write_text("two")
    assert Contents(cache).sha256(file) == hashlib.sha256(b"two").hexdigest()
    assert len(json.loads(cache.read_text())) == 1
    assert [path.name for path in cache.parent.iterdir()] == ["contents.json"]
    assert Contents(file / "no folder").sha256(file) == hashlib.sha256(b"two").hexdigest()
    assert Contents(cache).sha256(tmp_path / "absent") is None


def test_a_folder_counts_by_what_lies_in_it(tmp_path: Path) -> None:
    """Not by its place, its times, what is hidden and the order in which it was written; and it is read once."""
    folders = [tmp_path / name for name in ("a", "b")]
    for folder, names in zip(folders, (["one", "sub/two"], ["sub/two", "one"]), strict=True):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
    (folders[1] / ".hidden").write_text("x")
    (folders[1] / "sub/cache-1.arrow").write_text("x")
    os.utime(folders[1] / "one", (1, 1))
    cache = tmp_path / "contents.json"
    first, second = (Contents(cache).sha256(folder) for folder in folders)
    assert first == second
    cache.write_text(json.dumps(dict.fromkeys(json.loads(cache.read_text()), "remembered")))
    assert Contents(cache).sha256(folders[0]) == "remembered"
    (folders[0] / "sub/two").write_text("TWO")
    assert Contents(cache).sha256(folders[0]) not in (first, "remembered")


def test_a_folder_is_a_data_file(before: dict[str, str]) -> None:
    """It is brought once, as one file, and an edit in it is noticed; a message names the file in it."""
    folder = Path("reviews")
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        for number in range(2):
            lines = Path(f"{split}.csv").read_text().splitlines()
            rows = lines[1:][number::2]
            (folder / split / f"data-{number:05}-of-00002.csv").write_text("\n".join([lines[0], *rows]))
    sources = {"train": {"url": "reviews"}, "test": {"url": "reviews"}}
    do_jobs(read(**sources))
    after = compared(read(**sources))
    record = json.loads(Path("results/micro/data/train.json").read_text())
    assert record["sha256"] == Contents(Path("cache.json")).sha256(folder) == sha256("resources/micro/reviews")
    assert planned(after, read(**sources)) == set()
    shutil.copytree(folder, "elsewhere/reviews")
    assert planned(after, read(**{split: {"url": "elsewhere/reviews"} for split in sources})) == set()
    (folder / "train/data-00001-of-00002.csv").write_text("text,label\nonly\n")
    study = read(**sources)
    assert planned(after, study) == {"bring reviews"}
    bring(study, "reviews")
    with pytest.raises(Exception, match=r"^reviews/train/data-00001-of-00002\.csv, line 2: 1 field where"):
        read_part(study, "train", Path("results/micro/data"))


# === Rows ===


def trained(study: Study) -> dict[str, str]:
    """Each training and trial with what Snakemake compares of it."""
    return {
        run.folder: repr((study.runs.training(run.model), study.inputs.training(run.model, run.seed)))
        for run in study.runs.berts + study.runs.trials
    }


def renamed(**names: str) -> dict[str, Any]:
    """The rows of the micro study, some under other names."""
    return {
        "models": [row | {"name": names.get(row["name"].replace(" ", "_"), row["name"])} for row in MICRO["models"]]
    }


def test_renamed_row_keeps_its_folder(finished: Study) -> None:
    """With or without a search; the table has the new name, and the plan says so."""
    study = read(renamed(Nano="Small one", Nano_tuned="Best"))
    assert trained(study) == trained(finished)
    assert [run.name for run in study.runs.berts] == ["Small one", "Nano long", "Best"]
    assert [row["model"] for row in study.outline.rows[1:]] == ["Small one", "Nano long", "Best"]
    assert [note for note in study.notes.warnings if "keeps the folder" in note] == [
        "“Small one” keeps the folder Nano, which holds its runs: a new name trains nothing again.",
        "“Best” keeps the folder Nano-tuned, which holds its runs: a new name trains nothing again.",
    ]
    # And goes on to keep it, whatever becomes of its settings.
    do_jobs(study)
    changed = renamed(Nano="Small one", Nano_tuned="Best")
    changed["models"][0]["epochs"] = 7
    assert read(changed).runs.rows.keys() == finished.runs.rows.keys()
    assert read().notes.warnings == []
    assert trained(read()) == trained(finished)


def test_changed_or_new_row_takes_no_folder(finished: Study) -> None:
    """Another encoder, setting or search is another row; one that is still in the study keeps its own."""
    changed = renamed(Nano="Other")
    changed["models"][0]["epochs"] = 7
    assert "Other" in read(changed).runs.rows
    twin = {"models": [*MICRO["models"], MICRO["models"][0] | {"name": "Twin"}]}
    assert list(read(twin).runs.rows) == [*finished.runs.rows, "Twin"]
    # A row whose settings went to a new name was not renamed: its folder stays with it.
    swapped = {
        "models": [MICRO["models"][0] | {"epochs": 7}, *MICRO["models"][1:], MICRO["models"][0] | {"name": "Old"}]
    }
    assert list(read(swapped).runs.rows) == [*finished.runs.rows, "Old"]


def test_new_row_does_not_take_the_folder_of_a_renamed_one(finished: Study) -> None:
    """It would write over its runs: told in one sentence."""
    changes = renamed(Nano="Small one")
    do_jobs(read(changes))
    changes["models"].append({"name": "Nano", "encoder": "nano", "epochs": 7})
    with pytest.raises(StudyError, match=r"'Nano' would have the folder .*Nano, which holds the runs of 'Small one'"):
        read(changes)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}'])
def test_damaged_record_of_a_row_is_none(finished: Study, content: str) -> None:
    """The row is trained in a folder of its new name."""
    Path("results/micro/runs/Nano/row.json").write_text(content)
    assert "Small-one" in read(renamed(Nano="Small one")).runs.rows
