// A caller that does what docs/errors.md tells callers to do: after a retryable error it sends the
// same calls again, from StartSync on, here or at another server, until its stream is complete.
//
// What it sends and is answered goes into a DeliveryHistory; so does every answer that no fault
// excuses (I7). One thread runs it.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/sync_client.h"
#include "tests/support/delivery_history.h"

namespace syncline::testing {

struct PersistentCallerOptions {
  // The servers' addresses; it goes on to the next after an error. Must not be empty.
  std::vector<std::string> servers;
  uint64_t seed = 1;  // of the sizes of its batches and calls
  int64_t largest_batch = 200;
  // Its pace: a pause before each batch.
  absl::Duration pause = absl::ZeroDuration();
};

class PersistentCaller {
 public:
  // `history` outlives it.
  PersistentCaller(PersistentCallerOptions options, DeliveryHistory* history);

  // Until the stream is complete, or `give_up` has passed: then the last error.
  absl::Status Run(absl::Duration give_up);
  // Watches the sync from its beginning to its end, and checks what that announces.
  absl::Status WatchFromTheBeginning();

  // The longest that one call took to answer.
  absl::Duration longest_call() const { return longest_call_; }
  // Errors that were answered, each once, with their reason.
  const std::vector<std::string>& errors_seen() const { return errors_seen_; }

 private:
  // One StartSync, one StreamRecords call, and CompleteStream when all is durable.
  absl::Status Attempt();
  absl::Status SendSome(int64_t from);
  absl::Status Complete();
  // Notes an answer; the status itself.
  absl::Status Note(const absl::Status& status, absl::Time asked);
  client::SyncClient& client();
  int64_t Pick(int64_t from, int64_t to);

  const PersistentCallerOptions options_;
  DeliveryHistory* const history_;
  std::minstd_rand random_;
  std::vector<std::unique_ptr<client::SyncClient>> clients_;
  size_t at_ = 0;
  absl::Duration longest_call_ = absl::ZeroDuration();
  std::vector<std::string> errors_seen_;
};

}  // namespace syncline::testing
