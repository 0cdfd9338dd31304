// The configuration and the catalog of an Airbyte destination, and the specification that lists the
// members of a configuration.
#include "client/airbyte/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/file.h"
#include "base/reasons.h"
#include "client/airbyte/failure_type.h"
#include "client/airbyte/memory_file.h"
#include "client/airbyte/spec.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

using testing::HasSubstr;

DestinationConfig Landing() {
  DestinationConfig config;
  config.schema = "landing";
  return config;
}

absl::StatusOr<Catalog> OneStream(const std::string& members) {
  return ReadCatalog(R"({"streams":[{"stream":{"name":"users","json_schema":{"properties":{}}},)" +
                         members + "}]}",
                     Landing());
}

TEST(CatalogTest, UsesTheModeWithoutGenerations) {
  const auto overwrite = OneStream(R"("destination_sync_mode":"overwrite")");
  ASSERT_TRUE(overwrite.ok()) << overwrite.status();
  const v1::StreamConfig& config = overwrite->streams[0].config;
  EXPECT_TRUE(config.overwrite());
  EXPECT_EQ(config.write_mode(), v1::WRITE_MODE_APPEND);
  EXPECT_FALSE(config.has_generation_id());
  EXPECT_EQ(config.descriptor().namespace_(), "landing");
  EXPECT_EQ(overwrite->streams[0].name_space, "");
  EXPECT_EQ(config.json_schema(), R"({"properties":{}})");
}

TEST(CatalogTest, PassesGenerationsUnchanged) {
  const auto catalog = OneStream(
      R"("destination_sync_mode":"overwrite","generation_id":4,"minimum_generation_id":4,)"
      R"("sync_id":17)");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const v1::StreamConfig& config = catalog->streams[0].config;
  EXPECT_FALSE(config.overwrite());
  EXPECT_EQ(config.generation_id(), 4);
  EXPECT_EQ(config.minimum_generation_id(), 4);
  EXPECT_EQ(config.airbyte_sync_id(), 17);
  EXPECT_EQ(catalog->airbyte_sync_id, 17);
}

TEST(CatalogTest, ReadsKeysForDedup) {
  const auto catalog =
      OneStream(R"("destination_sync_mode":"append_dedup","primary_key":[["a"],["b"]],)"
                R"("cursor_field":["at"])");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const v1::StreamConfig& config = catalog->streams[0].config;
  EXPECT_EQ(config.write_mode(), v1::WRITE_MODE_DEDUP);
  ASSERT_EQ(config.primary_key_size(), 2);
  EXPECT_EQ(config.primary_key(1).path(0), "b");
  EXPECT_EQ(config.cursor().path(0), "at");
}

TEST(CatalogTest, ErrorsNameTheFault) {
  EXPECT_THAT(std::string(OneStream(R"("destination_sync_mode":"merge")").status().message()),
              testing::HasSubstr("streams[0] users: destination_sync_mode"));
  EXPECT_FALSE(OneStream(R"("destination_sync_mode":"append","generation_id":4)").ok());
  EXPECT_FALSE(ReadCatalog("[]", {}).ok());
  EXPECT_FALSE(ReadCatalog(R"({"streams":[]})", {}).ok());
  EXPECT_FALSE(ReadConfig(R"({"schema":"public"})").ok());
  EXPECT_TRUE(ReadConfig(R"({"server":"a:1","tls":{}})")->connection.tls.enabled);
}

TEST(CatalogTest, DerivesReplayFromTheModes) {
  const auto replay_of = [](const std::string& members) {
    return OneStream(members)->streams[0].config.replay();
  };
  const std::string append = R"("destination_sync_mode":"append")";
  EXPECT_EQ(replay_of(R"("sync_mode":"incremental",)" + append), v1::REPLAY_FROM_CHECKPOINT);
  EXPECT_EQ(replay_of(R"("sync_mode":"full_refresh",)" + append), v1::REPLAY_FROM_START);
  EXPECT_EQ(replay_of(append), v1::REPLAY_FROM_CHECKPOINT);
  for (const char* mode : {"overwrite", "overwrite_dedup"}) {
    EXPECT_EQ(replay_of(absl::StrCat(R"("sync_mode":"incremental","destination_sync_mode":")", mode,
                                     "\"")),
              v1::REPLAY_FROM_START);
  }
  EXPECT_THAT(std::string(OneStream(R"("sync_mode":"cdc",)" + append).status().message()),
              HasSubstr("sync_mode must be full_refresh or incremental"));
}

