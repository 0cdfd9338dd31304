#include "server/postgres/connection/database.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <pqxx/pqxx>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/conninfo.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/pqxx_dialect.h"
#include "server/postgres/connection/sqlstate.h"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6.4 queries the encoding before it owns a result, and throws if the connection is gone:
// about 2 KiB leak per connection that breaks during a statement. The leak checker must report only
// our own leaks.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx"; }
#endif

namespace syncline::postgres {
namespace {

constexpr int kConflictRetries = 3;
constexpr absl::Duration kMaxPoolWait = absl::Seconds(30);

// Returns the message without its severity. libpqxx provides one string: "ERROR:  the primary
// message", followed by at most " at character 12", because the connection is terse.
std::string PrimaryMessage(absl::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t severity = text.find(":  ");
  return std::string(severity == absl::string_view::npos ? text : text.substr(severity + 3));
}

// A libpqxx connection. It throws no exceptions. For use by one thread at a time.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Open(const DatabaseOptions& options) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string conninfo,
                              CompleteConninfo(options.conninfo, options.connect_timeout));
    const absl::Time deadline = absl::Now() + options.connect_timeout;
    std::unique_ptr<Session> session;
    try {
      session.reset(new Session(conninfo));
    } catch (const std::exception& error) {
      return ConnectError(conninfo, error.what(), deadline - absl::Now());
    }
    if (options.sockets != nullptr) {
      session->socket_ = options.sockets->Add(session->connection_.sock());
    }
    SYNCLINE_RETURN_IF_ERROR(session->Run(kSessionSettings).status());
    return session;
  }

  // Runs one or more statements and returns the rows of the last one.
  absl::StatusOr<Result> Run(const std::string& sql) {
    return Guarded([&] { return work_.exec(sql); });
  }

  absl::StatusOr<Result> Run(const std::string& sql, const Params& params) {
    return Guarded([&] { return ExecuteWith(work_, sql, params.values()); });
  }

  bool broken() const { return lost_ || !connection_.is_open(); }

 private:
  explicit Session(const std::string& conninfo)
      : connection_(conninfo), silence_(connection_), work_(connection_) {
    // DETAIL and CONTEXT may contain values of records.
    SetTerseErrors(connection_);
  }

  template <typename F>
  absl::StatusOr<Result> Guarded(F&& run) {
    // libpqxx would reconnect silently, even in the middle of a transaction.
    if (broken()) return DatabaseUnreachable("the connection to the database was lost");
    try {
      return Copied(std::forward<F>(run)());
    } catch (const pqxx::too_many_connections& error) {
      return StatusFromSqlState("53300", PrimaryMessage(error.what()));
    } catch (const pqxx::broken_connection&) {
      lost_ = true;
    } catch (const pqxx::serialization_failure& error) {
      return StatusFromSqlState("40001", PrimaryMessage(error.what()));
    } catch (const pqxx::deadlock_detected& error) {
      return StatusFromSqlState("40P01", PrimaryMessage(error.what()));
    } catch (const pqxx::statement_completion_unknown& error) {
      return StatusFromSqlState("40003", PrimaryMessage(error.what()));
    } catch (const pqxx::transaction_rollback& error) {
      return StatusFromSqlState("40000", PrimaryMessage(error.what()));
    } catch (const pqxx::insufficient_privilege& error) {
      // libpqxx 6.4.5 throws this exception without an SQLSTATE.
      return StatusFromSqlState("42501", PrimaryMessage(error.what()));
    } catch (const pqxx::sql_error& error) {
      if (!error.sqlstate().empty()) {
        lost_ = EndsSession(error.sqlstate());
        return StatusFromSqlState(error.sqlstate(), PrimaryMessage(error.what()));
      }
    } catch (const std::exception& error) {
      if (!broken()) {
        return MakeError(absl::StatusCode::kInternal, PrimaryMessage(error.what()),
                         {.reason = reason::kDbClient});
      }
    }
    // Only the server reports codes. An error without one means that the server is gone, although
    // the connection may still look open (after a failed write).
    lost_ = true;
    return DatabaseUnreachable("the connection to the database was lost");
  }

  static Result Copied(const pqxx::result& result) {
    std::vector<std::string> names;
    for (pqxx::row_size_type column = 0; column < result.columns(); ++column) {
      names.emplace_back(result.column_name(column));
    }
    std::vector<Result::Values> rows;
    rows.reserve(result.size());
    for (const auto& row : result) {
      Result::Values& target = rows.emplace_back();
      target.reserve(row.size());
      for (const auto& field : row) {
        if (field.is_null()) {
          target.emplace_back(std::nullopt);
        } else {
          target.emplace_back(std::string(field.c_str(), field.size()));
        }
      }
    }
    return Result(std::move(names), std::move(rows), static_cast<int64_t>(result.affected_rows()));
  }

  pqxx::connection connection_;
  std::unique_ptr<OpenSockets::Entry> socket_;  // after the connection: destroyed first
  PqxxNoticeSilencer silence_;
  // BEGIN and COMMIT are sent as statements, so that one round trip begins a transaction with all
  // its settings, and a COMMIT whose reply is lost can be distinguished from a refused one.
  pqxx::nontransaction work_;
  bool lost_ = false;
};

