#include "server/write/load/insert_buffer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/raw_id.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/copy/text_fields.h"
#include "server/postgres/sql/sql_generator.h"
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

// Like CopySql, and begins the transaction.
std::string BeginCopySql(const StreamPlan& plan, postgres::CopyFormat format) {
  return format == postgres::CopyFormat::kBinary
             ? postgres::BeginCopyBinarySql(plan.load_table(), plan.schema)
             : postgres::BeginCopyTextSql(plan.load_table(), plan.schema);
}

}  // namespace

InsertBuffer::InsertBuffer(const LoadContext* context, const StreamPlan& plan,
                           absl::string_view sync_id, WriterClaim claim)
    : context_(context),
      format_(postgres::CopyFormatFor(plan.schema)),
      copy_sql_(BeginCopySql(plan, format_)),
      relation_(plan.load_table().name),
      refused_rows_(CopySql(plan, format_), format_),
      raw_ids_(sync_id, plan.descriptor, claim.writer_id),
      encoder_(plan.schema, raw_ids_, plan.generation_id),
      claim_(std::move(claim)) {}

InsertBuffer::~InsertBuffer() { ReleaseBlocks(); }

void InsertBuffer::Append(const RecordMeta& meta, absl::Span<const Value> values) {
  ByteBuffer& block = OpenBlock();
  const size_t before = block.size();
  if (rows_ == 0) postgres::AppendCopyHeader(&block);
  encoder_.AppendRow(meta, values, &block);
  bytes_ += static_cast<int64_t>(block.size() - before);
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

absl::StatusOr<FlushResult> InsertBuffer::Flush(const DueCheckpoints& checkpoints, bool closes) {
  const absl::Time started = absl::Now();
  commit_.closes = closes;
  Backoff backoff(absl::Milliseconds(50), absl::Seconds(2));
  bool commit_unknown = false;
  while (true) {
    bool smaller = false;
    absl::StatusOr<FlushResult> flushed = TryFlush(checkpoints, &commit_unknown, &smaller);
    if (smaller) continue;
    if (flushed.ok()) {
      flushed->took = absl::Now() - started;
      flushed->closed = closes;
      if (context_->changed != nullptr) {
        context_->changed->Committed(claim_.sync_no, !flushed->checkpoints.empty());
      }
      Clear();
      return flushed;
    }
    const bool repeat =
        absl::IsUnavailable(flushed.status()) || postgres::IsConflict(flushed.status());
    if (!repeat || absl::Now() - started > context_->retry_for) return flushed;
    context_->connections->CloseIdle();
    if (!context_->wait(backoff.Next())) return flushed;
  }
}

absl::StatusOr<FlushResult> InsertBuffer::TryFlush(const DueCheckpoints& checkpoints,
                                                   bool* commit_unknown, bool* smaller) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::ConnectionPool::Lease connection,
                            context_->connections->Acquire());
  // An earlier attempt may have been committed.
  if (*commit_unknown) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::optional<FlushResult> found, FindCommit(*connection));
    if (found.has_value()) return *found;
  }
  // Copy the rows, write the ledger, commit.
  FlushResult result = Held();
  absl::Status status = rows_ > 0 ? CopyRows(*connection) : connection->Begin();
  const bool copied = status.ok();
  if (copied) SYNCLINE_FAILPOINT(kCopied);
  if (copied) status = WriteLedger(*connection, checkpoints, &result);
  if (status.ok()) {
    SYNCLINE_FAILPOINT(kBeforeCommit);
    status = connection->Commit();
    if (status.ok()) {
      SYNCLINE_FAILPOINT(kCommitted);
      return result;
    }
    // A COMMIT that was refused has not happened.
    *commit_unknown = *commit_unknown || absl::IsUnavailable(status);
  }
  // Roll back, find the reason, and reject rows that the database refuses.
  connection->Rollback();
  if (!connection->usable()) return status;
  absl::StatusOr<FlushResult> answer = AfterFailure(*connection, status, *commit_unknown);
  if (copied || answer.ok() || answer.status() != status) return answer;
  SYNCLINE_RETURN_IF_ERROR(RejectRefused(*connection, status));
  *smaller = true;
  return status;
}

