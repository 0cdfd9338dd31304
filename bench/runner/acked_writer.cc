#include "bench/runner/acked_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/data/record_text.h"

namespace syncline::bench {
namespace {

constexpr absl::Duration kLongestAnswer = absl::Seconds(30);
constexpr double kMilliseconds = 1000;

}  // namespace

AckedWriter::AckedWriter(client::SyncClient* client, const std::string& sync_id,
                         const v1::StreamDescriptor& descriptor, const std::string& writer_id,
                         const RecordShape& shape)
    : shape_(shape), call_(client->AppendRecords([this](const v1::AppendRecordsResponse& answer) {
        OnAnswer(answer);
      })) {
  v1::AppendRecordsRequest request;
  request.mutable_header()->set_sync_id(sync_id);
  *request.mutable_header()->mutable_descriptor() = descriptor;
  request.mutable_header()->set_writer_id(writer_id);
  call_->Write(std::move(request));
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
  if (!call_->Write(std::move(request))) {
    const absl::Status ended = call_->Finish().status();
    return ended.ok() ? absl::InternalError("the call ended early") : ended;
  }
  MutexLock lock(&mutex_);
  while (durable_offset_ <= offset) {
    if (answered_.WaitFor(&mutex_, kLongestAnswer)) continue;
    return absl::InternalError(absl::StrCat("no answer for record ", offset));
  }
  return absl::ToDoubleSeconds(absl::Now() - began) * kMilliseconds;
}

absl::Status AckedWriter::Finish() { return call_->Finish().status(); }

void AckedWriter::OnAnswer(const v1::AppendRecordsResponse& answer) {
  MutexLock lock(&mutex_);
  durable_offset_ = std::max(durable_offset_, answer.durable_offset());
  answered_.NotifyAll();
}

}  // namespace syncline::bench
