// How a StreamRecords or AppendRecords call ends: its log line and its response.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "server/sync/writer_call.h"

namespace syncline::rpc {

// Logs the end of the call `name` of `rpc`. The lines of errors are limited as TakeErrorLine says.
void LogCallEnd(const char* rpc, const std::string& name, const absl::Status& status,
                const sync::CallSummary& summary);

// Serializes the response of a StreamRecords call that has succeeded.
grpc::Status SerializeResponse(const sync::CallSummary& summary, grpc::ByteBuffer* bytes);

}  // namespace syncline::rpc
