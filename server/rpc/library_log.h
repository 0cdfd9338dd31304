// Routes the log output of gRPC and protobuf into our structured log, rate-limited, because every
// client that does not use TLS or sends malformed bytes causes a line.
#pragma once

namespace syncline::rpc {

// Applies to the whole process. Call once, before the first server starts. Thread-safe.
void RouteLibraryLogs();

}  // namespace syncline::rpc
