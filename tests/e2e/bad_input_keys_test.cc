// Keys, cursors and constraints: rows 4, 23 and 52 of the list of bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/bad_input_fixture.h"

namespace syncline::testing {
namespace {

class BadKeysTest : public BadInputTest {
 protected:
  // Returns a request for a deduplicated stream of {id, c, v} with the primary key `key` and the
  // cursor `c`.
  v1::StartSyncRequest Dedup(absl::string_view key = "id") {
    v1::StartSyncRequest request =
        Request("bad", R"("c":{"type":"integer"},"v":{"type":"string"})");
    request.set_sync_id(UniqueId("dedup"));
    v1::StreamConfig* const stream = request.mutable_streams(0);
    stream->set_write_mode(v1::WRITE_MODE_DEDUP);
    stream->add_primary_key()->add_path(std::string(key));
    stream->mutable_cursor()->add_path("c");
    return request;
  }
  v1::StreamRecordsRequest LinesReadAt(int64_t emitted_at_ms, int64_t first_offset,
                                       absl::string_view lines) {
    v1::StreamRecordsRequest message = Lines(first_offset, lines);
    message.mutable_batch()->set_emitted_at_ms(emitted_at_ms);
    return message;
  }
  // Runs a complete sync of these lines.
  void Load(const v1::StartSyncRequest& request, int64_t emitted_at_ms, absl::string_view lines) {
    const std::string sync_id = Started(request);
    ASSERT_EQ(Summary(Send({Header(sync_id, "bad"), LinesReadAt(emitted_at_ms, 0, lines)})), "OK");
    ASSERT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  }
  // Returns "id:v" per row, in order.
  std::string Stored() {
    return QueryValue(
        absl::StrCat("SELECT string_agg(id || ':' || v, ' ' ORDER BY id, v) FROM ", Table("bad")));
  }
  void Alter(absl::string_view action) {
    Execute(absl::StrCat("ALTER TABLE ", Table("bad"), " ", action));
  }
};

TEST_F(BadKeysTest, Row23_LatestOfEqualCursorsWins) {
  const v1::StartSyncRequest request = Dedup();
  const std::string sync_id = Started(request);
  // Within one batch, across batches of one call, and across calls. Key 3 was read before the
  // others.
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), LinesReadAt(2000, 0, R"({"id":1,"c":5,"v":"a"}
{"id":1,"c":5,"v":"b"}
{"id":2,"c":5,"v":"a"}
)"),
                          LinesReadAt(2000, 3, R"({"id":2,"c":5,"v":"b"}
{"id":3,"c":5,"v":"a"}
{"id":4,"c":5,"v":"a"}
)"),
                          LinesReadAt(1000, 6, "{\"id\":3,\"c\":5,\"v\":\"read earlier\"}\n")})),
            "OK");
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"),
                          LinesReadAt(2000, 7, "{\"id\":4,\"c\":5,\"v\":\"b\"}\n")})),
            "OK");
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(Stored(), "1:b 2:b 3:a 4:b");
}

TEST_F(BadKeysTest, Row23_NullCursorIsTheOldest) {
  Load(Dedup(), 1000, R"({"id":1,"c":null,"v":"null"}
{"id":1,"c":-9,"v":"value"}
{"id":2,"c":-9,"v":"value"}
{"id":2,"v":"null"}
{"id":3,"v":"null"}
{"id":3,"c":null,"v":"later null"}
{"id":4,"c":"no number","v":"null"}
{"id":4,"c":0,"v":"value"}
)");
  EXPECT_EQ(Stored(), "1:value 2:value 3:later null 4:value");
}

TEST_F(BadKeysTest, Row23_CursorsOfStoredRows) {
  Load(Dedup(), 2000, R"({"id":1,"c":5,"v":"stored"}
{"id":2,"c":5,"v":"stored"}
{"id":3,"c":5,"v":"stored"}
{"id":4,"v":"stored"}
{"id":5,"v":"stored"}
)");
  // All values that decide are equal, so the stored row stays.
  Load(Dedup(), 2000, "{\"id\":1,\"c\":5,\"v\":\"same time\"}\n");
  Load(Dedup(), 1000, "{\"id\":2,\"c\":5,\"v\":\"read earlier\"}\n");
  Load(Dedup(), 3000, R"({"id":3,"c":5,"v":"read later"}
{"id":1,"v":"null against a value"}
{"id":4,"c":-1,"v":"value"}
{"id":5,"v":"later null"}
)");
  EXPECT_EQ(Stored(), "1:stored 2:stored 3:read later 4:value 5:later null");
}

TEST_F(BadKeysTest, Row52_OtherKeyUnderTheSameSyncId) {
  v1::StartSyncRequest request = Dedup("id");
  Started(request);
  request.mutable_streams(0)->mutable_primary_key(0)->set_path(0, "v");
  EXPECT_EQ(Summary(Start(request)), "INVALID_ARGUMENT SYNC_ID_REUSED");
}

