#include "client/airbyte/write_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/call_error.h"
#include "client/retrying_calls.h"
#include "server/base/error.h"
#include "server/base/status_macros.h"

namespace syncline::client {
namespace {

constexpr int kEndingThreads = 4;
constexpr size_t kMaxCheckpointStateBytes = size_t{4} << 20;

std::string Key(const v1::StreamDescriptor& descriptor) {
  return absl::StrCat(descriptor.namespace_(), absl::string_view("\0", 1), descriptor.name());
}

std::string CheckpointId(int64_t number) { return absl::StrCat("state-", number); }

// -1 for an id that is not ours.
int64_t CheckpointNumber(absl::string_view id) {
  int64_t number = -1;
  if (!absl::ConsumePrefix(&id, "state-") || !absl::SimpleAtoi(id, &number)) return -1;
  return number;
}

absl::Status Unroutable(int64_t line_number, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line_number, " of the input: ", why));
}

}  // namespace

WriteSession::WriteSession(SyncClient* client, Catalog catalog, WriteSessionOptions options,
                           StateTracker::Emit emit)
    : client_(client),
      catalog_(std::move(catalog)),
      options_(std::move(options)),
      tracker_(static_cast<int>(catalog_.streams.size()), std::move(emit)),
      window_(options_.replay_window_bytes),
      pool_(std::make_unique<ThreadPool>("ending", kEndingThreads)) {
  request_.set_sync_id(options_.sync_id);
  request_.set_connection_id(options_.connection_id);
  for (const CatalogStream& stream : catalog_.streams) *request_.add_streams() = stream.config;
}

WriteSession::~WriteSession() = default;

absl::Status WriteSession::Start() {
  const auto plan = StartSyncRetrying(client_, request_, options_.retry_for);
  SYNCLINE_RETURN_IF_ERROR(plan.status());
  if (plan->streams_size() != request_.streams_size()) {
    return absl::InternalError("the server's plan does not fit the catalog");
  }
  SYNCLINE_RETURN_IF_ERROR(MakeLanes(*plan));
  watcher_ =
      std::make_unique<SyncWatcher>(client_, options_.sync_id, options_.retry_for,
                                    [this](const v1::WatchSyncResponse& event) { OnEvent(event); });
  return absl::OkStatus();
}

absl::Status WriteSession::MakeLanes(const v1::StartSyncResponse& plan) {
  v1::SyncSummary before;
  if (plan.resumed()) {
    SYNCLINE_ASSIGN_OR_RETURN(before,
                              GetSyncRetrying(client_, options_.sync_id, options_.retry_for));
  }
  for (int i = 0; i < plan.streams_size(); ++i) {
    const CatalogStream& stream = catalog_.streams[static_cast<size_t>(i)];
    auto lane = std::make_unique<Lane>();
    lane->index = i;
    lane->title = stream.name_space.empty() ? stream.name : stream.name_space + "." + stream.name;
    lane->skip_below = DurableOffset(plan.streams(i), "");
    lane->batch = std::make_unique<RecordBatchBuilder>(RecordBatchBuilder::Payload::kAirbyteJsonl,
                                                       plan.limits());
    StreamWriterOptions writer;
    writer.start = request_;
    writer.descriptor = stream.config.descriptor();
    writer.next_offset = lane->skip_below;
    writer.retry_for = options_.retry_for;
    lane->writer = std::make_unique<StreamWriter>(client_, &window_, std::move(writer));
    for (const v1::StreamSummary& summary : before.streams()) {
      if (Key(summary.descriptor()) == Key(stream.config.descriptor())) {
        lane->completed_before = summary.state() == v1::STREAM_STATE_COMPLETED;
      }
    }
    if (lane->completed_before) lane->phase = Phase::kEnding;
    tracker_.Drained(i, lane->skip_below);
    lane_of_target_[Key(stream.config.descriptor())] = i;
    if (!router_.AddStream(stream.name_space, stream.name, i)) {
      return absl::InvalidArgumentError(absl::StrCat("catalog: ", lane->title, " stands twice"));
    }
    lanes_.push_back(std::move(lane));
  }
  return absl::OkStatus();
}

WriteReport WriteSession::Run(LineReader* input, ProgressLine* progress) {
  const absl::Status pumped = Pump(input, progress);
  progress->Clear();
  EndAll(pumped);
  pool_->Shutdown();
  watcher_.reset();  // joined: every state that may come out has come out
  WriteReport report;
  report.records = records_;
  report.ignored_messages = ignored_messages_;
  report.interrupted = interrupted_;
  report.incomplete = incomplete_;
  report.status = pumped.ok() ? failure() : pumped;
  for (const auto& lane : lanes_) report.durable += lane->writer->durable_offset();
  // Without it nobody would know whether records were rejected. After a failure it is not waited
  // for.
  const absl::Duration retry_for = report.status.ok() ? options_.retry_for : absl::ZeroDuration();
  const auto summary = GetSyncRetrying(client_, options_.sync_id, retry_for);
  report.status.Update(summary.status());
  if (summary.ok()) {
    for (const v1::StreamSummary& stream : summary->streams()) {
      report.rejected += stream.records_rejected();
    }
  }
  return report;
}

