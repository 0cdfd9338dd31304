#include "client/outage_notice.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/call_error.h"
#include "client/output.h"

namespace syncline::client {

OutageNotice::OutageNotice(std::string server) : server_(std::move(server)), print_(PrintMessage) {}

void OutageNotice::SetPrint(Print print, Frontend frontend) {
  MutexLock lock(&mutex_);
  print_ = std::move(print);
  frontend_ = frontend;
}

void OutageNotice::SetFirstContactLimit(absl::Duration limit) {
  MutexLock lock(&mutex_);
  first_contact_limit_ = limit;
}

absl::Time OutageNotice::LimitRetries(const absl::Status& error, absl::Time began,
                                      absl::Time until) const {
  MutexLock lock(&mutex_);
  if (reached_ || !IsUnreachable(error)) return until;
  return std::min(until, began + first_contact_limit_);
}

void OutageNotice::Failed(const absl::Status& error, absl::Time until) {
  if (!absl::IsUnavailable(error)) return;
  Print print;
  Frontend frontend = Frontend::kCommandLine;
  {
    MutexLock lock(&mutex_);
    if (std::exchange(out_, true)) return;
    out_since_ = absl::Now();
    print = print_;
    frontend = frontend_;
  }
  const std::string words = Explain(error, server_, frontend);
  print(absl::StrCat(absl::StripSuffix(words, "; try again later"), "; trying again until ",
                     absl::FormatTime("%H:%M:%S", until, absl::LocalTimeZone())));
}

void OutageNotice::Succeeded() {
  Print print;
  absl::Duration lasted;
  {
    MutexLock lock(&mutex_);
    reached_ = true;
    if (!std::exchange(out_, false)) return;
    lasted = absl::Now() - out_since_;
    print = print_;
  }
  print(absl::StrFormat("continuing after %.0f s", absl::ToDoubleSeconds(lasted)));
}

}  // namespace syncline::client
