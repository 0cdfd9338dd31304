// Endpoint: serves /metrics, the probes /healthz and /readyz, and the status page at
// `--metrics_listen`.
//
// Owned by app. The probes need no token and contain nothing about streams. All other pages need a
// token if tokens are configured.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::metrics {

// The response of a probe: 200 or 503, with the reason as its body.
struct Probe {
  bool good = true;
  std::string reason = "ok";
};

// The functions that provide the endpoint's contents. They are called on the HTTP server's threads,
// possibly concurrently, and must not wait for the database or a caller. They must stay callable
// until the endpoint is destroyed.
struct EndpointSources {
  std::function<std::string()> metrics;
  // Returns whether the process works; a supervisor restarts it if not. Must not query the
  // database.
  std::function<Probe()> health;
  // Returns whether calls can be served now.
  std::function<Probe()> readiness;
  // Returns the contents of the status page as JSON (status_page.h).
  std::function<std::string()> status;
  // Returns whether `token` gives access to the metrics and the page. If null, no token is needed.
  std::function<bool(absl::string_view token)> is_authorized = nullptr;
};

class Endpoint {
 public:
  // Starts to serve `listen`. Errors: those of HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<Endpoint>> Start(absl::string_view listen,
                                                         EndpointSources sources);
  // Stops serving. No source is called after it returns.
  virtual ~Endpoint() = default;

  virtual int port() const = 0;
};

}  // namespace syncline::metrics
