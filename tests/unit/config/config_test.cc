#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/descriptor_limit.h"
#include "base/file.h"
#include "base/program_variables.h"
#include "server/config/byte_size.h"
#include "server/config/dsn_secret.h"
#include "server/config/flags.h"

namespace syncline::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Compares `actual` with a golden file. SYNCLINE_UPDATE_GOLDEN=1 rewrites the file.
void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path = absl::StrCat(SYNCLINE_SOURCE_DIR, "/tests/golden/", name);
  if (std::getenv("SYNCLINE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << actual;
  EXPECT_EQ(actual, ReadFile(path).value_or("")) << "if this is intended: SYNCLINE_UPDATE_GOLDEN=1";
}

class ConfigTest : public ::testing::Test {
 protected:
  struct Result {
    Loaded loaded;
    std::string out;
    std::string err;
  };

  Result Run(const std::vector<std::string>& arguments) {
    const absl::FlagSaver restores_flags;
    std::ostringstream out;
    std::ostringstream err;
    const Environment lookup = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::make_optional(it->second);
    };
    Loaded loaded = Load(arguments, lookup, out, err);
    return {std::move(loaded), out.str(), err.str()};
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(::testing::TempDir(), "/config_test_", getpid(), name);
    std::ofstream(path) << content;
    files_.push_back(path);
    return path;
  }

  void TearDown() override {
    for (const std::string& file : files_) std::remove(file.c_str());
  }

  std::map<std::string, std::string> environment_;
  std::vector<std::string> files_;
};

TEST_F(ConfigTest, DefaultsMatchTheTable) {
  const Result result = Run({"--embedded_postgres=/data"});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  const Config& config = *result.loaded.config;
  EXPECT_EQ(config.serve.listen, "127.0.0.1:50051");
  EXPECT_TRUE(config.serve.reflection);
  EXPECT_EQ(config.serve.max_message_bytes, 16 << 20);
  EXPECT_EQ(config.metrics.listen, "127.0.0.1:9464");
  EXPECT_EQ(config.metrics.generation_ttl, absl::Hours(1));
  EXPECT_EQ(config.database.embedded->directory, "/data");
  EXPECT_EQ(config.database.embedded->port, 0);
  EXPECT_EQ(config.database.ledger_schema, "syncline");
  EXPECT_EQ(config.database.ledger_retention, absl::Hours(720));
  EXPECT_EQ(config.load.memory_budget_bytes, 128 << 20);
  EXPECT_GE(config.load.load_threads, 4);
  EXPECT_EQ(config.load.max_rejected, std::nullopt);
  EXPECT_EQ(config.swap.lock_timeout, absl::Milliseconds(100));
  EXPECT_THAT(config.auth.tokens, IsEmpty());
}

TEST_F(ConfigTest, FlagOverridesEnvironmentOverridesDefault) {
  environment_ = {{"SYNCLINE_EMBEDDED_POSTGRES", "/from/environment"},
                  {"SYNCLINE_LANES_PER_STREAM", "3"},
                  {"SYNCLINE_FLUSH_INTERVAL", "2500ms"}};
  const Result result = Run({"--lanes_per_stream", "5"});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->database.embedded->directory, "/from/environment");
  EXPECT_EQ(result.loaded.config->load.lanes_per_stream, 5);
  EXPECT_EQ(result.loaded.config->load.flush_interval, absl::Milliseconds(2500));
}

TEST_F(ConfigTest, FlushIntervalIsZeroOrLongEnough) {
  const Result zero = Run({"--embedded_postgres=/data", "--flush_interval=0"});
  ASSERT_TRUE(zero.loaded.config.has_value()) << zero.err;
  EXPECT_EQ(zero.loaded.config->load.flush_interval, absl::ZeroDuration());
  const Result brief = Run({"--embedded_postgres=/data", "--flush_interval=1ms"});
  EXPECT_FALSE(brief.loaded.config.has_value());
  EXPECT_THAT(brief.err, HasSubstr("--flush_interval is 1ms: must be 10ms or more"));
}

TEST_F(ConfigTest, BlocksOfDistributedTablesAreLargerByDefault) {
  const Result result = Run({"--embedded_postgres=/data"});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->load.flush_bytes, 8 << 20);
  EXPECT_EQ(result.loaded.config->load.distributed_flush_bytes, 32 << 20);
}

