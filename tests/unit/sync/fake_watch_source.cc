#include "tests/unit/sync/fake_watch_source.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/monotonic_time.h"

namespace syncline::testing {

int64_t FakeWatchSource::AddSync(const std::string& sync_id, const std::string& owner) {
  MutexLock lock(&mutex_);
  Sync sync;
  sync.entry.sync_no = static_cast<int64_t>(syncs_.size()) + 1;
  sync.entry.sync_id = sync_id;
  sync.entry.owner = owner;
  sync.entry.state = SyncState::kRunning;
  sync.entry.streams.resize(1);
  sync.entry.streams[0].plan.stream_no = 1;
  sync.entry.streams[0].plan.descriptor = {"", sync_id};
  const int64_t sync_no = sync.entry.sync_no;
  syncs_[sync_no] = std::move(sync);
  return sync_no;
}

void FakeWatchSource::AddCheckpoint(int64_t sync_no, int64_t bytes, bool numbered) {
  MutexLock lock(&mutex_);
  Sync& sync = syncs_.at(sync_no);
  CommittedCheckpoint checkpoint;
  checkpoint.sequence = static_cast<int64_t>(sync.checkpoints.size()) + 1;
  checkpoint.stream_no = 1;
  checkpoint.state = std::string(static_cast<size_t>(bytes), 'x');
  sync.checkpoints.push_back(std::move(checkpoint));
  if (numbered) sync.numbered = static_cast<int64_t>(sync.checkpoints.size());
}

void FakeWatchSource::Change(int64_t sync_no, absl::FunctionRef<void(SyncEntry*)> change) {
  MutexLock lock(&mutex_);
  change(&syncs_.at(sync_no).entry);
}

void FakeWatchSource::Finish(int64_t sync_no) {
  Change(sync_no, [](SyncEntry* sync) {
    sync->streams[0].state = StreamState::kCompleted;
    sync->state = SyncState::kFinished;
  });
}

void FakeWatchSource::RemoveSync(int64_t sync_no) {
  MutexLock lock(&mutex_);
  syncs_.erase(sync_no);
}

void FakeWatchSource::SetLocked(int64_t sync_no, bool locked) {
  MutexLock lock(&mutex_);
  syncs_.at(sync_no).locked = locked;
}

void FakeWatchSource::Notify(int64_t sync_no) {
  MutexLock lock(&mutex_);
  notified_.push_back(sync_no);
  changed_.NotifyAll();
}

void FakeWatchSource::SetError(const absl::Status& status) {
  MutexLock lock(&mutex_);
  error_ = status;
  woken_ = true;
  changed_.NotifyAll();
}

int64_t FakeWatchSource::page_reads() const {
  MutexLock lock(&mutex_);
  return page_reads_;
}

int64_t FakeWatchSource::summary_reads() const {
  MutexLock lock(&mutex_);
  return summary_reads_;
}

bool FakeWatchSource::closed() const {
  MutexLock lock(&mutex_);
  return closed_;
}

absl::StatusOr<write::Changes> FakeWatchSource::Wait(absl::Duration timeout) {
  const absl::Duration deadline = MonotonicNow() + timeout;
  MutexLock lock(&mutex_);
  write::Changes changes;
  changes.all = std::exchange(closed_, false);
  while (!woken_ && notified_.empty() && !changes.all && error_.ok()) {
    const absl::Duration left = deadline - MonotonicNow();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(&mutex_, left);
  }
  woken_ = false;
  if (!error_.ok()) return error_;
  changes.sync_nos = std::exchange(notified_, {});
  return changes;
}

void FakeWatchSource::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

void FakeWatchSource::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
}

absl::StatusOr<std::vector<SyncIdentity>> FakeWatchSource::FindSyncs(
    const std::vector<std::string>& sync_ids) {
  MutexLock lock(&mutex_);
  if (!error_.ok()) return error_;
  std::vector<SyncIdentity> found;
  for (const auto& [sync_no, sync] : syncs_) {
    for (const std::string& id : sync_ids) {
      if (sync.entry.sync_id == id) found.push_back({sync_no, id, sync.entry.owner});
    }
  }
  return found;
}

