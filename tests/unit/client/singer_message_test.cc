// Singer messages, the metadata columns, the order of states, and the configuration of the target.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "client/json_text.h"
#include "client/singer/about.h"
#include "client/singer/config.h"
#include "client/singer/messages.h"
#include "client/singer/metadata.h"
#include "client/singer/state_queue.h"
#include "client/singer/target_stream.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

SingerMessage Read(const std::string& line) {
  const auto message = ReadSingerMessage(line);
  EXPECT_TRUE(message.ok()) << message.status();
  return message.value_or(SingerMessage());
}

TEST(SingerMessageTest, ReadsEveryKind) {
  EXPECT_EQ(Read(" \t\r").kind, SingerKind::kBlank);
  const std::string record =
      R"({"type": "RECORD", "stream": "a\u0062", "record": {"id": 1, "x": [1]}, "version": 7,)"
      R"( "time_extracted": "2024-01-01T00:00:00Z"})";
  const SingerMessage read = Read(record);
  EXPECT_EQ(read.kind, SingerKind::kRecord);
  EXPECT_EQ(read.stream, "ab");
  EXPECT_EQ(read.record, R"({"id": 1, "x": [1]})");
  EXPECT_EQ(read.version, 7);
  EXPECT_EQ(read.time_extracted, "2024-01-01T00:00:00Z");
  const std::string schema = R"({"type":"SCHEMA","stream":"a","schema":{"properties":{"id":{}}},)"
                             R"("key_properties":["id","k"]})";
  EXPECT_EQ(Read(schema).schema, R"({"properties":{"id":{}}})");
  EXPECT_THAT(Read(schema).key_properties, ElementsAre("id", "k"));
  // The bytes of a state stay, white space and the order of members included.
  EXPECT_EQ(Read(R"({"type":"STATE","value": {"b" :1.50,"a":"\u00e9"} })").state,
            R"({"b" :1.50,"a":"\u00e9"})");
  EXPECT_EQ(Read(R"({"type":"STATE","value":null})").state, "null");
  EXPECT_EQ(Read(R"({"type":"ACTIVATE_VERSION","stream":"a","version":8})").version, 8);
  EXPECT_THAT(Read(R"({"type":"BATCH","stream":"a","encoding":{"format":"jsonl",)"
                   R"("compression":"gzip"},"manifest":["file:///x","file:///y"]})")
                  .manifest,
              ElementsAre("file:///x", "file:///y"));
}

TEST(SingerMessageTest, PythonsNumbersAreAccepted) {
  EXPECT_EQ(Read(R"({"type":"RECORD","stream":"a","record":{"x":NaN,"y":-Infinity}})").record,
            R"({"x":NaN,"y":-Infinity})");
}

TEST(SingerMessageTest, RefusesWhatIsNoMessage) {
  const std::pair<const char*, const char*> cases[] = {
      {"INFO starting", "SINGER_NOT_JSON"},
      {"[1]", "SINGER_NOT_JSON"},
      {R"({"type":"RECORD","stream":"a","record":{"id":1,}})", "SINGER_NOT_JSON"},
      {R"({"type":"RECORD","stream":"a","record":{"id":)", "SINGER_NOT_JSON"},
      {R"({"level":"info"})", "SINGER_MESSAGE"},
      {R"({"type":"LOG"})", "SINGER_MESSAGE"},
      {R"({"type":"RECORD","record":{}})", "SINGER_MESSAGE"},
      {R"({"type":"RECORD","stream":"a"})", "SINGER_MESSAGE"},
      {R"({"type":"RECORD","stream":"a","record":{},"version":"1"})", "SINGER_MESSAGE"},
      {R"({"type":"RECORD","stream":"a","record":{},"version":-1})", "SINGER_MESSAGE"},
      {R"({"type":"STATE"})", "SINGER_MESSAGE"},
      {R"({"type":"ACTIVATE_VERSION","stream":"a"})", "SINGER_MESSAGE"},
      {R"({"type":"SCHEMA","stream":"a"})", "SINGER_MESSAGE"},
      {R"({"type":"SCHEMA","stream":"a","schema":{"properties":{}},"key_properties":"id"})",
       "SINGER_MESSAGE"},
      {R"({"type":"SCHEMA","stream":"a","schema":{"type":"object"}})", "SINGER_NO_PROPERTIES"},
      {R"({"type":"BATCH","stream":"a","encoding":{"format":"parquet"},"manifest":[]})",
       "SINGER_BATCH"},
      {R"({"type":"BATCH","stream":"a","encoding":{"format":"jsonl","compression":"zstd"},)"
       R"("manifest":[]})",
       "SINGER_BATCH"},
      {R"({"type":"BATCH","stream":"a","encoding":{"format":"jsonl"}})", "SINGER_MESSAGE"},
  };
  for (const auto& [line, reason] : cases) {
    EXPECT_EQ(GetReason(ReadSingerMessage(line).status()), reason) << line;
  }
}

TEST(SingerMessageTest, KeyMustBePresent) {
  EXPECT_TRUE(CheckKey("{}", {}).ok());
  EXPECT_TRUE(CheckKey(R"({"a":1,"b":null})", {"a", "b"}).ok());
  EXPECT_TRUE(CheckKey(R"({"\u0061":1})", {"a"}).ok());
  for (const char* record : {R"({"a":1})", R"({"a":null,"b":null})", "{}"}) {
    EXPECT_EQ(GetReason(CheckKey(record, {"a", "b"})), "SINGER_NO_KEY") << record;
  }
}

TEST(SingerMetadataTest, AddsPropertiesThatAreMissing) {
  const std::string marked =
      AddMetadataProperties(R"({"type":"object","properties":{ },"x":1})", /*all=*/false);
  EXPECT_THAT(marked, HasSubstr(R"("_sdc_deleted_at":{"type":["null","string"])"));
  EXPECT_THAT(marked, Not(HasSubstr("_sdc_sequence")));
  EXPECT_TRUE(ParseJson(marked).has_value()) << marked;
  const std::string all =
      AddMetadataProperties(R"({"properties":{"_sdc_sequence":{"type":"string"}}})", /*all=*/true);
  EXPECT_THAT(all, HasSubstr(R"("_sdc_sequence":{"type":"string"},"_sdc_extracted_at")"));
  EXPECT_TRUE(ParseJson(all).has_value()) << all;
}

TEST(SingerMetadataTest, AddsMembersAfterTheRecords) {
  RecordMetadata metadata;
  metadata.received_at = absl::FromUnixMillis(1700000000123);
  metadata.run_started_at = absl::FromUnixMillis(1700000000000);
  metadata.version = 5;
  EXPECT_EQ(AddMetadata(R"({"id":1})", metadata),
            R"({"id":1,"_sdc_extracted_at":"2023-11-14T22:13:20.123000+00:00",)"
            R"("_sdc_received_at":"2023-11-14T22:13:20.123000+00:00",)"
            R"("_sdc_batched_at":"2023-11-14T22:13:20.123000+00:00",)"
            R"("_sdc_sequence":1700000000123,"_sdc_table_version":5,)"
            R"("_sdc_sync_started_at":1700000000000})");
  metadata.version.reset();
  metadata.time_extracted = "2020";
  const std::string of_empty = AddMetadata("{ }", metadata);
  EXPECT_THAT(of_empty, HasSubstr(R"({ "_sdc_extracted_at":"2020")"));
  EXPECT_TRUE(ParseJson(of_empty).has_value());
}

TEST(SingerStateQueueTest, NewestCommittedStateStandsForOlderOnes) {
  std::vector<std::string> emitted;
  StateQueue states([&](const std::string& state) { emitted.push_back(state); }, /*hold=*/false);
  states.Add("0", 0);
  EXPECT_THAT(emitted, ElementsAre("0"));
  states.Add("1", 1);
  states.Add("2", 2);
  states.Add("2b", 2);
  states.Add("3", 3);
  states.Committed(2);
  EXPECT_THAT(emitted, ElementsAre("0", "2b"));
  states.Committed(1);
  EXPECT_EQ(states.pending(), 1);
  states.CommitAll();
  EXPECT_THAT(emitted, ElementsAre("0", "2b", "3"));
  EXPECT_EQ(states.pending(), 0);
}

TEST(SingerStateQueueTest, HeldStatesWaitForTheEnd) {
  std::vector<std::string> emitted;
  StateQueue states([&](const std::string& state) { emitted.push_back(state); }, /*hold=*/true);
  states.Add("0", 0);
  states.Add("1", 1);
  states.Committed(1);
  EXPECT_THAT(emitted, IsEmpty());
  states.CommitAll();
  EXPECT_THAT(emitted, ElementsAre("1"));
}

TEST(SingerConfigTest, ReadsItsMembers) {
  const auto config =
      ReadSingerConfig(R"({"server":"h:1","load_method":"append-only","add_record_metadata":true,)"
                       R"("hard_delete":true,"default_target_schema":"raw"})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->load_method, LoadMethod::kAppendOnly);
  EXPECT_TRUE(config->add_record_metadata);
  EXPECT_TRUE(config->hard_delete);
  EXPECT_EQ(config->destination.schema, "raw");
  const auto by_default = ReadSingerConfig(R"({"server":"h:1"})");
  ASSERT_TRUE(by_default.ok());
  EXPECT_EQ(by_default->load_method, LoadMethod::kUpsert);
  EXPECT_FALSE(by_default->hard_delete);
}

TEST(SingerConfigTest, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"server":"h:1","load_method":"merge"})", "load_method"},
      {R"({"server":"h:1","hard_delete":"yes"})", "hard_delete"},
      {R"({"server":"h:1","default_target_schema":["a"]})",
       "default_target_schema must be a string"},
      {R"({"server":"h:1","hard_deletes":true})", "did you mean hard_delete?"},
      {"{}", "server"},
  };
  for (const auto& [json, part] : cases) {
    const auto config = ReadSingerConfig(json);
    ASSERT_FALSE(config.ok()) << json;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(part));
  }
  // The Airbyte destination does not have these members.
  EXPECT_FALSE(ReadConfig(R"({"server":"h:1","hard_delete":true})").ok());
}