absl::Status InsertBuffer::RejectRefused(postgres::Connection& connection,
                                         const absl::Status& error) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<RefusedRow> refused,
                            refused_rows_.Find(connection, blocks_, error, &named_rows_));
  return !refused.empty() && RemoveRows(refused) ? absl::OkStatus() : error;
}

bool InsertBuffer::RemoveRows(const std::vector<RefusedRow>& refused) {
  const std::vector<RowSpan> rows = FindRows(blocks_);
  std::vector<int64_t> offsets;
  for (const RefusedRow& row : refused) {
    if (row.index >= rows.size()) return false;
    const std::optional<int64_t> offset =
        raw_ids_.FindOffset(GetRawId(GetRowBytes(blocks_, rows[row.index])));
    if (!offset.has_value()) return false;
    offsets.push_back(*offset);
  }
  // From the last row to the first, so that the positions of the earlier rows stay valid.
  for (size_t i = refused.size(); i-- > 0;) {
    const RowSpan& span = rows[refused[i].index];
    blocks_[span.block].Erase(span.begin, span.size);
    bytes_ -= static_cast<int64_t>(span.size);
    --rows_;
    ++refused_[refused[i].reason];
    Reject({offsets[i], refused[i].reason, /*raw=*/"", /*raw_truncated=*/true, refused[i].detail});
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
  // The next flush writes its checkpoints, if any; writing them twice is harmless.
  FlushResult result = Held();
  result.durable_offset = standing.durable_offset;
  return result;
}

absl::StatusOr<FlushResult> InsertBuffer::AfterFailure(postgres::Connection& connection,
                                                       const absl::Status& status,
                                                       bool commit_unknown) const {
  if (commit_unknown) {
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

absl::Status InsertBuffer::CopyRows(postgres::Connection& connection) {
  SYNCLINE_RETURN_IF_ERROR(connection.BeginCopy(copy_sql_, relation_));
  const absl::Status sent =
      format_ == postgres::CopyFormat::kBinary ? SendBinary(connection) : SendText(connection);
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
  return absl::OkStatus();
}

absl::Status InsertBuffer::SendBinary(postgres::Connection& connection) {
  for (const ByteBuffer& block : blocks_) {
    SYNCLINE_RETURN_IF_ERROR(connection.PutCopyData(block.view()));
  }
  ByteBuffer trailer;
  postgres::AppendCopyTrailer(&trailer);
  return connection.PutCopyData(trailer.view());
}

absl::Status InsertBuffer::SendText(postgres::Connection& connection) {
  ByteBuffer lines;
  for (const ByteBuffer& block : blocks_) {
    lines.Clear();
    const bool first = &block == &blocks_.front();
    postgres::AppendTextLines(block.view().substr(first ? postgres::kCopyHeaderBytes : 0), &lines);
    SYNCLINE_RETURN_IF_ERROR(connection.PutCopyData(lines.view()));
  }
  return absl::OkStatus();
}

void InsertBuffer::Clear() {
  ReleaseBlocks();
  filled_blocks_ = bytes_ >= static_cast<int64_t>(kBlockBytes);
  bytes_ = 0;
  rows_ = 0;
  commit_ = postgres::DataCommit{};
  refused_.clear();
  named_rows_ = 0;
}

void InsertBuffer::ReleaseBlocks() {
  for (ByteBuffer& block : blocks_) {
    const size_t bytes = block.capacity();
    if (bytes >= kBlockBytes) context_->blocks->Give(std::move(block), bytes);
  }
  blocks_.clear();
}

}  // namespace syncline::write