TEST_F(ConfigTest, AcceptsDashesAndBothFormsOfValues) {
  const Result result =
      Run({"--embedded-postgres", "/data", "--flush-bytes=64KiB", "--max_rejected", "0"});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->load.flush_bytes, 64 << 10);
  EXPECT_EQ(result.loaded.config->load.distributed_flush_bytes, 64 << 10);
  EXPECT_EQ(result.loaded.config->load.max_rejected, 0);
}

TEST_F(ConfigTest, VariablesOfAllFlagsAreKnown) {
  std::set<std::string> known;
  for (const absl::string_view name : ProgramVariables()) known.emplace(name);
  for (const FlagInfo& flag : FlagTable()) EXPECT_EQ(known.erase(flag.environment), 1) << flag.name;
  // Variables that only the command line has.
  EXPECT_THAT(known, ElementsAre("SYNCLINE_SERVER", "SYNCLINE_TLS_CA_FILE", "SYNCLINE_TOKEN_FILE"));
}

TEST_F(ConfigTest, ListsFilesWithSecrets) {
  const std::string open = WriteFile("open", "host=db dbname=x");
  const std::string secret = WriteFile("secret", "host=db dbname=x password=y");
  const std::string tokens = WriteFile("tokens", "token\n");
  const auto secret_files = [this](const std::vector<std::string>& arguments) {
    const Result result = Run(arguments);
    EXPECT_TRUE(result.loaded.config.has_value()) << result.err;
    return result.loaded.config.value_or(Config()).secret_files;
  };
  EXPECT_THAT(secret_files({"--postgres_dsn_file=" + open}), IsEmpty());
  EXPECT_THAT(secret_files({"--postgres_dsn_file=" + secret, "--auth_token_file=" + tokens}),
              ElementsAre(secret, tokens));
}

TEST_F(ConfigTest, ListsAllFaultsAtOnce) {
  environment_ = {{"SYNCLINE_FINALIZE_THREADS", "many"}};
  const Result result =
      Run({"--lisen=127.0.0.1:1", "stray", "--listen=nowhere", "--lanes_per_stream=0",
           "--flush_interval=fast", "--memory_budget_bytes=2MiB", "--reflection=maybe",
           "--tls_cert_file=/does/not/exist", "--ledger_schema=pg_ledger", "--log_format=xml",
           "--swap_lock_timeout=2m", "--metrics_listen=::1:9464", "--load-threads=1",
           "--load_threads=2", "--max_rejected"});
  EXPECT_FALSE(result.loaded.config.has_value());
  EXPECT_EQ(result.loaded.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  for (const char* fault :
       {"unknown flag --lisen", "argument 2 is not a flag", "--listen is \"nowhere\"",
        "--lanes_per_stream is 0: must be from 1 to 64", "--flush_interval: ",
        "SYNCLINE_FINALIZE_THREADS: ", "--memory_budget_bytes must not be less",
        "--reflection is \"maybe\"", "--tls_cert_file and --tls_key_file go together",
        "cannot read /does/not/exist", "--ledger_schema is pg_ledger", "--log_format is \"xml\"",
        "--swap_lock_timeout must not be greater", "write an IPv6 host in brackets",
        "--max_rejected needs a value", "--load_threads is given twice", "no destination: "}) {
    EXPECT_THAT(result.err, HasSubstr(fault));
  }
}

// The schema's name is part of the NOTIFY channel, which may have at most 63 bytes.
TEST_F(ConfigTest, LedgerSchemaLeavesRoomForChannels) {
  const std::string dsn = "--postgres_dsn=host=localhost";
  EXPECT_TRUE(Run({dsn, "--ledger_schema=" + std::string(58, 'l')}).loaded.config.has_value());
  EXPECT_THAT(Run({dsn, "--ledger_schema=" + std::string(59, 'l')}).err,
              HasSubstr("--ledger_schema must have 1 to 58 bytes"));
}

// Half of them is for starts, and the rest for everything else.
TEST_F(ConfigTest, ControlConnectionsAreAtLeastTwo) {
  const std::string dsn = "--postgres_dsn=host=localhost";
  EXPECT_TRUE(Run({dsn, "--control_connections=2"}).loaded.config.has_value());
  EXPECT_THAT(Run({dsn, "--control_connections=1"}).err, HasSubstr("--control_connections"));
}

TEST_F(ConfigTest, NamesTheThreeDestinationsIfNoneIsGiven) {
  EXPECT_THAT(Run({}).err, AllOf(HasSubstr("--embedded_postgres"), HasSubstr("--postgres_dsn_file"),
                                 HasSubstr("PGHOST")));
  environment_ = {{"PGSERVICE", "warehouse"}};
  const Result result = Run({});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->database.conninfo, "");
  EXPECT_FALSE(result.loaded.config->database.embedded.has_value());
}

