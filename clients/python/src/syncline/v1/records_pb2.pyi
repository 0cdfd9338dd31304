from syncline.v1 import stream_pb2 as _stream_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
FIXED_TYPE_DATE_DAYS32: FixedType
FIXED_TYPE_DATE_MS64: FixedType
FIXED_TYPE_DECIMAL128: FixedType
FIXED_TYPE_FLOAT32: FixedType
FIXED_TYPE_FLOAT64: FixedType
FIXED_TYPE_INT16: FixedType
FIXED_TYPE_INT32: FixedType
FIXED_TYPE_INT64: FixedType
FIXED_TYPE_INT8: FixedType
FIXED_TYPE_TIMESTAMP_MS: FixedType
FIXED_TYPE_TIMESTAMP_NS: FixedType
FIXED_TYPE_TIMESTAMP_S: FixedType
FIXED_TYPE_TIMESTAMP_US: FixedType
FIXED_TYPE_TIME_MS32: FixedType
FIXED_TYPE_TIME_NS64: FixedType
FIXED_TYPE_TIME_S32: FixedType
FIXED_TYPE_TIME_US64: FixedType
FIXED_TYPE_UINT16: FixedType
FIXED_TYPE_UINT32: FixedType
FIXED_TYPE_UINT64: FixedType
FIXED_TYPE_UINT8: FixedType
FIXED_TYPE_UNSPECIFIED: FixedType

