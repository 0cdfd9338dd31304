// The pages that --metrics_listen serves, and the clients that may read them.
#include "server/metrics/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/support/loopback_address.h"

namespace syncline::metrics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

int Connect(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = testing::LoopbackAddress(port);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return descriptor;
}

void Send(int descriptor, const std::string& bytes) {
  EXPECT_EQ(write(descriptor, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

class EndpointTest : public ::testing::Test {
 protected:
  void Start(std::function<bool(absl::string_view)> is_authorized = nullptr) {
    EndpointSources sources;
    sources.metrics = [] { return std::string("a_metric 1\n"); };
    sources.health = [this] { return health_; };
    sources.readiness = [this] { return readiness_; };
    sources.status = [] { return std::string("{\"syncs\":[]}"); };
    sources.is_authorized = std::move(is_authorized);
    auto endpoint = Endpoint::Start("127.0.0.1:0", std::move(sources));
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    endpoint_ = *std::move(endpoint);
  }

  std::string Ask(const std::string& method, const std::string& path,
                  const std::string& headers = "") {
    const int descriptor = Connect(endpoint_->port());
    Send(descriptor, absl::StrCat(method, " ", path, " HTTP/1.0\r\n", headers, "\r\n"));
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(descriptor, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
    close(descriptor);
    return answer;
  }

  Probe health_;
  Probe readiness_;
  std::unique_ptr<Endpoint> endpoint_;
};

TEST_F(EndpointTest, ServesMetricsProbesAndThePage) {
  Start();
  ASSERT_GT(endpoint_->port(), 0);
  EXPECT_THAT(Ask("GET", "/metrics"), AllOf(HasSubstr("200 OK"), HasSubstr("version=0.0.4"),
                                            HasSubstr("\r\na_metric 1\n")));
  EXPECT_THAT(Ask("GET", "/metrics?name=a"), HasSubstr("a_metric 1\n"));
  EXPECT_THAT(Ask("GET", "/"), AllOf(HasSubstr("text/html"), HasSubstr("default-src 'none'"),
                                     HasSubstr("<title>Syncline</title>"),
                                     Not(HasSubstr("http://")), Not(HasSubstr("https://"))));
  EXPECT_THAT(Ask("GET", "/status.json"),
              AllOf(HasSubstr("application/json"), HasSubstr("{\"syncs\":[]}")));
  EXPECT_THAT(Ask("HEAD", "/metrics"), AllOf(HasSubstr("200 OK"), Not(HasSubstr("a_metric"))));
  EXPECT_THAT(Ask("GET", "/healthz"), AllOf(HasSubstr("200 OK"), HasSubstr("\r\n\r\nok\n")));
  EXPECT_THAT(Ask("GET", "/nothing"), HasSubstr(" 404 "));
  EXPECT_THAT(Ask("DELETE", "/metrics"), AllOf(HasSubstr(" 405 "), HasSubstr("Allow: GET, HEAD")));
}

TEST_F(EndpointTest, ProbesReturnTheReason) {
  Start();
  readiness_ = {false, "the ledger cannot be read: role \"app\" may not use the schema"};
  EXPECT_THAT(Ask("GET", "/readyz"),
              AllOf(HasSubstr(" 503 "), HasSubstr("\r\nthe ledger cannot be read: role \"app\"")));
  EXPECT_THAT(Ask("GET", "/healthz"), HasSubstr("200 OK"));
  health_ = {false, "deaf"};
  EXPECT_THAT(Ask("GET", "/healthz"), AllOf(HasSubstr(" 503 "), HasSubstr("deaf")));
}

TEST_F(EndpointTest, WithoutATokenOnlyProbesAreServed) {
  Start([](absl::string_view token) { return token == "open"; });
  for (const char* path : {"/", "/metrics", "/status.json", "/nothing"}) {
    EXPECT_THAT(Ask("GET", path), AllOf(HasSubstr(" 401 "), HasSubstr("WWW-Authenticate: Basic"),
                                        Not(HasSubstr("a_metric")), Not(HasSubstr("syncs"))))
        << path;
    EXPECT_THAT(Ask("GET", path, "Authorization: Bearer wrong\r\n"), HasSubstr(" 401 "));
    EXPECT_THAT(Ask("GET", path, "Authorization: Basic !!!\r\n"), HasSubstr(" 401 "));
    EXPECT_THAT(Ask("GET", path, "Authorization: open\r\n"), HasSubstr(" 401 "));
  }
  EXPECT_THAT(Ask("GET", "/healthz"), HasSubstr("200 OK"));
  EXPECT_THAT(Ask("GET", "/readyz"), HasSubstr("200 OK"));
  EXPECT_THAT(Ask("GET", "/metrics", "Authorization: Bearer open\r\n"), HasSubstr("a_metric"));
  // A browser asks for a user name and a password.
  const std::string basic = absl::Base64Escape("anyone:open");
  EXPECT_THAT(Ask("GET", "/", absl::StrCat("authorization: basic ", basic, "\r\n")),
              HasSubstr("<title>Syncline</title>"));
}

TEST_F(EndpointTest, PartialRequestDoesNotBlockOthers) {
  Start();
  std::vector<int> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(Connect(endpoint_->port()));
    Send(silent.back(), "GET /met");
  }
  for (int i = 0; i < 10; ++i) EXPECT_THAT(Ask("GET", "/metrics"), HasSubstr("a_metric 1\n"));
  for (const int descriptor : silent) close(descriptor);
}

TEST_F(EndpointTest, TakenPortAndBadAddressAreErrors) {
  Start();
  const std::string taken = absl::StrCat("127.0.0.1:", endpoint_->port());
  EXPECT_EQ(GetReason(Endpoint::Start(taken, {}).status()), "LISTEN_FAILED");
  EXPECT_EQ(Endpoint::Start("9464", {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace syncline::metrics
