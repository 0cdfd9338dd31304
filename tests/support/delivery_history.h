// What a caller sent of one stream and what the server acknowledged, and whether database and
// ledger hold exactly that.
//
// Every promise that is broken is kept as a sentence: an acknowledged record that is not there, one
// that is there twice or with another value, a durable offset that went back, an announced
// checkpoint that was never sent, a staging table or a transaction that was left behind.
// Thread-safe where it notes; checked while nobody notes.
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

  // Records below `end` have been sent: they may be durable whatever the answer is.
  void Sent(int64_t end);
  // A checkpoint has been sent, after the records that it covers.
  void SentCheckpoint(int64_t offset);
  // An answer named `durable_offset`, to a call that was made when `at_least` had been
  // acknowledged.
  void Acknowledged(int64_t durable_offset, int64_t at_least);
  // The call that sent these checkpoints ended well.
  void AcknowledgedCheckpoints(const std::vector<int64_t>& offsets);
  void Announced(const v1::CheckpointCommitted& checkpoint);
  void Completed(const v1::CompleteStreamResponse& response);
  void Fault(absl::string_view what);

  int64_t acknowledged() const;
  bool completed() const;
  std::vector<std::string> faults() const;

  // At any time: everything acknowledged is in the ledger, and in the table of an append.
  void CheckSoFar(postgres::Connection& connection, absl::string_view ledger);
  // Once the stream is complete: table and ledger hold what was sent and nothing else.
  void CheckEnd(postgres::Connection& connection, absl::string_view ledger);
  // The same for the checkpoints that a watch from the beginning announced.
  void CheckAnnounced();

 private:
  // The first value of `sql`; a failure is a fault.
  int64_t Ask(postgres::Connection& connection, absl::string_view sql);
  // One fault unless `sql` gives `expected`.
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

// What is left of syncs that have ended, by name, once nothing is under way: staging tables,
// transactions that wait, advisory locks. Empty is good; polls for at most `patience`.
std::vector<std::string> FindOrphans(postgres::Connection& connection, absl::string_view ledger,
                                     absl::Duration patience);

}  // namespace syncline::testing
