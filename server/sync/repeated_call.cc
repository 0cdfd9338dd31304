#include "server/sync/repeated_call.h"

#include "base/status_macros.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/sync/sync_errors.h"
#include "server/sync/unreadable_records.h"

namespace syncline::sync {

RepeatedCall::RepeatedCall(const StreamEntry& stream, absl::string_view writer_id)
    : outcome_(stream.result.outcome) {
  for (const WriterPosition& writer : stream.writers) {
    if (writer.writer_id == writer_id) summary_.durable_offset = writer.durable_offset;
  }
}

absl::Status RepeatedCall::Accept(const v1::RecordBatch& records) {
  if (records.first_offset() < 0) {
    return InvalidRequest({{"batch.first_offset", "must not be negative"}});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t count, dataflow::RecordParser::CountRecords(records));
  SYNCLINE_RETURN_IF_ERROR(CheckUnreadable(records, count));
  if (count > 0 && records.first_offset() > summary_.durable_offset - count) {
    return RecordsAfterCompletion();
  }
  summary_.records_skipped += count;
  return absl::OkStatus();
}

}  // namespace syncline::sync