TEST_F(ConfigTest, RefusesTwoDestinations) {
  EXPECT_THAT(Run({"--embedded_postgres=/data", "--postgres_dsn=host=db"}).err,
              HasSubstr("exclude each other"));
}

TEST_F(ConfigTest, RefusesAPasswordOnTheCommandLine) {
  for (const char* dsn :
       {"host=db password=sesame", "postgresql://loader:sesame@db/warehouse",
        "postgres://db/warehouse?user=loader&password=sesame", "host=db PASSWORD = 'sesame'"}) {
    const Result result = Run({absl::StrCat("--postgres_dsn=", dsn)});
    EXPECT_EQ(result.loaded.exit_code, 2) << dsn;
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("--postgres_dsn_file"), HasSubstr("SYNCLINE_POSTGRES_DSN"),
                      HasSubstr("PGPASSWORD"), HasSubstr(".pgpass"), Not(HasSubstr("sesame"))));
  }
}

TEST_F(ConfigTest, AcceptsAPasswordInEnvironmentOrFile) {
  environment_ = {{"SYNCLINE_POSTGRES_DSN", "host=db password=sesame"}};
  Result result = Run({});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->database.conninfo, "host=db password=sesame");

  environment_.clear();
  result = Run({"--postgres_dsn_file", WriteFile("dsn", "host=db password=sesame\n")});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->database.conninfo, "host=db password=sesame");
}

TEST_F(ConfigTest, PrintConfigShowsNoSecret) {
  environment_ = {{"SYNCLINE_POSTGRES_DSN", "host=db password=sesame"}};
  const std::string tokens = WriteFile("tokens", "open-barley\n\n  open-wheat \n");
  const Result result =
      Run({"--print_config", "--flush_bytes=1048576", "--auth_token_file", tokens});
  EXPECT_FALSE(result.loaded.config.has_value());
  EXPECT_EQ(result.loaded.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("postgres_dsn=<set>\n"), HasSubstr("flush_bytes=1MiB\n"),
                                HasSubstr("reflection=on\n"), Not(HasSubstr("load_threads=0\n")),
                                Not(HasSubstr("max_connections=0\n")), Not(HasSubstr("sesame")),
                                Not(HasSubstr("barley"))));

  environment_ = {{"SYNCLINE_POSTGRES_DSN", "host=db user=loader"}};
  EXPECT_THAT(Run({"--print_config"}).out, HasSubstr("postgres_dsn=host=db user=loader\n"));
}

TEST_F(ConfigTest, ReadsTheTokenFile) {
  const std::string tokens = WriteFile("tokens", "open-barley\n\n  open-wheat \n");
  const Result result = Run({"--embedded_postgres=/data", "--auth_token_file", tokens});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_EQ(result.loaded.config->auth.tokens.size(), 2);
  EXPECT_EQ(result.loaded.config->auth.plain_tokens, 2);
  EXPECT_EQ(result.loaded.config->auth.file, tokens);
  EXPECT_FALSE(result.loaded.config->metrics.needs_token) << "on loopback";
  EXPECT_THAT(
      Run({"--embedded_postgres=/data", "--auth_token_file", WriteFile("blank", " \n")}).err,
      HasSubstr("holds no token"));
  EXPECT_THAT(Run({"--embedded_postgres=/data", "--auth_token_file=/no/such/file"}).err,
              HasSubstr("--auth_token_file: /no/such/file cannot be read"));
}

TEST_F(ConfigTest, PublicAddressNeedsTlsAndAMetricsToken) {
  const auto errors = [this](std::vector<std::string> flags) {
    flags.emplace_back("--embedded_postgres=/data");
    return Run(flags).err;
  };
  EXPECT_THAT(errors({"--listen=0.0.0.0:1"}), HasSubstr("--listen is 0.0.0.0:1, which other"));
  EXPECT_THAT(errors({"--listen=127.0.0.1.example.org:1"}), HasSubstr("which other machines"));
  EXPECT_THAT(errors({"--listen=[::]:1"}), HasSubstr("there is no TLS"));
  EXPECT_THAT(errors({"--metrics_listen=10.0.0.1:1"}), HasSubstr("--metrics_token_file"));
  EXPECT_EQ(errors({"--listen=127.1.2.3:1", "--metrics_listen=[::1]:1"}), "");
  EXPECT_EQ(errors({"--listen=0.0.0.0:1", "--metrics_listen=0.0.0.0:2", "--insecure_listen"}), "");
  EXPECT_EQ(errors({"--listen=0.0.0.0:1", "--metrics_listen=", "--insecure_listen=true"}), "");
  const std::string tokens = WriteFile("tokens", "open-barley\n");
  EXPECT_EQ(errors({"--metrics_listen=0.0.0.0:2", "--metrics_token_file", tokens}), "");
  EXPECT_EQ(errors({"--metrics_listen=0.0.0.0:2", "--auth_token_file", tokens}), "");
  const Result guarded =
      Run({"--embedded_postgres=/data", "--metrics_listen=0.0.0.0:2", "--auth_token_file", tokens});
  ASSERT_TRUE(guarded.loaded.config.has_value());
  EXPECT_TRUE(guarded.loaded.config->metrics.needs_token);
}

