// The table of the command line: flags, help, hints and exit codes.
#include "client/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/program_variables.h"
#include "client/exit_code.h"
#include "client/list_text.h"
#include "client/progress.h"
#include "client/server_address.h"
#include "client/since_time.h"
#include "client/summary_text.h"
#include "client/sync_client.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::optional<std::string> NoEnvironment(const std::string&) { return std::nullopt; }

Invocation Parse(const std::vector<std::string>& arguments) {
  return ParseCommandLine(arguments, NoEnvironment);
}

TEST(CliTest, HelpOfEveryVerbNamesItsFlags) {
  for (const Verb& verb : Verbs()) {
    const Invocation help = Parse({verb.name, "--help"});
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_EQ(help.verb, nullptr);
    EXPECT_EQ(help.to_stderr, "");
    std::set<std::string> names;
    for (const Flag& flag : verb.flags) {
      EXPECT_THAT(help.to_stdout, HasSubstr("--" + flag.name));
      EXPECT_FALSE(flag.help.empty()) << flag.name;
      EXPECT_TRUE(names.insert(flag.name).second) << flag.name << " is listed twice";
    }
    EXPECT_THAT(Parse({"--help"}).to_stdout, HasSubstr(verb.summary));
  }
}

TEST(CliTest, WrongUsageIsExitCodeTwoWithAHint) {
  const auto expect_usage = [](const std::vector<std::string>& arguments, const char* words) {
    const Invocation invocation = Parse(arguments);
    EXPECT_EQ(invocation.verb, nullptr);
    EXPECT_EQ(invocation.exit_code, kExitUsage);
    EXPECT_EQ(invocation.to_stdout, "");
    EXPECT_THAT(invocation.to_stderr, HasSubstr(words));
  };
  expect_usage({}, "usage: syncline");
  expect_usage({"lod"}, "unknown verb lod (did you mean load?)");
  expect_usage({"list", "--sever=x"}, "unknown flag --sever (did you mean --server?)");
  expect_usage({"list", "--zzzzzzzz"}, "unknown flag --zzzzzzzz\n");
  expect_usage({"list", "extra"}, "unexpected argument extra");
  expect_usage({"status"}, "status needs SYNC");
  expect_usage({"load", "f", "--table"}, "--table needs a value");
  expect_usage({"load", "f"}, "--table is required");
  expect_usage({"load", "f", "--table=t", "--mode=merge"}, "must be one of append, overwrite");
  expect_usage({"list", "--timeout=soon"}, "--timeout must be a duration");
  expect_usage({"list", "--limit=many"}, "--limit must be a non-negative integer");
  expect_usage({"write", "--config=c"}, "--catalog is required");
  expect_usage({"list", "--limit=1", "--limit", "2"}, "--limit is given twice");
}

TEST(CliTest, AcceptsFlagsInEveryForm) {
  const Invocation invocation =
      Parse({"load", "--table", "public.t", "-", "--primary-key=a, b", "--allow_rejected",
             "--retry_for", "2m", "--output=json", "--replay_window_bytes=77"});
  ASSERT_NE(invocation.verb, nullptr) << invocation.to_stderr;
  const CommandLine& line = invocation.command_line;
  EXPECT_THAT(line.arguments(), ElementsAre("-"));
  EXPECT_EQ(line.Text("table"), "public.t");
  EXPECT_EQ(line.List("primary_key").size(), 2u);
  EXPECT_TRUE(line.Switch("allow_rejected"));
  EXPECT_FALSE(line.Switch("keep_open"));
  EXPECT_EQ(line.Duration("retry_for"), absl::Minutes(2));
  EXPECT_EQ(line.Count("replay_window_bytes"), 77);
  EXPECT_EQ(line.Text("mode"), "append");
  EXPECT_TRUE(line.Json());
}

TEST(CliTest, FlagOverridesEnvironmentOverridesDefault) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SYNCLINE_SERVER") return "remote:1";
    if (name == "SYNCLINE_TLS_CA_FILE") return "ca.pem";
    return std::nullopt;
  };
  EXPECT_EQ(Parse({"list"}).command_line.Connection().server, "127.0.0.1:50051");
  const Invocation from_environment = ParseCommandLine({"list"}, environment);
  EXPECT_EQ(from_environment.command_line.Connection().server, "remote:1");
  EXPECT_TRUE(from_environment.command_line.Connection().tls.enabled);
  EXPECT_EQ(
      ParseCommandLine({"list", "--server=near:2"}, environment).command_line.Connection().server,
      "near:2");
}