TEST_F(BadKeysTest, Row52_OtherKeyInTheNextSync) {
  Load(Dedup("id"), 1000, R"({"id":1,"c":1,"v":"a"}
{"id":2,"c":1,"v":"b"}
)");
  Load(Dedup("v"), 2000, R"({"id":9,"c":2,"v":"a"}
{"id":2,"c":2,"v":"c"}
)");
  // Rows follow the new key. Rows that no record matches stay.
  EXPECT_EQ(Stored(), "2:b 2:c 9:a");
}

TEST_F(BadKeysTest, Row52_OtherKeyWhileTheOldSyncLoads) {
  const std::string old_sync = Started(Dedup("id"));
  EXPECT_EQ(Summary(Send({Header(old_sync, "bad"),
                          LinesReadAt(1000, 0, "{\"id\":1,\"c\":1,\"v\":\"a\"}\n")})),
            "OK");
  Load(Dedup("v"), 2000, "{\"id\":2,\"c\":2,\"v\":\"a\"}\n");
  // The staged rows of the old sync were merged by the new key, and the old sync has ended.
  EXPECT_EQ(Stored(), "2:a");
  EXPECT_EQ(Summary(Complete(old_sync, "bad")), "FAILED_PRECONDITION SYNC_CANCELLED");
}

constexpr char kAtMost100[] = "ADD CONSTRAINT at_most_100 CHECK (id <= 100)";

// The answer names the constraint and contains no value of a record. The value is long, because
// names of tables in the answer contain numbers.
void ExpectNamedViolation(const Answer& answer, absl::string_view reason = "CONSTRAINT_VIOLATED") {
  EXPECT_EQ(Summary(answer), absl::StrCat("FAILED_PRECONDITION ", reason));
  EXPECT_TRUE(absl::StrContains(answer.message, "at_most_100")) << answer.message;
  EXPECT_FALSE(absl::StrContains(answer.message, "5005005")) << answer.message;
}

TEST_F(BadKeysTest, Row04_CheckConstraintRefusesAppendedRows) {
  const std::string sync_id = Started(Request("bad"));
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, "{\"id\":1}\n{\"id\":2}\n")})), "OK");
  Alter(kAtMost100);
  v1::StreamRecordsResponse response;
  EXPECT_EQ(
      Summary(Send({Header(sync_id, "bad"), Lines(2, "{\"id\":3}\n{\"id\":5005005}\n{\"id\":4}\n")},
                   &response)),
      "OK");
  EXPECT_EQ(response.records_written(), 2);
  EXPECT_EQ(response.records_rejected(), 1);
  EXPECT_THAT(Rejected(sync_id), ::testing::ElementsAre("3 CONSTRAINT_VIOLATED"));
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(id::text, ',' ORDER BY id) FROM ", Table("bad"))),
      "1,2,3,4");
}

TEST_F(BadKeysTest, Row04_CheckConstraintRejectsStagedRows) {
  Load(Dedup(), 1000, "{\"id\":1,\"c\":1,\"v\":\"a\"}\n");
  Alter(kAtMost100);
  const std::string sync_id = Started(Dedup());
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), LinesReadAt(2000, 0, R"({"id":1,"c":2,"v":"b"}
{"id":5005005,"c":2,"v":"c"}
)")})),
            "OK");
  EXPECT_THAT(Rejected(sync_id), ::testing::ElementsAre("1 CONSTRAINT_VIOLATED"));
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(Stored(), "1:b");
}

// A violation of a constraint that was added after a row was staged is found only by the merge.
TEST_F(BadKeysTest, Row04_LaterCheckConstraintRefusesAMerge) {
  Load(Dedup(), 1000, "{\"id\":1,\"c\":1,\"v\":\"a\"}\n");
  const std::string sync_id = Started(Dedup());
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), LinesReadAt(2000, 0, R"({"id":1,"c":2,"v":"b"}
{"id":5005005,"c":2,"v":"c"}
)")})),
            "OK");
  Alter(kAtMost100);
  ExpectNamedViolation(Complete(sync_id, "bad"));
  EXPECT_EQ(Stored(), "1:a");
  Alter("DROP CONSTRAINT at_most_100");
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(Stored(), "1:b 5005005:c");
}

TEST_F(BadKeysTest, Row04_LaterCheckConstraintRefusesAReplace) {
  const v1::StartSyncRequest first = Request("bad", R"("v":{"type":"string"})");
  Load(first, 1000, "{\"id\":1,\"v\":\"a\"}\n");
  v1::StartSyncRequest second = first;
  second.set_sync_id(UniqueId("replace"));
  second.mutable_streams(0)->set_overwrite(true);
  Started(second);
  EXPECT_EQ(Summary(Send({Header(second.sync_id(), "bad"),
                          Lines(0, "{\"id\":2,\"v\":\"b\"}\n{\"id\":5005005,\"v\":\"c\"}\n")})),
            "OK");
  Alter(kAtMost100);
  ExpectNamedViolation(Complete(second.sync_id(), "bad"), "TARGET_INCOMPATIBLE");
  EXPECT_EQ(Stored(), "1:a");
  Alter("DROP CONSTRAINT at_most_100");
  EXPECT_EQ(Summary(Complete(second.sync_id(), "bad")), "OK");
  EXPECT_EQ(Stored(), "2:b 5005005:c");
}

}  // namespace
}  // namespace syncline::testing
