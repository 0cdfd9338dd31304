#include "client/airbyte/write_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/call_error.h"
#include "client/json_text.h"
#include "client/record_scanner.h"
#include "client/retrying_calls.h"

namespace syncline::client {
namespace {

constexpr int kEndingThreads = 4;

absl::Status Unroutable(int64_t line_number, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line_number, " of the input: ", why));
}

// Returns whether other streams will have the same error, or the run must not continue after it.
bool EndsRun(const absl::Status& status) {
  const std::string reason = GetReason(status);
  return absl::IsUnavailable(status) || absl::IsUnauthenticated(status) ||
         absl::IsNotFound(status) || absl::IsDataLoss(status) || reason == reason::kFenced ||
         reason == reason::kSyncCancelled || reason == reason::kSyncIdReused;
}

}  // namespace

WriteSession::WriteSession(SyncClient* client, Catalog catalog, WriteSessionOptions options,
                           StateTracker::Emit emit)
    : client_(client),
      catalog_(std::move(catalog)),
      options_(std::move(options)),
      window_(options_.replay_window_bytes),
      states_(
          &lanes_, static_cast<int>(catalog_.streams.size()),
          [this](WriteLane* lane, const v1::Checkpoint& checkpoint) {
            return SendCheckpoint(lane, checkpoint);
          },
          std::move(emit)),
      pool_(std::make_unique<ThreadPool>("ending", kEndingThreads)) {
  request_.set_sync_id(options_.sync_id);
  request_.set_connection_id(options_.connection_id);
  request_.set_allow_partial(true);
  for (const CatalogStream& stream : catalog_.streams) {
    v1::StreamConfig* const config = request_.add_streams();
    *config = stream.config;
    if (options_.strict) config->set_schema_policy(v1::SCHEMA_POLICY_FREEZE);
  }
  evidence_.complete_without_status = options_.complete_without_status;
}

// The answers of open calls use the other members.
WriteSession::~WriteSession() {
  pool_->Shutdown();
  for (const auto& lane : lanes_) lane->writer->Cancel();
}

absl::Status WriteSession::Start() {
  const auto plan = StartSyncWithRetries(client_, request_, options_.retry_for);
  SYNCLINE_RETURN_IF_ERROR(plan.status());
  if (plan->streams_size() != request_.streams_size()) {
    return absl::InternalError("the server's plan does not match the catalog");
  }
  SYNCLINE_RETURN_IF_ERROR(MakeLanes(*plan));
  if (plan->resumed()) ReadHistory();
  return absl::OkStatus();
}

// Past checkpoints come before every other event. If they cannot be read, the states that they
// cover wait for later checkpoints.
void WriteSession::ReadHistory() {
  const std::unique_ptr<WatchCall> watch =
      client_->WatchSync(options_.sync_id, /*after_sequence=*/0, /*without_state=*/true);
  v1::WatchSyncResponse event;
  while (watch->Read(&event) && event.has_checkpoint_committed()) {
    states_.TakeEarlier(event.checkpoint_committed());
  }
}

absl::Status WriteSession::MakeLanes(const v1::StartSyncResponse& plan) {
  v1::SyncSummary before;
  if (plan.resumed()) {
    SYNCLINE_ASSIGN_OR_RETURN(before,
                              GetSyncWithRetries(client_, options_.sync_id, options_.retry_for));
  }
  for (int i = 0; i < plan.streams_size(); ++i) {
    const CatalogStream& stream = catalog_.streams[static_cast<size_t>(i)];
    auto lane = std::make_unique<WriteLane>();
    lane->index = i;
    lane->source = {stream.name_space, stream.name};
    lane->title = stream.name_space.empty() ? stream.name : stream.name_space + "." + stream.name;
    lane->target = stream.config.descriptor();
    lane->replaced = ReplacesTable(stream.config);
    lane->plan = plan.streams(i);
    lane->skip_below = DurableOffset(lane->plan, "");
    lane->batch = std::make_unique<RecordBatchBuilder>(RecordBatchBuilder::Payload::kAirbyteJsonl,
                                                       plan.limits());
    StreamWriterOptions writer;
    writer.start = request_;
    writer.descriptor = lane->target;
    writer.next_offset = lane->skip_below;
    writer.epochs = WriterEpochs(WriterEpoch(lane->plan, ""), !options_.resumable);
    writer.retry_for = options_.retry_for;
    writer.on_durable = [this, lane = lane.get()](int64_t durable_offset,
                                                  const std::string& checkpoint_id) {
      states_.OnDurable(*lane, durable_offset, checkpoint_id);
    };
    lane->writer = std::make_unique<StreamWriter>(client_, &window_, std::move(writer));
    for (const v1::StreamSummary& summary : before.streams()) {
      if (IsSameStream(summary.descriptor(), lane->target)) {
        lane->completed_before = summary.state() == v1::STREAM_STATE_COMPLETED;
      }
    }
    if (lane->completed_before) lane->phase = WriteLane::Phase::kEnding;
    if (!router_.AddStream(stream.name_space, stream.name, i)) {
      return absl::InvalidArgumentError(
          absl::StrCat("catalog: stream ", lane->title, " is listed twice"));
    }
    states_.Started(lane.get());
    lanes_.push_back(std::move(lane));
    WriteLane* const added = lanes_.back().get();
    if (added->plan.has_error()) {
      SYNCLINE_RETURN_IF_ERROR(Contain(added, FromRpc(added->plan.error())));
    }
  }
  return absl::OkStatus();
}

