#include "server/write/guard_check.h"

#include <string>
#include <utility>

#include "base/status_macros.h"
#include "server/postgres/table/publish_check.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

// Name of the result for a replace of which every record was rejected.
constexpr char kAllowEmpty[] = "allow_empty";

// Returns whether a replace has nothing to publish because every record was rejected.
absl::StatusOr<bool> AllWereRejected(postgres::Transaction& transaction, const StreamEntry& stream,
                                     CompletionAction how) {
  const bool none = stream.records_rejected > 0 && stream.records_written == 0;
  if (!IsTruncate(stream.plan.loader) || !Publishes(how) || !none ||
      stream.plan.guard.allow_empty) {
    return false;
  }
  SYNCLINE_ASSIGN_OR_RETURN(const bool staged,
                            postgres::HasRows(transaction, stream.plan.temp_table));
  return !staged;
}

}  // namespace

absl::StatusOr<std::vector<GuardResult>> JudgePublication(postgres::Transaction& transaction,
                                                          const StreamEntry& stream,
                                                          CompletionAction how,
                                                          bool target_exists) {
  const PublishGuard& guard = stream.plan.guard;
  PublishFigures figures;
  if (NeedsCounting(guard)) {
    SYNCLINE_ASSIGN_OR_RETURN(
        figures, postgres::CountPublication(transaction, stream.plan, guard, how, target_exists));
  }
  figures.rejected = stream.records_rejected;
  figures.nulled = stream.values.nulled;
  std::vector<GuardResult> results = EvaluateGuard(guard, figures);
  SYNCLINE_ASSIGN_OR_RETURN(const bool rejected, AllWereRejected(transaction, stream, how));
  if (rejected) results.push_back({kAllowEmpty, 0, static_cast<double>(figures.rejected), false});
  return results;
}

void UseGuard(const CompletionRequest& request, PublishGuard* guard) {
  if (!request.guard.has_value()) return;
  std::vector<std::string> key = std::move(guard->key);
  *guard = *request.guard;
  guard->key = std::move(key);
}

absl::Status CheckGuard(postgres::Transaction& transaction, const StreamEntry& stream,
                        CompletionAction how, bool target_exists) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<GuardResult> results,
                            JudgePublication(transaction, stream, how, target_exists));
  if (!results.empty() && results.back().name == kAllowEmpty) {
    return AllRejected(stream.plan.table, stream.records_rejected);
  }
  for (const GuardResult& result : results) {
    if (!result.passed) return PublishGuardRefuses(stream.plan.table, results);
  }
  return absl::OkStatus();
}

}  // namespace syncline::write
