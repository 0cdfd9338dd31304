#include "server/sync/stream_session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/interruption.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/model/publish_guard.h"
#include "server/sync/sync_errors.h"
#include "server/write/guard_check.h"
#include "server/write/stream_validation.h"

namespace syncline::sync {
namespace {

absl::Status CheckGuardFields(const PublishGuard& guard, const StreamPlan& plan) {
  const bool has_key = !plan.schema.primary_key.empty() || !plan.guard.key.empty();
  std::vector<FieldViolation> violations;
  for (const auto& [field, text] :
       FindGuardFaults(guard, plan.schema, has_key, plan.loader == LoaderKind::kAppend)) {
    violations.push_back({absl::StrCat("guard.", field), text});
  }
  return violations.empty() ? absl::OkStatus() : InvalidRequest(std::move(violations));
}

}  // namespace

StreamSession::StreamSession(const SessionContext* context, int64_t sync_no, std::string sync_id,
                             const StreamPlan& plan)
    : context_(context),
      sync_no_(sync_no),
      sync_id_(std::move(sync_id)),
      plan_(plan),
      metrics_(context->metrics->ForStream(plan.descriptor.name_space, plan.descriptor.name,
                                           plan.generation_id)),
      newest_plan_(std::make_shared<const StreamPlan>(plan)) {}

StreamSession::~StreamSession() = default;

std::shared_ptr<const StreamPlan> StreamSession::newest_plan() const {
  MutexLock lock(&mutex_);
  return newest_plan_;
}

void StreamSession::UsePlan(const StreamPlan& plan) {
  auto newest = std::make_shared<const StreamPlan>(plan);
  MutexLock lock(&mutex_);
  if (plan.version > newest_plan_->version) newest_plan_ = std::move(newest);
}

absl::StatusOr<std::shared_ptr<const StreamPlan>> StreamSession::ReadPlan() {
  SYNCLINE_ASSIGN_OR_RETURN(const StreamEntry stream, context_->store->GetStream(plan_.stream_no));
  UsePlan(stream.plan);
  return newest_plan();
}

absl::StatusOr<std::shared_ptr<const StreamPlan>> StreamSession::GetPlan(int64_t version) {
  std::shared_ptr<const StreamPlan> plan = newest_plan();
  if (plan->version >= version) return plan;
  SYNCLINE_ASSIGN_OR_RETURN(plan, ReadPlan());
  if (plan->version < version) return PlanVersionUnknown(version, plan->version);
  return plan;
}

absl::StatusOr<ClaimedWriter> StreamSession::Claim(const OpenRequest& request,
                                                   std::shared_ptr<const StreamPlan>* plan) {
  SYNCLINE_ASSIGN_OR_RETURN(*plan, GetPlan(request.plan_version));
  absl::StatusOr<ClaimedWriter> claimed = context_->store->ClaimWriter(
      sync_no_, plan_.stream_no, request.writer_id, request.expected_epoch);
  if (!claimed.ok()) {
    if (GetReason(claimed.status()) == reason::kFenced) context_->metrics->FencedWriter();
    return claimed;
  }
  // Another replica may have extended the stream.
  absl::StatusOr<std::shared_ptr<const StreamPlan>> newest = GetPlan(claimed->plan_version);
  if (!newest.ok()) {
    context_->store->ReleaseWriter(claimed->claim, newest.status());
    return newest.status();
  }
  *plan = *std::move(newest);
  return claimed;
}

absl::StatusOr<int64_t> StreamSession::CountRejected() {
  if (!context_->call.max_rejected.has_value()) return 0;
  SYNCLINE_ASSIGN_OR_RETURN(const StreamEntry stream, context_->store->GetStream(plan_.stream_no));
  return stream.records_rejected;
}

absl::StatusOr<std::shared_ptr<WriterCall>> StreamSession::Open(const OpenRequest& request,
                                                                WriterCall::Done done,
                                                                WriterCall::Committed committed) {
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t rejected_before, CountRejected());
  std::shared_ptr<const StreamPlan> plan;
  SYNCLINE_ASSIGN_OR_RETURN(const ClaimedWriter claimed, Claim(request, &plan));
  const WriterClaim& claim = claimed.claim;
  auto call = std::make_shared<WriterCall>(
      &context_->call, *plan, sync_id_, claim, claimed.committed, rejected_before, metrics_,
      [this, claim, done = std::move(done)](const absl::Status& status,
                                            const CallSummary& summary) {
        if (GetReason(status) == reason::kFenced) context_->metrics->FencedWriter();
        // The RPC's callback keeps the session alive.
        Forget(claim);
        done(status, summary);
      },
      std::move(committed));
  for (const auto& older : Add(call)) older->Fail(TakenOver(request.writer_id));
  metrics_->Phase(metrics::StreamPhase::kOpen);
  Log(LogLevel::kDebug, "writer_opened")
      .Field("sync_id", sync_id_)
      .Field("stream", plan_.descriptor.name)
      .Field("writer", request.writer_id)
      .Field("epoch", claim.epoch)
      .Field("plan_version", plan->version)
      .Field("durable_offset", claimed.committed.DurableOffset());
  return call;
}

