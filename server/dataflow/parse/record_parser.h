// RecordParser: parses a batch of records and coerces their values to the types of the columns.
//
// Each lane has its own parser, which owns simdjson's parser and the scratch space. Once these have
// grown, it allocates nothing per record. A bad value becomes NULL, with an entry in
// `_airbyte_meta.changes`; a bad record is rejected. Neither affects other values or records.
// docs/types.md has the rules. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/dataflow/parse/reject_reason.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"
#include "server/model/value_counts.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

// Receives the parsed records. Arguments are valid only during the call.
class RecordSink {
 public:
  virtual ~RecordSink() = default;

  // Returns false to skip the record before it is parsed, for example if it is already durable.
  virtual bool Wants(int64_t offset) = 0;
  // Called with a record. `values` has one entry per column, in table order.
  virtual void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) = 0;
  // Called with a rejected record. `raw` is its line; it is empty for typed rows.
  virtual void OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) = 0;
  // Called with a record that the caller itself marked as unreadable, with the caller's reason.
  virtual void OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) = 0;
};

struct RecordParserOptions {
  int64_t sync_id_number = 0;  // written to `_airbyte_meta.sync_id`
  int64_t max_record_bytes = 16 << 20;
  // The stream is deduplicated: a record is rejected if its key is NULL or if coercion changed its
  // key or cursor.
  bool require_key = false;
};

class RecordParser {
 public:
  // `schema` is copied.
  RecordParser(const TableSchema& schema, const RecordParserOptions& options);
  ~RecordParser();

  // Calls `sink` once per wanted record of `batch`, in order. The entries of `unreadable` must be
  // in ascending order. `arrival_us` (microseconds since 2000-01-01 UTC) replaces an emitted_at
  // that is missing or out of range. CountRecords must have accepted `batch`.
  void Parse(v1::RecordBatch* batch, int64_t arrival_us, RecordSink* sink);

  // Returns whether TakeCounts would return any counts.
  bool has_counts() const;
  // Returns, by field, the counts of changed and undeclared values in the records that were
  // delivered since the last call.
  FieldCounts TakeCounts();

  // Returns the number of records in `batch` without parsing them. Errors: INVALID_ARGUMENT
  // INVALID_ROWS for typed rows whose counts do not match.
  static absl::StatusOr<int64_t> CountRecords(const v1::RecordBatch& batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::dataflow
