#include "server/postgres/connection/destination.h"

#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/bare_session.h"
#include "server/postgres/connection/engine_check.h"
#include "server/postgres/connection/pooler_check.h"
#include "server/postgres/connection/session_settings.h"

namespace syncline::postgres {
namespace {

absl::Status CheckEncoding(const std::string& encoding) {
  if (encoding != "SQL_ASCII") return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      "the encoding of the database is SQL_ASCII: PostgreSQL neither checks nor "
      "converts its text, so that programs read different characters from the same "
      "bytes; load into a database with another encoding (CREATE DATABASE ... ENCODING "
      "'UTF8' TEMPLATE template0)",
      {.reason = reason::kDbEncoding});
}

}  // namespace

absl::Status Destination::Check(const std::string& complete_conninfo, absl::Duration timeout) {
  if (checked_) return absl::OkStatus();
  {
    MutexLock lock(&mutex_);
    if (asking_) {
      const int64_t before = answers_;
      while (answers_ == before) asked_.Wait(&mutex_);
      return last_;
    }
    asking_ = true;
  }
  const absl::Status status = Ask(complete_conninfo, timeout);
  MutexLock lock(&mutex_);
  asking_ = false;
  ++answers_;
  last_ = status;
  asked_.NotifyAll();
  return status;
}

absl::Status Destination::Ask(const std::string& complete_conninfo, absl::Duration timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(BareSession first, BareSession::Open(complete_conninfo, timeout));
  const absl::StatusOr<Engine> engine = IdentifyEngine(first, timeout);
  // Another engine is named, whatever version of PostgreSQL it reports.
  if (GetReason(engine.status()) == reason::kDbEngine) return engine.status();
  SYNCLINE_RETURN_IF_ERROR(CheckServerVersion(first.server_version()));
  SYNCLINE_RETURN_IF_ERROR(engine.status());
  SYNCLINE_RETURN_IF_ERROR(CheckEncoding(first.server_encoding()));
  SYNCLINE_ASSIGN_OR_RETURN(BareSession second, BareSession::Open(complete_conninfo, timeout));
  SYNCLINE_RETURN_IF_ERROR(CheckPooler(first, second, timeout));
  SYNCLINE_RETURN_IF_ERROR(CheckAdvisoryLocks(first, second, timeout));
  limited_ = first.server_encoding() != "UTF8";
  citus_ = *engine == Engine::kCitus;
  checked_ = true;
  return absl::OkStatus();
}

}  // namespace syncline::postgres
