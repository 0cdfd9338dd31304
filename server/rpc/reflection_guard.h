// Restricts gRPC reflection to callers with a token. gRPC's own reflection service would answer
// every caller.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

#include "server/rpc/auth.h"

namespace syncline::rpc {

// Returns interceptors for ServerBuilder. Calls of other services pass unchanged. A reflection call
// without a valid token is cancelled without a reason. `authenticator` must outlive the server.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> GuardReflection(
    const Authenticator* authenticator);

}  // namespace syncline::rpc