TEST_F(ConfigTest, LimitsConnectionsByDescriptors) {
  const Result result = Run({"--embedded_postgres=/data"});
  ASSERT_TRUE(result.loaded.config.has_value()) << result.err;
  EXPECT_GT(result.loaded.config->serve.max_connections, 0);
  EXPECT_LE(result.loaded.config->serve.max_connections, DescriptorLimit() / 2);
  EXPECT_THAT(
      Run({"--embedded_postgres=/data", absl::StrCat("--max_connections=", DescriptorLimit())}).err,
      HasSubstr("--max_connections is"));
}

TEST_F(ConfigTest, MakesATokenAndItsLine) {
  const Result made = Run({"--make_token", "team_a", "--token_schemas=sales,public"});
  EXPECT_EQ(made.loaded.exit_code, 0);
  EXPECT_THAT(made.out, AllOf(HasSubstr("team_a "), HasSubstr(" sales,public team_a never\n")));
  const std::string before = "shown again: ";
  const size_t at = made.err.find(before);
  ASSERT_NE(at, std::string::npos) << made.err;
  const std::string token = made.err.substr(at + before.size(), 43);  // 32 bytes
  EXPECT_EQ(made.err[at + before.size() + 43], '\n');
  EXPECT_THAT(made.out, Not(HasSubstr(token)));
  EXPECT_EQ(Run({"--make_token=a b"}).loaded.exit_code, 2);
  EXPECT_EQ(Run({"--make_token=a", "--token_expiry=soon"}).loaded.exit_code, 2);
  EXPECT_NE(Run({"--make_token=a"}).out, Run({"--make_token=a"}).out);
}

TEST_F(ConfigTest, ReflectionDefaultsToOnOnLoopbackOnly) {
  const auto reflection = [this](const char* listen, const char* flag) {
    const Result result =
        Run({"--embedded_postgres=/data", "--insecure_listen", absl::StrCat("--listen=", listen),
             absl::StrCat("--reflection=", flag)});
    EXPECT_TRUE(result.loaded.config.has_value()) << result.err;
    return result.loaded.config->serve.reflection;
  };
  EXPECT_TRUE(reflection("localhost:0", "auto"));
  EXPECT_TRUE(reflection("[::1]:0", "auto"));
  EXPECT_FALSE(reflection("0.0.0.0:50051", "auto"));
  EXPECT_FALSE(reflection("[::]:50051", "auto"));
  EXPECT_TRUE(reflection("0.0.0.0:50051", "on"));
  EXPECT_FALSE(reflection("127.0.0.1:50051", "off"));
}

TEST_F(ConfigTest, VersionAndHelpWorkWithOtherFlags) {
  EXPECT_THAT(Run({"--version", "--nonsense"}).out, HasSubstr("syncline-server "));
  const Result help = Run({"-h"});
  EXPECT_EQ(help.loaded.exit_code, 0);
  EXPECT_FALSE(help.loaded.config.has_value());
  for (const FlagInfo& flag : FlagTable()) {
    EXPECT_THAT(help.out, HasSubstr(absl::StrCat("\n  --", flag.name, " ", flag.value_name)));
  }
}

TEST(ByteSizeTest, AcceptsSuffixes) {
  const std::map<std::string, int64_t> sizes = {
      {"0", 0},        {"65536", 65536},  {"64KiB", 65536},
      {"64k", 65536},  {"64K", 65536},    {"2 MiB", 2 << 20},
      {"2M", 2 << 20}, {"1GiB", 1 << 30}, {"8589934592B", 8589934592}};
  for (const auto& [text, bytes] : sizes) {
    ByteSize size;
    std::string error;
    EXPECT_TRUE(AbslParseFlag(text, &size, &error)) << text << ": " << error;
    EXPECT_EQ(size.bytes, bytes) << text;
    ByteSize again;
    EXPECT_TRUE(AbslParseFlag(AbslUnparseFlag(size), &again, &error));
    EXPECT_EQ(again.bytes, bytes) << text;
  }
}