TEST(SingerAboutTest, IsJsonWithEverySetting) {
  const std::string about = AboutJson();
  ASSERT_TRUE(ParseJson(about).has_value()) << about;
  for (const char* setting : {"\"load_method\"", "\"add_record_metadata\"", "\"hard_delete\"",
                              "\"activate-version\"", "\"host\""}) {
    EXPECT_THAT(about, HasSubstr(setting));
  }
  EXPECT_THAT(AboutText(), HasSubstr("load_method"));
}

// How the messages of a stream determine how it is loaded.
class SingerPlanTest : public testing::Test {
 protected:
  SingerPlanTest() {
    stream_.name = "a";
    stream_.schema = R"({"properties":{"id":{"type":"integer"}}})";
    stream_.key_properties = {"id"};
  }
  v1::StreamConfig Plan() const { return MakeStreamConfig(config_, stream_); }
  std::string Reason(bool ends_with_state) const {
    return FindReasonNotToComplete(config_, stream_, {ends_with_state});
  }

  SingerConfig config_;
  TargetStream stream_;
};

TEST_F(SingerPlanTest, LoadMethodsAndKeys) {
  EXPECT_EQ(Plan().write_mode(), v1::WRITE_MODE_DEDUP);
  EXPECT_EQ(Plan().primary_key(0).path(0), "id");
  EXPECT_EQ(Plan().replay(), v1::REPLAY_FROM_CHECKPOINT);
  EXPECT_FALSE(Plan().has_generation_id());
  EXPECT_EQ(Plan().json_schema(), stream_.schema);
  config_.load_method = LoadMethod::kAppendOnly;
  EXPECT_EQ(Plan().write_mode(), v1::WRITE_MODE_APPEND);
  config_.load_method = LoadMethod::kOverwrite;
  stream_.version = 7;
  EXPECT_EQ(Plan().write_mode(), v1::WRITE_MODE_APPEND);
  EXPECT_TRUE(Plan().overwrite());
  EXPECT_FALSE(Plan().has_generation_id());
  config_.load_method = LoadMethod::kUpsert;
  stream_.key_properties.clear();
  EXPECT_EQ(Plan().write_mode(), v1::WRITE_MODE_APPEND);
}

