"""A server in this process that keeps records in memory and fails as a test orders.

It is for tests of what the client sends and does. What the server does with it is tested with the
real one (test_server.py, test_arrow_server.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any, Callable

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from syncline.v1 import records_pb2, stream_pb2, sync_service_pb2

_SERVICE = "syncline.v1.SyncService"


def abort(
    context: Any,
    code: grpc.StatusCode,
    reason: str,
    metadata: dict[str, str] | None = None,
    retry_after: float | None = None,
) -> None:
    info = any_pb2.Any()
    info.Pack(
        error_details_pb2.ErrorInfo(reason=reason, domain="syncline", metadata=metadata or {})
    )
    status = status_pb2.Status(code=code.value[0], message=f"{reason} in words", details=[info])
    if retry_after is not None:
        delay = any_pb2.Any()
        nanos = int(retry_after * 1e9)
        delay.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=nanos)))
        status.details.append(delay)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, status.message)


class FakeServer:
    """Counts every record that it commits, by stream and writer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.committed: dict[tuple[str, str], list[Any]] = {}
        self.epochs: dict[tuple[str, str], int] = {}
        self.headers: list[records_pb2.StreamHeader] = []
        self.batches: list[records_pb2.RecordBatch] = []
        self.starts: list[sync_service_pb2.StartSyncRequest] = []
        self.completions: list[sync_service_pb2.CompleteStreamRequest] = []
        self.results: dict[str, sync_service_pb2.CompleteStreamResponse] = {}
        self.metadata: dict[str, str] = {}
        # Hooks: called with the context and the number of the call or batch, and may abort.
        self.on_append: Callable[[Any, int], None] = lambda context, number: None
        self.on_batch: Callable[[Any, int], None] = lambda context, number: None
        self.on_start: Callable[[Any, int], None] = lambda context, number: None
        self.after_complete: Callable[[Any, int], None] = lambda context, number: None
        self.commit_each_batch = False
        self.max_message_bytes = 1 << 20
        self.plan_version = 1
        self.hold = threading.Event()  # while it is not set, no commit happens
        self.hold.set()
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        handlers = {
            "StartSync": grpc.unary_unary_rpc_method_handler(
                self._start,
                sync_service_pb2.StartSyncRequest.FromString,
                sync_service_pb2.StartSyncResponse.SerializeToString,
            ),
            "AppendRecords": grpc.stream_stream_rpc_method_handler(
                self._append,
                records_pb2.AppendRecordsRequest.FromString,
                sync_service_pb2.AppendRecordsResponse.SerializeToString,
            ),
            "CompleteStream": grpc.unary_unary_rpc_method_handler(
                self._complete,
                sync_service_pb2.CompleteStreamRequest.FromString,
                sync_service_pb2.CompleteStreamResponse.SerializeToString,
            ),
            "ListRejectedRecords": grpc.unary_unary_rpc_method_handler(
                self._rejected,
                sync_service_pb2.ListRejectedRecordsRequest.FromString,
                sync_service_pb2.ListRejectedRecordsResponse.SerializeToString,
            ),
        }
        handler = grpc.method_handlers_generic_handler(_SERVICE, handlers)
        self._server.add_generic_rpc_handlers((handler,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def stop(self) -> None:
        self.hold.set()
        self._server.stop(0).wait()

    def rows(self, stream: str = "rows", writer_id: str = "") -> list[Any]:
        with self.lock:
            return list(self.committed.get((stream, writer_id), []))

    def _start(self, request: Any, context: Any) -> Any:
        self.metadata = dict(context.invocation_metadata())
        self.starts.append(request)
        self.on_start(context, len(self.starts))
        known = {start.sync_id for start in self.starts[:-1]}
        answer = sync_service_pb2.StartSyncResponse(resumed=request.sync_id in known)
        answer.limits.max_message_bytes = self.max_message_bytes
        with self.lock:
            for config in request.streams:
                plan = answer.streams.add(
                    descriptor=config.descriptor, table_name="t", plan_version=self.plan_version
                )
                for (name, writer_id), records in self.committed.items():
                    if name == config.descriptor.name:
                        plan.writers.add(
                            writer_id=writer_id,
                            durable_offset=len(records),
                            epoch=self.epochs.get((name, writer_id), 0),
                        )
        return answer

    def _append(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        header = next(requests).header
        self.headers.append(header)
        self.on_append(context, len(self.headers))
        key = (header.descriptor.name, header.writer_id)
        with self.lock:
            records = self.committed.setdefault(key, [])
            if (
                header.HasField("expected_epoch")
                and self.epochs.get(key, 0) > header.expected_epoch
            ):
                fenced = True
            else:
                fenced = False
                self.epochs[key] = self.epochs.get(key, 0) + 1
        if fenced:
            abort(context, grpc.StatusCode.ABORTED, "FENCED")
        opened = sync_service_pb2.AppendRecordsResponse(durable_offset=len(records))
        opened.opened.durable_offset = len(records)
        opened.opened.epoch = self.epochs[key]
        yield opened
        waiting: list[Any] = []
        checkpoint = ""
        for request in requests:
            if request.HasField("checkpoint"):
                checkpoint = request.checkpoint.checkpoint_id
            else:
                self.batches.append(request.batch)
                self.on_batch(context, len(self.batches))
                waiting += self._read(request.batch, len(records) + len(waiting), context)
            if request.batch.flush or checkpoint or self.commit_each_batch:
                self.hold.wait()
                with self.lock:
                    records += waiting
                waiting = []
                yield sync_service_pb2.AppendRecordsResponse(
                    durable_offset=len(records), last_checkpoint_id=checkpoint
                )
        with self.lock:
            records += waiting
        yield sync_service_pb2.AppendRecordsResponse(
            durable_offset=len(records), last_checkpoint_id=checkpoint
        )

    @staticmethod
    def _read(batch: Any, expected: int, context: Any) -> list[Any]:
        """Returns the records of `batch` from number `expected`."""
        if batch.first_offset > expected:
            abort(context, grpc.StatusCode.OUT_OF_RANGE, "OFFSET_GAP")
        if batch.HasField("rows"):
            records: list[Any] = list(range(batch.rows.row_count))
        else:
            records = [json.loads(line) for line in batch.jsonl.splitlines()]
        return records[expected - batch.first_offset :]

    def _complete(self, request: Any, context: Any) -> Any:
        self.completions.append(request)
        name = request.descriptor.name
        if name not in self.results:
            with self.lock:
                count = sum(len(r) for (n, _), r in self.committed.items() if n == name)
            if request.HasField("expected_records") and request.expected_records != count:
                abort(context, grpc.StatusCode.FAILED_PRECONDITION, "COUNT_MISMATCH")
            complete = request.status == stream_pb2.STREAM_STATUS_COMPLETE
            outcome = (
                stream_pb2.OUTCOME_APPENDED if complete else stream_pb2.OUTCOME_KEPT_FOR_RESUME
            )
            self.results[name] = sync_service_pb2.CompleteStreamResponse(
                outcome=outcome, rows=count
            )
        self.after_complete(context, len(self.completions))
        return self.results[name]

    def _rejected(self, request: Any, context: Any) -> Any:
        """Answers with two pages of one record."""
        answer = sync_service_pb2.ListRejectedRecordsResponse()
        number = int(request.page_token or 0)
        answer.records.add(offset=number, reason="INVALID_JSON", raw=b"{")
        if number == 0:
            answer.next_page_token = "1"
        return answer
