// The gRPC server: ports, credentials, health, reflection, and the order of draining.
//
// Owned by app. Start serves until Drain; not restartable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/sync_service.h"

namespace grpc {
class Server;
}

namespace syncline::rpc {

struct ServerOptions {
  std::string listen;  // host:port; port 0 picks one
  int64_t max_message_bytes = 0;
  // Most bytes of messages on their way in that gRPC holds, over all calls (decision 0013).
  int64_t receive_quota_bytes = 0;
  bool reflection = false;
  // PEM texts; empty: plaintext, or no client certificates asked for.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
};

class Server {
 public:
  // Errors: FAILED_PRECONDITION when the port cannot be had.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const ServiceContext& context);
  ~Server();

  int port() const { return port_; }

  // What grpc.health.v1 answers for "" and "syncline.v1.SyncService".
  void SetServing(bool serving);

  // Health says NOT_SERVING, nothing new is admitted, open StreamRecords calls commit what they
  // have and answer UNAVAILABLE with their durable offset, then the server stops. Returns after
  // `deadline` at the latest (and a little).
  void Drain(absl::Duration deadline);

 private:
  Server(const ServiceContext& context, std::unique_ptr<SyncService> service);

  const ServiceContext context_;
  std::unique_ptr<SyncService> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace syncline::rpc
