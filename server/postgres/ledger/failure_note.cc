#include "server/postgres/ledger/failure_note.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/error.h"

namespace syncline::postgres {

std::string FailureSql(absl::string_view object, int first) {
  return absl::StrCat("CASE WHEN $", first, "::integer <> 0 THEN ", object,
                      " || jsonb_build_object('code', $", first, "::integer, 'reason', $",
                      first + 1, "::text, 'message', left($", first + 2,
                      "::text, 1000), 'at', now()) END");
}

void AddFailure(const absl::Status& status, Params* params) {
  params->Int(static_cast<int64_t>(status.code())).Text(GetReason(status)).Text(status.message());
}

std::string FailureColumns(absl::string_view note) {
  return absl::StrReplaceAll(
      "$N->>'code', $N->>'reason', $N->>'message', "
      "(extract(epoch FROM ($N->>'at')::timestamptz) * 1000000)::bigint",
      {{"$N", note}});
}

void ReadFailure(const Result& rows, size_t row, size_t column, StreamEntry* stream) {
  if (stream->state != StreamState::kOpen && stream->state != StreamState::kFinalizing) return;
  if (rows.IsNull(row, column)) return;
  const absl::Time at = absl::FromUnixMicros(rows.Int(row, column + 3));
  if (!stream->last_error.ok() && at < stream->last_error_at) return;
  stream->last_error =
      MakeError(static_cast<absl::StatusCode>(rows.Int(row, column)), rows.Text(row, column + 2),
                {.reason = rows.Text(row, column + 1)});
  stream->last_error_at = at;
}

}  // namespace syncline::postgres
