#include "client/sync_client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <atomic>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/file.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/append_reactor.h"
#include "client/call_error.h"
#include "client/server_address.h"
#include "syncline/v1/sync_service.grpc.pb.h"

namespace syncline::client {
namespace {

constexpr int kKeepaliveMs = 20'000;
constexpr int kMaxReconnectMs = 2'000;
constexpr int kFirstReconnectMs = 100;
// How long a call waits for the connection if the previous call found the server unreachable. Other
// calls fail at once.
constexpr absl::Duration kReconnectTimeout = absl::Seconds(1);

absl::StatusOr<std::string> PemText(const std::string& text, const std::string& file) {
  if (!text.empty() || file.empty()) return text;
  return ReadFile(file);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const TlsOptions& tls) {
  if (!tls.enabled) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  SYNCLINE_ASSIGN_OR_RETURN(options.pem_root_certs, PemText(tls.ca_certificate, tls.ca_file));
  SYNCLINE_ASSIGN_OR_RETURN(options.pem_cert_chain, PemText(tls.client_certificate, tls.cert_file));
  SYNCLINE_ASSIGN_OR_RETURN(options.pem_private_key, PemText(tls.client_key, tls.key_file));
  // gRPC ignores one without the other.
  if (options.pem_cert_chain.empty() != options.pem_private_key.empty()) {
    return absl::InvalidArgumentError(
        options.pem_private_key.empty()
            ? "the TLS client certificate has no private key; give both, or neither"
            : "the TLS private key has no client certificate; give both, or neither");
  }
  return grpc::SslCredentials(options);
}

grpc::ChannelArguments Arguments(const TlsOptions& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  // A call may wait minutes for a merge without any data, and pings must continue meanwhile.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  // The environment's http_proxy is not meant for a database loader, least of all on loopback.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  if (!tls.server_name.empty()) arguments.SetSslTargetNameOverride(tls.server_name);
  return arguments;
}

// The health messages have one field each; Debian does not package their proto.
constexpr int kHealthServing = 1;

absl::StatusOr<int> ParseHealth(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) {
    return absl::InternalError("the server's health response cannot be parsed");
  }
  if (slice.size() == 0) return 0;
  if (slice.size() != 2 || slice.begin()[0] != 0x08) {
    return absl::InternalError("the server's health response cannot be parsed");
  }
  return slice.begin()[1];
}

}  // namespace

struct SyncClient::Impl {
  std::string server;
  std::string authorization;
  absl::Duration timeout;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::SyncService::Stub> stub;
  std::atomic<bool> unreachable{false};  // as of the last call
  std::unique_ptr<OutageNotice> outage;

  void Prepare(grpc::ClientContext* context) const {
    if (!authorization.empty()) context->AddMetadata("authorization", authorization);
    // Between calls only a timer of gRPC polls the channel, every 5 s, so a retry after a plain
    // sleep would not find a server that is available again any sooner.
    if (unreachable) channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kReconnectTimeout));
  }
  absl::Status Answer(const grpc::Status& status) {
    absl::Status answer = FromGrpc(status);
    unreachable = absl::IsUnavailable(answer) && GetReason(answer).empty();
    if (!absl::IsUnavailable(answer)) outage->Succeeded();
    return answer;
  }
  void SetDeadline(grpc::ClientContext* context) const {
    if (timeout > absl::ZeroDuration()) {
      context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
  }
};

struct RecordsCall::Impl {
  grpc::ClientContext context;
  v1::StreamRecordsResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::StreamRecordsRequest>> writer;
  bool finished = false;
};

struct WatchCall::Impl {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::WatchSyncResponse>> reader;
  bool finished = false;
};

