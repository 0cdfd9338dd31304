// Unauthenticated bytes, callers without permission, and messages over the limits: rows 41, 42, 49
// and 56 of the list of bad input. Each test starts its own server.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "tests/e2e/bad_input_fixture.h"
#include "tests/e2e/raw_socket.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

constexpr int64_t kMiB = 1 << 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kSlack = 4096 * kMiB;
constexpr int64_t kMaxMemoryOfALargeField = 16384 * kMiB;
#else
constexpr int64_t kSlack = 96 * kMiB;
constexpr int64_t kMaxMemoryOfALargeField = 4096 * kMiB;
#endif

// Counts the lines of the log that contain `text`.
int LinesOf(const std::string& log, absl::string_view text) {
  int lines = 0;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    if (absl::StrContains(line, text)) ++lines;
  }
  return lines;
}

// Tests with their own servers: tokens, TLS, limits.
class GuardedServerTest : public EndToEndTest {
 protected:
  // Starts a server with the certificate of the corpus and more `flags`. Its health can only be
  // checked over TLS, so this does not wait until it is serving.
  std::unique_ptr<ServerProcess> StartTlsServer(std::vector<std::string> flags = {}) {
    ServerProcessOptions options;
    options.dsn = dsn();
    options.ledger_schema = ledger();
    options.wait_until_serving = false;
    options.flags = std::move(flags);
    options.flags.push_back(absl::StrCat("--tls_cert_file=", CorpusFile("server.crt")));
    options.flags.push_back(absl::StrCat("--tls_key_file=", CorpusFile("server.key")));
    absl::StatusOr<std::unique_ptr<ServerProcess>> server = ServerProcess::Start(options);
    EXPECT_OK(server);
    return server.ok() ? *std::move(server) : nullptr;
  }
  static std::string CorpusFile(absl::string_view name) {
    return absl::StrCat(SYNCLINE_CORPUS_DIR, "/tls/", name);
  }
  // Returns the status of a call with this client certificate, or without one if `name` is empty.
  static absl::Status ListAs(const ServerProcess& server, absl::string_view name) {
    client::ConnectionOptions connection;
    connection.server = server.address();
    connection.timeout = absl::Seconds(20);
    connection.tls.enabled = true;
    connection.tls.ca_file = CorpusFile("server.crt");
    connection.tls.server_name = "localhost";
    if (!name.empty()) {
      connection.tls.cert_file = CorpusFile(absl::StrCat(name, ".crt"));
      connection.tls.key_file = CorpusFile(absl::StrCat(name, ".key"));
    }
    SYNCLINE_ASSIGN_OR_RETURN(const auto client, client::SyncClient::Create(connection));
    return client->ListSyncs({}).status();
  }
  // Sends one message with a record whose name has `bytes` bytes.
  absl::StatusOr<v1::StreamRecordsResponse> SendText(client::SyncClient& client, int64_t bytes,
                                                     int64_t offset = 0) {
    v1::StreamRecordsRequest message;
    message.mutable_batch()->set_first_offset(offset);
    std::string* const line = message.mutable_batch()->mutable_jsonl();
    line->reserve(static_cast<size_t>(bytes) + 32);
    line->append("{\"id\":1,\"name\":\"").append(static_cast<size_t>(bytes), 'x').append("\"}");
    const std::unique_ptr<client::RecordsCall> call = client.StreamRecords();
    if (call->Write(Header("large", "bad"))) call->Write(message);
    return call->Finish();
  }
  static Answer List(const std::shared_ptr<grpc::Channel>& channel, const char* authorization) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (authorization != nullptr) context.AddMetadata("authorization", authorization);
    v1::ListSyncsResponse response;
    return MakeAnswer(v1::SyncService::NewStub(channel)->ListSyncs(&context, {}, &response));
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
  // A stream is refused before any record is read.
  v1::StreamRecordsResponse response;
  grpc::ClientContext context;
  const auto stream = v1::SyncService::NewStub(channel)->StreamRecords(&context, &response);
  stream->Write(Header("x", "y"));
  EXPECT_EQ(Summary(MakeAnswer(stream->Finish())), "UNAUTHENTICATED NO_CREDENTIALS");
}

