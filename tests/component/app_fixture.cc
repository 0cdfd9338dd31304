#include "tests/component/app_fixture.h"

#include <optional>
#include <sstream>
#include <utility>

#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/config/config.h"
#include "server/model/names.h"

namespace syncline::testing {
namespace {

constexpr char kColumns[] =
    R"("id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"})";
constexpr char kDeletedAt[] = R"(,"_ab_cdc_deleted_at":{"type":"string","format":"date-time"})";

Ask MakeAsk(v1::WriteMode mode, int64_t generation, int64_t minimum) {
  Ask ask;
  ask.mode = mode;
  ask.generation = generation;
  ask.minimum = minimum;
  return ask;
}

}  // namespace

Ask Append(int64_t generation) { return MakeAsk(v1::WRITE_MODE_APPEND, generation, 0); }
Ask Dedup(int64_t generation) { return MakeAsk(v1::WRITE_MODE_DEDUP, generation, 0); }
Ask Replace(int64_t generation) { return MakeAsk(v1::WRITE_MODE_APPEND, generation, generation); }
Ask DedupReplace(int64_t generation) {
  return MakeAsk(v1::WRITE_MODE_DEDUP, generation, generation);
}

std::string Record(int64_t id, absl::string_view name, int64_t at) {
  return absl::StrCat("{\"id\":", id, ",\"name\":\"", name, "\",\"at\":", at, "}\n");
}

void AppTest::SetUp() {
  PostgresTest::SetUp();
  if (schema().empty()) return;
  StartServer({});
}

void AppTest::TearDown() {
  StopServer();
  if (!schema().empty()) Execute(absl::StrCat("DROP SCHEMA IF EXISTS ", ledger(), " CASCADE"));
  PostgresTest::TearDown();
}

void AppTest::StartServer(const std::vector<std::string>& flags) {
  std::ostringstream out;
  std::ostringstream err;
  const std::string options_of_role =
      role_.empty() ? "" : absl::StrCat(" options='-c role=", role_, "'");
  std::vector<std::string> arguments = {"--listen=127.0.0.1:0",
                                        "--metrics_listen=",
                                        absl::StrCat("--postgres_dsn=", dsn(), options_of_role),
                                        absl::StrCat("--default_schema=", schema()),
                                        absl::StrCat("--ledger_schema=", ledger()),
                                        "--log_level=error",
                                        "--load_threads=2"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  // The flags of one server are not those of the next.
  const absl::FlagSaver saver;
  const config::Loaded loaded = config::Load(
      arguments, [](const std::string&) { return std::optional<std::string>(); }, out, err);
  ASSERT_TRUE(loaded.config.has_value()) << err.str();
  ASSERT_OK_AND_ASSIGN(app_, App::Create(*loaded.config));
  client::ConnectionOptions options;
  options.server = absl::StrCat("127.0.0.1:", app_->grpc_port());
  ASSERT_OK_AND_ASSIGN(client_, client::SyncClient::Create(options));
}

void AppTest::StopServer() {
  client_.reset();
  app_.reset();
}

void AppTest::RestartServer(const std::vector<std::string>& flags) {
  StopServer();
  StartServer(flags);
}

void AppTest::RestartServerAs(absl::string_view role) {
  role_ = std::string(role);
  RestartServer();
}

v1::StreamConfig AppTest::Stream(const Ask& ask, absl::string_view table) const {
  v1::StreamConfig stream;
  stream.mutable_descriptor()->set_name(std::string(table));
  stream.set_json_schema(!ask.json_schema.empty()
                             ? ask.json_schema
                             : absl::StrCat("{\"type\":\"object\",\"properties\":{", kColumns,
                                            ask.deletes ? kDeletedAt : "", "}}"));
  stream.set_write_mode(ask.mode);
  if (ask.mode == v1::WRITE_MODE_DEDUP) {
    for (const std::string& column : ask.primary_key) {
      stream.add_primary_key()->add_path(column);
    }
    if (absl::StrContains(stream.json_schema(), "\"at\"")) {
      stream.mutable_cursor()->add_path("at");
    }
  }
  stream.set_overwrite(ask.overwrite);
  stream.set_replay(ask.replay);
  stream.set_schema_policy(ask.schema_policy);
  stream.set_replace_strategy(ask.replace_strategy);
  stream.set_meta(ask.meta);
  if (!ask.distribute_by.empty()) stream.mutable_distribution()->set_column(ask.distribute_by);
  if (ask.generation >= 0) {
    stream.set_generation_id(ask.generation);
    stream.set_minimum_generation_id(ask.minimum);
  }
  return stream;
}

absl::StatusOr<v1::StartSyncResponse> AppTest::Start(absl::string_view sync_id, const Ask& ask,
                                                     absl::string_view table) {
  v1::StartSyncRequest request;
  request.set_sync_id(std::string(sync_id));
  request.set_connection_id(ask.connection);
  *request.add_streams() = Stream(ask, table);
  return client_->StartSync(request);
}

absl::StatusOr<v1::StreamRecordsResponse> AppTest::Send(absl::string_view sync_id,
                                                        absl::string_view lines,
                                                        int64_t first_offset,
                                                        absl::string_view table) {
  const std::unique_ptr<client::RecordsCall> call = client_->StreamRecords();
  v1::StreamRecordsRequest header;
  header.mutable_header()->set_sync_id(std::string(sync_id));
  header.mutable_header()->mutable_descriptor()->set_name(std::string(table));
  v1::StreamRecordsRequest batch;
  batch.mutable_batch()->set_first_offset(first_offset);
  batch.mutable_batch()->set_jsonl(std::string(lines));
  batch.mutable_batch()->set_emitted_at_ms(1700000000000);
  if (call->Write(header)) call->Write(batch);
  return call->Finish();
}

absl::StatusOr<v1::CompleteStreamResponse> AppTest::Complete(absl::string_view sync_id,
                                                             v1::StreamStatus status,
                                                             absl::string_view table) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(std::string(sync_id));
  request.mutable_descriptor()->set_name(std::string(table));
  request.set_status(status);
  return client_->CompleteStream(request);
}

std::string AppTest::PlannedPlacement(const Ask& ask) {
  v1::StartSyncRequest request;
  request.set_plan_only(true);
  *request.add_streams() = Stream(ask);
  const absl::StatusOr<v1::StartSyncResponse> planned = client_->StartSync(request);
  if (!planned.ok()) return planned.status().ToString();
  const v1::TablePlacement& placement = planned->streams(0).placement();
  return absl::StrCat(v1::TablePlacement::Kind_Name(placement.kind()), " ", placement.column(), " ",
                      placement.shards(), " ", placement.access_method());
}

absl::StatusOr<v1::CompleteStreamResponse> AppTest::Validate(absl::string_view sync_id) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(std::string(sync_id));
  request.mutable_descriptor()->set_name(kTable);
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_validate_only(true);
  return client_->CompleteStream(request);
}

