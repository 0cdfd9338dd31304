// Estimates how much memory a message takes once it is parsed, before it is parsed.
//
// The memory budget must be charged before a message takes memory, and a parsed message can be many
// times as large as its bytes: an empty submessage has two bytes, and its object over a hundred.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace syncline::rpc {

// Returns the bytes that `bytes`, a serialized message of the type `type`, takes at most, about.
// Reads only tags and lengths; whether the message is valid is not checked. Errors:
// INVALID_ARGUMENT INVALID_REQUEST if it takes more than 10 times the size of `bytes` plus 1 MiB,
// which only messages of very many, almost empty parts do.
absl::StatusOr<int64_t> MeasureMessage(const grpc::ByteBuffer& bytes,
                                       const google::protobuf::Descriptor& type);

}  // namespace syncline::rpc
