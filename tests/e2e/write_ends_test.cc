// The end of `syncline write`: tables that a failed source must not empty, the report, and the exit
// code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kFatal =
    R"({"type":"LOG","log":{"level":"Fatal","message":"no route to host"}})";
constexpr absl::string_view kFailedConnection =
    R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"bad password"}})";
constexpr absl::string_view kError =
    R"({"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"out of memory"}}})";

std::string Record(absl::string_view stream, absl::string_view id) {
  return absl::StrCat(R"({"type":"RECORD","record":{"stream":")", stream, R"(","data":{"id":)", id,
                      R"(,"name":"n"},"emitted_at":1700000000000}})");
}

std::string State(absl::string_view stream, int64_t cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":)",
                      R"({"name":")", stream, R"("},"stream_state":{"cursor":)", cursor, "}}}}");
}

std::string GlobalState(int64_t cursor) {
  return absl::StrCat(
      R"({"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"lsn":)", cursor,
      "}}}}");
}

std::string Complete(absl::string_view stream) {
  return absl::StrCat(
      R"({"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":)",
      R"({"stream_descriptor":{"name":")", stream, R"("},"status":"COMPLETE"}}})");
}

std::string CatalogStream(absl::string_view name, absl::string_view mode) {
  return absl::StrCat(
      R"({"stream":{"name":")", name, R"(","json_schema":{"type":"object","properties":)",
      R"({"id":{"type":"integer"},"name":{"type":"string"}}}},"primary_key":[["id"]],)",
      R"("sync_mode":"full_refresh",)", mode, "}");
}

std::string OfGeneration(absl::string_view mode, int64_t generation, int64_t minimum) {
  return absl::StrCat(R"("destination_sync_mode":")", mode, R"(","generation_id":)", generation,
                      R"(,"minimum_generation_id":)", minimum);
}

struct Written {
  int exit_code = -1;
  std::string to_stdout;
  std::string to_stderr;
};

class WriteEndsTest : public ServerTest {
 protected:
  // Runs the command with `lines`, each terminated by a line feed, and `tail` without one.
  Written Write(const std::vector<std::string>& streams, const std::vector<std::string>& lines,
                absl::string_view tail = "", absl::string_view config = "",
                const std::vector<std::string>& flags = {}) {
    std::string input;
    for (const std::string& line : lines) absl::StrAppend(&input, line, "\n");
    ProcessOptions options;
    options.arguments = {
        SYNCLINE_CLIENT_BINARY,
        "write",
        "--config",
        WriteFile("config.json", absl::StrCat(R"({"server":")", server_->address(),
                                              R"(","schema":")", schema(), "\"", config, "}")),
        "--catalog",
        WriteFile("catalog.json",
                  absl::StrCat("{\"streams\":[", absl::StrJoin(streams, ","), "]}"))};
    options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
    options.stdin_file = WriteFile("input.jsonl", absl::StrCat(input, tail));
    Written written;
    const auto process = Process::Start(options);
    if (!process.ok()) return written;
    written.exit_code = (*process)->Wait(kPatience).value_or(-1);
    written.to_stdout = (*process)->Stdout();
    written.to_stderr = (*process)->Stderr();
    return written;
  }

  int64_t Count(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
  }
};

TEST_F(WriteEndsTest, FailedSourceKeepsTheTable) {
  const std::vector<std::pair<std::string, std::string>> modes = {
      {OfGeneration("overwrite", 1, 1), OfGeneration("overwrite", 2, 2)},
      {OfGeneration("append_dedup", 3, 3), OfGeneration("append_dedup", 4, 4)},
      {R"("destination_sync_mode":"overwrite")", R"("destination_sync_mode":"overwrite")"}};
  struct Death {
    std::vector<std::string> lines;
    std::string tail;
    std::string words;
  };
  const std::string record = Record("t", "2");
  const std::vector<Death> deaths = {
      {{}, "", "the source sent no messages"},
      {{""}, "", "the source sent no messages"},
      {{R"({"type":"LOG","log":{"level":"INFO","message":"starting"}})"}, "", "no STATE"},
      {{std::string(kFatal)}, "", "no route to host"},
      {{std::string(kFailedConnection)}, "", "bad password"},
      {{record}, "", "no STATE"},
      {{record, State("t", 1), Record("t", "3")}, "", "no STATE"},
      {{record, State("t", 1), std::string(kFatal)}, "", "no route to host"},
      {{record, std::string(kError), State("t", 1)}, "", "out of memory"},
      {{record, State("t", 1)}, record.substr(0, record.size() - 1), "in the middle of a message"},
      {{record, State("t", 1)}, record.substr(0, 20), "in the middle of a message"},
  };
  for (const auto& [first, second] : modes) {
    ASSERT_EQ(Write({CatalogStream("t", first)}, {Record("t", "1"), Complete("t")}).exit_code, 0);
    for (const Death& death : deaths) {
      const Written dead = Write({CatalogStream("t", second)}, death.lines, death.tail);
      EXPECT_EQ(dead.exit_code, 1) << death.words;
      EXPECT_THAT(dead.to_stderr, HasSubstr(death.words));
      EXPECT_THAT(dead.to_stdout, AllOf(HasSubstr("\"ERROR\""), HasSubstr(death.words)));
      EXPECT_EQ(QueryText(absl::StrCat("SELECT id FROM ", Table("t"))),
                (std::vector<std::vector<std::string>>{{"1"}}))
          << death.words;
    }
  }
}

