// What the server does to a record between the message and the COPY: parse, coerce, encode. No
// gRPC, no threads, no database, so that instructions and nanoseconds of it can be counted.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/byte_buffer.h"
#include "bench/data/record_shape.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::bench {

// The table that records of `shape` are loaded into. Errors: as ParseJsonSchema.
absl::StatusOr<TableSchema> SchemaOf(const RecordShape& shape);

class Pipeline : private dataflow::RecordSink {
 public:
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(const RecordShape& shape);

  // Every record of `batch` into rows of COPY BINARY, which are thrown away block by block.
  absl::Status Run(v1::RecordBatch* batch);

  // Of all runs.
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
