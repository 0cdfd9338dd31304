// WatchedSync: one sync that is watched: what was read of it last, and the pages that its watches
// share.
//
// Used by the thread of WatchReader only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/memory_budget.h"
#include "server/model/sync_mark.h"
#include "server/model/sync_record.h"
#include "server/sync/sync_event.h"
#include "server/sync/watch_page.h"
#include "server/write/watch_source.h"

namespace syncline::sync {

// Pages differ by where they start and by whether they have states.
struct PageKey {
  int64_t after_sequence = 0;
  bool with_state = true;

  bool operator<(const PageKey& other) const {
    return std::make_pair(after_sequence, with_state) <
           std::make_pair(other.after_sequence, other.with_state);
  }
};

class WatchedSync {
 public:
  // `encode` must outlive the sync.
  WatchedSync(SyncIdentity identity, const EncodeEvent* encode)
      : identity_(std::move(identity)), encode_(encode) {}

  const SyncIdentity& identity() const { return identity_; }
  // The highest sequence of a checkpoint that is known.
  int64_t last_sequence() const { return last_sequence_; }
  // The round since which every watch must read checkpoints: others may exist by then.
  int64_t required_round() const { return required_round_; }
  // Null before the first TakeSummary.
  const SyncSnapshot* snapshot() const { return snapshot_.get(); }

  // Notes `mark`. Returns whether the summary must be read again: at once if a state changed, and
  // once per second if counts did.
  bool TakeMark(const SyncMark& mark, absl::Duration now);
  // Makes a snapshot of `sync`, which was read in `round`, after the latest TakeMark.
  void TakeSummary(const SyncEntry& sync, int64_t round, absl::Duration now);
  // Makes every watch read checkpoints in `round`.
  void RequirePages(int64_t round) { required_round_ = round; }

  // Returns the page of `key`: one that another watch still sends, or a new one, of which the bytes
  // are taken from `pages`. Unless `large`, a new page is small, and null is returned if the next
  // checkpoint does not fit, which is to be asked for again later. Errors: those of the database.
  absl::StatusOr<std::shared_ptr<const EventPage>> GetPage(
      const PageKey& key, int64_t round, bool large, const std::shared_ptr<MemoryBudget>& pages,
      write::WatchSource* source);

 private:
  std::shared_ptr<const EventPage> MakePage(const PageKey& key, int64_t round,
                                            const std::shared_ptr<MemoryBudget>& pages,
                                            CheckpointPage read);
  // Removes the first checkpoint of a stream that the summary does not have yet, and those after
  // it. The next mark then requires a new summary.
  void OmitUnknownStreams(CheckpointPage* read);
  // Returns whether the counts that progress reports differ from those of the previous summary.
  bool NoteProgress(const SyncEntry& sync);

  const SyncIdentity identity_;
  const EncodeEvent* const encode_;
  std::map<int64_t, StreamDescriptor> descriptors_;  // by stream_no
  int64_t last_sequence_ = 0;
  int64_t required_round_ = 0;
  SyncMark mark_;       // the latest
  SyncMark read_mark_;  // before the latest summary was read
  std::unique_ptr<const SyncSnapshot> snapshot_;
  std::vector<int64_t> progress_;
  std::map<PageKey, std::weak_ptr<const EventPage>> pages_;
};

}  // namespace syncline::sync
