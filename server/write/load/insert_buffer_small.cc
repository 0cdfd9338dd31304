// InsertBuffer: commits of small blocks by one statement, alone or together with others.
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/reasons.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/write/load/insert_buffer.h"

namespace syncline::write {
namespace {

// The statement stores those that are due.
std::vector<PendingCheckpoint> OfferAll(const DueCheckpoints& checkpoints) {
  if (!checkpoints) return {};
  return checkpoints(std::numeric_limits<int64_t>::max());
}

}  // namespace

FlushResult InsertBuffer::GetResult(SmallCommit::Committed committed) {
  if (rows_ > 0) context_->locked->SetFree(claim_.stream_no);
  FlushResult result = Held();
  result.durable_offset = committed.durable_offset;
  result.checkpoints = std::move(committed.checkpoints);
  return result;
}

absl::StatusOr<std::optional<FlushResult>> InsertBuffer::TryStatement(
    postgres::Connection& connection, const DueCheckpoints& checkpoints, Attempt* attempt) {
  commit_.rows = rows_;
  absl::StatusOr<std::optional<SmallCommit::Committed>> committed =
      small_commit_.Commit(connection, claim_, commit_, blocks_, OfferAll(checkpoints));
  if (!committed.ok()) {
    const absl::Status& error = committed.status();
    if (GetReason(error) == reason::kCommitUnknown) progress_->commit_unknown = true;
    if (!connection.usable()) return error;
    // Another commit of the writer holds the lock, if it is not that of the table.
    if (postgres::IsLockTimeout(error)) {
      attempt->copied =
          postgres::IsLockTimeout(context_->committer->CheckUnlocked(connection, claim_));
    }
    return AfterFailure(connection, error);
  }
  if (!committed->has_value()) return std::nullopt;
  return GetResult(**std::move(committed));
}

std::optional<FlushAttempt> InsertBuffer::TryHandIn(const DueCheckpoints& checkpoints, bool closes,
                                                    GroupCommit::Resume resume) {
  Prepare(closes);
  // A table that is known as locked is probed by one block at a time.
  if (rows_ > 0 && !context_->locked->IsFree(claim_.stream_no)) return std::nullopt;
  const bool may = context_->group != nullptr && !progress_->alone && !progress_->commit_unknown &&
                   !progress_->row_locked;
  if (!may || !small_commit_.Fits(commit_, bytes_) || interrupt_->interrupted()) {
    return std::nullopt;
  }
  commit_.rows = rows_;
  std::vector<PendingCheckpoint> offered = OfferAll(checkpoints);
  if (!small_commit_.FitsGroup(commit_, offered)) return std::nullopt;
  // Checkpoints alone follow the records.
  const int64_t first = commit_.offsets.empty() ? std::numeric_limits<int64_t>::max()
                                                : commit_.offsets.ranges().front().begin;
  auto member = std::make_shared<GroupMember>(
      GroupMember::Key(claim_.stream_no, claim_.writer_id, first),
      small_commit_.MakeStatement(claim_, commit_, blocks_, offered), interrupt_);
  if (!context_->group->Add(member, std::move(resume))) return std::nullopt;
  handed_in_ = std::move(member);
  offered_ = std::move(offered);
  return TakeGroupResult();
}

std::optional<FlushAttempt> InsertBuffer::TakeGroupResult() {
  if (!handed_in_->is_over()) return FlushAttempt{.pause = absl::InfiniteDuration()};
  const std::shared_ptr<GroupMember> over = std::exchange(handed_in_, nullptr);
  std::vector<PendingCheckpoint> offered = std::exchange(offered_, {});
  switch (over->result()) {
    case GroupResult::kCommitted:
      return Finish(
          GetResult(SmallCommit::GetCommitted(over->durable_offset(), std::move(offered))));
    case GroupResult::kUnknown:
      progress_->commit_unknown = true;
      break;
    case GroupResult::kAlone:
      break;
  }
  progress_->alone = true;
  return std::nullopt;
}

}  // namespace syncline::write
