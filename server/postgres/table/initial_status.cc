#include "server/postgres/table/initial_status.h"

#include <algorithm>
#include <cstddef>

#include "base/status_macros.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_placement.h"
#include "server/postgres/table/table_shape.h"

namespace syncline::postgres {
namespace {

// Maximum number of tables that one statement reads, because its plan takes memory for each.
constexpr size_t kTablesPerStatement = 100;

// Reads `tables`, which exist, into `statuses`.
absl::Status ReadTableStatuses(Transaction& transaction, const std::vector<TableName>& tables,
                               const std::vector<TableStatus*>& statuses) {
  for (size_t first = 0; first < tables.size(); first += kTablesPerStatement) {
    const auto begin = tables.begin() + static_cast<std::ptrdiff_t>(first);
    const size_t count = std::min(kTablesPerStatement, tables.size() - first);
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result rows,
        transaction.Query(TableStatusesSql({begin, begin + static_cast<std::ptrdiff_t>(count)})));
    for (const RowView row : rows) {
      TableStatus& status = *statuses[first + static_cast<size_t>(row.Int("place"))];
      status.exists = true;
      status.empty = !row.Bool("has_rows");
      status.size_bytes = row.Int("size_bytes");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<InitialStatus>> GatherInitialStatus(
    Transaction& transaction, const std::vector<StreamTables>& streams) {
  std::vector<TableName> tables;
  std::vector<TableMeta> metas;
  for (const StreamTables& stream : streams) {
    tables.insert(tables.end(), {stream.real, stream.temp});
    metas.insert(metas.end(), 2, stream.meta);
  }
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<TableShape> shapes,
                            LookUpShapes(transaction, tables, metas));
  for (size_t i = 0; i < tables.size(); ++i) {
    const StreamTables& stream = streams[i / 2];
    if (shapes[i].lacks_meta && stream.recorded_meta.value_or(stream.meta) != stream.meta) {
      shapes[i].has_other_meta = true;
    }
    SYNCLINE_RETURN_IF_ERROR(CheckShape(tables[i], shapes[i]));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, tables));
  std::vector<InitialStatus> statuses(streams.size());
  std::vector<TableName> existing;
  std::vector<TableStatus*> of_existing;
  for (size_t i = 0; i < tables.size(); ++i) {
    TableStatus& status = i % 2 == 0 ? statuses[i / 2].real : statuses[i / 2].temp;
    status.placement = placements[i];
    if (!shapes[i].exists) continue;
    status.access_method = shapes[i].access_method;
    existing.push_back(tables[i]);
    of_existing.push_back(&status);
  }
  SYNCLINE_RETURN_IF_ERROR(ReadTableStatuses(transaction, existing, of_existing));
  for (size_t i = 0; i < existing.size(); ++i) {
    TableStatus& status = *of_existing[i];
    if (!status.placement.placed()) continue;
    SYNCLINE_ASSIGN_OR_RETURN(status.size_bytes, GetPlacedSize(transaction, existing[i]));
  }
  return statuses;
}

}  // namespace syncline::postgres
