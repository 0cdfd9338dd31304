// AppendRecords: answers while the call is open, callers that do not read them, and the ends of a
// call.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "client/append_call.h"
#include "server/sync/lockstep.h"
#include "syncline/v1/sync_service.grpc.pb.h"
#include "tests/support/append_requests.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using Answer = v1::AppendRecordsResponse;

std::string GetDurableOffset(const absl::Status& status) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == "durable_offset") return value;
  }
  return "";
}

// The answers of one call.
class Answers {
 public:
  client::AppendCall::OnAnswer Handler() {
    return [this](const Answer& answer) {
      MutexLock lock(&mutex_);
      all_.push_back(answer);
    };
  }
  std::vector<Answer> all() const {
    MutexLock lock(&mutex_);
    return all_;
  }
  Answer last() const {
    MutexLock lock(&mutex_);
    return all_.empty() ? Answer() : all_.back();
  }

 private:
  mutable Mutex mutex_;
  std::vector<Answer> all_ ABSL_GUARDED_BY(mutex_);
};

class AppendTest : public EndToEndTest {
 protected:
  // Starts a server on which records wait for a flush, and the sync "s" with the table "rows".
  void Start(std::vector<std::string> flags = {"--flush_interval=1h"}) {
    server_ = StartServer(std::move(flags));
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
    ASSERT_OK(client_->StartSync(OneStream("s", "rows")));
  }
  // Opens a call of the sync's only writer.
  std::unique_ptr<client::AppendCall> Open(Answers& answers) {
    auto call = client_->AppendRecords(answers.Handler());
    EXPECT_TRUE(call->Write(ToAppend(Header("s", "rows"))));
    return call;
  }
  // Returns a flush without records.
  static v1::AppendRecordsRequest Flush(int64_t first_offset) {
    v1::AppendRecordsRequest flush;
    flush.mutable_batch()->set_first_offset(first_offset);
    flush.mutable_batch()->set_flush(true);
    return flush;
  }
  bool EventuallyDurable(const Answers& answers, int64_t offset) {
    return Eventually([&] { return answers.last().durable_offset() == offset; });
  }
  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))); }
  int64_t DistinctRows() {
    return QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("rows")));
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

TEST_F(AppendTest, AnswersWhileTheCallIsOpen) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(Eventually([&] { return !answers.all().empty(); }));
  EXPECT_EQ(answers.last().opened().epoch(), 1);
  EXPECT_EQ(answers.last().opened().durable_offset(), 0);
  EXPECT_GT(answers.last().opened().limits().max_message_bytes(), 0);
  ASSERT_TRUE(call->Write(ToFlush(Batch(0, 10))));
  ASSERT_TRUE(EventuallyDurable(answers, 10));
  EXPECT_FALSE(answers.last().has_opened());
  EXPECT_EQ(Rows(), 10);
  // A checkpoint commits what precedes it.
  ASSERT_TRUE(call->Write(ToAppend(Batch(10, 20))));
  ASSERT_TRUE(call->Write(ToAppend(CheckpointOf("first", "state"))));
  ASSERT_TRUE(Eventually([&] { return answers.last().last_checkpoint_id() == "first"; }));
  EXPECT_EQ(answers.last().durable_offset(), 20);
  // Counts are those of the call.
  v1::StreamRecordsRequest odd;
  odd.mutable_batch()->set_first_offset(20);
  odd.mutable_batch()->set_jsonl("{\"id\":\"no number\"}\nnot JSON\n");
  ASSERT_TRUE(call->Write(ToFlush(odd)));
  ASSERT_TRUE(EventuallyDurable(answers, 22));
  EXPECT_EQ(answers.last().records_rejected(), 1);
  EXPECT_EQ(answers.last().values_nulled(), 1);
  EXPECT_THAT(client_->CompleteStream(Completion("s", "rows")),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  // Half-close commits the rest.
  ASSERT_TRUE(call->Write(ToAppend(Batch(22, 30))));
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.durable_offset(), 30);
  EXPECT_EQ(last.last_checkpoint_id(), "first");
  EXPECT_EQ(Rows(), 29);
  EXPECT_OK(client_->CompleteStream(Completion("s", "rows")));
}

TEST_F(AppendTest, RecordsWaitUntilABatchAsksForACommit) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(call->Write(ToAppend(Batch(0, 10))));
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(DurableRecords("s"), 0);
  ASSERT_TRUE(call->Write(ToFlush(Batch(10, 10))));  // without records
  EXPECT_TRUE(EventuallyDurable(answers, 10));
  // Repeated records are skipped.
  ASSERT_TRUE(call->Write(ToFlush(Batch(5, 15))));
  EXPECT_TRUE(EventuallyDurable(answers, 15));
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.records_skipped(), 5);
  EXPECT_EQ(DistinctRows(), 15);
}

