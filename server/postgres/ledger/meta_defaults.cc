#include "server/postgres/ledger/meta_defaults.h"

#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kClearSql[] = "UPDATE $L.stream SET meta_default = false WHERE stream_no = $1";

// An index has the streams of the condition's first line.
constexpr char kLeftSql[] = R"sql(
SELECT s.stream_no, s.table_schema, s.table_name, s.airbyte_sync_id, EXISTS (
    SELECT FROM $L.stream t
    WHERE t.meta_default AND t.loader = 'append' AND t.state IN ('open', 'finalizing')
      AND t.table_schema = s.table_schema AND t.table_name = s.table_name
      AND t.airbyte_sync_id = s.airbyte_sync_id) AS used
FROM $L.stream s
WHERE s.meta_default AND s.loader = 'append'
  AND s.state NOT IN ('open', 'finalizing')
ORDER BY s.stream_no
)sql";

}  // namespace

absl::Status ClearMetaDefault(Transaction& transaction, absl::string_view quoted_schema,
                              int64_t stream_no) {
  return transaction.Query(WithLedgerSchema(kClearSql, quoted_schema), Params().Int(stream_no))
      .status();
}

absl::StatusOr<std::vector<LeftMetaDefault>> FindLeftMetaDefaults(Transaction& transaction,
                                                                  absl::string_view quoted_schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kLeftSql, quoted_schema)));
  std::vector<LeftMetaDefault> left;
  for (const RowView row : rows) {
    left.push_back({.stream_no = row.Int("stream_no"),
                    .table = {row.Text("table_schema"), row.Text("table_name")},
                    .airbyte_sync_id = row.Int("airbyte_sync_id"),
                    .used = row.Bool("used")});
  }
  return left;
}

}  // namespace syncline::postgres
