// RunningWork: the starts and completions of syncs that run in this process, so that CancelSync
// interrupts them and a sync is started by one call at a time.
//
// Thread-safe. Does not block.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/interruption.h"
#include "base/mutex.h"

namespace syncline::sync {

class RunningWork {
 public:
  enum class Kind { kStart, kCompletion };

  // Work on a sync by the calling thread, until it is destroyed on the same thread. Its
  // interruption is the thread's, or a new one if the thread has none.
  class Work {
   public:
    Work(RunningWork* running, absl::string_view sync_id, Kind kind);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    // Returns UNAVAILABLE START_IN_PROGRESS if another start of the sync is running; it must not be
    // done then. Otherwise OK.
    absl::Status admitted() const;

   private:
    RunningWork* const running_;
    const std::string sync_id_;
    const Kind kind_;
    const std::shared_ptr<Interruption> interruption_;
    const Interruption::Scope scope_;
    bool admitted_ = false;
  };

  // Interrupts the running work of the sync with `status`.
  void Interrupt(absl::string_view sync_id, const absl::Status& status);

 private:
  struct Sync {
    bool starting = false;
    std::multiset<std::shared_ptr<Interruption>> interruptions;
  };

  bool Add(const std::string& sync_id, Kind kind, const std::shared_ptr<Interruption>& added);
  void Remove(const std::string& sync_id, Kind kind, const std::shared_ptr<Interruption>& removed);

  Mutex mutex_;
  std::map<std::string, Sync, std::less<>> syncs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync
