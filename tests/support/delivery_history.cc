#include "tests/support/delivery_history.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace syncline::testing {

void DeliveryHistory::Sent(int64_t end) {
  MutexLock lock(&mutex_);
  sent_ = std::max(sent_, end);
}

void DeliveryHistory::SentCheckpoint(int64_t offset) {
  MutexLock lock(&mutex_);
  checkpoints_sent_.insert(offset);
}

void DeliveryHistory::Acknowledged(int64_t durable_offset, int64_t at_least) {
  MutexLock lock(&mutex_);
  if (durable_offset < at_least) {
    faults_.push_back(absl::StrCat("durable offset ", durable_offset, " after ", at_least,
                                   " had been acknowledged"));
  }
  if (durable_offset > sent_) {
    faults_.push_back(absl::StrCat("durable offset ", durable_offset, " of ", sent_, " sent"));
  }
  acknowledged_ = std::max(acknowledged_, durable_offset);
}

void DeliveryHistory::AcknowledgedCheckpoints(const std::vector<int64_t>& offsets) {
  MutexLock lock(&mutex_);
  checkpoints_acknowledged_.insert(offsets.begin(), offsets.end());
}

void DeliveryHistory::Announced(const v1::CheckpointCommitted& checkpoint) {
  MutexLock lock(&mutex_);
  int64_t offset = 0;
  const std::string& id = checkpoint.checkpoint_id();
  if (id.size() < 4 || !absl::SimpleAtoi(id.substr(3), &offset) ||
      checkpoints_sent_.count(offset) == 0) {
    faults_.push_back(absl::StrCat("checkpoint \"", id, "\" was announced but never sent"));
  }
  announced_.push_back(offset);
}

void DeliveryHistory::Completed(const v1::CompleteStreamResponse& response) {
  MutexLock lock(&mutex_);
  completed_ = true;
  const bool replaced = response.outcome() == v1::OUTCOME_SWAPPED ||
                        response.outcome() == v1::OUTCOME_REPLACED_IN_PLACE;
  const bool merged = response.outcome() == v1::OUTCOME_MERGED;
  if (replaced != stream_.replaces() || merged != (stream_.mode == DeliveryMode::kDedup)) {
    faults_.push_back(absl::StrCat("outcome ", v1::Outcome_Name(response.outcome())));
  }
}

void DeliveryHistory::Fault(absl::string_view what) {
  MutexLock lock(&mutex_);
  faults_.emplace_back(what);
}

int64_t DeliveryHistory::acknowledged() const {
  MutexLock lock(&mutex_);
  return acknowledged_;
}

bool DeliveryHistory::completed() const {
  MutexLock lock(&mutex_);
  return completed_;
}

std::vector<std::string> DeliveryHistory::faults() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> named;
  for (const std::string& fault : faults_) {
    named.push_back(absl::StrCat(stream_.sync_id, ": ", fault));
  }
  return named;
}

int64_t DeliveryHistory::Ask(postgres::Connection& connection, absl::string_view sql) {
  const absl::StatusOr<postgres::Result> result = connection.Query(sql, {});
  if (result.ok() && result->size() == 1) return result->Int(0, 0);
  Fault(absl::StrCat("cannot query the database: ", result.status().ToString(), " ", sql));
  return -1;
}

void DeliveryHistory::Expect(postgres::Connection& connection, int64_t expected,
                             absl::string_view what, absl::string_view sql) {
  const int64_t found = Ask(connection, sql);
  if (found != expected) Fault(absl::StrCat(what, ": ", found, " instead of ", expected));
}

void DeliveryHistory::CheckSoFar(postgres::Connection& connection, absl::string_view ledger) {
  const int64_t promised = acknowledged();
  const int64_t durable =
      Ask(connection,
          absl::StrCat("SELECT coalesce(max(w.durable_offset), 0) FROM ", ledger, ".writer w JOIN ",
                       ledger, ".stream t USING (stream_no) JOIN ", ledger,
                       ".sync s USING (sync_no) WHERE s.sync_id = '", stream_.sync_id, "'"));
  if (durable < promised) {
    Fault(absl::StrCat("the ledger has ", durable, " durable records, ", promised,
                       " were acknowledged"));
  }
  if (stream_.mode != DeliveryMode::kAppend || promised == 0) return;
  Expect(connection, 0, "acknowledged records that are not in the table exactly once as sent",
         absl::StrCat("SELECT count(*) FROM ((", stream_.ExpectedRowsSql(promised),
                      ") EXCEPT ALL SELECT id, version, name FROM ", stream_.Table(), ") AS d"));
  Expect(connection, 0, "records that are in the table twice",
         absl::StrCat("SELECT count(*) - count(DISTINCT id) FROM ", stream_.Table()));
}

