#include "server/rpc/open_connections.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/listening_socket.h"
#include "base/mutex.h"
#include "server/rpc/connection_acceptor.h"
#include "tests/support/status_matchers.h"

namespace syncline::rpc {
namespace {

// A service that remembers which connection it found for a call. For one call at a time.
class FindingService final : public grpc::CallbackGenericService {
 public:
  // `open` must outlive the service.
  explicit FindingService(OpenConnections* open) : open_(open) {}

  std::shared_ptr<ClientConnection> found() const {
    MutexLock lock(&mutex_);
    return found_;
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() { Finish(grpc::Status::OK); }
    void OnDone() override { delete this; }
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    MutexLock lock(&mutex_);
    found_ = open_->Find(context->peer());
    return new Reactor;
  }

  OpenConnections* const open_;
  mutable Mutex mutex_;
  std::shared_ptr<ClientConnection> found_ ABSL_GUARDED_BY(mutex_);
};

struct Addresses {
  const char* name;
  const char* server;
  const char* client;
};

// A gRPC server whose connections a ConnectionAcceptor accepts.
class OpenConnectionsTest : public ::testing::TestWithParam<Addresses> {
 protected:
  void SetUp() override {
    auto sockets = ListeningSockets::Open(absl::StrCat(GetParam().server, ":0"));
    if (!sockets.ok()) GTEST_SKIP() << sockets.status();
    grpc::ServerBuilder builder;
    using ConnectionType = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    const std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> accepted =
        builder.experimental().AddExternalConnectionAcceptor(ConnectionType::FROM_FD,
                                                             grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    acceptor_ = std::make_unique<ConnectionAcceptor>(
        *std::move(sockets), &open_, [accepted](int listening, int descriptor) {
          grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
          connection.listener_fd = listening;
          connection.fd = descriptor;
          accepted->HandleNewConnection(&connection);
        });
    ASSERT_OK(acceptor_->Start());
  }

  void TearDown() override {
    if (acceptor_ != nullptr) acceptor_->Stop();
    if (server_ != nullptr) server_->Shutdown();
  }

  // Makes a call on a connection of its own.
  void Call() {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    grpc::GenericStub stub(
        grpc::CreateCustomChannel(absl::StrCat(GetParam().client, ":", acceptor_->sockets().port()),
                                  grpc::InsecureChannelCredentials(), own));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    grpc::CompletionQueue queue;
    const grpc::Slice slice("request");
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, "/any/Method", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, &queue);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
  }

  OpenConnections open_{2};
  FindingService service_{&open_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

TEST_P(OpenConnectionsTest, TheConnectionOfACallIsFound) {
  ASSERT_NO_FATAL_FAILURE(Call());
  ASSERT_NE(service_.found(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, OpenConnectionsTest,
                         ::testing::Values(Addresses{"V4", "127.0.0.1", "127.0.0.1"},
                                           Addresses{"V6", "[::1]", "[::1]"},
                                           Addresses{"V4OverV6", "[::]", "127.0.0.1"}),
                         [](const ::testing::TestParamInfo<Addresses>& test) {
                           return test.param.name;
                         });

// Two connected sockets of one TCP connection on this machine.
class ClientConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const ListeningSockets sockets, ListeningSockets::Open("127.0.0.1:0"));
    client_ = sockets.Connect();
    socklen_t size = sizeof(address_);
    ASSERT_TRUE(IsReadable(sockets.descriptors()[0]));
    server_ = accept(sockets.descriptors()[0], reinterpret_cast<sockaddr*>(&address_), &size);
    ASSERT_GE(server_, 0);
  }

  void TearDown() override {
    close(client_);
    if (server_ >= 0) close(server_);
  }

  static bool IsReadable(int descriptor) {
    pollfd waiting = {descriptor, POLLIN, 0};
    return poll(&waiting, 1, /*timeout=*/10'000) == 1;
  }

  void Send(size_t bytes) {
    const std::string text(bytes, 'x');
    ASSERT_EQ(write(client_, text.data(), bytes), static_cast<ssize_t>(bytes));
    ASSERT_TRUE(IsReadable(server_));
  }

  int client_ = -1;
  int server_ = -1;
  sockaddr_storage address_ = {};
  OpenConnections open_{1};
};

TEST_F(ClientConnectionTest, BytesBeyondThoseOfWholeMessagesAreUnfinished) {
  ASSERT_TRUE(open_.Admit(server_, address_));
  const auto connection = open_.Find(FormatPeer(address_));
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(connection->UnfinishedBytes(), 0);
  Send(1000);
  EXPECT_EQ(connection->UnfinishedBytes(), 1000);
  connection->NoteMessage(900);
  EXPECT_EQ(connection->UnfinishedBytes(), 100);
}

TEST_F(ClientConnectionTest, ClosedConnectionsAreForgotten) {
  ASSERT_TRUE(open_.Admit(server_, address_));
  const auto connection = open_.Find(FormatPeer(address_));
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(open_.Count(), 1);
  close(std::exchange(server_, -1));
  EXPECT_EQ(connection->UnfinishedBytes(), std::nullopt);
  EXPECT_EQ(open_.Find(FormatPeer(address_)), nullptr);
  EXPECT_EQ(open_.Count(), 0);
}

TEST_F(ClientConnectionTest, MoreConnectionsThanTheMaximumAreNotAdmitted) {
  ASSERT_TRUE(open_.Admit(server_, address_));
  EXPECT_FALSE(open_.Admit(client_, address_));
  EXPECT_EQ(open_.Count(), 1);
}

TEST(FormatPeerTest, FormatsAddressesAsGrpcDoes) {
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(4711);
  v6.sin6_addr = in6addr_loopback;
  sockaddr_storage address = {};
  std::memcpy(&address, &v6, sizeof(v6));
  EXPECT_EQ(FormatPeer(address), "ipv6:%5B::1%5D:4711");
  const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  std::memcpy(&v6.sin6_addr, mapped, sizeof(mapped));
  std::memcpy(&address, &v6, sizeof(v6));
  EXPECT_EQ(FormatPeer(address), "ipv4:10.0.0.1:4711");
  address.ss_family = AF_UNIX;
  EXPECT_EQ(FormatPeer(address), "");
}

}  // namespace
}  // namespace syncline::rpc
