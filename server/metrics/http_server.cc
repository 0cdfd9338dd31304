#include "server/metrics/http_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/listening_socket.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"

namespace syncline::metrics {
namespace {

constexpr unsigned int kConnections = 1000;
constexpr unsigned int kIdleTimeoutSeconds = 10;
constexpr size_t kMaxRequestBytes = 16 << 10;  // of the request line and headers of one request

void LogLibrary(void*, const char*, va_list) {
  // Dropped: the library logs faults of single connections, and clients could cause any number.
}

MHD_Result Send(MHD_Connection* connection, const HttpResponse& answer) {
  MHD_Response* const response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  for (const auto& [name, value] : answer.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned int>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

MHD_Result OnRequest(void* handler, MHD_Connection* connection, const char* url, const char* method,
                     const char*, const char*, size_t* upload_size, void** seen) {
  const absl::string_view verb = method;
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
    if (*upload_size != 0) return MHD_NO;
    return Send(connection, {.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                             .body = "only GET and HEAD are served\n",
                             .headers = {{MHD_HTTP_HEADER_ALLOW, "GET, HEAD"}}});
  }
  if (*seen == nullptr) {  // the first call of a request only announces it
    *seen = connection;
    return MHD_YES;
  }
  HttpRequest request;
  request.path = url;
  const char* const authorization =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
  if (authorization != nullptr) request.authorization = authorization;
  return Send(connection, (*static_cast<HttpHandler*>(handler))(request));
}

class LibraryServer final : public HttpServer {
 public:
  LibraryServer(ListeningSockets sockets, HttpHandler handler)
      : sockets_(std::move(sockets)), handler_(std::move(handler)) {}

  ~LibraryServer() override {
    for (MHD_Daemon* const daemon : daemons_) MHD_stop_daemon(daemon);
  }

  absl::Status Serve() {
    for (const int descriptor : sockets_.descriptors()) {
      // Passes a duplicate, because the library closes the socket.
      MHD_Daemon* const daemon = MHD_start_daemon(
          MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, nullptr, nullptr,
          OnRequest, &handler_, MHD_OPTION_EXTERNAL_LOGGER, LogLibrary, nullptr,
          MHD_OPTION_LISTEN_SOCKET, dup(descriptor), MHD_OPTION_CONNECTION_LIMIT, kConnections,
          MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
          kMaxRequestBytes, MHD_OPTION_END);
      if (daemon == nullptr) {
        return MakeError(absl::StatusCode::kFailedPrecondition,
                         "the HTTP server for --metrics_listen cannot be started",
                         {.reason = reason::kListenFailed});
      }
      daemons_.push_back(daemon);
    }
    return absl::OkStatus();
  }

  int port() const override { return sockets_.port(); }

 private:
  const ListeningSockets sockets_;
  HttpHandler handler_;
  std::vector<MHD_Daemon*> daemons_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(absl::string_view listen,
                                                              HttpHandler handler) {
  SYNCLINE_ASSIGN_OR_RETURN(ListeningSockets sockets, ListeningSockets::Open(listen));
  auto server = std::make_unique<LibraryServer>(std::move(sockets), std::move(handler));
  SYNCLINE_RETURN_IF_ERROR(server->Serve());
  return server;
}

}  // namespace syncline::metrics