std::vector<v1::StreamPlan> WriteSession::plans() const {
  std::vector<v1::StreamPlan> plans;
  for (const auto& lane : lanes_) plans.push_back(lane->plan);
  return plans;
}

absl::Status WriteSession::ReadInput(LineReader* input, ProgressLine* progress) {
  bool unsent = false;
  while (!stopped_ && !AllFailed()) {
    absl::string_view lines;
    SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, input->Next(unsent, &lines));
    switch (event) {
      case LineReader::Event::kLines:
        SYNCLINE_RETURN_IF_ERROR(TakeLines(lines));
        SYNCLINE_RETURN_IF_ERROR(states_.SendReady());
        unsent = true;
        progress->Update({records_, input->bytes()});
        break;
      case LineReader::Event::kIdle:
        SYNCLINE_RETURN_IF_ERROR(FlushAll());
        SYNCLINE_RETURN_IF_ERROR(states_.SendForAll());
        unsent = false;
        break;
      case LineReader::Event::kInterrupted:
        interrupted_ = true;
        return FlushAll();
      case LineReader::Event::kEnd:
        return FlushAll();
    }
  }
  return run_failure();
}

bool WriteSession::AllFailed() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->failed.load(); });
}

absl::Status WriteSession::TakeLines(absl::string_view lines) {
  router_.Begin(lines);
  while (!lines.empty()) {
    const void* const newline = std::memchr(lines.data(), '\n', lines.size());
    const size_t length =
        newline == nullptr ? lines.size()
                           : static_cast<size_t>(static_cast<const char*>(newline) - lines.data());
    const absl::string_view line = lines.substr(0, length);
    ++line_number_;
    // Only the input's last line may lack a line break, and a RECORD's data is not parsed
    // elsewhere. Data with Python's numbers is not cut.
    const bool is_cut = newline == nullptr && !ParseJson(line).has_value() &&
                        !ScanRecord(line, [](absl::string_view, JsonText) {});
    SYNCLINE_RETURN_IF_ERROR(TakeLine(line, is_cut));
    lines.remove_prefix(std::min(lines.size(), length + 1));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::TakeLine(absl::string_view line, bool is_cut) {
  const RoutedMessage routed = router_.Route(line);
  if (routed.kind == MessageKind::kBlank) return absl::OkStatus();
  if (is_cut) return Unroutable(line_number_, "the input ends in the middle of a message");
  evidence_.any_message = evidence_.any_message || (routed.kind != MessageKind::kMalformed &&
                                                    routed.kind != MessageKind::kForeign);
  switch (routed.kind) {
    case MessageKind::kRecord:
      return TakeRecord(routed.stream, line);
    case MessageKind::kUnknownStream:
      return Unroutable(line_number_, absl::StrCat("a RECORD of stream ", routed.name,
                                                   ", which is not in the catalog"));
    case MessageKind::kState:
      return TakeState(line);
    case MessageKind::kTrace:
      return TakeTrace(line);
    case MessageKind::kLog:
      if (const auto words = ReadFatalLog(line)) NoteFailure("FATAL log", *words);
      ++ignored_messages_;
      return absl::OkStatus();
    case MessageKind::kConnectionStatus:
      if (const auto words = ReadFailedConnection(line)) NoteFailure("connection failed", *words);
      ++ignored_messages_;
      return absl::OkStatus();
    case MessageKind::kOther:
      ++ignored_messages_;
      return absl::OkStatus();
    case MessageKind::kForeign:
      if (foreign_lines_++ == 0) first_foreign_line_ = line_number_;
      return absl::OkStatus();
    case MessageKind::kBlank:
      return absl::OkStatus();
    case MessageKind::kMalformed:
      break;
  }
  return Unroutable(line_number_, "not an Airbyte message");
}

// Keeps only the first failure, which is the nearest to the cause.
void WriteSession::NoteFailure(absl::string_view what, absl::string_view words) {
  if (!evidence_.failure.empty()) return;
  evidence_.failure = words.empty() ? std::string(what) : absl::StrCat(what, ": ", words);
}

absl::Status WriteSession::TakeRecord(int stream, absl::string_view line) {
  WriteLane* const lane = lanes_[static_cast<size_t>(stream)].get();
  ++records_;
  if (lane->failed) {
    ++lane->skipped;
    return absl::OkStatus();
  }
  const int64_t offset = lane->seen++;
  if (offset < lane->skip_below || lane->completed_before) return absl::OkStatus();
  if (lane->phase != WriteLane::Phase::kOpen) {
    return Unroutable(line_number_, absl::StrCat("a RECORD of stream ", lane->title,
                                                 " after the end of that stream"));
  }
  if (!lane->batch->HasRoomFor(line.size())) SYNCLINE_RETURN_IF_ERROR(Flush(lane));
  if (!lane->failed) lane->batch->Append(line);
  return absl::OkStatus();
}

absl::Status WriteSession::TakeState(absl::string_view line) {
  const auto state = ReadState(line);
  if (!state.has_value()) return Unroutable(line_number_, "a STATE message that cannot be read");
  const int only =
      state->kind == StateKind::kStream ? router_.Find(state->name_space, state->name) : -1;
  if (state->kind == StateKind::kStream && only < 0) {
    return Unroutable(line_number_, absl::StrCat("a STATE of stream ", state->name,
                                                 ", which is not in the catalog"));
  }
  evidence_.any_record_or_state = true;
  states_.Take(line, state->empty, only);
  return absl::OkStatus();
}

absl::StatusOr<bool> WriteSession::SendCheckpoint(WriteLane* lane,
                                                  const v1::Checkpoint& checkpoint) {
  if (checkpoint.positions().empty()) {
    const int64_t records = lane->batch->marked_records();
    if (records > 0) {
      SYNCLINE_RETURN_IF_ERROR(MakeRoom(lane->batch->marked_bytes()));
      SYNCLINE_RETURN_IF_ERROR(
          Contain(lane, lane->writer->Send(lane->batch->TakeMarked(), records)));
    }
  } else {
    SYNCLINE_RETURN_IF_ERROR(FlushAll());
    // Records that a failed stream still holds will never be committed.
    for (const auto& other : lanes_) {
      if (other->failed) return false;
    }
  }
  if (lane->failed) return false;
  SYNCLINE_RETURN_IF_ERROR(Contain(lane, lane->writer->SendCheckpoint(checkpoint)));
  return !lane->failed;
}

absl::Status WriteSession::TakeTrace(absl::string_view line) {
  const auto trace = ReadTrace(line);
  if (!trace.has_value()) return Unroutable(line_number_, "a TRACE message that cannot be read");
  if (trace->kind == TraceKind::kOther) return absl::OkStatus();
  if (trace->kind == TraceKind::kError) {
    NoteFailure("TRACE ERROR", trace->words);
    return absl::OkStatus();
  }
  evidence_.any_status = true;
  if (trace->kind == TraceKind::kOtherStatus) return absl::OkStatus();
  const int index = router_.Find(trace->name_space, trace->name);
  if (index < 0) {
    return Unroutable(line_number_, absl::StrCat("a status of stream ", trace->name,
                                                 ", which is not in the catalog"));
  }
  WriteLane* const lane = lanes_[static_cast<size_t>(index)].get();
  if (lane->phase != WriteLane::Phase::kOpen || lane->failed) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Flush(lane));
  SYNCLINE_RETURN_IF_ERROR(states_.SendForAll());
  if (lane->failed) return absl::OkStatus();
  if (trace->kind == TraceKind::kComplete) {
    EndLane(lane, v1::STREAM_STATUS_COMPLETE, "");
  } else {
    EndLane(lane, v1::STREAM_STATUS_INCOMPLETE, "the source ended it as INCOMPLETE");
  }
  return absl::OkStatus();
}

absl::Status WriteSession::Flush(WriteLane* lane) {
  if (lane->failed) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(states_.SendOwn(lane));
  if (lane->batch->empty() || lane->failed) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(MakeRoom(lane->batch->bytes()));
  const int64_t records = lane->batch->records();
  return Contain(lane, lane->writer->Send(lane->batch->Take(), records));
}

absl::Status WriteSession::FlushAll() {
  for (const auto& lane : lanes_) {
    if (lane->phase == WriteLane::Phase::kOpen) SYNCLINE_RETURN_IF_ERROR(Flush(lane.get()));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::MakeRoom(int64_t bytes) {
  while (!window_.WaitForRoom(bytes, options_.window_timeout)) {
    if (stopped_) return run_failure();
    WriteLane* fullest = nullptr;
    for (const auto& lane : lanes_) {
      if (lane->phase != WriteLane::Phase::kOpen || lane->writer->held_bytes() == 0) continue;
      if (fullest == nullptr || lane->writer->held_bytes() > fullest->writer->held_bytes()) {
        fullest = lane.get();
      }
    }
    // If there is none, all held bytes belong to streams that are ending, which also makes room.
    if (fullest != nullptr) SYNCLINE_RETURN_IF_ERROR(Contain(fullest, Drain(fullest)));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::Drain(WriteLane* lane) {
  SYNCLINE_RETURN_IF_ERROR(lane->writer->Close());
  states_.Closed(*lane);
  return absl::OkStatus();
}

absl::Status WriteSession::Contain(WriteLane* lane, const absl::Status& status) {
  if (status.ok()) return status;
  MutexLock lock(&mutex_);
  if (EndsRun(status)) {
    if (run_failure_.ok()) run_failure_ = WithContext(status, absl::StrCat("stream ", lane->title));
    stopped_ = true;
    return run_failure_;
  }
  lane_failures_.emplace(lane->index, status);
  lane->failed = true;
  return absl::OkStatus();
}

absl::Status WriteSession::run_failure() const {
  MutexLock lock(&mutex_);
  return run_failure_;
}

}  // namespace syncline::client
