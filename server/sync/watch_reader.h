// WatchReader: one thread that reads the ledger for all watches of the server.
//
// It wakes at once when a notification says that something became durable, and once per second.
// All watches of a sync share what is read of it. A watch sends one page of events at a time and
// receives the next one when its caller has taken it, so a slow caller delays no other, and memory
// is bounded: pages with large states come from a fixed budget, and a watch holds at most a small
// page beyond it (watched_sync.cc). While callers that take nothing hold all of the budget, the
// others continue with one page beyond it at a time, and with one more for each second in which the
// last one was not taken.
//
// While the database is away, or a synchronous standby does not confirm what a page has, the
// watches wait for it, up to 10 s; then they end with the error. A watch that is opened in that
// time ends at once. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/memory_budget.h"
#include "base/thread.h"
#include "server/sync/sync_event.h"
#include "server/sync/watch_inbox.h"
#include "server/sync/watch_state.h"
#include "server/sync/watched_sync.h"
#include "server/write/watch_source.h"

namespace syncline::sync {

struct WatchReaderOptions {
  EncodeEvent encode;
  // Returns true once nothing more will be committed. What was committed until then is still sent.
  std::function<bool()> drained;
  // Bytes of the pages that all watches may hold.
  int64_t page_budget_bytes = int64_t{16} << 20;
  // How long watches wait for a database that is away.
  absl::Duration outage = absl::Seconds(10);
  // A call that has taken nothing for this time is aborted if other watches wait for its pages.
  absl::Duration stuck = absl::Seconds(30);
  // How long a drain waits for callers to take what was sent before their calls are aborted.
  absl::Duration drain_patience = absl::Seconds(5);
};

class WatchReader {
 public:
  // Starts the thread. `source` must outlive the reader.
  WatchReader(write::WatchSource* source, WatchReaderOptions options);
  // Calls Stop().
  ~WatchReader();

  // Returns a number for a new watch.
  int64_t NextId() { return next_id_.fetch_add(1); }
  // Starts a watch. The call ends with OK after the end of the sync, otherwise with NOT_FOUND
  // UNKNOWN_SYNC, also for another owner's sync; UNAVAILABLE DRAINING; an error of the database.
  void Open(int64_t id, WatchRequest request, std::shared_ptr<WatchCall> call);
  // The caller has taken all events of the latest Send.
  void Taken(int64_t id);
  // The call is over, so that nothing more is sent. No effect if the reader has ended it.
  void Close(int64_t id);

  // Ends all watches and stops the thread. Safe to call twice.
  void Stop();

 private:
  struct Watch {
    int64_t id = 0;
    WatchRequest request;
    std::shared_ptr<WatchCall> call;
    WatchState state;
    int64_t sync_no = 0;
    bool sending = false;
    absl::Duration since = {};  // of the latest Send
    int64_t page_bytes = 0;     // of the page that it sends
  };
  struct Sync {
    WatchedSync read;
    std::set<Watch*> watches;
  };

  void Add(absl::FunctionRef<void(WatchInbox::Content*)> add);

  // The functions below run on the thread.
  void Run();
  void TakeRequests(WatchInbox::Content requests);
  // Returns how long the thread may wait for requests without looking at the database.
  absl::Duration GetInboxPause() const;
  // Returns how long it may wait for the database.
  absl::Duration GetPause() const;

  // Reads what has changed and sends what is new. Errors: those of the database.
  absl::Status RunRound();
  void MarkDirty(const write::Changes& changes);
  // Finds the syncs of the watches that were opened.
  absl::Status AttachOpened();
  void Attach(WatchInbox::Opened opened, Sync* sync);
  // Reads marks, summaries and new sequence numbers of the syncs that may have changed.
  absl::Status Refresh();
  // Numbers checkpoints of `existing`, after which the summaries of `changed` can be sent.
  absl::Status ReadSummaries(const std::vector<int64_t>& existing,
                             const std::vector<int64_t>& changed);
  absl::Status ServeReady();
  // Sends what is new in a sync to the watches that are not sending.
  absl::Status Serve(Sync* sync);
  absl::Status ServePage(Sync* sync, const PageKey& key, const std::vector<Watch*>& watches);
  // Sends `events` and what the sync's snapshot has new, or ends the watch if that is all.
  void SendNew(const Sync& sync, Watch* watch, std::vector<EncodedEvent> events);
  // Aborts one call that is stuck and holds bytes that other watches wait for.
  void AbortStuck();
  // Aborts the calls whose callers have not taken what was sent.
  void AbortSending();
  // Handles a failed round.
  void TakeError(const absl::Status& error);

  void End(Watch* watch, const absl::Status& status);
  void EndAll(const absl::Status& status);
  // Removes syncs without watches.
  void RemoveUnwatched();

  write::WatchSource* const source_;
  const WatchReaderOptions options_;
  const std::shared_ptr<MemoryBudget> pages_;
  std::atomic<int64_t> next_id_ = 1;
  WatchInbox inbox_;

  // Used by the thread only.
  std::map<int64_t, Watch> watches_;
  std::vector<WatchInbox::Opened> opened_;   // whose syncs have not been looked up
  std::map<int64_t, Sync> syncs_;            // by sync_no
  std::map<std::string, int64_t> sync_nos_;  // by sync_id
  std::set<int64_t> dirty_;                  // syncs that may have changed
  std::set<int64_t> locked_;                 // syncs that must be read again for that reason
  std::set<int64_t> ready_;                  // syncs with watches that can be served
  std::vector<int64_t> postponed_;           // syncs with watches that wait for the budget
  std::weak_ptr<const EventPage> extra_;     // the latest page beyond the budget
  absl::Duration extra_at_;                  // when it was read
  int64_t round_ = 0;
  int64_t last_round_ = 0;  // the round that reads what a drain still sends; 0 before it
  absl::Duration now_;      // in the current round
  absl::Duration drained_at_ = absl::InfiniteDuration();  // of last_round_
  absl::Duration tick_at_ = -absl::InfiniteDuration();
  absl::Duration retry_at_ = -absl::InfiniteDuration();  // of a database that is away
  absl::Duration failing_since_ = absl::InfiniteDuration();

  std::unique_ptr<Thread> thread_;  // last: uses all other members
};

}  // namespace syncline::sync
