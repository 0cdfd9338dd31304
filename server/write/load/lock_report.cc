#include "server/write/load/lock_report.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "server/model/validation.h"
#include "server/postgres/connection/connection_statements.h"
#include "server/postgres/connection/publish_blockers.h"

namespace syncline::write {

void LogLockWait(postgres::ConnectionPool* connections, absl::string_view sync_id,
                 const TableName& table, absl::Duration waited) {
  std::string blockers;
  const absl::StatusOr<postgres::ConnectionPool::Lease> connection = connections->Acquire();
  if (connection.ok()) {
    postgres::ConnectionStatements statements(&**connection);
    const absl::StatusOr<std::vector<Blocker>> found =
        postgres::FindBlockers(statements, {table}, postgres::LockNeed::kLoad);
    if (found.ok()) blockers = postgres::DescribeBlockers(*found);
  }
  Log(LogLevel::kWarning, "load_waits_for_lock")
      .Field("sync_id", sync_id)
      .Field("table", table.ToString())
      .Field("waited", waited)
      .Field("blockers", blockers);
}

}  // namespace syncline::write
