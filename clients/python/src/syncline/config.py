"""What a caller states about a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .schema import infer_schema
from .v1 import stream_pb2

_MODES = {
    "append": stream_pb2.WRITE_MODE_APPEND,
    "dedup": stream_pb2.WRITE_MODE_DEDUP,
}


def _enum(enum: Any, prefix: str, value: str, field_name: str) -> Any:
    """Returns the number of an enum's value, given as ``"in_place"`` for ``..._IN_PLACE``."""
    if not value:
        return 0
    try:
        return enum.Value(f"{prefix}_{value.upper()}")
    except ValueError:
        names = ", ".join(n[len(prefix) + 1 :].lower() for n in enum.keys()[1:])
        raise ValueError(f"{field_name} must be one of: {names}") from None


@dataclass(frozen=True)
class Guard:
    """Conditions that must hold before a stream is published.

    A refusal is a PreconditionFailed with the reason ``PUBLISH_GUARD`` and every figure; staged
    rows are kept. An append accepts only `max_rejected` and `max_nulled`.
    """

    min_rows: int | None = None
    max_shrink: float | None = None
    not_null: Mapping[str, float] = field(default_factory=dict)
    unique_key: bool = False
    max_rejected: int | None = None
    max_nulled: int | None = None
    allow_empty: bool = False

    def to_proto(self) -> stream_pb2.PublishGuard:
        return stream_pb2.PublishGuard(
            min_rows=self.min_rows,
            max_shrink=self.max_shrink,
            not_null=dict(self.not_null),
            unique_key=self.unique_key,
            max_rejected=self.max_rejected,
            max_nulled=self.max_nulled,
            allow_empty=self.allow_empty,
        )


@dataclass(frozen=True)
class Distribution:
    """How a new table is distributed over the nodes of a Citus cluster.

    Attributes:
        column: the property whose value determines the node of a row, or ``"_airbyte_raw_id"``. For
            ``"dedup"`` it must be part of the primary key. Records without a value are rejected.
        colocate_with: a distributed table, as [schema.]name in SQL notation, whose rows of the same
            value are on the same node.
    """

    column: str
    colocate_with: str = ""

    def to_proto(self) -> stream_pb2.Distribution:
        if not self.column:
            raise ValueError("column of a Distribution must not be empty")
        return stream_pb2.Distribution(column=self.column, colocate_with=self.colocate_with)


@dataclass(frozen=True, eq=False)  # data frames cannot be compared
class Stream:
    """One stream of a sync: its name, its schema and how it is written.

    Attributes:
        name: the stream's name, from which the table's name is derived.
        schema: a JSON Schema as a dict or as text, or something to infer it from: a pyarrow schema,
            table or reader, a data frame, or a list of dicts of which the first 1,000 count.
        namespace: the schema in the database; empty means the server's default.
        mode: ``"append"``, or ``"dedup"``, which keeps the newest record of each primary key.
        primary_key: the names of the key's properties, for ``"dedup"``.
        cursor: the property that determines which of two records of one key is newer.
        overwrite: replaces the table when the stream is completed.
        table_name: the exact table, in SQL notation, instead of a name derived from `name`.
        generation_id, minimum_generation_id: as in the API; set both or neither.
        schema_policy: ``"keep"``, ``"mirror"`` or ``"freeze"``.
        replay: ``"nothing"``, ``"from_checkpoint"`` or ``"from_start"``.
        replace_strategy: ``"auto"``, ``"swap"`` or ``"in_place"``.
        meta: the columns ``_airbyte_*`` of the table: ``"full"``, ``"compact"`` or ``"none"``.
        cdc_delete_mode: ``"hard"`` or ``"soft"``.
        guard: conditions that must hold before the stream is published.
        airbyte_sync_id: the number that each row has in ``_airbyte_meta.sync_id``.
        older_generations: ``"keep"``, or ``"mark_deleted"``, which sets `deleted_at_column` in the
            rows of older generations when the stream is completed. Only for streams that keep
            these rows: with a `generation_id`, and `minimum_generation_id` 0.
        deleted_at_column: the property that ``"mark_deleted"`` sets, a timestamp with time zone.
        inferred_schema: whether columns that the table already has keep the table's types, because
            the schema is only that of a sample.
        distribution: how a new table is distributed in a Citus cluster; by default as the server is
            configured. A table that exists keeps its distribution. Not for a sync that was started
            with ``extend=True``.
    """

    name: str
    schema: Any
    namespace: str = ""
    mode: str = "append"
    primary_key: Sequence[str] = ()
    cursor: str = ""
    overwrite: bool = False
    table_name: str = ""
    generation_id: int | None = None
    minimum_generation_id: int | None = None
    schema_policy: str = ""
    replay: str = ""
    replace_strategy: str = ""
    meta: str = ""
    cdc_delete_mode: str = ""
    guard: Guard | None = None
    airbyte_sync_id: int = 0
    older_generations: str = ""
    deleted_at_column: str = ""
    inferred_schema: bool = False
    distribution: Distribution | None = None

    def json_schema(self) -> dict[str, Any]:
        """Returns the JSON Schema of the stream's records, inferred if it is not given."""
        schema = json.loads(self.schema) if isinstance(self.schema, str) else self.schema
        return infer_schema(schema)

    def to_proto(self, schema: Mapping[str, Any] | None = None) -> stream_pb2.StreamConfig:
        """Returns the stream as the API has it, with `schema` or its own."""
        if self.mode not in _MODES:
            raise ValueError(f"mode must be one of: {', '.join(_MODES)}")
        if isinstance(self.primary_key, str):
            raise ValueError("primary_key must be a list of names")
        config = stream_pb2.StreamConfig(
            descriptor=stream_pb2.StreamDescriptor(namespace=self.namespace, name=self.name),
            json_schema=json.dumps(self.json_schema() if schema is None else schema),
            write_mode=_MODES[self.mode],
            primary_key=[stream_pb2.FieldPath(path=[name]) for name in self.primary_key],
            overwrite=self.overwrite,
            table_name=self.table_name,
            generation_id=self.generation_id,
            minimum_generation_id=self.minimum_generation_id,
            airbyte_sync_id=self.airbyte_sync_id,
            deleted_at_column=self.deleted_at_column,
            inferred_schema=self.inferred_schema,
            schema_policy=_enum(
                stream_pb2.SchemaPolicy, "SCHEMA_POLICY", self.schema_policy, "schema_policy"
            ),
            replay=_enum(stream_pb2.Replay, "REPLAY", self.replay, "replay"),
            replace_strategy=_enum(
                stream_pb2.ReplaceStrategy,
                "REPLACE_STRATEGY",
                self.replace_strategy,
                "replace_strategy",
            ),
            meta=_enum(stream_pb2.Meta, "META", self.meta, "meta"),
            cdc_delete_mode=_enum(
                stream_pb2.CdcDeleteMode, "CDC_DELETE_MODE", self.cdc_delete_mode, "cdc_delete_mode"
            ),
            older_generations=_enum(
                stream_pb2.OlderGenerations,
                "OLDER_GENERATIONS",
                self.older_generations,
                "older_generations",
            ),
        )
        if self.cursor:
            config.cursor.path.append(self.cursor)
        if self.guard is not None:
            config.guard.CopyFrom(self.guard.to_proto())
        if self.distribution is not None:
            config.distribution.CopyFrom(self.distribution.to_proto())
        return config
