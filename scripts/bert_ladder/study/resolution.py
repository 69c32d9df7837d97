"""Reads a study: checks it against the schema, fills in the defaults and resolves its rows.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

from pathlib import Path
from typing import Any

from bert_ladder.study.catalog import resolve_encoders
from bert_ladder.study.classes import label_text
from bert_ladder.study.dataset import locations, published_files, source_files
from bert_ladder.study.families import FAMILIES, FamilyFacts
from bert_ladder.study.halving import check_halving
from bert_ladder.study.locations import existing, is_local, look_up, plain_path, safe_name
from bert_ladder.study.row_folders import kept_folders
from bert_ladder.study.rows import BASELINES, is_frozen, published_weights, resolve_baseline, resolve_row, row_settings
from bert_ladder.study.schema import StudyError, check_schema, nearest, with_defaults
from bert_ladder.study.trials import check_search, draw_trials, searched_keys

SPLITS = ("train", "test", "validation")
CHOICES = ("accuracy", "cost")
_FRACTION = "validation_fraction"
SHORTEST_PAIR = 7  # WordPieces; with fewer a segment could be empty


def resolve_study(
    config: dict[str, Any],
    schema: dict[str, Any],
    catalog: dict[str, Any],
    roots: list[Path],
    outputs: Path = Path(),
) -> dict[str, Any]:
    """Check a study and return it whole, with every default in place.

    Args:
        config: the study as read from YAML; not changed.
        schema: schemas/config.schema.yaml, with the definitions of schemas/encoders.schema.yaml.
        catalog: the known encoders, as `load_catalog` gives them.
        roots: folders in which a relative path of the study is looked for, in order.
        outputs: the folder that holds resources/ and results/.

    Returns:
        The study with defaults. Its `models` are as `resolve_row` gives them; local paths are replaced by those found
        under `roots`.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    check_schema(config, schema)
    study = with_defaults(config, schema, schema)
    if not study["models"] and not study["baselines"]:
        raise StudyError("models: found []; allowed is at least 1 item, or none beside `baselines`.")
    if "validation" in study["dataset"]:
        _check_nothing_drawn(config)
        study["training"]["validation_fraction"] = None
    names = study["dataset"].get("label_names", {})
    # YAML reads the labels 0 and true as a number and a boolean; the data hold them as text.
    study["dataset"]["label_names"] = {label_text(label): name for label, name in names.items()}
    for place, row in enumerate(study["models"]):
        if "search" in row:
            key = f"models[{place}] (row {row['name']!r})"
            row["search"] = _resolve_search(row["search"], key, schema)
            for name in searched_keys(row["search"]):
                if name in row:
                    raise StudyError(f"{key}.search.{name}: the row sets {name} itself too; remove one of the two.")
    _publish_weights(study)
    training = schema["$defs"]["training"]["properties"]
    study["baselines"] = [resolve_baseline(entry, study["training"]) for entry in study["baselines"]]
    study["models"] = [resolve_row(row, study, training) for row in study["models"]]
    _resolve_paths(study, roots)
    published_files(study["dataset"])  # refuses two of one name
    _check_names(study)
    resolve_encoders(study, catalog, roots, outputs)
    for row in study["models"]:
        _resolve_pooling(row, FAMILIES[study["encoders"][row["encoder"]]["family"]])
    for entry in filter(is_frozen, study["baselines"]):
        _resolve_reading(entry, FAMILIES[study["encoders"][entry["encoder"]]["family"]])
    kept = kept_folders(study["models"], outputs / "results" / study["study"] / "runs")
    for row in study["models"]:
        row["path"] = kept.get(row["name"], row["path"])
    _check_pretraining(study)
    for row in study["models"]:
        for settings in row_settings(row):
            _check_optimizer(settings, f"models (row {row['name']!r})")
            _check_length(row, settings["length"], study["encoders"], f"models (row {row['name']!r}).length")
    for entry in filter(is_frozen, study["baselines"]):
        _check_length(entry, entry["length"], study["encoders"], f"baselines ({entry['name']!r}).frozen.length")
    _check_seeds(study)
    _check_choice(study)
    _check_curve(study)
    return study


def _publish_weights(study: dict[str, Any]) -> None:
    """Name the labels of all class weights as they are published: names to show train nothing again."""
    names, key = study["dataset"]["label_names"], "class_weight"
    places = {"training": study["training"]}
    places |= {f"models (row {row['name']!r})": row for row in study["models"]}
    places |= {f"baselines[{i}]": entry for i, entry in enumerate(study["baselines"]) if isinstance(entry, dict)}
    for place, values in places.items():
        if key in values:
            values[key] = published_weights(values[key], names, f"{place}.{key}")
        searched = values.get("search", {})
        if key in searched:
            tried = [published_weights(one, names, f"{place}.search.{key}") for one in searched[key]]
            values["search"] = searched | {key: tried}


