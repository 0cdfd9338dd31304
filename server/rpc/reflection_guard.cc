#include "server/rpc/reflection_guard.h"

#include <grpcpp/server_context.h>

#include "absl/strings/match.h"

namespace syncline::rpc {
namespace {

class Guard final : public grpc::experimental::Interceptor {
 public:
  Guard(const Authenticator* authenticator, grpc::experimental::ServerRpcInfo* info)
      : authenticator_(authenticator), info_(info) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      const auto* const metadata = methods->GetRecvInitialMetadata();
      const auto found = metadata->find("authorization");
      const absl::string_view authorization =
          found == metadata->end() ? absl::string_view()
                                   : absl::string_view(found->second.data(), found->second.size());
      if (!authenticator_->Check(authorization).ok()) info_->server_context()->TryCancel();
    }
    methods->Proceed();
  }

 private:
  const Authenticator* const authenticator_;
  grpc::experimental::ServerRpcInfo* const info_;
};

class GuardFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit GuardFactory(const Authenticator* authenticator) : authenticator_(authenticator) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    if (!absl::StartsWith(info->method(), "/grpc.reflection.")) return nullptr;
    return new Guard(authenticator_, info);  // gRPC deletes it
  }

 private:
  const Authenticator* const authenticator_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> GuardReflection(
    const Authenticator* authenticator) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<GuardFactory>(authenticator));
  return factories;
}

}  // namespace syncline::rpc
