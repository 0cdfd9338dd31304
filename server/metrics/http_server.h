// The HTTP server behind `--metrics_listen`: metrics, probes and the status page.
//
// One thread serves all connections by readiness, so that a caller that sends half a request, or
// reads slowly, holds up nobody. Owned by Metrics.
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
  std::string authorization;  // the header's value, empty without it
};

// Called on the server's thread, one at a time: never waits for anybody.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // `listen` is "HOST:PORT" as of ListeningSockets. GET and HEAD are served, everything else is
  // 405. A connection that is silent for 10 s is closed; at most 1,000 are open. Errors: those of
  // ListeningSockets::Open; FAILED_PRECONDITION LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(absl::string_view listen,
                                                           HttpHandler handler);
  // When it returns, the handler does not run and will not.
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
};

}  // namespace syncline::metrics
