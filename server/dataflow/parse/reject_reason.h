// RejectReason: why a record was rejected.
#pragma once

#include "absl/strings/string_view.h"

namespace syncline::dataflow {

// The name is stored in syncline.rejected_record and is the label
// `reason` of the metric.
enum class RejectReason {
  kInvalidJson,     // "INVALID_JSON"
  kNotAnObject,     // "NOT_AN_OBJECT"
  kInvalidUtf8,     // "INVALID_UTF8"
  kTooDeep,         // "TOO_DEEP"
  kRecordTooLarge,  // "RECORD_TOO_LARGE"
  kNotARecord,      // "NOT_A_RECORD": airbyte_jsonl line that is not a RECORD message
  kMissingKey,      // "MISSING_KEY": NULL in a primary key or NOT NULL column
  kKeyChanged,      // "KEY_CHANGED": coercion changed a value of the primary key
  kCursorChanged,   // "CURSOR_CHANGED": coercion changed the cursor
  kKeyTooLarge,     // "KEY_TOO_LARGE"
  kRowTooWide,      // "ROW_TOO_WIDE"
};
absl::string_view RejectReasonName(RejectReason reason);

}  // namespace syncline::dataflow
