"""The encoders that a study names: found in the study, in the catalogue or in resources/, and where they will lie.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from bert_ladder.study.families import BERT, FAMILIES, TOKENIZER_JSON, FamilyFacts
from bert_ladder.study.locations import existing, files_below, is_local, look_up, plain_path
from bert_ladder.study.schema import StudyError, check_schema, check_unique_keys, nearest, with_defaults

FETCHED_ENCODERS = Path("resources/encoders")
FETCHED_VOCABULARIES = Path("resources/vocabularies")


def family_facts(name: str, key: str = "family") -> FamilyFacts:
    """What is known of a family.

    Args:
        name: as studies and the catalogue write it.
        key: where it stands, for the sentence.

    Raises:
        StudyError: if it is not on the list.
    """
    if name not in FAMILIES:
        raise StudyError(f"{key}: found {name!r}; allowed are {', '.join(FAMILIES)}{nearest(name, list(FAMILIES))}")
    return FAMILIES[name]


def encoder_files(facts: FamilyFacts) -> tuple[str, ...]:
    """The files of an encoder in normal form, by its family."""
    return ("encoder.json", "encoder.weights.h5", facts.tokenizer)


def load_catalog(file: Path, schema: dict[str, Any]) -> dict[str, Any]:
    """Read and check the catalogue of encoders.

    Args:
        file: catalog/encoders.yaml.
        schema: schemas/encoders.schema.yaml as read.

    Returns:
        Its `vocabularies` and `encoders`, with defaults.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    check_unique_keys(file)
    catalog = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        check_schema(catalog, schema)
        catalog = with_defaults(catalog, schema, schema)
        taken: dict[str, str] = {}
        for name, encoder in catalog["encoders"].items():
            vocabulary, known = encoder.get("vocabulary"), sorted(catalog["vocabularies"])
            if vocabulary is not None and vocabulary not in known:
                raise StudyError(
                    f"encoders.{name}.vocabulary: found {vocabulary!r}; allowed are {', '.join(known)}"
                    f"{nearest(vocabulary, known)}"
                )
            _check_tokenizer(encoder, f"encoders.{name}")
            if vocabulary is None and name in known:
                raise StudyError(f"encoders.{name}: this is the name of a vocabulary; choose another.")
            for word in (name, *encoder["aliases"]):
                if word.lower() in taken:
                    raise StudyError(f"encoders.{name}: the name {word!r} is that of {taken[word.lower()]} already.")
                taken[word.lower()] = name
    except StudyError as error:
        raise StudyError(f"{file.name}: {error}") from None
    return catalog


def _check_tokenizer(encoder: dict[str, Any], key: str) -> None:
    """WordPieces are shared or of one case; another tokenizer knows itself what it does."""
    facts = family_facts(encoder["family"], f"{key}.family")
    given = [name for name in ("vocabulary", "lower_case") if name in encoder]
    if facts.tokenizer == TOKENIZER_JSON:
        for name in given:
            raise StudyError(f"{key}.{name}: this key is for WordPieces, and {facts.title} has none; remove it.")
    elif len(given) != 1:
        found = " and ".join(given) or "neither"
        raise StudyError(f"{key}: found {found}; give vocabulary or lower_case, one of them.")


def find_encoder(catalog: dict[str, Any], word: str) -> str | None:
    """The catalogue's name of the encoder that a study calls `word`: its name or an alias; None if there is none."""
    if word in catalog["encoders"]:
        return word
    return next((name for name, encoder in catalog["encoders"].items() if word in encoder["aliases"]), None)


def known_encoder(catalog: dict[str, Any], name: str) -> dict[str, Any]:
    """An encoder of the catalogue as an entry of a study's `encoders`; see `resolve_encoders`."""
    known = catalog["encoders"][name]
    return {
        "fetched": name,
        "local": [],
        "definition": name,
        # One of its own lies in its folder, and is called like it.
        "vocabulary": known.get("vocabulary", name),
        "positions": known["size"]["positions"],
        "family": known["family"],
    }