absl::Status WriteSession::Pump(LineReader* input, ProgressLine* progress) {
  bool unsent = false;
  while (!failed_) {
    absl::string_view lines;
    SYNCLINE_ASSIGN_OR_RETURN(const LineReader::Event event, input->Next(unsent, &lines));
    switch (event) {
      case LineReader::Event::kLines:
        SYNCLINE_RETURN_IF_ERROR(TakeLines(lines));
        unsent = true;
        progress->Update(records_, input->bytes());
        break;
      case LineReader::Event::kIdle:
        SYNCLINE_RETURN_IF_ERROR(FlushAll());
        unsent = false;
        break;
      case LineReader::Event::kInterrupted:
        interrupted_ = true;
        return FlushAll();
      case LineReader::Event::kEnd:
        return FlushAll();
    }
  }
  return failure();
}

absl::Status WriteSession::TakeLines(absl::string_view lines) {
  router_.Begin(lines);
  while (!lines.empty()) {
    const void* const newline = std::memchr(lines.data(), '\n', lines.size());
    const size_t length =
        newline == nullptr ? lines.size()
                           : static_cast<size_t>(static_cast<const char*>(newline) - lines.data());
    ++line_number_;
    SYNCLINE_RETURN_IF_ERROR(TakeLine(lines.substr(0, length)));
    lines.remove_prefix(std::min(lines.size(), length + 1));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::TakeLine(absl::string_view line) {
  const RoutedMessage routed = router_.Route(line);
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
    case MessageKind::kOther:
      ++ignored_messages_;
      return absl::OkStatus();
    case MessageKind::kBlank:
      return absl::OkStatus();
    case MessageKind::kMalformed:
      break;
  }
  return Unroutable(line_number_, "not an Airbyte message");
}

absl::Status WriteSession::TakeRecord(int stream, absl::string_view line) {
  Lane& lane = *lanes_[static_cast<size_t>(stream)];
  ++records_;
  const int64_t offset = lane.seen++;
  if (offset < lane.skip_below || lane.completed_before) return absl::OkStatus();
  if (lane.phase != Phase::kOpen) {
    return Unroutable(line_number_, absl::StrCat("a RECORD of stream ", lane.title,
                                                 " after the end of that stream"));
  }
  if (!lane.batch->HasRoomFor(line.size())) SYNCLINE_RETURN_IF_ERROR(Flush(&lane));
  lane.batch->Append(line);
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
  ++states_;
  int64_t records = 0;
  std::vector<StateTracker::Requirement> requirements;
  for (const auto& lane : lanes_) {
    if (only >= 0 && lane->index != only) continue;
    records += lane->seen - std::exchange(lane->counted, lane->seen);
    if (only < 0 && lane->seen == 0) continue;
    // A global state needs no second checkpoint where nothing was sent since the last one.
    if (only >= 0 || lane->checkpoint < 0 || lane->checkpoint_offset != lane->seen) {
      SYNCLINE_RETURN_IF_ERROR(SendCheckpoint(lane.get(), line));
    }
    if (!lane->completed_before) {
      requirements.push_back({lane->index, lane->seen, lane->checkpoint});
    }
  }
  tracker_.Add(WithDestinationStats(line, records), only, std::move(requirements));
  return absl::OkStatus();
}

absl::Status WriteSession::SendCheckpoint(Lane* lane, absl::string_view line) {
  lane->checkpoint = states_;
  lane->checkpoint_offset = lane->seen;
  if (lane->phase != Phase::kOpen || lane->seen < lane->skip_below) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Flush(lane));
  const bool fits = line.size() <= kMaxCheckpointStateBytes;
  return lane->writer->SendCheckpoint(CheckpointId(states_), fits ? line : "");
}

absl::Status WriteSession::TakeTrace(absl::string_view line) {
  const auto trace = ReadTrace(line);
  if (!trace.has_value()) return Unroutable(line_number_, "a TRACE message that cannot be read");
  if (trace->kind == TraceKind::kOther) return absl::OkStatus();
  saw_status_ = true;
  if (trace->kind == TraceKind::kError || trace->kind == TraceKind::kOtherStatus) {
    return absl::OkStatus();
  }
  const int index = router_.Find(trace->name_space, trace->name);
  if (index < 0) {
    return Unroutable(line_number_, absl::StrCat("a status of stream ", trace->name,
                                                 ", which is not in the catalog"));
  }
  Lane* const lane = lanes_[static_cast<size_t>(index)].get();
  if (lane->phase != Phase::kOpen) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Flush(lane));
  EndLane(lane, trace->kind == TraceKind::kComplete ? v1::STREAM_STATUS_COMPLETE
                                                    : v1::STREAM_STATUS_INCOMPLETE);
  return absl::OkStatus();
}

