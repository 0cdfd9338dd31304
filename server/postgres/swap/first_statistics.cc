#include "server/postgres/swap/first_statistics.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// Samples 3,000 rows. PostgreSQL's default samples ten times as many.
constexpr int64_t kFirstStatisticsTarget = 10;

// An ANALYZE of named columns leaves the table's count of changes as it is (commands/analyze.c,
// do_analyze_rel), so autovacuum analyzes the table again. It skips expressions in indexes, so a
// table with such an index is analyzed completely.
constexpr char kPlanSql[] = R"sql(
SELECT c.oid::regclass::text AS table_name,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
       current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean
         AND NOT EXISTS (SELECT FROM pg_class s, pg_options_to_table(s.reloptions) o
                         WHERE s.oid IN ($1::oid, $2::oid) AND o.option_name = 'autovacuum_enabled'
                           AND NOT o.option_value::boolean)
         AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indexprs IS NOT NULL)
         AS analyzed_again,
       current_setting('default_statistics_target')::bigint AS statistics_target
FROM pg_class c WHERE c.oid = $1::oid
)sql";

}  // namespace

absl::Status GatherFirstStatistics(Database& database, int64_t table_oid, int64_t settings_oid) {
  return database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result rows, transaction.Query(kPlanSql, Params().Int(table_oid).Int(settings_oid)));
    // The table was dropped meanwhile. The next operation on it reports that.
    if (rows.empty()) return absl::OkStatus();
    const RowView plan = rows.Row(0);
    const std::string& table = plan.Text("table_name");
    if (plan.IsNull("columns") || !plan.Bool("analyzed_again")) {
      return transaction.Execute(absl::StrCat("ANALYZE ", table));
    }
    return transaction.Execute(
        absl::StrCat("SET LOCAL default_statistics_target = ",
                     std::min(plan.Int("statistics_target"), kFirstStatisticsTarget), "; ANALYZE ",
                     table, " (", plan.Text("columns"), ")"));
  });
}

}  // namespace syncline::postgres
