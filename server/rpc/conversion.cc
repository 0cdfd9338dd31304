#include "server/rpc/conversion.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/rpc/enum_conversion.h"
#include "server/rpc/request_digest.h"
#include "server/rpc/status_conversion.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  out->set_seconds(micros / 1000000);
  out->set_nanos(static_cast<int>(micros % 1000000) * 1000);
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
    case StreamState::kFailed:
      return v1::STREAM_STATE_FAILED;
  }
  return v1::STREAM_STATE_UNSPECIFIED;
}

// Unknown values mean the default, as everywhere in the API.
SchemaPolicy FromProto(v1::SchemaPolicy policy) {
  if (policy == v1::SCHEMA_POLICY_MIRROR) return SchemaPolicy::kMirror;
  return policy == v1::SCHEMA_POLICY_FREEZE ? SchemaPolicy::kFreeze : SchemaPolicy::kKeep;
}

Replay FromProto(v1::Replay replay) {
  if (replay == v1::REPLAY_FROM_CHECKPOINT) return Replay::kFromCheckpoint;
  return replay == v1::REPLAY_FROM_START ? Replay::kFromStart : Replay::kNothing;
}

template <typename Message>
void SetChoice(const StrategyChoice& choice, Message* out) {
  out->set_strategy(ChoiceToProto(choice.strategy));
  out->set_strategy_reason(choice.reason);
}

void SetDescriptor(const StreamDescriptor& descriptor, v1::StreamDescriptor* out) {
  out->set_namespace_(descriptor.name_space);
  out->set_name(descriptor.name);
}

template <typename Message>
void AddWriters(const StreamEntry& stream, Message* out) {
  for (const WriterPosition& position : stream.writers) {
    v1::WriterPosition* writer = out->add_writers();
    writer->set_writer_id(position.writer_id);
    writer->set_durable_offset(position.durable_offset);
    writer->set_epoch(position.epoch);
  }
}

template <typename Message>
void AddChanges(const std::vector<SchemaChange>& changes, Message* out) {
  for (const SchemaChange& change : changes) {
    v1::SchemaChange* added = out->add_changes();
    added->set_kind(KindToProto(change.kind));
    added->set_column(change.column);
    added->set_from(change.from);
    added->set_to(change.to);
    added->set_rewrites(change.rewrites);
    added->set_table_bytes(change.table_bytes);
  }
}

template <typename Message>
void AddWarnings(const std::vector<Warning>& warnings, Message* out) {
  for (const Warning& warning : warnings) {
    v1::Warning* added = out->add_warnings();
    added->set_code(warning.code);
    added->set_text(warning.text);
  }
}

v1::StreamSummary ToSummary(const StreamEntry& stream) {
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
  summary.set_values_nulled(stream.values.nulled);
  summary.set_values_truncated(stream.values.truncated);
  summary.set_fields_undeclared(stream.values.undeclared);
  for (const auto& [field, counts] : stream.fields) {
    v1::ColumnCounts* column = summary.add_columns();
    column->set_column(field);
    column->set_nulled(counts.nulled);
    column->set_truncated(counts.truncated);
    column->set_undeclared(counts.undeclared);
  }
  AddChanges(stream.changes, &summary);
  AddWarnings(stream.warnings, &summary);
  AddWriters(stream, &summary);
  SetChoice(plan.choice, &summary);
  if (!stream.error.ok()) *summary.mutable_error() = ToRich(stream.error);
  if (!stream.last_error.ok()) {
    *summary.mutable_last_error() = ToRich(stream.last_error);
    SetTime(stream.last_error_at, summary.mutable_last_error_at());
  }
  return summary;
}

}  // namespace

StreamDescriptor FromProto(const v1::StreamDescriptor& descriptor) {
  return {descriptor.namespace_(), descriptor.name()};
}

PublishGuard FromProto(const v1::PublishGuard& guard) {
  PublishGuard model;
  if (guard.has_min_rows()) model.min_rows = guard.min_rows();
  if (guard.has_max_shrink()) model.max_shrink = guard.max_shrink();
  model.not_null.insert(guard.not_null().begin(), guard.not_null().end());
  model.unique_key = guard.unique_key();
  if (guard.has_max_rejected()) model.max_rejected = guard.max_rejected();
  if (guard.has_max_nulled()) model.max_nulled = guard.max_nulled();
  model.allow_empty = guard.allow_empty();
  return model;
}

