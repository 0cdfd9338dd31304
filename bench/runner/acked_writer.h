// One AppendRecords call that writes one record at a time and waits until it is durable.
//
// For use by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "bench/data/record_shape.h"
#include "client/sync_client.h"

namespace syncline::bench {

class AckedWriter {
 public:
  // Opens the call of `writer_id`. `client` must outlive it.
  AckedWriter(client::SyncClient* client, const std::string& sync_id,
              const v1::StreamDescriptor& descriptor, const std::string& writer_id,
              const RecordShape& shape);

  // Writes the record `number`, as the writer's record `offset`, with a request to commit it at
  // once. Returns the milliseconds until the answer that it is durable. Errors: INTERNAL if the
  // call ends before that or the answer takes longer than 30 s.
  absl::StatusOr<double> Write(int64_t number, int64_t offset);

  // Ends the call.
  absl::Status Finish();

 private:
  void OnAnswer(const v1::AppendRecordsResponse& answer);

  const RecordShape& shape_;
  Mutex mutex_;
  CondVar answered_;
  int64_t durable_offset_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<client::AppendCall> call_;  // last: its answers use the others
};

}  // namespace syncline::bench
