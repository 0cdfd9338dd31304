#include "client/report.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json_string.h"
#include "client/summary_text.h"

namespace syncline::client {
namespace {

// `Stream` is a plan or a summary.
template <typename Stream>
std::string TableName(const Stream& stream) {
  if (stream.table_name().empty()) return StreamTitle(stream.descriptor());
  return absl::StrCat(stream.table_schema(), ".", stream.table_name());
}

std::string Quoted(absl::string_view name) { return absl::StrCat("\"", name, "\""); }

std::string Counted(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string ChangeText(const v1::SchemaChange& change) {
  const std::string name = Quoted(change.column());
  switch (change.kind()) {
    case v1::SchemaChange::KIND_ADD_COLUMN:
      return absl::StrCat("column ", name, " is added (", change.to(), ")");
    case v1::SchemaChange::KIND_CHANGE_TYPE:
      return absl::StrCat("column ", name, " changes from ", change.from(), " to ", change.to());
    case v1::SchemaChange::KIND_DROP_COLUMN:
      return absl::StrCat("column ", name, " (", change.from(), ") is dropped");
    case v1::SchemaChange::KIND_RELAX_NOT_NULL:
      return absl::StrCat("column ", name, " becomes nullable");
    case v1::SchemaChange::KIND_ADD_INDEX:
      return absl::StrCat("index ", name, " is created");
    case v1::SchemaChange::KIND_DROP_INDEX:
      return absl::StrCat("index ", name, " is dropped");
    case v1::SchemaChange::KIND_CREATE_TABLE:
      return "the table is created";
    case v1::SchemaChange::KIND_REPLICA_IDENTITY:
      return absl::StrCat("the replica identity changes from ", change.from(), " to ", change.to());
    case v1::SchemaChange::KIND_UNSPECIFIED:
    case v1::SchemaChange_Kind_SchemaChange_Kind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::SchemaChange_Kind_SchemaChange_Kind_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return absl::StrCat("column ", name, " changes in a way that this version cannot describe");
}

template <typename Stream>
std::string ChangeLine(const Stream& stream, const v1::SchemaChange& change) {
  return absl::StrCat(TableName(stream), ": ", ChangeText(change),
                      change.rewrites() ? absl::StrCat("; the table of ", change.table_bytes(),
                                                       " bytes is rewritten")
                                        : "");
}

// Explains the most frequent reasons.
absl::string_view ReasonMeaning(absl::string_view reason) {
  if (reason == "FIELD_COUNT") return " (number of fields differs from the header)";
  if (reason == "DECIMAL_POINT") return " (with decimal commas, a point may group digits)";
  if (reason == "INVALID_UTF8") return " (not valid UTF-8)";
  if (reason == "INVALID_JSON") return " (not JSON)";
  return reason == "NOT_AN_OBJECT" ? " (not a JSON object)" : "";
}

// The reasons count fewer records than the stream has if there were too many to read.
void AddRejected(const StreamReport& report, std::vector<ReportEntry>* entries) {
  int64_t unexplained = report.summary.records_rejected();
  for (const RejectedReason& reason : report.rejected) {
    unexplained -= reason.count;
    entries->push_back(
        {true,
         absl::StrCat(TableName(report.plan), ": ", Counted(reason.count, "record", "records"),
                      " rejected with ", reason.reason, ReasonMeaning(reason.reason),
                      "; the first is record ", reason.first_offset + 1,
                      reason.first_line == 0 ? "" : absl::StrCat(" on line ", reason.first_line),
                      reason.first_file.empty() ? "" : " of ", reason.first_file)});
  }
  if (unexplained <= 0) return;
  entries->push_back(
      {true, absl::StrCat(TableName(report.plan), ": ", Counted(unexplained, "record", "records"),
                          " rejected",
                          report.rejected.empty() ? "" : " for reasons that were not read")});
}

// The summary may not list all columns; one more line counts the rest.
void AddValues(const StreamReport& report, std::vector<ReportEntry>* entries) {
  const std::string table = TableName(report.plan);
  int64_t nulled = report.summary.values_nulled();
  int64_t truncated = report.summary.values_truncated();
  int64_t undeclared = report.summary.fields_undeclared();
  const auto add = [&](int64_t count, absl::string_view of, absl::string_view one,
                       absl::string_view many) {
    if (count <= 0) return;
    entries->push_back({true, absl::StrCat(table, ": ", of, Counted(count, one, many))});
  };
  for (const v1::ColumnCounts& column : report.summary.columns()) {
    nulled -= column.nulled();
    truncated -= column.truncated();
    undeclared -= column.undeclared();
    const std::string name = absl::StrCat("column ", Quoted(column.column()), ": ");
    add(column.nulled(), name, "value did not fit and became NULL",
        "values did not fit and became NULL");
    add(column.truncated(), name, "value was truncated or cleaned",
        "values were truncated or cleaned");
    add(column.undeclared(),
        absl::StrCat("field ", Quoted(column.column()), " is not declared and was not stored in "),
        "record", "records");
  }
  add(nulled, "other columns: ", "value did not fit and became NULL",
      "values did not fit and became NULL");
  add(truncated, "other columns: ", "value was truncated or cleaned",
      "values were truncated or cleaned");
  add(undeclared, "other fields are not declared and were not stored: ", "occurrence",
      "occurrences");
}

std::string KindName(v1::SchemaChange::Kind kind) {
  absl::string_view name = v1::SchemaChange::Kind_Name(kind);
  absl::ConsumePrefix(&name, "KIND_");
  return std::string(name);
}

template <typename Stream>
std::vector<ReportEntry> MakePlanEntries(const Stream& stream) {
  std::vector<ReportEntry> entries;
  for (const v1::SchemaChange& change : stream.changes()) {
    entries.push_back({false, ChangeLine(stream, change)});
  }
  for (const v1::Warning& warning : stream.warnings()) {
    entries.push_back(
        {true, absl::StrCat(TableName(stream), ": ", warning.text(), " [", warning.code(), "]")});
  }
  return entries;
}

template <typename List, typename Print>
std::string JsonList(const List& list, Print print) {
  return absl::StrCat("[",
                      absl::StrJoin(list, ",",
                                    [&](std::string* out, const auto& element) {
                                      absl::StrAppend(out, "{", print(element), "}");
                                    }),
                      "]");
}

}  // namespace

std::vector<ReportEntry> PlanEntries(const v1::StreamPlan& plan) { return MakePlanEntries(plan); }

std::vector<ReportEntry> PlanEntries(const v1::StreamSummary& summary) {
  return MakePlanEntries(summary);
}

std::vector<ReportEntry> RecordEntries(const StreamReport& report) {
  std::vector<ReportEntry> entries;
  AddRejected(report, &entries);
  AddValues(report, &entries);
  return entries;
}

std::vector<std::string> ReportLines(const StreamReport& report) {
  std::vector<std::string> lines;
  for (ReportEntry& entry : PlanEntries(report.plan)) lines.push_back(std::move(entry.text));
  for (ReportEntry& entry : RecordEntries(report)) lines.push_back(std::move(entry.text));
  return lines;
}

std::string ReportJson(const StreamReport& report) {
  return absl::StrCat("{", ReportJsonMembers(report), "}");
}

std::string ReportJsonMembers(const StreamReport& report) {
  const v1::StreamSummary& summary = report.summary;
  return absl::StrCat(
      "\"table\":", JsonString(TableName(report.plan)), ",\"rows\":", summary.records_written(),
      ",\"rejected\":", summary.records_rejected(), ",\"rejected_reasons\":",
      JsonList(report.rejected,
               [](const RejectedReason& reason) {
                 return absl::StrCat(
                     "\"reason\":", JsonString(reason.reason), ",\"count\":", reason.count,
                     ",\"first_offset\":", reason.first_offset, ",\"first_line\":",
                     reason.first_line == 0 ? "null" : absl::StrCat(reason.first_line),
                     ",\"first_file\":",
                     reason.first_file.empty() ? "null" : JsonString(reason.first_file));
               }),
      ",\"values_nulled\":", summary.values_nulled(),
      ",\"values_truncated\":", summary.values_truncated(),
      ",\"fields_undeclared\":", summary.fields_undeclared(), ",\"columns\":",
      JsonList(summary.columns(),
               [](const v1::ColumnCounts& column) {
                 return absl::StrCat("\"column\":", JsonString(column.column()),
                                     ",\"nulled\":", column.nulled(),
                                     ",\"truncated\":", column.truncated(),
                                     ",\"undeclared\":", column.undeclared());
               }),
      ",\"changes\":",
      JsonList(report.plan.changes(),
               [](const v1::SchemaChange& change) {
                 return absl::StrCat("\"kind\":", JsonString(KindName(change.kind())),
                                     ",\"column\":", JsonString(change.column()),
                                     ",\"from\":", JsonString(change.from()),
                                     ",\"to\":", JsonString(change.to()),
                                     ",\"rewrites\":", change.rewrites() ? "true" : "false",
                                     ",\"table_bytes\":", change.table_bytes());
               }),
      ",\"warnings\":", JsonList(report.plan.warnings(), [](const v1::Warning& warning) {
        return absl::StrCat("\"code\":", JsonString(warning.code()),
                            ",\"text\":", JsonString(warning.text()));
      }));
}

std::vector<std::string> FindStrictFaults(const StreamReport& report) {
  std::vector<std::string> faults;
  for (const v1::SchemaChange& change : report.plan.changes()) {
    // A new table has the definition that the stream requested.
    if (change.kind() == v1::SchemaChange::KIND_CREATE_TABLE) continue;
    faults.push_back(ChangeLine(report.plan, change));
  }
  for (ReportEntry& entry : RecordEntries(report)) faults.push_back(std::move(entry.text));
  return faults;
}

}  // namespace syncline::client
