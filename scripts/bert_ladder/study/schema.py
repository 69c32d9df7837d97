"""Checks a YAML file against its JSON Schema and says what is wrong in one sentence.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import difflib
import math
import re
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

# Studies and the catalogue have some hundreds.
MAX_VALUES = 100_000


class StudyError(Exception):
    """A study that cannot be run: one sentence with the key, what was found and what is allowed."""


def _check_pattern(validator: Any, pattern: str, instance: Any, _: dict[str, Any]) -> Iterator[ValidationError]:
    # The end in JSON Schema is the end; in Python $ also stands before a newline that is the last character.
    if validator.is_type(instance, "string") and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _check_pattern})


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML loader that refuses a key given twice, which YAML itself forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        # Merge keys (<<) and what they bring are no second mention: they are still apart at this point.
        seen = set()
        for key_node, _ in node.value:
            # A list or a mapping as a key is refused by YAML's own loader.
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen and key_node.value != "<<":
                raise StudyError(
                    f"{Path(key_node.start_mark.name).name}, line {key_node.start_mark.line + 1}: "
                    f"the key '{key_node.value}' is given twice; keep one of the two."
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def check_unique_keys(study_file: Path) -> None:
    """Refuse a YAML study file in which a mapping has the same key twice, or that is no YAML of a bounded size.

    Raises:
        StudyError: naming file, line and key.
    """
    try:
        loader = _UniqueKeyLoader(study_file.read_text(encoding="utf-8"))
        loader.name = str(study_file)
        node = loader.get_single_node()
        if node is not None and _written_out(node, {}) > MAX_VALUES:
            raise StudyError(
                f"{study_file.name}: has more than {MAX_VALUES:,} values when its aliases (*name) are written out; "
                "write it without them."
            )
        if node is not None:
            loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StudyError(f"{study_file.name}{line}: is no YAML ({error.problem}); correct it there.") from error
    # A date of month 13, a nesting of thousands, bytes and characters that YAML does not know.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"{study_file.name}: is no YAML ({reason}); save it as UTF-8 text.") from error


def check_is_whole(config: Any, schema: dict[str, Any], study_files: Sequence[Path]) -> None:
    """Refuse a study without its main keys, such as a file that is to be read behind another one.

    Args:
        config: the study, of all its files.
        schema: schemas/config.schema.yaml.
        study_files: the files in their order; none where a study is given in another way.

    Raises:
        StudyError: naming the file, the keys and a command with both files; none for other mistakes.
    """
    if not study_files or not isinstance(config, dict) or set(config) - set(schema["properties"]):
        return
    missing = [key for key in schema["required"] if key not in config]
    if not missing:
        return
    last = study_files[-1]
    one = len(missing) == 1
    keys = " and ".join(f"'{key}'" for key in missing)
    files = _files_before(last) or f"STUDY.yaml {' '.join(map(str, study_files))}"
    raise StudyError(
        f"{' and '.join(map(str, study_files))}: the {'key' if one else 'keys'} {keys} {'is' if one else 'are'} "
        f"missing; add {'it' if one else 'them'}, or, if this is to change another study, name that one first, behind "
        f"one and the same option: --configfile {files}"
    )


def _files_before(study_file: Path) -> str | None:
    """The files that the comments of a study file name with it behind --configfile."""
    comments = "\n".join(re.findall(r"^\s*#.*", study_file.read_text(encoding="utf-8"), re.MULTILINE))
    named = re.search(rf"--configfile[= ]+((?:\S+ +)+\S*{re.escape(study_file.name)})(?!\S)", comments)
    return named[1] if named else None


def _written_out(node: yaml.Node, sizes: dict[int, float]) -> float:
    """The number of values below a node when its aliases are written out; infinite if it holds itself."""
    if id(node) not in sizes:
        sizes[id(node)] = math.inf
        items = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            items = [item for pair in node.value for item in pair]
        sizes[id(node)] = 1 + sum(_written_out(item, sizes) for item in items)
    return sizes[id(node)]


def check_schema(config: Any, schema: dict[str, Any]) -> None:
    """Validate `config` and raise the first error, in the order of the file, as one sentence (`StudyError`)."""
    _check_finite(config)
    errors = list(_Validator(schema).iter_errors(config))
    if errors:
        # An unknown key first: it is the likeliest cause of a missing one.
        error = min(errors, key=lambda e: (e.validator != "additionalProperties", len(e.absolute_path)))
        raise StudyError(_sentence(error, config, schema))


def with_defaults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Return a copy of `value` with the schema's defaults for every absent property, lists and mappings included.

    Numbers get the type that the schema names: int for an integer, float for a number.
    """
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = with_defaults(value, target, root)
    # JSON Schema takes 1.0 for an integer and 1 for a number; Python and Keras do not.
    if schema.get("type") == "integer" and isinstance(value, float):
        value = int(value)
    elif "number" in schema.get("type", "") and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
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


