#include "server/write/load/group_commit.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/statement_commit.h"

namespace syncline::write {
namespace {

// The largest statement that is sent by the thread that hands it in. It fits into the empty buffer
// of any socket, so that sending does not wait.
constexpr int64_t kMaxSentBytes = 8 << 10;

// How long the result of a lone statement is polled for.
constexpr absl::Duration kPolled = absl::Microseconds(500);

// How long a thread looks for the next commit before it sleeps. A caller that waits for each answer
// sends its next record 40 to 50 us after the answer, if the network takes no time.
constexpr absl::Duration kLinger = absl::Microseconds(150);

int64_t GetBytes(const postgres::Statement& statement) {
  size_t bytes = statement.sql.size();
  for (const std::optional<std::string>& value : statement.params.values()) {
    bytes += value.has_value() ? value->size() : 0;
  }
  return static_cast<int64_t>(bytes);
}

absl::StatusOr<std::vector<postgres::Result>> ToResults(absl::StatusOr<postgres::Result> result) {
  if (!result.ok()) return result.status();
  std::vector<postgres::Result> results;
  results.push_back(*std::move(result));
  return results;
}

}  // namespace

GroupMember::GroupMember(Key key, postgres::Statement statement,
                         std::shared_ptr<FlushInterrupt> interrupt)
    : key_(std::move(key)),
      statement_(std::move(statement)),
      bytes_(GetBytes(statement_)),
      interrupt_(std::move(interrupt)) {}

void GroupMember::SetResult(GroupResult result, int64_t durable_offset) {
  result_ = result;
  durable_offset_ = durable_offset;
  over_.store(true, std::memory_order_release);
}

GroupCommit::GroupCommit(postgres::ConnectionPool* connections, int max_groups,
                         absl::Duration stalled)
    : connections_(connections),
      max_groups_(max_groups),
      stalled_(stalled),
      pool_("group", max_groups, {.linger = kLinger}) {}

GroupCommit::~GroupCommit() { Stop(); }

bool GroupCommit::MayBegin() const {
  return running_ < max_groups_ &&
         (queue_.size() >= kLargeGroup || MonotonicNow() - begun_ >= stalled_);
}

void GroupCommit::Begin() {
  ++running_;
  begun_ = MonotonicNow();
}

bool GroupCommit::Add(const std::shared_ptr<GroupMember>& member, Resume resume) {
  Waiting waiting = {member, std::move(resume)};
  bool lone = false;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    lone = running_ == 0;
    if (!lone) {
      if (queued_bytes_ + member->bytes_ > kMaxQueuedBytes) return false;
      Queue(std::move(waiting));
      if (!MayBegin()) return true;
    }
    Begin();
  }
  if (lone) {
    if (TrySend(waiting)) return true;
    MutexLock lock(&mutex_);
    Queue(std::move(waiting));
  }
  Post([this] { RunGroups(); });
  return true;
}

void GroupCommit::Queue(Waiting waiting) {
  queued_bytes_ += waiting.member->bytes_;
  queue_.push_back(std::move(waiting));
}

void GroupCommit::Post(const std::function<void()>& task) {
  // After Stop there is no other thread.
  if (!pool_.Post(task)) task();
}

// A statement that is sent, until its result is received.
struct GroupCommit::Sent {
  explicit Sent(std::optional<postgres::ConnectionPool::Lease> leased)
      : connection(std::move(leased)) {}

  std::optional<postgres::ConnectionPool::Lease> connection;
  std::optional<FlushInterrupt::Attempt> attempt;  // ends before the connection is returned
};

bool GroupCommit::TrySend(const Waiting& lone) {
  const GroupMember& member = *lone.member;
  if (member.bytes_ > kMaxSentBytes) return false;
  const auto sent = std::make_shared<Sent>(connections_->TryAcquire());
  if (!sent->connection.has_value()) return false;
  postgres::Connection& connection = **sent->connection;
  if (member.interrupt_ != nullptr) {
    sent->attempt.emplace(member.interrupt_.get(), &connection);
    if (member.interrupt_->interrupted()) return false;
  }
  SYNCLINE_FAILPOINT(kBeforeCommit);
  if (!connection.TrySend(member.statement_)) return false;
  Post([this, sent, lone] {
    Receive(*sent, lone);
    RunGroups();
  });
  return true;
}

void GroupCommit::PollFor(postgres::Connection& connection) {
  if (polling_.MayPoll() && !connection.PollForResult(kPolled)) polling_.NoteVainPoll();
}

