// Logs that a flush waits for the lock of its table. Blocking; safe from any thread.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/connection_pool.h"

namespace syncline::write {

// Logs that flushes of the sync have waited for the table's lock for `waited`, and which sessions
// hold it.
void LogLockWait(postgres::ConnectionPool* connections, absl::string_view sync_id,
                 const TableName& table, absl::Duration waited);

}  // namespace syncline::write
