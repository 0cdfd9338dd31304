#include "client/progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace syncline::client {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(250);

}  // namespace

std::string ShortNumber(double value) {
  if (value < 1e3) return absl::StrFormat("%.0f", value);
  if (value < 1e6) return absl::StrFormat("%.1fk", value / 1e3);
  if (value < 1e9) return absl::StrFormat("%.1fM", value / 1e6);
  return absl::StrFormat("%.1fG", value / 1e9);
}

ProgressLine::ProgressLine() : ProgressLine(isatty(STDERR_FILENO) == 1) {}

ProgressLine::ProgressLine(bool draws)
    : draws_(draws), started_(absl::Now()), next_(started_ + kInterval) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Update(int64_t rows, int64_t bytes) {
  if (!draws_) return;
  const absl::Time now = absl::Now();
  if (now < next_) return;
  next_ = now + kInterval;
  drawn_ = true;
  const double seconds = absl::ToDoubleSeconds(now - started_);
  absl::FPrintF(stderr, "\r%s rows, %sB, %s rows/s\x1b[K", ShortNumber(static_cast<double>(rows)),
                ShortNumber(static_cast<double>(bytes)),
                ShortNumber(static_cast<double>(rows) / seconds));
}

void ProgressLine::Clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace syncline::client
