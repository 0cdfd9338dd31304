#include "tests/support/faulty_database.h"

#include "base/error.h"
#include "base/status_macros.h"

namespace syncline::testing {
namespace {

absl::Status Unavailable() {
  return MakeError(absl::StatusCode::kUnavailable, "the database went away",
                   {.reason = "DB_UNREACHABLE"});
}

}  // namespace

class FaultyDatabase::FaultyTransaction : public postgres::Transaction {
 public:
  FaultyTransaction(FaultyDatabase* database, postgres::Transaction* real)
      : database_(database), real_(real) {}

  absl::StatusOr<postgres::Result> Query(absl::string_view sql,
                                         const postgres::Params& params) override {
    if (database_->Strike()) return Unavailable();
    return real_->Query(sql, params);
  }
  absl::Status Execute(absl::string_view sql) override {
    if (database_->Strike()) return Unavailable();
    return real_->Execute(sql);
  }
  bool on_citus() const override { return real_->on_citus(); }

 private:
  FaultyDatabase* const database_;
  postgres::Transaction* const real_;
};

void FaultyDatabase::CrashAt(int64_t event) {
  events_left_ = event;
  crashed_ = false;
}

void FaultyDatabase::Recover() {
  events_left_ = 0;
  crashed_ = false;
}

bool FaultyDatabase::Strike() {
  if (events_left_ > 0 && --events_left_ == 0) crashed_ = true;
  return crashed_;
}

absl::Status FaultyDatabase::Transact(absl::FunctionRef<absl::Status(postgres::Transaction&)> body,
                                      const postgres::TransactOptions& options) {
  if (crashed_) return Unavailable();
  postgres::TransactOptions hasty = options;
  hasty.durable = false;
  const absl::Status status = real_->Transact(
      [&](postgres::Transaction& transaction) -> absl::Status {
        FaultyTransaction faulty(this, &transaction);
        SYNCLINE_RETURN_IF_ERROR(body(faulty));
        return Strike() ? Unavailable() : absl::OkStatus();
      },
      hasty);
  if (crashed_ || !status.ok()) return crashed_ ? Unavailable() : status;
  if (!Strike()) return status;
  return MakeError(absl::StatusCode::kUnavailable, "the database went away during COMMIT",
                   {.reason = "COMMIT_UNKNOWN"});
}

absl::Status FaultyDatabase::ExecuteAlone(absl::string_view sql) {
  return Strike() ? Unavailable() : real_->ExecuteAlone(sql);
}

absl::Status FaultyDatabase::Ping() { return crashed_ ? Unavailable() : real_->Ping(); }

}  // namespace syncline::testing
