// Whether other sessions see a transaction whose COMMIT has not been answered yet.
//
// PostgreSQL answers a COMMIT after it has unlinked the files of dropped tables. Before that, it
// makes the transaction visible, tells all sessions what has changed in the catalogs, and releases
// the lock on the transaction's number.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "server/postgres/connection/result.h"

namespace syncline::postgres {

// Returns the identity of the running transaction, in a row for IsVisibleSql. Another server, after
// a failover, gives the same number to another transaction.
inline constexpr char kTransactionSql[] =
    "SELECT pg_catalog.pg_current_xact_id() AS number,"
    " extract(epoch FROM pg_catalog.pg_postmaster_start_time()) AS server";

// Returns the statement that tells another session whether the transaction has committed and is
// visible to every session.
inline std::string IsVisibleSql(const RowView& transaction) {
  const std::string number = absl::StrCat("'", transaction.Text("number"), "'::pg_catalog.xid8");
  return absl::StrCat("SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time()) = ",
                      transaction.Text("server"), " AND pg_catalog.pg_xact_status(", number,
                      ") = 'committed' AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks",
                      " WHERE locktype = 'transactionid' AND transactionid = ", number,
                      "::pg_catalog.xid)");
}

}  // namespace syncline::postgres