absl::StatusOr<RepeatedCall> StreamSession::Repeat(absl::string_view writer_id) {
  // The call acknowledges the offsets without a commit.
  SYNCLINE_ASSIGN_OR_RETURN(const StreamEntry stream,
                            context_->store->GetDurableStream(plan_.stream_no));
  if (stream.state == StreamState::kFailed && !stream.error.ok()) return stream.error;
  return RepeatedCall(stream, writer_id);
}

absl::Status StreamSession::CheckGuard(const CompletionRequest& request) {
  if (!request.guard.has_value()) return absl::OkStatus();
  if (CheckGuardFields(*request.guard, *newest_plan()).ok()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::shared_ptr<const StreamPlan> plan, ReadPlan());
  return CheckGuardFields(*request.guard, *plan);
}

absl::StatusOr<StreamEntry> StreamSession::Complete(const CompletionRequest& request) {
  const absl::Time started = absl::Now();
  SYNCLINE_RETURN_IF_ERROR(CheckGuard(request));
  absl::StatusOr<StreamEntry> begun = context_->store->BeginCompletion(plan_.stream_no, request);
  if (!begun.ok()) {
    // A call that is still open is not a failure yet.
    if (GetReason(begun.status()) != reason::kWritersActive) NoteFailure(begun.status());
    return begun.status();
  }
  // The stream is kFinalizing: publish its rows.
  StreamEntry stream = *std::move(begun);
  if (HasEnded(stream.state)) return stream;
  write::UseGuard(request, &stream.plan.guard);
  metrics_->Phase(metrics::StreamPhase::kFinalizing);
  const absl::StatusOr<StreamResult> result =
      context_->writer->CompletionLoader(stream.plan, request)
          ->Complete(stream, request, *metrics_);
  if (!result.ok()) return AfterFailure(result.status());
  // Report the result.
  context_->store->changed().Ended(sync_no_);
  stream.result = *result;
  if (result->choice.strategy != ReplaceStrategy::kAuto) stream.plan.choice = result->choice;
  stream.state = request.complete ? StreamState::kCompleted : StreamState::kIncomplete;
  const absl::Duration took = absl::Now() - started;
  metrics_->Finalized("total", took);
  metrics_->Phase(request.complete ? metrics::StreamPhase::kCompleted
                                   : metrics::StreamPhase::kIncomplete);
  if (request.complete) metrics_->Succeeded(absl::Now());
  metrics_->Finished();
  Log(LogLevel::kInfo, "stream_ended")
      .Field("sync_id", sync_id_)
      .Field("namespace", plan_.descriptor.name_space)
      .Field("stream", plan_.descriptor.name)
      .Field("table", plan_.table.ToString())
      .Field("generation", plan_.generation_id)
      .Field("complete", request.complete)
      .Field("outcome", ToText(result->outcome))
      .Field("strategy", ToText(result->choice.strategy))
      .Field("strategy_reason", result->choice.reason)
      .Field("rows", result->rows)
      .Field("rows_marked_deleted", result->marked_rows)
      .Field("records_written", stream.records_written)
      .Field("records_rejected", stream.records_rejected)
      .Field("values_nulled", stream.values.nulled)
      .Field("values_truncated", stream.values.truncated)
      .Field("fields_undeclared", stream.values.undeclared)
      .Field("took", took);
  return stream;
}

