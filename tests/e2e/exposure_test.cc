// Unauthenticated clients, many connections, and several teams: descriptors that run out,
// certificates that are replaced, and tokens with owners.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/loopback_address.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Open connections that send nothing.
class Crowd {
 public:
  Crowd(int port, int connections) {
    const sockaddr_in address = LoopbackAddress(port);
    for (int i = 0; i < connections; ++i) {
      const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      EXPECT_EQ(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                0);
      descriptors_.push_back(descriptor);
    }
  }
  ~Crowd() {
    for (const int descriptor : descriptors_) close(descriptor);
  }

 private:
  std::vector<int> descriptors_;
};

class ExposureTest : public EndToEndTest {
 protected:
  static absl::StatusOr<std::unique_ptr<client::SyncClient>> ClientOf(
      const ServerProcess& server, const std::string& token_file = "") {
    client::ConnectionOptions connection;
    connection.server = server.address();
    connection.timeout = absl::Seconds(10);
    connection.token_file = token_file;
    return client::SyncClient::Create(connection);
  }

  // Replaces tls.crt and tls.key.
  void MakeCertificate(const std::string& name) {
    const std::string path = files().Path("tls");
    const std::string command = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=",
        name, " -addext subjectAltName=DNS:localhost -keyout ", path, ".key.new -out ", path,
        ".crt.new 2>/dev/null && mv ", path, ".key.new ", path, ".key && mv ", path, ".crt.new ",
        path, ".crt");
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  absl::StatusOr<std::unique_ptr<ServerProcess>> StartTlsServer() {
    ServerProcessOptions options;
    options.dsn = dsn();
    options.ledger_schema = ledger();
    options.wait_until_serving = false;
    options.flags = {absl::StrCat("--tls_cert_file=", files().Path("tls.crt")),
                     absl::StrCat("--tls_key_file=", files().Path("tls.key"))};
    return ServerProcess::Start(options);
  }

  // Returns whether a new connection is served.
  static bool IsServed(const ServerProcess& server) {
    const auto client = ClientOf(server);
    return client.ok() && (*client)->ListSyncs({}).ok();
  }

  static double Metric(const ServerProcess& server, absl::string_view name) {
    for (const absl::string_view line : absl::StrSplit(server.Metrics(), '\n')) {
      if (absl::StartsWith(line, absl::StrCat(name, " "))) {
        return std::atof(std::string(line.substr(name.size() + 1)).c_str());
      }
    }
    return -1;
  }
};

TEST_F(ExposureTest, ServesAgainAfterDescriptorsRanOut) {
  const auto server = StartServer({"--max_connections=100"});
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(IsServed(*server));
  // The limit of descriptors is lower than --max_connections, which the server normally prevents.
  const rlimit few = {60, 60};
  ASSERT_EQ(prlimit(server->pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  {
    const Crowd crowd(server->grpc_port(), 300);
    EXPECT_TRUE(Eventually([&] { return absl::StrContains(server->Log(), "no descriptor left"); }));
  }
  EXPECT_TRUE(Eventually([&] { return IsServed(*server); }));
  EXPECT_TRUE(server->running());
}

TEST_F(ExposureTest, ConnectionsBeyondTheLimitAreClosedAndCounted) {
  const auto server = StartServer({"--max_connections=50"});
  ASSERT_NE(server, nullptr);
  const auto early = ClientOf(*server);
  ASSERT_OK(early);
  ASSERT_OK((*early)->ListSyncs({}));
  {
    const Crowd crowd(server->grpc_port(), 200);
    EXPECT_TRUE(
        Eventually([&] { return Metric(*server, "syncline_connections_refused_total") >= 150; }));
    EXPECT_EQ(Metric(*server, "syncline_connections"), 50);
    // Clients that were connected before are still served.
    EXPECT_OK((*early)->ListSyncs({}));
    EXPECT_THAT(server->Log(), HasSubstr("connection_refused reason=\"too many connections\""));
  }
  EXPECT_TRUE(Eventually([&] { return IsServed(*server); }));
}

TEST_F(ExposureTest, SilentConnectionsAreClosed) {
  MakeCertificate("silent");
  const auto plain = StartServer({});
  ASSERT_NE(plain, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto tls, StartTlsServer());
  const Crowd before_settings(plain->grpc_port(), 20);
  const Crowd before_tls(tls->grpc_port(), 20);
  for (const ServerProcess* server : {plain.get(), tls.get()}) {
    EXPECT_TRUE(Eventually([&] { return Metric(*server, "syncline_connections") >= 20; }));
  }
  for (const ServerProcess* server : {plain.get(), tls.get()}) {
    EXPECT_TRUE(Eventually([&] { return Metric(*server, "syncline_connections") < 5; }));
  }
}

TEST_F(ExposureTest, ReplacedCertificateIsServed) {
  MakeCertificate("first");
  const std::string certificate = files().Path("tls.crt");
  ASSERT_OK_AND_ASSIGN(const auto server, StartTlsServer());
  // Lists syncs with a client that trusts exactly the certificate in the file.
  const auto list = [&] {
    client::ConnectionOptions connection;
    connection.server = server->address();
    connection.timeout = absl::Seconds(5);
    connection.tls.enabled = true;
    connection.tls.ca_file = certificate;
    connection.tls.server_name = "localhost";
    const auto client = client::SyncClient::Create(connection);
    return client.ok() ? (*client)->ListSyncs({}).status() : client.status();
  };
  EXPECT_TRUE(Eventually([&] { return list().ok(); })) << list();
  const double first = Metric(*server, "syncline_tls_certificate_expiry_timestamp_seconds");
  EXPECT_NEAR(first, static_cast<double>(absl::ToUnixSeconds(absl::Now())) + 2 * 86400, 600);
  MakeCertificate("second");
  EXPECT_TRUE(Eventually([&] { return list().ok(); })) << list();
  EXPECT_TRUE(Eventually([&] {
    const std::vector<std::string> parts = absl::StrSplit(server->Log(), " tls_certificate ");
    return parts.size() == 3;
  }));
}

TEST_F(ExposureTest, MessagesOfTriggersAreNotPassedOn) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("told", "rows")));
  // A trigger may choose any SQLSTATE, including one whose messages normally contain no values.
  Execute(absl::StrCat(
      "CREATE FUNCTION ", schema(),
      ".tell() RETURNS trigger LANGUAGE plpgsql AS $$ "
      "BEGIN RAISE EXCEPTION 'told of %', NEW.name USING ERRCODE = '23514'; END $$; "
      "CREATE TRIGGER tell BEFORE INSERT ON ",
      Table("rows"), " FOR EACH ROW WHEN (NEW.id = 3) EXECUTE FUNCTION ", schema(), ".tell()"));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent, Send(*client, "told", "rows", 0, 10));
  EXPECT_EQ(sent.records_rejected(), 1);
  EXPECT_THAT(server->Log(), ::testing::Not(HasSubstr("name 3")));
  EXPECT_THAT(server->Metrics(), ::testing::Not(HasSubstr("name 3")));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", LedgerTable("rejected_record"),
                                  " WHERE detail LIKE '%told of%'")),
            0);
}