def _check_finite(value: Any, path: tuple = ()) -> None:
    """JSON Schema compares NaN with no limit, so it has to be refused by hand, as an integer that is no float."""
    if isinstance(value, float | int) and not abs(value) <= sys.float_info.max:
        raise StudyError(f"{_key(path)}: found {_shown(value)}; a finite number is needed.")
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


def nearest(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else "."


def _home(path: tuple[str | int, ...], name: str, root: dict[str, Any]) -> str | None:
    """The nearest mapping above `path` that has a key `name`."""
    for end in range(len(path) - 1, -1, -1):
        schema = root
        for part in path[:end]:
            schema = schema.get("properties", {}).get(part, {})
        if name in schema.get("properties", {}):
            return _key(path[:end])
    return None


def _sentence(error: ValidationError, config: Any, root: dict[str, Any]) -> str:
    """One sentence for a schema error: the key, what was found, what is allowed."""
    path = tuple(error.absolute_path)
    key, found = _key(path), _shown(error.instance)
    # Untyped, since what they are depends on the validator that failed.
    schema: Any = error.schema
    allowed: Any = error.validator_value
    instance: Any = error.instance
    if path[:1] == ("models",) and len(path) > 1 and isinstance(config["models"][path[1]], dict):
        key += f" (row {_shown(config['models'][path[1]].get('name'))})"
    match error.validator:
        case "additionalProperties":
            known = sorted(schema.get("properties", {}))
            unknown = next(name for name in instance if name not in known)
            home = _home(path, unknown, root)
            hint = f"; it is a key of {home}, indented less." if home else nearest(str(unknown), known)
            return f"{key}: unknown key {unknown!r}; allowed are {', '.join(known)}{hint}"
        case "required":
            missing = next(name for name in allowed if name not in instance)
            return f"{key}: the key '{missing}' is missing; add it."
        case "type":
            kinds = " or ".join([allowed] if isinstance(allowed, str) else allowed)
            hint = ""
            if isinstance(instance, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", instance):
                mantissa, exponent = re.split("[eE]", instance)
                hint = f" (YAML reads it as text: write {float(mantissa)}e{exponent})"
            elif isinstance(instance, str) and kinds == "object" and "url" in schema.get("properties", {}):
                hint = f" (write {{url: {instance}}})"
            elif isinstance(instance, bool) and "string" in kinds:
                hint = " (YAML reads yes, no, on and off as true or false: write it in quotes)"
            elif isinstance(instance, int | float | date) and "string" in kinds:
                hint = " (YAML reads it as a number or a date: write it in quotes)"
            return f"{key}: found {found}{hint}; allowed is {kinds}."
        case "enum":
            return f"{key}: found {found}; allowed are {', '.join(map(str, allowed))}" + nearest(
                str(instance), list(map(str, allowed))
            )
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            bound = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
            return f"{key}: found {found}; allowed is {bound.get(error.validator, 'less than')} {allowed}."
        case "minItems" | "minLength":
            return f"{key}: found {found}; allowed is at least {allowed} item{'s' * (allowed > 1)}."
        case "minProperties" | "maxProperties" if "properties" in schema:
            return f"{key}: found {found}; allowed is exactly one of {', '.join(sorted(schema['properties']))}."
        case "maxLength":
            return f"{key}: found {found}; allowed are at most {allowed} characters."
        case "uniqueItems":
            twice = next(item for item in instance if instance.count(item) > 1)
            return f"{key}: {_shown(twice)} is named twice; name it once."
        case "oneOf":
            choices = " or ".join("'" + "' with '".join(choice["required"]) + "'" for choice in allowed)
            return f"{key}: found {found}; allowed is exactly one of {choices}."
        case "pattern":
            return f"{key}: found {found}; allowed is what matches {allowed}."
        case _:
            return f"{key}: {error.message}."
