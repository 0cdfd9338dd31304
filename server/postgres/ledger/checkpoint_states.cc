#include "server/postgres/ledger/checkpoint_states.h"

#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// $1: the syncs, or NULL; $2: how long a replaced state stays, in seconds; $3: maximum number. An
// older server has numbered a checkpoint when it committed it.
constexpr char kOwnSql[] = R"sql(
WITH old AS (
  SELECT stream_no, writer_id, checkpoint_id FROM (
    SELECT stream_no, writer_id, checkpoint_id,
      lead(coalesce(numbered_at, committed_at)) OVER (
        PARTITION BY stream_no, writer_id ORDER BY sequence) AS replaced_at
    FROM $L.checkpoint
    WHERE sequence IS NOT NULL AND octet_length(state) > 0
      AND ($1::bigint[] IS NULL OR sync_no = ANY($1::bigint[]))) k
  WHERE replaced_at < now() - make_interval(secs => $2::float8) LIMIT $3::bigint),
locked AS (
  SELECT stream_no, writer_id, checkpoint_id
  FROM $L.checkpoint c JOIN old USING (stream_no, writer_id, checkpoint_id)
  FOR UPDATE OF c SKIP LOCKED)
UPDATE $L.checkpoint c SET state = '', state_dropped = true
FROM locked l
WHERE c.stream_no = l.stream_no AND c.writer_id = l.writer_id AND c.checkpoint_id = l.checkpoint_id
)sql";

// As above.
constexpr char kGlobalSql[] = R"sql(
WITH old AS (
  SELECT sync_no, number FROM (
    SELECT sync_no, number,
      lead(coalesce(numbered_at, received_at)) OVER (PARTITION BY sync_no ORDER BY sequence)
        AS replaced_at
    FROM $L.global_checkpoint
    WHERE sequence IS NOT NULL AND octet_length(state) > 0
      AND ($1::bigint[] IS NULL OR sync_no = ANY($1::bigint[]))) k
  WHERE replaced_at < now() - make_interval(secs => $2::float8) LIMIT $3::bigint),
locked AS (
  SELECT sync_no, number FROM $L.global_checkpoint c JOIN old USING (sync_no, number)
  FOR UPDATE OF c SKIP LOCKED)
UPDATE $L.global_checkpoint c SET state = '', state_dropped = true
FROM locked l WHERE c.sync_no = l.sync_no AND c.number = l.number
)sql";

}  // namespace

absl::StatusOr<int64_t> DropCheckpointStates(Transaction& transaction,
                                             absl::string_view quoted_schema,
                                             const std::optional<std::vector<int64_t>>& sync_nos) {
  Params params;
  sync_nos.has_value() ? params.IntArray(*sync_nos) : params.Null();
  params.Int(absl::ToInt64Seconds(kStateKept)).Int(kStatesPerTransaction);
  SYNCLINE_ASSIGN_OR_RETURN(const Result own,
                            transaction.Query(WithLedgerSchema(kOwnSql, quoted_schema), params));
  SYNCLINE_ASSIGN_OR_RETURN(const Result global,
                            transaction.Query(WithLedgerSchema(kGlobalSql, quoted_schema), params));
  return own.affected() + global.affected();
}

}  // namespace syncline::postgres
