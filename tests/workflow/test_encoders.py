"""Encoders from elsewhere, through the whole workflow: fetched once, shared, exported, never fetched again."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from servers import Server, status, whole
from workspace import MICRO, PROJECT, Workspace

# Without the figures and pages behind it, which take longer.
TABLE = ("results/micro/table.csv", "--configfile")
FIXTURES = PROJECT / "tests/fixtures/encoders"
STUDY = MICRO | {"baselines": [], "models": [{"name": "Hub", "encoder": "tinier"}]}
del STUDY["encoders"], STUDY["vocabularies"]


def genuine_vocabulary() -> bytes:
    """The vocabulary that belongs to the fixtures."""
    with tarfile.open(FIXTURES / "preprocessing_uncased.tar.gz") as archive:
        return archive.extractfile("assets/vocab.txt").read()


def add_to_catalog(workspace: Workspace, server: Server) -> None:
    """A vocabulary and an encoder that a server offers as TF Hub does; the first source of the encoder is gone."""
    query = "?tf-hub-format=compressed"
    archives = {"bert": "tfhub_usual.tar.gz", "preprocess": "preprocessing_uncased.tar.gz"}
    for handle, archive in archives.items():
        server.url(f"/{handle}/1{query}", whole((FIXTURES / archive).read_bytes(), Content_Type="application/x-tar"))
    entry = f"""
  tinier_bert:
    title: A BERT for tests
    aliases: [tinier]
    size: {{layers: 2, hidden: 32, heads: 2, parameters: 49376}}
    vocabulary: tinier
    publication: none
    licence: Apache-2.0
    sources:
      - checkpoint: {server.url("/gone.zip", status(404))}
      - tfhub: {server.url("/bert/1", status(400))}
"""
    vocabulary = f"""vocabularies:
  tinier:
    size: {len(genuine_vocabulary().splitlines())}
    lower_case: true
    sha256: {hashlib.sha256(genuine_vocabulary()).hexdigest()}
    sources:
      - tfhub: {server.url("/preprocess/1", status(400))}
"""
    file = workspace.folder / "catalog/encoders.yaml"
    file.write_text(file.read_text().replace("vocabularies:\n", vocabulary, 1) + entry)


@pytest.fixture
def fetched(prepared_workspace: Callable[[], Workspace], server: Server) -> Workspace:
    """A workspace in which a study has run with an encoder of the catalogue."""
    workspace = prepared_workspace()
    add_to_catalog(workspace, server)
    workspace.write_study(STUDY)
    workspace.snakemake(*TABLE, "study.yaml")
    return workspace


def test_an_encoder_of_the_catalogue(fetched: Workspace, server: Server) -> None:
    """Fetched from the second mirror, used by its alias, shared by studies, exported, and never asked for again."""
    table = pd.read_csv(fetched.folder / "results/micro/table.csv")
    assert table.loc[0, "encoder"] == "tinier_bert"
    folder = fetched.folder / "resources/encoders/tinier_bert"
    assert json.loads((folder / "encoder.json").read_text())["source"]["address"].startswith("tfhub http://127.0.0.1")
    log = (fetched.folder / "logs/micro/encoders/tinier_bert/fetch_encoder.log").read_text()
    assert "404" in log
    asked = len(server.seen)

    # Neither a new mirror nor another description is a reason to fetch or to train again.
    catalog = fetched.folder / "catalog/encoders.yaml"
    catalog.write_text(catalog.read_text().replace("title: A BERT for tests", "title: Another title"))
    assert fetched.planned(*TABLE, "study.yaml") == {}

    # The export is a source like any other.
    fetched.snakemake("encoder_exports", "--configfile", "study.yaml")
    export = fetched.folder / "results/micro/exports/encoders/tinier_bert"
    assert (export / "saved_model.pb").is_file()
    encoders = {"encoders": {"exported": {"sources": [{"tfhub": str(export)}]}}}
    fetched.write_study(
        STUDY | encoders | {"study": "round", "models": [{"name": "E", "encoder": "exported"}]}, "r.yaml"
    )
    fetched.snakemake("results/round/runs/E/seed-1/predictions.parquet", "--configfile", "r.yaml")
    first, again = (
        pd.read_parquet(fetched.folder / f"results/{study}/runs/{model}/seed-1/predictions.parquet")
        for study, model in (("micro", "Hub"), ("round", "E"))
    )
    pd.testing.assert_frame_equal(first, again)
    assert len(server.seen) == asked


@pytest.mark.long
def test_a_copied_encoder_needs_no_network(
    fetched: Workspace, server: Server, prepared_workspace: Callable[[], Workspace]
) -> None:
    """A folder that was copied from this machine to another is taken as it is."""
    asked = len(server.seen)
    elsewhere = prepared_workspace()
    shutil.copy(fetched.folder / "catalog/encoders.yaml", elsewhere.folder / "catalog/encoders.yaml")
    elsewhere.write_study(STUDY)
    copied = elsewhere.folder / "resources/encoders/tinier_bert"
    shutil.copytree(fetched.folder / "resources/encoders/tinier_bert", copied)
    # Older than the scripts there, or everything forced: it must neither be deleted nor fetched.
    for file in copied.iterdir():
        os.utime(file, (0, 0))
    elsewhere.snakemake(
        *("encoders", "results/micro/data/tokens/tinier/test.ids.npy", "--forceall", "--configfile", "study.yaml"),
        BERT_LADDER_OFFLINE="1",
    )
    assert len(server.seen) == asked


def test_without_a_network_the_user_learns_what_to_bring(new_workspace: Callable[[], Workspace]) -> None:
    """The message names the files, where they come from and where to put them; nothing is left that would count."""
    workspace = new_workspace()
    workspace.write_study(STUDY | {"models": [{"name": "Tiny", "encoder": "tiny"}]})
    done = workspace.snakemake("--configfile", "study.yaml", check=False, BERT_LADDER_OFFLINE="1")
    assert done.returncode
    shown = " ".join((done.stdout + done.stderr).split())
    assert "offline: BERT_LADDER_OFFLINE is set" in shown
    assert "vocab.txt from https://huggingface.co/google-bert/bert-base-uncased/resolve/main/vocab.txt" in shown
    assert "resources/downloads/bert_uncased" in shown
    assert "Traceback" not in shown
    assert not list((workspace.folder / "resources").glob("encoders/*/*"))
    assert not list((workspace.folder / "resources").glob("vocabularies/*/*"))


def test_hugging_face_folder_as_a_row(prepared_workspace: Callable[[], Workspace], tmp_path: Path) -> None:
    """A folder as transformers saves it, beside the study; moving all keeps it, a change of its weights retrains."""
    workspace = prepared_workspace()
    with tarfile.open(FIXTURES / "hugging_face.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    shutil.copytree(tmp_path / "usual", workspace.folder / "mine/bert")
    shutil.copy(tmp_path / "vocab.txt", workspace.folder / "mine/bert/vocab.txt")
    study, run = "mine/study.yaml", ("results/micro/runs/Hub/seed-1/predictions.parquet", "--configfile")
    workspace.write_study(STUDY | {"encoders": {"tinier": {"sources": [{"huggingface": "bert"}]}}}, study)
    workspace.snakemake(*run, study)
    workspace = Workspace(workspace.folder.rename(tmp_path / "moved"))
    assert workspace.planned(*run, study) == {}
    (workspace.folder / "mine/bert/model.safetensors").write_bytes((tmp_path / "large/model.safetensors").read_bytes())
    planned = workspace.planned(*run, study)
    assert planned["fetch_encoder"] == planned["train_model"] == 1
