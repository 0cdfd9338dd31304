#include "client/load_end.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace syncline::client {
std::string DescribeStrictFaults(const StreamReport& report) {
  return absl::StrJoin(RecordEntries(report), "; ",
                       [](std::string* out, const ReportEntry& entry) { out->append(entry.text); });
}

std::string FindReasonNotToPublish(const EndRules& rules, const StreamReport& report,
                                   bool ends_inside_record) {
  if (rules.strict) {
    if (const std::string faults = DescribeStrictFaults(report); !faults.empty()) {
      return absl::StrCat("--strict does not allow this: ", faults);
    }
  }
  if (!rules.replace) return "";
  if (ends_inside_record) return "the input is truncated: it ends inside a record";
  const int64_t rejected = report.summary.records_rejected();
  if (report.summary.records_written() + rejected == 0 && !rules.allow_empty) {
    return "the input contains no records; --allow_empty replaces the table with an empty one";
  }
  if (rejected > rules.max_rejected && !rules.allow_rejected) {
    return absl::StrCat(rejected, rejected == 1 ? " record was" : " records were",
                        " rejected; correct the input, or accept them with --allow_rejected or "
                        "--max_rejected");
  }
  return "";
}

}  // namespace syncline::client
