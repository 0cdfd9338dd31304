// HttpServer: the HTTP server for `--metrics_listen`.
//
// One thread per listening socket serves all its connections with epoll, so a client that sends
// half a request or reads slowly does not delay others. Owned by Endpoint.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::metrics {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers = {};
};

struct HttpRequest {
  std::string path;           // without the query
  std::string authorization;  // the value of the header, or empty
};

// Called on the threads of the server, concurrently if it listens on several sockets. Must not
// wait.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // Starts to serve `listen`, which is "HOST:PORT" as in ListeningSockets. Serves GET and HEAD;
  // other methods get 405. A connection that is silent for 10 s is closed. At most 1,000
  // connections per socket are open.
  // Errors: those of ListeningSockets::Open; FAILED_PRECONDITION LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(absl::string_view listen,
                                                           HttpHandler handler);
  // Stops serving. The handler is not called after it returns.
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
};

}  // namespace syncline::metrics
