#include "server/postgres/ledger/sync_marks.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kFindSql[] = "SELECT sync_no, sync_id, owner FROM $L.sync WHERE sync_id = ANY($1)";

// The counts of a writer never decrease together, so their sums change with each of them.
constexpr char kMarksSql[] = R"sql(
SELECT y.sync_no, concat_ws(' ', y.state, s.streams, s.states) AS states, c.counts,
  greatest((SELECT max(sequence) FROM $L.checkpoint k WHERE k.sync_no = y.sync_no),
           (SELECT max(sequence) FROM $L.global_checkpoint g WHERE g.sync_no = y.sync_no))
    AS last_sequence
FROM $L.sync y,
LATERAL (SELECT count(*) AS streams,
           hashtextextended(string_agg(state, ' ' ORDER BY ordinal), 0) AS states
         FROM $L.stream WHERE sync_no = y.sync_no) s,
LATERAL (SELECT concat_ws(' ', count(*), sum(w.durable_offset), sum(w.rows_written),
           sum(w.records_rejected)) AS counts
         FROM $L.stream t JOIN $L.writer w ON w.stream_no = t.stream_no
         WHERE t.sync_no = y.sync_no) c
WHERE y.sync_no = ANY($1)
)sql";

}  // namespace

absl::StatusOr<std::vector<SyncIdentity>> FindSyncs(Transaction& transaction,
                                                    absl::string_view quoted_schema,
                                                    const std::vector<std::string>& sync_ids) {
  // libpq ends a parameter at its first NUL, so the ids after it would be lost.
  std::vector<std::string> ids;
  std::copy_if(sync_ids.begin(), sync_ids.end(), std::back_inserter(ids),
               [](const std::string& id) { return !absl::StrContains(id, '\0'); });
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kFindSql, quoted_schema), Params().TextArray(ids)));
  std::vector<SyncIdentity> syncs;
  for (const RowView row : rows) {
    syncs.push_back({row.Int("sync_no"), row.Text("sync_id"), row.Text("owner")});
  }
  return syncs;
}

absl::StatusOr<std::vector<SyncMark>> ReadSyncMarks(Transaction& transaction,
                                                    absl::string_view quoted_schema,
                                                    const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kMarksSql, quoted_schema), Params().IntArray(sync_nos)));
  std::vector<SyncMark> marks;
  for (const RowView row : rows) {
    marks.push_back(
        {row.Int("sync_no"), row.Int("last_sequence"), row.Text("states"), row.Text("counts")});
  }
  return marks;
}

}  // namespace syncline::postgres
