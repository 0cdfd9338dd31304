#include "server/postgres/ledger/checkpoint_reader.h"

#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// Maximum checkpoints per page, because the database sorts and measures that many.
constexpr int64_t kMaxCheckpoints = 1000;

// How long a page waits for a synchronous standby: one thread reads the pages of all watches.
constexpr absl::Duration kStandbyPatience = absl::Seconds(2);

// $1: sync_no; $2: the sequence after which the page starts; $3: kMaxCheckpoints; $4: maximum
// bytes; $5: whether states are returned; $6: kMaxStateBytes; $7: whether the first checkpoint is
// returned although it has more than $4 bytes. Returns a row for the first checkpoint in any case,
// so that `fits` and `selected` show whether more follow.
// A checkpoint that covers several writers counts the records of all its positions since the
// previously announced one; none if that one had positions of more records. Results are in binary
// format, so every column but state is text.
constexpr char kPageSql[] = R"sql(
WITH page AS (
  SELECT *, row_number() OVER place AS place, (sum(bytes) OVER place)::bigint AS total
  FROM (
    SELECT *, 200 + octet_length(writer_id) + octet_length(checkpoint_id)
      + CASE WHEN $5::boolean AND octet_length(state) <= $6::bigint THEN octet_length(state) ELSE 0 END AS bytes
    FROM (
      (SELECT sequence, NULL::bigint AS number, stream_no, writer_id, checkpoint_id,
         "offset" AS at, records_since_last AS since, state, state_dropped
       FROM $L.checkpoint WHERE sync_no = $1 AND sequence > $2 ORDER BY sequence LIMIT $3::bigint)
      UNION ALL
      (SELECT sequence, number, stream_no, writer_id, checkpoint_id, NULL, NULL, state,
         state_dropped
       FROM $L.global_checkpoint WHERE sync_no = $1 AND sequence > $2
       ORDER BY sequence LIMIT $3::bigint)
      ORDER BY sequence LIMIT $3::bigint) c) m
  WINDOW place AS (ORDER BY sequence ROWS UNBOUNDED PRECEDING))
SELECT sequence::text AS sequence, stream_no::text AS stream_no, writer_id, checkpoint_id,
  total::text AS total, (SELECT count(*) FROM page)::text AS selected,
  (total <= $4::bigint OR $7::boolean)::text AS fits,
  coalesce(at, (SELECT max(p."offset") FROM $L.global_position p
                WHERE p.sync_no = $1 AND p.number = page.number AND p.stream_no = page.stream_no
                  AND p.writer_id = page.writer_id), 0)::text AS at,
  coalesce(since, greatest((SELECT sum(p."offset") FROM $L.global_position p
                            WHERE p.sync_no = $1 AND p.number = page.number)
                         - coalesce((SELECT sum(p."offset") FROM $L.global_position p
                            WHERE p.sync_no = $1 AND p.number =
                              (SELECT h.number FROM $L.global_checkpoint h
                               WHERE h.sync_no = $1 AND h.sequence < page.sequence
                               ORDER BY h.sequence DESC LIMIT 1)), 0), 0))::text AS since,
  CASE WHEN $5::boolean AND octet_length(state) <= $6::bigint
         AND (total <= $4::bigint OR $7::boolean) THEN state END AS state,
  ($5::boolean AND (state_dropped OR octet_length(state) > $6::bigint))::text AS state_dropped,
  (pg_catalog.current_setting('synchronous_standby_names') <> '')::text AS standby_may_lack_it
FROM page WHERE place = 1 OR total <= $4::bigint ORDER BY place
)sql";

// Reads a boolean that was cast to text.
bool ReadBool(const RowView& row, absl::string_view column) { return row.Text(column) == "true"; }

}  // namespace

absl::StatusOr<CheckpointPage> ReadCheckpointPage(Connection& connection,
                                                  absl::string_view quoted_schema,
                                                  const CheckpointQuery& query) {
  Params params;
  params.Int(query.sync_no).Int(query.after_sequence).Int(kMaxCheckpoints).Int(query.max_bytes);
  params.Bool(query.with_state).Int(kMaxStateBytes).Bool(query.at_least_one);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, connection.QueryBinary(WithLedgerSchema(kPageSql, quoted_schema), params));
  CheckpointPage page;
  if (rows.empty()) return page;
  const int64_t selected = rows.Row(0).Int("selected");
  for (const RowView row : rows) {
    if (!ReadBool(row, "fits")) break;
    CommittedCheckpoint checkpoint;
    checkpoint.sequence = row.Int("sequence");
    checkpoint.stream_no = row.Int("stream_no");
    checkpoint.writer_id = row.Text("writer_id");
    checkpoint.checkpoint_id = row.Text("checkpoint_id");
    checkpoint.offset = row.Int("at");
    checkpoint.records_since_last = row.Int("since");
    checkpoint.state = row.Text("state");
    checkpoint.state_dropped = ReadBool(row, "state_dropped");
    page.bytes = row.Int("total");
    page.checkpoints.push_back(std::move(checkpoint));
  }
  // A watcher that has received a checkpoint does not send the records before it again.
  if (!page.checkpoints.empty() && ReadBool(rows.Row(0), "standby_may_lack_it")) {
    SYNCLINE_RETURN_IF_ERROR(connection.ConfirmDurable(kStandbyPatience));
  }
  page.more =
      static_cast<int64_t>(page.checkpoints.size()) < selected || selected == kMaxCheckpoints;
  return page;
}

}  // namespace syncline::postgres
