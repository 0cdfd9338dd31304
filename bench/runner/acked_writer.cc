#include "bench/runner/acked_writer.h"

#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/data/record_text.h"
#include "client/call_error.h"

namespace syncline::bench {
namespace {

constexpr absl::Duration kLongestAnswer = absl::Seconds(30);
// Ends a call whose server no longer answers.
constexpr std::chrono::minutes kLongestCall(5);
constexpr double kMilliseconds = 1000;

}  // namespace

AckedWriter::AckedWriter(const RecordShape& shape) : shape_(shape) {
  context_.set_deadline(std::chrono::system_clock::now() + kLongestCall);
}

absl::StatusOr<std::unique_ptr<AckedWriter>> AckedWriter::Open(
    v1::SyncService::Stub* stub, const std::string& sync_id, const v1::StreamDescriptor& descriptor,
    const std::string& writer_id, const RecordShape& shape) {
  std::unique_ptr<AckedWriter> writer(new AckedWriter(shape));
  writer->call_ = stub->AppendRecords(&writer->context_);
  v1::AppendRecordsRequest request;
  request.mutable_header()->set_sync_id(sync_id);
  *request.mutable_header()->mutable_descriptor() = descriptor;
  request.mutable_header()->set_writer_id(writer_id);
  if (!writer->call_->Write(request) || !writer->call_->Read(&writer->answer_)) {
    return writer->GetEnd();
  }
  return writer;
}

absl::StatusOr<double> AckedWriter::Write(int64_t number, int64_t offset) {
  v1::AppendRecordsRequest request;
  v1::RecordBatch* const batch = request.mutable_batch();
  batch->set_first_offset(offset);
  batch->set_flush(true);
  std::vector<Cell> cells;
  FillRecord(shape_, number, 0, &cells);
  AppendRecord(shape_, cells, RecordFormat::kJsonl, batch->mutable_jsonl());
  const absl::Time began = absl::Now();
  if (!call_->Write(request)) return GetEnd();
  while (answer_.durable_offset() <= offset) {
    if (!call_->Read(&answer_)) return GetEnd();
  }
  const absl::Duration took = absl::Now() - began;
  if (took > kLongestAnswer) {
    return absl::InternalError(absl::StrCat("no answer in time for record ", offset));
  }
  return absl::ToDoubleSeconds(took) * kMilliseconds;
}

absl::Status AckedWriter::Finish() {
  call_->WritesDone();
  while (call_->Read(&answer_)) {
  }
  return client::FromGrpc(call_->Finish());
}

absl::Status AckedWriter::GetEnd() {
  const absl::Status status = client::FromGrpc(call_->Finish());
  return status.ok() ? absl::InternalError("the call ended early") : status;
}

}  // namespace syncline::bench
