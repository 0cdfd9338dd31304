#include "server/postgres/ledger/take_over.h"

#include "base/status_macros.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kNewerStreamSql[] = R"sql(
SELECT EXISTS (SELECT FROM $L.stream WHERE stream_no = $3 AND superseded)
  OR EXISTS (SELECT FROM $L.stream
             WHERE table_schema = $1 AND table_name = $2 AND stream_no > $3)
)sql";

}  // namespace

absl::Status GetCancellationError(Transaction& transaction, const Ledger& ledger,
                                  const StreamPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(
          WithLedgerSchema(kNewerStreamSql, ledger.quoted_schema()),
          Params().Text(plan.table.schema).Text(plan.table.name).Int(plan.stream_no)));
  return rows.Bool(0, 0) ? Superseded() : SyncCancelled();
}

}  // namespace syncline::postgres
