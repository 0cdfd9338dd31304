#include "server/write/write_errors.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/utf8.h"
#include "server/postgres/ledger/ledger_errors.h"

namespace syncline::write {
namespace {

// Keeps the metadata of errors small.
constexpr size_t kMaxListBytes = 512;

}  // namespace

absl::Status SyncIdReused(absl::string_view sync_id) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("sync_id \"", sync_id, "\" was started with a different request"),
      {.reason = reason::kSyncIdReused,
       .violations = {
           {"sync_id", "was already used for a different request; use a new id for a new sync"}}});
}

absl::Status InputChanged(absl::string_view sync_id) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("sync_id \"", sync_id, "\" was started with a different input"),
      {.reason = reason::kInputChanged,
       .violations = {{"input_digest",
                       "differs from that of the sync's first request; use a new sync_id "
                       "for a new input"}}});
}

absl::Status StartInProgress(absl::string_view sync_id) {
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("another call starts or cancels the sync \"", sync_id, "\""),
                   {.reason = reason::kStartInProgress, .retry_after = absl::Milliseconds(500)});
}

absl::Status TableNamedTwice(const TableName& table) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("the request is not valid: table_name ", table.ToString(),
                   " is the table of another stream of the request"),
      {.reason = reason::kInvalidRequest,
       .violations = {{"table_name", "is the table of another stream of the request"}}});
}

absl::Status TooManyStreamsOfSync(int limit) {
  const std::string fault = absl::StrCat("must leave the sync with at most ", limit, " streams");
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request is not valid: streams ", fault),
                   {.reason = reason::kInvalidRequest, .violations = {{"streams", fault}}});
}

absl::Status PlanChanged(const StreamDescriptor& stream, absl::string_view field) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("the stream \"", stream.name, "\" has started with another ", field,
                   ", which cannot change during the sync"),
      {.reason = reason::kPlanChanged,
       .violations = {{std::string(field), "differs from that with which the stream started"}}});
}

absl::Status StreamsOpen(absl::string_view sync_id, const std::vector<std::string>& streams) {
  const std::string names = absl::StrJoin(streams, ", ");
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the sync \"", sync_id,
                                "\" cannot finish before these streams have ended: ", names),
                   {.reason = reason::kStreamsOpen, .metadata = {{"streams", names}}});
}

absl::Status StaleGeneration(const TableName& table, int64_t requested, int64_t current) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("generation ", requested, " of ", table.ToString(),
                                " is older than the table's, which is ", current),
                   {.reason = reason::kStaleGeneration,
                    .metadata = {{"generation_id", absl::StrCat(requested)},
                                 {"current_generation_id", absl::StrCat(current)}},
                    .subject = table.ToString()});
}

absl::Status SchemaMissing(absl::string_view schema) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the schema \"", schema, "\" does not exist"),
                   {.reason = reason::kSchemaMissing, .subject = std::string(schema)});
}

absl::Status TableOwned(const TableName& table) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " belongs to another connection_id"),
                   {.reason = reason::kTableOwned, .subject = table.ToString()});
}

absl::Status ColumnTakesNoTime(const TableName& table, absl::string_view column,
                               absl::string_view type) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the column ", column, " of ", table.ToString(),
                                " cannot mark deleted rows: ", "its type ", type,
                                " does not take a time; change its type, or rename it"),
                   {.reason = reason::kTargetIncompatible,
                    .metadata = {{"column", std::string(column)}},
                    .subject = table.ToString()});
}

absl::Status WritersActive(const std::vector<std::string>& writer_ids) {
  const std::string list = absl::StrJoin(writer_ids, ",");
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("a StreamRecords call is still open for ", writer_ids.size(),
                                " writer(s) of the stream: \"", list, "\""),
                   {.reason = reason::kWritersActive,
                    .metadata = {{"writer_ids", std::string(CutAtCharacter(list, kMaxListBytes))}},
                    .retry_after = absl::Milliseconds(500)});
}

absl::Status WriterBusy(absl::string_view writer_id) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("writer \"", writer_id,
                                "\" cannot be opened while a commit of its earlier call or the "
                                "completion of its stream is in progress"),
                   {.reason = reason::kLockNotAvailable, .retry_after = absl::Seconds(1)});
}

absl::Status CountMismatch(int64_t expected, int64_t committed) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the caller sent ", expected, " records, but ", committed,
                                " are committed; nothing was finalized"),
                   {.reason = reason::kCountMismatch,
                    .metadata = {{"expected_records", absl::StrCat(expected)},
                                 {"committed_records", absl::StrCat(committed)}}});
}

absl::Status OffsetsMissing(const std::vector<std::string>& writer_ids) {
  const std::string list = absl::StrJoin(writer_ids, ",");
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("records before the last committed ones are missing for the writer(s) \"", list,
                   "\"; send them from the durable offset on"),
      {.reason = reason::kOffsetsMissing,
       .metadata = {{"writer_ids", std::string(CutAtCharacter(list, kMaxListBytes))}}});
}

absl::Status PublishGuardRefuses(const TableName& table, const std::vector<GuardResult>& results) {
  ErrorDetail detail;
  detail.reason = reason::kPublishGuard;
  detail.subject = table.ToString();
  std::vector<std::string> failed;
  std::vector<std::string> held;
  for (const GuardResult& result : results) {
    const std::string figures = absl::StrCat(result.actual, ", the limit is ", result.limit);
    (result.passed ? held : failed).push_back(absl::StrCat(result.name, " is ", figures));
    detail.metadata.emplace_back(result.name,
                                 absl::StrCat(figures, result.passed ? "" : ": refused"));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " was not published, staged rows are kept: ",
                                absl::StrJoin(failed, "; "), held.empty() ? "" : " (passed: ",
                                absl::StrJoin(held, "; "), held.empty() ? "" : ")"),
                   detail);
}

absl::Status AllRejected(const TableName& table, int64_t rejected) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " was not replaced: all ", rejected,
                                " records were rejected; set allow_empty in the guard to empty it"),
                   {.reason = reason::kAllRejected,
                    .metadata = {{"records_rejected", absl::StrCat(rejected)}},
                    .subject = table.ToString()});
}

absl::Status RowsNotDistinguished(const TableName& table) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("earlier syncs have staged rows for ", table.ToString(),
                   ", which has no raw ids to tell them from the stream's; nothing was discarded"),
      {.reason = reason::kInvalidRequest,
       .violations = {{"keep_earlier",
                       "needs a table with meta FULL if earlier rows are staged; leave it out to "
                       "discard all staged rows"}}});
}

absl::Status UnknownSync(absl::string_view sync_id) { return postgres::UnknownSync(sync_id); }

absl::Status UnknownStream(const StreamDescriptor& descriptor) {
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("the sync has no stream \"", descriptor.name, "\" in namespace \"",
                   descriptor.name_space, "\""),
      {.reason = reason::kUnknownStream,
       .metadata = {{"namespace", descriptor.name_space}, {"stream", descriptor.name}}});
}

bool ConcernsOneStream(const absl::Status& status) {
  if (IsRetryable(status)) return false;
  switch (status.code()) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable:
      return false;
    default:
      return true;
  }
}

}  // namespace syncline::write
