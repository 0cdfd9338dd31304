#include "server/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/rpc/library_log.h"
#include "server/rpc/reflection_guard.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr char kServiceName[] = "syncline.v1.SyncService";

// Room for a message's content other than its payload.
constexpr int64_t kMessageOverhead = 64 << 10;

// Flow-control window per stream: the most data that can be in flight while the server is not
// reading. It allows 10 MB/s at a round trip of 50 ms. By default gRPC widens it to bandwidth times
// delay: about 6 MiB per stream that the memory budget does not cover.
constexpr int kStreamWindowBytes = 512 << 10;
constexpr int kMaxReadChunkBytes = 256 << 10;  // maximum per read from a connection

// A client that vanished without closing its connection is detected within keepalive time plus
// timeout.
constexpr int kKeepaliveTimeMs = 30000;
constexpr int kKeepaliveTimeoutMs = 20000;
// A connection that has not completed its handshake by then (TLS and the first SETTINGS frame) is
// closed.
constexpr int kHandshakeTimeoutMs = 10000;
// Calls that were in flight when draining started arrive within this time and are refused with a
// reason; gRPC would cancel them without one.
constexpr absl::Duration kInFlightGracePeriod = absl::Milliseconds(300);
// Time before the deadline of a drain in which work that is cancelled then rolls back.
constexpr absl::Duration kTimeToCancel = absl::Seconds(2);
// Time for responses to leave the machine after the last call has ended.
constexpr absl::Duration kLastResponsesTimeout = absl::Seconds(1);
// Minimum interval between a client's pings, with or without calls.
constexpr int kMinPingIntervalMs = 5000;

// How often the certificate files are checked for changes.
constexpr unsigned int kCertificateCheckSeconds = 1;

std::shared_ptr<grpc::ServerCredentials> CreateCredentials(const ServerOptions& options) {
  if (options.tls_cert_file.empty()) return grpc::InsecureServerCredentials();
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls_key_file, options.tls_cert_file, options.tls_client_ca_file,
          kCertificateCheckSeconds));
  tls.watch_identity_key_cert_pairs();
  if (!options.tls_client_ca_file.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace

Server::Server(const ServiceContext& context, std::unique_ptr<SyncService> service)
    : context_(context), service_(std::move(service)) {}

Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const ServiceContext& context) {
  RouteLibraryLogs();
  SYNCLINE_ASSIGN_OR_RETURN(ListeningSockets sockets, ListeningSockets::Open(options.listen));
  std::unique_ptr<Server> server(new Server(context, std::make_unique<SyncService>(context)));
  // The services and their connections.
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  using ConnectionType = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  const std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> connections =
      builder.experimental().AddExternalConnectionAcceptor(ConnectionType::FROM_FD,
                                                           CreateCredentials(options));
  builder.RegisterService(server->service_.get());
  // Limits of memory.
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes + kMessageOverhead));
  // gRPC receives a whole message before it checks its size; the quota limits the sum.
  grpc::ResourceQuota quota("syncline");
  quota.Resize(static_cast<size_t>(options.receive_quota_bytes));
  builder.SetResourceQuota(quota);
  // gRPC 1.51 decompresses a message before it checks its size, so a few bytes could become any
  // amount of memory.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(options.max_calls_per_connection));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kMaxReadChunkBytes);
  // Detection of clients that do not respond.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  if (options.reflection) {
    builder.experimental().SetInterceptorCreators(GuardReflection(context.authenticator));
  }
  // Start gRPC first, then accept connections.
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    return MakeError(absl::StatusCode::kInternal, "gRPC failed to start the server", {});
  }
  server->acceptor_ = std::make_unique<ConnectionAcceptor>(
      std::move(sockets), context.connections, [connections](int listening, int descriptor) {
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
        connection.listener_fd = listening;
        connection.fd = descriptor;
        connections->HandleNewConnection(&connection);
      });
  server->SetServing(false);
  SYNCLINE_RETURN_IF_ERROR(server->acceptor_->Start());
  return server;
}

void Server::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus(serving);
  health->SetServingStatus(kServiceName, serving);
}

void Server::StartDraining() {
  server_->GetHealthCheckService()->Shutdown();
  context_.admission->StartDraining();
}

void Server::Drain(absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  const int64_t open = context_.admission->open_streams();
  Log(LogLevel::kInfo, "draining").Field("open_streams", open);
  StartDraining();
  context_.failed_tries->Stop();
  context_.registry->EndCalls(sync::Draining());
  context_.calls->EndUnclaimed();
  absl::SleepFor(std::min(kInFlightGracePeriod, deadline));
  // Work that would end after the deadline, such as a long merge, is cancelled a little earlier.
  const absl::Time cancel_at = until - std::min(kTimeToCancel, deadline / 2);
  if (!context_.admission->WaitUntilEmpty(cancel_at - absl::Now())) {
    context_.running_calls->Interrupt(sync::Draining());
  }
  if (!context_.admission->WaitUntilEmpty(until - absl::Now())) {
    Log(LogLevel::kWarning, "drain_deadline_passed")
        .Field("open_streams", context_.admission->open_streams());
  }
  // Every call has its response by now; this time is for responses in flight, and then running
  // calls are cancelled. It is not the rest of the deadline, because idle clients keep their
  // connection open even after GOAWAY.
  acceptor_->Stop();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + kLastResponsesTimeout));
}

}  // namespace syncline::rpc
