#include "server/postgres/ledger/failure_note.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/error.h"

namespace syncline::postgres {
namespace {

// $N: the object; $C, $R, $M: parameters with code, reason and message.
constexpr char kFailure[] = R"sql(
CASE WHEN $C::integer <> 0 THEN $N || jsonb_build_object(
  'code', $C::integer, 'reason', $R::text, 'message', left($M::text, 1000), 'at', now()) END
)sql";

// $N: the object.
constexpr char kColumns[] = R"sql(
$N->>'code' AS failure_code, $N->>'reason' AS failure_reason, $N->>'message' AS failure_message,
(extract(epoch FROM ($N->>'at')::timestamptz) * 1000000)::bigint AS failure_at
)sql";

}  // namespace

std::string FailureSql(absl::string_view object, int first) {
  return absl::StrReplaceAll(kFailure, {{"$N", object},
                                        {"$C", absl::StrCat("$", first)},
                                        {"$R", absl::StrCat("$", first + 1)},
                                        {"$M", absl::StrCat("$", first + 2)}});
}

void AddFailure(const absl::Status& status, Params* params) {
  params->Int(static_cast<int64_t>(status.code())).Text(GetReason(status)).Text(status.message());
}

std::string FailureColumns(absl::string_view note) {
  return absl::StrReplaceAll(kColumns, {{"$N", note}});
}

void ReadFailure(const RowView& row, StreamEntry* stream) {
  if (stream->state != StreamState::kOpen && stream->state != StreamState::kFinalizing) return;
  if (row.IsNull("failure_code")) return;
  const absl::Time at = absl::FromUnixMicros(row.Int("failure_at"));
  if (!stream->last_error.ok() && at < stream->last_error_at) return;
  stream->last_error =
      MakeError(static_cast<absl::StatusCode>(row.Int("failure_code")), row.Text("failure_message"),
                {.reason = row.Text("failure_reason")});
  stream->last_error_at = at;
}

}  // namespace syncline::postgres