RecordsCall::RecordsCall(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RecordsCall::~RecordsCall() {
  if (impl_->finished) return;
  impl_->context.TryCancel();
  impl_->writer->Finish();  // the status of a cancelled call is not needed
}

bool RecordsCall::Write(const v1::StreamRecordsRequest& request) {
  return impl_->writer->Write(request);
}

absl::StatusOr<v1::StreamRecordsResponse> RecordsCall::Finish() {
  impl_->writer->WritesDone();  // false if broken; Finish returns the error
  impl_->finished = true;
  SYNCLINE_RETURN_IF_ERROR(FromGrpc(impl_->writer->Finish()));
  return std::move(impl_->response);
}

WatchCall::WatchCall(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WatchCall::~WatchCall() {
  if (impl_->finished) return;
  impl_->context.TryCancel();
  impl_->reader->Finish();
}

bool WatchCall::Read(v1::WatchSyncResponse* event) { return impl_->reader->Read(event); }

absl::Status WatchCall::Finish() {
  impl_->finished = true;
  return FromGrpc(impl_->reader->Finish());
}

void WatchCall::Cancel() { impl_->context.TryCancel(); }

absl::StatusOr<std::unique_ptr<SyncClient>> SyncClient::Create(const ConnectionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->server = WithDefaultPort(options.server);
  impl->timeout = options.timeout;
  if (!options.token.empty()) {
    impl->authorization = absl::StrCat("Bearer ", absl::StripAsciiWhitespace(options.token));
  } else if (!options.token_file.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string token, ReadFile(options.token_file));
    impl->authorization = absl::StrCat("Bearer ", absl::StripAsciiWhitespace(token));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const auto credentials, Credentials(options.tls));
  impl->outage = std::make_unique<OutageNotice>(impl->server);
  impl->channel = grpc::CreateCustomChannel(impl->server, credentials, Arguments(options.tls));
  impl->stub = v1::SyncService::NewStub(impl->channel);
  return std::unique_ptr<SyncClient>(new SyncClient(std::move(impl)));
}

SyncClient::SyncClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyncClient::~SyncClient() = default;

const std::string& SyncClient::server() const { return impl_->server; }

OutageNotice* SyncClient::outage() { return impl_->outage.get(); }

absl::StatusOr<v1::StartSyncResponse> SyncClient::StartSync(const v1::StartSyncRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  v1::StartSyncResponse response;
  SYNCLINE_RETURN_IF_ERROR(impl_->Answer(impl_->stub->StartSync(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::CompleteStreamResponse> SyncClient::CompleteStream(
    const v1::CompleteStreamRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  v1::CompleteStreamResponse response;
  SYNCLINE_RETURN_IF_ERROR(
      impl_->Answer(impl_->stub->CompleteStream(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::SyncSummary> SyncClient::GetSync(const std::string& sync_id) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  impl_->SetDeadline(&context);
  v1::GetSyncRequest request;
  request.set_sync_id(sync_id);
  v1::GetSyncResponse response;
  SYNCLINE_RETURN_IF_ERROR(impl_->Answer(impl_->stub->GetSync(&context, request, &response)));
  return std::move(*response.mutable_sync());
}

absl::StatusOr<v1::ListSyncsResponse> SyncClient::ListSyncs(const v1::ListSyncsRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  impl_->SetDeadline(&context);
  v1::ListSyncsResponse response;
  SYNCLINE_RETURN_IF_ERROR(impl_->Answer(impl_->stub->ListSyncs(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::SyncSummary> SyncClient::CancelSync(const std::string& sync_id) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  impl_->SetDeadline(&context);
  v1::CancelSyncRequest request;
  request.set_sync_id(sync_id);
  v1::CancelSyncResponse response;
  SYNCLINE_RETURN_IF_ERROR(impl_->Answer(impl_->stub->CancelSync(&context, request, &response)));
  return std::move(*response.mutable_sync());
}

absl::StatusOr<v1::ListRejectedRecordsResponse> SyncClient::ListRejectedRecords(
    const v1::ListRejectedRecordsRequest& request) {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  impl_->SetDeadline(&context);
  v1::ListRejectedRecordsResponse response;
  SYNCLINE_RETURN_IF_ERROR(
      impl_->Answer(impl_->stub->ListRejectedRecords(&context, request, &response)));
  return response;
}

std::unique_ptr<RecordsCall> SyncClient::StreamRecords() {
  auto call = std::make_unique<RecordsCall::Impl>();
  impl_->Prepare(&call->context);
  call->writer = impl_->stub->StreamRecords(&call->context, &call->response);
  return std::make_unique<RecordsCall>(std::move(call));
}

std::unique_ptr<AppendCall> SyncClient::AppendRecords(AppendCall::OnAnswer on_answer) {
  auto reactor = std::make_unique<AppendReactor>(std::move(on_answer));
  impl_->Prepare(reactor->context());
  reactor->Start(impl_->stub.get());
  return std::make_unique<AppendCall>(std::move(reactor));
}

std::unique_ptr<WatchCall> SyncClient::WatchSync(const std::string& sync_id, int64_t after_sequence,
                                                 bool without_state) {
  auto call = std::make_unique<WatchCall::Impl>();
  impl_->Prepare(&call->context);
  v1::WatchSyncRequest request;
  request.set_sync_id(sync_id);
  request.set_after_sequence(after_sequence);
  request.set_without_state(without_state);
  call->reader = impl_->stub->WatchSync(&call->context, request);
  return std::make_unique<WatchCall>(std::move(call));
}

absl::Status SyncClient::CheckHealth() {
  grpc::ClientContext context;
  impl_->Prepare(&context);
  impl_->SetDeadline(&context);
  grpc::GenericStub stub(impl_->channel);
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);  // an empty service name means the whole server
  grpc::ByteBuffer response;
  grpc::Status status;
  int tag = 0;
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, &tag);
  void* got = nullptr;
  bool ok = false;
  queue.Next(&got, &ok);
  SYNCLINE_RETURN_IF_ERROR(impl_->Answer(status));
  SYNCLINE_ASSIGN_OR_RETURN(const int health, ParseHealth(response));
  if (health == kHealthServing) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = reason::kNotServing;
  return MakeError(absl::StatusCode::kUnavailable,
                   "the server is running but not serving: it is draining or cannot reach its "
                   "database",
                   detail);
}

}  // namespace syncline::client