def _check_nothing_drawn(config: dict[str, Any]) -> None:
    """Refuse what says how to draw a validation part, where it is a file of its own."""
    rows = {f"models[{place}] (row {row['name']!r})": row for place, row in enumerate(config["models"])}
    found = [key for key, values in ({"training": config.get("training", {})} | rows).items() if _FRACTION in values]
    keys = [f"{key}.{_FRACTION}" for key in found] + ["split_seed: per_run"] * (config.get("split_seed") == "per_run")
    if keys:
        raise StudyError(
            f"{keys[0]}: the validation texts are a file of their own (dataset.validation), so that none are drawn; "
            "remove one of the two."
        )


def _resolve_paths(study: dict[str, Any], roots: list[Path]) -> None:
    """Replace every local path by the first that exists under `roots`."""
    dataset = study["dataset"]
    sources = {f"dataset.{split}": dataset[split] for split in SPLITS if split in dataset}
    sources |= {f"dataset.unlabelled.{name}": source for name, source in dataset["unlabelled"].items()}
    for key, source in sources.items():
        if "parts" not in source:
            source["url"] = _found(locations(source), roots, f"{key}.url")
            continue
        for option in ("sha256", "url"):
            if option in source:
                raise StudyError(
                    f"{key}.{option}: is of one file, and `parts` names several; give it with each part: "
                    "{url: …, sha256: …}."
                )
        source["parts"] = [
            one | {"url": _found(locations(one), roots, f"{key}.parts[{place}]")}
            for place, one in enumerate(source_files(source))
        ]
        _check_parts(source["parts"], key)
    for name, vocabulary in study["vocabularies"].items():
        if "file" in vocabulary:
            vocabulary["file"] = existing(vocabulary["file"], roots, f"vocabularies.{name}.file")


def _found(urls: list[str], roots: list[Path], key: str) -> list[str]:
    """The addresses of one file, local paths by the first that exists under `roots`."""
    paths = [plain_path(url, key) for url in urls]
    if len(paths) == 1 and is_local(paths[0]):
        return [existing(paths[0], roots, key)]
    # With mirrors, a missing local copy is just the first source that fails.
    return [(look_up(path, roots, key) or path) if is_local(path) else path for path in paths]


def _check_parts(parts: list[dict[str, Any]], key: str) -> None:
    """Refuse a file that stands among the parts twice."""
    for place, part in enumerate(parts):
        first = next(i for i, other in enumerate(parts) if set(other["url"]) & set(part["url"]))
        if first != place:
            raise StudyError(f"{key}.parts[{place}]: {part['url'][0]} is named twice; name it once.")


def _check_names(study: dict[str, Any]) -> None:
    for name in study["dataset"]["unlabelled"]:
        if name.lower() in SPLITS:
            raise StudyError(f"dataset.unlabelled: the name {name!r} is that of a split; choose another.")
    baselines = {safe_name(name).lower() for names in BASELINES.items() for name in names}
    baselines |= _check_baselines(study["baselines"], baselines)
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


def _check_baselines(entries: list[dict[str, Any]], kinds: set[str]) -> set[str]:
    """The folders of the baselines in lower case, each another."""
    taken: set[str] = set()
    for entry in entries:
        name, path = entry["name"], entry["path"].lower()
        if not path:
            raise StudyError(f"baselines: the name {name!r} holds no Latin letter or digit; choose another.")
        if path in taken:
            raise StudyError(f"baselines: two share the name {name!r}; give one of them another (`name`).")
        if path in kinds and path != entry["baseline"]:
            raise StudyError(f"baselines: the name {name!r} is that of a kind of baseline; choose another.")
        taken.add(path)
    return taken


def _check_pretraining(study: dict[str, Any]) -> None:
    """Vocabularies and pre-trained encoders name unlabelled texts that there are; optimizers get what they take."""
    known = sorted(study["dataset"]["unlabelled"])
    named = {f"vocabularies.{name}.text": entry.get("text", []) for name, entry in study["vocabularies"].items()}
    for name, encoder in study["encoders"].items():
        if "pretrain" in encoder:
            _check_optimizer(encoder["pretrain"], f"encoders.{name}.pretrain")
            length = encoder["pretrain"]["length"]
            if encoder["pretrain"]["next_sentence"] and length < SHORTEST_PAIR:
                raise StudyError(
                    f"encoders.{name}.pretrain.length: found {length}; two segments (next_sentence) take "
                    f"{SHORTEST_PAIR} or more."
                )
            named[f"encoders.{name}.pretrain.text"] = encoder["pretrain"]["text"]
    for key, names in named.items():
        for name in names:
            if name not in known:
                raise StudyError(
                    f"{key}: found {name!r}; allowed are the entries of `dataset.unlabelled`: "
                    f"{', '.join(known) or 'none yet'}{nearest(name, known)}"
                )
    for name, vocabulary in study["vocabularies"].items():
        if "file" in vocabulary and vocabulary.get("text"):
            raise StudyError(f"vocabularies.{name}: a vocabulary from a file is not learned; remove the key 'text'.")