absl::StatusOr<std::vector<SyncMark>> FakeWatchSource::ReadMarks(
    const std::vector<int64_t>& sync_nos) {
  MutexLock lock(&mutex_);
  if (!error_.ok()) return error_;
  std::vector<SyncMark> marks;
  for (const int64_t sync_no : sync_nos) {
    const auto sync = syncs_.find(sync_no);
    if (sync == syncs_.end()) continue;
    const SyncEntry& entry = sync->second.entry;
    marks.push_back(
        {sync_no, sync->second.numbered,
         absl::StrCat(static_cast<int>(entry.state), " ", static_cast<int>(entry.streams[0].state)),
         absl::StrCat(entry.streams[0].records_written)});
  }
  return marks;
}

absl::StatusOr<std::vector<SyncEntry>> FakeWatchSource::ReadSummaries(
    const std::vector<int64_t>& sync_nos) {
  MutexLock lock(&mutex_);
  if (!error_.ok()) return error_;
  ++summary_reads_;
  std::vector<SyncEntry> entries;
  for (const int64_t sync_no : sync_nos) entries.push_back(syncs_.at(sync_no).entry);
  return entries;
}

absl::StatusOr<postgres::CheckpointNumbering> FakeWatchSource::NumberCheckpoints(
    const std::vector<int64_t>& sync_nos) {
  MutexLock lock(&mutex_);
  if (!error_.ok()) return error_;
  postgres::CheckpointNumbering numbering;
  for (const int64_t sync_no : sync_nos) {
    Sync& sync = syncs_.at(sync_no);
    const int64_t count = static_cast<int64_t>(sync.checkpoints.size());
    if (sync.numbered == count) continue;
    (sync.locked ? numbering.locked : numbering.numbered).push_back(sync_no);
    if (!sync.locked) sync.numbered = count;
  }
  return numbering;
}

absl::StatusOr<CheckpointPage> FakeWatchSource::ReadCheckpoints(const CheckpointQuery& query) {
  MutexLock lock(&mutex_);
  if (!error_.ok()) return error_;
  ++page_reads_;
  const Sync& sync = syncs_.at(query.sync_no);
  CheckpointPage page;
  for (int64_t n = query.after_sequence; n < sync.numbered; ++n) {
    CommittedCheckpoint checkpoint = sync.checkpoints[static_cast<size_t>(n)];
    if (!query.with_state) checkpoint.state.clear();
    const int64_t bytes = 100 + static_cast<int64_t>(checkpoint.state.size());
    const bool must = page.checkpoints.empty() && query.at_least_one;
    if (page.bytes + bytes > query.max_bytes && !must) {
      page.more = true;
      break;
    }
    page.bytes += bytes;
    page.checkpoints.push_back(std::move(checkpoint));
  }
  return page;
}

std::string EncodeAsText(sync::SyncEvent event) {
  if (auto* const checkpoint = std::get_if<sync::CheckpointEvent>(&event)) {
    return absl::StrCat("c", checkpoint->checkpoint.sequence, " ", checkpoint->checkpoint.state);
  }
  if (std::holds_alternative<sync::ProgressEvent>(event)) return "progress";
  if (auto* const finished = std::get_if<sync::StreamFinishedEvent>(&event)) {
    return absl::StrCat("stream-", finished->descriptor.name);
  }
  return "end";
}

void RecordingCall::Send(std::vector<sync::EncodedEvent> events) {
  {
    MutexLock lock(&mutex_);
    for (const sync::EncodedEvent& event : events) {
      const absl::string_view text = *event;
      absl::StrAppend(&received_, received_.empty() ? "" : " ", text.substr(0, text.find(' ')));
    }
    if (!taking_) sending_ = std::move(events);
  }
  if (taking_) {
    events.clear();
    reader_->Taken(id_);
  }
}

void RecordingCall::End(const absl::Status& status) {
  MutexLock lock(&mutex_);
  ended_ = true;
  end_ = status;
}

void RecordingCall::Abort() {
  {
    MutexLock lock(&mutex_);
    aborted_ = true;
    sending_.clear();
  }
  reader_->Close(id_);
}

void RecordingCall::Take() {
  {
    MutexLock lock(&mutex_);
    sending_.clear();
  }
  reader_->Taken(id_);
}

std::string RecordingCall::received() const {
  MutexLock lock(&mutex_);
  return received_;
}

bool RecordingCall::ended() const {
  MutexLock lock(&mutex_);
  return ended_;
}

absl::Status RecordingCall::end() const {
  MutexLock lock(&mutex_);
  return end_;
}

bool RecordingCall::aborted() const {
  MutexLock lock(&mutex_);
  return aborted_;
}

}  // namespace syncline::testing
