#include "tests/support/persistent_caller.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/append_call.h"
#include "tests/support/append_requests.h"

namespace syncline::testing {
namespace {

// How long a watch is reopened while the server is unreachable.
constexpr absl::Duration kWatchTimeout = absl::Seconds(10);

// Errors that a fault of a process, a network or a database may cause.
bool IsExcused(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      // An open call of a killed server counts as open until the server's lease expires.
      return GetReason(status) == "WRITERS_ACTIVE";
  }
}

}  // namespace

PersistentCaller::PersistentCaller(PersistentCallerOptions options, DeliveryHistory* history)
    : options_(std::move(options)),
      history_(history),
      random_(static_cast<std::minstd_rand::result_type>(options_.seed)) {
  for (const std::string& server : options_.servers) {
    client::ConnectionOptions connection;
    connection.server = server;
    absl::StatusOr<std::unique_ptr<client::SyncClient>> made =
        client::SyncClient::Create(connection);
    if (made.ok()) clients_.push_back(*std::move(made));
  }
  at_ = options_.seed % options_.servers.size();
}

client::SyncClient& PersistentCaller::client() { return *clients_[at_ % clients_.size()]; }

int64_t PersistentCaller::Pick(int64_t from, int64_t to) {
  return std::uniform_int_distribution<int64_t>(from, to)(random_);
}

absl::Status PersistentCaller::Run(absl::Duration give_up) {
  const absl::Time until = absl::Now() + give_up;
  std::optional<Backoff> backoff;
  absl::Status status;
  while (!history_->completed()) {
    status = Attempt();
    if (status.ok()) {
      backoff.reset();
      continue;
    }
    if (!IsExcused(status)) return status;
    if (absl::Now() > until) return status;
    ++at_;
    if (!backoff.has_value()) backoff.emplace(absl::Milliseconds(20), absl::Seconds(1));
    absl::SleepFor(backoff->Next());
  }
  return absl::OkStatus();
}

absl::Status PersistentCaller::Note(const absl::Status& status, absl::Time asked) {
  longest_call_ = std::max(longest_call_, absl::Now() - asked);
  if (status.ok()) return status;
  const std::string named =
      absl::StrCat(absl::StatusCodeToString(status.code()), " ", GetReason(status));
  if (std::find(errors_seen_.begin(), errors_seen_.end(), named) == errors_seen_.end()) {
    errors_seen_.push_back(named);
  }
  if (!IsExcused(status)) history_->Fault(absl::StrCat("answered ", status.ToString()));
  if (absl::StrContains(status.message(), kRecordMark)) {
    history_->Fault(absl::StrCat("an error contains a record: ", status.ToString()));
  }
  return status;
}

absl::Status PersistentCaller::Attempt() {
  const int64_t known = history_->acknowledged();
  const absl::Time asked = absl::Now();
  const absl::StatusOr<v1::StartSyncResponse> started =
      client().StartSync(history_->stream().Start());
  SYNCLINE_RETURN_IF_ERROR(Note(started.status(), asked));
  int64_t durable = 0;
  for (const v1::WriterPosition& writer : started->streams(0).writers()) {
    durable = std::max(durable, writer.durable_offset());
  }
  history_->Acknowledged(durable, known);
  return durable < history_->stream().records ? SendSome(durable) : Complete();
}

int64_t PersistentCaller::SendBatches(
    int64_t from, absl::FunctionRef<bool(const v1::StreamRecordsRequest& request)> write,
    std::vector<int64_t>* checkpoints) {
  const DeliveryStream& stream = history_->stream();
  int64_t next = from;
  bool open = write(stream.Header());
  for (int64_t batches = Pick(1, 12); open && batches > 0 && next < stream.records; --batches) {
    absl::SleepFor(options_.pause);
    const int64_t end = std::min(stream.records, next + Pick(1, options_.max_batch_records));
    history_->Sent(end);
    v1::StreamRecordsRequest batch = stream.Batch(next, end);
    if (options_.append) batch.mutable_batch()->set_flush(Pick(0, 1) == 0);
    open = write(batch);
    next = end;
    if (open && Pick(0, 2) == 0) {
      history_->SentCheckpoint(next);
      open = write(stream.Checkpoint(next));
      checkpoints->push_back(next);
    }
  }
  return next;
}