absl::StatusOr<sync::StartRequest> FromProto(const v1::StartSyncRequest& request) {
  sync::StartRequest model;
  model.sync_id = request.sync_id();
  model.connection_id = request.connection_id();
  model.digest = GetDigest(request);
  model.allow_partial = request.allow_partial();
  model.existing_schemas_only = request.existing_schemas_only();
  model.extend = request.extend();
  model.input_digest = request.input_digest();
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
    stream.table_name = config.table_name();
    stream.schema_policy = FromProto(config.schema_policy());
    stream.replay = FromProto(config.replay());
    stream.guard = FromProto(config.guard());
    stream.cdc_delete_mode = config.cdc_delete_mode() == v1::CDC_DELETE_MODE_SOFT
                                 ? CdcDeleteMode::kSoft
                                 : CdcDeleteMode::kHard;
    stream.inferred_schema = config.inferred_schema();
    stream.replace_strategy = FromProto(config.replace_strategy());
    stream.meta = FromProto(config.meta());
    if (config.older_generations() == v1::OLDER_GENERATIONS_MARK_DELETED) {
      stream.older_generations = OlderGenerations::kMarkDeleted;
    }
    stream.deleted_at_column = config.deleted_at_column();
    stream.distribution = {config.distribution().column(), config.distribution().colocate_with()};
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
    case StreamOutcome::kUnchanged:
      return v1::OUTCOME_UNCHANGED;
    case StreamOutcome::kReplacedInPlace:
      return v1::OUTCOME_REPLACED_IN_PLACE;
  }
  return v1::OUTCOME_UNSPECIFIED;
}

v1::StreamPlan ToPlan(const StreamEntry& stream) {
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
  out.set_meta(MetaToProto(plan.schema.meta));
  AddWriters(stream, &out);
  out.set_state(StateToProto(stream.state));
  out.set_outcome(ToProto(stream.result.outcome));
  AddChanges(stream.changes, &out);
  AddWarnings(stream.warnings, &out);
  SetChoice(plan.choice, &out);
  out.set_plan_version(plan.version);
  if (plan.placement.has_value()) {
    v1::TablePlacement* placement = out.mutable_placement();
    placement->set_kind(KindToProto(plan.placement->kind));
    placement->set_column(plan.placement->column);
    placement->set_shards(plan.placement->shards);
    placement->set_access_method(plan.access_method);
  }
  if (!stream.error.ok()) *out.mutable_error() = ToRich(stream.error);
  return out;
}

v1::Validation ToProto(const Validation& validation) {
  v1::Validation out;
  out.set_rows_inserted(validation.rows_inserted);
  out.set_rows_updated(validation.rows_updated);
  out.set_rows_deleted(validation.rows_deleted);
  AddChanges(validation.changes, &out);
  for (const GuardResult& result : validation.guard_results) {
    v1::GuardResult* added = out.add_guard_results();
    added->set_name(result.name);
    added->set_limit(result.limit);
    added->set_actual(result.actual);
    added->set_passed(result.passed);
  }
  for (const Blocker& blocker : validation.blockers) {
    v1::Blocker* added = out.add_blockers();
    added->set_object(blocker.object);
    added->set_pid(blocker.pid);
    added->set_application(blocker.application);
    const int64_t micros = absl::ToInt64Microseconds(blocker.age);
    added->mutable_age()->set_seconds(micros / 1000000);
    added->mutable_age()->set_nanos(static_cast<int>(micros % 1000000) * 1000);
  }
  out.set_final(validation.final);
  SetChoice(validation.choice, &out);
  return out;
}

v1::SyncSummary ToSummary(const SyncEntry& sync) {
  v1::SyncSummary summary;
  summary.set_sync_id(sync.sync_id);
  summary.set_connection_id(sync.connection_id);
  summary.set_state(sync.interrupted ? v1::SYNC_STATE_INTERRUPTED : StateToProto(sync.state));
  SetTime(sync.started_at, summary.mutable_started_at());
  SetTime(sync.last_progress_at, summary.mutable_last_progress_at());
  if (sync.finished_at.has_value()) SetTime(*sync.finished_at, summary.mutable_finished_at());
  for (const StreamEntry& stream : sync.streams) *summary.add_streams() = ToSummary(stream);
  return summary;
}

namespace {

struct EventToProto {
  v1::WatchSyncResponse* out;

  void operator()(sync::CheckpointEvent& event) const {
    v1::CheckpointCommitted* committed = out->mutable_checkpoint_committed();
    SetDescriptor(event.descriptor, committed->mutable_descriptor());
    committed->set_writer_id(event.checkpoint.writer_id);
    committed->set_checkpoint_id(event.checkpoint.checkpoint_id);
    committed->set_state(std::move(event.checkpoint.state));
    committed->set_records_since_last(event.checkpoint.records_since_last);
    committed->set_sequence(event.checkpoint.sequence);
    committed->set_offset(event.checkpoint.offset);
    committed->set_state_dropped(event.checkpoint.state_dropped);
  }
  void operator()(const sync::ProgressEvent& event) const {
    v1::Progress* progress = out->mutable_progress();
    for (const StreamEntry& stream : event.sync.streams) {
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

v1::RejectedRecord ToProto(const ListedRejection& rejection) {
  v1::RejectedRecord record;
  SetDescriptor(rejection.place.stream, record.mutable_descriptor());
  record.set_writer_id(rejection.place.writer_id);
  record.set_offset(rejection.place.offset);
  record.set_reason(rejection.record.reason);
  record.set_raw(rejection.record.raw);
  record.set_raw_truncated(rejection.record.raw_truncated);
  record.set_detail(rejection.record.detail);
  SetTime(rejection.rejected_at, record.mutable_rejected_at());
  return record;
}

std::string Encode(sync::SyncEvent event) {
  v1::WatchSyncResponse response;
  std::visit(EventToProto{&response}, event);
  return response.SerializeAsString();
}

}  // namespace syncline::rpc
