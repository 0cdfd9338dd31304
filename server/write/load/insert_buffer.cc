#include "server/write/load/insert_buffer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/raw_id.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_placement.h"
#include "server/write/load/block_copy.h"
#include "server/write/load/lock_report.h"
#include "server/write/load/row_spans.h"

namespace syncline::write {
namespace {

constexpr size_t kFirstBlockBytes = 8 << 10;

// A block with an eighth left is full, because a block into which a row does not fit is copied.
bool IsFull(const ByteBuffer& block) { return block.size() >= block.capacity() / 8 * 7; }

std::string CopySql(const StreamPlan& plan, postgres::CopyFormat format) {
  return format == postgres::CopyFormat::kBinary
             ? postgres::CopyBinarySql(plan.load_table(), plan.schema)
             : postgres::CopyTextSql(plan.load_table(), plan.schema);
}

}  // namespace

InsertBuffer::InsertBuffer(const LoadContext* context, const StreamPlan& plan,
                           absl::string_view sync_id, WriterClaim claim)
    : context_(context),
      format_(postgres::CopyFormatFor(plan.schema)),
      copy_sql_(CopySql(plan, format_)),
      table_(plan.load_table()),
      refused_rows_(copy_sql_, format_),
      unstorable_(plan, format_),
      omission_(plan, format_),
      encoder_(plan.schema, RawIdGenerator(sync_id, plan.descriptor, claim.writer_id),
               plan.generation_id),
      small_commit_(context->committer, context->statements, plan, format_),
      claim_(std::move(claim)),
      sync_id_(sync_id) {}

InsertBuffer::~InsertBuffer() {
  if (handed_in_ != nullptr) context_->group->Withdraw(handed_in_);
  ReleaseBlocks();
}

void InsertBuffer::Append(const RecordMeta& meta, absl::Span<const Value> values) {
  const bool without_meta = omission_.OmitsNext(meta.meta_json, &blocks_);
  ByteBuffer& block = OpenBlock();
  const size_t before = block.size();
  if (rows_ == 0) postgres::AppendCopyHeader(&block);
  if (without_meta) {
    encoder_.AppendRowWithoutMeta(meta, values, &block);
    bytes_ += omission_.omitted_bytes();
  } else {
    encoder_.AppendRow(meta, values, &block);
  }
  bytes_ += static_cast<int64_t>(block.size() - before);
  offsets_.Append(meta.offset);
  ++rows_;
}

ByteBuffer& InsertBuffer::OpenBlock() {
  if (!blocks_.empty() && !IsFull(blocks_.back())) return blocks_.back();
  // As large as what is held already: the budget charges rows, and many slow streams must not hold
  // far more memory.
  const size_t bytes = filled_blocks_
                           ? kBlockBytes
                           : std::clamp(static_cast<size_t>(bytes_), kFirstBlockBytes, kBlockBytes);
  blocks_.push_back(bytes == kBlockBytes ? context_->blocks->Take() : ByteBuffer());
  blocks_.back().Clear();
  blocks_.back().Reserve(bytes);
  return blocks_.back();
}

void InsertBuffer::Reject(RejectedRecord record) {
  if (record.raw.size() > kMaxRejectedRawBytes) {
    record.raw.resize(kMaxRejectedRawBytes);
    record.raw_truncated = true;
  }
  bytes_ += static_cast<int64_t>(record.raw.size() + sizeof(RejectedRecord));
  commit_.rejected.push_back(std::move(record));
}

void InsertBuffer::Count(const FieldCounts& fields) {
  for (const auto& [field, counts] : fields) commit_.fields[field] += counts;
}

void InsertBuffer::Cover(OffsetRange range, int64_t payload_bytes) {
  commit_.offsets.Add(range);
  commit_.bytes += payload_bytes;
}

void InsertBuffer::Prepare(bool closes) {
  if (!progress_.has_value()) progress_.emplace(Progress{});
  commit_.closes = closes;
  // One statement takes whole rows, and the check of the default costs more than a small block
  // saves.
  if (bytes_ <= SmallCommit::kMaxBytes) omission_.MakeWhole(&blocks_);
}

absl::StatusOr<FlushAttempt> InsertBuffer::Flush(const DueCheckpoints& checkpoints, bool closes,
                                                 GroupCommit::Resume resume) {
  if (handed_in_ != nullptr) {
    if (const std::optional<FlushAttempt> over = TakeGroupResult()) return *over;
  }
  if (resume != nullptr) {
    if (auto handed_in = TryHandIn(checkpoints, closes, std::move(resume))) return *handed_in;
  }
  Prepare(closes);
  // Wait without a connection while another flush probes the table.
  using Turn = LockedTables::Turn;
  const Turn turn =
      rows_ > 0 ? context_->locked->Enter(claim_.stream_no, MonotonicNow()) : Turn::kFree;
  if (turn == Turn::kWait) {
    return FlushAttempt{.pause = progress_->backoff.Next(), .locked = true};
  }
  // Try, each time without the rows that the database has refused.
  const absl::Time begun = absl::Now();
  Attempt attempt;
  absl::StatusOr<FlushResult> flushed;
  do {
    attempt = {turn == Turn::kProbe ? context_->probe_timeout : context_->lock_timeout,
               /*by_statement=*/turn == Turn::kFree && !attempt.changed};
    flushed = TryFlush(checkpoints, &attempt);
  } while (attempt.changed);
  if (turn == Turn::kProbe) context_->locked->EndProbe(claim_.stream_no);
  if (flushed.ok()) return Finish(*std::move(flushed));
  // Fail, or let the caller wait.
  const bool locked = postgres::IsLockTimeout(flushed.status());
  const std::optional<absl::Duration> pause = PauseAfter(flushed.status(), begun);
  if (!pause.has_value()) {
    const bool cut_off = interrupt_->interrupted() && absl::IsUnavailable(flushed.status()) &&
                         !progress_->commit_unknown;
    progress_.reset();
    return cut_off ? absl::CancelledError() : flushed.status();
  }
  if (locked && attempt.copied) progress_->row_locked = true;
  if (locked && !attempt.copied && !progress_->row_locked) NoteLocked();
  return FlushAttempt{.pause = *pause, .locked = locked};
}

FlushAttempt InsertBuffer::Finish(FlushResult result) {
  result.took = absl::Now() - progress_->started;
  result.closed = commit_.closes;
  if (context_->changed != nullptr) {
    context_->changed->Committed(claim_.sync_no, !result.checkpoints.empty());
  }
  Clear();
  return FlushAttempt{.committed = std::move(result)};
}

std::optional<absl::Duration> InsertBuffer::PauseAfter(const absl::Status& error,
                                                       absl::Time begun) {
  if (interrupt_->interrupted()) return std::nullopt;
  if (postgres::IsLockTimeout(error)) {
    progress_->failing_since.reset();
    return progress_->backoff.Next();
  }
  const bool unreachable = absl::IsUnavailable(error);
  if (!unreachable && !postgres::IsConflict(error)) return std::nullopt;
  if (!progress_->failing_since.has_value()) progress_->failing_since = begun;
  const bool late = absl::Now() - *progress_->failing_since > context_->retry_for;
  if (late || context_->stopping()) return std::nullopt;
  // The idle connections have probably broken, too.
  if (unreachable) context_->connections->CloseIdle();
  return progress_->backoff.Next();
}

void InsertBuffer::NoteLocked() {
  const std::optional<absl::Duration> waited =
      context_->locked->SetLocked(claim_.stream_no, MonotonicNow());
  if (waited.has_value()) LogLockWait(context_->connections, sync_id_, table_, *waited);
}

absl::StatusOr<FlushResult> InsertBuffer::TryFlush(const DueCheckpoints& checkpoints,
                                                   Attempt* attempt) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::ConnectionPool::Lease connection,
                            context_->connections->Acquire());
  const FlushInterrupt::Attempt running(interrupt_.get(), &*connection);
  if (interrupt_->interrupted()) {
    return progress_->commit_unknown ? postgres::CommitUnknown() : absl::CancelledError();
  }
  // An earlier attempt may have been committed.
  if (progress_->commit_unknown) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<FlushResult> found, FindCommit(*connection));
    if (found.has_value()) return *found;
  }
  // Rows that are rolled back remain in the table until VACUUM, so they are not sent again only to
  // wait for the same lock.
  if (progress_->row_locked) {
    SYNCLINE_RETURN_IF_ERROR(context_->committer->CheckUnlocked(*connection, claim_));
    progress_->row_locked = false;
  }
  if (attempt->by_statement && small_commit_.Fits(commit_, bytes_)) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<FlushResult> committed,
                              TryStatement(*connection, checkpoints, attempt));
    if (committed.has_value()) return *committed;
  }
  if (rows_ > 0 && !distributed_.has_value()) {
    SYNCLINE_ASSIGN_OR_RETURN(distributed_, postgres::IsDistributed(*connection, table_));
  }
  // Copy the rows, write the ledger, commit.
  FlushResult result = Held();
  absl::Status status =
      rows_ > 0
          ? CopyRows(*connection, attempt->lock_timeout)
          : connection->Execute(postgres::BeginWithLockTimeoutSql(context_->ledger_lock_timeout));
  attempt->copied = status.ok();
  if (status.ok()) status = WriteLedger(*connection, checkpoints, &result);
  if (status.ok()) {
    status = Commit(*connection);
    if (status.ok()) return result;
  }
  // Roll back, find the reason, and reject rows that the database refuses.
  connection->Rollback();
  if (!connection->usable()) return status;
  absl::StatusOr<FlushResult> answer = AfterFailure(*connection, status);
  const bool superseded = answer.ok() || answer.status() != status;
  if (attempt->copied || superseded || postgres::IsLockTimeout(status)) return answer;
  if (omission_.omits()) {
    omission_.HandleFailure(status, &blocks_);
  } else {
    SYNCLINE_ASSIGN_OR_RETURN(const bool replaced, ReplaceCharacters(*connection, status));
    if (!replaced) SYNCLINE_RETURN_IF_ERROR(RejectRefused(*connection, status));
  }
  attempt->changed = true;
  return status;
}

