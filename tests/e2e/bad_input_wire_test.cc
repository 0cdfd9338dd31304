// Bytes that are not the protocol, and callers that may not call: rows 29, 49, 55 and 56 of the
// list of bad input.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/bad_input_fixture.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

using ::testing::AnyOf;

// The status of a call of `method` with these messages.
grpc::Status CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::vector<std::string>& messages) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(60)));
  grpc::CompletionQueue queue;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call =
      stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto wait = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  bool open = wait();
  for (const std::string& message : messages) {
    if (!open) break;
    const grpc::Slice slice(message);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    open = wait();
  }
  if (open) {
    call->WritesDone(nullptr);
    wait();
  }
  // The status comes after the last answer.
  grpc::ByteBuffer answer;
  do {
    call->Read(&answer, nullptr);
  } while (wait());
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

// What a peer at `port` answers to `bytes` until it closes; at most for ten seconds.
std::string Exchange(int port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval timeout = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  shutdown(fd, SHUT_WR);
  char buffer[4096];
  for (ssize_t n = 0; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

class BadWireTest : public BadInputTest {
 protected:
  static std::string Method(absl::string_view name) {
    return absl::StrCat("/syncline.v1.SyncService/", name);
  }
};

TEST_F(BadWireTest, Row55_RandomBytesAsMessages) {
  std::mt19937 random(RandomSeed());
  const std::string good = Request("bad").SerializeAsString();
  for (const char* method : {"StartSync", "CompleteStream", "GetSync", "ListSyncs", "WatchSync",
                             "CancelSync", "StreamRecords"}) {
    for (int i = 0; i < 40; ++i) {
      std::string bytes = good;
      if (i % 2 == 0) {
        bytes.resize(random() % 300);
        for (char& c : bytes) c = static_cast<char>(random());
      } else {
        bytes[random() % bytes.size()] = static_cast<char>(random());
        bytes.resize(1 + random() % bytes.size());
      }
      const grpc::Status status = CallRaw(NewChannel(), Method(method), {bytes});
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNKNOWN) << method;
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNAVAILABLE) << method;
      EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << method;
    }
  }
}

TEST_F(BadWireTest, Row55_TruncatedAndDeeplyNestedMessages) {
  // Ten bytes that all go on: no varint ends so late.
  const std::string truncated(11, '\xff');
  // Field 2 of itself, thousands of times, in a field that is not known.
  std::string nested;
  for (int i = 0; i < 10000; ++i) nested += "\x13";
  EXPECT_EQ(Summary(AnswerOf(CallRaw(NewChannel(), Method("StreamRecords"), {truncated}))),
            "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(Summary(AnswerOf(CallRaw(NewChannel(), Method("StreamRecords"), {nested}))),
            "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(CallRaw(NewChannel(), Method("StartSync"), {truncated}).error_code(),
            grpc::StatusCode::INTERNAL);
  EXPECT_EQ(CallRaw(NewChannel(), Method("StartSync"), {nested}).error_code(),
            grpc::StatusCode::INTERNAL);
}

TEST_F(BadWireTest, Row55_MessagesAfterGoodOnes) {
  const std::string sync_id = Started(Request("bad"));
  const Answer answer =
      AnswerOf(CallRaw(NewChannel(), Method("StreamRecords"),
                       {Header(sync_id, "bad").SerializeAsString(),
                        Lines(0, "{\"id\":1}\n").SerializeAsString(), std::string(11, '\xff')}));
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT MALFORMED_MESSAGE");
  EXPECT_EQ(answer.metadata.at("durable_offset"), "1");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
}

// Generated code would not let such a text out; other clients do.
TEST_F(BadWireTest, Row29_InvalidUtf8InIdentifiers) {
  v1::StartSyncRequest request = Request("bad");
  std::string bytes = request.SerializeAsString();
  const size_t at = bytes.find("bad", bytes.find(schema()) + schema().size());
  ASSERT_NE(at, std::string::npos);
  for (size_t found = bytes.find("bad"); found != std::string::npos;
       found = bytes.find("bad", found + 1)) {
    bytes[found + 1] = '\xff';
  }
  EXPECT_EQ(CallRaw(NewChannel(), Method("StartSync"), {bytes}).error_code(),
            grpc::StatusCode::INTERNAL);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_class WHERE relnamespace = '", schema(),
                                  "'::regnamespace")),
            0);
}

