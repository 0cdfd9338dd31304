// A caller that follows docs/errors.md: after a retryable error it sends the same calls again, from
// StartSync on, to the same or to another server, until its stream is complete.
//
// What it sends and receives goes into a DeliveryHistory, and so does every response that no fault
// excuses (I7). Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/sync_client.h"
#include "tests/support/delivery_history.h"

namespace syncline::testing {

struct PersistentCallerOptions {
  // The servers' addresses. The caller moves to the next one after an error. Must not be empty.
  std::vector<std::string> servers;
  uint64_t seed = 1;  // seeds the sizes of its batches and calls
  int64_t max_batch_records = 200;
  // The pause before each batch.
  absl::Duration pause = absl::ZeroDuration();
  // Sends by AppendRecords, some batches with `flush`, and records every answer.
  bool append = false;
};

class PersistentCaller {
 public:
  // `history` must outlive this object.
  PersistentCaller(PersistentCallerOptions options, DeliveryHistory* history);

  // Runs until the stream is complete, or returns the last error after `give_up`.
  absl::Status Run(absl::Duration give_up);
  // Watches the sync from its beginning to its end, and checks the announced checkpoints.
  absl::Status WatchFromBeginning();

  // The longest time that one call took to return.
  absl::Duration longest_call() const { return longest_call_; }
  // The errors that were returned, each once, with their reason.
  const std::vector<std::string>& errors_seen() const { return errors_seen_; }

 private:
  // One StartSync, one call that sends records, and CompleteStream once all are durable.
  absl::Status Attempt();
  absl::Status SendSome(int64_t from);
  absl::Status AppendSome(int64_t from);
  // Sends the header, batches from record `from` on and checkpoints until `write` returns false or
  // the call is long enough. Returns the number of the next record, and adds the checkpoints.
  int64_t SendBatches(int64_t from,
                      absl::FunctionRef<bool(const v1::StreamRecordsRequest& request)> write,
                      std::vector<int64_t>* checkpoints);
  // Returns the status of a call that began after `known` records had been acknowledged.
  absl::Status NoteEnd(const absl::Status& status, absl::Time asked, int64_t known);
  absl::Status Complete();
  // Records a response and returns its status.
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