def resolve_encoders(study: dict[str, Any], catalog: dict[str, Any], roots: list[Path], outputs: Path = Path()) -> None:
    """Complete `encoders` and `vocabularies` of a study, in place.

    Afterwards each encoder that a row names is an entry of `encoders`, with its `family`, the name of its `vocabulary`
    and either `scratch`, or `pretrain` (what it starts from is an entry too), or `fetched` (the folder below
    resources/encoders/ that holds it in normal form), `local` (files of this machine that it is made from) and
    `definition` (how to fetch it: a name of the catalogue, or `sources`, `gelu` and `family`). An alias in a row is
    replaced by the name that it stands for.
    A baseline that reads a frozen encoder is such a row.

    Args:
        study: a study with defaults.
        catalog: as `load_catalog` gives it.
        roots: folders in which a relative path of the study is looked for, in order.
        outputs: the folder that holds resources/.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    own = sorted(study["encoders"])
    for name in own:
        encoder, key = study["encoders"][name], f"encoders.{name}"
        if "scratch" in encoder:
            _resolve_scratch(study, encoder, key)
        elif "folder" in encoder:
            _resolve_folder(study, name, encoder, roots, key)
        elif "sources" in encoder:
            _resolve_published(study, catalog, name, encoder, roots, key)
        else:
            _resolve_start(study, name, encoder, key)
    for name in own:
        if "pretrain" in study["encoders"][name]:
            _resolve_pretraining(study, catalog, name, own, (), outputs)
    for row in study["models"]:
        key = f"models (row {row['name']!r}).encoder"
        row["encoder"] = _known_name(study, catalog, row["encoder"], key, own, outputs)
    for entry in study["baselines"]:
        if "encoder" in entry:
            key = f"baselines ({entry['name']!r}).frozen.encoder"
            entry["encoder"] = _known_name(study, catalog, entry["encoder"], key, own, outputs)


def _resolve_scratch(study: dict[str, Any], encoder: dict[str, Any], key: str) -> None:
    for foreign in ("lower_case", "gelu", "family"):
        if foreign in encoder:
            raise StudyError(f"{key}.{foreign}: this key is for published encoders; remove it.")
    encoder["family"] = BERT
    _check_vocabulary(study["vocabularies"], encoder, key)
    scratch = encoder["scratch"]
    scratch.setdefault("heads", max(1, scratch["hidden"] // 64))
    scratch.setdefault("intermediate", 4 * scratch["hidden"])
    if scratch["hidden"] % scratch["heads"]:
        raise StudyError(
            f"{key}.scratch: hidden {scratch['hidden']} is no multiple of heads {scratch['heads']} "
            "(by default hidden // 64); set heads to a divisor of hidden."
        )


def _resolve_start(study: dict[str, Any], name: str, encoder: dict[str, Any], key: str) -> None:
    """A pre-training from random weights gets these as an encoder of its own."""
    for foreign in ("vocabulary", "lower_case", "gelu", "family"):
        if foreign in encoder:
            raise StudyError(f"{key}.{foreign}: a pre-trained encoder has that of the one it starts from; remove it.")
    pretrain = encoder["pretrain"]
    if isinstance(pretrain["from"], dict):
        untrained = f"{name}-untrained"
        if untrained in study["encoders"]:
            raise StudyError(f"encoders.{untrained}: this is the name of what {key} starts from; choose another.")
        _resolve_scratch(study, pretrain["from"], f"{key}.pretrain.from")
        study["encoders"][untrained], pretrain["from"] = pretrain["from"], untrained


def _resolve_pretraining(
    study: dict[str, Any], catalog: dict[str, Any], name: str, own: list[str], after: tuple[str, ...], outputs: Path
) -> None:
    """Complete a pre-trained encoder from the one that it starts from, which comes first.

    Args:
        after: the pre-trainings that wait for this one.
    """
    encoder, key = study["encoders"][name], f"encoders.{name}.pretrain"
    pretrain = encoder["pretrain"]
    if name in after:
        raise StudyError(f"{key}.from: {' starts from '.join([*after, name])}; start one of them from another encoder.")
    pretrain["from"] = _known_name(study, catalog, pretrain["from"], f"{key}.from", own, outputs)
    start = study["encoders"][pretrain["from"]]
    if "pretrain" in start:
        _resolve_pretraining(study, catalog, pretrain["from"], own, (*after, name), outputs)
    # In one order, whatever that of the study file: Snakemake compares parameters as they are written down.
    encoder["pretrain"] = {setting: pretrain[setting] for setting in sorted(pretrain)}
    encoder["vocabulary"], encoder["family"] = start["vocabulary"], start["family"]
    _check_pretrained_family(pretrain, family_facts(start["family"]), key)
    positions = start.get("scratch", start).get("positions")
    if positions:
        encoder["positions"] = positions
        if pretrain["length"] > positions:
            raise StudyError(
                f"{key}.length: found {pretrain['length']}; the encoder {pretrain['from']!r} has {positions} positions."
            )


def _check_pretrained_family(pretrain: dict[str, Any], facts: FamilyFacts, key: str) -> None:
    if facts.no_pretraining is not None:
        raise StudyError(f"{key}.from: {pretrain['from']!r} is of {facts.title}, {facts.no_pretraining}.")
    for task in ("next_sentence", "bag_of_words"):
        if pretrain[task] and not facts.pooler:
            raise StudyError(f"{key}.{task}: it trains a pooler, and {facts.title} has none; remove the key.")


def _check_vocabulary(vocabularies: dict[str, Any], encoder: dict[str, Any], key: str) -> None:
    name, known = encoder["vocabulary"], sorted(vocabularies)
    if name not in vocabularies:
        raise StudyError(
            f"{key}.vocabulary: found {name!r}; allowed are the entries of `vocabularies`: "
            f"{', '.join(known) or 'none yet'}{nearest(name, known)}"
        )


def _resolve_folder(study: dict[str, Any], name: str, encoder: dict[str, Any], roots: list[Path], key: str) -> None:
    """An encoder from a folder in normal form, whose vocabulary can be read at once."""
    for foreign in ("vocabulary", "lower_case", "gelu", "family"):
        if foreign in encoder:
            raise StudyError(f"{key}: an encoder from a folder has its own {foreign}; remove the key '{foreign}'.")
    folder = existing(encoder.pop("folder"), roots, f"{key}.folder")
    encoder["family"] = _family_of(Path(folder), key) if Path(folder, "encoder.json").is_file() else BERT
    files = encoder_files(family_facts(encoder["family"]))
    missing = [file for file in files if not Path(folder, file).is_file()]
    if missing:
        raise StudyError(f"{key}.folder: {folder} lacks {', '.join(missing)}; it is no encoder.")
    sources = [{"folder": folder}]
    definition = {"sources": sources, "gelu": None} | _named_family(encoder["family"])
    encoder |= {
        "fetched": _folder_name(name, definition),
        "local": [f"{folder}/{file}" for file in files],
        "definition": definition,
        "vocabulary": _own_vocabulary(study, Path(folder), encoder["family"], key),
        "positions": _positions_in(sources, encoder["family"]),
    }


def _resolve_published(
    study: dict[str, Any], catalog: dict[str, Any], name: str, encoder: dict[str, Any], roots: list[Path], key: str
) -> None:
    """An encoder that the study says where to fetch."""
    facts = family_facts(encoder.setdefault("family", BERT), f"{key}.family")
    if facts.tokenizer == TOKENIZER_JSON:
        for foreign in ("vocabulary", "lower_case"):
            if foreign in encoder:
                raise StudyError(f"{key}.{foreign}: this key is for WordPieces, and {facts.title} has none; remove it.")
    sources, local = [], []
    for position, source in enumerate(encoder.pop("sources")):
        found, files = _resolve_source(source, roots, f"{key}.sources[{position}]", only=position == 0)
        sources.append(found)
        local += files
    definition = {"sources": sources, "gelu": encoder.pop("gelu", None)} | _named_family(encoder["family"])
    # Two studies may take the same files for text of another case, or demand another vocabulary of them.
    demanded = {"vocabulary": encoder.get("vocabulary"), "lower_case": encoder.get("lower_case", True)}
    encoder |= {
        "fetched": _folder_name(name, definition | demanded),
        "local": local,
        "definition": definition,
        "positions": _positions_in(sources, encoder["family"]),
    }
    if "vocabulary" not in encoder:
        encoder["vocabulary"] = encoder["fetched"]
        file = f"{FETCHED_ENCODERS}/{encoder['fetched']}/{facts.tokenizer}"
        lower_case = None if facts.tokenizer == TOKENIZER_JSON else encoder.pop("lower_case", True)
        study["vocabularies"][encoder["fetched"]] = {"file": file, "lower_case": lower_case}
        return
    if "lower_case" in encoder:
        raise StudyError(f"{key}.lower_case: the vocabulary {encoder['vocabulary']!r} says so already; remove the key.")
    if encoder["vocabulary"] in catalog["vocabularies"]:
        _add_shared_vocabulary(study, catalog, encoder["vocabulary"])
        return
    _check_vocabulary(study["vocabularies"], encoder, key)
    if "size" in study["vocabularies"][encoder["vocabulary"]]:
        raise StudyError(
            f"{key}.vocabulary: {encoder['vocabulary']!r} is learned from the study's text; a published encoder needs "
            "the vocabulary that it was trained with: remove the key, or name a vocabulary with `file`."
        )
    encoder["given_vocabulary"] = study["vocabularies"][encoder["vocabulary"]]["file"]


def _resolve_source(source: dict[str, Any], roots: list[Path], key: str, only: bool) -> tuple[dict[str, Any], list]:
    """A source with its local paths found, and the local files that it consists of."""
    source, local = dict(source), []
    for kind in ("tfhub", "checkpoint", "folder", "preprocessing", "huggingface", "keras"):
        if kind not in source:
            continue
        place = source[kind]
        if kind in ("tfhub", "checkpoint", "folder", "preprocessing"):
            place = plain_path(place, f"{key}.{kind}")
        if not is_local(place):
            continue
        found = look_up(place, roots, f"{key}.{kind}")
        # With several sources, one that is not on this machine is just the first that fails.
        repository = kind == "huggingface" and re.fullmatch(r"[\w.-]+/[\w.-]+", place) and place[0] not in ".~"
        must_exist = only and not (repository or (kind in ("preprocessing", "keras") and place[0] not in "./~"))
        if found is None and must_exist and kind == "huggingface":
            raise StudyError(
                f"{key}.huggingface: found {place!r}; allowed is a folder that exists, or a repository as owner/name, "
                "such as google-bert/bert-base-uncased."
            )
        if found is None and must_exist:
            found = existing(place, roots, f"{key}.{kind}")
        if found is not None:
            source[kind] = found
            local += files_below(found)
    return source, local


def _positions_in(sources: list[dict[str, Any]], family: str) -> int | None:
    """How many tokens an encoder serves, by the folder that is its only source; None where that does not say.

    A file that cannot be read is told of when the encoder is fetched.
    """
    source = sources[0] if len(sources) == 1 else {}
    try:
        if "folder" in source:
            encoder = json.loads(Path(source["folder"], "encoder.json").read_text(encoding="utf-8"))
            return int(encoder["architecture"]["max_sequence_length"])
        config = json.loads(Path(source["huggingface"], "config.json").read_text(encoding="utf-8"))
        return int(config["max_position_embeddings"]) - FAMILIES[family].unused_positions
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _known_name(
    study: dict[str, Any], catalog: dict[str, Any], word: str, key: str, own: list[str], outputs: Path
) -> str:
    """Name of the study's encoder that `key` calls `word`; one of the catalogue or of resources/ is entered first."""
    if word in study["encoders"]:
        return word
    name = find_encoder(catalog, word)
    if name is not None and name not in study["encoders"]:
        study["encoders"][name] = known_encoder(catalog, name)
        _add_known_vocabulary(study, catalog, name)
    if name is not None:
        return name
    name, folder = word, FETCHED_ENCODERS / word
    described = (outputs / folder / "encoder.json").is_file()
    family = _family_of(outputs / folder, key) if described else BERT
    files = encoder_files(family_facts(family, key))
    if not all((outputs / folder / file).is_file() for file in files):
        aliases = [alias for encoder in catalog["encoders"].values() for alias in encoder["aliases"]]
        known = [*own, *catalog["encoders"], *aliases]
        raise StudyError(
            f"{key}: {name!r} is neither an entry of `encoders` ({', '.join(own) or 'none'}), nor "
            f"of catalog/encoders.yaml ({', '.join(aliases[:9])}, ...), nor a folder {folder} with "
            f"{', '.join(files)}{nearest(name, known)}"
        )
    study["encoders"][name] = {
        "fetched": name,
        "local": [],
        "definition": {"sources": [], "gelu": None} | _named_family(family),
        "family": family,
        "vocabulary": _own_vocabulary(study, folder, family, key, outputs),
    }
    return name


