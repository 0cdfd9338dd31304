// Fuzzes a caller's messages: bytes parsed as a StreamRecordsRequest and then as rows, and a JSON
// Schema mapped to columns as in StartSync.
//
// The first byte of the input selects one of them.
#include <set>

#include "base/error.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/sync/json_schema.h"
#include "server/sync/start_request.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/parsed_records.h"

namespace syncline::fuzz {
namespace {

constexpr int64_t kMaxRows = 64;

void CheckMessage(absl::string_view bytes) {
  v1::StreamRecordsRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (!request.has_batch() || request.batch().rows().row_count() > kMaxRows) return;
  // The server rejects offsets close to the maximum of int64.
  request.mutable_batch()->set_first_offset(request.batch().first_offset() & 0xFFFFFF);
  static auto* const parser = new dataflow::RecordParser(EveryType(), {});
  ParseAll(parser, request.batch());
}

void CheckPlan(const StreamPlan& plan) {
  std::set<std::string> properties;
  Expect(plan.schema.columns.size() <= static_cast<size_t>(kMaxUserColumns),
         "a plan has at most 1596 columns", plan.schema.columns.size());
  for (const ColumnSchema& column : plan.schema.columns) {
    Expect(properties.insert(column.input_name).second, "properties are distinct",
           column.input_name);
  }
  for (const std::string& key : plan.schema.primary_key) {
    Expect(properties.count(key) != 0, "a key column is a property", key);
  }
}

void CheckSchema(ByteSource source) {
  sync::StartRequest request;
  request.sync_id = "sync";
  StreamConfig stream;
  stream.descriptor = {"", "stream"};
  stream.write_mode = source.Flag() ? WriteMode::kDedup : WriteMode::kAppend;
  if (source.Flag()) stream.primary_key = {{"id"}};
  if (source.Flag()) stream.cursor = {"id"};
  stream.json_schema = std::string(source.Rest());
  request.streams.push_back(stream);
  const auto draft = sync::CheckStartRequest(request, {"public", "syncline"});
  if (!draft.ok()) {
    return Expect(draft.status().code() == absl::StatusCode::kInvalidArgument &&
                      !GetReason(draft.status()).empty(),
                  "a bad schema has a reason", draft.status().ToString());
  }
  Expect(draft->sync.streams.size() == 1, "one stream", draft->sync.streams.size());
  CheckPlan(draft->sync.streams[0].plan);
}

void CheckInput(ByteSource source) {
  if (source.Flag()) return CheckSchema(source);
  CheckMessage(source.Rest());
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
