// Fields of a message that this server's contract does not have: a newer caller's. They are
// ignored, and counted, so that an operator sees that callers ask for more than this server knows.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>

namespace syncline::rpc {

// How many unknown fields `message` and the messages in it have. Costs as many steps as there are
// messages: a batch's records are not looked at one by one.
int64_t CountUnknownFields(const google::protobuf::Message& message);

}  // namespace syncline::rpc
