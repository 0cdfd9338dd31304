#include "server/rpc/conversion.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/sha256.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

// The same request has the same digest, in this and every later release: fields by number, no maps.
std::string DigestOf(const v1::StartSyncRequest& request) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  request.SerializeToCodedStream(&coded);
  coded.Trim();
  return Sha256Hex(bytes);
}

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  out->set_seconds(micros / 1000000);
  out->set_nanos(static_cast<int>(micros % 1000000) * 1000);
}

v1::Loader LoaderToProto(LoaderKind loader) {
  switch (loader) {
    case LoaderKind::kAppend:
      return v1::LOADER_APPEND;
    case LoaderKind::kDedup:
      return v1::LOADER_DEDUP;
    case LoaderKind::kAppendTruncate:
      return v1::LOADER_APPEND_TRUNCATE;
    case LoaderKind::kDedupTruncate:
      return v1::LOADER_DEDUP_TRUNCATE;
  }
  return v1::LOADER_UNSPECIFIED;
}

v1::SyncState StateToProto(SyncState state) {
  switch (state) {
    case SyncState::kStarting:
      return v1::SYNC_STATE_STARTING;
    case SyncState::kRunning:
      return v1::SYNC_STATE_RUNNING;
    case SyncState::kFinished:
      return v1::SYNC_STATE_FINISHED;
    case SyncState::kCancelled:
      return v1::SYNC_STATE_CANCELLED;
  }
  return v1::SYNC_STATE_UNSPECIFIED;
}

v1::StreamState StateToProto(StreamState state) {
  switch (state) {
    case StreamState::kOpen:
      return v1::STREAM_STATE_OPEN;
    case StreamState::kFinalizing:
      return v1::STREAM_STATE_FINALIZING;
    case StreamState::kCompleted:
      return v1::STREAM_STATE_COMPLETED;
    case StreamState::kIncomplete:
      return v1::STREAM_STATE_INCOMPLETE;
    case StreamState::kCancelled:
      return v1::STREAM_STATE_CANCELLED;
  }
  return v1::STREAM_STATE_UNSPECIFIED;
}

void SetDescriptor(const StreamDescriptor& descriptor, v1::StreamDescriptor* out) {
  out->set_namespace_(descriptor.name_space);
  out->set_name(descriptor.name);
}

template <typename Message>
void AddWriters(const StreamRecord& stream, Message* out) {
  for (const WriterPosition& position : stream.writers) {
    v1::WriterPosition* writer = out->add_writers();
    writer->set_writer_id(position.writer_id);
    writer->set_durable_offset(position.durable_offset);
  }
}

v1::StreamSummary ToSummary(const StreamRecord& stream) {
  const StreamPlan& plan = stream.plan;
  v1::StreamSummary summary;
  SetDescriptor(plan.descriptor, summary.mutable_descriptor());
  summary.set_table_schema(plan.table.schema);
  summary.set_table_name(plan.table.name);
  summary.set_state(StateToProto(stream.state));
  summary.set_outcome(ToProto(stream.result.outcome));
  summary.set_generation_id(plan.generation_id);
  summary.set_minimum_generation_id(plan.minimum_generation_id);
  summary.set_loader(LoaderToProto(plan.loader));
  summary.set_records_written(stream.records_written);
  summary.set_records_rejected(stream.records_rejected);
  summary.set_bytes(stream.bytes);
  summary.set_rows(stream.result.rows);
  AddWriters(stream, &summary);
  return summary;
}

}  // namespace

StreamDescriptor FromProto(const v1::StreamDescriptor& descriptor) {
  return {descriptor.namespace_(), descriptor.name()};
}

absl::StatusOr<sync::StartRequest> FromProto(const v1::StartSyncRequest& request) {
  sync::StartRequest model;
  model.sync_id = request.sync_id();
  model.connection_id = request.connection_id();
  model.digest = DigestOf(request);
  std::vector<FieldViolation> violations;
  for (int i = 0; i < request.streams_size(); ++i) {
    const v1::StreamConfig& config = request.streams(i);
    StreamConfig stream;
    stream.descriptor = FromProto(config.descriptor());
    stream.json_schema = config.json_schema();
    switch (config.write_mode()) {
      case v1::WRITE_MODE_APPEND:
        stream.write_mode = WriteMode::kAppend;
        break;
      case v1::WRITE_MODE_DEDUP:
        stream.write_mode = WriteMode::kDedup;
        break;
      default:
        violations.push_back({absl::StrCat("streams[", i, "].write_mode"),
                              "must be WRITE_MODE_APPEND or WRITE_MODE_DEDUP"});
    }
    for (const v1::FieldPath& path : config.primary_key()) {
      stream.primary_key.emplace_back(path.path().begin(), path.path().end());
    }
    stream.cursor.assign(config.cursor().path().begin(), config.cursor().path().end());
    if (config.has_generation_id()) stream.generation_id = config.generation_id();
    if (config.has_minimum_generation_id()) {
      stream.minimum_generation_id = config.minimum_generation_id();
    }
    stream.overwrite = config.overwrite();
    stream.airbyte_sync_id = config.airbyte_sync_id();
    model.streams.push_back(std::move(stream));
  }
  if (!violations.empty()) return sync::InvalidRequest(std::move(violations));
  return model;
}