// Returns the statements that begin a transaction.
std::string BeginSql(const TransactOptions& options) {
  std::string sql = "BEGIN ISOLATION LEVEL READ COMMITTED";
  if (options.lock_timeout > absl::ZeroDuration()) {
    absl::StrAppend(&sql, "; ", SetLockTimeoutSql(options.lock_timeout));
  }
  if (options.statement_timeout > absl::ZeroDuration()) {
    absl::StrAppend(&sql, "; SET LOCAL statement_timeout = ",
                    std::max<int64_t>(1, absl::ToInt64Milliseconds(options.statement_timeout)));
  }
  if (!options.durable) absl::StrAppend(&sql, "; SET LOCAL synchronous_commit = off");
  return sql;
}

class SessionTransaction : public Transaction {
 public:
  explicit SessionTransaction(Session* session) : session_(session) {}

  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params) override {
    absl::StatusOr<Result> result = session_->Run(std::string(sql), params);
    RecordError(result.status());
    return result;
  }

  absl::Status Execute(absl::string_view sql) override {
    const absl::Status status = session_->Run(std::string(sql)).status();
    RecordError(status);
    return status;
  }

  // Returns the error that aborted the transaction, or OK if it can commit, also after a ROLLBACK
  // TO SAVEPOINT. A COMMIT of an aborted transaction would roll back and report success.
  const absl::Status& aborted_by() const { return aborted_by_; }

 private:
  void RecordError(const absl::Status& status) {
    if (status.ok() || aborted_by_.ok()) aborted_by_ = status;
  }

  Session* const session_;
  absl::Status aborted_by_;
};

