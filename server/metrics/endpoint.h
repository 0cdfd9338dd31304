// What `--metrics_listen` serves: /metrics, the probes /healthz and /readyz, and the status page.
//
// Owned by app. The probes are open to everybody and say nothing about streams; all else needs a
// token where one is configured.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::metrics {

// The answer of a probe: 200 or 503, with the reason as its body.
struct Probe {
  bool good = true;
  std::string reason = "ok";
};

// What the endpoint shows. Every function is called on the endpoint's thread and never waits for
// the database or a caller; they outlive the endpoint.
struct EndpointSources {
  std::function<std::string()> metrics;
  // Whether the process works; a supervisor restarts it when not. Never asks the database.
  std::function<Probe()> health;
  // Whether calls can be served now.
  std::function<Probe()> readiness;
  // What the status page shows, as JSON (status_page.h).
  std::function<std::string()> status;
  // Whether `token` may see metrics and the page; null: everybody may.
  std::function<bool(absl::string_view token)> may_look = nullptr;
};

class Endpoint {
 public:
  // Errors: those of HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<Endpoint>> Start(absl::string_view listen,
                                                         EndpointSources sources);
  // When it returns, no source is called any more.
  virtual ~Endpoint() = default;

  virtual int port() const = 0;
};

}  // namespace syncline::metrics
