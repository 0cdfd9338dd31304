// The streams of Airbyte's source-smoke-test, recorded by tests/smoke/record_streams.py: every
// record is stored, by append and by deduplication, and no value changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/json_text.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

constexpr char kDirectory[] = SYNCLINE_SOURCE_DIR "/tests/smoke";

struct Recorded {
  int64_t records = 0;
  int64_t keys = -1;  // different primary keys; -1: the stream has no key
};

class SmokeStreamsTest : public ServerTest {
 protected:
  static std::map<std::string, Recorded> Streams() {
    std::map<std::string, Recorded> streams;
    std::ifstream in(absl::StrCat(kDirectory, "/streams.txt"));
    std::string name;
    std::string keys;
    for (Recorded stream; in >> name >> stream.records >> keys;) {
      stream.keys = keys == "-" ? -1 : std::stoll(keys);
      streams[name] = stream;
    }
    return streams;
  }

  // The recorded catalog. `dedup`: streams with a key are deduplicated.
  static std::string Catalog(bool dedup) {
    std::stringstream text;
    text << std::ifstream(absl::StrCat(kDirectory, "/catalog.json")).rdbuf();
    const std::string recorded = text.str();
    const auto catalog = client::ParseJson(recorded);
    if (!catalog.has_value()) return "";
    std::string streams;
    client::ForEachElement(*client::FindMember(*catalog, "streams"), [&](client::JsonText stream) {
      std::string configured(stream.raw);
      if (dedup && absl::StrContains(configured, "\"source_defined_primary_key\"")) {
        configured = absl::StrReplaceAll(configured, {{"\"append\"", "\"append_dedup\""}});
      }
      absl::StrAppend(&streams, streams.empty() ? "" : ",", configured);
    });
    return absl::StrCat("{\"streams\":[", streams, "]}");
  }

  // Loads the recorded messages into the schema `target`.
  void Load(const std::string& target, bool dedup) {
    const std::string config = WriteFile(
        "config.json",
        absl::StrCat(R"({"server":")", server_->address(), R"(","schema":")", target, "\"}"));
    const std::string catalog = WriteFile("catalog.json", Catalog(dedup));
    ProcessOptions options;
    options.arguments = {
        "/bin/sh", "-c",
        absl::StrCat("gzip -dc ", kDirectory,
                     "/messages.jsonl.gz | " SYNCLINE_CLIENT_BINARY " write --config ", config,
                     " --catalog ", catalog)};
    const auto process = Process::Start(options);
    ASSERT_OK(process);
    EXPECT_EQ((*process)->Wait(kPatience).value_or(-1), 0) << (*process)->Stderr();
  }

  void CheckRows(const std::string& target, bool dedup) {
    for (const auto& [name, recorded] : Streams()) {
      SCOPED_TRACE(name);
      const auto table = QueryText(absl::StrCat(
          "SELECT format('%I.%I', table_schema, table_name) FROM ", LedgerTable("stream"),
          " WHERE table_schema = '", target, "' AND name = '", name, "'"));
      ASSERT_EQ(table.size(), 1u);
      const bool merged = dedup && recorded.keys >= 0;
      EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", table[0][0])),
                merged ? recorded.keys : recorded.records);
    }
    EXPECT_EQ(QueryInt(absl::StrCat(
                  "SELECT coalesce(sum(w.records_rejected + w.values_nulled + w.values_truncated), "
                  "0) FROM ",
                  LedgerTable("writer"), " w JOIN ", LedgerTable("stream"),
                  " s USING (stream_no) WHERE s.table_schema = '", target, "'")),
              0);
  }
};

TEST_F(SmokeStreamsTest, EveryStreamLoads) {
  ASSERT_EQ(Streams().size(), 22u);
  for (const bool dedup : {false, true}) {
    const std::string target = absl::StrCat(schema(), dedup ? "_dedup" : "_append");
    Load(target, dedup);
    CheckRows(target, dedup);
    Execute(absl::StrCat("DROP SCHEMA \"", target, "\" CASCADE"));
  }
}

}  // namespace
}  // namespace syncline::testing
