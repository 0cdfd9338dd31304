// The epochs of one writer's calls, by which the server notices that another caller has taken the
// writer over.
//
// The server opens the writer for a call only if its epoch is not higher than the call expects.
// What StartSync returns may be the epoch of another caller, so a call expects at most the epoch
// that a call of this caller can have. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

namespace syncline::client {

class WriterEpochs {
 public:
  // Calls expect no epoch and take over from any other call.
  WriterEpochs() = default;
  // `epoch` is the one that StartSync returned, nullopt if the server returns none. `sole_caller`:
  // no other process knows the sync id, so that every epoch is of this caller.
  explicit WriterEpochs(std::optional<int64_t> epoch, bool sole_caller = false);

  // Returns what the next call expects.
  std::optional<int64_t> expected() const { return expected_; }
  bool sole_caller() const { return sole_caller_; }
  // Returns whether the server is known to have opened the writer for the last call. No call that
  // broke before can open it any more, so FENCED is due to another caller.
  bool opened() const { return opened_; }

  // To be called for every call: when its header is sent, when the server has answered that the
  // writer is open (with 0 if it opened nothing), and when the call has ended.
  void CallBegins();
  void CallOpened(int64_t epoch);
  void CallEnded(const absl::Status& status);

  // Takes the epoch that StartSync returned after a call that broke.
  void Resume(std::optional<int64_t> epoch);

 private:
  bool sole_caller_ = false;
  bool opened_ = false;
  std::optional<int64_t> expected_;
  std::optional<int64_t> highest_;  // that a call of this caller can have; nullopt if not known
  std::optional<int64_t> highest_before_;  // the last call
};

}  // namespace syncline::client
