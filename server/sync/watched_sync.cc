#include "server/sync/watched_sync.h"

#include <algorithm>
#include <iterator>

#include "base/status_macros.h"

namespace syncline::sync {
namespace {

// Maximum bytes of a page. A checkpoint whose state is larger is a page of its own.
constexpr int64_t kPageBytes = int64_t{1} << 20;

// Maximum bytes of a page while the budget is exhausted by watches whose callers do not read.
// Pages of this size do not wait, so that only large states have to.
constexpr int64_t kSmallPageBytes = int64_t{16} << 10;

// Interval between summaries that are read only because counts changed.
constexpr absl::Duration kSummaryInterval = absl::Seconds(1);

EncodedEvent Share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace

bool WatchedSync::TakeMark(const SyncMark& mark, absl::Duration now) {
  mark_ = mark;
  last_sequence_ = std::max(last_sequence_, mark.last_sequence);
  if (snapshot_ == nullptr || mark.states != read_mark_.states) return true;
  return mark.counts != read_mark_.counts && now - snapshot_->read_at >= kSummaryInterval;
}

void WatchedSync::TakeSummary(const SyncEntry& sync, int64_t round, absl::Duration now) {
  auto snapshot = std::make_unique<SyncSnapshot>();
  snapshot->round = round;
  snapshot->read_at = now;
  const bool progressed = NoteProgress(sync);
  if (snapshot_ != nullptr && !progressed) {
    snapshot->progress_no = snapshot_->progress_no;
    snapshot->progress = snapshot_->progress;
  } else {
    snapshot->progress_no = snapshot_ == nullptr ? 1 : snapshot_->progress_no + 1;
    snapshot->progress = Share((*encode_)(ProgressEvent{sync}));
  }
  for (size_t i = 0; i < sync.streams.size(); ++i) {
    const StreamEntry& stream = sync.streams[i];
    descriptors_[stream.plan.stream_no] = stream.plan.descriptor;
    EncodedEvent finished;
    if (snapshot_ != nullptr && i < snapshot_->finished.size()) finished = snapshot_->finished[i];
    if (finished == nullptr && HasEnded(stream.state)) {
      finished = Share((*encode_)(
          StreamFinishedEvent{stream.plan.descriptor, stream.result, stream.plan.generation_id}));
    }
    snapshot->finished.push_back(std::move(finished));
  }
  if (sync.state == SyncState::kFinished || sync.state == SyncState::kCancelled) {
    snapshot->end = Share((*encode_)(SyncFinishedEvent{sync.state}));
  }
  snapshot_ = std::move(snapshot);
  read_mark_ = mark_;
  required_round_ = round;
}

bool WatchedSync::NoteProgress(const SyncEntry& sync) {
  std::vector<int64_t> counts;
  for (const StreamEntry& stream : sync.streams) {
    counts.push_back(static_cast<int64_t>(stream.state));
    counts.push_back(stream.records_written);
    counts.push_back(stream.records_rejected);
    for (const WriterPosition& writer : stream.writers) counts.push_back(writer.durable_offset);
  }
  if (counts == progress_) return false;
  progress_ = std::move(counts);
  return true;
}

absl::StatusOr<std::shared_ptr<const EventPage>> WatchedSync::GetPage(
    const PageKey& key, int64_t round, bool large, const std::shared_ptr<MemoryBudget>& pages,
    write::WatchSource* source) {
  for (auto page = pages_.begin(); page != pages_.end();) {
    page = page->second.expired() ? pages_.erase(page) : std::next(page);
  }
  const auto shared = pages_.find(key);
  if (shared != pages_.end()) {
    if (std::shared_ptr<const EventPage> page = shared->second.lock()) return page;
  }
  CheckpointQuery query;
  query.sync_no = identity_.sync_no;
  query.after_sequence = key.after_sequence;
  query.with_state = key.with_state;
  query.max_bytes = large ? kPageBytes : kSmallPageBytes;
  query.at_least_one = large;
  SYNCLINE_ASSIGN_OR_RETURN(CheckpointPage read, source->ReadCheckpoints(query));
  OmitUnknownStreams(&read);
  if (read.checkpoints.empty() && read.more) return std::shared_ptr<const EventPage>();
  std::shared_ptr<const EventPage> page = MakePage(key, round, pages, std::move(read));
  // Others may be committed after the last page of a sync, so it is not shared with later watches.
  if (page->more) pages_[key] = page;
  return page;
}

void WatchedSync::OmitUnknownStreams(CheckpointPage* read) {
  const auto unknown =
      std::find_if(read->checkpoints.begin(), read->checkpoints.end(),
                   [this](const CommittedCheckpoint& checkpoint) {
                     return descriptors_.find(checkpoint.stream_no) == descriptors_.end();
                   });
  if (unknown == read->checkpoints.end()) return;
  read->checkpoints.erase(unknown, read->checkpoints.end());
  read->more = true;
  read_mark_ = SyncMark();
}

std::shared_ptr<const EventPage> WatchedSync::MakePage(const PageKey& key, int64_t round,
                                                       const std::shared_ptr<MemoryBudget>& pages,
                                                       CheckpointPage read) {
  const auto page = std::make_shared<EventPage>(pages);
  pages->ForceAcquire(read.bytes);
  page->bytes = read.bytes;
  page->last_sequence = key.after_sequence;
  page->more = read.more;
  page->round = round;
  for (CommittedCheckpoint& checkpoint : read.checkpoints) {
    page->last_sequence = checkpoint.sequence;
    const StreamDescriptor& descriptor = descriptors_.at(checkpoint.stream_no);
    page->events.push_back((*encode_)(CheckpointEvent{descriptor, std::move(checkpoint)}));
  }
  last_sequence_ = std::max(last_sequence_, page->last_sequence);
  return page;
}

}  // namespace syncline::sync
