// Tests of the corpus: every file of tests/corpus is sent to the real server, and the answer is
// compared with the expected one.
//
// start_sync/NN_name.textproto is a StartSyncRequest. Its first comments are the expected answer:
// "# answer CODE [REASON]", "# field PATH" per field violation, and "# column INPUT NAME" per
// column of the first stream's plan.
//
// records/NN_name.jsonl contains lines for a stream of {id, v}. NN_name.expected has "type JSON"
// (of v), "dedup" if v is a primary key, "row id|v|change|reason" per row, ordered by id, and
// "rejected offset reason" per rejected record. NN is the row in the list of bad input.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "tests/e2e/bad_input_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAreArray;

// Returns the sorted names, without extension, of the files in a directory of the corpus that have
// this extension.
std::vector<std::string> Entries(const char* directory, const char* extension) {
  std::vector<std::string> names;
  const std::filesystem::path path = std::filesystem::path(SYNCLINE_CORPUS_DIR) / directory;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  return absl::StrCat("Row", info.param);
}

// Returns the rest of each line that begins with `keyword` and a space.
std::vector<std::string> FindArguments(const std::string& text, absl::string_view keyword) {
  std::vector<std::string> arguments;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat(keyword, " "))) arguments.emplace_back(line);
  }
  return arguments;
}

class BadRecordsTest : public BadInputTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(BadRecordsTest, AreNulledOrRejectedAndOthersLoad) {
  const std::filesystem::path directory = std::filesystem::path(SYNCLINE_CORPUS_DIR) / "records";
  ASSERT_OK_AND_ASSIGN(const std::string lines, ReadFile(directory / (GetParam() + ".jsonl")));
  ASSERT_OK_AND_ASSIGN(const std::string expected,
                       ReadFile(directory / (GetParam() + ".expected")));
  const std::vector<std::string> type = FindArguments(expected, "type");
  ASSERT_EQ(type.size(), 1U);

  v1::StartSyncRequest request = Request("bad", absl::StrCat("\"v\":", type[0]));
  if (absl::StrContains(expected, "\ndedup\n")) {
    request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
    request.mutable_streams(0)->add_primary_key()->add_path("v");
  }
  const std::string sync_id = Started(request);
  v1::StreamRecordsResponse response;
  const Answer answer = Send({Header(sync_id, "bad"), Lines(0, lines)}, &response);
  ASSERT_EQ(Summary(answer), "OK") << answer.message;
  const Answer completed = Complete(sync_id, "bad");
  ASSERT_EQ(Summary(completed), "OK") << completed.message;

  Execute("SET timezone = 'UTC'");
  std::vector<std::string> rows;
  for (const auto& row : QueryText(absl::StrCat(
           "SELECT id, CASE WHEN length(v::text) > 200 THEN length(v::text) || ' characters' ELSE "
           "v::text END, coalesce(_airbyte_meta->'changes'->0->>'change', ''), "
           "coalesce(_airbyte_meta->'changes'->0->>'reason', '') FROM ",
           Table("bad"), " ORDER BY id"))) {
    rows.push_back(absl::StrReplaceAll(absl::StrJoin(row, "|"), {{"\n", "\\n"}, {"\r", "\\r"}}));
  }
  EXPECT_THAT(rows, ElementsAreArray(FindArguments(expected, "row")));
  const std::vector<std::string> rejected = FindArguments(expected, "rejected");
  EXPECT_THAT(Rejected(sync_id), ElementsAreArray(rejected));
  EXPECT_EQ(response.records_rejected(), static_cast<int64_t>(rejected.size()));
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadRecordsTest, ::testing::ValuesIn(Entries("records", ".jsonl")),
                         TestName);

class BadStartTest : public BadInputTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(BadStartTest, HasTheAnswerOfTheCorpus) {
  const std::filesystem::path directory = std::filesystem::path(SYNCLINE_CORPUS_DIR) / "start_sync";
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(directory / (GetParam() + ".textproto")));
  v1::StartSyncRequest request;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
  if (absl::StrContains(text, "# own sync_id\n")) request.set_sync_id(UniqueId("start"));
  for (v1::StreamConfig& stream : *request.mutable_streams()) {
    if (stream.descriptor().namespace_().empty() && stream.has_descriptor()) {
      stream.mutable_descriptor()->set_namespace_(schema());
    }
  }
  Execute(absl::StrCat("CREATE TABLE ", Table("canary"), " AS SELECT 42 AS alive"));

  v1::StartSyncResponse response;
  const Answer answer = Start(request, &response);
  EXPECT_EQ(Summary(answer), FindArguments(text, "# answer").at(0)) << answer.message;
  EXPECT_THAT(answer.fields, ElementsAreArray(FindArguments(text, "# field")));
  if (answer.code == grpc::StatusCode::OK) {
    std::vector<std::string> columns;
    for (const v1::Column& column : response.streams(0).columns()) {
      // The name of the column as PostgreSQL has it.
      EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_attribute WHERE attrelid = '\"",
                                      response.streams(0).table_schema(), "\".\"",
                                      response.streams(0).table_name(),
                                      "\"'::regclass AND attname = '", column.column_name(), "'")),
                1)
          << column.column_name();
      columns.push_back(column.column_name());
    }
    EXPECT_THAT(columns, ElementsAreArray(FindArguments(text, "# column")));
  } else {
    // No table was created.
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                                    "relnamespace = '",
                                    schema(), "'::regnamespace")),
              1);
  }
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT alive FROM ", Table("canary"))), 42);
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadStartTest,
                         ::testing::ValuesIn(Entries("start_sync", ".textproto")), TestName);

}  // namespace
}  // namespace syncline::testing
