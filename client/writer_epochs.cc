#include "client/writer_epochs.h"

#include "base/error.h"
#include "base/reasons.h"

namespace syncline::client {

WriterEpochs::WriterEpochs(std::optional<int64_t> epoch, bool sole_caller)
    : sole_caller_(sole_caller), expected_(epoch), highest_(epoch) {}

void WriterEpochs::CallBegins() {
  opened_ = false;
  highest_before_ = highest_;
  highest_.reset();
  if (expected_.has_value()) highest_ = *expected_ + 1;
}

void WriterEpochs::CallOpened(int64_t epoch) {
  if (epoch == 0) return;
  opened_ = true;
  highest_ = epoch;
}

void WriterEpochs::CallEnded(const absl::Status& status) {
  if (status.ok() && expected_.has_value()) ++*expected_;
  // The call was refused, so its epoch does not exist.
  if (!opened_ && GetReason(status) == reason::kFenced) highest_ = highest_before_;
}

void WriterEpochs::Resume(std::optional<int64_t> epoch) {
  expected_ = epoch;
  if (sole_caller_ || !epoch.has_value() || !highest_.has_value()) return;
  if (*epoch > *highest_) expected_ = highest_;
}

}  // namespace syncline::client
