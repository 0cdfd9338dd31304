// What the ledger knows of syncs and streams, as values: the plan of a stream, its state, its
// writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/model/schema_change.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/model/value_counts.h"

namespace syncline {

// What finalises a stream.
enum class LoaderKind { kAppend, kDedup, kAppendTruncate, kDedupTruncate };

// True for the loaders that replace the table: those of minimum generation = generation.
inline bool IsTruncate(LoaderKind loader) {
  return loader == LoaderKind::kAppendTruncate || loader == LoaderKind::kDedupTruncate;
}
// True for the loaders whose rows are staged in the temp table.
inline bool WritesToTemp(LoaderKind loader) { return loader != LoaderKind::kAppend; }

enum class SyncState {
  kStarting,   // StartSync is creating tables, or was interrupted in it
  kRunning,    // streams load
  kFinished,   // every stream has ended
  kCancelled,  // CancelSync ended it
};

enum class StreamState {
  kOpen,        // takes records
  kFinalizing,  // CompleteStream was called and has not ended; no more records
  kCompleted,   // ended with COMPLETE
  kIncomplete,  // ended with INCOMPLETE
  kCancelled,   // its sync was cancelled, or a newer sync of the same table took over
  kFailed,      // could not start; the others of its sync load
};

// Ended by CompleteStream, with a result in the ledger.
inline bool HasEnded(StreamState state) {
  return state == StreamState::kCompleted || state == StreamState::kIncomplete;
}

enum class StreamOutcome { kNone, kAppended, kSwapped, kMerged, kKeptForResume, kUnchanged };

// Where a stream goes; fixed when its sync starts.
struct StreamPlan {
  int64_t stream_no = 0;  // the ledger's key of the stream
  StreamDescriptor descriptor;
  TableName table;
  TableName temp_table;
  TableSchema schema;
  WriteMode write_mode = WriteMode::kAppend;
  LoaderKind loader = LoaderKind::kAppend;
  int64_t generation_id = 0;
  int64_t minimum_generation_id = 0;
  int64_t airbyte_sync_id = 0;
  SchemaPolicy schema_policy = SchemaPolicy::kKeep;
  Replay replay = Replay::kNothing;
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  PublishGuard guard;
  bool inferred_schema = false;
  // A replace of a generation in which the stream had completed before: what is staged is published
  // whole.
  bool restart = false;

  // The table that records are loaded into.
  const TableName& load_table() const { return WritesToTemp(loader) ? temp_table : table; }
};

// How far a writer is.
struct WriterPosition {
  std::string writer_id;
  int64_t durable_offset = 0;
};

// How a stream ended.
struct StreamResult {
  StreamOutcome outcome = StreamOutcome::kNone;
  int64_t rows = 0;
};

// A stream as the ledger has it.
struct StreamRecord {
  StreamPlan plan;
  StreamState state = StreamState::kOpen;
  StreamResult result;
  int64_t records_written = 0;
  int64_t records_rejected = 0;
  int64_t bytes = 0;
  ValueCounts values;         // over all fields
  FieldCounts fields;         // by field; those with the most, where many have any
  bool staged_alone = false;  // all rows of the temp table are this stream's
  std::vector<WriterPosition> writers;
  std::vector<SchemaChange> changes;  // of the table's definition, by this sync
  std::vector<Warning> warnings;
  absl::Status error;  // why it could not start, for kFailed
  // How its latest call or completion failed; OK after a newer call, and once it has ended.
  absl::Status last_error;
  absl::Time last_error_at;
};

// A sync as the ledger has it.
struct SyncRecord {
  int64_t sync_no = 0;  // the ledger's key of the sync
  std::string sync_id;
  std::string connection_id;
  std::string owner;  // of the token that started it; empty: nobody's
  std::string request_digest;
  std::string input_digest;  // what the caller said of its input; empty when nothing
  SyncState state = SyncState::kStarting;
  absl::Time started_at;
  std::optional<absl::Time> finished_at;
  // When a writer was last opened or committed; at first when the sync started.
  absl::Time last_progress_at;
  // Nobody works on it, though it has not ended (SYNC_STATE_INTERRUPTED of the proto).
  bool interrupted = false;
  std::vector<StreamRecord> streams;  // in the order of the request
};

// Where a writer stands when a call takes it over.
struct WriterClaim {
  int64_t sync_no = 0;
  int64_t stream_no = 0;
  std::string writer_id;
  int64_t epoch = 0;  // ours: every commit checks it
};

// A half-open range of record numbers.
struct OffsetRange {
  int64_t begin = 0;
  int64_t end = 0;

  friend bool operator==(const OffsetRange& a, const OffsetRange& b) {
    return a.begin == b.begin && a.end == b.end;
  }
};

// One writer's part of a checkpoint that covers several.
struct CheckpointPosition {
  StreamDescriptor descriptor;
  std::string writer_id;
  int64_t offset = 0;
};

// A position of the source that waits for the records before it to be committed.
struct PendingCheckpoint {
  std::string checkpoint_id;
  int64_t offset = 0;  // the writer's records before it
  std::string state;
  std::vector<CheckpointPosition> positions = {};  // for one that covers several writers
};

// A checkpoint whose records are committed.
struct CommittedCheckpoint {
  int64_t sequence = 0;  // position among the sync's events
  int64_t stream_no = 0;
  std::string writer_id;
  std::string checkpoint_id;
  int64_t offset = 0;
  int64_t records_since_last = 0;
  std::string state;
};

// A record that could not be loaded; `raw` is cut to kMaxRejectedRawBytes.
struct RejectedRecord {
  int64_t offset = 0;
  std::string reason;
  std::string raw;
  bool raw_truncated = false;  // `raw` is not the whole record
  std::string detail = {};     // the constraint and the SQLSTATE, when the database refused it
};
inline constexpr size_t kMaxRejectedRawBytes = 64 << 10;

}  // namespace syncline