TEST_F(BadWireTest, Row56_UnknownMethods) {
  for (const char* method : {"/syncline.v1.SyncService/Nothing", "/nothing.v1.Nothing/Nothing", "/",
                             "/syncline.v1.SyncService/"}) {
    EXPECT_EQ(CallRaw(NewChannel(), method, {"x"}).error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << method;
  }
}

TEST_F(BadWireTest, Row56_OtherProtocolsOnThePort) {
  const int port = server().grpc_port();
  Exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Exchange(port, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                     std::string(400, '\x07'));
  Exchange(port, "");
  Exchange(port, std::string(100000, '\0'));
  Exchange(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1000, '\xff'));
}

TEST_F(BadWireTest, Row49_Metadata) {
  v1::ListSyncsRequest request;
  v1::ListSyncsResponse response;
  grpc::ClientContext large;
  large.AddMetadata("x-large", std::string(20 << 10, 'x'));
  // On a connection of its own, which gRPC may close with the answer.
  EXPECT_EQ(
      v1::SyncService::NewStub(NewChannel())->ListSyncs(&large, request, &response).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
  // Without a token file, tokens are not looked at.
  grpc::ClientContext token;
  token.AddMetadata("authorization", "Bearer whatever");
  EXPECT_EQ(Summary(AnswerOf(stub()->ListSyncs(&token, request, &response))), "OK");
  request.set_page_token("no such token");
  grpc::ClientContext page;
  EXPECT_EQ(stub()->ListSyncs(&page, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_page_token();
  request.set_page_size(-1);
  grpc::ClientContext negative;
  EXPECT_EQ(stub()->ListSyncs(&negative, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

// Servers of their own: tokens, TLS, limits.
class GuardedServerTest : public EndToEndTest {
 protected:
  static Answer List(const std::shared_ptr<grpc::Channel>& channel, const char* authorization) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (authorization != nullptr) context.AddMetadata("authorization", authorization);
    v1::ListSyncsResponse response;
    return AnswerOf(v1::SyncService::NewStub(channel)->ListSyncs(&context, {}, &response));
  }
};

TEST_F(GuardedServerTest, Row49_Tokens) {
  const auto server = StartServer(
      {absl::StrCat("--auth_token_file=", WriteFile("tokens", "first-token\nsecond-token\n"))});
  ASSERT_NE(server, nullptr);
  const auto channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
  EXPECT_EQ(Summary(List(channel, nullptr)), "UNAUTHENTICATED NO_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "")), "UNAUTHENTICATED NO_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "Basic Zmlyc3QtdG9rZW4=")), "UNAUTHENTICATED NO_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "Bearer ")), "UNAUTHENTICATED BAD_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "Bearer first-toke")), "UNAUTHENTICATED BAD_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "Bearer first-token2")), "UNAUTHENTICATED BAD_CREDENTIALS");
  EXPECT_EQ(Summary(List(channel, "Bearer second-token")), "OK");
  EXPECT_EQ(Summary(List(channel, "bearer first-token")), "OK");
  // A stream is refused before it reads anything.
  v1::StreamRecordsResponse response;
  grpc::ClientContext context;
  const auto stream = v1::SyncService::NewStub(channel)->StreamRecords(&context, &response);
  stream->Write(Header("x", "y"));
  EXPECT_EQ(Summary(AnswerOf(stream->Finish())), "UNAUTHENTICATED NO_CREDENTIALS");
}

TEST_F(GuardedServerTest, Row56_PlaintextOnATlsPort) {
  const std::string directory = absl::StrCat(SYNCLINE_CORPUS_DIR, "/tls/");
  ServerProcessOptions options;
  options.dsn = dsn();
  options.ledger_schema = ledger();
  options.wait_until_serving = false;
  options.flags = {absl::StrCat("--tls_cert_file=", directory, "server.crt"),
                   absl::StrCat("--tls_key_file=", directory, "server.key")};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ServerProcess> server, ServerProcess::Start(options));
  EXPECT_EQ(
      List(grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()), nullptr)
          .code,
      grpc::StatusCode::UNAVAILABLE);
  Exchange(server->grpc_port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // A caller that trusts somebody else, then one that trusts this server.
  EXPECT_EQ(List(grpc::CreateChannel(server->address(), grpc::SslCredentials({})), nullptr).code,
            grpc::StatusCode::UNAVAILABLE);
  client::ConnectionOptions connection;
  connection.server = server->address();
  connection.tls.enabled = true;
  connection.tls.ca_file = directory + "server.crt";
  connection.tls.server_name = "localhost";
  ASSERT_OK_AND_ASSIGN(const auto client, client::SyncClient::Create(connection));
  EXPECT_OK(client->ListSyncs({}));
  EXPECT_TRUE(server->running());
}

}  // namespace
}  // namespace syncline::testing
