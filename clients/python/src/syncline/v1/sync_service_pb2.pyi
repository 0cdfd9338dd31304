from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from syncline.v1 import records_pb2 as _records_pb2
from syncline.v1 import stream_pb2 as _stream_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppendRecordsOpened(_message.Message):
    __slots__ = ["durable_offset", "epoch", "limits"]
    DURABLE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    durable_offset: int
    epoch: int
    limits: Limits
    def __init__(self, epoch: _Optional[int] = ..., durable_offset: _Optional[int] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class AppendRecordsResponse(_message.Message):
    __slots__ = ["durable_offset", "last_checkpoint_id", "opened", "records_rejected", "records_skipped", "values_nulled"]
    DURABLE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    LAST_CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    VALUES_NULLED_FIELD_NUMBER: _ClassVar[int]
    durable_offset: int
    last_checkpoint_id: str
    opened: AppendRecordsOpened
    records_rejected: int
    records_skipped: int
    values_nulled: int
    def __init__(self, opened: _Optional[_Union[AppendRecordsOpened, _Mapping]] = ..., durable_offset: _Optional[int] = ..., records_rejected: _Optional[int] = ..., values_nulled: _Optional[int] = ..., last_checkpoint_id: _Optional[str] = ..., records_skipped: _Optional[int] = ...) -> None: ...

class Blocker(_message.Message):
    __slots__ = ["age", "application", "object", "pid"]
    AGE_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    age: _duration_pb2.Duration
    application: str
    object: str
    pid: int
    def __init__(self, object: _Optional[str] = ..., pid: _Optional[int] = ..., application: _Optional[str] = ..., age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CancelSyncRequest(_message.Message):
    __slots__ = ["sync_id"]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    sync_id: str
    def __init__(self, sync_id: _Optional[str] = ...) -> None: ...

class CancelSyncResponse(_message.Message):
    __slots__ = ["sync"]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    sync: SyncSummary
    def __init__(self, sync: _Optional[_Union[SyncSummary, _Mapping]] = ...) -> None: ...

class CheckpointCommitted(_message.Message):
    __slots__ = ["checkpoint_id", "descriptor", "offset", "records_since_last", "sequence", "state", "state_dropped", "writer_id"]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    RECORDS_SINCE_LAST_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_DROPPED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    checkpoint_id: str
    descriptor: _stream_pb2.StreamDescriptor
    offset: int
    records_since_last: int
    sequence: int
    state: bytes
    state_dropped: bool
    writer_id: str
    def __init__(self, descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., writer_id: _Optional[str] = ..., checkpoint_id: _Optional[str] = ..., state: _Optional[bytes] = ..., records_since_last: _Optional[int] = ..., sequence: _Optional[int] = ..., offset: _Optional[int] = ..., state_dropped: bool = ...) -> None: ...

class ColumnCounts(_message.Message):
    __slots__ = ["column", "nulled", "truncated", "undeclared"]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    NULLED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    column: str
    nulled: int
    truncated: int
    undeclared: int
    def __init__(self, column: _Optional[str] = ..., nulled: _Optional[int] = ..., truncated: _Optional[int] = ..., undeclared: _Optional[int] = ...) -> None: ...

class CompleteStreamRequest(_message.Message):
    __slots__ = ["descriptor", "discard_staged", "expected_records", "guard", "keep_earlier", "status", "sync_id", "validate_only"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    DISCARD_STAGED_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    GUARD_FIELD_NUMBER: _ClassVar[int]
    KEEP_EARLIER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    discard_staged: bool
    expected_records: int
    guard: _stream_pb2.PublishGuard
    keep_earlier: bool
    status: _stream_pb2.StreamStatus
    sync_id: str
    validate_only: bool
    def __init__(self, sync_id: _Optional[str] = ..., descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., status: _Optional[_Union[_stream_pb2.StreamStatus, str]] = ..., expected_records: _Optional[int] = ..., validate_only: bool = ..., guard: _Optional[_Union[_stream_pb2.PublishGuard, _Mapping]] = ..., discard_staged: bool = ..., keep_earlier: bool = ...) -> None: ...

class CompleteStreamResponse(_message.Message):
    __slots__ = ["fields_undeclared", "generation_id", "outcome", "rows", "rows_marked_deleted", "validation", "values_nulled", "values_truncated"]
    FIELDS_UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROWS_MARKED_DELETED_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    VALUES_NULLED_FIELD_NUMBER: _ClassVar[int]
    VALUES_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    fields_undeclared: int
    generation_id: int
    outcome: _stream_pb2.Outcome
    rows: int
    rows_marked_deleted: int
    validation: Validation
    values_nulled: int
    values_truncated: int
    def __init__(self, outcome: _Optional[_Union[_stream_pb2.Outcome, str]] = ..., rows: _Optional[int] = ..., generation_id: _Optional[int] = ..., validation: _Optional[_Union[Validation, _Mapping]] = ..., values_nulled: _Optional[int] = ..., values_truncated: _Optional[int] = ..., fields_undeclared: _Optional[int] = ..., rows_marked_deleted: _Optional[int] = ...) -> None: ...

class GetSyncRequest(_message.Message):
    __slots__ = ["sync_id"]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    sync_id: str
    def __init__(self, sync_id: _Optional[str] = ...) -> None: ...

class GetSyncResponse(_message.Message):
    __slots__ = ["sync"]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    sync: SyncSummary
    def __init__(self, sync: _Optional[_Union[SyncSummary, _Mapping]] = ...) -> None: ...

class GuardResult(_message.Message):
    __slots__ = ["actual", "limit", "name", "passed"]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    actual: float
    limit: float
    name: str
    passed: bool
    def __init__(self, name: _Optional[str] = ..., limit: _Optional[float] = ..., actual: _Optional[float] = ..., passed: bool = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["max_message_bytes", "max_record_bytes", "recommended_batch_bytes"]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_RECORD_BYTES_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_BATCH_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_message_bytes: int
    max_record_bytes: int
    recommended_batch_bytes: int
    def __init__(self, max_message_bytes: _Optional[int] = ..., recommended_batch_bytes: _Optional[int] = ..., max_record_bytes: _Optional[int] = ...) -> None: ...

class ListRejectedRecordsRequest(_message.Message):
    __slots__ = ["descriptor", "page_size", "page_token", "sync_id"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    page_size: int
    page_token: str
    sync_id: str
    def __init__(self, sync_id: _Optional[str] = ..., descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRejectedRecordsResponse(_message.Message):
    __slots__ = ["next_page_token", "records"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    records: _containers.RepeatedCompositeFieldContainer[RejectedRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[RejectedRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListSyncsRequest(_message.Message):
    __slots__ = ["page_size", "page_token", "started_since", "state", "table_name", "table_schema"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STARTED_SINCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    started_since: _timestamp_pb2.Timestamp
    state: _stream_pb2.SyncState
    table_name: str
    table_schema: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[_stream_pb2.SyncState, str]] = ..., table_name: _Optional[str] = ..., table_schema: _Optional[str] = ..., started_since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListSyncsResponse(_message.Message):
    __slots__ = ["next_page_token", "syncs"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SYNCS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    syncs: _containers.RepeatedCompositeFieldContainer[SyncSummary]
    def __init__(self, syncs: _Optional[_Iterable[_Union[SyncSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["streams"]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[StreamSummary]
    def __init__(self, streams: _Optional[_Iterable[_Union[StreamSummary, _Mapping]]] = ...) -> None: ...

class RejectedRecord(_message.Message):
    __slots__ = ["descriptor", "detail", "offset", "raw", "raw_truncated", "reason", "rejected_at", "writer_id"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    RAW_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REJECTED_AT_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    detail: str
    offset: int
    raw: bytes
    raw_truncated: bool
    reason: str
    rejected_at: _timestamp_pb2.Timestamp
    writer_id: str
    def __init__(self, descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., writer_id: _Optional[str] = ..., offset: _Optional[int] = ..., reason: _Optional[str] = ..., raw: _Optional[bytes] = ..., raw_truncated: bool = ..., rejected_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., detail: _Optional[str] = ...) -> None: ...

class StartSyncRequest(_message.Message):
    __slots__ = ["allow_partial", "connection_id", "existing_schemas_only", "extend", "input_digest", "plan_only", "streams", "sync_id"]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    EXISTING_SCHEMAS_ONLY_FIELD_NUMBER: _ClassVar[int]
    EXTEND_FIELD_NUMBER: _ClassVar[int]
    INPUT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    allow_partial: bool
    connection_id: str
    existing_schemas_only: bool
    extend: bool
    input_digest: str
    plan_only: bool
    streams: _containers.RepeatedCompositeFieldContainer[_stream_pb2.StreamConfig]
    sync_id: str
    def __init__(self, sync_id: _Optional[str] = ..., connection_id: _Optional[str] = ..., streams: _Optional[_Iterable[_Union[_stream_pb2.StreamConfig, _Mapping]]] = ..., allow_partial: bool = ..., input_digest: _Optional[str] = ..., extend: bool = ..., plan_only: bool = ..., existing_schemas_only: bool = ...) -> None: ...

class StartSyncResponse(_message.Message):
    __slots__ = ["limits", "resumed", "streams"]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    limits: Limits
    resumed: bool
    streams: _containers.RepeatedCompositeFieldContainer[_stream_pb2.StreamPlan]
    def __init__(self, streams: _Optional[_Iterable[_Union[_stream_pb2.StreamPlan, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., resumed: bool = ...) -> None: ...

class StreamFinished(_message.Message):
    __slots__ = ["descriptor", "generation_id", "outcome", "rows"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    generation_id: int
    outcome: _stream_pb2.Outcome
    rows: int
    def __init__(self, descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., outcome: _Optional[_Union[_stream_pb2.Outcome, str]] = ..., rows: _Optional[int] = ..., generation_id: _Optional[int] = ...) -> None: ...

class StreamSummary(_message.Message):
    __slots__ = ["bytes", "changes", "columns", "descriptor", "error", "fields_undeclared", "generation_id", "last_error", "last_error_at", "loader", "minimum_generation_id", "outcome", "records_rejected", "records_written", "rows", "state", "strategy", "strategy_reason", "table_name", "table_schema", "values_nulled", "values_truncated", "warnings", "writers"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FIELDS_UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOADER_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RECORDS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_REASON_FIELD_NUMBER: _ClassVar[int]
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VALUES_NULLED_FIELD_NUMBER: _ClassVar[int]
    VALUES_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    WRITERS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    changes: _containers.RepeatedCompositeFieldContainer[_stream_pb2.SchemaChange]
    columns: _containers.RepeatedCompositeFieldContainer[ColumnCounts]
    descriptor: _stream_pb2.StreamDescriptor
    error: _status_pb2.Status
    fields_undeclared: int
    generation_id: int
    last_error: _status_pb2.Status
    last_error_at: _timestamp_pb2.Timestamp
    loader: _stream_pb2.Loader
    minimum_generation_id: int
    outcome: _stream_pb2.Outcome
    records_rejected: int
    records_written: int
    rows: int
    state: _stream_pb2.StreamState
    strategy: _stream_pb2.ReplaceStrategy
    strategy_reason: str
    table_name: str
    table_schema: str
    values_nulled: int
    values_truncated: int
    warnings: _containers.RepeatedCompositeFieldContainer[_stream_pb2.Warning]
    writers: _containers.RepeatedCompositeFieldContainer[_stream_pb2.WriterPosition]
    def __init__(self, descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., table_schema: _Optional[str] = ..., table_name: _Optional[str] = ..., state: _Optional[_Union[_stream_pb2.StreamState, str]] = ..., outcome: _Optional[_Union[_stream_pb2.Outcome, str]] = ..., generation_id: _Optional[int] = ..., minimum_generation_id: _Optional[int] = ..., loader: _Optional[_Union[_stream_pb2.Loader, str]] = ..., records_written: _Optional[int] = ..., records_rejected: _Optional[int] = ..., bytes: _Optional[int] = ..., rows: _Optional[int] = ..., writers: _Optional[_Iterable[_Union[_stream_pb2.WriterPosition, _Mapping]]] = ..., values_nulled: _Optional[int] = ..., values_truncated: _Optional[int] = ..., fields_undeclared: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ColumnCounts, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[_stream_pb2.SchemaChange, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[_stream_pb2.Warning, _Mapping]]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., last_error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., last_error_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., strategy: _Optional[_Union[_stream_pb2.ReplaceStrategy, str]] = ..., strategy_reason: _Optional[str] = ...) -> None: ...

class SyncFinished(_message.Message):
    __slots__ = ["state"]
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _stream_pb2.SyncState
    def __init__(self, state: _Optional[_Union[_stream_pb2.SyncState, str]] = ...) -> None: ...

class SyncSummary(_message.Message):
    __slots__ = ["connection_id", "finished_at", "last_progress_at", "started_at", "state", "streams", "sync_id"]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_PROGRESS_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    finished_at: _timestamp_pb2.Timestamp
    last_progress_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    state: _stream_pb2.SyncState
    streams: _containers.RepeatedCompositeFieldContainer[StreamSummary]
    sync_id: str
    def __init__(self, sync_id: _Optional[str] = ..., connection_id: _Optional[str] = ..., state: _Optional[_Union[_stream_pb2.SyncState, str]] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., streams: _Optional[_Iterable[_Union[StreamSummary, _Mapping]]] = ..., last_progress_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Validation(_message.Message):
    __slots__ = ["blockers", "changes", "final", "guard_results", "rows_deleted", "rows_inserted", "rows_updated", "strategy", "strategy_reason"]
    BLOCKERS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    GUARD_RESULTS_FIELD_NUMBER: _ClassVar[int]
    ROWS_DELETED_FIELD_NUMBER: _ClassVar[int]
    ROWS_INSERTED_FIELD_NUMBER: _ClassVar[int]
    ROWS_UPDATED_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_REASON_FIELD_NUMBER: _ClassVar[int]
    blockers: _containers.RepeatedCompositeFieldContainer[Blocker]
    changes: _containers.RepeatedCompositeFieldContainer[_stream_pb2.SchemaChange]
    final: bool
    guard_results: _containers.RepeatedCompositeFieldContainer[GuardResult]
    rows_deleted: int
    rows_inserted: int
    rows_updated: int
    strategy: _stream_pb2.ReplaceStrategy
    strategy_reason: str
    def __init__(self, rows_inserted: _Optional[int] = ..., rows_updated: _Optional[int] = ..., rows_deleted: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[_stream_pb2.SchemaChange, _Mapping]]] = ..., guard_results: _Optional[_Iterable[_Union[GuardResult, _Mapping]]] = ..., blockers: _Optional[_Iterable[_Union[Blocker, _Mapping]]] = ..., final: bool = ..., strategy: _Optional[_Union[_stream_pb2.ReplaceStrategy, str]] = ..., strategy_reason: _Optional[str] = ...) -> None: ...

class WatchSyncRequest(_message.Message):
    __slots__ = ["after_sequence", "sync_id", "without_state"]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_STATE_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    sync_id: str
    without_state: bool
    def __init__(self, sync_id: _Optional[str] = ..., after_sequence: _Optional[int] = ..., without_state: bool = ...) -> None: ...

class WatchSyncResponse(_message.Message):
    __slots__ = ["checkpoint_committed", "progress", "stream_finished", "sync_finished"]
    CHECKPOINT_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FINISHED_FIELD_NUMBER: _ClassVar[int]
    SYNC_FINISHED_FIELD_NUMBER: _ClassVar[int]
    checkpoint_committed: CheckpointCommitted
    progress: Progress
    stream_finished: StreamFinished
    sync_finished: SyncFinished
    def __init__(self, checkpoint_committed: _Optional[_Union[CheckpointCommitted, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., stream_finished: _Optional[_Union[StreamFinished, _Mapping]] = ..., sync_finished: _Optional[_Union[SyncFinished, _Mapping]] = ...) -> None: ...
