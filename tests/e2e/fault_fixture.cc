#include "tests/e2e/fault_fixture.h"

#include <gmock/gmock.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace syncline::testing {

std::unique_ptr<ServerProcess> FaultTest::Started(const ServerProcessOptions& options) {
  absl::StatusOr<std::unique_ptr<ServerProcess>> server = ServerProcess::Start(options);
  EXPECT_OK(server);
  return server.ok() ? *std::move(server) : nullptr;
}

ServerProcessOptions FaultTest::FaultServerOptions(const std::vector<std::string>& flags) const {
  // Later flags replace earlier ones.
  std::vector<std::string> all = {"--flush_bytes=64KiB"};
  all.insert(all.end(), flags.begin(), flags.end());
  ServerProcessOptions options = ServerOptions(std::move(all));
  options.failpoints = true;
  absl::StrAppend(&options.dsn, " application_name=", kFaultApplication);
  return options;
}

std::unique_ptr<ServerProcess> FaultTest::StartFaultServer(const std::vector<std::string>& flags) {
  return Started(FaultServerOptions(flags));
}

DeliveryStream FaultTest::Stream(absl::string_view table, DeliveryMode mode, int64_t records,
                                 int64_t generation) const {
  DeliveryStream stream;
  stream.sync_id = absl::StrCat(schema(), " ", table, " ", generation);
  stream.schema = schema();
  stream.table = std::string(table);
  stream.mode = mode;
  stream.records = records;
  stream.generation = generation;
  return stream;
}

absl::StatusOr<v1::StreamRecordsResponse> FaultTest::Deliver(client::SyncClient& client,
                                                             DeliveryHistory* history,
                                                             int64_t begin, int64_t end) {
  const int64_t known = history->acknowledged();
  const std::unique_ptr<client::RecordsCall> call = client.StreamRecords();
  history->Sent(end);
  if (call->Write(history->stream().Header())) call->Write(history->stream().Batch(begin, end));
  absl::StatusOr<v1::StreamRecordsResponse> response = call->Finish();
  if (response.ok()) history->Acknowledged(response->durable_offset(), known);
  return response;
}

absl::StatusOr<v1::CompleteStreamResponse> FaultTest::Complete(client::SyncClient& client,
                                                               DeliveryHistory* history) {
  absl::StatusOr<v1::CompleteStreamResponse> completed =
      client.CompleteStream(history->stream().Completion());
  if (completed.ok()) history->Completed(*completed);
  return completed;
}

void FaultTest::Resume(DeliveryHistory* history, std::vector<std::string> servers) {
  PersistentCaller caller({.servers = std::move(servers)}, history);
  EXPECT_OK(caller.Run(kPatience));
  EXPECT_OK(caller.WatchFromBeginning());
}

void FaultTest::ExpectKept(std::initializer_list<DeliveryHistory*> histories) {
  const std::unique_ptr<postgres::Connection> connection = Connect();
  ASSERT_NE(connection, nullptr);
  for (DeliveryHistory* const history : histories) {
    history->CheckEnd(*connection, ledger());
    EXPECT_THAT(history->faults(), ::testing::IsEmpty());
  }
  EXPECT_THAT(FindOrphans(*connection, ledger(), kPatience), ::testing::IsEmpty());
}

void FaultTest::ExpectDiscreet(const ServerProcess& server) {
  EXPECT_FALSE(absl::StrContains(server.Log(), kRecordMark)) << "a record is in the log";
}

int64_t FaultTest::CountRows(absl::string_view table) {
  return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
}

}  // namespace syncline::testing
