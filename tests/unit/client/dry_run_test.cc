#include "client/dry_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/temporary_directory.h"

namespace syncline::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Placement = v1::TablePlacement;

// A load of one record into the table public.people.
class DryRunTest : public ::testing::Test {
 protected:
  DryRunTest() : directory_("dry-run") {
    const std::string file = directory_.Path("people.jsonl");
    std::ofstream(file) << R"({"id": 7, "name": "Ada"})"
                        << "\n";
    const Invocation invocation =
        ParseCommandLine({"load", file, "--table", "public.people", "--dry_run"},
                         [](const std::string&) { return std::nullopt; });
    EXPECT_NE(invocation.verb, nullptr) << invocation.to_stderr;
    command_line_ = invocation.command_line;
    ::testing::internal::CaptureStderr();  // the line about the file
    absl::StatusOr<std::unique_ptr<LoadPreparation>> made = LoadPreparation::Make(command_line_);
    ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(made.ok()) << made.status();
    preparation_ = *std::move(made);
    for (const v1::Column& column : preparation_->Columns()) *plan_.add_columns() = column;
  }

  std::string Text() {
    const absl::StatusOr<std::string> text = DryRunText(*preparation_, command_line_, &plan_);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }

  std::string TextOf(Placement::Kind kind, const std::string& access_method) {
    plan_.mutable_placement()->set_kind(kind);
    plan_.mutable_placement()->set_access_method(access_method);
    return Text();
  }

  testing::TemporaryDirectory directory_;
  CommandLine command_line_;
  std::unique_ptr<LoadPreparation> preparation_;
  v1::StreamPlan plan_;
};

TEST_F(DryRunTest, OrdinaryTablesHaveNoPlace) {
  const std::string text = TextOf(Placement::KIND_ORDINARY, "heap");
  EXPECT_THAT(text,
              HasSubstr("public.people: the table exists, and its definition does not change"));
  EXPECT_THAT(text, HasSubstr("Ada"));
  EXPECT_THAT(text, Not(HasSubstr("Citus")));
  EXPECT_THAT(text, Not(HasSubstr("stores")));
}

TEST_F(DryRunTest, PlacesOfCitusAreSentences) {
  plan_.mutable_placement()->set_column("id");
  plan_.mutable_placement()->set_shards(32);
  EXPECT_THAT(TextOf(Placement::KIND_HASH, "heap"),
              HasSubstr("public.people: Citus distributes the table by the column id over 32 "
                        "shards\n"));
  plan_.mutable_placement()->set_shards(0);
  EXPECT_THAT(TextOf(Placement::KIND_HASH, ""),
              HasSubstr("public.people: Citus distributes the table by the column id\n"))
      << "a table that does not exist yet";
  plan_.mutable_placement()->clear_column();
  EXPECT_THAT(TextOf(Placement::KIND_REFERENCE, "heap"),
              HasSubstr("public.people: the table is a reference table of Citus\n"));
  EXPECT_THAT(TextOf(Placement::KIND_SINGLE_SHARD, "heap"),
              HasSubstr("public.people: Citus keeps the table as one shard on one node\n"));
  EXPECT_THAT(TextOf(Placement::KIND_MANAGED_LOCAL, "heap"),
              HasSubstr("public.people: the table is a local table in the metadata of Citus\n"));
  EXPECT_THAT(TextOf(Placement::KIND_OTHER, "heap"),
              HasSubstr("public.people: Citus distributes the table by ranges or by appended "
                        "shards\n"));
}

TEST_F(DryRunTest, ColumnarTablesAreNamed) {
  EXPECT_THAT(TextOf(Placement::KIND_ORDINARY, "columnar"),
              HasSubstr("public.people: the table stores its rows in columns\n"));
  EXPECT_THAT(TextOf(Placement::KIND_REFERENCE, "columnar"),
              HasSubstr("a reference table of Citus and stores its rows in columns\n"));
}

TEST_F(DryRunTest, ReplacedRowsAreNamed) {
  plan_.set_strategy(v1::REPLACE_STRATEGY_IN_PLACE);
  plan_.set_strategy_reason("a view depends on it");
  EXPECT_THAT(Text(), HasSubstr("public.people: the rows are replaced in place (a view depends on "
                                "it)\n"));
  plan_.set_strategy(v1::REPLACE_STRATEGY_SWAP);
  EXPECT_THAT(Text(), HasSubstr("the rows are replaced by a swap"));
}

TEST_F(DryRunTest, NewTablesAreDefined) {
  plan_.add_changes()->set_kind(v1::SchemaChange::KIND_CREATE_TABLE);
  plan_.set_strategy(v1::REPLACE_STRATEGY_SWAP);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("CREATE TABLE public.people"));
  EXPECT_THAT(text, Not(HasSubstr("replaced"))) << "there are no rows to replace";
}

}  // namespace
}  // namespace syncline::client