TEST_F(AppendTest, FlushAlsoWorksForStreamRecords) {
  Start();
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("s", "rows")));
  v1::StreamRecordsRequest batch = Batch(0, 10);
  batch.mutable_batch()->set_flush(true);
  ASSERT_TRUE(call->Write(batch));
  EXPECT_TRUE(Eventually([&] { return DurableRecords("s") == 10; }));
  EXPECT_OK(call->Finish());
}

TEST_F(AppendTest, FlushNeedsNoPayload) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(call->Write(ToAppend(Batch(0, 10))));
  ASSERT_TRUE(call->Write(Flush(10)));
  EXPECT_TRUE(EventuallyDurable(answers, 10));
  EXPECT_OK(call->Finish());
  EXPECT_EQ(Rows(), 10);
}

// The number of a batch without records says nothing about what was sent before it.
TEST_F(AppendTest, EmptyFlushDoesNotMoveCheckpoints) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(call->Write(ToAppend(Batch(0, 10))));
  ASSERT_TRUE(call->Write(Flush(0)));
  ASSERT_TRUE(call->Write(ToAppend(CheckpointOf("first", "state"))));
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.last_checkpoint_id(), "first");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT \"offset\" FROM ", LedgerTable("checkpoint"))), 10);
}

TEST_F(AppendTest, WithoutFlushIntervalIdleLanesCommit) {
  Start({"--flush_interval=0"});
  Answers answers;
  const auto call = Open(answers);
  for (int64_t n = 0; n < 20; ++n) {
    const absl::Time begun = absl::Now();
    ASSERT_TRUE(call->Write(ToAppend(Batch(n, n + 1))));
    ASSERT_TRUE(EventuallyDurable(answers, n + 1));
    EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
  }
  EXPECT_OK(call->Finish());
  EXPECT_EQ(Rows(), 20);
}

// The next message of such a caller is read after the commit, and whatever it is, it is read.
TEST_F(AppendTest, CallerThatWaitsForEachAnswerMayStopWaiting) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  int64_t sent = 0;
  const auto send_in_step = [&] {
    for (int n = 0; n < 2 * sync::Lockstep::kFirstMessages; ++n, ++sent) {
      if (!call->Write(ToFlush(Batch(sent, sent + 1)))) return false;
      if (!EventuallyDurable(answers, sent + 1)) return false;
    }
    return true;
  };
  ASSERT_TRUE(send_in_step());
  // There is nothing to commit, so no answer follows.
  ASSERT_TRUE(call->Write(ToFlush(Batch(0, 5))));
  ASSERT_TRUE(call->Write(Flush(sent)));
  ASSERT_TRUE(send_in_step());
  // A checkpoint, whose records are committed.
  ASSERT_TRUE(call->Write(ToAppend(CheckpointOf("first", "state"))));
  ASSERT_TRUE(Eventually([&] { return answers.last().last_checkpoint_id() == "first"; }));
  ASSERT_TRUE(send_in_step());
  // Records without `flush`, and more than one message at a time.
  ASSERT_TRUE(call->Write(ToAppend(Batch(sent, sent + 1))));
  for (int64_t end = ++sent + 100; sent < end; ++sent) {
    ASSERT_TRUE(call->Write(ToFlush(Batch(sent, sent + 1))));
  }
  ASSERT_TRUE(EventuallyDurable(answers, sent));
  ASSERT_TRUE(send_in_step());
  // The end of the input follows the message immediately.
  ASSERT_TRUE(call->Write(ToFlush(Batch(sent, sent + 1))));
  ++sent;
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.durable_offset(), sent);
  EXPECT_EQ(Rows(), sent);
  EXPECT_EQ(DistinctRows(), sent);
}

// A caller that stops waiting does not get a commit for each message for long.
TEST_F(AppendTest, MessagesBehindACallerInStepAreCommittedTogether) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  int64_t sent = 0;
  for (; sent < 2 * sync::Lockstep::kFirstMessages; ++sent) {
    ASSERT_TRUE(call->Write(ToFlush(Batch(sent, sent + 1))));
    ASSERT_TRUE(EventuallyDurable(answers, sent + 1));
  }
  // Commits take long enough for messages to arrive meanwhile.
  ASSERT_OK(Connect()->Execute(absl::StrCat(
      "CREATE FUNCTION ", schema(),
      ".pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM pg_sleep(0.05); RETURN NULL; END $$; CREATE TRIGGER pause BEFORE INSERT ON ",
      Table("rows"), " EXECUTE FUNCTION ", schema(), ".pause()")));
  const int64_t first = sent;
  constexpr int64_t kMessages = 500;
  for (; sent < first + kMessages; ++sent) {
    ASSERT_TRUE(call->Write(ToFlush(Batch(sent, sent + 1))));
  }
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.durable_offset(), sent);
  EXPECT_EQ(DistinctRows(), sent);
  EXPECT_LT(QueryInt(absl::StrCat("SELECT count(DISTINCT xmin::text) FROM ", Table("rows"),
                                  " WHERE id >= ", first)),
            kMessages / 4);
}

