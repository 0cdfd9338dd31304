// What a run did to one stream, for people, scripts and Airbyte logs: what changed in the table's
// definition, what was rejected, nulled, cut or not stored.
//
// A report is built from the server's own answers: the plan of StartSync, the summary of GetSync
// and the reasons of the rejected records (rejected_reasons.h). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// The rejected records of a stream that share a reason.
struct RejectedReason {
  std::string reason;        // as docs/types.md lists them
  int64_t count = 0;         // records
  int64_t first_offset = 0;  // number of the first of them within its writer, from 0
  int64_t first_line = 0;    // where that one begins in the input, from 1; 0 when not known
};

struct StreamReport {
  v1::StreamPlan plan;
  v1::StreamSummary summary;             // empty when it could not be asked for
  std::vector<RejectedReason> rejected;  // may count fewer records than `summary` says
};

// One line of a report.
struct ReportEntry {
  bool warning = false;  // false: good to know only
  std::string text;      // begins with the table's name
};

// What the plan says: every change of the table's definition, and the server's warnings.
std::vector<ReportEntry> PlanEntries(const v1::StreamPlan& plan);

// What became of the records: rejected ones by reason, values nulled and truncated and fields that
// the stream does not declare by column. Nothing when all were stored as they are.
std::vector<ReportEntry> RecordEntries(const StreamReport& report);

// The same for a stream whose plan is not at hand, from what its summary repeats of it.
std::vector<ReportEntry> PlanEntries(const v1::StreamSummary& summary);

// The texts of both.
std::vector<std::string> ReportLines(const StreamReport& report);

// The same as one JSON object on one line, and its members alone, without the braces.
std::string ReportJson(const StreamReport& report);
std::string ReportJsonMembers(const StreamReport& report);

// What `--strict` does not allow in this stream: the texts of all changes of the definition, of
// rejected records, of nulled and truncated values and of undeclared fields. Warnings of the server
// are allowed.
std::vector<std::string> FindStrictFaults(const StreamReport& report);

}  // namespace syncline::client
