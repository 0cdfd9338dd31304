#include "server/postgres/connection/database.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/interruption.h"
#include "base/monotonic_time.h"
#include "base/mutex.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/cancel_gate.h"
#include "server/postgres/connection/conninfo.h"
#include "server/postgres/connection/control_session.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/connection/visible_commit.h"

namespace syncline::postgres {
namespace {

constexpr int kConflictRetries = 3;
constexpr absl::Duration kMaxPoolWait = absl::Seconds(30);
// Most COMMITs are confirmed within this time. After it, another session looks whether the
// transaction is visible, and again after pauses that double up to the second time.
constexpr absl::Duration kCommitPatience = absl::Milliseconds(2);
constexpr absl::Duration kMaxCommitPatience = absl::Milliseconds(100);
// If none is idle, it is opened after this time. If that fails, the next one is not opened for a
// while.
constexpr absl::Duration kOpenPatience = absl::Milliseconds(6);
constexpr absl::Duration kOpenPause = absl::Minutes(1);
// How often a caller who waits for a session looks whether one has received its reply.
constexpr absl::Duration kReplyCheck = absl::Milliseconds(10);

// Returns the statements that begin a transaction. `lock_timeout` is that of the database.
std::string BeginSql(const TransactOptions& options, absl::Duration lock_timeout) {
  std::string sql = "BEGIN ISOLATION LEVEL READ COMMITTED";
  if (options.lock_timeout > absl::ZeroDuration()) {
    absl::StrAppend(&sql, "; ", SetLockTimeoutSql(options.lock_timeout));
  } else if (lock_timeout > absl::ZeroDuration()) {
    absl::StrAppend(&sql, "; ", SetDefaultLockTimeoutSql(lock_timeout));
  }
  if (options.statement_timeout > absl::ZeroDuration()) {
    absl::StrAppend(&sql, "; SET LOCAL statement_timeout = ",
                    std::max<int64_t>(1, absl::ToInt64Milliseconds(options.statement_timeout)));
  }
  if (!options.durable) {
    absl::StrAppend(&sql, "; SET LOCAL synchronous_commit = off");
  } else if (!options.wait_for_standby) {
    absl::StrAppend(&sql, "; SET LOCAL synchronous_commit = local");
  }
  if (!options.wait_for_unlinking) absl::StrAppend(&sql, "; ", kTransactionSql);
  return sql;
}

// A transaction that the calling thread's interruption cancels, if it has one.
class SessionTransaction : public Transaction {
 public:
  SessionTransaction(const std::shared_ptr<ControlSession>& session, Canceller* canceller)
      : session_(session),
        gate_(std::make_shared<CancelGate>()),
        on_interruption_(Interruption::Current(), [canceller, session, gate = gate_] {
          canceller->Add([session, gate] {
            if (!gate->Request()) return false;
            session->Cancel();
            return true;
          });
        }) {}

  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params) override {
    return Run([&] { return session_->Run(std::string(sql), params); });
  }

  absl::Status Execute(absl::string_view sql) override {
    return Run([&] { return session_->Run(std::string(sql)); }).status();
  }

  bool on_citus() const override { return session_->citus(); }

  // Returns the error that aborted the transaction, or OK if it can commit, also after a ROLLBACK
  // TO SAVEPOINT. A COMMIT of an aborted transaction would roll back and report success.
  const absl::Status& aborted_by() const { return aborted_by_; }

  // Ends the influence of the interruption. Returns false if it has cancelled the transaction: the
  // session must be closed.
  bool Close() { return gate_->Close(); }

 private:
  template <typename Statement>
  absl::StatusOr<Result> Run(Statement statement) {
    absl::StatusOr<Result> result = RunUnlessInterrupted(statement);
    if (result.ok() || aborted_by_.ok()) aborted_by_ = result.status();
    return result;
  }

  template <typename Statement>
  absl::StatusOr<Result> RunUnlessInterrupted(Statement statement) {
    SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
    if (!gate_->BeginStatement()) return Interruption::Check();
    absl::StatusOr<Result> result = statement();
    gate_->EndStatement();
    // If another session has cancelled the statement, too, that makes no difference.
    const bool cancelled = GetSqlState(result.status()) == "57014" && gate_->cancelled();
    return cancelled ? Interruption::Check() : std::move(result);
  }