def _add_known_vocabulary(study: dict[str, Any], catalog: dict[str, Any], name: str) -> None:
    """Enter the vocabulary of an encoder of the catalogue into the study: a shared one, or its own."""
    known = catalog["encoders"][name]
    if "vocabulary" in known:
        _add_shared_vocabulary(study, catalog, known["vocabulary"])
        return
    if name in study["vocabularies"]:
        raise StudyError(f"vocabularies.{name}: this is the name of an encoder of the catalogue; choose another.")
    file = f"{FETCHED_ENCODERS}/{name}/{family_facts(known['family']).tokenizer}"
    study["vocabularies"][name] = {"file": file, "lower_case": known.get("lower_case")}


def _add_shared_vocabulary(study: dict[str, Any], catalog: dict[str, Any], name: str) -> None:
    """Enter a vocabulary of the catalogue into the study."""
    file = f"{FETCHED_VOCABULARIES}/{name}/vocab.txt"
    lower_case = catalog["vocabularies"][name]["lower_case"]
    if study["vocabularies"].setdefault(name, {"file": file, "lower_case": lower_case}).get("file") != file:
        raise StudyError(f"vocabularies.{name}: this is the name of a vocabulary of the catalogue; choose another.")


def _named_family(family: str) -> dict[str, str]:
    """The family in an encoder's definition; a BERT's has none, and keeps the folder that it always had."""
    return {} if family == BERT else {"family": family}


