// A role or database may have a default for every setting that any user may change. None of them
// changes what is loaded.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/component/every_mode_fixture.h"

namespace syncline::testing {
namespace {

// Values of settings for which the choice below is not possible. An empty value leaves the setting.
const std::map<std::string, std::string>& ChosenValues() {
  static const auto* const kValues = new std::map<std::string, std::string>{
      {"DateStyle", "'SQL, DMY'"},
      {"TimeZone", "'Asia/Kathmandu'"},
      {"application_name", "'odd'"},
      {"client_encoding", "'LATIN1'"},
      {"default_text_search_config", "'pg_catalog.simple'"},
      {"search_path", "public, pg_catalog"},
      {"temp_tablespaces", "'pg_default'"},
      {"default_tablespace", "'pg_default'"},
      {"timezone_abbreviations", "'India'"},
      {"lc_monetary", "'C'"},
      {"lc_numeric", "'C'"},
      {"lc_time", "'C'"},
      {"createrole_self_grant", "'set, inherit'"},
      // Only an extension would provide another one.
      {"default_table_access_method", ""},
      // Loads a library.
      {"local_preload_libraries", ""},
      // Ends access to the user's own views.
      {"restrict_nonsystem_relation_kind", ""},
      // The administrator makes the database read-only: DB_READ_ONLY.
      {"default_transaction_read_only", ""},
      // Properties of the current transaction.
      {"transaction_deferrable", ""},
      {"transaction_isolation", ""},
      {"transaction_read_only", ""},
      // They write every statement's trees to PostgreSQL's log.
      {"debug_print_parse", ""},
      {"debug_print_plan", ""},
      {"debug_print_rewritten", ""},
      // More than the smallest shared buffers allow.
      {"vacuum_buffer_usage_limit", "'1MB'"},
  };
  return *kValues;
}

class OddSettingsTest : public EveryModeFixture {
 protected:
  // Sets every setting of `type` to `value`, an SQL expression over the row of pg_settings. Returns
  // the number of settings that have another value than before.
  int Set(absl::string_view type, absl::string_view value) {
    int changed = 0;
    for (const std::vector<std::string>& row :
         QueryText(absl::StrCat("SELECT name, quote_literal(", value,
                                ") FROM pg_settings WHERE context = 'user' AND vartype = '", type,
                                "' AND (", value, ") IS NOT NULL ORDER BY name"))) {
      if (ChosenValues().count(row[0]) > 0) continue;
      SetForDatabase(row[0], row[1]);
      ++changed;
    }
    return changed;
  }

  void SetChosen() {
    for (const std::vector<std::string>& row :
         QueryText("SELECT name FROM pg_settings WHERE context = 'user' ORDER BY name")) {
      const auto chosen = ChosenValues().find(row[0]);
      if (chosen == ChosenValues().end() || chosen->second.empty()) continue;
      SetForDatabase(row[0], chosen->second);
    }
  }

  // Returns the settings of type string that have no chosen value, of which there must be none.
  std::string Forgotten() {
    std::string names;
    for (const std::vector<std::string>& row :
         QueryText("SELECT name FROM pg_settings WHERE context = 'user' AND vartype = 'string'")) {
      if (ChosenValues().count(row[0]) == 0) absl::StrAppend(&names, " ", row[0]);
    }
    return names;
  }
};

// Switches everything, takes the first of other choices, and small numbers.
TEST_F(OddSettingsTest, EverySettingHasAnotherValue) {
  EXPECT_EQ(Forgotten(), "");
  SetChosen();
  EXPECT_GT(Set("bool", "CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END"), 30);
  EXPECT_GT(Set("enum", "(SELECT v FROM unnest(enumvals) v WHERE v <> boot_val LIMIT 1)"), 10);
  // Limits of time must leave room for the test.
  EXPECT_GT(Set("integer",
                "CASE WHEN unit IN ('ms', 's') THEN '3600s' ELSE "
                "greatest(min_val::numeric, least(max_val::numeric, "
                "boot_val::numeric + 1))::text END"),
            30);
  EXPECT_GT(Set("real", "greatest(min_val::numeric, least(max_val::numeric, 3))::text"), 10);
  RestartServer();
  LoadInEveryMode();
}

// Takes the last of the choices, and the smallest numbers.
TEST_F(OddSettingsTest, EveryNumberIsTheSmallest) {
  SetChosen();
  Set("enum",
      "(SELECT v FROM unnest(enumvals) WITH ORDINALITY e (v, place) WHERE v <> boot_val "
      "ORDER BY place DESC LIMIT 1)");
  // Zero turns the limits of time off.
  Set("integer", "min_val");
  Set("real", "min_val");
  RestartServer();
  LoadInEveryMode();
}

TEST_F(OddSettingsTest, ReadOnlyDatabaseIsRefusedByName) {
  SetForDatabase("default_transaction_read_only", "on");
  RestartServer();
  EXPECT_THAT(Start("s", Append(1)), StatusIs(absl::StatusCode::kUnavailable, "DB_READ_ONLY"));
}

}  // namespace
}  // namespace syncline::testing