absl::Status WriteSession::Flush(Lane* lane) {
  if (lane->batch->empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(MakeRoom(lane->batch->bytes()));
  const int64_t records = lane->batch->records();
  return lane->writer->Send(lane->batch->Take(), records);
}

absl::Status WriteSession::FlushAll() {
  for (const auto& lane : lanes_) {
    if (lane->phase == Phase::kOpen) SYNCLINE_RETURN_IF_ERROR(Flush(lane.get()));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::MakeRoom(int64_t bytes) {
  while (!window_.WaitForRoom(bytes, options_.window_patience)) {
    if (failed_) return failure();
    Lane* fullest = nullptr;
    for (const auto& lane : lanes_) {
      if (lane->phase != Phase::kOpen || lane->writer->held_bytes() == 0) continue;
      if (fullest == nullptr || lane->writer->held_bytes() > fullest->writer->held_bytes()) {
        fullest = lane.get();
      }
    }
    // Without one, all that is held belongs to streams that are being ended, which makes room too.
    if (fullest != nullptr) SYNCLINE_RETURN_IF_ERROR(Drain(fullest));
  }
  return absl::OkStatus();
}

absl::Status WriteSession::Drain(Lane* lane) {
  SYNCLINE_RETURN_IF_ERROR(lane->writer->Close());
  tracker_.Drained(lane->index, lane->writer->next_offset());
  return absl::OkStatus();
}

// The lane's batch is empty. From here on only the pool touches its writer.
void WriteSession::EndLane(Lane* lane, v1::StreamStatus status) {
  lane->phase = Phase::kEnding;
  if (status == v1::STREAM_STATUS_INCOMPLETE) incomplete_.push_back(lane->title);
  pool_->Post([this, lane, status] {
    absl::Status ended = Drain(lane);
    if (ended.ok() && status != v1::STREAM_STATUS_UNSPECIFIED) ended = Complete(*lane, status);
    if (!ended.ok()) Fail(*lane, ended);
  });
}

void WriteSession::EndAll(const absl::Status& pumped) {
  v1::StreamStatus status = saw_status_ ? v1::STREAM_STATUS_INCOMPLETE : v1::STREAM_STATUS_COMPLETE;
  if (!pumped.ok() || interrupted_) {
    // A run that may go on under its id must find the streams open.
    status = options_.resumable || interrupted_ || IsRetryableCall(pumped)
                 ? v1::STREAM_STATUS_UNSPECIFIED
                 : v1::STREAM_STATUS_INCOMPLETE;
    if (IsRetryableCall(pumped)) return;  // the server is gone: waiting for it again helps nobody
  }
  for (const auto& lane : lanes_) {
    if (lane->phase != Phase::kOpen) continue;
    if (const absl::Status flushed = Flush(lane.get()); !flushed.ok()) {
      Fail(*lane, flushed);
      continue;
    }
    EndLane(lane.get(), status);
  }
}

absl::Status WriteSession::Complete(const Lane& lane, v1::StreamStatus status) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(options_.sync_id);
  *request.mutable_descriptor() =
      catalog_.streams[static_cast<size_t>(lane.index)].config.descriptor();
  request.set_status(status);
  if (status == v1::STREAM_STATUS_COMPLETE) request.set_expected_records(lane.seen);
  return CompleteStreamRetrying(client_, request, options_.retry_for).status();
}

void WriteSession::Fail(const Lane& lane, const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (failure_.ok()) failure_ = WithContext(status, absl::StrCat("stream ", lane.title));
  }
  failed_ = true;
}

absl::Status WriteSession::failure() const {
  MutexLock lock(&mutex_);
  return failure_;
}

WriteSession::Lane* WriteSession::FindLane(const v1::StreamDescriptor& descriptor) {
  const auto found = lane_of_target_.find(Key(descriptor));
  return found == lane_of_target_.end() ? nullptr
                                        : lanes_[static_cast<size_t>(found->second)].get();
}

void WriteSession::OnEvent(const v1::WatchSyncResponse& event) {
  if (event.has_checkpoint_committed()) {
    const v1::CheckpointCommitted& committed = event.checkpoint_committed();
    Lane* const lane = FindLane(committed.descriptor());
    const int64_t number = CheckpointNumber(committed.checkpoint_id());
    if (lane == nullptr || number < 0 || !committed.writer_id().empty()) return;
    lane->writer->Acknowledge(committed.offset(), committed.checkpoint_id());
    tracker_.CheckpointCommitted(lane->index, number);
  } else if (event.has_progress()) {
    for (const v1::StreamSummary& stream : event.progress().streams()) {
      Lane* const lane = FindLane(stream.descriptor());
      if (lane == nullptr) continue;
      for (const v1::WriterPosition& writer : stream.writers()) {
        if (writer.writer_id().empty()) lane->writer->Acknowledge(writer.durable_offset());
      }
    }
  }
}

}  // namespace syncline::client
