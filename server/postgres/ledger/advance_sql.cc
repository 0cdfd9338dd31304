#include "server/postgres/ledger/advance_sql.h"

#include <cstdint>

#include "absl/strings/str_replace.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// The durable offset is the first one that is missing. As an expression it takes PostgreSQL less
// time than a subquery over the ranges.
constexpr char kAdvanceSql[] = R"sql(
UPDATE $L.writer SET committed = committed + $4::int8multirange,
  durable_offset = lower('{[0,)}'::int8multirange - (committed + $4::int8multirange)),
  rows_written = rows_written + $5, records_rejected = records_rejected + $6, bytes = bytes + $7,
  values_nulled = values_nulled + $9, values_truncated = values_truncated + $10,
  fields_undeclared = fields_undeclared + $11, updated_at = now(),
  open_by = CASE WHEN $8 THEN NULL ELSE open_by END$MORE
WHERE stream_no = $1 AND writer_id = $2 AND epoch = $3 AND claim_token = $12
  AND NOT committed && $4::int8multirange
RETURNING durable_offset
)sql";

}  // namespace

std::string AdvanceSql(absl::string_view quoted_schema, absl::string_view more_columns) {
  return WithLedgerSchema(absl::StrReplaceAll(kAdvanceSql, {{"$MORE", more_columns}}),
                          quoted_schema);
}

Params AdvanceParams(const WriterClaim& claim, const DataCommit& commit) {
  const ValueCounts values = Sum(commit.fields);
  Params params;
  params.Int(claim.stream_no).Text(claim.writer_id).Int(claim.epoch);
  params.Text(commit.offsets.ToMultirange()).Int(commit.rows);
  params.Int(static_cast<int64_t>(commit.rejected.size())).Int(commit.bytes).Bool(commit.closes);
  params.Int(values.nulled).Int(values.truncated).Int(values.undeclared).Int(claim.token);
  return params;
}

}  // namespace syncline::postgres