absl::Status PersistentCaller::SendSome(int64_t from) {
  if (options_.append) return AppendSome(from);
  const absl::Time asked = absl::Now();
  const int64_t known = history_->acknowledged();
  const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
  std::vector<int64_t> checkpoints;
  const int64_t next = SendBatches(
      from, [&](const v1::StreamRecordsRequest& request) { return call->Write(request); },
      &checkpoints);
  const absl::StatusOr<v1::StreamRecordsResponse> response = call->Finish();
  if (response.ok()) {
    history_->Acknowledged(response->durable_offset(), next);
    history_->AcknowledgedCheckpoints(checkpoints);
  }
  return NoteEnd(response.status(), asked, known);
}

absl::Status PersistentCaller::AppendSome(int64_t from) {
  const absl::Time asked = absl::Now();
  const int64_t known = history_->acknowledged();
  int64_t durable = known;  // used by one answer at a time
  const auto on_answer = [&](const v1::AppendRecordsResponse& answer) {
    history_->Acknowledged(answer.durable_offset(), durable);
    durable = std::max(durable, answer.durable_offset());
    absl::string_view id = answer.last_checkpoint_id();
    int64_t offset = 0;
    if (absl::ConsumePrefix(&id, DeliveryStream::kCheckpointPrefix) &&
        absl::SimpleAtoi(id, &offset)) {
      history_->AcknowledgedCheckpoints({offset});
    }
  };
  const std::unique_ptr<client::AppendCall> call = client().AppendRecords(on_answer);
  std::vector<int64_t> checkpoints;
  const int64_t next = SendBatches(
      from, [&](const v1::StreamRecordsRequest& request) { return call->Write(ToAppend(request)); },
      &checkpoints);
  const absl::StatusOr<v1::AppendRecordsResponse> last = call->Finish();
  if (last.ok()) {
    history_->Acknowledged(last->durable_offset(), next);
    history_->AcknowledgedCheckpoints(checkpoints);
  }
  return NoteEnd(last.status(), asked, known);
}

absl::Status PersistentCaller::NoteEnd(const absl::Status& status, absl::Time asked,
                                       int64_t known) {
  if (Note(status, asked).ok()) return status;
  for (const auto& [key, value] : GetDetail(status).metadata) {
    int64_t durable = 0;
    if (key == "durable_offset" && absl::SimpleAtoi(value, &durable) &&
        GetReason(status) != "FENCED")
      history_->Acknowledged(durable, known);
  }
  return status;
}

absl::Status PersistentCaller::Complete() {
  const absl::Time asked = absl::Now();
  const absl::StatusOr<v1::CompleteStreamResponse> completed =
      client().CompleteStream(history_->stream().Completion());
  SYNCLINE_RETURN_IF_ERROR(Note(completed.status(), asked));
  history_->Completed(*completed);
  return absl::OkStatus();
}

absl::Status PersistentCaller::WatchFromBeginning() {
  const absl::Time until = absl::Now() + kWatchTimeout;
  while (true) {
    std::vector<v1::CheckpointCommitted> announced;
    const std::unique_ptr<client::WatchCall> watch =
        client().WatchSync(history_->stream().sync_id, 0);
    v1::WatchSyncResponse event;
    while (watch->Read(&event)) {
      if (event.has_checkpoint_committed()) announced.push_back(event.checkpoint_committed());
    }
    const absl::Status ended = watch->Finish();
    // The channel may still be in backoff after a cut link.
    if (absl::IsUnavailable(ended) && absl::Now() < until) {
      absl::SleepFor(absl::Milliseconds(100));
      continue;
    }
    SYNCLINE_RETURN_IF_ERROR(ended);
    for (const v1::CheckpointCommitted& checkpoint : announced) history_->Announced(checkpoint);
    history_->CheckAnnounced();
    return absl::OkStatus();
  }
}

}  // namespace syncline::testing
