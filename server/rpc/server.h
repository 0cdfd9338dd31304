// The gRPC server: ports, credentials, health, reflection, and the order of draining.
//
// Owned by app. Serves from Start until Drain; it cannot be restarted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/connection_acceptor.h"
#include "server/rpc/sync_service.h"

namespace grpc {
class Server;
}

namespace syncline::rpc {

struct ServerOptions {
  std::string listen;  // host:port; port 0 picks a free one
  int64_t max_message_bytes = 0;
  // Maximum bytes of incoming messages that gRPC holds, over all calls (decision 0013).
  int64_t receive_quota_bytes = 0;
  bool reflection = false;
  // Calls of one connection at a time; a client queues further ones.
  int64_t max_calls_per_connection = 0;
  // Paths of PEM files, read again when they change. Without a certificate the service is
  // plaintext; without a client CA it does not request client certificates.
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
};

class Server {
 public:
  // Starts serving. Errors: those of ListeningSockets::Open and ConnectionAcceptor::Start; INTERNAL
  // if gRPC fails to start.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const ServiceContext& context);
  ~Server();

  int port() const { return acceptor_->sockets().port(); }
  // See ListeningSockets::Connect.
  int Connect() const { return acceptor_->sockets().Connect(); }
  // Client connections that are open, and the number that was refused since the start.
  int64_t connections() const { return context_.connections->Count(); }
  int64_t refused_connections() const { return acceptor_->refused(); }

  // Sets the health that grpc.health.v1 returns for "" and "syncline.v1.SyncService". It is
  // NOT_SERVING at first.
  void SetServing(bool serving);

  // Sets the health to NOT_SERVING permanently, whatever SetServing sets later, and refuses new
  // calls. Does not wait.
  void StartDraining();

  // Calls StartDraining. Open calls that receive records commit what they have accepted and return
  // UNAVAILABLE with their durable offset; unary calls may end their work until shortly before the
  // deadline and are interrupted then; then the server stops. Returns within `deadline` plus a
  // short grace period.
  void Drain(absl::Duration deadline);

 private:
  Server(const ServiceContext& context, std::unique_ptr<SyncService> service);

  const ServiceContext context_;
  std::unique_ptr<SyncService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

}  // namespace syncline::rpc
