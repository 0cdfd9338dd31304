#include "server/sync/sync_watch.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace syncline::sync {
namespace {

// Maximum checkpoints per read, because their states may be large.
constexpr int kPage = 100;

// How often progress is checked; commits without checkpoints send no notification.
constexpr absl::Duration kProgressInterval = absl::Seconds(1);

}  // namespace

SyncWatch::SyncWatch(write::StreamStateStore* store, std::string sync_id, int64_t after_sequence)
    : store_(store), sync_id_(std::move(sync_id)), sequence_(after_sequence) {}

absl::StatusOr<std::unique_ptr<SyncWatch>> SyncWatch::Create(write::StreamStateStore* store,
                                                             absl::string_view sync_id,
                                                             int64_t after_sequence) {
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, store->GetSync(sync_id));
  std::unique_ptr<SyncWatch> watch(new SyncWatch(store, std::string(sync_id), after_sequence));
  // Listening starts before the first read, so that no change is missed between them.
  SYNCLINE_ASSIGN_OR_RETURN(watch->changes_, store->Listen(sync.sync_no));
  return watch;
}

absl::StatusOr<std::vector<SyncEvent>> SyncWatch::Next(absl::Duration timeout) {
  std::vector<SyncEvent> events;
  const bool first = progress_at_ == absl::InfinitePast();
  if (!first) {
    const absl::Duration until_progress = progress_at_ + kProgressInterval - absl::Now();
    const absl::Duration wait =
        std::clamp(until_progress, absl::ZeroDuration(), std::max(timeout, absl::ZeroDuration()));
    SYNCLINE_ASSIGN_OR_RETURN(const bool changed, changes_->Wait(wait));
    if (!changed && wait < until_progress) return events;
  }
  SYNCLINE_RETURN_IF_ERROR(Read(&events));
  return events;
}

absl::Status SyncWatch::Read(std::vector<SyncEvent>* events) {
  // The sync is read before its checkpoints: if it has ended, all of them are there.
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, store_->GetSync(sync_id_));
  SYNCLINE_RETURN_IF_ERROR(ReadCheckpoints(sync, events));
  NoteProgress(sync, events);
  for (const StreamEntry& stream : sync.streams) {
    StreamState& seen = states_[stream.plan.stream_no];
    if (HasEnded(stream.state) && !HasEnded(seen)) {
      events->push_back(
          StreamFinishedEvent{stream.plan.descriptor, stream.result, stream.plan.generation_id});
    }
    seen = stream.state;
  }
  if (sync.state == SyncState::kFinished || sync.state == SyncState::kCancelled) {
    events->push_back(SyncFinishedEvent{sync.state});
  }
  return absl::OkStatus();
}

absl::Status SyncWatch::ReadCheckpoints(const SyncEntry& sync, std::vector<SyncEvent>* events) {
  std::map<int64_t, const StreamDescriptor*> descriptors;
  for (const StreamEntry& stream : sync.streams) {
    descriptors[stream.plan.stream_no] = &stream.plan.descriptor;
  }
  size_t read = 0;
  do {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<CommittedCheckpoint> page,
                              store_->ReadCheckpoints(sync.sync_no, sequence_, kPage));
    read = page.size();
    for (CommittedCheckpoint& checkpoint : page) {
      sequence_ = checkpoint.sequence;
      const StreamDescriptor& descriptor = *descriptors[checkpoint.stream_no];
      events->push_back(CheckpointEvent{descriptor, std::move(checkpoint)});
    }
  } while (read == kPage);
  return absl::OkStatus();
}

void SyncWatch::NoteProgress(const SyncEntry& sync, std::vector<SyncEvent>* events) {
  const absl::Time now = absl::Now();
  if (now - progress_at_ < kProgressInterval) return;
  progress_at_ = now;
  std::vector<int64_t> counts;
  for (const StreamEntry& stream : sync.streams) {
    counts.push_back(static_cast<int64_t>(stream.state));
    counts.push_back(stream.records_written);
    counts.push_back(stream.records_rejected);
    for (const WriterPosition& writer : stream.writers) counts.push_back(writer.durable_offset);
  }
  if (counts == progress_) return;
  progress_ = std::move(counts);
  events->push_back(ProgressEvent{sync});
}

}  // namespace syncline::sync
