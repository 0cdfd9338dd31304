// The ledger's entries of syncs and streams as values: a stream's plan, its state and its writers.
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

// The loader that publishes a stream.
enum class LoaderKind { kAppend, kDedup, kAppendTruncate, kDedupTruncate };

// Returns whether the loader replaces the table, for which the minimum generation is the
// generation.
inline bool IsTruncate(LoaderKind loader) {
  return loader == LoaderKind::kAppendTruncate || loader == LoaderKind::kDedupTruncate;
}
// Returns whether the loader stages rows in the staging table.
inline bool StagesRows(LoaderKind loader) { return loader != LoaderKind::kAppend; }

enum class SyncState {
  kStarting,   // StartSync is creating tables, or was interrupted while doing so
  kRunning,    // streams are loading
  kFinished,   // every stream has ended
  kCancelled,  // CancelSync ended it
};

enum class StreamState {
  kOpen,        // accepts records
  kFinalizing,  // CompleteStream was called and has not ended; records are refused
  kCompleted,   // ended with COMPLETE
  kIncomplete,  // ended with INCOMPLETE
  kCancelled,   // its sync was cancelled, or a newer sync of the same table took over
  kFailed,      // could not start; the sync's other streams load
};

// Returns whether CompleteStream has ended the stream, with a result in the ledger.
inline bool HasEnded(StreamState state) {
  return state == StreamState::kCompleted || state == StreamState::kIncomplete;
}

enum class StreamOutcome { kNone, kAppended, kSwapped, kMerged, kKeptForResume, kUnchanged };

// How a stream is loaded. Fixed when its sync starts.
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
  // The stream replaces a generation in which it had already completed: the staged rows replace the
  // table.
  bool restart = false;

  // Returns the table that records are loaded into.
  const TableName& load_table() const { return StagesRows(loader) ? temp_table : table; }
};

// A writer's progress.
struct WriterPosition {
  std::string writer_id;
  int64_t durable_offset = 0;
};

// The result of a completed stream.
struct StreamResult {
  StreamOutcome outcome = StreamOutcome::kNone;
  int64_t rows = 0;
};

// A stream's entry in the ledger.
struct StreamEntry {
  StreamPlan plan;
  StreamState state = StreamState::kOpen;
  StreamResult result;
  int64_t records_written = 0;
  int64_t records_rejected = 0;
  int64_t bytes = 0;
  ValueCounts values;         // over all fields
  FieldCounts fields;         // by field; only those with the highest counts if there are many
  bool staged_alone = false;  // all rows of the staging table belong to this stream
  std::vector<WriterPosition> writers;
  std::vector<SchemaChange> changes;  // of the table's definition, by this sync
  std::vector<Warning> warnings;
  absl::Status error;  // for kFailed: why the stream could not start
  // The error of the latest call or completion. OK after a newer call, and once the stream has
  // ended.
  absl::Status last_error;
  absl::Time last_error_at;
};

// A sync's entry in the ledger.
struct SyncEntry {
  int64_t sync_no = 0;  // the ledger's key of the sync
  std::string sync_id;
  std::string connection_id;
  std::string owner;  // of the token that started the sync; empty if it has no owner
  std::string request_digest;
  std::string input_digest;  // identifies the caller's input; empty if the caller sent none
  SyncState state = SyncState::kStarting;
  absl::Time started_at;
  std::optional<absl::Time> finished_at;
  // When a writer was last opened or committed; initially when the sync started.
  absl::Time last_progress_at;
  // The sync has not ended, but no caller works on it (SYNC_STATE_INTERRUPTED of the proto).
  bool interrupted = false;
  std::vector<StreamEntry> streams;  // in the order of the request
};

// A call's claim to a writer.
struct WriterClaim {
  int64_t sync_no = 0;
  int64_t stream_no = 0;
  std::string writer_id;
  int64_t epoch = 0;  // of this call; every commit checks it
};

// A half-open range of record numbers.
struct OffsetRange {
  int64_t begin = 0;
  int64_t end = 0;

  friend bool operator==(const OffsetRange& a, const OffsetRange& b) {
    return a.begin == b.begin && a.end == b.end;
  }
};

// One writer's part of a checkpoint that covers several writers.
struct CheckpointPosition {
  StreamDescriptor descriptor;
  std::string writer_id;
  int64_t offset = 0;
};

// A checkpoint that waits until the records before it are committed.
struct PendingCheckpoint {
  std::string checkpoint_id;
  int64_t offset = 0;  // number of the writer's records before the checkpoint
  std::string state;
  std::vector<CheckpointPosition> positions = {};  // if the checkpoint covers several writers
};

// A checkpoint whose records are committed.
struct CommittedCheckpoint {
  int64_t sequence = 0;  // its number among the sync's events
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
  std::string detail = {};     // the constraint and the SQLSTATE if the database refused the row
};
inline constexpr size_t kMaxRejectedRawBytes = 64 << 10;

}  // namespace syncline