TEST(CatalogTest, PassesPoliciesOfTheConfiguration) {
  DestinationConfig config = Landing();
  config.schema_policy = v1::SCHEMA_POLICY_MIRROR;
  config.cdc_delete_mode = v1::CDC_DELETE_MODE_SOFT;
  config.replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  const auto catalog = ReadCatalog(
      R"({"streams":[{"stream":{"name":"a","json_schema":{}},"destination_sync_mode":"append_dedup",)"
      R"("primary_key":[["id"]]},{"stream":{"name":"b","json_schema":{}},)"
      R"("destination_sync_mode":"append"}]})",
      config);
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  for (const CatalogStream& stream : catalog->streams) {
    EXPECT_EQ(stream.config.schema_policy(), v1::SCHEMA_POLICY_MIRROR);
    EXPECT_EQ(stream.config.replace_strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  }
  EXPECT_EQ(catalog->streams[0].config.cdc_delete_mode(), v1::CDC_DELETE_MODE_SOFT);
  EXPECT_EQ(catalog->streams[1].config.cdc_delete_mode(), v1::CDC_DELETE_MODE_UNSPECIFIED);
}

absl::StatusOr<DestinationConfig> WithMember(const std::string& member) {
  return ReadConfig(absl::StrCat(R"({"server":"h:1",)", member, "}"));
}

TEST(ConfigTest, ReadsThePoliciesAndSwitches) {
  const auto plain = ReadConfig(R"({"server":"h:1"})");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->schema_policy, v1::SCHEMA_POLICY_KEEP);
  EXPECT_EQ(plain->cdc_delete_mode, v1::CDC_DELETE_MODE_HARD);
  EXPECT_FALSE(plain->complete_without_status);
  EXPECT_FALSE(plain->fail_on_rejected);
  EXPECT_EQ(WithMember(R"("schema_policy":"keep")")->schema_policy, v1::SCHEMA_POLICY_KEEP);
  EXPECT_EQ(WithMember(R"("schema_policy":"mirror")")->schema_policy, v1::SCHEMA_POLICY_MIRROR);
  EXPECT_EQ(WithMember(R"("schema_policy":"freeze")")->schema_policy, v1::SCHEMA_POLICY_FREEZE);
  EXPECT_EQ(plain->replace_strategy, v1::REPLACE_STRATEGY_UNSPECIFIED);
  EXPECT_TRUE(WithMember(R"("replace_strategy":"auto")").ok());
  EXPECT_EQ(WithMember(R"("replace_strategy":"swap")")->replace_strategy,
            v1::REPLACE_STRATEGY_SWAP);
  EXPECT_EQ(WithMember(R"("replace_strategy":"in_place")")->replace_strategy,
            v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_EQ(WithMember(R"("cdc_delete_mode":"soft")")->cdc_delete_mode, v1::CDC_DELETE_MODE_SOFT);
  EXPECT_EQ(WithMember(R"("cdc_deletion_mode":"soft")")->cdc_delete_mode, v1::CDC_DELETE_MODE_SOFT);
  EXPECT_TRUE(WithMember(R"("complete_without_status":true)")->complete_without_status);
  EXPECT_TRUE(WithMember(R"("fail_on_rejected":true)")->fail_on_rejected);
}

TEST(ConfigTest, AcceptsADatabaseInsteadOfAServer) {
  const auto direct = ReadConfig(
      R"({"host":"db","database":"d","username":"u","password":"p","ssl_mode":"require"})");
  ASSERT_TRUE(direct.ok()) << direct.status();
  ASSERT_TRUE(direct->direct.has_value());
  EXPECT_EQ(direct->direct->port, 5432);
  EXPECT_EQ(direct->direct->ssl_mode, "require");
  EXPECT_EQ(WithMember(R"("token":"t")")->connection.token, "t");
  for (const auto& [config, words] : std::vector<std::pair<std::string, std::string>>{
           {R"({"host":"db","username":"u"})", "database is missing"},
           {R"({"host":"db","database":"d"})", "username is missing"},
           {R"({"host":"db","database":"d","username":"u","port":0})", "port must be from 1"},
           {R"({"host":"db","database":"d","username":"u","ssl_mode":"on"})", "ssl_mode must be"},
           {R"({"host":"db","server":"h:1"})", "exclude each other"},
           {"{}", "server is missing; give it, or host"}}) {
    EXPECT_THAT(std::string(ReadConfig(config).status().message()), HasSubstr(words)) << config;
  }
}

TEST(ConfigTest, ReadsPemTexts) {
  const auto tls = WithMember(R"("tls":{"ca_certificate":"-----BEGIN A\nCA\n",)"
                              R"("client_certificate":"-----BEGIN B\nC",)"
                              R"("client_key":"-----BEGIN C\nK"})");
  ASSERT_TRUE(tls.ok()) << tls.status();
  EXPECT_TRUE(tls->connection.tls.enabled);
  EXPECT_EQ(tls->connection.tls.ca_certificate, "-----BEGIN A\nCA\n");
  EXPECT_EQ(tls->connection.tls.client_certificate, "-----BEGIN B\nC");
  EXPECT_EQ(tls->connection.tls.client_key, "-----BEGIN C\nK");
  const auto direct =
      ReadConfig(R"({"host":"db","database":"d","username":"u","ssl_mode":{"mode":"verify-ca",)"
                 R"("ca_certificate":"-----BEGIN A\nCA","client_certificate":"-----BEGIN B\nC",)"
                 R"("client_key":"-----BEGIN C\nK",)"
                 R"("client_key_password":"P"}})");
  ASSERT_TRUE(direct.ok()) << direct.status();
  EXPECT_EQ(direct->direct->ssl_mode, "verify-ca");
  EXPECT_EQ(direct->direct->ca_certificate, "-----BEGIN A\nCA");
  EXPECT_EQ(direct->direct->client_certificate, "-----BEGIN B\nC");
  EXPECT_EQ(direct->direct->client_key, "-----BEGIN C\nK");
  EXPECT_EQ(direct->direct->client_key_password, "P");
}

TEST(ConfigTest, RefusesWhatIsNotAPemText) {
  for (const char* const text : {"/etc/ca.pem", "-----BEGIN CERTIFICATE----- MII= -----END"}) {
    EXPECT_EQ(std::string(WithMember(absl::StrCat(R"("tls":{"ca_certificate":")", text, "\"}"))
                              .status()
                              .message()),
              "tls.ca_certificate must be a PEM text with its line breaks; the name of a file "
              "belongs in tls.ca_file");
    EXPECT_EQ(
        std::string(ReadConfig(absl::StrCat(R"({"host":"db","database":"d","username":"u",)",
                                            R"("ssl_mode":{"mode":"verify-ca","client_key":")",
                                            text, "\"}}"))
                        .status()
                        .message()),
        "ssl_mode.client_key must be a PEM text with its line breaks");
  }
}

