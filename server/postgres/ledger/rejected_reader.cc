#include "server/postgres/ledger/rejected_reader.h"

#include <string>
#include <utility>

#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// $1: sync; $2, $3: the stream, or NULL; $4 to $7: the record after which the page starts, with a
// NULL offset for the first page; $8: maximum number of records; $9: maximum bytes. Selects one
// record more than requested, so that `selected`, the number of selected records, shows whether
// more follow.
constexpr char kReadSql[] = R"sql(
WITH page AS (
  SELECT namespace, stream, writer_id, "offset", reason, raw, raw_truncated, detail, rejected_at,
    row_number() OVER place AS number,
    sum(octet_length(raw) + octet_length(namespace) + octet_length(stream) + 200) OVER place AS bytes
  FROM (SELECT * FROM $L.rejected_record
        WHERE sync_id = $1 AND ($2::text IS NULL OR namespace = $2 AND stream = $3)
          AND ($7::bigint IS NULL
               OR (namespace, stream, writer_id, "offset") > ($4::text, $5::text, $6::text, $7::bigint))
        ORDER BY namespace, stream, writer_id, "offset" LIMIT $8::bigint + 1) r
  WINDOW place AS (ORDER BY namespace, stream, writer_id, "offset" ROWS UNBOUNDED PRECEDING))
SELECT namespace, stream, writer_id, "offset", reason, raw, raw_truncated, detail,
  (extract(epoch FROM rejected_at) * 1000000)::bigint AS rejected_at,
  (SELECT count(*) FROM page) AS selected
FROM page WHERE number <= $8::bigint AND (number = 1 OR bytes <= $9::bigint) ORDER BY number
)sql";

}  // namespace

absl::StatusOr<RejectedPage> ReadRejected(Transaction& transaction, absl::string_view quoted_schema,
                                          const RejectedQuery& query) {
  Params params;
  params.Text(query.sync_id);
  query.stream ? params.Text(query.stream->name_space) : params.Null();
  query.stream ? params.Text(query.stream->name) : params.Null();
  if (query.after.has_value()) {
    params.Text(query.after->stream.name_space).Text(query.after->stream.name);
    params.Text(query.after->writer_id).Int(query.after->offset);
  } else {
    params.Null().Null().Null().Null();
  }
  params.Int(query.limit).Int(kRejectedPageBytes);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kReadSql, quoted_schema), params));
  RejectedPage page;
  for (const RowView row : rows) {
    ListedRejection listed;
    listed.place.stream = {row.Text("namespace"), row.Text("stream")};
    listed.place.writer_id = row.Text("writer_id");
    listed.place.offset = row.Int("offset");
    listed.record.offset = listed.place.offset;
    listed.record.reason = row.Text("reason");
    listed.record.raw = row.Bytes("raw");
    listed.record.raw_truncated = row.Bool("raw_truncated");
    listed.record.detail = row.Text("detail");
    listed.rejected_at = absl::FromUnixMicros(row.Int("rejected_at"));
    page.records.push_back(std::move(listed));
  }
  page.more = !rows.empty() && rows.Row(0).Int("selected") > static_cast<int64_t>(rows.size());
  return page;
}

}  // namespace syncline::postgres