void DeliveryHistory::CheckEnd(postgres::Connection& connection, absl::string_view ledger) {
  if (!completed()) Fault("was not completed");
  const std::string rows = absl::StrCat("SELECT id, version, name FROM ", stream_.Table());
  Expect(connection, 0, "records that are not in the table",
         absl::StrCat("SELECT count(*) FROM ((", stream_.ExpectedRowsSql(), ") EXCEPT ALL (", rows,
                      ")) AS d"));
  Expect(connection, 0, "rows that were not sent or are stored twice",
         absl::StrCat("SELECT count(*) FROM ((", rows, ") EXCEPT ALL (", stream_.ExpectedRowsSql(),
                      ")) AS d"));
  const std::string from_writer =
      absl::StrCat(" FROM ", ledger, ".writer w JOIN ", ledger, ".stream t USING (stream_no) JOIN ",
                   ledger, ".sync s USING (sync_no) WHERE s.sync_id = '", stream_.sync_id, "'");
  Expect(connection, stream_.records, "durable offset in the ledger",
         absl::StrCat("SELECT coalesce(sum(w.durable_offset), 0)", from_writer));
  Expect(connection, stream_.records, "rows written, by the ledger",
         absl::StrCat("SELECT coalesce(sum(w.rows_written), 0)::bigint", from_writer));
  Expect(connection, 1, "finished syncs of this id",
         absl::StrCat("SELECT count(*) FROM ", ledger, ".sync WHERE sync_id = '", stream_.sync_id,
                      "' AND state = 'finished'"));
}

void DeliveryHistory::CheckAnnounced() {
  MutexLock lock(&mutex_);
  // A checkpoint of a failed call may be stored before one that covers fewer records: the caller
  // cannot know how far that call got, and starts the next one from the last acknowledged offset.
  std::vector<int64_t> in_order;
  for (const int64_t offset : announced_) {
    const bool of_good_call = checkpoints_acknowledged_.count(offset) > 0;
    if (of_good_call && checkpoints_sent_.count(offset) == 1) in_order.push_back(offset);
  }
  if (!std::is_sorted(in_order.begin(), in_order.end())) {
    faults_.emplace_back("checkpoints were announced out of order");
  }
  for (const int64_t offset : checkpoints_acknowledged_) {
    const auto times = std::count(announced_.begin(), announced_.end(), offset);
    if (times == 1) continue;
    faults_.push_back(absl::StrCat("the checkpoint at ", offset, " was announced ", times,
                                   " times by one watch"));
  }
}

std::vector<std::string> FindOrphans(postgres::Connection& connection, absl::string_view ledger,
                                     absl::Duration patience) {
  const std::string sql = absl::StrCat(
      "SELECT 'staging table ' || c.relname FROM pg_class c JOIN ", ledger,
      ".stream t ON c.relname = t.temp_table_name JOIN ", ledger,
      ".sync s USING (sync_no) WHERE s.state = 'finished' UNION ALL "
      "SELECT 'transaction of ' || application_name || ': ' || query FROM pg_stat_activity "
      "WHERE datname = current_database() AND state LIKE 'idle in transaction%' UNION ALL "
      "SELECT 'advisory lock of pid ' || pid FROM pg_locks WHERE locktype = 'advisory' AND "
      "database "
      "= (SELECT oid FROM pg_database WHERE datname = current_database()) UNION ALL "
      "SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts");
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    const absl::StatusOr<postgres::Result> found = connection.Query(sql, {});
    if (!found.ok()) return {found.status().ToString()};
    if (found->size() == 0) return {};
    std::vector<std::string> orphans;
    for (size_t row = 0; row < found->size(); ++row) orphans.push_back(found->Text(row, 0));
    if (absl::Now() > deadline) return orphans;
    absl::SleepFor(absl::Milliseconds(100));
  }
}

}  // namespace syncline::testing
