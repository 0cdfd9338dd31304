#include "bench/runner/readers.h"

#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace syncline::bench {

absl::StatusOr<std::unique_ptr<Readers>> Readers::Start(const std::string& dsn, int count,
                                                        const std::string& sql,
                                                        absl::Duration pause) {
  std::unique_ptr<Readers> readers(new Readers());
  for (int i = 0; i < count; ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Connect(dsn));
    readers->databases_.push_back(std::move(database));
  }
  for (const std::unique_ptr<Database>& database : readers->databases_) {
    readers->threads_.push_back(
        std::make_unique<Thread>("reader", [self = readers.get(), connection = database.get(), sql,
                                            pause] { self->Run(*connection, sql, pause); }));
  }
  return readers;
}

Readers::~Readers() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  threads_.clear();
}

void Readers::Run(Database& database, const std::string& sql, absl::Duration pause) {
  while (true) {
    const absl::Time began = absl::Now();
    const absl::Status status = database.Value(sql).status();
    const absl::Time ended = absl::Now();
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      reads_.push_back({.began = began, .ended = ended});
      if (!status.ok()) {
        failure_ = status;
        return;
      }
    }
    absl::SleepFor(pause);
  }
}

absl::StatusOr<std::vector<Read>> Readers::Reads() {
  MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  return reads_;
}

}  // namespace syncline::bench
