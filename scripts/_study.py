"""Reads a study: checks it against the schema, fills in the defaults and resolves its rows.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

ENCODER_FILES = ("encoder.json", "encoder.weights.h5", "vocab.txt")
BASELINES = {"tfidf_logistic_regression": "TF-IDF + logistic regression", "nb_svm": "NB-SVM"}
LOCAL_ENCODERS = Path("resources/encoders")


class StudyError(Exception):
    """A study that cannot be run: one sentence with the key, what was found and what is allowed."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML loader that refuses a key given twice, which YAML itself forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        # Merge keys (<<) and what they bring are no second mention: they are still apart at this point.
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen and key_node.value != "<<":
                raise StudyError(
                    f"{Path(key_node.start_mark.name).name}, line {key_node.start_mark.line + 1}: "
                    f"the key '{key_node.value}' is given twice; keep one of the two."
                )
            seen.add(key_node.value if isinstance(key_node, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def check_unique_keys(study_file: Path) -> None:
    """Refuse a YAML study file in which a mapping has the same key twice.

    Raises:
        StudyError: naming file, line and key.
    """
    with study_file.open(encoding="utf-8") as stream:
        yaml.load(stream, Loader=_UniqueKeyLoader)


def resolve_study(config: dict[str, Any], schema: dict[str, Any], roots: list[Path]) -> dict[str, Any]:
    """Check a study and return it whole, with every default in place.

    Args:
        config: the study as read from YAML; not changed.
        schema: schemas/config.schema.yaml as read.
        roots: folders in which a relative path of the study is looked for, in order.

    Returns:
        The study with defaults. Its `models` have all keys of `training` and a `path`, the row's name made safe;
        local paths are replaced by those found under `roots`.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    check_schema(config, schema)
    study = with_defaults(config, schema, schema)
    names = study["dataset"].get("label_names", {})
    # YAML reads the labels 0 and true as a number and a boolean; the data hold them as text.
    study["dataset"]["label_names"] = {
        str(label).lower() if isinstance(label, bool) else str(label): name for label, name in names.items()
    }
    study["models"] = [resolve_row(row, study["training"]) for row in study["models"]]
    _resolve_paths(study, roots)
    _check_names(study)
    _check_encoders(study, roots)
    _check_training(study)
    return study


def check_schema(config: Any, schema: dict[str, Any]) -> None:
    """Validate `config` and raise the first error, in the order of the file, as one sentence (`StudyError`)."""
    _check_finite(config)
    errors = list(Draft202012Validator(schema).iter_errors(config))
    if errors:
        # An unknown key first: it is the likeliest cause of a missing one.
        error = min(errors, key=lambda e: (e.validator != "additionalProperties", len(e.absolute_path)))
        raise StudyError(_sentence(error, config))


def with_defaults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Return a copy of `value` with the schema's defaults for every absent property, lists and mappings included."""
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = with_defaults(value, target, root)
    if schema.get("type") == "integer" and isinstance(value, float):
        # JSON Schema takes 1.0 for an integer; Python does not.
        value = int(value)
    if isinstance(value, dict):
        value = dict(value)
        properties = schema.get("properties", {})
        for key, subschema in properties.items():
            if key not in value and "default" in subschema:
                value[key] = deepcopy(subschema["default"])
        others = schema.get("additionalProperties", {})
        for key in value:
            subschema = properties.get(key, others if isinstance(others, dict) else {})
            value[key] = with_defaults(value[key], subschema, root)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        value = [with_defaults(item, schema["items"], root) for item in value]
    return value


def safe_name(name: str) -> str:
    """Make a row's name fit for a path: what is no letter, digit, dot, dash or underscore becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


def safe_file_name(location: str, split: str) -> str:
    """A file name for a location: its last part made safe, the ending kept; the split's name where nothing is left."""
    last = PurePosixPath(location if is_local(location) else urlsplit(location).path)
    endings = "".join(last.suffixes[-2:])
    return f"{safe_name(last.name.removesuffix(endings)) or split}{re.sub(r'[^A-Za-z0-9.]', '', endings)}"


def resolve_row(row: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """One row of `models` with the study's training settings below its own, and its `path`."""
    own = {key: value for key, value in row.items() if key in training}
    merged = training | own
    return {
        "name": row["name"],
        "path": safe_name(row["name"]),
        "encoder": row["encoder"],
        "reference": row.get("reference", {}),
        # In one order, whatever that of the study file: Snakemake compares parameters as they are written down.
        "training": {key: merged[key] for key in sorted(merged)},
    }


def locations(source: dict[str, Any]) -> list[str]:
    """The addresses of a data set's split, in order of preference."""
    return [source["url"]] if isinstance(source["url"], str) else source["url"]


def is_local(location: str) -> bool:
    """Whether a location is a plain path of this machine."""
    return "://" not in location


def published_files(dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files to download, by their names under resources/<dataset>/.

    Two splits with the same addresses (one archive, or one file to hold a test split out of) are one file.
    """
    files = {}
    for split in ("train", "test"):
        source = dataset.get(split, dataset["train"])
        name = published_name(dataset, split)
        files.setdefault(name, {"locations": locations(source), "sha256": None})
        files[name]["sha256"] = files[name]["sha256"] or source.get("sha256", "").lower() or None
    return files


def published_name(dataset: dict[str, Any], split: str) -> str:
    """Name under resources/<dataset>/ of the file that holds `split`."""
    addresses = {name: locations(dataset.get(name, dataset["train"])) for name in ("train", "test")}
    names = {name: safe_file_name(found[0], name) for name, found in addresses.items()}
    if addresses["train"] == addresses["test"]:
        return names["train"]
    clash = names["train"].lower() == names["test"].lower()
    return f"{split}-{names[split]}" if clash else names[split]


def _check_finite(value: Any, path: tuple = ()) -> None:
    """JSON Schema compares NaN with no limit, so it has to be refused by hand."""
    if isinstance(value, float) and not math.isfinite(value):
        raise StudyError(f"{_key(path)}: found {value}; a finite number is needed.")
    items: Iterator = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        _check_finite(item, (*path, key))


def _key(path: tuple) -> str:
    """The key's place in words of YAML: models[2].epochs."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the study"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _nearest(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else "."


def _sentence(error: ValidationError, config: Any) -> str:
    """One sentence for a schema error: the key, what was found, what is allowed."""
    path = tuple(error.absolute_path)
    key, found, allowed = _key(path), _shown(error.instance), error.validator_value
    if path[:1] == ("models",) and len(path) > 1 and isinstance(config["models"][path[1]], dict):
        key += f" (row {_shown(config['models'][path[1]].get('name'))})"
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = next(name for name in error.instance if name not in known)
            return f"{key}: unknown key {unknown!r}; allowed are {', '.join(known)}{_nearest(str(unknown), known)}"
        case "required":
            missing = next(name for name in allowed if name not in error.instance)
            return f"{key}: the key '{missing}' is missing; add it."
        case "type":
            kinds = " or ".join([allowed] if isinstance(allowed, str) else allowed)
            hint = ""
            if isinstance(error.instance, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", error.instance):
                mantissa, exponent = re.split("[eE]", error.instance)
                hint = f" (YAML reads it as text: write {float(mantissa)}e{exponent})"
            return f"{key}: found {found}{hint}; allowed is {kinds}."
        case "enum":
            return f"{key}: found {found}; allowed are {', '.join(map(str, allowed))}" + _nearest(
                str(error.instance), list(map(str, allowed))
            )
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            bound = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
            return f"{key}: found {found}; allowed is {bound.get(error.validator, 'less than')} {allowed}."
        case "minItems" | "minLength":
            return f"{key}: found {found}; allowed is at least {allowed} item{'s' * (allowed > 1)}."
        case "maxLength":
            return f"{key}: found {found}; allowed are at most {allowed} characters."
        case "uniqueItems":
            twice = next(item for item in error.instance if error.instance.count(item) > 1)
            return f"{key}: {_shown(twice)} is named twice; name it once."
        case "oneOf":
            choices = " or ".join("'" + "' with '".join(choice["required"]) + "'" for choice in allowed)
            return f"{key}: found {found}; allowed is exactly one of {choices}."
        case "pattern":
            return f"{key}: found {found}; allowed is what matches {allowed}."
        case _:
            return f"{key}: {error.message}."


def _resolve_paths(study: dict[str, Any], roots: list[Path]) -> None:
    """Replace every local path by the first that exists under `roots`."""
    dataset = study["dataset"]
    for split in ("train", "test"):
        if split in dataset:
            urls = [_plain_path(url, f"dataset.{split}.url") for url in locations(dataset[split])]
            # With mirrors, a missing local copy is just the first source that fails.
            if len(urls) == 1 and is_local(urls[0]):
                urls = [_existing(urls[0], roots, f"dataset.{split}.url")]
            dataset[split]["url"] = urls
    for name, vocabulary in study["vocabularies"].items():
        if "file" in vocabulary:
            vocabulary["file"] = _existing(vocabulary["file"], roots, f"vocabularies.{name}.file")
    for name, encoder in study["encoders"].items():
        if "folder" in encoder:
            encoder["folder"] = _existing(encoder["folder"], roots, f"encoders.{name}.folder")


def _plain_path(url: str, key: str) -> str:
    """Turn file:// into a path, so that an edit to the file is noticed; refuse what cannot be downloaded."""
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme.lower() not in ("", "file", "http", "https"):
        raise StudyError(f"{key}: found {url!r}; allowed is a path, file://, http:// or https://.")
    return unquote(urlsplit(url).path) if scheme.lower() == "file" else url


def _existing(path: str, roots: list[Path], key: str) -> str:
    if set(path) & set("{}<>"):
        raise StudyError(f"{key}: found {path!r}; a path with any of {{}}<> cannot be used, rename the file.")
    for root in roots:
        candidate = root / Path(path).expanduser()
        if candidate.exists():
            return str(candidate)
    looked = ", ".join(dict.fromkeys(str(root.absolute()) for root in roots))
    raise StudyError(f"{key}: there is no file or folder {path!r} in {looked}; name one that exists.")


def _check_names(study: dict[str, Any]) -> None:
    baselines = {safe_name(name).lower() for names in BASELINES.items() for name in names}
    taken: dict[str, str] = {}
    for row in study["models"]:
        path = row["path"].lower()
        if not path:
            raise StudyError(f"models: the name {row['name']!r} holds no Latin letter or digit; choose another.")
        if path in baselines:
            raise StudyError(f"models: the name {row['name']!r} is that of a baseline; choose another.")
        if path in taken:
            raise StudyError(
                f"models: the names {taken[path]!r} and {row['name']!r} would share one folder ({row['path']}); "
                "rename one of the rows."
            )
        taken[path] = row["name"]


def _check_encoders(study: dict[str, Any], roots: list[Path]) -> None:
    for name, encoder in study["encoders"].items():
        key = f"encoders.{name}"
        if "folder" in encoder:
            if "vocabulary" in encoder:
                raise StudyError(
                    f"{key}: an encoder from a folder has its own vocabulary; remove the key 'vocabulary'."
                )
            missing = [file for file in ENCODER_FILES if not (Path(encoder["folder"]) / file).is_file()]
            if missing:
                raise StudyError(f"{key}.folder: {encoder['folder']} lacks {', '.join(missing)}; it is no encoder.")
            _add_own_vocabulary(study, encoder, key)
            continue
        if encoder["vocabulary"] not in study["vocabularies"]:
            known = sorted(study["vocabularies"])
            raise StudyError(
                f"{key}.vocabulary: found {encoder['vocabulary']!r}; allowed are the entries of `vocabularies`: "
                f"{', '.join(known) or 'none yet'}{_nearest(encoder['vocabulary'], known)}"
            )
        scratch = encoder["scratch"]
        scratch.setdefault("heads", max(1, scratch["hidden"] // 64))
        scratch.setdefault("intermediate", 4 * scratch["hidden"])
        if scratch["hidden"] % scratch["heads"]:
            raise StudyError(
                f"{key}.scratch: hidden {scratch['hidden']} is no multiple of heads {scratch['heads']} "
                "(by default hidden // 64); set heads to a divisor of hidden."
            )
    for row in study["models"]:
        name = row["encoder"]
        if name in study["encoders"]:
            continue
        folder = next((root / LOCAL_ENCODERS / name for root in roots if (root / LOCAL_ENCODERS / name).is_dir()), None)
        if folder is None or not all((folder / file).is_file() for file in ENCODER_FILES):
            known = sorted(study["encoders"])
            raise StudyError(
                f"models (row {row['name']!r}).encoder: {name!r} is neither an entry of `encoders` "
                f"({', '.join(known) or 'none'}) nor a folder {LOCAL_ENCODERS / name} with {', '.join(ENCODER_FILES)}"
                f"{_nearest(name, known)}"
            )
        study["encoders"][name] = {"folder": str(folder)}
        _add_own_vocabulary(study, study["encoders"][name], f"models (row {row['name']!r}).encoder")


def _add_own_vocabulary(study: dict[str, Any], encoder: dict[str, Any], key: str) -> None:
    """Enter the vocabulary that lies in an encoder's folder; encoders with equal ones share its tokens."""
    file = Path(encoder["folder"], "vocab.txt")
    config = Path(encoder["folder"], "encoder.json")
    try:
        lower_case = json.loads(config.read_text(encoding="utf-8"))["lower_case"]
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{key}: {config} is no JSON with the key 'lower_case' ({error!r}).") from error
    digest = hashlib.sha256(file.read_bytes() + str(lower_case).encode()).hexdigest()
    encoder["vocabulary"] = f"vocab-{digest[:12]}"
    study["vocabularies"][encoder["vocabulary"]] = {"file": str(file), "lower_case": lower_case}


def _check_training(study: dict[str, Any]) -> None:
    for row in study["models"]:
        training, key = row["training"], f"models (row {row['name']!r})"
        if training["clipnorm"] is not None and training["global_clipnorm"] is not None:
            raise StudyError(
                f"{key}: clipnorm {training['clipnorm']} and global_clipnorm {training['global_clipnorm']} are both "
                "set; set one of them to null."
            )
        if training["momentum"] and training["optimizer"] != "sgd":
            raise StudyError(f"{key}: momentum is for sgd only; found optimizer {training['optimizer']!r}.")
        positions = study["encoders"][row["encoder"]].get("scratch", {}).get("positions")
        if positions and training["length"] > positions:
            raise StudyError(
                f"{key}.length: found {training['length']}; the encoder {row['encoder']!r} has {positions} positions."
            )
