#include "client/load_end.h"

#include "absl/strings/str_cat.h"

namespace syncline::client {
namespace {

void AddCount(int64_t count, absl::string_view one, absl::string_view many, std::string* text) {
  if (count == 0) return;
  absl::StrAppend(text, text->empty() ? "" : ", ", count, " ", count == 1 ? one : many);
}

}  // namespace

std::string StrictFaults(const v1::StreamSummary& stream) {
  std::string faults;
  AddCount(stream.records_rejected(), "rejected record", "rejected records", &faults);
  AddCount(stream.values_nulled(), "value became NULL", "values became NULL", &faults);
  AddCount(stream.values_truncated(), "value was cut", "values were cut", &faults);
  AddCount(stream.fields_undeclared(), "field was not stored", "fields were not stored", &faults);
  return faults;
}

std::string WhyNotToPublish(const EndRules& rules, const v1::StreamSummary& stream,
                            bool ends_inside_record) {
  if (rules.strict) {
    if (const std::string faults = StrictFaults(stream); !faults.empty()) {
      return absl::StrCat("--strict allows none of these: ", faults);
    }
  }
  if (!rules.replace) return "";
  if (ends_inside_record) return "the input ends inside a record: it was cut off";
  const int64_t rejected = stream.records_rejected();
  if (stream.records_written() + rejected == 0 && !rules.allow_empty) {
    return "the input holds no records; --allow_empty replaces the table with an empty one";
  }
  if (rejected > rules.max_rejected && !rules.allow_rejected) {
    return absl::StrCat(rejected, rejected == 1 ? " record was" : " records were",
                        " rejected; mend the input, or allow it with --allow_rejected or "
                        "--max_rejected");
  }
  return "";
}

}  // namespace syncline::client
