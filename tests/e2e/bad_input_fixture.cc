#include "tests/e2e/bad_input_fixture.h"

#include <unistd.h>

#include <fstream>
#include <ostream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kMaxResidentBytes = int64_t{4} << 30;
#else
constexpr int64_t kMaxResidentBytes = 384 << 20;
#endif

}  // namespace

ServerProcess* BadInputTest::server_ = nullptr;
pid_t BadInputTest::server_pid_ = 0;
std::string BadInputTest::ledger_;
std::string BadInputTest::dsn_of_ledger_;

Answer MakeAnswer(const grpc::Status& status) {
  Answer answer;
  answer.code = status.error_code();
  answer.message = status.error_message();
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return answer;
  for (const google::protobuf::Any& any : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    if (any.UnpackTo(&info)) {
      answer.reason = info.reason();
      answer.domain = info.domain();
      answer.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations())
        answer.fields.push_back(violation.field());
    } else if (any.Is<google::rpc::RetryInfo>()) {
      answer.has_retry = true;
    }
  }
  return answer;
}

std::string Summary(const Answer& answer) {
  const std::string code =
      answer.code == grpc::StatusCode::OK
          ? "OK"
          : absl::StatusCodeToString(static_cast<absl::StatusCode>(answer.code));
  return answer.reason.empty() ? code : absl::StrCat(code, " ", answer.reason);
}

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << Summary(answer) << ": " << answer.message << " fields ["
       << absl::StrJoin(answer.fields, ", ") << "]";
}

RawCall::RawCall(v1::SyncService::Stub* stub, absl::Duration timeout,
                 grpc_compression_algorithm algorithm) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context_.set_compression_algorithm(algorithm);
  writer_ = stub->StreamRecords(&context_, &response_);
}

RawCall::~RawCall() {
  if (finished_) return;
  context_.TryCancel();
  static_cast<void>(writer_->Finish());
}

Answer RawCall::Finish() {
  writer_->WritesDone();
  return Wait();
}

Answer RawCall::Wait() {
  finished_ = true;
  return MakeAnswer(writer_->Finish());
}

void BadInputTest::SetUp() {
  PostgresTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  if (server_ == nullptr) {
    ledger_ = absl::StrCat("syncline_bad_input_", getpid());
    dsn_of_ledger_ = dsn();
    ServerProcessOptions options;
    options.dsn = dsn();
    options.ledger_schema = ledger_;
    options.flags = {"--writer_lease=2s", "--max_message_bytes=4MiB", "--max_record_bytes=1MiB",
                     "--memory_budget_bytes=64MiB"};
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<ServerProcess> started, ServerProcess::Start(options));
    server_pid_ = started->pid();
    server_ = started.release();
  }
  stub_ = v1::SyncService::NewStub(NewChannel());
}

void BadInputTest::TearDown() {
  if (server_ != nullptr && stub_ != nullptr) {
    ASSERT_TRUE(server_->running()) << "the server has exited";
    EXPECT_EQ(server_->pid(), server_pid_);
    EXPECT_LE(PeakResidentBytes(), kMaxResidentBytes);
    ExpectGoodSyncPasses();
  }
  PostgresTest::TearDown();
}

void BadInputTest::TearDownTestSuite() {
  if (server_ == nullptr) return;
  delete std::exchange(server_, nullptr);
  postgres::ConnectionOptions options;
  options.conninfo = dsn_of_ledger_;
  ASSERT_OK_AND_ASSIGN(const auto connection, postgres::Connection::Open(options));
  EXPECT_OK(connection->Execute(
      absl::StrCat("SET lock_timeout = '20s'; DROP SCHEMA IF EXISTS ", ledger_, " CASCADE")));
}

std::string BadInputTest::LedgerTable(absl::string_view table) const {
  return absl::StrCat(ledger_, ".\"", table, "\"");
}

std::shared_ptr<grpc::Channel> BadInputTest::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::string BadInputTest::UniqueId(absl::string_view what) {
  return absl::StrCat(schema(), "-", what, "-", next_id_++);
}

v1::StartSyncRequest BadInputTest::Request(absl::string_view table,
                                           absl::string_view properties) const {
  v1::StartSyncRequest request;
  request.set_sync_id(absl::StrCat(schema(), "-", table.substr(0, 40)));
  v1::StreamConfig* const stream = request.add_streams();
  stream->mutable_descriptor()->set_namespace_(schema());
  stream->mutable_descriptor()->set_name(std::string(table));
  stream->set_json_schema(absl::StrCat(R"({"type":"object","properties":{"id":{"type":"integer"})",
                                       properties.empty() ? "" : ",", properties, "}}"));
  stream->set_write_mode(v1::WRITE_MODE_APPEND);
  return request;
}

