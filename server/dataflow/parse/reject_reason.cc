#include "server/dataflow/parse/reject_reason.h"

namespace syncline::dataflow {

absl::string_view RejectReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kInvalidJson:
      return "INVALID_JSON";
    case RejectReason::kNotAnObject:
      return "NOT_AN_OBJECT";
    case RejectReason::kInvalidUtf8:
      return "INVALID_UTF8";
    case RejectReason::kTooDeep:
      return "TOO_DEEP";
    case RejectReason::kRecordTooLarge:
      return "RECORD_TOO_LARGE";
    case RejectReason::kNotARecord:
      return "NOT_A_RECORD";
    case RejectReason::kMissingKey:
      return "MISSING_KEY";
    case RejectReason::kKeyChanged:
      return "KEY_CHANGED";
    case RejectReason::kCursorChanged:
      return "CURSOR_CHANGED";
    case RejectReason::kKeyTooLarge:
      return "KEY_TOO_LARGE";
    case RejectReason::kRowTooWide:
      return "ROW_TOO_WIDE";
  }
  return "UNKNOWN";
}

}  // namespace syncline::dataflow