absl::Status InsertBuffer::Commit(postgres::Connection& connection) {
  SYNCLINE_FAILPOINT(kBeforeCommit);
  if (!interrupt_->BeginCommit()) return absl::CancelledError();
  const absl::Status committed = connection.Commit();
  interrupt_->EndCommit();
  if (committed.ok()) SYNCLINE_FAILPOINT(kCommitted);
  // A COMMIT that was refused has not happened.
  if (absl::IsUnavailable(committed)) progress_->commit_unknown = true;
  return committed;
}

absl::StatusOr<bool> InsertBuffer::ReplaceCharacters(postgres::Connection& connection,
                                                     const absl::Status& error) {
  postgres::Repertoire* const repertoire =
      context_->destination == nullptr ? nullptr : context_->destination->repertoire();
  if (repertoire == nullptr || !postgres::IsAboutCharacters(error)) return false;
  SYNCLINE_ASSIGN_OR_RETURN(const ReplacedText replaced,
                            unstorable_.Replace(connection, *repertoire, &blocks_));
  if (replaced.empty()) return false;
  bytes_ += replaced.added_bytes;
  Count(replaced.changed);
  return replaced.refused.empty() || RemoveRows(replaced.refused);
}

absl::Status InsertBuffer::RejectRefused(postgres::Connection& connection,
                                         const absl::Status& error) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<RefusedRow> refused,
                            refused_rows_.Find(connection, blocks_, error, &named_rows_));
  return !refused.empty() && RemoveRows(refused) ? absl::OkStatus() : error;
}