v1::Outcome ToProto(StreamOutcome outcome) {
  switch (outcome) {
    case StreamOutcome::kNone:
      return v1::OUTCOME_UNSPECIFIED;
    case StreamOutcome::kAppended:
      return v1::OUTCOME_APPENDED;
    case StreamOutcome::kSwapped:
      return v1::OUTCOME_SWAPPED;
    case StreamOutcome::kMerged:
      return v1::OUTCOME_MERGED;
    case StreamOutcome::kKeptForResume:
      return v1::OUTCOME_KEPT_FOR_RESUME;
  }
  return v1::OUTCOME_UNSPECIFIED;
}

v1::StreamPlan ToPlan(const StreamRecord& stream) {
  const StreamPlan& plan = stream.plan;
  v1::StreamPlan out;
  SetDescriptor(plan.descriptor, out.mutable_descriptor());
  out.set_table_schema(plan.table.schema);
  out.set_table_name(plan.table.name);
  for (const ColumnSchema& column : plan.schema.columns) {
    v1::Column* added = out.add_columns();
    added->set_input_name(column.input_name);
    added->set_column_name(column.column_name);
    const absl::string_view type = PostgresTypeName(column.type);
    added->set_type(type.data(), type.size());
  }
  out.set_generation_id(plan.generation_id);
  out.set_minimum_generation_id(plan.minimum_generation_id);
  out.set_loader(LoaderToProto(plan.loader));
  AddWriters(stream, &out);
  return out;
}

v1::SyncSummary ToSummary(const SyncRecord& sync) {
  v1::SyncSummary summary;
  summary.set_sync_id(sync.sync_id);
  summary.set_connection_id(sync.connection_id);
  summary.set_state(StateToProto(sync.state));
  SetTime(sync.started_at, summary.mutable_started_at());
  if (sync.finished_at.has_value()) SetTime(*sync.finished_at, summary.mutable_finished_at());
  for (const StreamRecord& stream : sync.streams) *summary.add_streams() = ToSummary(stream);
  return summary;
}

namespace {

struct EventToProto {
  v1::WatchSyncResponse* out;

  void operator()(const sync::CheckpointEvent& event) const {
    v1::CheckpointCommitted* committed = out->mutable_checkpoint_committed();
    SetDescriptor(event.descriptor, committed->mutable_descriptor());
    committed->set_writer_id(event.checkpoint.writer_id);
    committed->set_checkpoint_id(event.checkpoint.checkpoint_id);
    committed->set_state(event.checkpoint.state);
    committed->set_records_since_last(event.checkpoint.records_since_last);
    committed->set_sequence(event.checkpoint.sequence);
    committed->set_offset(event.checkpoint.offset);
  }
  void operator()(const sync::ProgressEvent& event) const {
    v1::Progress* progress = out->mutable_progress();
    for (const StreamRecord& stream : event.sync.streams) {
      *progress->add_streams() = ToSummary(stream);
    }
  }
  void operator()(const sync::StreamFinishedEvent& event) const {
    v1::StreamFinished* finished = out->mutable_stream_finished();
    SetDescriptor(event.descriptor, finished->mutable_descriptor());
    finished->set_outcome(ToProto(event.result.outcome));
    finished->set_rows(event.result.rows);
    finished->set_generation_id(event.generation_id);
  }
  void operator()(const sync::SyncFinishedEvent& event) const {
    out->mutable_sync_finished()->set_state(StateToProto(event.state));
  }
};

}  // namespace

v1::WatchSyncResponse ToProto(const sync::SyncEvent& event) {
  v1::WatchSyncResponse response;
  std::visit(EventToProto{&response}, event);
  return response;
}

}  // namespace syncline::rpc
