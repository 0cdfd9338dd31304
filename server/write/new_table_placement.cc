#include "server/write/new_table_placement.h"

#include <string>

#include "absl/status/statusor.h"
#include "server/model/distribution.h"
#include "server/model/loader_kind.h"
#include "server/model/sql_name.h"
#include "server/model/table_name.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::write {

postgres::PlacementRequest GetPlacementRequest(const StreamPlan& plan) {
  const std::string& other = plan.distribution.colocate_with;
  const absl::StatusOr<TableName> table = ParseTableName(other, plan.table.schema);
  return {GetDistributionColumn(plan),
          other.empty() || !table.ok() ? "" : postgres::QuoteTable(*table)};
}

absl::Status PlaceLoadTable(postgres::Transaction& transaction, const StreamPlan& plan) {
  return postgres::PlaceTable(transaction, plan.load_table(), GetPlacementRequest(plan));
}

absl::Status PlaceTarget(postgres::Transaction& transaction, const StreamPlan& plan) {
  return StagesRows(plan.loader) ? postgres::PlaceLike(transaction, plan.table, plan.temp_table)
                                 : PlaceLoadTable(transaction, plan);
}

}  // namespace syncline::write