  const std::shared_ptr<ControlSession> session_;
  const std::shared_ptr<CancelGate> gate_;
  const Interruption::Callback on_interruption_;
  absl::Status aborted_by_;
};

class PooledDatabase : public Database {
 public:
  explicit PooledDatabase(DatabaseOptions options)
      : options_(std::move(options)),
        own_canceller_(options_.canceller == nullptr ? std::make_unique<Canceller>() : nullptr),
        canceller_(own_canceller_ == nullptr ? options_.canceller : own_canceller_.get()) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                        const TransactOptions& options) override {
    Backoff backoff(absl::Milliseconds(20), absl::Milliseconds(500));
    absl::Status status = TransactOnce(body, options);
    for (int retry = 0; retry < kConflictRetries; ++retry) {
      if (!options.retry_conflicts || !IsConflict(status)) break;
      if (!Interruption::Sleep(backoff.Next())) return Interruption::Check();
      status = TransactOnce(body, options);
    }
    return status;
  }

  absl::Status ExecuteAlone(absl::string_view sql) override {
    SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
    SYNCLINE_ASSIGN_OR_RETURN(Lease lease, Acquire("SELECT 1"));
    SessionTransaction session(lease.get(), canceller_);
    const absl::Status status = session.Execute(sql);
    if (session.Close()) return status;
    lease.Reset(nullptr);
    return Interruption::Check();
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
    Lease(PooledDatabase* pool, std::shared_ptr<ControlSession> session)
        : pool_(pool), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), session_(std::move(other.session_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->ReturnSession(std::move(session_));
    }

    const std::shared_ptr<ControlSession>& get() const { return session_; }
    ControlSession* operator->() const { return session_.get(); }
    void Reset(std::shared_ptr<ControlSession> session) { session_ = std::move(session); }

   private:
    PooledDatabase* pool_;
    std::shared_ptr<ControlSession> session_;
  };

  // Reserves a slot in the pool, with a session if one is idle.
  absl::StatusOr<Lease> Reserve() {
    const absl::Duration deadline = MonotonicNow() + kMaxPoolWait;
    const Interruption::Callback wake(Interruption::Current(), [this] { WakeAll(); });
    MutexLock lock(&mutex_);
    while (true) {
      std::optional<Lease> lease = TakeLocked();
      if (lease.has_value()) return *std::move(lease);
      SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
      const absl::Duration left = deadline - MonotonicNow();
      if (left <= absl::ZeroDuration()) {
        return MakeError(absl::StatusCode::kResourceExhausted,
                         "all control connections to the database are busy",
                         {.reason = reason::kDbPoolExhausted, .retry_after = absl::Seconds(1)});
      }
      // Nothing announces that the reply which an idle session owes has arrived.
      freed_.WaitFor(&mutex_, idle_.empty() ? left : std::min(left, kReplyCheck));
    }
  }

  // The same without waiting. Returns nullopt if no slot is free.
  std::optional<Lease> TryReserve() {
    MutexLock lock(&mutex_);
    return TakeLocked();
  }

