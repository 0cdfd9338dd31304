#include "server/rpc/deafness_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "absl/time/clock.h"
#include "base/listening_socket.h"
#include "base/thread.h"
#include "base/tls_hello.h"

namespace syncline::rpc {
namespace {

// Behavior of the server at the watched port.
enum class Peer { kSilent, kAnswers, kCloses };

class DeafnessWatchTest : public ::testing::Test {
 protected:
  DeafnessWatchTest() : sockets_(*ListeningSockets::Open("127.0.0.1:0")) {}

  void Serve(Peer peer) {
    peer_ = std::make_unique<Thread>("peer", [this, peer] {
      while (!done_) {
        pollfd waiting = {sockets_.descriptors().front(), POLLIN, 0};
        if (poll(&waiting, 1, 20) <= 0) continue;
        const int descriptor = accept(waiting.fd, nullptr, nullptr);
        ++connections_;
        if (peer == Peer::kAnswers) send(descriptor, "x", 1, MSG_NOSIGNAL);
        if (peer == Peer::kSilent) absl::SleepFor(absl::Milliseconds(150));
        close(descriptor);
      }
    });
  }

  // Returns whether the watch reported deafness within the time.
  bool IsDeaf(absl::Duration within) {
    std::atomic<int> calls = 0;
    DeafnessOptions options;
    options.connect = [this] { return sockets_.Connect(); };
    options.interval = absl::Milliseconds(10);
    options.patience = absl::Milliseconds(100);
    const DeafnessWatch watch(options, [&] { ++calls; });
    const absl::Time until = absl::Now() + within;
    while (calls == 0 && absl::Now() < until) absl::SleepFor(absl::Milliseconds(10));
    return calls == 1;
  }

  void TearDown() override {
    done_ = true;
    peer_.reset();
  }

  const ListeningSockets sockets_;
  std::atomic<bool> done_ = false;
  std::atomic<int> connections_ = 0;
  std::unique_ptr<Thread> peer_;
};

TEST_F(DeafnessWatchTest, SilenceIsDeafness) {
  Serve(Peer::kSilent);
  EXPECT_TRUE(IsDeaf(absl::Seconds(30)));
  EXPECT_GE(connections_, 2);
}

TEST_F(DeafnessWatchTest, AnyAnswerMeansNotDeaf) {
  Serve(Peer::kAnswers);
  EXPECT_FALSE(IsDeaf(absl::Seconds(1)));
  EXPECT_GE(connections_, 2);
}

TEST_F(DeafnessWatchTest, ClosedConnectionMeansNotDeaf) {
  Serve(Peer::kCloses);
  EXPECT_FALSE(IsDeaf(absl::Seconds(1)));
}

TEST_F(DeafnessWatchTest, NoAcceptIsDeafness) { EXPECT_TRUE(IsDeaf(absl::Seconds(30))); }

TEST(TlsClientHelloTest, IsAHandshakeRecord) {
  const std::string hello = TlsClientHello();
  ASSERT_GT(hello.size(), 40);
  EXPECT_EQ(hello.substr(0, 2), std::string("\x16\x03"));
  EXPECT_EQ(hello[5], 1) << "ClientHello";
}

}  // namespace
}  // namespace syncline::rpc
