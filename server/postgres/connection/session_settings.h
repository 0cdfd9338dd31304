// What every connection of ours has in common: the settings that it pins when it opens, and the
// server and session that it refuses.
//
// A role or a database can have defaults for any setting (ALTER ROLE … SET, ALTER DATABASE … SET).
// Settings that change what a name in our SQL means or how an answer reads are pinned; those that
// are an administrator's limits (timeouts, memory, costs, default_tablespace,
// default_table_access_method, default_transaction_read_only) are kept.
//
// The search path is pg_catalog, pg_temp, as PostgreSQL sets it for its own maintenance. So a name
// without a schema is a name of pg_catalog, where only superusers create objects: an overload of a
// function or operator in another schema is never called, even if it matches the arguments better.
// Naming pg_temp last prevents a temporary table from shadowing a catalog or a type. PostgreSQL
// searches pg_temp for neither functions nor operators. Definitions (views, expressions, types)
// print every other name with its schema.
//
// Internal to postgres/. Stateless.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/postgres/connection/result.h"

namespace syncline::postgres {

// The oldest PostgreSQL that is supported, as server_version_num.
inline constexpr int kMinimumServerVersion = 150000;

// Returns OK if the server of a connection is supported. `version` is its server_version_num, which
// it reports when the connection opens. Errors: FAILED_PRECONDITION DB_TOO_OLD with both versions.
absl::Status CheckServerVersion(int version);

// The search path of every session, for code that changes it for a moment.
inline constexpr char kSearchPath[] = "pg_catalog, pg_temp";

// What a session runs on.
enum class SessionKind {
  kPostgres,
  kCitusData,     // Citus, for COPY
  kCitusControl,  // Citus, for everything else
};

// Returns the statements that a new connection runs first, in one round trip: the settings, and as
// the last one a query that returns one row about the session, which has the column
// transaction_timeout_ms (0 or NULL: no limit). They are used instead of the startup parameter
// `options`, because poolers such as PgBouncer refuse that parameter.
std::string OpenSessionSql(SessionKind kind);

// Returns OK if the session, as the row of OpenSessionSql describes it, can be used. Errors:
// FAILED_PRECONDITION DB_REPLICATION_ROLE if triggers and foreign keys do not work in it;
// FAILED_PRECONDITION WRONG_NODE if it is on a node of a Citus cluster that is not the coordinator:
// tables that are not distributed, and advisory locks, are different ones on each node, and so
// would be the ledger.
absl::Status CheckSession(const Result& state);

}  // namespace syncline::postgres