bool InsertBuffer::RemoveRows(const std::vector<RefusedRow>& refused) {
  const std::vector<RowSpan> rows = FindRows(blocks_);
  if (std::any_of(refused.begin(), refused.end(),
                  [&](const RefusedRow& row) { return row.index >= rows.size(); })) {
    return false;
  }
  // From the last row to the first, so that the positions of the earlier rows stay valid.
  for (size_t i = refused.size(); i-- > 0;) {
    const size_t index = refused[i].index;
    const int64_t offset = offsets_.Get(index).value_or(0);
    const RowSpan& span = rows[index];
    blocks_[span.block].Erase(span.begin, span.size);
    offsets_.Erase(index);
    bytes_ -= static_cast<int64_t>(span.size);
    --rows_;
    ++refused_[refused[i].reason];
    Reject({offset, refused[i].reason, /*raw=*/"", /*raw_truncated=*/true, refused[i].detail});
  }
  return true;
}

FlushResult InsertBuffer::Held() const {
  FlushResult result;
  result.rows = rows_;
  result.rejected = static_cast<int64_t>(commit_.rejected.size());
  result.encoded_bytes = bytes_;
  result.values = Sum(commit_.fields);
  result.refused = refused_;
  return result;
}

absl::Status InsertBuffer::WriteLedger(postgres::Connection& connection,
                                       const DueCheckpoints& checkpoints, FlushResult* result) {
  const postgres::DataCommitter& committer = *context_->committer;
  commit_.rows = rows_;
  SYNCLINE_ASSIGN_OR_RETURN(result->durable_offset,
                            committer.AdvanceOffset(connection, claim_, commit_));
  SYNCLINE_RETURN_IF_ERROR(
      committer.WriteRejected(connection, claim_, commit_.rejected, context_->max_rejected_bytes));
  SYNCLINE_RETURN_IF_ERROR(committer.WriteCounts(connection, claim_, commit_.fields));
  if (checkpoints) result->checkpoints = checkpoints(result->durable_offset);
  return committer.WriteCheckpoints(connection, claim_, result->checkpoints);
}

