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
#include "server/rpc/connection_acceptor.h"
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
  // Connections beyond are closed at once.
  int64_t max_connections = 0;
  // Paths of PEM files, read again when they change; empty: plaintext, or no client certificates
  // asked for.
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
};

class Server {
 public:
  // Errors: FAILED_PRECONDITION when the port cannot be had.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const ServiceContext& context);
  ~Server();

  int port() const { return acceptor_->sockets().port(); }
  // As ListeningSockets::Connect.
  int Connect() const { return acceptor_->sockets().Connect(); }
  // Connections of callers that are open, and those that were refused because there were too many.
  int64_t connections() const { return acceptor_->connections(); }
  int64_t refused_connections() const { return acceptor_->refused(); }

  // What grpc.health.v1 answers for "" and "syncline.v1.SyncService"; NOT_SERVING at first.
  void SetServing(bool serving);

  // Health says NOT_SERVING for good, whatever SetServing says later, and nothing new is admitted.
  // Waits for nothing.
  void StartDraining();

  // StartDraining; open StreamRecords calls commit what they have and answer UNAVAILABLE with their
  // durable offset, then the server stops. Returns after `deadline` at the latest (and a little).
  void Drain(absl::Duration deadline);

 private:
  Server(const ServiceContext& context, std::unique_ptr<SyncService> service);

  const ServiceContext context_;
  std::unique_ptr<SyncService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

}  // namespace syncline::rpc