TEST(ByteSizeTest, RefusesOtherText) {
  for (const char* text : {"", "MiB", "-1", "+1", "1.5MiB", "1TiB", "12 34", "9223372036854775807k",
                           "9223372036854775808"}) {
    ByteSize size;
    std::string error;
    EXPECT_FALSE(AbslParseFlag(text, &size, &error)) << text;
    EXPECT_FALSE(error.empty());
  }
}

TEST(DsnSecretTest, FindsPasswordsInBothForms) {
  for (const char* dsn :
       {"password=x", "host=db password = x", "host=db user='a b' sslpassword='\\''",
        "postgresql://u:p@h", "postgresql://u:p?q@h/db", "postgresql://u:p/q@h/db",
        "postgresql://h/db?sslpassword=x", "postgres://h/db?%70assword=x", "host db password x"}) {
    EXPECT_TRUE(HoldsSecret(dsn)) << dsn;
  }
  for (const char* dsn :
       {"", "host=db user=u dbname=d", "password=", "password=''", "passfile=/run/pgpass",
        "application_name='password=x'", "host=db options=password\\=x", "postgresql://u@h:5432/db",
        "postgresql://h:5432/db?user=me@corp", "postgresql://u:@h/db"}) {
    EXPECT_FALSE(HoldsSecret(dsn)) << dsn;
  }
}

TEST(FlagTableTest, ListsEveryFlagOfTheRegistry) {
  std::map<std::string, int> listed;
  for (const FlagInfo& flag : FlagTable()) ++listed[flag.name];
  // The flags of --make_token are not settings of a server.
  const std::set<std::string> requests = {"make_token", "token_schemas", "token_owner",
                                          "token_expiry"};
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (absl::StrContains(flag->Filename(), "server/config/") &&
        requests.count(std::string(name)) == 0) {
      EXPECT_EQ(listed[std::string(name)], 1) << name << " is not in FlagTable exactly once";
    }
  }
  EXPECT_EQ(listed.size(), FlagTable().size());
}

// Shell completions offer the choices that the help lists.
TEST_F(ConfigTest, AcceptsEveryChoiceAndNoOther) {
  int with_choices = 0;
  for (const FlagInfo& flag : FlagTable()) {
    if (!absl::StrContains(flag.value_name, '|')) continue;
    ++with_choices;
    std::vector<std::string> values = absl::StrSplit(flag.value_name, '|');
    values.emplace_back("nonsense");
    for (const std::string& value : values) {
      const Result result =
          Run({"--postgres_dsn=host=db", absl::StrCat("--", flag.name, "=", value)});
      EXPECT_EQ(result.loaded.config.has_value(), value != "nonsense") << flag.name << "=" << value;
    }
  }
  EXPECT_EQ(with_choices, 4);
}

TEST(FlagTableTest, Golden) {
  std::string table;
  for (const FlagInfo& flag : FlagTable()) {
    absl::StrAppend(&table, flag.name, "\t", flag.default_value, "\t", flag.environment, "\t",
                    flag.help, "\n");
  }
  ExpectGolden("flags.txt", table);
}

// Returns the rows of the table of flags in a page, unchanged.
std::vector<std::string> RowsOf(absl::string_view page) {
  std::vector<std::string> rows;
  for (const absl::string_view line :
       absl::StrSplit(ReadFile(absl::StrCat(SYNCLINE_SOURCE_DIR, "/", page)).value_or(""), '\n')) {
    if (absl::StartsWith(line, "| `--")) rows.emplace_back(line);
  }
  return rows;
}

TEST(FlagTableTest, ManualHasAllFlagsAndReadmeTen) {
  std::vector<std::string> expected;
  for (const FlagInfo& flag : FlagTable()) {
    expected.push_back(
        absl::StrCat("| `--", flag.name, "` | ",
                     flag.default_value.empty() ? "" : absl::StrCat("`", flag.default_value, "`"),
                     " | ", flag.help, " |"));
  }
  EXPECT_EQ(RowsOf("docs/flags.md"), expected);
  EXPECT_EQ(RowsOf("README.md").size(), 10U);
  EXPECT_THAT(expected, ::testing::IsSupersetOf(RowsOf("README.md")));
}

}  // namespace
}  // namespace syncline::config