Answer BadInputTest::Start(const v1::StartSyncRequest& request, v1::StartSyncResponse* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kTimeout));
  v1::StartSyncResponse unused;
  return MakeAnswer(stub_->StartSync(&context, request, response == nullptr ? &unused : response));
}

std::string BadInputTest::Started(const v1::StartSyncRequest& request) {
  const Answer answer = Start(request);
  EXPECT_EQ(Summary(answer), "OK") << answer.message;
  return request.sync_id();
}

v1::StreamRecordsRequest BadInputTest::Header(absl::string_view sync_id, absl::string_view table,
                                              absl::string_view writer_id) const {
  v1::StreamRecordsRequest request;
  request.mutable_header()->set_sync_id(std::string(sync_id));
  request.mutable_header()->mutable_descriptor()->set_namespace_(schema());
  request.mutable_header()->mutable_descriptor()->set_name(std::string(table));
  request.mutable_header()->set_writer_id(std::string(writer_id));
  return request;
}

v1::StreamRecordsRequest BadInputTest::Lines(int64_t first_offset, absl::string_view lines) {
  v1::StreamRecordsRequest request;
  request.mutable_batch()->set_first_offset(first_offset);
  request.mutable_batch()->set_jsonl(std::string(lines));
  return request;
}

std::unique_ptr<RawCall> BadInputTest::Call(absl::Duration timeout,
                                            grpc_compression_algorithm algorithm) {
  return std::make_unique<RawCall>(stub_.get(), timeout, algorithm);
}

Answer BadInputTest::Send(const std::vector<v1::StreamRecordsRequest>& messages,
                          v1::StreamRecordsResponse* response) {
  const std::unique_ptr<RawCall> call = Call();
  for (const v1::StreamRecordsRequest& message : messages) {
    if (!call->Write(message)) break;
  }
  Answer answer = call->Finish();
  if (response != nullptr) *response = call->response();
  return answer;
}

Answer BadInputTest::Complete(absl::string_view sync_id, absl::string_view table,
                              v1::CompleteStreamResponse* response) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(std::string(sync_id));
  request.mutable_descriptor()->set_namespace_(schema());
  request.mutable_descriptor()->set_name(std::string(table));
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kTimeout));
  v1::CompleteStreamResponse unused;
  return MakeAnswer(
      stub_->CompleteStream(&context, request, response == nullptr ? &unused : response));
}

std::vector<std::string> BadInputTest::Rejected(absl::string_view sync_id) {
  std::vector<std::string> rejected;
  for (const auto& row : QueryText(
           absl::StrCat("SELECT \"offset\" || ' ' || reason FROM ", LedgerTable("rejected_record"),
                        " WHERE sync_id = '", sync_id, "' ORDER BY \"offset\""))) {
    rejected.push_back(row[0]);
  }
  return rejected;
}

void BadInputTest::ExpectGoodSyncPasses() {
  const std::string sync_id = Started(Request("good_after_all", R"("name":{"type":"string"})"));
  v1::StreamRecordsResponse response;
  const Answer sent = Send({Header(sync_id, "good_after_all"),
                            Lines(0, "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"\"}\n")},
                           &response);
  EXPECT_EQ(Summary(sent), "OK") << sent.message;
  EXPECT_EQ(response.durable_offset(), 2);
  const Answer completed = Complete(sync_id, "good_after_all");
  EXPECT_EQ(Summary(completed), "OK") << completed.message;
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT sum(id) FROM ", Table("good_after_all"))), 3);
}

int64_t BadInputTest::PeakResidentBytes() {
  std::ifstream status(absl::StrCat("/proc/", server_->pid(), "/status"));
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, "VmHWM:")) continue;
    const size_t begin = line.find_first_of("0123456789");
    int64_t kibibytes = 0;
    EXPECT_TRUE(absl::SimpleAtoi(line.substr(begin, line.find(' ', begin) - begin), &kibibytes));
    return kibibytes << 10;
  }
  ADD_FAILURE() << "no VmHWM";
  return 0;
}

}  // namespace syncline::testing
