from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CDC_DELETE_MODE_HARD: CdcDeleteMode
CDC_DELETE_MODE_SOFT: CdcDeleteMode
CDC_DELETE_MODE_UNSPECIFIED: CdcDeleteMode
DESCRIPTOR: _descriptor.FileDescriptor
LOADER_APPEND: Loader
LOADER_APPEND_TRUNCATE: Loader
LOADER_DEDUP: Loader
LOADER_DEDUP_TRUNCATE: Loader
LOADER_UNSPECIFIED: Loader
META_COMPACT: Meta
META_FULL: Meta
META_NONE: Meta
META_UNSPECIFIED: Meta
OLDER_GENERATIONS_KEEP: OlderGenerations
OLDER_GENERATIONS_MARK_DELETED: OlderGenerations
OLDER_GENERATIONS_UNSPECIFIED: OlderGenerations
OUTCOME_APPENDED: Outcome
OUTCOME_KEPT_FOR_RESUME: Outcome
OUTCOME_MERGED: Outcome
OUTCOME_REPLACED_IN_PLACE: Outcome
OUTCOME_SWAPPED: Outcome
OUTCOME_UNCHANGED: Outcome
OUTCOME_UNSPECIFIED: Outcome
REPLACE_STRATEGY_AUTO: ReplaceStrategy
REPLACE_STRATEGY_IN_PLACE: ReplaceStrategy
REPLACE_STRATEGY_SWAP: ReplaceStrategy
REPLACE_STRATEGY_UNSPECIFIED: ReplaceStrategy
REPLAY_FROM_CHECKPOINT: Replay
REPLAY_FROM_START: Replay
REPLAY_NOTHING: Replay
REPLAY_UNSPECIFIED: Replay
SCHEMA_POLICY_FREEZE: SchemaPolicy
SCHEMA_POLICY_KEEP: SchemaPolicy
SCHEMA_POLICY_MIRROR: SchemaPolicy
SCHEMA_POLICY_UNSPECIFIED: SchemaPolicy
STREAM_STATE_CANCELLED: StreamState
STREAM_STATE_COMPLETED: StreamState
STREAM_STATE_FAILED: StreamState
STREAM_STATE_FINALIZING: StreamState
STREAM_STATE_INCOMPLETE: StreamState
STREAM_STATE_OPEN: StreamState
STREAM_STATE_UNSPECIFIED: StreamState
STREAM_STATUS_COMPLETE: StreamStatus
STREAM_STATUS_INCOMPLETE: StreamStatus
STREAM_STATUS_UNSPECIFIED: StreamStatus
SYNC_STATE_CANCELLED: SyncState
SYNC_STATE_FINISHED: SyncState
SYNC_STATE_INTERRUPTED: SyncState
SYNC_STATE_RUNNING: SyncState
SYNC_STATE_STARTING: SyncState
SYNC_STATE_UNSPECIFIED: SyncState
WRITE_MODE_APPEND: WriteMode
WRITE_MODE_DEDUP: WriteMode
WRITE_MODE_UNSPECIFIED: WriteMode

