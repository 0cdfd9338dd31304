#include "client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cli.h"
#include "client/output.h"

namespace syncline::client {
namespace {

constexpr absl::Duration kDrawingInterval = absl::Milliseconds(250);
constexpr absl::Duration kReportInterval = absl::Minutes(1);
// Before that, rates describe the start and not the run.
constexpr absl::Duration kMinElapsed = absl::Seconds(2);

bool MayDraw() {
  return isatty(STDERR_FILENO) == 1 && ProcessEnvironment("NO_COLOR").value_or("").empty() &&
         ProcessEnvironment("TERM").value_or("") != "dumb";
}

std::string TimeLeft(double seconds) {
  if (seconds < 100) return absl::StrFormat("%.0f s left", seconds);
  if (seconds < 100 * 60) return absl::StrFormat("%.0f min left", seconds / 60);
  return absl::StrFormat("%.1f h left", seconds / 3600);
}

}  // namespace

std::string ShortNumber(double value) {
  if (value < 1e3) return absl::StrFormat("%.0f", value);
  if (value < 1e6) return absl::StrFormat("%.1fk", value / 1e3);
  if (value < 1e9) return absl::StrFormat("%.1fM", value / 1e6);
  return absl::StrFormat("%.1fG", value / 1e9);
}

std::string FormatProgress(const ProgressFigures& figures, const ProgressFigures& first,
                           absl::Duration elapsed) {
  std::string text = absl::StrCat(ShortNumber(static_cast<double>(figures.rows)), " rows, ");
  const auto bytes = static_cast<double>(figures.bytes);
  const auto total = static_cast<double>(figures.total_bytes);
  const bool known = figures.total_bytes > 0;
  if (known) absl::StrAppendFormat(&text, "%.0f%% of ", std::min(100.0, 100 * bytes / total));
  absl::StrAppend(&text, ShortNumber(known ? total : bytes), "B");
  const double seconds = absl::ToDoubleSeconds(elapsed);
  if (elapsed < kMinElapsed) return text;
  const double rows_per_second = static_cast<double>(figures.rows - first.rows) / seconds;
  absl::StrAppend(&text, ", ", ShortNumber(rows_per_second), " rows/s");
  const double bytes_per_second = (bytes - static_cast<double>(first.bytes)) / seconds;
  if (known && bytes_per_second > 0 && total > bytes) {
    absl::StrAppend(&text, ", ", TimeLeft((total - bytes) / bytes_per_second));
  }
  return text;
}

ProgressLine::ProgressLine()
    : ProgressLine(MayDraw(), MayDraw() ? Report() : Report(PrintMessage), absl::Now()) {}

ProgressLine::ProgressLine(Report report)
    : ProgressLine(MayDraw(), std::move(report), absl::Now()) {}

ProgressLine::ProgressLine(bool draws, Report report, absl::Time now)
    : draws_(draws),
      report_(std::move(report)),
      started_(now),
      next_drawing_(now + kDrawingInterval),
      next_report_(now + kReportInterval) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Update(const ProgressFigures& figures, absl::Time now) {
  if (first_.rows == 0) {
    first_ = figures;
    started_ = now;
  }
  const bool draw = draws_ && now >= next_drawing_;
  const bool report = report_ != nullptr && now >= next_report_;
  if (!draw && !report) return;
  const std::string text = FormatProgress(figures, first_, now - started_);
  if (draw) {
    next_drawing_ = now + kDrawingInterval;
    DrawStatusLine(text);
  }
  if (report) {
    next_report_ = now + kReportInterval;
    report_(text);
  }
}

void ProgressLine::Clear() {
  if (draws_) EraseStatusLine();
}

}  // namespace syncline::client