  std::optional<Lease> TakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [](const auto& session) {
      return !session->owes_reply() || session->WaitForReply({});
    });
    if (found != idle_.rend()) {
      Lease lease(this, std::move(*found));
      idle_.erase(std::next(found).base());
      return lease;
    }
    if (open_ >= options_.max_connections) return std::nullopt;
    ++open_;
    return Lease(this, nullptr);
  }

  void WakeAll() {
    // With the lock, a thread that has just looked is waiting already.
    MutexLock lock(&mutex_);
    freed_.NotifyAll();
  }

  // Returns a session on which `first_sql` has succeeded, and its rows in `first` unless it is
  // null.
  absl::StatusOr<Lease> Acquire(const std::string& first_sql, Result* first = nullptr) {
    SYNCLINE_ASSIGN_OR_RETURN(Lease lease, Reserve());
    SYNCLINE_ASSIGN_OR_RETURN(Result result, RunFirst(lease, first_sql));
    if (first != nullptr) *first = std::move(result);
    return lease;
  }

  // Runs the first statement of a reserved session. A session that broke while it was idle (the
  // database was restarted) is replaced, because nothing else has run on it yet. After an error the
  // slot has no session.
  absl::StatusOr<Result> RunFirst(Lease& lease, const std::string& first_sql) {
    if (lease.get() != nullptr) {
      // It has arrived, and nothing depends on it: the COMMIT was visible.
      if (lease->owes_reply()) lease->Receive().IgnoreError();
      absl::StatusOr<Result> result = lease->Run(first_sql);
      if (result.ok()) return result;
      const bool broken = lease->broken();
      lease.Reset(nullptr);
      if (!broken) return result;
    }
    SYNCLINE_ASSIGN_OR_RETURN(std::shared_ptr<ControlSession> session,
                              ControlSession::Open(options_));
    lease.Reset(std::move(session));
    absl::StatusOr<Result> result = lease->Run(first_sql);
    if (!result.ok()) lease.Reset(nullptr);
    return result;
  }

  // Commits. Returns early if another session sees the transaction; the reply to the COMMIT is then
  // outstanding.
  absl::Status CommitUntilVisible(Lease& lease, const RowView& transaction) {
    SYNCLINE_RETURN_IF_ERROR(lease->BeginCommit());
    const absl::Duration begun = MonotonicNow();
    const std::string sql = IsVisibleSql(transaction);
    absl::Duration patience = kCommitPatience;
    for (; !lease->WaitForReply(patience); patience = std::min(2 * patience, kMaxCommitPatience)) {
      std::optional<Lease> observer = TryReserve();
      if (!observer.has_value() || (observer->get() == nullptr && !MayOpenObserver(begun)))
        continue;
      if (!Ask(*observer, sql).ok()) break;
      while (!(*observer)->WaitForReply(kCommitPatience)) {
        if (lease->WaitForReply({})) return lease->EndCommit();
      }
      const absl::StatusOr<Result> visible = (*observer)->Receive();
      if (!visible.ok()) break;
      // The reply says more, if it has arrived.
      if (visible->Bool(0, 0) && !lease->WaitForReply({})) return absl::OkStatus();
    }
    return lease->EndCommit();
  }

  // Whether a session may be opened to look at a COMMIT that was sent at `begun`.
  bool MayOpenObserver(absl::Duration begun) {
    const absl::Duration now = MonotonicNow();
    MutexLock lock(&mutex_);
    return now - begun >= kOpenPatience && now >= observers_from_;
  }

  // Sends a statement on a reserved session, which is opened if there is none.
  absl::Status Ask(Lease& lease, const std::string& sql) {
    if (lease.get() != nullptr) {
      if (lease->owes_reply()) lease->Receive().IgnoreError();
      return lease->Send(sql);
    }
    absl::StatusOr<std::shared_ptr<ControlSession>> session = ControlSession::Open(options_);
    if (!session.ok()) {
      MutexLock lock(&mutex_);
      observers_from_ = MonotonicNow() + kOpenPause;
      return session.status();
    }
    lease.Reset(*std::move(session));
    return lease->Send(sql);
  }

  void ReturnSession(std::shared_ptr<ControlSession> session) {
    if (session != nullptr && session->broken()) session.reset();
    MutexLock lock(&mutex_);
    if (session == nullptr) {
      --open_;
    } else if (session->owes_reply()) {
      // At the end that is used last.
      idle_.insert(idle_.begin(), std::move(session));
    } else {
      idle_.push_back(std::move(session));
    }
    freed_.NotifyOne();
  }

  absl::Status TransactOnce(absl::FunctionRef<absl::Status(Transaction&)> body,
                            const TransactOptions& options) {
    SYNCLINE_RETURN_IF_ERROR(Interruption::Check());
    Result begun;
    SYNCLINE_ASSIGN_OR_RETURN(Lease lease,
                              Acquire(BeginSql(options, options_.lock_timeout), &begun));
    absl::Status status;
    {
      SessionTransaction transaction(lease.get(), canceller_);
      status = body(transaction);
      if (status.ok()) status = transaction.aborted_by();
      if (!transaction.Close()) {
        lease.Reset(nullptr);
        return Interruption::Check();
      }
    }
    if (status.ok()) {
      // A COMMIT is never cancelled: its result must be known.
      const bool until_visible = !options.wait_for_unlinking && !lease->citus();
      status = until_visible ? CommitUntilVisible(lease, begun.Row(0)) : lease->Commit();
      // A refused COMMIT (a deferred constraint) ends the transaction, but the session is closed to
      // be safe.
      if (!status.ok()) lease.Reset(nullptr);
    } else if (!lease->Run("ROLLBACK").ok()) {
      lease.Reset(nullptr);
    }
    return status;
  }

  const DatabaseOptions options_;
  mutable Mutex mutex_;
  CondVar freed_;
  std::vector<std::shared_ptr<ControlSession>> idle_ ABSL_GUARDED_BY(mutex_);
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;               // idle sessions and leased slots
  absl::Duration observers_from_ ABSL_GUARDED_BY(mutex_);  // when one may be opened again
  const std::unique_ptr<Canceller> own_canceller_;
  Canceller* const canceller_;
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