class Column(_message.Message):
    __slots__ = ["column_name", "input_name", "type"]
    COLUMN_NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    column_name: str
    input_name: str
    type: str
    def __init__(self, input_name: _Optional[str] = ..., column_name: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class Distribution(_message.Message):
    __slots__ = ["colocate_with", "column"]
    COLOCATE_WITH_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    colocate_with: str
    column: str
    def __init__(self, column: _Optional[str] = ..., colocate_with: _Optional[str] = ...) -> None: ...

class FieldPath(_message.Message):
    __slots__ = ["path"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[_Iterable[str]] = ...) -> None: ...

class PublishGuard(_message.Message):
    __slots__ = ["allow_empty", "max_nulled", "max_rejected", "max_shrink", "min_rows", "not_null", "unique_key"]
    class NotNullEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ALLOW_EMPTY_FIELD_NUMBER: _ClassVar[int]
    MAX_NULLED_FIELD_NUMBER: _ClassVar[int]
    MAX_REJECTED_FIELD_NUMBER: _ClassVar[int]
    MAX_SHRINK_FIELD_NUMBER: _ClassVar[int]
    MIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    NOT_NULL_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_KEY_FIELD_NUMBER: _ClassVar[int]
    allow_empty: bool
    max_nulled: int
    max_rejected: int
    max_shrink: float
    min_rows: int
    not_null: _containers.ScalarMap[str, float]
    unique_key: bool
    def __init__(self, min_rows: _Optional[int] = ..., max_shrink: _Optional[float] = ..., not_null: _Optional[_Mapping[str, float]] = ..., unique_key: bool = ..., max_rejected: _Optional[int] = ..., max_nulled: _Optional[int] = ..., allow_empty: bool = ...) -> None: ...

class SchemaChange(_message.Message):
    __slots__ = ["column", "kind", "rewrites", "table_bytes", "to"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    KIND_ADD_COLUMN: SchemaChange.Kind
    KIND_ADD_INDEX: SchemaChange.Kind
    KIND_CHANGE_TYPE: SchemaChange.Kind
    KIND_CREATE_TABLE: SchemaChange.Kind
    KIND_DROP_COLUMN: SchemaChange.Kind
    KIND_DROP_INDEX: SchemaChange.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_RELAX_NOT_NULL: SchemaChange.Kind
    KIND_REPLICA_IDENTITY: SchemaChange.Kind
    KIND_UNSPECIFIED: SchemaChange.Kind
    REWRITES_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    column: str
    kind: SchemaChange.Kind
    rewrites: bool
    table_bytes: int
    to: str
    def __init__(self, kind: _Optional[_Union[SchemaChange.Kind, str]] = ..., column: _Optional[str] = ..., to: _Optional[str] = ..., rewrites: bool = ..., table_bytes: _Optional[int] = ..., **kwargs) -> None: ...

class StreamConfig(_message.Message):
    __slots__ = ["airbyte_sync_id", "cdc_delete_mode", "cursor", "deleted_at_column", "descriptor", "distribution", "generation_id", "guard", "inferred_schema", "json_schema", "meta", "minimum_generation_id", "older_generations", "overwrite", "primary_key", "replace_strategy", "replay", "schema_policy", "table_name", "write_mode"]
    AIRBYTE_SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    CDC_DELETE_MODE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    DELETED_AT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    GUARD_FIELD_NUMBER: _ClassVar[int]
    INFERRED_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OLDER_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_KEY_FIELD_NUMBER: _ClassVar[int]
    REPLACE_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_POLICY_FIELD_NUMBER: _ClassVar[int]
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    WRITE_MODE_FIELD_NUMBER: _ClassVar[int]
    airbyte_sync_id: int
    cdc_delete_mode: CdcDeleteMode
    cursor: FieldPath
    deleted_at_column: str
    descriptor: StreamDescriptor
    distribution: Distribution
    generation_id: int
    guard: PublishGuard
    inferred_schema: bool
    json_schema: str
    meta: Meta
    minimum_generation_id: int
    older_generations: OlderGenerations
    overwrite: bool
    primary_key: _containers.RepeatedCompositeFieldContainer[FieldPath]
    replace_strategy: ReplaceStrategy
    replay: Replay
    schema_policy: SchemaPolicy
    table_name: str
    write_mode: WriteMode
    def __init__(self, descriptor: _Optional[_Union[StreamDescriptor, _Mapping]] = ..., json_schema: _Optional[str] = ..., write_mode: _Optional[_Union[WriteMode, str]] = ..., primary_key: _Optional[_Iterable[_Union[FieldPath, _Mapping]]] = ..., cursor: _Optional[_Union[FieldPath, _Mapping]] = ..., generation_id: _Optional[int] = ..., minimum_generation_id: _Optional[int] = ..., overwrite: bool = ..., airbyte_sync_id: _Optional[int] = ..., table_name: _Optional[str] = ..., schema_policy: _Optional[_Union[SchemaPolicy, str]] = ..., replay: _Optional[_Union[Replay, str]] = ..., guard: _Optional[_Union[PublishGuard, _Mapping]] = ..., cdc_delete_mode: _Optional[_Union[CdcDeleteMode, str]] = ..., inferred_schema: bool = ..., replace_strategy: _Optional[_Union[ReplaceStrategy, str]] = ..., meta: _Optional[_Union[Meta, str]] = ..., older_generations: _Optional[_Union[OlderGenerations, str]] = ..., deleted_at_column: _Optional[str] = ..., distribution: _Optional[_Union[Distribution, _Mapping]] = ...) -> None: ...

class StreamDescriptor(_message.Message):
    __slots__ = ["name", "namespace"]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    namespace: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class StreamPlan(_message.Message):
    __slots__ = ["changes", "columns", "descriptor", "error", "generation_id", "loader", "meta", "minimum_generation_id", "outcome", "placement", "plan_version", "state", "strategy", "strategy_reason", "table_name", "table_schema", "warnings", "writers"]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    LOADER_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    PLAN_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_REASON_FIELD_NUMBER: _ClassVar[int]
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    WRITERS_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[SchemaChange]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    descriptor: StreamDescriptor
    error: _status_pb2.Status
    generation_id: int
    loader: Loader
    meta: Meta
    minimum_generation_id: int
    outcome: Outcome
    placement: TablePlacement
    plan_version: int
    state: StreamState
    strategy: ReplaceStrategy
    strategy_reason: str
    table_name: str
    table_schema: str
    warnings: _containers.RepeatedCompositeFieldContainer[Warning]
    writers: _containers.RepeatedCompositeFieldContainer[WriterPosition]
    def __init__(self, descriptor: _Optional[_Union[StreamDescriptor, _Mapping]] = ..., table_schema: _Optional[str] = ..., table_name: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., generation_id: _Optional[int] = ..., minimum_generation_id: _Optional[int] = ..., loader: _Optional[_Union[Loader, str]] = ..., writers: _Optional[_Iterable[_Union[WriterPosition, _Mapping]]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., state: _Optional[_Union[StreamState, str]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., changes: _Optional[_Iterable[_Union[SchemaChange, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[Warning, _Mapping]]] = ..., strategy: _Optional[_Union[ReplaceStrategy, str]] = ..., strategy_reason: _Optional[str] = ..., meta: _Optional[_Union[Meta, str]] = ..., plan_version: _Optional[int] = ..., placement: _Optional[_Union[TablePlacement, _Mapping]] = ...) -> None: ...

class TablePlacement(_message.Message):
    __slots__ = ["access_method", "column", "kind", "shards"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ACCESS_METHOD_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_HASH: TablePlacement.Kind
    KIND_MANAGED_LOCAL: TablePlacement.Kind
    KIND_ORDINARY: TablePlacement.Kind
    KIND_OTHER: TablePlacement.Kind
    KIND_REFERENCE: TablePlacement.Kind
    KIND_SINGLE_SHARD: TablePlacement.Kind
    KIND_UNSPECIFIED: TablePlacement.Kind
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    access_method: str
    column: str
    kind: TablePlacement.Kind
    shards: int
    def __init__(self, kind: _Optional[_Union[TablePlacement.Kind, str]] = ..., column: _Optional[str] = ..., shards: _Optional[int] = ..., access_method: _Optional[str] = ...) -> None: ...

class Warning(_message.Message):
    __slots__ = ["code", "text"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class WriterPosition(_message.Message):
    __slots__ = ["durable_offset", "epoch", "writer_id"]
    DURABLE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    durable_offset: int
    epoch: int
    writer_id: str
    def __init__(self, writer_id: _Optional[str] = ..., durable_offset: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class WriteMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SchemaPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Replay(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CdcDeleteMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OlderGenerations(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ReplaceStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Meta(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Loader(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StreamStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SyncState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StreamState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