v1::CompleteStreamResponse AppTest::Load(absl::string_view sync_id, const Ask& ask,
                                         absl::string_view lines, v1::StreamStatus status) {
  EXPECT_OK(Start(sync_id, ask)) << sync_id;
  if (!lines.empty()) {
    EXPECT_OK(Send(sync_id, lines)) << sync_id;
  }
  const absl::StatusOr<v1::CompleteStreamResponse> response = Complete(sync_id, status);
  EXPECT_OK(response) << sync_id;
  return response.value_or(v1::CompleteStreamResponse());
}

void AppTest::LoadAndCancel(absl::string_view sync_id, const Ask& ask, absl::string_view lines) {
  EXPECT_OK(Start(sync_id, ask));
  EXPECT_OK(Send(sync_id, lines));
  EXPECT_OK(client_->CancelSync(std::string(sync_id)));
}

std::string AppTest::RowsOf(const std::string& table) {
  if (QueryValue(absl::StrCat("SELECT to_regclass('", table, "') IS NULL")) == "t") {
    return "missing";
  }
  return QueryValue(absl::StrCat(
      "SELECT coalesce(string_agg(format('%s:%s@%s', id, name, _airbyte_generation_id), ' ' ",
      "ORDER BY id, _airbyte_generation_id, name), '') FROM ", table));
}

std::string AppTest::Rows(absl::string_view table) { return RowsOf(Table(table)); }

std::string AppTest::StagingTable(absl::string_view table) const {
  const TableName staging = GetStagingTableName({schema(), std::string(table)}, ledger());
  return absl::StrCat(staging.schema, ".\"", staging.name, "\"");
}

std::string AppTest::StagedRows(absl::string_view table) { return RowsOf(StagingTable(table)); }

std::string AppTest::History(absl::string_view table) {
  return QueryValue(absl::StrCat(
      "SELECT coalesce(string_agg(format('%s:%s:%s', generation_id, state, rows), ' ' ",
      "ORDER BY generation_id), '') FROM ", ledger(), ".generation WHERE table_schema = '",
      schema(), "' AND table_name = '", table, "'"));
}

}  // namespace syncline::testing
