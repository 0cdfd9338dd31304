// One AppendRecords call that writes one record at a time and waits until it is durable. It uses
// the blocking calls that gRPC generates, as a caller without a client library of ours does.
//
// For use by one thread at a time.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/data/record_shape.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::bench {

class AckedWriter {
 public:
  // Opens the call of `writer_id`. `stub` must outlive it. Errors: those of the call.
  static absl::StatusOr<std::unique_ptr<AckedWriter>> Open(v1::SyncService::Stub* stub,
                                                           const std::string& sync_id,
                                                           const v1::StreamDescriptor& descriptor,
                                                           const std::string& writer_id,
                                                           const RecordShape& shape);

  // Writes the record `number`, as the writer's record `offset`, with a request to commit it at
  // once. Returns the milliseconds until the answer that it is durable. Errors: those of the call;
  // INTERNAL if the answer takes longer than 30 s.
  absl::StatusOr<double> Write(int64_t number, int64_t offset);

  // Ends the call.
  absl::Status Finish();

 private:
  using Call = grpc::ClientReaderWriter<v1::AppendRecordsRequest, v1::AppendRecordsResponse>;

  explicit AckedWriter(const RecordShape& shape);
  // Returns the status of a call that has ended early.
  absl::Status GetEnd();

  const RecordShape& shape_;
  grpc::ClientContext context_;
  std::unique_ptr<Call> call_;
  v1::AppendRecordsResponse answer_;  // the newest
};

}  // namespace syncline::bench