TEST_F(SingerPlanTest, VersionsKeepOlderRowsUnlessHardDelete) {
  stream_.version = 7;
  EXPECT_EQ(Plan().generation_id(), 7);
  EXPECT_EQ(Plan().minimum_generation_id(), 0);
  EXPECT_THAT(Plan().json_schema(), HasSubstr("_sdc_deleted_at"));
  // Nothing is marked without ACTIVATE_VERSION.
  EXPECT_EQ(Plan().older_generations(), v1::OLDER_GENERATIONS_UNSPECIFIED);
  stream_.activated = true;
  EXPECT_EQ(Plan().older_generations(), v1::OLDER_GENERATIONS_MARK_DELETED);
  EXPECT_EQ(Plan().deleted_at_column(), "_sdc_deleted_at");
  config_.hard_delete = true;
  EXPECT_EQ(Plan().minimum_generation_id(), 7);
  EXPECT_EQ(Plan().older_generations(), v1::OLDER_GENERATIONS_UNSPECIFIED);
  EXPECT_THAT(Plan().json_schema(), Not(HasSubstr("_sdc_deleted_at")));
  config_.add_record_metadata = true;
  EXPECT_THAT(Plan().json_schema(), HasSubstr("_sdc_sequence"));
}

TEST_F(SingerPlanTest, ReplaceNeedsTheEndOfTheInput) {
  EXPECT_EQ(Reason(/*ends_with_state=*/false), "");  // it replaces nothing
  config_.load_method = LoadMethod::kOverwrite;
  EXPECT_THAT(Reason(false), HasSubstr("no STATE"));
  EXPECT_EQ(Reason(true), "");
  stream_.activated_last = true;
  EXPECT_EQ(Reason(false), "");
  stream_.activated_last = false;
  config_.destination.complete_without_status = true;
  EXPECT_EQ(Reason(false), "");
}

}  // namespace
}  // namespace syncline::client