class AppendRecordsRequest(_message.Message):
    __slots__ = ["batch", "checkpoint", "header"]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    batch: RecordBatch
    checkpoint: Checkpoint
    header: StreamHeader
    def __init__(self, header: _Optional[_Union[StreamHeader, _Mapping]] = ..., batch: _Optional[_Union[RecordBatch, _Mapping]] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class BitValues(_message.Message):
    __slots__ = ["bit_offset", "bits"]
    BITS_FIELD_NUMBER: _ClassVar[int]
    BIT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    bit_offset: int
    bits: bytes
    def __init__(self, bits: _Optional[bytes] = ..., bit_offset: _Optional[int] = ...) -> None: ...

class BoolValues(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, values: _Optional[_Iterable[bool]] = ...) -> None: ...

class BufferTexts(_message.Message):
    __slots__ = ["data", "offsets", "wide"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    WIDE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    offsets: bytes
    wide: bool
    def __init__(self, data: _Optional[bytes] = ..., offsets: _Optional[bytes] = ..., wide: bool = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ["checkpoint_id", "positions", "state"]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    checkpoint_id: str
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    state: bytes
    def __init__(self, checkpoint_id: _Optional[str] = ..., state: _Optional[bytes] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ...) -> None: ...

class ColumnValues(_message.Message):
    __slots__ = ["binary", "bits", "bools", "dates_days", "doubles", "fixed", "int64s", "json", "jsons", "nulls", "texts", "timestamps_us", "utf8", "validity"]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    BOOLS_FIELD_NUMBER: _ClassVar[int]
    DATES_DAYS_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    INT64S_FIELD_NUMBER: _ClassVar[int]
    JSONS_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_US_FIELD_NUMBER: _ClassVar[int]
    UTF8_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    binary: BufferTexts
    bits: BitValues
    bools: BoolValues
    dates_days: Int64Values
    doubles: DoubleValues
    fixed: FixedValues
    int64s: Int64Values
    json: BufferTexts
    jsons: TextValues
    nulls: bytes
    texts: TextValues
    timestamps_us: Int64Values
    utf8: BufferTexts
    validity: Validity
    def __init__(self, nulls: _Optional[bytes] = ..., int64s: _Optional[_Union[Int64Values, _Mapping]] = ..., doubles: _Optional[_Union[DoubleValues, _Mapping]] = ..., bools: _Optional[_Union[BoolValues, _Mapping]] = ..., texts: _Optional[_Union[TextValues, _Mapping]] = ..., jsons: _Optional[_Union[TextValues, _Mapping]] = ..., timestamps_us: _Optional[_Union[Int64Values, _Mapping]] = ..., dates_days: _Optional[_Union[Int64Values, _Mapping]] = ..., fixed: _Optional[_Union[FixedValues, _Mapping]] = ..., bits: _Optional[_Union[BitValues, _Mapping]] = ..., utf8: _Optional[_Union[BufferTexts, _Mapping]] = ..., json: _Optional[_Union[BufferTexts, _Mapping]] = ..., binary: _Optional[_Union[BufferTexts, _Mapping]] = ..., validity: _Optional[_Union[Validity, _Mapping]] = ...) -> None: ...

class DoubleValues(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class FixedValues(_message.Message):
    __slots__ = ["data", "scale", "type"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    scale: int
    type: FixedType
    def __init__(self, type: _Optional[_Union[FixedType, str]] = ..., data: _Optional[bytes] = ..., scale: _Optional[int] = ...) -> None: ...

class Int64Values(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ["descriptor", "offset", "writer_id"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    offset: int
    writer_id: str
    def __init__(self, descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., writer_id: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class RecordBatch(_message.Message):
    __slots__ = ["airbyte_jsonl", "emitted_at_ms", "first_offset", "flush", "jsonl", "rows", "unreadable"]
    AIRBYTE_JSONL_FIELD_NUMBER: _ClassVar[int]
    EMITTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    JSONL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    airbyte_jsonl: bytes
    emitted_at_ms: int
    first_offset: int
    flush: bool
    jsonl: bytes
    rows: RowBatch
    unreadable: _containers.RepeatedCompositeFieldContainer[UnreadableRecord]
    def __init__(self, first_offset: _Optional[int] = ..., jsonl: _Optional[bytes] = ..., airbyte_jsonl: _Optional[bytes] = ..., rows: _Optional[_Union[RowBatch, _Mapping]] = ..., emitted_at_ms: _Optional[int] = ..., unreadable: _Optional[_Iterable[_Union[UnreadableRecord, _Mapping]]] = ..., flush: bool = ...) -> None: ...

class RowBatch(_message.Message):
    __slots__ = ["columns", "row_count", "values"]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedScalarFieldContainer[str]
    row_count: int
    values: _containers.RepeatedCompositeFieldContainer[ColumnValues]
    def __init__(self, columns: _Optional[_Iterable[str]] = ..., row_count: _Optional[int] = ..., values: _Optional[_Iterable[_Union[ColumnValues, _Mapping]]] = ...) -> None: ...

class StreamHeader(_message.Message):
    __slots__ = ["descriptor", "expected_epoch", "plan_version", "sync_id", "writer_id"]
    DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    PLAN_VERSION_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    descriptor: _stream_pb2.StreamDescriptor
    expected_epoch: int
    plan_version: int
    sync_id: str
    writer_id: str
    def __init__(self, sync_id: _Optional[str] = ..., descriptor: _Optional[_Union[_stream_pb2.StreamDescriptor, _Mapping]] = ..., writer_id: _Optional[str] = ..., expected_epoch: _Optional[int] = ..., plan_version: _Optional[int] = ...) -> None: ...

class StreamRecordsRequest(_message.Message):
    __slots__ = ["batch", "checkpoint", "header"]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    batch: RecordBatch
    checkpoint: Checkpoint
    header: StreamHeader
    def __init__(self, header: _Optional[_Union[StreamHeader, _Mapping]] = ..., batch: _Optional[_Union[RecordBatch, _Mapping]] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class StreamRecordsResponse(_message.Message):
    __slots__ = ["durable_offset", "fields_undeclared", "records_rejected", "records_skipped", "records_written", "values_nulled", "values_truncated"]
    DURABLE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    FIELDS_UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    VALUES_NULLED_FIELD_NUMBER: _ClassVar[int]
    VALUES_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    durable_offset: int
    fields_undeclared: int
    records_rejected: int
    records_skipped: int
    records_written: int
    values_nulled: int
    values_truncated: int
    def __init__(self, durable_offset: _Optional[int] = ..., records_written: _Optional[int] = ..., records_skipped: _Optional[int] = ..., records_rejected: _Optional[int] = ..., values_nulled: _Optional[int] = ..., values_truncated: _Optional[int] = ..., fields_undeclared: _Optional[int] = ...) -> None: ...

class TextValues(_message.Message):
    __slots__ = ["data", "lengths"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    lengths: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, data: _Optional[bytes] = ..., lengths: _Optional[_Iterable[int]] = ...) -> None: ...

class UnreadableRecord(_message.Message):
    __slots__ = ["offset", "reason"]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    offset: int
    reason: str
    def __init__(self, offset: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Validity(_message.Message):
    __slots__ = ["bit_offset", "bits"]
    BITS_FIELD_NUMBER: _ClassVar[int]
    BIT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    bit_offset: int
    bits: bytes
    def __init__(self, bits: _Optional[bytes] = ..., bit_offset: _Optional[int] = ...) -> None: ...

class FixedType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
