#include "tests/support/e2e_fixture.h"

#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/sqlstate.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

void EndToEndTest::TearDown() {
  if (!schema().empty()) {
    const std::unique_ptr<postgres::Connection> session = Connect();
    absl::Status dropped;
    // A server that still runs takes its locks in another order.
    for (int attempts = 0; attempts < 10; ++attempts) {
      dropped = session->Execute(
          absl::StrCat("SET lock_timeout = '20s'; DROP SCHEMA IF EXISTS ", ledger(), " CASCADE"));
      if (!postgres::IsConflict(dropped)) break;
    }
    EXPECT_OK(dropped);
  }
  PostgresTest::TearDown();
}

std::string EndToEndTest::LedgerTable(absl::string_view table) const {
  return absl::StrCat(ledger(), ".\"", table, "\"");
}

ServerProcessOptions EndToEndTest::ServerOptions(std::vector<std::string> flags) const {
  ServerProcessOptions options;
  options.dsn = dsn();
  options.ledger_schema = ledger();
  options.flags = {absl::StrCat("--default_schema=", schema()), "--writer_lease=2s"};
  options.flags.insert(options.flags.end(), flags.begin(), flags.end());
  return options;
}

std::unique_ptr<ServerProcess> EndToEndTest::StartServer(std::vector<std::string> flags) {
  absl::StatusOr<std::unique_ptr<ServerProcess>> server =
      ServerProcess::Start(ServerOptions(std::move(flags)));
  EXPECT_OK(server);
  return server.ok() ? *std::move(server) : nullptr;
}

std::unique_ptr<Process> EndToEndTest::StartClient(const ServerProcess& server,
                                                   std::vector<std::string> arguments) {
  ProcessOptions options;
  options.arguments = {SYNCLINE_CLIENT_BINARY};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.arguments.push_back(absl::StrCat("--server=", server.address()));
  absl::StatusOr<std::unique_ptr<Process>> client = Process::Start(options);
  EXPECT_OK(client);
  return client.ok() ? *std::move(client) : nullptr;
}

int EndToEndTest::RunClient(const ServerProcess& server, std::vector<std::string> arguments) {
  const std::unique_ptr<Process> client = StartClient(server, std::move(arguments));
  return client == nullptr ? -1 : ExitCode(*client);
}

int EndToEndTest::ExitCode(Process& client, absl::Duration timeout) {
  const std::optional<int> code = client.Wait(timeout);
  if (code.value_or(-1) != 0) {
    ::testing::Test::RecordProperty("client_said", client.Stderr());
    std::fprintf(stderr, "--- output of the client\n%s---\n", client.Stderr().c_str());
  }
  EXPECT_TRUE(code.has_value()) << "the client did not end";
  return code.value_or(-1);
}

std::string EndToEndTest::WriteFile(absl::string_view name, absl::string_view content) {
  const std::string path = files_.Path(name);
  std::ofstream(path, std::ios::binary)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
  return path;
}

bool EndToEndTest::Eventually(absl::FunctionRef<bool()> done) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

int64_t EndToEndTest::DurableRecords(absl::string_view sync_id) {
  return QueryInt(absl::StrCat("SELECT coalesce(sum(w.durable_offset), 0) FROM ",
                               LedgerTable("writer"), " w JOIN ", LedgerTable("stream"),
                               " t USING (stream_no) JOIN ", LedgerTable("sync"),
                               " s USING (sync_no) WHERE s.sync_id = '", sync_id, "'"));
}

v1::StartSyncRequest EndToEndTest::Generation(absl::string_view sync_id, int64_t generation,
                                              int64_t minimum) const {
  v1::StartSyncRequest request = OneStream(sync_id, "rows");
  request.mutable_streams(0)->set_generation_id(generation);
  request.mutable_streams(0)->set_minimum_generation_id(minimum);
  return request;
}

v1::StreamDescriptor EndToEndTest::Descriptor(absl::string_view table) const {
  v1::StreamDescriptor descriptor;
  descriptor.set_namespace_(schema());
  descriptor.set_name(std::string(table));
  return descriptor;
}

v1::StartSyncRequest EndToEndTest::OneStream(absl::string_view sync_id,
                                             absl::string_view table) const {
  v1::StartSyncRequest request;
  request.set_sync_id(std::string(sync_id));
  v1::StreamConfig* const stream = request.add_streams();
  *stream->mutable_descriptor() = Descriptor(table);
  stream->set_json_schema(
      R"({"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"}}})");
  stream->set_write_mode(v1::WRITE_MODE_APPEND);
  return request;
}

v1::StreamRecordsRequest EndToEndTest::Header(absl::string_view sync_id, absl::string_view table,
                                              absl::string_view writer_id) const {
  v1::StreamRecordsRequest request;
  request.mutable_header()->set_sync_id(std::string(sync_id));
  *request.mutable_header()->mutable_descriptor() = Descriptor(table);
  request.mutable_header()->set_writer_id(std::string(writer_id));
  return request;
}

v1::CompleteStreamRequest EndToEndTest::Completion(absl::string_view sync_id,
                                                   absl::string_view table) const {
  v1::CompleteStreamRequest request;
  request.set_sync_id(std::string(sync_id));
  *request.mutable_descriptor() = Descriptor(table);
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  return request;
}

v1::StreamRecordsRequest EndToEndTest::Batch(int64_t begin, int64_t end) {
  v1::StreamRecordsRequest request;
  request.mutable_batch()->set_first_offset(begin);
  std::string* const lines = request.mutable_batch()->mutable_jsonl();
  for (int64_t id = begin; id < end; ++id) {
    absl::StrAppend(lines, "{\"id\":", id, ",\"name\":\"name ", id, "\"}\n");
  }
  return request;
}

v1::StreamRecordsRequest EndToEndTest::CheckpointOf(absl::string_view id, absl::string_view state) {
  v1::StreamRecordsRequest request;
  request.mutable_checkpoint()->set_checkpoint_id(std::string(id));
  request.mutable_checkpoint()->set_state(std::string(state));
  return request;
}

absl::StatusOr<v1::StreamRecordsResponse> EndToEndTest::Send(client::SyncClient& client,
                                                             absl::string_view sync_id,
                                                             absl::string_view table, int64_t begin,
                                                             int64_t end,
                                                             absl::string_view writer_id) {
  const std::unique_ptr<client::RecordsCall> call = client.StreamRecords();
  if (call->Write(Header(sync_id, table, writer_id))) call->Write(Batch(begin, end));
  return call->Finish();
}

void ServerTest::SetUp() {
  EndToEndTest::SetUp();
  if (schema().empty()) return;
  server_ = StartServer();
  ASSERT_NE(server_, nullptr);
  client_ = server_->Client();
}

}  // namespace syncline::testing
