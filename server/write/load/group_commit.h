// GroupCommit: commits small blocks of several writers together, as one transaction and in one
// round trip (decision 0045).
//
// A block that is handed in while no commit is in progress is committed at once, as a transaction
// of its own: the thread that hands it in sends the statement, and a thread of this object waits
// for its result. The other blocks wait without a thread, and the next commit takes them all, so
// that groups grow with the load, and a single caller waits for nothing: there is no timer. Another
// commit begins beside one in progress if enough blocks for a large group wait, or if the one in
// progress has not ended for a while. The statements of a group run in the order of
// GroupMember::Key, so that two groups lock writers in the same order.
//
// A group either commits or changes nothing, except members that are fenced: their statements
// change nothing, and the other members are committed. After any error every member is to be
// committed alone, on another connection. So a table that is locked or refuses a row delays the
// other members by one attempt, which waits at most kLockTimeout for a lock. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/adaptive_polling.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/write/load/flush_interrupt.h"

namespace syncline::write {

// How the commit of a member ended.
enum class GroupResult {
  kCommitted,
  // Nothing is committed. The member is to be committed alone, which finds the reason.
  kAlone,
  // The answer to the COMMIT was lost: the member may be committed, or may still become so.
  kUnknown,
};

// A block that is handed in. Contains copies of everything that its commit needs, so that the
// owner of the block may be destroyed meanwhile.
class GroupMember {
 public:
  // The number of the stream, the id of the writer and the first offset. Members are committed in
  // this order.
  using Key = std::tuple<int64_t, std::string, int64_t>;

  // `statement` returns the durable offset, or no row if it has changed nothing. `interrupt` ends a
  // commit of this member alone; it does not end one of several. May be null.
  GroupMember(Key key, postgres::Statement statement,
              std::shared_ptr<FlushInterrupt> interrupt = nullptr);

  // Returns whether the commit is over. Then the result is known and does not change.
  bool is_over() const { return over_.load(std::memory_order_acquire); }
  GroupResult result() const { return result_; }
  int64_t durable_offset() const { return durable_offset_; }  // of a member that is committed

 private:
  friend class GroupCommit;

  void SetResult(GroupResult result, int64_t durable_offset = 0);

  const Key key_;
  const postgres::Statement statement_;
  const int64_t bytes_;
  const std::shared_ptr<FlushInterrupt> interrupt_;
  GroupResult result_ = GroupResult::kAlone;
  int64_t durable_offset_ = 0;
  std::atomic<bool> over_ = false;
};

class GroupCommit {
 public:
  // Maximum wait of a statement for a lock. For the sessions of `connections`.
  static constexpr absl::Duration kLockTimeout = absl::Milliseconds(50);
  // Limits what waits. A block beyond it is committed alone.
  static constexpr int64_t kMaxQueuedBytes = 8 << 20;
  // Maximum commits in progress at the same time.
  static constexpr int kMaxGroups = 2;
  // Another commit begins when that many members wait. For fewer it costs more than it gains: a
  // commit of one member takes the disk and PostgreSQL almost as long as one of ten.
  static constexpr size_t kLargeGroup = 6;
  // Another commit begins, too, when a member is handed in so long after the last one began, which
  // then presumably waits for a lock, the disk or a standby.
  static constexpr absl::Duration kStalled = absl::Milliseconds(10);

  // Called once when the commit of a member is over, with its result, on a thread of this object.
  // Must not block.
  using Resume = std::function<void(GroupResult)>;

  // `connections` must outlive this object. At most `max_groups` of them are used, and as many
  // threads are started. `stalled` is as kStalled.
  explicit GroupCommit(postgres::ConnectionPool* connections, int max_groups = kMaxGroups,
                       absl::Duration stalled = kStalled);
  // Calls Stop().
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Hands in a member. `resume` will be called when its commit is over, perhaps before this
  // returns. Returns false if too much waits or after Stop: the member is to be committed alone.
  // Does not block, except while Stop runs.
  bool Add(const std::shared_ptr<GroupMember>& member, Resume resume);

  // Takes a member back whose call has ended, and drops its `resume`. Has no effect if its commit
  // has begun: then it ends as that of the other members. Does not block.
  void Withdraw(const std::shared_ptr<GroupMember>& member);

  // Commits what waits, then joins the threads. Safe to call twice.
  void Stop();

  // Returns how many members were committed together with another one.
  int64_t committed_together() const { return committed_together_; }

 private:
  struct Waiting {
    std::shared_ptr<GroupMember> member;
    Resume resume;
  };
  struct Sent;

  // Returns whether a commit may begin beside those in progress.
  bool MayBegin() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes that a commit begins.
  void Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Queue(Waiting waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs a task on a thread of this object.
  void Post(const std::function<void()>& task);
  // Sends the statement of a lone member and lets a thread wait for its result. Returns false, and
  // has done nothing, if that could block.
  bool TrySend(const Waiting& lone);
  // Polls for the result of a lone statement if such results usually arrive soon.
  void PollFor(postgres::Connection& connection);
  // Waits for the result of what was sent.
  void Receive(Sent& sent, const Waiting& lone);
  // Takes the members of the next commit. Returns nothing, and ends this thread's turn, if none
  // waits.
  std::vector<Waiting> TakeGroup();
  // Commits what waits until nothing does.
  void RunGroups();
  // Commits the members and sets their results. Reorders `members`.
  void Commit(std::vector<GroupMember*> members);
  absl::StatusOr<std::vector<postgres::Result>> TryCommit(absl::Span<GroupMember* const> members);
  static absl::StatusOr<std::vector<postgres::Result>> TryCommitOne(
      postgres::Connection& connection, const GroupMember& member);
  // Sets the results of the members after their commit.
  void SetResults(absl::Span<GroupMember* const> members,
                  const absl::StatusOr<std::vector<postgres::Result>>& results);

  postgres::ConnectionPool* const connections_;
  const int max_groups_;
  const absl::Duration stalled_;
  AdaptivePolling polling_;  // for the results of lone statements
  std::atomic<int64_t> committed_together_ = 0;
  Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;  // commits in progress; at least one while any waits
  absl::Duration begun_ ABSL_GUARDED_BY(mutex_);  // when the last one began, as MonotonicNow()
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  ThreadPool pool_;
};

}  // namespace syncline::write
