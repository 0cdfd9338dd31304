// Prints that the server or its database cannot be reached, once per outage, and limits how long a
// run waits for one that it has never reached.
//
// Thread-safe. One per SyncClient, because all calls of a run meet the same outage.
#pragma once

#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/advice.h"

namespace syncline::client {

class OutageNotice {
 public:
  using Print = std::function<void(absl::string_view words)>;

  // `server` is the address that messages name.
  explicit OutageNotice(std::string server);

  // Prints notices by `print` instead of as messages, for users of `frontend`. Call it before the
  // first call.
  void SetPrint(Print print, Frontend frontend);
  // Sets how long a run tries to reach a server and a database that it has never reached. The
  // default is 8 s, because such an address is probably wrong; with the last attempt, the run fails
  // within 10 s.
  void SetFirstContactLimit(absl::Duration limit);

  // Returns when to give up calls that failed with `error`, first at `began`, and that would
  // otherwise be repeated until `until`.
  absl::Time LimitRetries(const absl::Status& error, absl::Time began, absl::Time until) const;

  // A call failed with `error` and is repeated until `until`. Prints the error if it is an outage
  // and the first one since the last success.
  void Failed(const absl::Status& error, absl::Time until);
  // A call succeeded, or failed for another reason. SyncClient calls it for unary calls.
  void Succeeded();

 private:
  const std::string server_;
  mutable Mutex mutex_;
  Print print_ ABSL_GUARDED_BY(mutex_);
  Frontend frontend_ ABSL_GUARDED_BY(mutex_) = Frontend::kCommandLine;
  absl::Duration first_contact_limit_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(8);
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool out_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time out_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::client