def _resolve_search(search: dict[str, Any], key: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A checked search, its numbers of the type that their key has."""
    training = schema["$defs"]["training"]["properties"]

    def check_value(name: str, value: Any) -> None:
        try:
            check_schema({name: value}, {"type": "object", "properties": training, "$defs": schema["$defs"]})
        except StudyError as error:
            raise StudyError(f"{key}.search.{error}") from None

    check_search(search, key, training, check_value)

    def typed(name: str, found: Any) -> Any:
        if name not in training:
            return found
        if isinstance(found, list):
            return [with_defaults(value, training[name], schema) for value in found]
        return found | {end: with_defaults(found[end], training[name], schema) for end in ("low", "high")}

    resolved = {name: typed(name, found) for name, found in search.items()}
    if "halving" in resolved:
        check_halving(resolved["halving"], len(draw_trials(resolved, training)), f"{key}.search.halving")
    return resolved


def _resolve_pooling(row: dict[str, Any], facts: FamilyFacts) -> None:
    """What a family's own head reads: the pooler, where there is one; a pooler that there is not is refused."""
    sets = [row["training"], *(row["search"]["trials"].values() if "search" in row else [])]
    for settings in (one for one in sets if "pooling" in one):
        if settings["pooling"] == "native" and facts.pooler:
            settings["pooling"] = "pooler"
        if settings["pooling"] == "pooler" and not facts.pooler:
            raise StudyError(
                f"models (row {row['name']!r}).pooling: found 'pooler', and {facts.title} has none; allowed are native "
                "(its own classification head) and mean."
            )


def _resolve_reading(entry: dict[str, Any], facts: FamilyFacts) -> None:
    """A frozen encoder has no head that was trained: native is the pooler, where there is one, else the mean."""
    if entry["pooling"] == "native":
        entry["pooling"] = "pooler" if facts.pooler else "mean"
    if entry["pooling"] == "pooler" and not facts.pooler:
        raise StudyError(
            f"baselines ({entry['name']!r}).frozen.pooling: found 'pooler', and {facts.title} has none; write mean."
        )


def _check_length(row: dict[str, Any], length: int, encoders: dict[str, Any], key: str) -> None:
    """Refuse a text length that is known to be beyond the positions of the row's encoder."""
    encoder = encoders[row["encoder"]]
    positions = encoder.get("scratch", encoder).get("positions")
    if positions and length > positions:
        raise StudyError(f"{key}: found {length}; the encoder {row['encoder']!r} has {positions} positions.")


def _check_optimizer(training: dict[str, Any], key: str) -> None:
    if training["clipnorm"] is not None and training["global_clipnorm"] is not None:
        raise StudyError(
            f"{key}: clipnorm {training['clipnorm']} and global_clipnorm {training['global_clipnorm']} are both "
            "set; set one of them to null."
        )
    if training["momentum"] and training["optimizer"] != "sgd":
        raise StudyError(f"{key}: momentum is for sgd only; found optimizer {training['optimizer']!r}.")


def _check_seeds(study: dict[str, Any]) -> None:
    if study["comparison"]["over"] != "seeds":
        return
    rows = {f"the row {row['name']!r} has": row["seeds"] for row in study["models"]}
    if study["split_seed"] == "per_run" and study["baselines"]:
        rows["the baselines, whose split is drawn per run, have"] = study["seeds"]
    for having, seeds in rows.items():
        if len(seeds) == 1:
            raise StudyError(
                f"comparison.over: found 'seeds', but {having} the one seed {seeds[0]}, which shows no spread; give "
                "two or more, or write over: auto."
            )


def _check_choice(study: dict[str, Any]) -> None:
    """Refuse the name of a row that there is not."""
    names = [entry["name"] for entry in study["baselines"] + study["models"]]
    allowed = [*CHOICES, *names]
    if study["choose"] not in allowed:
        raise StudyError(
            f"choose: found {study['choose']!r}; allowed are {', '.join(CHOICES)} and the name of a row: "
            f"{', '.join(map(repr, names))}{nearest(study['choose'], allowed)}"
        )


def _check_curve(study: dict[str, Any]) -> None:
    """Refuse a label curve of rows that there are not, or of none."""
    if study["label_curve"] is None:
        return
    names = [entry["name"] for entry in study["baselines"] + study["models"]]
    for name in study["label_curve"]["rows"]:
        if name not in names:
            raise StudyError(
                f"label_curve.rows: found {name!r}; allowed are the names of rows: "
                f"{', '.join(map(repr, names))}{nearest(name, names)}"
            )
    if not study["baselines"] and not study["label_curve"]["rows"]:
        raise StudyError("label_curve.rows: names no row, and the study has no baselines; name at least one row.")
