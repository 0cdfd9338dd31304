#include "server/postgres/ledger/rejected_reader.h"

#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: sync; $2, $3: the stream, or NULL; $4 to $7: the record after which the page starts, with a
// NULL offset for the first page; $8: maximum number of records; $9: maximum bytes. Selects one
// record more than requested, so that the last column, the number of selected records, shows
// whether more follow.
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
  (extract(epoch FROM rejected_at) * 1000000)::bigint, (SELECT count(*) FROM page)
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
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(absl::StrReplaceAll(kReadSql, {{"$L", quoted_schema}}), params));
  RejectedPage page;
  for (size_t row = 0; row < rows.size(); ++row) {
    ListedRejection listed;
    listed.place.stream = {rows.Text(row, 0), rows.Text(row, 1)};
    listed.place.writer_id = rows.Text(row, 2);
    listed.place.offset = rows.Int(row, 3);
    listed.record.offset = listed.place.offset;
    listed.record.reason = rows.Text(row, 4);
    listed.record.raw = rows.Bytes(row, 5);
    listed.record.raw_truncated = rows.Bool(row, 6);
    listed.record.detail = rows.Text(row, 7);
    listed.rejected_at = absl::FromUnixMicros(rows.Int(row, 8));
    page.records.push_back(std::move(listed));
  }
  page.more = !rows.empty() && rows.Int(0, 9) > static_cast<int64_t>(rows.size());
  return page;
}

}  // namespace syncline::postgres
