#include "client/load_report_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json_string.h"
#include "client/output.h"
#include "client/validation_text.h"

namespace syncline::client {
namespace {

constexpr double kMinSeconds = 0.001;

double RowsPerSecond(const LoadReport& report, absl::Duration took) {
  const auto sent = static_cast<double>(report.durable_offset - report.skipped);
  return sent / std::max(absl::ToDoubleSeconds(took), kMinSeconds);
}

}  // namespace

std::vector<std::string> LoadReportLines(const LoadReport& report, absl::Duration took) {
  const v1::StreamPlan& plan = report.stream.plan;
  std::vector<std::string> lines = {absl::StrFormat(
      "%s.%s: %d rows, %d rejected, %.1f s, %s rows/s", plan.table_schema(), plan.table_name(),
      report.stream.summary.records_written(), report.stream.summary.records_rejected(),
      absl::ToDoubleSeconds(took), ShortNumber(RowsPerSecond(report, took)))};
  for (std::string& line : ReportLines(report.stream)) lines.push_back(std::move(line));
  if (report.validation.has_value()) {
    for (std::string& line : ValidationLines(*report.validation)) lines.push_back(std::move(line));
  }
  return lines;
}

std::string LoadReportJson(const LoadReport& report, const std::string& sync_id,
                           absl::Duration took) {
  const v1::StreamSummary& summary = report.stream.summary;
  std::string json =
      absl::StrCat("{\"sync_id\":", JsonString(sync_id), ",", ReportJsonMembers(report.stream),
                   ",\"records\":", report.durable_offset, ",\"resumed_at\":", report.skipped,
                   absl::StrFormat(",\"seconds\":%.3f,\"rows_per_second\":%.0f",
                                   absl::ToDoubleSeconds(took), RowsPerSecond(report, took)),
                   ",\"outcome\":", JsonString(v1::Outcome_Name(summary.outcome())),
                   ",\"interrupted\":", report.interrupted ? "true" : "false",
                   ",\"refused\":", report.refused.empty() ? "null" : JsonString(report.refused));
  if (report.validation.has_value()) {
    absl::StrAppend(&json, ",\"validation\":", ToJsonLine(*report.validation));
  }
  return json + "}";
}

}  // namespace syncline::client
