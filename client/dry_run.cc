#include "client/dry_run.h"

#include <algorithm>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json_string.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/json_text.h"
#include "client/list_text.h"
#include "client/output.h"
#include "client/record_scanner.h"
#include "client/report.h"
#include "client/table_definition.h"

namespace syncline::client {
namespace {

constexpr size_t kShownRecords = 10;
constexpr size_t kShownBytes = 40;

struct ShownRecord {
  std::string line;
  bool unreadable = false;  // it is sent as such, and rejected
};

// The first records as they would be sent. Inputs may have none or few.
absl::StatusOr<std::vector<ShownRecord>> FirstRecords(
    const std::vector<std::unique_ptr<LoadInput>>& inputs, const v1::StreamPlan& plan) {
  std::vector<ShownRecord> records;
  const auto take = [&records](const SourceRecord& record) {
    if (records.size() < kShownRecords) {
      records.push_back({std::string(record.line), !record.unreadable.empty()});
    }
    return absl::OkStatus();
  };
  for (const auto& input : inputs) {
    if (records.size() == kShownRecords) break;
    SYNCLINE_ASSIGN_OR_RETURN(const auto source, input->OpenRecords(plan));
    auto event = LineReader::Event::kLines;
    while (event == LineReader::Event::kLines && records.size() < kShownRecords) {
      SYNCLINE_ASSIGN_OR_RETURN(event, source->Next(false, take));
    }
  }
  return records;
}

std::string Cell(JsonText value) {
  if (value.kind == JsonKind::kNull) return "NULL";
  const std::string text =
      value.kind == JsonKind::kString ? UnescapeJson(value) : std::string(value.raw);
  const absl::string_view shown = CutAtCharacter(text, kShownBytes);
  return absl::StrCat(shown, shown.size() < text.size() ? "..." : "");
}

std::string RecordsTable(const std::vector<ShownRecord>& records,
                         const std::vector<v1::Column>& columns) {
  std::vector<std::vector<std::string>> rows(1);
  for (const v1::Column& column : columns) rows[0].push_back(column.column_name());
  for (const ShownRecord& record : records) {
    absl::flat_hash_map<std::string, std::string> cells;
    const auto add = [&cells](absl::string_view key, JsonText value) {
      const JsonText quoted{JsonKind::kString, absl::string_view(key.data() - 1, key.size() + 2)};
      cells[UnescapeJson(quoted)] = Cell(value);
    };
    if (record.unreadable || !ScanRecord(record.line, add) || !HasJsonGrammar(record.line)) {
      rows.push_back({absl::StrCat("rejected: ", CutAtCharacter(record.line, kShownBytes))});
      continue;
    }
    std::vector<std::string>& row = rows.emplace_back();
    for (const v1::Column& column : columns) {
      const auto cell = cells.find(column.input_name());
      row.push_back(cell == cells.end() ? "NULL" : cell->second);
    }
  }
  return FormatTable(rows);
}

bool CreatesTable(const v1::StreamPlan& plan) {
  return std::any_of(plan.changes().begin(), plan.changes().end(), [](const auto& change) {
    return change.kind() == v1::SchemaChange::KIND_CREATE_TABLE;
  });
}

// Returns how the rows of an existing table are replaced, or an empty string if they are not.
std::string ReplaceText(const std::string& table, const v1::StreamPlan& plan) {
  if (plan.strategy() == v1::REPLACE_STRATEGY_UNSPECIFIED || CreatesTable(plan)) return "";
  const bool in_place = plan.strategy() == v1::REPLACE_STRATEGY_IN_PLACE;
  return absl::StrCat(table, ": the rows are replaced ", in_place ? "in place" : "by a swap", " (",
                      plan.strategy_reason(), ")\n");
}

// Returns where Citus keeps the rows of the table, or an empty string for an ordinary table.
std::string PlacementText(const std::string& table, const v1::StreamPlan& plan) {
  using Placement = v1::TablePlacement;
  const Placement& placement = plan.placement();
  const std::string stores =
      placement.access_method() == "columnar" ? " and stores its rows in columns" : "";
  switch (placement.kind()) {
    case Placement::KIND_HASH:
      return absl::StrCat(
          table, ": Citus distributes the table by the column ", placement.column(),
          placement.shards() > 0 ? absl::StrCat(" over ", placement.shards(), " shards") : "",
          stores, "\n");
    case Placement::KIND_REFERENCE:
      return absl::StrCat(table, ": the table is a reference table of Citus", stores, "\n");
    case Placement::KIND_SINGLE_SHARD:
      return absl::StrCat(table, ": Citus keeps the table as one shard on one node", stores, "\n");
    case Placement::KIND_MANAGED_LOCAL:
      return absl::StrCat(table, ": the table is a local table in the metadata of Citus", stores,
                          "\n");
    case Placement::KIND_OTHER:
      return absl::StrCat(table, ": Citus distributes the table by ranges or by appended shards",
                          stores, "\n");
    default:
      return stores.empty() ? "" : absl::StrCat(table, ": the table stores its rows in columns\n");
  }
}

// Returns the definition of a new table, or sentences about the changes of an existing one.
std::string TableText(const std::string& table, const std::vector<v1::Column>& columns,
                      const v1::StreamPlan* plan) {
  std::string text;
  if (plan == nullptr || CreatesTable(*plan)) text = TableDefinition(table, columns) + "\n";
  if (plan == nullptr) return text;
  std::vector<ReportEntry> entries = PlanEntries(*plan);
  if (entries.empty()) {
    absl::StrAppend(&text, table, ": the table exists, and its definition does not change\n");
  }
  for (const ReportEntry& entry : entries) absl::StrAppend(&text, entry.text, "\n");
  return text + PlacementText(table, *plan) + ReplaceText(table, *plan);
}

std::string DryRunJson(const std::string& table, const std::vector<v1::Column>& columns,
                       const std::vector<ShownRecord>& records, const v1::StreamPlan* plan) {
  return absl::StrCat(
      "{\"table\":", JsonString(table), ",\"columns\":[",
      absl::StrJoin(columns, ",",
                    [](std::string* out, const v1::Column& column) {
                      absl::StrAppend(out, "{\"name\":", JsonString(column.column_name()),
                                      ",\"type\":", JsonString(column.type()), "}");
                    }),
      "],\"records\":[",
      absl::StrJoin(records, ",",
                    [](std::string* out, const ShownRecord& record) {
                      // One that is not JSON, because it is rejected or has Python's NaN, is
                      // shown as text.
                      const bool json = ParseJson(record.line).has_value();
                      absl::StrAppend(out, json ? record.line : JsonString(record.line));
                    }),
      "],\"plan\":", plan == nullptr ? "null" : ToJsonLine(*plan), "}");
}

}  // namespace

absl::StatusOr<std::string> DryRunText(const LoadPreparation& preparation,
                                       const CommandLine& command_line,
                                       const v1::StreamPlan* plan) {
  const std::string table = command_line.Text("table");
  v1::StreamPlan inferred;
  if (plan == nullptr) {
    for (const v1::Column& column : preparation.Columns()) *inferred.add_columns() = column;
  }
  const v1::StreamPlan& used = plan == nullptr ? inferred : *plan;
  const std::vector<v1::Column> columns(used.columns().begin(), used.columns().end());
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<ShownRecord> records,
                            FirstRecords(preparation.inputs(), used));
  if (command_line.Json()) return DryRunJson(table, columns, records, plan);
  return absl::StrCat(TableText(table, columns, plan), "\n",
                      absl::StripSuffix(RecordsTable(records, columns), "\n"));
}

}  // namespace syncline::client