TEST_F(WriteEndsTest, SourceWithAFinalStateReplacesTheTable) {
  const std::string stream = CatalogStream("t", R"("destination_sync_mode":"overwrite")");
  ASSERT_EQ(Write({stream}, {Record("t", "1"), Complete("t")}).exit_code, 0);
  EXPECT_EQ(Write({stream}, {Record("t", "2"), Record("t", "3"), State("t", 3)}).exit_code, 0);
  EXPECT_EQ(Count("t"), 2);
  EXPECT_EQ(Write({stream}, {Record("t", "4"), GlobalState(4)}).exit_code, 0);
  EXPECT_EQ(Count("t"), 1);
  EXPECT_EQ(Write({stream}, {Record("t", "5"), Record("t", "6")}, "",
                  R"(,"complete_without_status":true)")
                .exit_code,
            0);
  EXPECT_EQ(Count("t"), 2);
  // COMPLETE confirms that the source has no records, so the table is emptied.
  EXPECT_EQ(Write({stream}, {Complete("t")}).exit_code, 0);
  EXPECT_EQ(Count("t"), 0);
}

TEST_F(WriteEndsTest, AppendsCompleteIfAnyStreamSentData) {
  const std::vector<std::string> streams = {
      CatalogStream("t", R"("destination_sync_mode":"append")"),
      CatalogStream("u", R"("destination_sync_mode":"append_dedup")")};
  EXPECT_EQ(Write(streams, {Record("t", "1")}).exit_code, 0);
  EXPECT_EQ(Write(streams, {State("u", 1)}).exit_code, 0);
  EXPECT_EQ(Count("t"), 1);
  const Written silent = Write(streams, {});
  EXPECT_EQ(silent.exit_code, 1);
  EXPECT_THAT(silent.to_stderr,
              AllOf(HasSubstr("stream t is not complete"), HasSubstr("stream u is not complete")));
}

// The source fails after a STATE of all streams and continues from it in the next run. The records
// that it sends again replace those that it had sent after the STATE, in every stream.
TEST_F(WriteEndsTest, RowsAfterAGlobalStateAreKeptOnce) {
  const std::string mode = OfGeneration("overwrite", 5, 5);
  const std::vector<std::string> streams = {CatalogStream("t", mode), CatalogStream("u", mode)};
  const Written died =
      Write(streams, {Record("t", "1"), Record("u", "1"), Record("u", "2"), GlobalState(1),
                      Record("t", "2"), Record("u", "3"), std::string(kFatal)});
  EXPECT_EQ(died.exit_code, 1);
  EXPECT_THAT(died.to_stdout, HasSubstr(R"("shared_state":{"lsn":1})"));
  const Written again = Write(streams, {Record("t", "2"), Record("u", "3"), Record("u", "4"),
                                        GlobalState(2), Complete("t"), Complete("u")});
  EXPECT_EQ(again.exit_code, 0) << again.to_stderr;
  const auto ids = [this](absl::string_view table) {
    return QueryText(
        absl::StrCat("SELECT string_agg(id::text, ' ' ORDER BY id) FROM ", Table(table)))[0][0];
  };
  EXPECT_EQ(ids("t"), "1 2");
  EXPECT_EQ(ids("u"), "1 2 3 4");
}

TEST_F(WriteEndsTest, FailureKeepsTheCompletedStream) {
  const std::string mode = R"("destination_sync_mode":"overwrite")";
  const std::vector<std::string> streams = {CatalogStream("t", mode), CatalogStream("u", mode)};
  ASSERT_EQ(
      Write(streams, {Record("t", "1"), Record("u", "1"), Complete("t"), Complete("u")}).exit_code,
      0);
  const Written written = Write(streams, {Record("t", "2"), Record("t", "3"), Record("u", "2"),
                                          std::string(kError), Complete("t")});
  EXPECT_EQ(written.exit_code, 1);
  EXPECT_EQ(Count("t"), 2);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT id FROM ", Table("u"))),
            (std::vector<std::vector<std::string>>{{"1"}}));
  EXPECT_THAT(written.to_stdout, HasSubstr(R"("stream_descriptor":{"name":"u"})"));
  EXPECT_THAT(written.to_stdout, Not(HasSubstr(R"("stream_descriptor":{"name":"t"})")));
}