void GroupCommit::Receive(Sent& sent, const Waiting& lone) {
  PollFor(**sent.connection);
  absl::StatusOr<std::vector<postgres::Result>> results =
      ToResults((*sent.connection)->ReceiveAndCommit(lone.member->statement_));
  sent.attempt.reset();
  sent.connection.reset();
  GroupMember* const member = lone.member.get();
  SetResults({&member, 1}, results);
  lone.resume(member->result());
}

void GroupCommit::Withdraw(const std::shared_ptr<GroupMember>& member) {
  Waiting withdrawn;  // destroyed without the lock, because `resume` may own anything
  MutexLock lock(&mutex_);
  const auto found = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const Waiting& waiting) { return waiting.member == member; });
  if (found == queue_.end()) return;
  withdrawn = std::move(*found);
  queue_.erase(found);
  queued_bytes_ -= member->bytes_;
}

void GroupCommit::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  pool_.Shutdown();
}

std::vector<GroupCommit::Waiting> GroupCommit::TakeGroup() {
  std::vector<Waiting> group;
  MutexLock lock(&mutex_);
  while (!queue_.empty() && group.size() < postgres::Connection::kMaxTogether) {
    queued_bytes_ -= queue_.front().member->bytes_;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (group.empty()) {
    --running_;
  } else {
    begun_ = MonotonicNow();
  }
  return group;
}

void GroupCommit::RunGroups() {
  while (true) {
    const std::vector<Waiting> group = TakeGroup();
    if (group.empty()) return;
    std::vector<GroupMember*> members;
    members.reserve(group.size());
    for (const Waiting& waiting : group) members.push_back(waiting.member.get());
    Commit(std::move(members));
    for (const Waiting& waiting : group) waiting.resume(waiting.member->result());
  }
}

void GroupCommit::Commit(std::vector<GroupMember*> members) {
  std::sort(members.begin(), members.end(), [](const GroupMember* left, const GroupMember* right) {
    return left->key_ < right->key_;
  });
  SetResults(members, TryCommit(members));
}

void GroupCommit::SetResults(absl::Span<GroupMember* const> members,
                             const absl::StatusOr<std::vector<postgres::Result>>& results) {
  if (!results.ok()) {
    // The idle connections have probably broken, too.
    if (absl::IsUnavailable(results.status())) connections_->CloseIdle();
    const bool unknown = GetReason(results.status()) == reason::kCommitUnknown;
    for (GroupMember* const member : members) {
      member->SetResult(unknown ? GroupResult::kUnknown : GroupResult::kAlone);
    }
    return;
  }
  SYNCLINE_FAILPOINT(kCommitted);
  if (members.size() > 1) {
    SYNCLINE_FAILPOINT(kGroupCommitted);
    committed_together_ += static_cast<int64_t>(members.size());
  }
  for (size_t i = 0; i < members.size(); ++i) {
    const std::optional<int64_t> durable =
        postgres::StatementCommit::GetDurableOffset((*results)[i]);
    if (durable.has_value()) {
      members[i]->SetResult(GroupResult::kCommitted, *durable);
    } else {
      members[i]->SetResult(GroupResult::kAlone);
    }
  }
}

absl::StatusOr<std::vector<postgres::Result>> GroupCommit::TryCommit(
    absl::Span<GroupMember* const> members) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::ConnectionPool::Lease connection, connections_->Acquire());
  SYNCLINE_FAILPOINT(kBeforeCommit);
  if (members.size() == 1) return TryCommitOne(*connection, *members.front());
  SYNCLINE_FAILPOINT(kGroupTaken);
  std::vector<const postgres::Statement*> statements;
  statements.reserve(members.size());
  for (const GroupMember* const member : members) statements.push_back(&member->statement_);
  return connection->QueryAllAndCommit(statements);
}

// A transaction of its own costs less than BEGIN and COMMIT around it.
absl::StatusOr<std::vector<postgres::Result>> GroupCommit::TryCommitOne(
    postgres::Connection& connection, const GroupMember& member) {
  std::optional<FlushInterrupt::Attempt> running;
  if (member.interrupt_ != nullptr) {
    running.emplace(member.interrupt_.get(), &connection);
    if (member.interrupt_->interrupted()) return absl::CancelledError();
  }
  return ToResults(connection.QueryAndCommit(member.statement_.sql, member.statement_.params));
}

}  // namespace syncline::write
