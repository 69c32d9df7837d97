"""A study's encoders and vocabularies: their files, and what each pre-training starts from and reads.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bert_ladder.study.catalog import FETCHED_ENCODERS, FETCHED_VOCABULARIES, encoder_files, known_encoder
from bert_ladder.study.families import FAMILIES, TOKENIZER_JSON, WORDPIECES, FamilyFacts
from bert_ladder.study.rows import is_frozen

BASE = "bert_uncased_L-12_H-768_A-12"


class Encoders:
    """`encoders` and `vocabularies` of a resolved study, and those of the catalogue that can be asked for by path.

    Args:
        study: as `resolve_study` gives it.
        catalog: as `load_catalog` gives it.
        folder: where the study's files lie.
    """

    def __init__(self, study: dict[str, Any], catalog: dict[str, Any], folder: Path = Path()) -> None:
        self.known: dict[str, dict[str, Any]] = study["encoders"]
        self.vocabularies: dict[str, dict[str, Any]] = study["vocabularies"]
        self.catalog = catalog
        self.folder = folder
        # Study files laid over each other leave encoders behind that no row takes; they are made only when asked for
        # by path.
        rows = [*study["models"], *filter(is_frozen, study["baselines"])]
        self.used = self.chain(row["encoder"] for row in rows)

    @property
    def scratch(self) -> list[str]:
        """The encoders that are built with random weights."""
        return [name for name, encoder in self.known.items() if "scratch" in encoder]

    @property
    def pretrained(self) -> list[str]:
        """The encoders that are pre-trained in the study."""
        return [name for name, encoder in self.known.items() if "pretrain" in encoder]

    @property
    def used_pretrained(self) -> list[str]:
        """Those of `pretrained` that a row needs, each after those that it starts from."""
        return [name for name in self.used if "pretrain" in self.known[name]]

    @property
    def fetched(self) -> dict[str, dict[str, Any]]:
        """The encoders below resources/encoders/, by folder: the study's, and any of the catalogue."""
        known = {name: known_encoder(self.catalog, name) for name in self.catalog["encoders"]}
        return known | {encoder["fetched"]: encoder for encoder in self.known.values() if "fetched" in encoder}

    @property
    def to_fetch(self) -> list[str]:
        """Those of `fetched` that a rule may make.

        What is here is no rule's output: Snakemake would delete it first, to make it again, for many a reason: a script
        that is newer than the copied folder, another version of the workflow, --forceall.
        """
        return [
            name
            for name, encoder in self.fetched.items()
            # But for what is made from files of this machine: an edit to them must be noticed.
            if encoder["local"]
            or "given_vocabulary" in encoder
            or not all(
                (self.folder / FETCHED_ENCODERS / name / file).is_file()
                for file in encoder_files(FAMILIES[encoder["family"]])
            )
        ]

    @property
    def vocabularies_to_fetch(self) -> list[str]:
        """The vocabularies of the catalogue that are not here."""
        folder = self.folder / FETCHED_VOCABULARIES
        return [name for name in self.catalog["vocabularies"] if not (folder / name / "vocab.txt").is_file()]

    def chain(self, names: Iterable[str]) -> list[str]:
        """Some encoders, each after those that its pre-training starts from."""
        line: list[str] = []
        for name in names:
            start = self.known[name].get("pretrain", {}).get("from")
            line += [*(self.chain([start]) if start else []), name]
        return list(dict.fromkeys(line))

    def files(self, name: str) -> dict[str, str]:
        """An encoder in normal form: config, weights and vocabulary."""
        encoder = self.known[name]
        folder = f"{FETCHED_ENCODERS}/{encoder['fetched']}" if "fetched" in encoder else f"<results>/encoders/{name}"
        return {
            "config": f"{folder}/encoder.json",
            "weights": f"{folder}/encoder.weights.h5",
            "vocabulary": f"{folder}/{self.family(name).tokenizer}",
        }

    def family(self, name: str) -> FamilyFacts:
        """What is known of an encoder's family."""
        return FAMILIES[self.known[name]["family"]]

    def licences(self, rows: dict[str, dict[str, Any]]) -> dict[str, str]:
        """The licence of the published weights that a row starts from, by its name, where it is known."""
        published = self.catalog["encoders"]
        first = {row["name"]: self.chain([row["encoder"]])[0] for row in rows.values()}
        return {row: published[name]["licence"] for row, name in first.items() if "licence" in published.get(name, {})}

    def vocabulary(self, name: str) -> str:
        """The name of an encoder's vocabulary."""
        return self.known[name]["vocabulary"]

    def with_tokenizer(self, names: Iterable[str], file: str) -> list[str]:
        """Those of some encoders, fetched or pre-trained, whose tokenizer is such a file."""
        known = {name: encoder["family"] for name, encoder in self.fetched.items()}
        known |= {name: encoder["family"] for name, encoder in self.known.items() if "pretrain" in encoder}
        return [name for name in names if FAMILIES[known[name]].tokenizer == file]

    def vocabulary_file(self, vocabulary: str) -> str:
        """The file that texts are tokenized with: a checked list of WordPieces, or the tokenizer of an encoder."""
        file = self.vocabularies[vocabulary].get("file", "")
        return file if file.endswith(TOKENIZER_JSON) else f"<results>/vocabularies/{vocabulary}/{WORDPIECES}"

    def vocabulary_source(self, vocabulary: str) -> dict[str, Any]:
        """The file to take a vocabulary from, or the text to learn it from."""
        source = self.vocabularies[vocabulary]
        if "file" in source:
            return {"file": source["file"]}
        unlabelled = [f"<results>/data/unlabelled/{name}.parquet" for name in source["text"]]
        return {"text": ["<results>/data/train.parquet", *unlabelled]}

    def lower_case(self, name: str) -> bool:
        """Whether an encoder of the study is one of lower-cased text."""
        return self.vocabularies[self.vocabulary(name)]["lower_case"]

    def fetched_lower_case(self, fetched: str) -> bool | None:
        """Whether a fetched encoder is taken for one of lower-cased text; None where its tokenizer knows."""
        vocabulary = self.fetched[fetched]["vocabulary"]
        # One of the catalogue may be asked for that the study does not name.
        own = {name: encoder for name, encoder in self.catalog["encoders"].items() if "vocabulary" not in encoder}
        return (self.vocabularies | own | self.catalog["vocabularies"])[vocabulary].get("lower_case")

    def fetched_from(self, fetched: str) -> dict[str, Any]:
        """The files of this machine that an encoder is fetched with: a local source, a vocabulary that is given."""
        encoder = self.fetched[fetched]
        given = {"vocabulary": encoder["given_vocabulary"]} if "given_vocabulary" in encoder else {}
        return {"local": encoder["local"]} | given

    def pretraining(self, name: str) -> dict[str, Any]:
        """The settings of an encoder's pre-training."""
        return self.known[name]["pretrain"]

    def pretraining_start(self, name: str) -> dict[str, str]:
        """The encoder that a pre-training starts from, with the heads of its own, if it had one in this study."""
        start = self.pretraining(name)["from"]
        heads = {"heads": f"<results>/encoders/{start}/pretraining_heads.npz"} if start in self.pretrained else {}
        return self.files(start) | heads

    def pretraining_texts(self, name: str) -> list[str]:
        """What an encoder is pre-trained on: the training texts, and unlabelled texts."""
        return ["train", *(f"unlabelled/{text}" for text in self.pretraining(name)["text"])]

    def pretraining_tokens(self, name: str) -> list[str]:
        """Ids and offsets of each of the texts that an encoder is pre-trained on."""
        return [file for texts in self.pretraining_texts(name) for file in self.tokens(name, texts)]

    def tokens(self, name: str, texts: str) -> list[str]:
        """Ids and offsets of some texts in the vocabulary of an encoder."""
        return [f"<results>/data/tokens/{self.vocabulary(name)}/{texts}.{part}.npy" for part in ("ids", "offsets")]

    def pretrained_from_scratch(self, name: str) -> list[dict[str, Any]]:
        """Settings of the pre-trainings behind an encoder, if they began with random weights."""
        start, *pretrained = self.chain([name])
        return [self.pretraining(one) for one in pretrained] if "scratch" in self.known[start] else []

    def size(self, name: str) -> dict[str, int]:
        """Parameters, layers, hidden units and heads of an encoder; those of BERT-Base where only its files know."""
        encoder = self.known[name]
        if "pretrain" in encoder:
            return self.size(encoder["pretrain"]["from"])
        definition = encoder.get("definition")
        known = self.catalog["encoders"][definition if isinstance(definition, str) else BASE]["size"]
        size = encoder.get("scratch", known)
        # Of the layers alone, 12 h^2 each, where nothing says more: a vocabulary of one's own is small.
        guessed = {"parameters": 12 * size["layers"] * size["hidden"] ** 2, "heads": max(1, size["hidden"] // 64)}
        return guessed | size

    def published_pooling(self, name: str) -> str | None:
        """What an encoder of the catalogue was made for, "cls" or "mean"; None where nothing is known."""
        return self._published(name).get("pooling")

    def published_prefix(self, name: str) -> str | None:
        """What an encoder of the catalogue was trained with before every text; None where it was without."""
        return self._published(name).get("prefix")

    def _published(self, name: str) -> dict[str, Any]:
        """The catalogue's entry of an encoder, empty for one of the study's own."""
        definition = self.known[name].get("definition")
        return self.catalog["encoders"][definition] if isinstance(definition, str) else {}