TEST_F(WriteEndsTest, StreamThatCannotStartDoesNotAffectOthers) {
  ASSERT_OK(Connect()->Execute(absl::StrCat("CREATE VIEW ", Table("t"), " AS SELECT 1 AS id")));
  const std::string mode = R"("destination_sync_mode":"append")";
  const Written written = Write({CatalogStream("t", mode), CatalogStream("u", mode)},
                                {Record("t", "1"), State("t", 1), Record("u", "1"), GlobalState(1),
                                 State("u", 1), Complete("t"), Complete("u")});
  EXPECT_EQ(written.exit_code, 1);
  EXPECT_EQ(Count("u"), 1);
  EXPECT_THAT(written.to_stdout, AllOf(HasSubstr(R"("stream_descriptor":{"name":"t"})"),
                                       HasSubstr(R"("name":"u"},"stream_state")"),
                                       Not(HasSubstr(R"("name":"t"},"stream_state")")),
                                       Not(HasSubstr("shared_state"))));
  EXPECT_THAT(written.to_stderr, HasSubstr("1 of its records were skipped"));
}

TEST_F(WriteEndsTest, RejectedRecordsFailOnlyOnRequest) {
  const std::string stream = CatalogStream("t", R"("destination_sync_mode":"append")");
  const std::vector<std::string> lines = {Record("t", "1"), Record("t", "x"), Record("t", "2"),
                                          Complete("t")};
  const Written written = Write({stream}, lines);
  EXPECT_EQ(written.exit_code, 0);
  EXPECT_THAT(written.to_stdout,
              AllOf(HasSubstr(R"("level":"WARN")"), HasSubstr("1 record reject")));
  EXPECT_THAT(written.to_stderr, HasSubstr("1 record reject"));
  EXPECT_EQ(Write({stream}, lines, "", R"(,"fail_on_rejected":true)").exit_code, 3);
  EXPECT_EQ(
      Write({stream}, lines, "", R"(,"fail_on_rejected":true)", {"--allow_rejected"}).exit_code, 0);
  EXPECT_EQ(Count("t"), 6);
}

TEST_F(WriteEndsTest, StrictKeepsTheTableIfARecordIsRejected) {
  const std::string stream = CatalogStream("t", R"("destination_sync_mode":"overwrite")");
  ASSERT_EQ(Write({stream}, {Record("t", "1"), Complete("t")}, "", "", {"--strict"}).exit_code, 0);
  const Written written =
      Write({stream}, {Record("t", "2"), Record("t", "x"), Complete("t")}, "", "", {"--strict"});
  EXPECT_EQ(written.exit_code, 1);
  EXPECT_THAT(written.to_stderr, HasSubstr("--strict"));
  EXPECT_EQ(QueryText(absl::StrCat("SELECT id FROM ", Table("t"))),
            (std::vector<std::vector<std::string>>{{"1"}}));
}

// FREEZE applies to each stream separately, so the other stream loads.
TEST_F(WriteEndsTest, StrictDoesNotStartStreamsThatChangeTables) {
  for (const char* mode : {"append", "overwrite", "append_dedup"}) {
    const std::string of_mode = absl::StrCat(R"("destination_sync_mode":")", mode, "\"");
    const std::vector<std::string> streams = {CatalogStream("t", of_mode),
                                              CatalogStream("u", of_mode)};
    ASSERT_EQ(Write(streams, {Record("t", "1"), Complete("t"), Record("u", "1"), Complete("u")}, "",
                    "", {"--strict"})
                  .exit_code,
              0)
        << "creating a table is not a change: " << mode;
    Execute(absl::StrCat("ALTER TABLE ", Table("t"), " DROP COLUMN name"));
    const Written written =
        Write(streams, {Record("t", "2"), Complete("t"), Record("u", "2"), Complete("u")}, "", "",
              {"--strict"});
    EXPECT_EQ(written.exit_code, 1) << mode;
    EXPECT_THAT(written.to_stderr, AllOf(HasSubstr("FREEZE"), HasSubstr("adds the column name")));
    EXPECT_EQ(QueryText(absl::StrCat("SELECT string_agg(id::text, ',') FROM ", Table("t"))),
              (std::vector<std::vector<std::string>>{{"1"}}));
    EXPECT_GE(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("u"), " WHERE id = 2")), 1);
    Execute(absl::StrCat("DROP TABLE ", Table("t"), ", ", Table("u")));
  }
}

TEST_F(WriteEndsTest, InvalidConfigurationNamesItsMember) {
  const Written written = Write({CatalogStream("t", R"("destination_sync_mode":"append")")}, {}, "",
                                R"(,"schema_policy":"drop")");
  EXPECT_EQ(written.exit_code, 1);
  EXPECT_THAT(written.to_stderr, HasSubstr("schema_policy must be keep, mirror or freeze"));
}

}  // namespace
}  // namespace syncline::testing