absl::StatusOr<Validation> StreamSession::Validate(const CompletionRequest& request) {
  SYNCLINE_RETURN_IF_ERROR(CheckGuard(request));
  return write::ValidateCompletion(context_->writer->validation_context(), sync_id_, plan_,
                                   request);
}

// Another call may have finished the stream, the response to our COMMIT may have been lost, or a
// newer sync may have taken the tables over, which can cause any error.
absl::StatusOr<StreamEntry> StreamSession::AfterFailure(const absl::Status& failure) {
  absl::Status answer = failure;
  const absl::StatusOr<StreamEntry> now = context_->store->GetSettledStream(plan_.stream_no);
  if (now.ok() && HasEnded(now->state)) {
    context_->store->changed().Ended(sync_no_);
    return now;
  }
  if (now.ok() && now->state == StreamState::kCancelled) {
    answer = context_->store->GetCancellationError(plan_);
  }
  Log(LogLevel::kWarning, "finalize_failed")
      .Field("sync_id", sync_id_)
      .Field("stream", plan_.descriptor.name)
      .Error(failure);
  NoteFailure(answer);
  return answer;
}

void StreamSession::NoteFailure(const absl::Status& failure) {
  // Also for a call that was interrupted.
  const Interruption::Scope uninterrupted(nullptr);
  // It only informs people, so it is not retried if the database is unreachable.
  context_->store->NoteFailure(plan_.stream_no, failure).IgnoreError();
}

std::vector<std::shared_ptr<WriterCall>> StreamSession::Calls() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<WriterCall>> calls;
  for (const auto& [writer_id, call] : calls_) calls.push_back(call);
  return calls;
}

void StreamSession::FailCalls(const absl::Status& status) {
  for (const auto& call : Calls()) call->Fail(status);
}

void StreamSession::EndCalls(const absl::Status& status) {
  for (const auto& call : Calls()) call->End(status);
}

void StreamSession::NoteAge() const {
  absl::Duration age;
  for (const auto& call : Calls()) age = std::max(age, call->uncommitted_age());
  metrics_->UncommittedAge(age);
}

void StreamSession::FlushOlderThan(absl::Duration age) {
  for (const auto& call : Calls()) call->FlushOlderThan(age);
}

void StreamSession::FlushIdle() {
  for (const auto& call : Calls()) call->FlushIdle();
}

int64_t StreamSession::open_calls() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(calls_.size());
}

std::vector<std::shared_ptr<WriterCall>> StreamSession::Add(
    const std::shared_ptr<WriterCall>& call) {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<WriterCall>> older;
  const auto [begin, end] = calls_.equal_range(call->claim().writer_id);
  for (auto other = begin; other != end; ++other) {
    // A crash of the database lowers epochs. The fence then decides between the calls.
    if (other->second->claim().epoch < call->claim().epoch) older.push_back(other->second);
  }
  calls_.emplace(call->claim().writer_id, call);
  return older;
}

void StreamSession::Forget(const WriterClaim& claim) {
  std::shared_ptr<WriterCall> forgotten;
  MutexLock lock(&mutex_);
  const auto [begin, end] = calls_.equal_range(claim.writer_id);
  const auto found = std::find_if(
      begin, end, [&](const auto& entry) { return entry.second->claim().token == claim.token; });
  if (found == end) return;
  forgotten = std::move(found->second);
  calls_.erase(found);
}

}  // namespace syncline::sync