def _described(folder: Path, key: str) -> dict[str, Any]:
    """What the encoder.json of a folder says."""
    config = folder / "encoder.json"
    try:
        described = json.loads(config.read_text(encoding="utf-8"))
        described["lower_case"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(f"{key}: {config} is no JSON with the key 'lower_case' ({error!r}).") from error
    return described


def _family_of(folder: Path, key: str) -> str:
    """The family of the encoder in a folder, one of the list."""
    family = _described(folder, key).get("family", BERT)
    family_facts(str(family), f"{key}: {folder / 'encoder.json'}: family")
    return family


def _own_vocabulary(study: dict[str, Any], folder: Path, family: str, key: str, outputs: Path = Path()) -> str:
    """Enter the vocabulary that lies in an encoder's folder; encoders with equal ones share its tokens."""
    file, lower_case = folder / family_facts(family).tokenizer, _described(outputs / folder, key)["lower_case"]
    digest = hashlib.sha256((outputs / file).read_bytes() + str(lower_case).encode()).hexdigest()
    name = f"vocab-{digest[:12]}"
    study["vocabularies"][name] = {"file": str(file), "lower_case": lower_case}
    return name


def _folder_name(name: str, definition: dict[str, Any]) -> str:
    """resources/ is shared by all studies: two that call different encoders by one name must not meet there."""
    digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:8]}"
