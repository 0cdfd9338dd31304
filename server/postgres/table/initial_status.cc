#include "server/postgres/table/initial_status.h"

#include "base/status_macros.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_shape.h"

namespace syncline::postgres {
namespace {

absl::StatusOr<TableStatus> ReadTableStatus(Transaction& transaction, const TableName& table,
                                            const TableShape& shape) {
  TableStatus status;
  if (!shape.exists) return status;
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(TableStatusSql(table)));
  status.exists = true;
  status.empty = !rows.Row(0).Bool("has_rows");
  status.size_bytes = rows.Row(0).Int("size_bytes");
  return status;
}

}  // namespace

absl::StatusOr<std::vector<InitialStatus>> GatherInitialStatus(
    Transaction& transaction, const std::vector<StreamTables>& streams) {
  std::vector<TableName> tables;
  for (const StreamTables& stream : streams) {
    tables.push_back(stream.real);
    tables.push_back(stream.temp);
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TableShape> shapes,
                            LookUpShapes(transaction, tables));
  for (size_t i = 0; i < tables.size(); ++i) {
    SYNCLINE_RETURN_IF_ERROR(CheckShape(tables[i], shapes[i]));
  }
  std::vector<InitialStatus> statuses(streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(statuses[i].real,
                              ReadTableStatus(transaction, streams[i].real, shapes[2 * i]));
    SYNCLINE_ASSIGN_OR_RETURN(statuses[i].temp,
                              ReadTableStatus(transaction, streams[i].temp, shapes[2 * i + 1]));
  }
  return statuses;
}

}  // namespace syncline::postgres
