// What a Connection holds, and how results of libpq are read. Internal to connection/: only for the
// files that implement Connection.
//
// Used by the thread that uses the connection, except `aborted` and `socket`.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/postgres/connection/repertoire.h"

namespace syncline::postgres {

// Formats of libpq's results.
inline constexpr int kTextFormat = 0;
inline constexpr int kBinaryFormat = 1;

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

inline bool Succeeded(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

// Reads the results of what was sent, until the last one or COPY, and returns the last one or the
// first error. PQexec would return the last error: if the server ends the session, its reason is
// followed by an error of libpq's own, which has no SQLSTATE.
inline ResultPtr ReadResult(PGconn* connection) {
  ResultPtr kept;
  while (ResultPtr result{PQgetResult(connection)}) {
    if (kept == nullptr || PQresultStatus(kept.get()) != PGRES_FATAL_ERROR) {
      kept = std::move(result);
    }
    if (PQresultStatus(kept.get()) == PGRES_COPY_IN || PQstatus(connection) != CONNECTION_OK) break;
  }
  return kept;
}

// Sends a prepared statement. `params` may be destroyed afterwards. Returns whether it was sent.
inline bool SendPrepared(PGconn* connection, const std::string& name, const Params& params,
                         int result_format) {
  const size_t count = params.values().size();
  std::vector<const char*> values(count);
  std::vector<int> lengths(count);  // libpq reads those of binary values only
  std::vector<int> formats(count);
  for (size_t i = 0; i < count; ++i) {
    const std::optional<std::string>& value = params.values()[i];
    values[i] = value ? value->c_str() : nullptr;
    lengths[i] = value ? static_cast<int>(value->size()) : 0;
    formats[i] = params.IsBinary(i) ? kBinaryFormat : kTextFormat;
  }
  return PQsendQueryPrepared(connection, name.c_str(), static_cast<int>(count), values.data(),
                             lengths.data(), formats.data(), result_format) == 1;
}

struct Connection::State {
  struct Prepared {
    std::string sql;
    std::string name;
  };

  std::unique_ptr<PGconn, FinishConnection> connection;
  Repertoire* repertoire = nullptr;            // null if every character can be stored
  std::unique_ptr<OpenSockets::Entry> socket;  // after the connection: destroyed first
  std::list<Prepared> prepared;                // most recently used first
  absl::flat_hash_map<std::string, std::list<Prepared>::iterator> by_sql;
  int64_t next_name = 1;
  std::string copied;   // the relation of the latest COPY
  bool notice = false;  // the server has sent one
  bool sent = false;    // by TrySend
  bool broken = false;
  bool citus = false;
  std::atomic<bool> aborted = false;

  PGconn* get() const { return connection.get(); }

  void Forget(absl::string_view sql) {
    const auto found = by_sql.find(sql);
    if (found == by_sql.end()) return;
    prepared.erase(found->second);
    by_sql.erase(found);
  }
  // Forgets the statement if `sqlstate`, with which it failed, is "cached plan must not change
  // result type" or "prepared statement does not exist". It is prepared again the next time.
  void ForgetIfStale(absl::string_view sql, absl::string_view sqlstate) {
    if (sqlstate == "0A000" || sqlstate == "26000") Forget(sql);
  }
};

}  // namespace syncline::postgres
