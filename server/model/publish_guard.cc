#include "server/model/publish_guard.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace syncline {
namespace {

constexpr char kAppendOnly[] =
    "is not allowed for an append, whose rows are visible once committed";

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

bool IsShare(double value) { return value >= 0 && value <= 1; }  // false for NaN

bool IsProperty(const TableSchema& schema, const std::string& name) {
  return std::any_of(schema.columns.begin(), schema.columns.end(),
                     [&](const ColumnSchema& column) { return column.input_name == name; });
}

}  // namespace

std::vector<GuardResult> EvaluateGuard(const PublishGuard& guard, const PublishFigures& figures) {
  std::vector<GuardResult> results;
  const auto at_least = [&](std::string name, double limit, double actual) {
    results.push_back({std::move(name), limit, actual, actual >= limit});
  };
  const auto at_most = [&](std::string name, double limit, double actual) {
    results.push_back({std::move(name), limit, actual, actual <= limit});
  };
  if (guard.min_rows.has_value()) {
    at_least("min_rows", static_cast<double>(*guard.min_rows),
             static_cast<double>(figures.rows_after));
  }
  if (guard.max_shrink.has_value()) {
    const int64_t lost = std::max<int64_t>(0, figures.rows_now - figures.rows_after);
    at_most("max_shrink", *guard.max_shrink, lost == 0 ? 0 : Share(lost, figures.rows_now));
  }
  for (const auto& [property, share] : guard.not_null) {
    const auto found = figures.not_null.find(property);
    const int64_t rows = found == figures.not_null.end() ? 0 : found->second;
    at_least(absl::StrCat("not_null.", property), share, Share(rows, figures.staged_rows));
  }
  if (guard.unique_key) {
    at_most("unique_key", 0, static_cast<double>(figures.repeated_rows));
  }
  if (guard.max_rejected.has_value()) {
    at_most("max_rejected", static_cast<double>(*guard.max_rejected),
            static_cast<double>(figures.rejected));
  }
  if (guard.max_nulled.has_value()) {
    at_most("max_nulled", static_cast<double>(*guard.max_nulled),
            static_cast<double>(figures.nulled));
  }
  return results;
}

std::vector<std::pair<std::string, std::string>> FindGuardFaults(const PublishGuard& guard,
                                                                 const TableSchema& schema,
                                                                 bool has_key, bool appends) {
  std::vector<std::pair<std::string, std::string>> faults;
  const auto fault = [&](std::string field, std::string text) {
    faults.emplace_back(std::move(field), std::move(text));
  };
  const auto not_negative = [&](const char* field, const std::optional<int64_t>& value) {
    if (value.value_or(0) < 0) fault(field, "must not be negative");
  };
  not_negative("min_rows", guard.min_rows);
  not_negative("max_rejected", guard.max_rejected);
  not_negative("max_nulled", guard.max_nulled);
  if (!IsShare(guard.max_shrink.value_or(0))) fault("max_shrink", "must be between 0 and 1");
  for (const auto& [property, share] : guard.not_null) {
    const std::string field = absl::StrCat("not_null[", property, "]");
    if (!IsProperty(schema, property)) fault(field, "does not match any property of the schema");
    if (!IsShare(share)) fault(field, "must be between 0 and 1");
  }
  if (guard.unique_key && !has_key) fault("unique_key", "requires a primary_key");
  if (!appends) return faults;
  if (guard.min_rows.has_value()) fault("min_rows", kAppendOnly);
  if (guard.max_shrink.has_value()) fault("max_shrink", kAppendOnly);
  if (!guard.not_null.empty()) fault("not_null", kAppendOnly);
  if (guard.unique_key) fault("unique_key", kAppendOnly);
  if (guard.allow_empty) fault("allow_empty", kAppendOnly);
  return faults;
}

bool NeedsCounting(const PublishGuard& guard) {
  return guard.min_rows.has_value() || guard.max_shrink.has_value() || !guard.not_null.empty() ||
         guard.unique_key;
}

}  // namespace syncline
