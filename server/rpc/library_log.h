// What gRPC and protobuf have to say goes into our log: as structured lines, and not more of them
// than anybody can use, because every caller that speaks no TLS or sends bytes that are no message
// makes one.
#pragma once

namespace syncline::rpc {

// For the whole process, once, before the first server. Thread-safe.
void LogLibrariesHere();

}  // namespace syncline::rpc
