// A batch of records -> values that fit their columns: the one place where records are parsed and
// coerced.
//
// One parser per lane; it owns simdjson's parser and scratch space and allocates nothing per record
// once warm. Not thread-safe. A bad value becomes NULL with an entry in `_airbyte_meta.changes`; a
// bad record is rejected; neither touches its neighbours. Rules: docs/types.md.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"
#include "server/model/value_counts.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

// Why a record was rejected; the text stands in syncline.rejected_record and in the metric's label.
enum class RejectReason {
  kInvalidJson,     // "INVALID_JSON"
  kNotAnObject,     // "NOT_AN_OBJECT"
  kInvalidUtf8,     // "INVALID_UTF8"
  kTooDeep,         // "TOO_DEEP"
  kRecordTooLarge,  // "RECORD_TOO_LARGE"
  kNotARecord,      // "NOT_A_RECORD": airbyte_jsonl line that is no RECORD message
  kMissingKey,      // "MISSING_KEY": NULL in a primary key or NOT NULL column
  kKeyChanged,      // "KEY_CHANGED": coercion changed a value of the primary key
  kCursorChanged,   // "CURSOR_CHANGED": coercion changed the cursor
  kKeyTooLarge,     // "KEY_TOO_LARGE"
  kRowTooWide,      // "ROW_TOO_WIDE"
};
absl::string_view RejectReasonName(RejectReason reason);

// Where parsed records go.
class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // False skips the record before it is parsed (it is durable already).
  virtual bool Wants(int64_t offset) = 0;
  // `values` has one entry a column in table order; everything is borrowed for the call.
  virtual void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) = 0;
  // `raw` is the record's line; for typed rows it is empty.
  virtual void OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) = 0;
  // A record that the caller itself found unusable, for its own reason.
  virtual void OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) = 0;
};

struct RecordParserOptions {
  int64_t sync_id_number = 0;  // goes to `_airbyte_meta.sync_id`
  int64_t max_record_bytes = 16 << 20;
  // The stream is deduplicated: a record without its key, or one whose key or cursor coercion
  // changed, is rejected.
  bool require_key = false;
};

class RecordParser {
 public:
  // `schema` is copied.
  RecordParser(const TableSchema& schema, const RecordParserOptions& options);
  ~RecordParser();

  // Calls `sink` once for each record of `batch` it wants, in order. The batch's `unreadable`
  // ascend. `arrival_us` stands for
  // emitted_at when the batch has none: microseconds since 2000-01-01 UTC. Errors: INVALID_ARGUMENT
  // for typed rows whose counts do not fit (nothing was delivered then).
  absl::Status Parse(v1::RecordBatch* batch, int64_t arrival_us, RecordSink* sink);

  // Whether there are counts to take.
  bool has_counts() const;
  // What coercion did to the values of the records delivered since the last call, by field.
  FieldCounts TakeCounts();

  // Number of records in `batch`, without parsing. Errors as Parse.
  static absl::StatusOr<int64_t> CountRecords(const v1::RecordBatch& batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::dataflow