// A token expires when it is removed from the file.
TEST_F(GuardedServerTest, Row49_ExpiredToken) {
  const std::string tokens = WriteFile("tokens", "old-token\n");
  const auto server = StartServer({absl::StrCat("--auth_token_file=", tokens)});
  ASSERT_NE(server, nullptr);
  const auto channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
  EXPECT_EQ(Summary(List(channel, "Bearer old-token")), "OK");
  EXPECT_EQ(Summary(List(channel, "Bearer new-token")), "UNAUTHENTICATED BAD_CREDENTIALS");
  // A call that is already open continues and loses nothing.
  client::ConnectionOptions connection;
  connection.server = server->address();
  connection.timeout = absl::Seconds(20);
  connection.token_file = WriteFile("held", "old-token\n");
  ASSERT_OK_AND_ASSIGN(const auto holder, client::SyncClient::Create(connection));
  ASSERT_OK(holder->StartSync(OneStream("s", "rows")));
  const std::unique_ptr<client::RecordsCall> open = holder->StreamRecords();
  ASSERT_TRUE(open->Write(Header("s", "rows")));
  ASSERT_TRUE(open->Write(Batch(0, 3)));
  ASSERT_EQ(rename(WriteFile("tokens.new", "new-token\n").c_str(), tokens.c_str()), 0);
  EXPECT_TRUE(Eventually([&] {
    return Summary(List(channel, "Bearer old-token")) == "UNAUTHENTICATED BAD_CREDENTIALS";
  }));
  EXPECT_EQ(Summary(List(channel, "Bearer new-token")), "OK");
  ASSERT_TRUE(open->Write(Batch(3, 5)));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse done, open->Finish());
  EXPECT_EQ(done.durable_offset(), 5);
  // A missing file revokes no token and is logged once.
  ASSERT_EQ(unlink(tokens.c_str()), 0);
  EXPECT_TRUE(Eventually([&] { return LinesOf(server->Log(), "auth_tokens_kept") == 1; }));
  EXPECT_EQ(Summary(List(channel, "Bearer new-token")), "OK");
  EXPECT_EQ(LinesOf(server->Log(), "auth_tokens_replaced tokens=1"), 1);
}

TEST_F(GuardedServerTest, Row49_RefusedCallsDoNotFillTheLog) {
  const auto server =
      StartServer({absl::StrCat("--auth_token_file=", WriteFile("tokens", "first-token\n"))});
  ASSERT_NE(server, nullptr);
  const auto channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
  constexpr int kCalls = 1000;
  struct Guess {
    grpc::ClientContext context;
    v1::ListSyncsResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::ListSyncsResponse>> reader;
  };
  const auto stub = v1::SyncService::NewStub(channel);
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Guess>> guesses;
  const absl::Time begin = absl::Now();
  for (int i = 0; i < kCalls; ++i) {
    Guess& guess = *guesses.emplace_back(std::make_unique<Guess>());
    guess.context.AddMetadata("authorization", "Bearer guess");
    guess.reader = stub->AsyncListSyncs(&guess.context, {}, &queue);
    guess.reader->Finish(&guess.response, &guess.status, &guess);
  }
  // A caller with the token is accepted at once from the same address while the others wait.
  EXPECT_EQ(Summary(List(channel, "Bearer first-token")), "OK");
  for (int i = 0; i < kCalls; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(Summary(MakeAnswer(static_cast<Guess*>(tag)->status)),
              "UNAUTHENTICATED BAD_CREDENTIALS");
  }
  EXPECT_GE(absl::Now() - begin, absl::Seconds(9)) << "the last answers are delayed";
  EXPECT_LT(LinesOf(server->Log(), "rpc_failed"), kCalls / 10);
  EXPECT_GT(LinesOf(server->Log(), "rpc_failed"), 0);
}

TEST_F(GuardedServerTest, Row56_PlaintextToATlsPort) {
  const auto server = StartTlsServer();
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(
      List(grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()), nullptr)
          .code,
      grpc::StatusCode::UNAVAILABLE);
  // First a client that trusts another certificate, then one that trusts this server's.
  EXPECT_EQ(List(grpc::CreateChannel(server->address(), grpc::SslCredentials({})), nullptr).code,
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_OK(ListAs(*server, ""));
  EXPECT_TRUE(server->running());
}

