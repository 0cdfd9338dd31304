// Records what a caller sent for one stream and what the server acknowledged, and checks that the
// database and the ledger hold exactly that.
//
// Each violation is kept as a sentence: an acknowledged record that is missing, is stored twice or
// has another value, a durable offset that went back, an announced checkpoint that was never sent,
// a staging table or a transaction that was left behind. The recording methods are thread-safe. The
// Check methods must not run while another thread records.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"
#include "syncline/v1/sync_service.pb.h"
#include "tests/support/delivery_stream.h"

namespace syncline::testing {

class DeliveryHistory {
 public:
  explicit DeliveryHistory(DeliveryStream stream) : stream_(std::move(stream)) {}

  const DeliveryStream& stream() const { return stream_; }

  // Records below `end` have been sent. They may be durable whatever the response is.
  void Sent(int64_t end);
  // A checkpoint has been sent, after the records that it covers.
  void SentCheckpoint(int64_t offset);
  // A response reported `durable_offset` for a call that began after `at_least` had been
  // acknowledged.
  void Acknowledged(int64_t durable_offset, int64_t at_least);
  // The call that sent these checkpoints succeeded.
  void AcknowledgedCheckpoints(const std::vector<int64_t>& offsets);
  void Announced(const v1::CheckpointCommitted& checkpoint);
  void Completed(const v1::CompleteStreamResponse& response);
  void Fault(absl::string_view what);

  int64_t acknowledged() const;
  bool completed() const;
  std::vector<std::string> faults() const;

  // Checks that everything acknowledged is in the ledger and, for an append, in the table. May be
  // called at any time.
  void CheckSoFar(postgres::Connection& connection, absl::string_view ledger);
  // Checks that table and ledger hold what was sent and nothing else. Call it once the stream is
  // complete.
  void CheckEnd(postgres::Connection& connection, absl::string_view ledger);
  // The same check for the checkpoints that a watch from the beginning announced.
  void CheckAnnounced();

 private:
  // Returns the first value of `sql`. A failed query is recorded as a fault.
  int64_t Ask(postgres::Connection& connection, absl::string_view sql);
  // Records one fault unless `sql` returns `expected`.
  void Expect(postgres::Connection& connection, int64_t expected, absl::string_view what,
              absl::string_view sql);

  const DeliveryStream stream_;
  mutable Mutex mutex_;
  int64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multiset<int64_t> checkpoints_sent_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> checkpoints_acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> announced_ ABSL_GUARDED_BY(mutex_);
  bool completed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> faults_ ABSL_GUARDED_BY(mutex_);
};

// Returns the names of what ended syncs left behind: staging tables, waiting transactions, advisory
// locks. Polls until nothing is left or `patience` has passed. Call it when nothing is running.
std::vector<std::string> FindOrphans(postgres::Connection& connection, absl::string_view ledger,
                                     absl::Duration patience);

}  // namespace syncline::testing
