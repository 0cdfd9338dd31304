// The server's work on a record between the message and COPY: parse, coerce, encode. It uses no
// gRPC, threads or database, so that its instructions and nanoseconds can be measured.
//
// For use by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/byte_buffer.h"
#include "bench/data/record_shape.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::bench {

// Returns the table into which records of `shape` are loaded. Errors: as ParseJsonSchema.
absl::StatusOr<TableSchema> SchemaOf(const RecordShape& shape);

class Pipeline : private dataflow::RecordSink {
 public:
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(const RecordShape& shape);

  // Encodes every record of `batch` as a row of COPY BINARY. The rows are discarded block by block.
  void Run(v1::RecordBatch* batch);

  // The total of all runs.
  int64_t rows() const { return rows_; }
  int64_t rejected() const { return rejected_; }
  int64_t bytes() const { return bytes_; }

 private:
  explicit Pipeline(const TableSchema& schema);

  bool Wants(int64_t offset) override;
  void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) override;
  void OnRejected(int64_t offset, dataflow::RejectReason reason, absl::string_view raw) override;
  void OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) override;

  dataflow::RecordParser parser_;
  postgres::RowEncoder encoder_;
  ByteBuffer block_;
  int64_t rows_ = 0;
  int64_t rejected_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace syncline::bench
