// The proxy of the fault tests causes each of its faults, and passes data unchanged without one.
#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "base/listening_socket.h"
#include "base/thread.h"
#include "tests/support/loopback_address.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

// Sends every byte back to its sender.
class Echo {
 public:
  Echo() : sockets_(*ListeningSockets::Open("127.0.0.1:0")), thread_("echo", [this] { Run(); }) {}
  ~Echo() { shutdown(sockets_.descriptors().front(), SHUT_RDWR); }

  int port() const { return sockets_.port(); }
  // The client's port of the latest connection.
  int last_port() const { return last_port_; }

 private:
  void Run() {
    std::vector<std::unique_ptr<Thread>> connections;
    while (true) {
      pollfd ready = {sockets_.descriptors().front(), POLLIN, 0};
      poll(&ready, 1, -1);
      sockaddr_in peer = {};
      socklen_t size = sizeof(peer);
      const int fd =
          accept(sockets_.descriptors().front(), reinterpret_cast<sockaddr*>(&peer), &size);
      if (fd < 0) return;
      last_port_ = ntohs(peer.sin_port);
      connections.push_back(std::make_unique<Thread>("echo", [fd] { Serve(fd); }));
    }
  }

  static void Serve(int fd) {
    std::array<char, 4096> buffer = {};
    for (ssize_t n = 0; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      if (send(fd, buffer.data(), static_cast<size_t>(n), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
  }

  ListeningSockets sockets_;
  std::atomic<int> last_port_ = 0;
  Thread thread_;  // last: it uses the sockets
};

class Caller {
 public:
  explicit Caller(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in address = LoopbackAddress(port);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Caller() { close(fd_); }

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Returns `size` bytes, or fewer if the connection ends or nothing arrives within `patience`.
  std::string Receive(size_t size, absl::Duration patience = absl::Seconds(10)) {
    std::string bytes;
    while (bytes.size() < size) {
      pollfd ready = {fd_, POLLIN, 0};
      if (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 0) break;
      std::array<char, 4096> buffer = {};
      const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
      if (n < 0) reset_ = errno == ECONNRESET;
      if (n <= 0) {
        ended_ = true;
        break;
      }
      bytes.append(buffer.data(), static_cast<size_t>(n));
    }
    return bytes;
  }
  bool ended() const { return ended_; }
  bool reset() const { return reset_; }

 private:
  const int fd_;
  bool ended_ = false;
  bool reset_ = false;
};

class FaultProxyTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(proxy_, FaultProxy::Start(echo_.port())); }

  Echo echo_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(FaultProxyTest, ForwardsBytesUnchanged) {
  const std::string much(1 << 20, 'x');
  Caller caller(proxy_->port());
  for (int i = 0; i < 16; ++i) {
    caller.Send(much.substr(0, 64 << 10));
    EXPECT_EQ(caller.Receive(64 << 10).size(), size_t{64} << 10);
  }
  EXPECT_EQ(proxy_->connections(), 1);
  EXPECT_EQ(proxy_->accepted(), 1);
  EXPECT_EQ(proxy_->captured(), much.substr(0, 64 << 10));
}

TEST_F(FaultProxyTest, Slices) {
  proxy_->Set(ProxyWay::kToServer, {.slice_bytes = 1});
  proxy_->Set(ProxyWay::kToClient, {.slice_bytes = 1});
  Caller caller(proxy_->port());
  const std::string text = "one byte after the other";
  caller.Send(text);
  EXPECT_EQ(caller.Receive(text.size()), text);
}

TEST_F(FaultProxyTest, Delays) {
  proxy_->Set(ProxyWay::kToServer, {.delay = absl::Milliseconds(50)});
  Caller caller(proxy_->port());
  const absl::Time asked = absl::Now();
  caller.Send("late");
  EXPECT_EQ(caller.Receive(4), "late");
  EXPECT_GE(absl::Now() - asked, absl::Milliseconds(50));
}

TEST_F(FaultProxyTest, IsSilentInEitherDirectionUntilHealed) {
  Caller caller(proxy_->port());
  caller.Send("a");
  EXPECT_EQ(caller.Receive(1), "a");
  for (const ProxyWay way : {ProxyWay::kToServer, ProxyWay::kToClient}) {
    proxy_->Set(way, {.silent = true});
    caller.Send("b");
    EXPECT_EQ(caller.Receive(1, absl::Milliseconds(30)), "");
    EXPECT_FALSE(caller.ended());
    proxy_->Heal();
    EXPECT_EQ(caller.Receive(1), "b");
  }
}

TEST_F(FaultProxyTest, WithholdsTheRepliesOfOneConnection) {
  Caller caller(proxy_->port());
  caller.Send("a");
  EXPECT_EQ(caller.Receive(1), "a");
  proxy_->WithholdReplies(echo_.last_port());
  Caller other(proxy_->port());
  caller.Send("b");
  EXPECT_EQ(caller.Receive(1, absl::Milliseconds(30)), "");
  other.Send("c");
  EXPECT_EQ(other.Receive(1), "c");
  proxy_->Heal();
  EXPECT_EQ(caller.Receive(1), "b");
}

TEST_F(FaultProxyTest, Truncates) {
  proxy_->Set(ProxyWay::kToClient, {.truncate_at = 3});
  Caller caller(proxy_->port());
  caller.Send("truncated");
  EXPECT_EQ(caller.Receive(9), "tru");
  EXPECT_TRUE(caller.ended());
}

TEST_F(FaultProxyTest, Cuts) {
  Caller caller(proxy_->port());
  caller.Send("a");
  EXPECT_EQ(caller.Receive(1), "a");
  EXPECT_EQ(proxy_->Cut(), 1);
  caller.Receive(1);
  EXPECT_TRUE(caller.reset());
  proxy_->RefuseNew(true);
  Caller refused(proxy_->port());
  refused.Receive(1);
  EXPECT_TRUE(refused.ended());
  proxy_->RefuseNew(false);
  Caller again(proxy_->port());
  again.Send("b");
  EXPECT_EQ(again.Receive(1), "b");
}

}  // namespace
}  // namespace syncline::testing
