// Callers that write one record at a time, each on a thread of its own: through AppendRecords, or
// as INSERTs on connections of their own.
//
// For use by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/data/record_shape.h"
#include "bench/runner/bench.h"
#include "client/sync_client.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::bench {

struct CallerPlan {
  int callers = 1;
  int64_t records = 0;  // of each caller
  // Time from one record of a caller to its next; zero: each follows the ack of the last one.
  absl::Duration interval = {};
};

// Measures in this order: commits per second of all callers, then quantiles 0.5, 0.99 and 0.999 of
// the time from when a record was due to its ack.
enum AckMeasure : size_t { kCommitsPerSecond, kMedianMs, kHighMs, kHighestMs };

class AckCallers {
 public:
  // `dsn` is that of the INSERTs' connections.
  static absl::StatusOr<std::unique_ptr<AckCallers>> Create(Bench* bench,
                                                            const std::string& server_address,
                                                            std::string dsn);

  // Each caller is a writer of one stream with one open AppendRecords call. The calls share a
  // connection, and are open before the time counts, as are the connections of the INSERTs.
  absl::StatusOr<Measures> Append(const CallerPlan& plan);
  absl::StatusOr<Measures> Insert(const CallerPlan& plan);

 private:
  // Writes record `number`, which is the `offset`-th of its caller.
  using WriteOne = std::function<absl::Status(int64_t number, int64_t offset)>;

  AckCallers(Bench* bench, std::string dsn, std::unique_ptr<client::SyncClient> client,
             std::unique_ptr<v1::SyncService::Stub> stub)
      : bench_(*bench), dsn_(std::move(dsn)), client_(std::move(client)), stub_(std::move(stub)) {}

  absl::StatusOr<Measures> Run(const CallerPlan& plan, const std::vector<WriteOne>& callers);
  // Compares the table with the records of all callers and drops its schema.
  absl::Status Check(const CallerPlan& plan, const std::string& schema);

  Bench& bench_;
  const std::string dsn_;
  const std::unique_ptr<client::SyncClient> client_;
  const std::unique_ptr<v1::SyncService::Stub> stub_;  // of the callers
  const RecordShape& shape_ = *FindRecordShape("mixed12");
};

}  // namespace syncline::bench
