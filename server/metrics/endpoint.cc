#include "server/metrics/endpoint.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "server/metrics/http_server.h"
#include "server/metrics/status_page.h"

namespace syncline::metrics {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse Answer(const Probe& probe) {
  return {.status = probe.good ? 200 : 503, .body = absl::StrCat(probe.reason, "\n")};
}

// Returns the token of "Bearer TOKEN" or of a browser's "Basic base64(name:TOKEN)". The name is
// ignored.
std::string ReadToken(absl::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == absl::string_view::npos) return "";
  const absl::string_view scheme = authorization.substr(0, space);
  const absl::string_view value = absl::StripAsciiWhitespace(authorization.substr(space));
  if (absl::EqualsIgnoreCase(scheme, "bearer")) return std::string(value);
  std::string decoded;
  if (!absl::EqualsIgnoreCase(scheme, "basic") || !absl::Base64Unescape(value, &decoded)) return "";
  const size_t colon = decoded.find(':');
  return colon == std::string::npos ? "" : decoded.substr(colon + 1);
}

class RoutedEndpoint final : public Endpoint {
 public:
  explicit RoutedEndpoint(EndpointSources sources) : sources_(std::move(sources)) {}

  absl::Status Serve(absl::string_view listen) {
    SYNCLINE_ASSIGN_OR_RETURN(
        server_,
        HttpServer::Start(listen, [this](const HttpRequest& request) { return Route(request); }));
    return absl::OkStatus();
  }

  int port() const override { return server_->port(); }

 private:
  HttpResponse Route(const HttpRequest& request) const {
    if (request.path == "/healthz") return Answer(sources_.health());
    if (request.path == "/readyz") return Answer(sources_.readiness());
    if (sources_.is_authorized && !sources_.is_authorized(ReadToken(request.authorization))) {
      return {.status = 401,
              .body =
                  "a token is required: send Authorization: Bearer TOKEN, or enter it as the "
                  "password\n",
              .headers = {{"WWW-Authenticate", "Basic realm=\"syncline\", charset=\"UTF-8\""}}};
    }
    if (request.path == "/metrics") {
      return {.content_type = kMetricsType, .body = sources_.metrics()};
    }
    if (request.path == "/") return StatusPage();
    if (request.path == "/status.json") {
      return {.content_type = "application/json",
              .body = sources_.status(),
              .headers = {{"Cache-Control", "no-store"}}};
    }
    return {.status = 404, .body = "not found: /, /metrics, /healthz and /readyz are served\n"};
  }

  const EndpointSources sources_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Endpoint>> Endpoint::Start(absl::string_view listen,
                                                          EndpointSources sources) {
  auto endpoint = std::make_unique<RoutedEndpoint>(std::move(sources));
  SYNCLINE_RETURN_IF_ERROR(endpoint->Serve(listen));
  return endpoint;
}

}  // namespace syncline::metrics
