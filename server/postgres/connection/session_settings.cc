#include "server/postgres/connection/session_settings.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline::postgres {
namespace {

// Returns "15.18" for 150018 and "9.6.24" for 90624.
std::string FormatVersion(int version) {
  if (version >= 100000) return absl::StrCat(version / 10000, ".", version % 10000);
  return absl::StrCat(version / 10000, ".", version / 100 % 100, ".", version % 100);
}

// The search path is set first, so that no other statement of ours looks up names in another one.
constexpr char kSessionSettings[] =
    "SET search_path = pg_catalog, pg_temp;"
    // How names and values are read and printed. The client's encoding is part of the connection
    // string.
    "SET quote_all_identifiers = off; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY';"
    "SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;"
    "SET standard_conforming_strings = on; SET transform_null_equals = off; SET array_nulls = on;"
    "SET xmloption = content; SET client_min_messages = warning;"
    // How transactions and errors behave.
    "SET default_transaction_isolation = 'read committed';"
    "SET default_transaction_deferrable = off; SET exit_on_error = off;"
    // A policy that would hide rows is an error, so that no row is skipped silently.
    "SET row_security = off;"
    // A definition that is created again need not be checked again.
    "SET check_function_bodies = off;"
    // The server's transactions are never idle. An idle one belongs to a frozen process, and it
    // holds ledger rows for which the newer calls of its writers wait.
    "SELECT set_config('idle_in_transaction_session_timeout', '15s', false)"
    " WHERE current_setting('idle_in_transaction_session_timeout') = '0';"
    // A statement ends when its client is gone, or has given it up by closing the connection, so
    // that its locks are released.
    "SELECT set_config('client_connection_check_interval', '1s', false)"
    " WHERE current_setting('client_connection_check_interval', true) = '0';"
    // A transaction of an unreachable client ends within about 30 s, even if the network delivers
    // no end of the connection. Both settings are 0 on a Unix socket. A stricter value that the
    // database administrator has set is kept.
    "SELECT set_config('tcp_keepalives_idle', '15', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false)"
    " WHERE current_setting('tcp_keepalives_idle')::int > 15;"
    "SELECT set_config('tcp_user_timeout', '30s', false)"
    " WHERE current_setting('tcp_user_timeout') = '0';"
    // The administrator's choice between on, remote_write and remote_apply is kept. With the other
    // values, a commit that was reported could be lost.
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_write', 'remote_apply');";

constexpr char kSessionStateSql[] =
    "SELECT current_setting('session_replication_role') AS replication_role,"
    // NULL before PostgreSQL 17.
    " (extract(epoch FROM current_setting('transaction_timeout', true)::interval) * 1000)::bigint"
    " AS transaction_timeout_ms";

// The shards of a table are written over one connection per node instead of one per shard
// (docs/citus.md, "Costs").
constexpr char kCitusSettings[] = "SET citus.multi_shard_modify_mode = 'sequential';";
// A SET LOCAL that is a message of its own, such as that of lock_timeout, applies on all nodes.
constexpr char kCitusControlSettings[] = "SET citus.propagate_set_commands = 'local';";
constexpr char kCitusStateSql[] =
    ", (SELECT g.groupid FROM pg_catalog.pg_dist_local_group g) AS citus_group";
constexpr char kCitusGroup[] = "citus_group";

}  // namespace

absl::Status CheckServerVersion(int version) {
  if (version >= kMinimumServerVersion) return absl::OkStatus();
  const std::string found = FormatVersion(version);
  const std::string required = absl::StrCat(kMinimumServerVersion / 10000);
  ErrorDetail detail;
  detail.reason = reason::kDbTooOld;
  detail.metadata = {{"server_version", found}, {"minimum_version", required}};
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the database is PostgreSQL ", found, "; version ", required,
                                " or newer is required"),
                   detail);
}

std::string OpenSessionSql(SessionKind kind) {
  switch (kind) {
    case SessionKind::kPostgres:
      return absl::StrCat(kSessionSettings, kSessionStateSql);
    case SessionKind::kCitusData:
      return absl::StrCat(kSessionSettings, kCitusSettings, kSessionStateSql, kCitusStateSql);
    case SessionKind::kCitusControl:
      return absl::StrCat(kSessionSettings, kCitusSettings, kCitusControlSettings, kSessionStateSql,
                          kCitusStateSql);
  }
  return "";
}

absl::Status CheckSession(const Result& state) {
  const RowView row = state.Row(0);
  const std::string& role = row.Text("replication_role");
  if (role != "origin") {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("session_replication_role is ", role,
                     " for our role or database, so triggers and foreign keys would not "
                     "see the rows; run ALTER ROLE ... RESET session_replication_role"),
        {.reason = reason::kDbReplicationRole});
  }
  const std::vector<std::string>& columns = state.columns();
  const bool citus = std::find(columns.begin(), columns.end(), kCitusGroup) != columns.end();
  if (!citus || row.Text(kCitusGroup) == "0") return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      "the connection leads to a worker node of a Citus cluster, where the ledger would be another "
      "one than on the coordinator; let the connection string name the coordinator only",
      {.reason = reason::kWrongNode});
}

}  // namespace syncline::postgres