TEST(CliTest, EveryFlagOfTlsUsesIt) {
  for (const char* const flag : {"--tls", "--tls_ca_file=f", "--tls_cert_file=f",
                                 "--tls_key_file=f", "--tls_server_name=n"}) {
    EXPECT_TRUE(Parse({"list", flag}).command_line.Connection().tls.enabled) << flag;
  }
  EXPECT_FALSE(Parse({"list"}).command_line.Connection().tls.enabled);
}

TEST(SyncClientTest, CertificateAndKeyGoTogether) {
  ConnectionOptions options;
  options.tls.enabled = true;
  EXPECT_TRUE(SyncClient::Create(options).ok());
  options.tls.client_key = "K";
  EXPECT_THAT(std::string(SyncClient::Create(options).status().message()),
              HasSubstr("the TLS private key has no client certificate; give both"));
  std::swap(options.tls.client_key, options.tls.client_certificate);
  EXPECT_THAT(std::string(SyncClient::Create(options).status().message()),
              HasSubstr("the TLS client certificate has no private key; give both"));
}

TEST(CliTest, ServerWithoutPortHasTheDefaultPort) {
  EXPECT_EQ(WithDefaultPort("localhost"), "localhost:50051");
  EXPECT_EQ(WithDefaultPort("10.0.0.1"), "10.0.0.1:50051");
  EXPECT_EQ(WithDefaultPort("::1"), "[::1]:50051");
  EXPECT_EQ(WithDefaultPort("[::1]"), "[::1]:50051");
  for (const char* const complete :
       {"localhost:1", "[::1]:2", "dns:///name", "ipv4:10.0.0.1,10.0.0.2:7", "unix:/run/s", ""}) {
    EXPECT_EQ(WithDefaultPort(complete), complete);
  }
}

TEST(CliTest, VersionIsAVerbAndAFlag) {
  EXPECT_NE(Parse({"version"}).verb, nullptr);
  EXPECT_THAT(Parse({"--version"}).to_stdout, HasSubstr("syncline "));
}

TEST(CliTest, HasTheAirbyteVerbs) {
  EXPECT_NE(Parse({"spec"}).verb, nullptr);
  EXPECT_NE(Parse({"check", "--config", "c.json"}).verb, nullptr);
  EXPECT_NE(Parse({"write", "--config", "c.json", "--catalog", "k.json"}).verb, nullptr);
}

TEST(CliTest, VariablesOfAllFlagsAreKnown) {
  const auto known = ProgramVariables();
  for (const Verb& verb : Verbs()) {
    for (const Flag& flag : verb.flags) {
      if (flag.environment.empty()) continue;
      EXPECT_TRUE(std::binary_search(known.begin(), known.end(), flag.environment)) << flag.name;
    }
  }
}

TEST(ProgressTest, ShortensNumbers) {
  EXPECT_EQ(ShortNumber(78), "78");
  EXPECT_EQ(ShortNumber(345600), "345.6k");
  EXPECT_EQ(ShortNumber(1.2e6), "1.2M");
}

