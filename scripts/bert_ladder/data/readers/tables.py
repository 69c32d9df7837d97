"""Examples from Arrow tables, as parquet and Arrow files hold them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from bert_ladder.data.readers.columns import SAMPLE, Columns, check_unique, choose_columns
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, listed
from bert_ladder.runtime.jobs import BadInput

# Gives the batches of some columns, named with dots where they lie inside others, those first named being wanted as
# dictionaries where the file has them so.
Batches = Callable[[Sequence[str], Sequence[str]], Iterable[pa.RecordBatch]]


def read_table(file: PublishedFile, schema: pa.Schema, batches: Batches) -> PublishedExamples:
    """Read two columns of a table.

    Args:
        file: that holds the table.
        schema: of the table.
        batches: reads columns of it.

    Raises:
        BadInput: a column is not to be found.
    """
    columns = table_columns(file, schema, batches)
    chosen = choose_columns(file, columns)
    kinds = dict(_value_types(schema))
    texts = [name for name, kind in kinds.items() if _holds_text(kind)]
    names = _class_names(schema, chosen[1]) if file.labelled and pa.types.is_integer(kinds[chosen[1]]) else []

    def rows() -> Iterator[tuple[Any, ...]]:
        row = 0
        for batch in batches(chosen, [name for name in chosen if name in texts]):
            for found in zip(*(plain_values(column_at(batch, name)) for name in chosen), strict=True):
                row += 1
                if names:
                    _check_class(file, row, found[1], names)
                yield found

    return PublishedExamples(rows(), lambda row: f"row {row + 1}", class_names=names)


def table_columns(file: PublishedFile, schema: pa.Schema, batches: Batches) -> Columns:
    """What a table offers to choose from.

    Args:
        file: that holds the table.
        schema: of the table.
        batches: reads columns of it.

    Raises:
        BadInput: two columns have one name.
    """
    check_unique(file.path, schema.names)
    types = {item.name: item.type for item in schema}
    inner = dict(_inner_types(types))
    values = dict(_value_types(schema))
    # A column of nulls alone has no type: it may have been one of texts.
    strings = [name for name in types if _holds_text(values[name]) or pa.types.is_null(values[name])]

    def sample(name: str) -> list[Any]:
        batch = next(iter(batches([name], [])), None)
        found = [] if batch is None else plain_values(column_at(batch.slice(0, SAMPLE), name))
        return [value.decode(errors="replace") if isinstance(value, bytes) else value for value in found]

    listing = "the columns " + listed([f"{name[:60]!r} ({str(kind)[:60]})" for name, kind in types.items()])
    lists = [name for name, kind in values.items() if _is_list(kind)]
    return Columns(list(types), strings, listing, inner=inner, lists=lists, sample=sample)


def _value_types(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Names and types of the columns, and of the fields inside others; of a dictionary that of its values."""
    types = {item.name: item.type for item in schema}
    for name, kind in (types | dict(_inner_types(types))).items():
        yield name, kind.value_type if pa.types.is_dictionary(kind) else kind


def _inner_types(types: Mapping[str, pa.DataType]) -> Iterator[tuple[str, pa.DataType]]:
    """Names, with dots, and types of the fields inside others."""
    for name, kind in types.items():
        if pa.types.is_struct(kind):
            fields = {f"{name}.{field.name}": field.type for field in kind}
            yield from ((path, inner) for path, inner in fields.items() if not pa.types.is_struct(inner))
            yield from _inner_types(fields)


def first_part(names: Sequence[str], path: str) -> str:
    """The column, or the field, with which a dotted name begins; its own name may hold a dot."""
    return next((name for name in names if path == name), None) or next(
        name for name in names if path.startswith(f"{name}.")
    )


def column_at(batch: pa.RecordBatch, path: str) -> pa.Array:
    """A column, or a field inside one; missing where what it lies in is."""
    name = first_part(batch.schema.names, path)
    column = batch.column(name)
    while rest := path[len(name) + 1 :]:
        names = [column.type.field(i).name for i in range(column.type.num_fields)]
        name, path = first_part(names, rest), rest
        column = column.flatten()[names.index(name)]
    return column


def _class_names(schema: pa.Schema, label: str) -> list[str]:
    """What a data set of Hugging Face calls the classes of a column of codes; none for other tables."""
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
        for part in [label] if label in features else label.split("."):
            features = features[part]
        names = features["names"] if features["_type"] == "ClassLabel" else []
    except (ValueError, RecursionError, KeyError, TypeError):
        return []
    are_names = isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names)
    return names if are_names and len(set(names)) == len(names) else []


def _check_class(file: PublishedFile, row: int, code: int | None, names: Sequence[str]) -> None:
    """Refuse a code without a name: data sets of Hugging Face write -1 where there is no label."""
    if code is not None and not 0 <= code < len(names):
        what = "which stands for no label" if code == -1 else f"but the file names {len(names)} classes"
        remedy = "leave `dataset.test` out, or drop such rows" if file.name == "test" else "drop such rows"
        raise BadInput(f"{file.path}, row {row}: the label is {code}, {what}; {remedy}")


def _holds_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in (*checks, pa.types.is_binary, pa.types.is_large_binary))


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def plain_values(column: pa.Array) -> list[Any]:
    """Strings as bytes: parquet does not promise that its strings are UTF-8, and the row's own check names the row."""
    if not pa.types.is_dictionary(column.type):
        return (column.cast(pa.large_binary()) if _holds_text(column.type) else column).to_pylist()
    used = column.indices.unique().drop_null()
    values = dict(zip(used.to_pylist(), plain_values(column.dictionary.take(used)), strict=True))
    return [values.get(index) for index in column.indices.to_pylist()]
