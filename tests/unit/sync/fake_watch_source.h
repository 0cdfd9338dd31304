// A ledger in memory for tests of the reader of all watches, and a call that records what it
// receives.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/sync/watch_reader.h"
#include "server/write/watch_source.h"

namespace syncline::testing {

// Thread-safe.
class FakeWatchSource final : public write::WatchSource {
 public:
  // Adds a running sync with one stream of the same name and returns its number.
  int64_t AddSync(const std::string& sync_id, const std::string& owner = "");
  // Adds a checkpoint with a state of `bytes`. It has a sequence number at once, or after the next
  // NumberCheckpoints.
  void AddCheckpoint(int64_t sync_no, int64_t bytes = 0, bool numbered = true);
  // Changes the entry of a sync.
  void Change(int64_t sync_no, absl::FunctionRef<void(SyncEntry*)> change);
  // Ends the stream and the sync.
  void Finish(int64_t sync_no);
  void RemoveSync(int64_t sync_no);
  // Makes NumberCheckpoints skip the sync, or no longer.
  void SetLocked(int64_t sync_no, bool locked);
  // Makes a Wait return this sync.
  void Notify(int64_t sync_no);
  // Makes every read fail with `status`, until it is OK.
  void SetError(const absl::Status& status);

  // Counts since the start.
  int64_t page_reads() const;
  int64_t summary_reads() const;
  bool closed() const;

  absl::StatusOr<write::Changes> Wait(absl::Duration timeout) override;
  void Wake() override;
  void Close() override;
  absl::StatusOr<std::vector<SyncIdentity>> FindSyncs(
      const std::vector<std::string>& sync_ids) override;
  absl::StatusOr<std::vector<SyncMark>> ReadMarks(const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<std::vector<SyncEntry>> ReadSummaries(
      const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<postgres::CheckpointNumbering> NumberCheckpoints(
      const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<CheckpointPage> ReadCheckpoints(const CheckpointQuery& query) override;

 private:
  struct Sync {
    SyncEntry entry;
    std::vector<CommittedCheckpoint> checkpoints;  // numbered ones first
    int64_t numbered = 0;
    bool locked = false;
  };

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Sync> syncs_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> notified_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = true;
  int64_t page_reads_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t summary_reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Returns "c<sequence>", "progress", "stream <name>" or "end", followed by a state's bytes.
std::string EncodeAsText(sync::SyncEvent event);

// Thread-safe.
class RecordingCall final : public sync::WatchCall {
 public:
  // A call that is not `taking` keeps what it was sent until Take.
  RecordingCall(sync::WatchReader* reader, bool taking)
      : reader_(reader), id_(reader->NextId()), taking_(taking) {}

  int64_t id() const { return id_; }
  void Send(std::vector<sync::EncodedEvent> events) override;
  void End(const absl::Status& status) override;
  void Abort() override;

  // Takes what it was sent.
  void Take();
  // The first words of the events that were sent, joined by blanks.
  std::string received() const;
  bool ended() const;
  // How the call ended.
  absl::Status end() const;
  bool aborted() const;

 private:
  sync::WatchReader* const reader_;
  const int64_t id_;
  const bool taking_;
  mutable Mutex mutex_;
  std::vector<sync::EncodedEvent> sending_ ABSL_GUARDED_BY(mutex_);
  std::string received_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::testing