absl::StatusOr<std::optional<FlushResult>> InsertBuffer::FindCommit(
    postgres::Connection& connection) const {
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::WriterRowState standing,
                            context_->committer->Look(connection, claim_, commit_.offsets));
  // Checked first: a newer call may have committed the same records, and this call must not count
  // them.
  SYNCLINE_RETURN_IF_ERROR(standing.claim);
  if (!standing.committed) return std::nullopt;
  // A synchronous standby may not have it yet.
  SYNCLINE_RETURN_IF_ERROR(connection.ConfirmDurable());
  // The next flush writes its checkpoints, if any; writing them twice is harmless.
  FlushResult result = Held();
  result.durable_offset = standing.durable_offset;
  return result;
}

absl::StatusOr<FlushResult> InsertBuffer::AfterFailure(postgres::Connection& connection,
                                                       const absl::Status& status) const {
  if (progress_->commit_unknown) {
    // The lost COMMIT may have finished only while its rows were sent again.
    const absl::StatusOr<std::optional<FlushResult>> found = FindCommit(connection);
    if (found.ok()) return found->has_value() ? absl::StatusOr<FlushResult>(**found) : status;
    return found.status();
  }
  const absl::StatusOr<postgres::WriterRowState> standing =
      context_->committer->Look(connection, claim_, commit_.offsets);
  // Without an answer it is unknown whether the writer was taken over, so the flush is tried again
  // if the database cannot be reached.
  if (!standing.ok()) return absl::IsUnavailable(standing.status()) ? standing.status() : status;
  return standing->claim.ok() ? status : standing->claim;
}

absl::Status InsertBuffer::CopyRows(postgres::Connection& connection, absl::Duration lock_timeout) {
  // One message, of which the last statement runs after the COPY.
  const std::string sql = absl::StrCat(postgres::BeginWithLockTimeoutSql(lock_timeout), "; ",
                                       omission_.omits() ? omission_.copy_sql() : copy_sql_, "; ",
                                       postgres::SetLockTimeoutSql(context_->ledger_lock_timeout));
  SYNCLINE_RETURN_IF_ERROR(connection.BeginCopy(sql, table_.name));
  const absl::Status sent = SendBlocks(connection, blocks_, format_);
  SYNCLINE_FAILPOINT(kCopySent);
  // The result is read even if sending failed, because it has the reason.
  const absl::StatusOr<int64_t> copied = connection.EndCopy();
  SYNCLINE_RETURN_IF_ERROR(copied.status());
  SYNCLINE_RETURN_IF_ERROR(sent);
  if (*copied != rows_) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("the table stored ", *copied, " of ", rows_, " rows: a trigger skips rows"),
        {.reason = reason::kRejectedByDatabase});
  }
  context_->locked->SetFree(claim_.stream_no);
  if (omission_.omits()) SYNCLINE_RETURN_IF_ERROR(omission_.CheckDefault(connection));
  SYNCLINE_FAILPOINT(kCopied);
  return absl::OkStatus();
}

void InsertBuffer::Clear() {
  ReleaseBlocks();
  omission_.EndBlock();
  offsets_.Clear();
  filled_blocks_ = bytes_ >= static_cast<int64_t>(kBlockBytes);
  bytes_ = 0;
  rows_ = 0;
  commit_ = postgres::DataCommit{};
  refused_.clear();
  named_rows_ = 0;
  progress_.reset();
}

void InsertBuffer::ReleaseBlocks() {
  for (ByteBuffer& block : blocks_) {
    const size_t bytes = block.capacity();
    if (bytes >= kBlockBytes) context_->blocks->Give(std::move(block), bytes);
  }
  blocks_.clear();
}

}  // namespace syncline::write