TEST(ConfigTest, RefusesUnknownMembers) {
  for (const auto& [member, words] : std::vector<std::pair<std::string, std::string>>{
           {R"("schemas":"x")",
            "schemas is not a member of the configuration (did you mean schema?)"},
           {R"("tls":{"cafile":"x"})",
            "tls.cafile is not a member of the configuration (did you mean ca_file?)"},
           {R"("tls":{"ca_file":"x","ca_certificate":"-----BEGIN A\n"})",
            "tls.ca_certificate and tls.ca_file exclude each other"},
           {R"("zzzzzzzzzzzz":1)", "zzzzzzzzzzzz is not a member of the configuration"}}) {
    EXPECT_EQ(std::string(WithMember(member).status().message()), words);
  }
}

TEST(MemoryFileTest, HasItsContentAndIsPrivate) {
  const auto file = MemoryFile::Create("content");
  ASSERT_TRUE(file.ok()) << file.status();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ReadFile((*file)->path()).value_or(""), "content");
  struct stat info = {};
  ASSERT_EQ(stat((*file)->path().c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

TEST(FailureTypeTest, NamesWhoCanCorrectIt) {
  const auto type_of = [](absl::StatusCode code, const char* reason) {
    return ClassifyFailure(MakeError(code, "m", {.reason = reason}));
  };
  EXPECT_EQ(ClassifyFailure(absl::UnavailableError("refused")), FailureType::kTransient);
  EXPECT_EQ(ClassifyFailure(absl::InvalidArgumentError("line 3 is no message")),
            FailureType::kSystem);
  EXPECT_EQ(type_of(absl::StatusCode::kFailedPrecondition, reason::kDbAuth), FailureType::kConfig);
  EXPECT_EQ(type_of(absl::StatusCode::kPermissionDenied, reason::kDbPermissionDenied),
            FailureType::kConfig);
  EXPECT_EQ(type_of(absl::StatusCode::kFailedPrecondition, reason::kTargetIncompatible),
            FailureType::kConfig);
  EXPECT_EQ(type_of(absl::StatusCode::kInvalidArgument, reason::kMissingPk), FailureType::kConfig);
  EXPECT_EQ(type_of(absl::StatusCode::kUnauthenticated, reason::kBadCredentials),
            FailureType::kConfig);
  EXPECT_EQ(type_of(absl::StatusCode::kAborted, reason::kFenced), FailureType::kTransient);
  EXPECT_EQ(type_of(absl::StatusCode::kFailedPrecondition, reason::kSchemaChanged),
            FailureType::kTransient);
  EXPECT_EQ(type_of(absl::StatusCode::kInternal, reason::kDbError), FailureType::kSystem);
  EXPECT_EQ(type_of(absl::StatusCode::kOutOfRange, reason::kOffsetGap), FailureType::kSystem);
  EXPECT_EQ(type_of(absl::StatusCode::kInvalidArgument, reason::kInvalidValue),
            FailureType::kSystem);
}

TEST(ConfigTest, RefusesOtherValuesAndNamesTheMember) {
  for (const auto& [member, words] : std::vector<std::pair<std::string, std::string>>{
           {R"("schema_policy":"drop")", "schema_policy must be keep, mirror or freeze"},
           {R"("schema_policy":1)", "schema_policy must be a string"},
           {R"("replace_strategy":"IN_PLACE")", "replace_strategy must be auto, swap or in_place"},
           {R"("cdc_delete_mode":"Soft delete")", "cdc_delete_mode must be hard or soft"},
           {R"("cdc_deletion_mode":"x")", "cdc_deletion_mode must be hard or soft"},
           {R"("complete_without_status":"yes")", "complete_without_status must be true or false"},
           {R"("fail_on_rejected":1)", "fail_on_rejected must be true or false"}}) {
    EXPECT_EQ(std::string(WithMember(member).status().message()), words);
  }
}

TEST(SpecTest, ListsEveryMemberWithATitle) {
  const std::string message = SpecMessage();
  const auto spec = ParseJson(message);
  ASSERT_TRUE(spec.has_value());
  const auto connection = FindMember(*FindMember(*spec, "spec"), "connectionSpecification");
  const auto properties = FindMember(*connection, "properties");
  ASSERT_TRUE(properties.has_value());
  for (const char* member :
       {"host", "port", "database", "username", "password", "ssl_mode", "server", "token", "schema",
        "connection_id", "token_file", "tls", "schema_policy", "cdc_delete_mode",
        "complete_without_status", "fail_on_rejected", "replace_strategy"}) {
    const auto property = FindMember(*properties, member);
    ASSERT_TRUE(property.has_value()) << member;
    EXPECT_TRUE(FindMember(*property, "title").has_value()) << member;
  }
  for (const char* member : {"schema_policy", "cdc_delete_mode", "complete_without_status",
                             "fail_on_rejected", "replace_strategy"}) {
    EXPECT_TRUE(FindMember(*FindMember(*properties, member), "default").has_value()) << member;
  }
}

}  // namespace
}  // namespace syncline::client