// Small batches of many calls, and one record after the other, so that commits of one writer meet.
TEST_F(AppendTest, ManySmallCommitsStoreEveryRecordOnce) {
  Start({"--lanes_per_stream=4"});
  Answers answers;
  const auto call = Open(answers);
  constexpr int64_t kRecords = 500;
  for (int64_t n = 0; n < kRecords; ++n) {
    ASSERT_TRUE(call->Write(n % 3 == 0 ? ToAppend(Batch(n, n + 1)) : ToFlush(Batch(n, n + 1))));
    if (n % 50 == 7) {
      ASSERT_TRUE(call->Write(ToAppend(CheckpointOf(absl::StrCat("c", n), "state"))));
    }
  }
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(last.durable_offset(), kRecords);
  EXPECT_EQ(last.last_checkpoint_id(), "c457");
  int64_t before = 0;
  for (const Answer& answer : answers.all()) {
    EXPECT_GE(answer.durable_offset(), before);
    before = answer.durable_offset();
  }
  EXPECT_EQ(Rows(), kRecords);
  EXPECT_EQ(DistinctRows(), kRecords);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", LedgerTable("checkpoint"))), 10);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT sum(rows_written) FROM ", LedgerTable("writer"))),
            kRecords);
}

// A caller that does not read its answers.
class SilentReaderTest : public AppendTest {
 protected:
  // Opens a call and makes more commits than gRPC can hold answers for.
  void OpenAndFill() {
    // The server can send 1 KiB that is not read.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1024);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    stub_ = v1::SyncService::NewStub(grpc::CreateCustomChannel(
        server_->address(), grpc::InsecureChannelCredentials(), arguments));
    call_ = stub_->AppendRecords(&context_);
    ASSERT_TRUE(call_->Write(ToAppend(Header("s", "rows"))));
    for (int64_t n = 0; n < kBatches; ++n) {
      ASSERT_TRUE(call_->Write(ToAppend(Batch(n, n + 1))));
      ASSERT_TRUE(call_->Write(ToAppend(CheckpointOf(Id(n), ""))));
      // A commit, and an answer, at least here.
      if (n % 10 < 9) continue;
      ASSERT_TRUE(Eventually([&] { return DurableRecords("s") == n + 1; }));
    }
  }
  // Long, so that answers are large.
  static std::string Id(int64_t n) {
    return absl::StrCat(std::string(120, 'c'), absl::StrCat(10'000 + n));
  }

  static constexpr int64_t kBatches = 300;
  std::unique_ptr<v1::SyncService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AppendRecordsRequest, Answer>> call_;
};

TEST_F(SilentReaderTest, CommitsGoOnAndTheNewestAnswerFollows) {
  Start();
  ASSERT_NO_FATAL_FAILURE(OpenAndFill());
  ASSERT_TRUE(call_->WritesDone());
  Answer answer;
  int64_t answers = 0;
  int64_t before = 0;
  while (call_->Read(&answer)) {
    ++answers;
    EXPECT_GE(answer.durable_offset(), before);
    before = answer.durable_offset();
  }
  EXPECT_TRUE(call_->Finish().ok());
  EXPECT_EQ(answer.durable_offset(), kBatches);
  EXPECT_EQ(answer.last_checkpoint_id(), Id(kBatches - 1));
  EXPECT_LE(answers, kBatches + 2);
  EXPECT_EQ(Rows(), kBatches);
}

TEST_F(SilentReaderTest, DrainDoesNotWaitForItLong) {
  Start();
  ASSERT_NO_FATAL_FAILURE(OpenAndFill());
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(absl::Seconds(20)), 0);
  EXPECT_EQ(Rows(), kBatches);
  Answer answer;
  while (call_->Read(&answer)) continue;
  EXPECT_FALSE(call_->Finish().ok());
}