TEST_F(ExposureTest, ReflectionNeedsATokenIfThereAreTokens) {
  const auto server = StartServer(
      {"--reflection=on", absl::StrCat("--auth_token_file=", WriteFile("held", "open\n"))});
  ASSERT_NE(server, nullptr);
  const auto reflect = [&](const char* authorization) {
    const auto channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    if (authorization != nullptr) context.AddMetadata("authorization", authorization);
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareCall(
        &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
    const auto step = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(&context);
    step();
    const grpc::Slice request("\x3a\x00", 2);  // list_services: ""
    call->Write(grpc::ByteBuffer(&request, 1), &context);
    step();
    grpc::ByteBuffer answer;
    call->Read(&answer, &context);
    const bool answered = step();
    context.TryCancel();
    return answered;
  };
  EXPECT_FALSE(reflect(nullptr));
  EXPECT_FALSE(reflect("Bearer closed"));
  EXPECT_TRUE(reflect("Bearer open"));
}

TEST_F(ExposureTest, WarnsOfFilesThatAnyUserCanRead) {
  const std::string tokens = WriteFile("tokens", "one\n");
  const std::string flag = "--auth_token_file=" + tokens;
  ASSERT_EQ(chmod(tokens.c_str(), 0644), 0);
  const auto exposed = StartServer({flag});
  ASSERT_NE(exposed, nullptr);
  EXPECT_THAT(exposed->Log(), HasSubstr(absl::StrCat("WARNING secret_file_exposed file=", tokens,
                                                     " mode=0644 message=")));
  // Kubernetes mounts a Secret with this mode for a pod's group.
  ASSERT_EQ(chmod(tokens.c_str(), 0440), 0);
  const auto closed = StartServer({flag});
  ASSERT_NE(closed, nullptr);
  EXPECT_THAT(closed->Log(), Not(HasSubstr("secret_file_exposed")));
}

TEST_F(ExposureTest, UnknownVariablesAreNamed) {
  setenv("SYNCLINE_DRAIN_DEADLNE", "5s", 1);
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  EXPECT_THAT(server->Log(),
              HasSubstr("WARNING environment_unknown variables=SYNCLINE_DRAIN_DEADLNE message="));
  const auto client = StartClient(*server, {"list"});
  EXPECT_EQ(ExitCode(*client), 0);
  unsetenv("SYNCLINE_DRAIN_DEADLNE");
  EXPECT_THAT(client->Stderr(), HasSubstr("SYNCLINE_DRAIN_DEADLNE"));
  const auto silent = StartClient(*server, {"list"});
  EXPECT_EQ(ExitCode(*silent), 0);
  EXPECT_EQ(silent->Stderr(), "");
}

TEST_F(ExposureTest, FailedWatchesAreCountedAndDelayed) {
  const auto server =
      StartServer({absl::StrCat("--auth_token_file=", WriteFile("held", "open\n"))});
  ASSERT_NE(server, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto outsider, ClientOf(*server, WriteFile("guess", "closed\n")));
  const auto watch = [&] {
    const absl::Time started = absl::Now();
    EXPECT_THAT(outsider->WatchSync("any", 0)->Finish(),
                StatusIs(absl::StatusCode::kUnauthenticated, "BAD_CREDENTIALS"));
    return absl::Now() - started;
  };
  for (int i = 0; i < 5; ++i) EXPECT_LT(watch(), absl::Milliseconds(900));
  EXPECT_GE(watch(), absl::Milliseconds(900));
  EXPECT_EQ(Metric(*server, "syncline_authentication_failures_total{reason=\"BAD_CREDENTIALS\"}"),
            6);
  // A delayed answer occupies no thread and is sent when the server stops.
  const auto waiting = outsider->WatchSync("any", 0);
  EXPECT_TRUE(Eventually([&] {
    return Metric(*server, "syncline_authentication_failures_total{reason=\"BAD_CREDENTIALS\"}") ==
           7;
  }));
  server->Signal(SIGTERM);
  EXPECT_THAT(waiting->Finish(), StatusIs(absl::StatusCode::kUnauthenticated, "BAD_CREDENTIALS"));
  EXPECT_EQ(server->Wait(kPatience), 0);
}

TEST_F(ExposureTest, WatchesAreLimited) {
  const auto server = StartServer({"--max_watches=2"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("watched", "rows")));
  const auto first = client->WatchSync("watched", 0);
  auto second = client->WatchSync("watched", 0);
  v1::WatchSyncResponse event;
  ASSERT_TRUE(first->Read(&event));
  ASSERT_TRUE(second->Read(&event));
  EXPECT_THAT(client->WatchSync("watched", 0)->Finish(),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHES"));
  EXPECT_EQ(Metric(*server, "syncline_calls_refused_total{reason=\"TOO_MANY_WATCHES\"}"), 1);
  second.reset();
  EXPECT_TRUE(Eventually([&] {
    const auto again = client->WatchSync("watched", 0);
    return again->Read(&event);
  }));
}

TEST_F(ExposureTest, TeamSeesOnlyItsSyncs) {
  const auto make_token = [this](const std::string& name, const std::string& arguments) {
    const std::string out = files().Path(name);
    const std::string command =
        absl::StrCat(SYNCLINE_SERVER_BINARY, " --make_token ", name, " ", arguments, " 2> ", out,
                     " >> ", files().Path("tokens"), " && sed -i -n 's/.*shown again: //p' ", out);
    EXPECT_EQ(std::system(command.c_str()), 0);
    return out;
  };
  const std::string a = make_token("team_a", absl::StrCat("--token_schemas=", schema()));
  const std::string b = make_token("team_b", "--token_schemas=elsewhere");
  const std::string all = make_token("operator", "--token_owner=-");
  const std::string tokens = absl::StrCat("--auth_token_file=", files().Path("tokens"));
  const auto server = StartServer({tokens});
  const auto other_replica = StartServer({tokens});
  ASSERT_NE(server, nullptr);
  ASSERT_NE(other_replica, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto ours, ClientOf(*server, a));
  ASSERT_OK_AND_ASSIGN(const auto theirs, ClientOf(*server, b));
  ASSERT_OK_AND_ASSIGN(const auto theirs_elsewhere, ClientOf(*other_replica, b));
  ASSERT_OK_AND_ASSIGN(const auto operators, ClientOf(*other_replica, all));

  EXPECT_EQ(GetReason(theirs->StartSync(OneStream("theirs", "rows")).status()),
            "SCHEMA_NOT_ALLOWED");
  ASSERT_OK(ours->StartSync(OneStream("ours", "rows")));
  for (client::SyncClient* const outsider : {theirs.get(), theirs_elsewhere.get()}) {
    ASSERT_OK_AND_ASSIGN(const v1::ListSyncsResponse listed, outsider->ListSyncs({}));
    EXPECT_EQ(listed.syncs_size(), 0);
    EXPECT_EQ(GetReason(outsider->GetSync("ours").status()), "UNKNOWN_SYNC");
    EXPECT_EQ(GetReason(outsider->CancelSync("ours").status()), "UNKNOWN_SYNC");
    EXPECT_EQ(GetReason(outsider->CompleteStream(Completion("ours", "rows")).status()),
              "UNKNOWN_SYNC");
    EXPECT_EQ(GetReason(Send(*outsider, "ours", "rows", 0, 1).status()), "UNKNOWN_SYNC");
  }
  ASSERT_OK(Send(*ours, "ours", "rows", 0, 10));
  ASSERT_OK_AND_ASSIGN(const v1::ListSyncsResponse listed, operators->ListSyncs({}));
  EXPECT_EQ(listed.syncs_size(), 1);
  ASSERT_OK(ours->CompleteStream(Completion("ours", "rows")));
  EXPECT_THAT(server->Metrics(),
              HasSubstr("syncline_authentication_failures_total{reason=\"BAD_CREDENTIALS\"} 0"));
}

}  // namespace
}  // namespace syncline::testing