TEST(SummaryTextTest, ListsTheStreamsOfASync) {
  v1::SyncSummary sync;
  sync.set_sync_id("nightly");
  sync.set_state(v1::SYNC_STATE_RUNNING);
  v1::StreamSummary* const stream = sync.add_streams();
  stream->mutable_descriptor()->set_name("users");
  stream->set_table_schema("public");
  stream->set_table_name("users");
  stream->set_records_written(41);
  EXPECT_THAT(FormatSync(sync), HasSubstr("state       running"));
  EXPECT_THAT(FormatSync(sync), HasSubstr("\n  table public.users, 0 bytes\n"));
  EXPECT_THAT(FormatSync(sync), Not(HasSubstr("COLUMN")));
  sync.mutable_last_progress_at()->set_seconds(1'000'000);
  const auto listed = [&](int64_t seconds_later) {
    return FormatSyncs({sync}, absl::FromUnixSeconds(1'000'000 + seconds_later));
  };
  EXPECT_THAT(listed(5), AllOf(HasSubstr("nightly  running"), HasSubstr("5 s ago")));
  sync.set_state(v1::SYNC_STATE_INTERRUPTED);
  EXPECT_THAT(listed(600), AllOf(HasSubstr("interrupted"), HasSubstr("10 min ago")));
  EXPECT_THAT(listed(86400), HasSubstr("24 h ago"));
  EXPECT_THAT(listed(864000), HasSubstr("10 days ago"));
  sync.mutable_streams(0)->set_state(v1::STREAM_STATE_COMPLETED);
  sync.add_streams()->set_state(v1::STREAM_STATE_INCOMPLETE);
  EXPECT_THAT(listed(5), HasSubstr("  1/2      41    0\n"));
  sync.mutable_streams()->RemoveLast();
  v1::ColumnCounts* const column = sync.mutable_streams(0)->add_columns();
  column->set_column("age");
  column->set_nulled(7);
  EXPECT_THAT(FormatSync(sync), HasSubstr("age     7       0          0"));
  EXPECT_THAT(FormatSync(sync), Not(HasSubstr("could not start")));
  EXPECT_THAT(listed(5), Not(HasSubstr("last error")));
  sync.mutable_streams(0)->mutable_last_error()->set_message("the disk is full");
  sync.mutable_streams(0)->mutable_last_error_at()->set_seconds(1'000'000);
  EXPECT_THAT(FormatSync(sync),
              EndsWith("\nusers last failed at 1970-01-12 13:46:40 UTC: the disk is full\n"));
  EXPECT_THAT(listed(5), EndsWith("\n  last error: the disk is full\n"));
  sync.mutable_streams(0)->mutable_error()->set_message("\"public.users\" is a view");
  EXPECT_THAT(FormatSync(sync), EndsWith("\nusers could not start: \"public.users\" is a view\n"));
}

size_t LongestLine(const std::string& text) {
  size_t longest = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    longest = std::max(longest, line.size());
  }
  return longest;
}

TEST(ListTextTest, FitsATerminal) {
  v1::SyncSummary sync;
  sync.set_sync_id(std::string(60, 's'));
  sync.set_state(v1::SYNC_STATE_INTERRUPTED);
  v1::StreamSummary* const stream = sync.add_streams();
  stream->mutable_descriptor()->set_name(std::string(60, 'n'));
  stream->set_records_written(123'456'789'012);
  for (int i = 0; i < 40; ++i) {
    v1::WriterPosition* const writer = stream->add_writers();
    writer->set_writer_id(absl::StrCat("writer-", i));
  }
  std::string error;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&error, "word ");
  stream->mutable_last_error()->set_message(error);
  EXPECT_LE(LongestLine(FormatSyncs({sync}, absl::Now())), kTerminalColumns);
  EXPECT_LE(LongestLine(FormatSync(sync)), kTerminalColumns);
  EXPECT_THAT(FormatSyncs({sync}, absl::Now()), HasSubstr(sync.sync_id() + "\n  "));
}

TEST(ListTextTest, WideTablesHaveOneCellPerLine) {
  const std::vector<std::vector<std::string>> narrow = {{"A", "BB"}, {"aaa", "b"}};
  EXPECT_EQ(FormatTable(narrow), "A    BB\naaa  b\n");
  const std::string wide(50, 'x');
  EXPECT_EQ(FormatTable({{"A", "BB"}, {wide, wide}, {"1", "2"}}),
            absl::StrCat("A   ", wide, "\nBB  ", wide, "\n\nA   1\nBB  2\n"));
  std::vector<std::vector<std::string>> cut = {{"A", "B"}, {"a", wide + wide}};
  CutLastColumn(&cut);
  EXPECT_EQ(LongestLine(FormatTable(cut)), kTerminalColumns);
}

TEST(SinceTest, AcceptsAgesAndDates) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000'000);  // 2001-09-09 01:46:40
  const auto seconds = [now](absl::string_view text) {
    const auto time = ParseSince(text, now);
    return time.ok() ? absl::ToUnixSeconds(*time) : -1;
  };
  EXPECT_EQ(seconds("90m"), 1'000'000'000 - 5400);
  EXPECT_EQ(seconds("7d"), 1'000'000'000 - 7 * 86400);
  EXPECT_EQ(seconds("2001-09-09"), 999'993'600);
  EXPECT_EQ(seconds("2001-09-09 01:46"), 999'999'960);
  EXPECT_EQ(seconds("2001-09-09T01:46:40Z"), 1'000'000'000);
  for (const char* const wrong : {"", "yesterday", "-1h", "-1d", "2001-13-01"}) {
    EXPECT_EQ(seconds(wrong), -1) << wrong;
  }
  EXPECT_TRUE(IsUsageError(ParseSince("soon", now).status()));
}

}  // namespace
}  // namespace syncline::client