TEST_F(AppendTest, DrainCommitsAndReportsTheOffset) {
  Start();
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(Eventually([&] { return !answers.all().empty(); }));
  ASSERT_TRUE(call->Write(ToAppend(Batch(0, 100))));
  ASSERT_TRUE(Eventually(
      [&] { return absl::StrContains(server_->Metrics(), "syncline_open_streams 1\n"); }));
  absl::SleepFor(absl::Milliseconds(200));  // the batch arrives
  server_->Signal(SIGTERM);
  // The server ends the call, before Finish closes it.
  EXPECT_EQ(server_->Wait(kPatience), 0);
  const absl::Status end = call->Finish().status();
  EXPECT_THAT(end, StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_EQ(GetDurableOffset(end), "100");
  EXPECT_EQ(answers.last().durable_offset(), 100);
  EXPECT_EQ(Rows(), 100);
}

TEST_F(AppendTest, NewerCallFencesTheOlderOne) {
  Start();
  Answers of_older;
  Answers of_newer;
  const auto older = Open(of_older);
  ASSERT_TRUE(older->Write(ToFlush(Batch(0, 10))));
  ASSERT_TRUE(EventuallyDurable(of_older, 10));
  const auto newer = Open(of_newer);
  ASSERT_TRUE(Eventually([&] { return !of_newer.all().empty(); }));
  EXPECT_EQ(of_newer.last().opened().epoch(), 2);
  EXPECT_EQ(of_newer.last().opened().durable_offset(), 10);
  EXPECT_THAT(older->Finish(), StatusIs(StatusCode::kAborted, "FENCED"));
  ASSERT_TRUE(newer->Write(ToFlush(Batch(10, 20))));
  EXPECT_TRUE(EventuallyDurable(of_newer, 20));
  EXPECT_OK(newer->Finish());
  EXPECT_EQ(DistinctRows(), 20);
}

TEST_F(AppendTest, WhatWasAnsweredSurvivesAKilledServer) {
  Start();
  Answers answers;
  auto call = Open(answers);
  int64_t sent = 0;
  for (; sent < 200; sent += 5) ASSERT_TRUE(call->Write(ToFlush(Batch(sent, sent + 5))));
  ASSERT_TRUE(Eventually([&] { return answers.last().durable_offset() >= 50; }));
  server_->Kill9();
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kUnavailable));
  const int64_t answered = answers.last().durable_offset();
  ASSERT_OK(server_->Restart());
  client_ = server_->Client();
  Answers again;
  call = Open(again);
  ASSERT_TRUE(Eventually([&] { return !again.all().empty(); }));
  const int64_t durable = again.last().opened().durable_offset();
  EXPECT_GE(durable, answered);
  EXPECT_EQ(again.last().opened().epoch(), 2);
  ASSERT_TRUE(call->Write(ToAppend(Batch(durable, 200))));
  EXPECT_OK(call->Finish());
  EXPECT_OK(client_->CompleteStream(Completion("s", "rows")));
  EXPECT_EQ(Rows(), 200);
  EXPECT_EQ(DistinctRows(), 200);
}

TEST_F(AppendTest, CompletedStreamSkipsWhatIsDurable) {
  Start();
  ASSERT_OK(Send(*client_, "s", "rows", 0, 10));
  ASSERT_OK(client_->CompleteStream(Completion("s", "rows")));
  Answers answers;
  auto call = Open(answers);
  ASSERT_TRUE(call->Write(ToFlush(Batch(0, 10))));
  ASSERT_OK_AND_ASSIGN(const Answer last, call->Finish());
  EXPECT_EQ(answers.all().front().opened().epoch(), 0);
  EXPECT_EQ(answers.all().front().opened().durable_offset(), 10);
  EXPECT_EQ(last.records_skipped(), 10);
  call = Open(answers);
  call->Write(ToFlush(Batch(10, 11)));
  const absl::Status late = call->Finish().status();
  EXPECT_THAT(late, StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
  EXPECT_EQ(GetDurableOffset(late), "10");
}

TEST_F(AppendTest, MessagesMustBeInOrder) {
  Start();
  Answers answers;
  auto call = client_->AppendRecords(answers.Handler());
  call->Write(ToAppend(Batch(0, 1)));
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  EXPECT_THAT(answers.all(), ::testing::IsEmpty());
  call = Open(answers);
  call->Write(ToAppend(Header("s", "rows")));
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  call = Open(answers);
  call->Write(ToFlush(Batch(5, 6)));
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kOutOfRange, "OFFSET_GAP"));
  call = client_->AppendRecords(answers.Handler());
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kInvalidArgument, "EMPTY_STREAM"));
}

TEST_F(AppendTest, IdleCallIsEndedAfterItsCommit) {
  Start({"--idle_timeout=1s", "--flush_interval=1h"});
  Answers answers;
  const auto call = Open(answers);
  ASSERT_TRUE(call->Write(ToAppend(Batch(0, 10))));
  ASSERT_TRUE(EventuallyDurable(answers, 10));
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kDeadlineExceeded, "IDLE_CALL"));
}

}  // namespace
}  // namespace syncline::testing