TEST_F(GuardedServerTest, Row56_BadConnectionsDoNotFillTheLog) {
  const auto server = StartTlsServer();
  ASSERT_NE(server, nullptr);
  constexpr int kConnections = 1000;
  for (int i = 0; i < kConnections; ++i) {
    Exchange(server->grpc_port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  EXPECT_OK(ListAs(*server, ""));
  const std::string log = server->Log();
  EXPECT_LT(LinesOf(log, ""), kConnections / 10) << log.substr(0, 2000);
  // All lines have the format of the server's log.
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(absl::StrContains(line, " INFO ") || absl::StrContains(line, " WARNING ") ||
                absl::StrContains(line, " ERROR "))
        << line;
  }
}

TEST_F(GuardedServerTest, Row56_MutualTls) {
  const auto server =
      StartTlsServer({absl::StrCat("--tls_client_ca_file=", CorpusFile("client.crt"))});
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(ListAs(*server, "").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ListAs(*server, "outsider").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ListAs(*server, "server").code(), absl::StatusCode::kUnavailable);
  EXPECT_OK(ListAs(*server, "client"));
}

TEST_F(GuardedServerTest, Row56_MutualTlsWithTheCommandLine) {
  const auto server =
      StartTlsServer({absl::StrCat("--tls_client_ca_file=", CorpusFile("client.crt"))});
  ASSERT_NE(server, nullptr);
  const std::vector<std::string> trust = {"list", "--timeout=20s", "--tls_server_name=localhost",
                                          absl::StrCat("--tls_ca_file=", CorpusFile("server.crt"))};
  std::vector<std::string> known = trust;
  known.push_back(absl::StrCat("--tls_cert_file=", CorpusFile("client.crt")));
  known.push_back(absl::StrCat("--tls_key_file=", CorpusFile("client.key")));
  EXPECT_EQ(RunClient(*server, trust), 1);
  EXPECT_EQ(RunClient(*server, known), 0);
  // The connector's configuration behaves the same way.
  const auto check = [&](absl::string_view certificate) {
    const std::string config =
        WriteFile(absl::StrCat("config", certificate.size(), ".json"),
                  absl::StrCat(R"({"server":")", server->address(), R"(","schema":")", schema(),
                               R"(","tls":{"ca_file":")", CorpusFile("server.crt"),
                               R"(","server_name":"localhost")", certificate, "}}"));
    ProcessOptions options;
    options.arguments = {SYNCLINE_CLIENT_BINARY, "check", absl::StrCat("--config=", config)};
    absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(options);
    EXPECT_OK(process);
    EXPECT_TRUE((*process)->Wait(kPatience).has_value());
    return (*process)->Stdout();
  };
  EXPECT_TRUE(absl::StrContains(check(""), "\"FAILED\"")) << check("");
  const std::string own = absl::StrCat(R"(,"cert_file":")", CorpusFile("client.crt"),
                                       R"(","key_file":")", CorpusFile("client.key"), "\"");
  EXPECT_TRUE(absl::StrContains(check(own), "\"SUCCEEDED\"")) << check(own);
}

TEST_F(GuardedServerTest, Row42_MessageOf300MiBIsRefused) {
  // gRPC holds at most 2 budgets, 64 MiB, and 2 MiB per stream.
  const auto server = StartServer({"--max_message_bytes=1MiB", "--max_record_bytes=1MiB",
                                   "--memory_budget_bytes=8MiB", "--max_open_streams=4"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("large", "bad")));
  const int64_t before = server->PeakBytes();
  const absl::StatusOr<v1::StreamRecordsResponse> sent = SendText(*client, 300 * kMiB);
  EXPECT_EQ(sent.status().code(), absl::StatusCode::kResourceExhausted) << sent.status();
  EXPECT_LT(server->PeakBytes() - before, kSlack);
  EXPECT_OK(Send(*client, "large", "bad", 0, 3));
}

// Under limits that allow it, a field larger than 255 MiB is NULLED, and its memory is bounded.
TEST_F(GuardedServerTest, Row41_FieldOf300MiB) {
  const auto server = StartServer(
      {"--max_message_bytes=320MiB", "--max_record_bytes=320MiB", "--memory_budget_bytes=320MiB"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("large", "bad")));
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<v1::StreamRecordsResponse> sent = SendText(*client, 300 * kMiB, i);
    ASSERT_OK(sent);
    EXPECT_EQ(sent->durable_offset(), i + 1);
  }
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"),
                                  " WHERE name IS NULL AND _airbyte_meta->'changes'->0->>'reason' "
                                  "= 'DESTINATION_FIELD_SIZE_LIMITATION'")),
            2);
  RecordProperty("peak_mib", static_cast<int>(server->PeakBytes() / kMiB));
  EXPECT_LT(server->PeakBytes(), kMaxMemoryOfALargeField);
}

}  // namespace
}  // namespace syncline::testing
