// Lets only callers with a token use reflection, which gRPC's own service would answer to
// everybody.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

#include "server/rpc/auth.h"

namespace syncline::rpc {

// For ServerBuilder; calls of other services pass untouched. A caller without a token is cancelled:
// it learns nothing. `authenticator` outlives the server.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> GuardReflection(
    const Authenticator* authenticator);

}  // namespace syncline::rpc
