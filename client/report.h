// Reports what a run did to one stream: changes of the table's definition, and records or values
// that were rejected, nulled, truncated or not stored.
//
// A report is built from the server's responses: the plan of StartSync, the summary of GetSync, and
// the reasons of rejected records (rejected_reasons.h). It is printed for users, scripts and
// Airbyte's log. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// The rejected records of a stream that have the same reason.
struct RejectedReason {
  std::string reason;             // as docs/types.md lists them
  int64_t count = 0;              // records
  int64_t first_offset = 0;       // number of the first one within its writer, from 0
  int64_t first_line = 0;         // line where it begins in the input, from 1; 0 if not known
  std::string first_writer = "";  // its writer
  std::string first_file = "";    // the input's name if there are several
};

struct StreamReport {
  v1::StreamPlan plan;
  v1::StreamSummary summary;             // empty if it could not be read
  std::vector<RejectedReason> rejected;  // may count fewer records than `summary`
};

// One line of a report.
struct ReportEntry {
  bool warning = false;  // false: information
  std::string text;      // begins with the table's name
};

// Returns an entry for every change of the table's definition in the plan and for each of its
// warnings.
std::vector<ReportEntry> PlanEntries(const v1::StreamPlan& plan);

// Returns entries for rejected records by reason, and for nulled values, truncated values and
// undeclared fields by column. Empty if all records were stored unchanged.
std::vector<ReportEntry> RecordEntries(const StreamReport& report);

// The same for a stream without a plan, from the plan's changes and warnings in its summary.
std::vector<ReportEntry> PlanEntries(const v1::StreamSummary& summary);

// Returns the texts of the plan's and the records' entries.
std::vector<std::string> ReportLines(const StreamReport& report);

// Return the report as one JSON object on one line, and only its members, without the braces.
std::string ReportJson(const StreamReport& report);
std::string ReportJsonMembers(const StreamReport& report);

// Returns what `--strict` does not allow in this stream: the texts of all changes of the table's
// definition, of rejected records, of nulled and truncated values, and of undeclared fields.
// Warnings of the server are allowed.
std::vector<std::string> FindStrictFaults(const StreamReport& report);

}  // namespace syncline::client
