#include "server/postgres/ledger/row_locks.h"

#include <string>

#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kGenerationsSql[] = R"sql(
SELECT 1 FROM $L.generation g
WHERE (g.table_schema, g.table_name, g.generation_id) IN (
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
  UNION SELECT table_schema, table_name, generation_id FROM $L.stream
    WHERE stream_no = ANY($4::bigint[])
  UNION SELECT o.table_schema, o.table_name, o.generation_id
    FROM unnest($5::text[], $6::text[]) AS t (table_schema, table_name)
    JOIN $L.generation o USING (table_schema, table_name))
ORDER BY g.table_schema, g.table_name, g.generation_id FOR NO KEY UPDATE OF g
)sql";

constexpr char kSyncsSql[] =
    "SELECT 1 FROM $L.sync WHERE sync_no = ANY($1) ORDER BY sync_no FOR NO KEY UPDATE";

}  // namespace

absl::Status LockGenerations(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<GenerationKey>& generations,
                             const std::vector<int64_t>& stream_nos,
                             const std::vector<TableName>& tables) {
  std::vector<TableName> of_generations;
  std::vector<int64_t> numbers;
  for (const GenerationKey& generation : generations) {
    of_generations.push_back(generation.table);
    numbers.push_back(generation.generation_id);
  }
  Params params;
  params.TableNames(of_generations).IntArray(numbers).IntArray(stream_nos).TableNames(tables);
  return transaction.Query(WithLedgerSchema(kGenerationsSql, quoted_schema), params).status();
}

absl::Status LockSyncs(Transaction& transaction, absl::string_view quoted_schema,
                       const std::vector<int64_t>& sync_nos) {
  return transaction.Query(WithLedgerSchema(kSyncsSql, quoted_schema), Params().IntArray(sync_nos))
      .status();
}

}  // namespace syncline::postgres
