#include "server/rpc/stream_call_end.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstdint>
#include <optional>

#include "base/log.h"
#include "server/rpc/call_answer.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

void LogCallEnd(const char* rpc, const std::string& name, const absl::Status& status,
                const sync::CallSummary& summary) {
  const LogLevel level = status.ok()                 ? LogLevel::kDebug
                         : absl::IsCancelled(status) ? LogLevel::kInfo
                                                     : LogLevel::kWarning;
  const std::optional<int64_t> left_out = status.ok() ? 0 : TakeErrorLine(rpc, status);
  if (!left_out.has_value()) return;
  Log line(level, "stream_call_ended");
  line.Field("call", name)
      .Field("durable_offset", summary.durable_offset)
      .Field("written", summary.records_written)
      .Field("skipped", summary.records_skipped)
      .Field("rejected", summary.records_rejected)
      .Field("nulled", summary.values.nulled)
      .Field("truncated", summary.values.truncated)
      .Field("undeclared", summary.values.undeclared)
      .Error(status);
  if (*left_out > 0) line.Field("left_out", *left_out);
}

grpc::Status SerializeResponse(const sync::CallSummary& summary, grpc::ByteBuffer* bytes) {
  v1::StreamRecordsResponse response;
  response.set_durable_offset(summary.durable_offset);
  response.set_records_written(summary.records_written);
  response.set_records_skipped(summary.records_skipped);
  response.set_records_rejected(summary.records_rejected);
  response.set_values_nulled(summary.values.nulled);
  response.set_values_truncated(summary.values.truncated);
  response.set_fields_undeclared(summary.values.undeclared);
  bool own_buffer = false;
  return grpc::SerializationTraits<v1::StreamRecordsResponse>::Serialize(response, bytes,
                                                                         &own_buffer);
}

}  // namespace syncline::rpc