class PooledDatabase : public Database {
 public:
  explicit PooledDatabase(DatabaseOptions options) : options_(std::move(options)) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                        const TransactOptions& options) override {
    Backoff backoff(absl::Milliseconds(20), absl::Milliseconds(500));
    absl::Status status = TransactOnce(body, options);
    for (int retry = 0; retry < kConflictRetries; ++retry) {
      if (!options.retry_conflicts || !IsConflict(status)) break;
      absl::SleepFor(backoff.Next());
      status = TransactOnce(body, options);
    }
    return status;
  }

  absl::Status Ping() override {
    SYNCLINE_ASSIGN_OR_RETURN(const Lease lease, Acquire("SELECT 1"));
    return absl::OkStatus();
  }

  Usage usage() const override {
    MutexLock lock(&mutex_);
    return {.open = open_, .busy = open_ - static_cast<int64_t>(idle_.size())};
  }

 private:
  // A session of the pool, or a slot for one. The destructor returns it.
  class Lease {
   public:
    Lease(PooledDatabase* pool, std::unique_ptr<Session> session)
        : pool_(pool), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), session_(std::move(other.session_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->ReturnSession(std::move(session_));
    }

    Session* get() const { return session_.get(); }
    Session* operator->() const { return session_.get(); }
    void Reset(std::unique_ptr<Session> session) { session_ = std::move(session); }

   private:
    PooledDatabase* pool_;
    std::unique_ptr<Session> session_;
  };

  // Reserves a slot in the pool, with a session if one is idle.
  absl::StatusOr<Lease> Reserve() {
    const absl::Time deadline = absl::Now() + kMaxPoolWait;
    MutexLock lock(&mutex_);
    while (idle_.empty() && open_ >= options_.max_connections) {
      const absl::Duration left = deadline - absl::Now();
      if (left <= absl::ZeroDuration()) {
        return MakeError(absl::StatusCode::kResourceExhausted,
                         "all control connections to the database are busy",
                         {.reason = reason::kDbPoolExhausted, .retry_after = absl::Seconds(1)});
      }
      freed_.WaitFor(&mutex_, left);
    }
    if (idle_.empty()) {
      ++open_;
      return Lease(this, nullptr);
    }
    Lease lease(this, std::move(idle_.back()));
    idle_.pop_back();
    return lease;
  }

  // Returns a session on which `first_sql` has succeeded. A session that broke while it was idle
  // (the database was restarted) is replaced, because nothing else has run on it yet.
  absl::StatusOr<Lease> Acquire(const std::string& first_sql) {
    SYNCLINE_ASSIGN_OR_RETURN(Lease lease, Reserve());
    if (lease.get() != nullptr) {
      const absl::Status status = lease->Run(first_sql).status();
      if (status.ok()) return lease;
      if (!lease->broken()) {
        lease.Reset(nullptr);
        return status;
      }
    }
    lease.Reset(nullptr);
    SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Session::Open(options_));
    lease.Reset(std::move(session));
    const absl::Status status = lease->Run(first_sql).status();
    if (status.ok()) return lease;
    lease.Reset(nullptr);
    return status;
  }

  void ReturnSession(std::unique_ptr<Session> session) {
    if (session != nullptr && session->broken()) session.reset();
    MutexLock lock(&mutex_);
    if (session == nullptr) {
      --open_;
    } else {
      idle_.push_back(std::move(session));
    }
    freed_.NotifyOne();
  }

  absl::Status TransactOnce(absl::FunctionRef<absl::Status(Transaction&)> body,
                            const TransactOptions& options) {
    SYNCLINE_ASSIGN_OR_RETURN(Lease lease, Acquire(BeginSql(options)));
    SessionTransaction transaction(lease.get());
    absl::Status status = body(transaction);
    if (status.ok()) status = transaction.aborted_by();
    if (!status.ok()) {
      if (!lease->Run("ROLLBACK").ok()) lease.Reset(nullptr);
      return status;
    }
    status = lease->Run("COMMIT").status();
    if (status.ok()) return status;
    const bool lost = lease->broken();
    // A refused COMMIT (a deferred constraint) ends the transaction, but the session is closed to
    // be safe.
    lease.Reset(nullptr);
    return lost ? CommitUnknown() : status;
  }

  const DatabaseOptions options_;
  mutable Mutex mutex_;
  CondVar freed_;
  std::vector<std::unique_ptr<Session>> idle_ ABSL_GUARDED_BY(mutex_);
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // idle sessions and leased slots
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Create(DatabaseOptions options) {
  SYNCLINE_RETURN_IF_ERROR(CompleteConninfo(options.conninfo, options.connect_timeout).status());
  if (options.max_connections < 1) {
    return MakeError(absl::StatusCode::kInvalidArgument, "max_connections must be at least 1",
                     {.reason = reason::kDbConninfo});
  }
  return std::make_unique<PooledDatabase>(std::move(options));
}

}  // namespace syncline::postgres
