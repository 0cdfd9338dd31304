// Counts fields of a message that this server's API does not have, because the caller is newer.
// They are ignored and counted, so that an operator can see that callers expect more than this
// server supports.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>

namespace syncline::rpc {

// Returns the number of unknown fields in `message` and the messages in it. Takes one step per
// message; the records of a batch are not inspected individually.
int64_t CountUnknownFields(const google::protobuf::Message& message);

}  // namespace syncline::rpc
