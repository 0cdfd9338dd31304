#include "server/write/load/small_commit.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/copy/array_frame.h"

namespace syncline::write {
namespace {

// Returns whether a statement can store the checkpoints. It gives every one of them a place of its
// own, so none may be there twice.
bool AreSmall(const std::vector<PendingCheckpoint>& checkpoints) {
  if (checkpoints.size() > SmallCommit::kMaxCheckpoints) return false;
  size_t bytes = 0;
  std::set<absl::string_view> ids;
  for (const PendingCheckpoint& checkpoint : checkpoints) {
    bytes += checkpoint.state.size();
    if (!checkpoint.positions.empty() || !ids.insert(checkpoint.checkpoint_id).second) return false;
  }
  return bytes <= SmallCommit::kMaxBytes;
}

// COPY reads these columns in the form of another type, which an INSERT does not cast to theirs.
bool HasConvertedColumn(const TableSchema& schema) {
  return std::any_of(schema.columns.begin(), schema.columns.end(),
                     [](const ColumnSchema& column) { return !column.stored_type.empty(); });
}

// Returns whether a data transaction would meet the error, too, or must not be tried.
bool IsFinal(const absl::Status& error) {
  return absl::IsUnavailable(error) || postgres::IsLockTimeout(error) ||
         GetReason(error) == reason::kFenced;
}

}  // namespace

SmallCommit::SmallCommit(const postgres::DataCommitter* committer, StatementTables* tables,
                         const StreamPlan& plan, postgres::CopyFormat format) {
  if (tables == nullptr || format != postgres::CopyFormat::kBinary ||
      plan.schema.columns.size() > kMaxColumns || HasConvertedColumn(plan.schema)) {
    return;
  }
  table_ = tables->Get(committer->quoted_schema(), plan.load_table(), plan.schema, MonotonicNow());
}

bool SmallCommit::Fits(const postgres::DataCommit& commit, int64_t bytes) const {
  return table_ != nullptr && bytes <= kMaxBytes && commit.rejected.empty() &&
         commit.fields.empty();
}

bool SmallCommit::FitsGroup(const postgres::DataCommit& commit,
                            const std::vector<PendingCheckpoint>& checkpoints) const {
  if (!AreSmall(checkpoints)) return false;
  if (commit.rows == 0) return true;
  const std::optional<postgres::StatementUse> use = table_->use(MonotonicNow());
  return use.has_value() && use->grouped;
}

std::vector<std::optional<std::string>> SmallCommit::Frame(
    const postgres::DataCommit& commit, absl::Span<const ByteBuffer> blocks) const {
  if (commit.rows == 0) return {};
  return postgres::FrameRows(blocks, commit.rows, table_->types());
}

postgres::Statement SmallCommit::MakeStatement(
    const WriterClaim& claim, const postgres::DataCommit& commit,
    absl::Span<const ByteBuffer> blocks, const std::vector<PendingCheckpoint>& checkpoints) const {
  return table_->commit().Make(claim, commit, checkpoints, Frame(commit, blocks));
}

SmallCommit::Committed SmallCommit::GetCommitted(int64_t durable_offset,
                                                 std::vector<PendingCheckpoint> checkpoints) {
  while (!checkpoints.empty() && checkpoints.back().offset > durable_offset) {
    checkpoints.pop_back();
  }
  return {durable_offset, std::move(checkpoints)};
}

absl::StatusOr<bool> SmallCommit::CheckTable(postgres::Connection& connection) const {
  const absl::Duration now = MonotonicNow();
  if (const std::optional<postgres::StatementUse> known = table_->use(now)) return known->alone;
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::StatementUse use,
                            postgres::GetStatementUse(connection, table_->table()));
  table_->set_use(use, now);
  return use.alone;
}

absl::StatusOr<std::optional<SmallCommit::Committed>> SmallCommit::Commit(
    postgres::Connection& connection, const WriterClaim& claim, const postgres::DataCommit& commit,
    absl::Span<const ByteBuffer> blocks, std::vector<PendingCheckpoint> checkpoints) const {
  if (!AreSmall(checkpoints)) return std::nullopt;
  if (commit.rows > 0) {
    const absl::StatusOr<bool> takes = CheckTable(connection);
    if (absl::IsUnavailable(takes.status())) return takes.status();
    if (!takes.ok() || !*takes) return std::nullopt;
  }
  std::vector<std::optional<std::string>> rows = Frame(commit, blocks);
  SYNCLINE_FAILPOINT(kBeforeCommit);
  const absl::StatusOr<int64_t> durable =
      table_->commit().Commit(connection, claim, commit, checkpoints, std::move(rows));
  if (!durable.ok()) {
    if (IsFinal(durable.status())) return durable.status();
    table_->LeaveGroups();
    return std::nullopt;
  }
  SYNCLINE_FAILPOINT(kCommitted);
  return GetCommitted(*durable, std::move(checkpoints));
}

}  // namespace syncline::write
