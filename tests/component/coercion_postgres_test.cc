// Compares coercion with PostgreSQL itself. Both read the same generated texts, and must agree on
// which are values of the type and on what they mean.
//
// PostgreSQL reads more forms of dates than we do, and we read some that it does not. The
// generators produce only forms that both read.
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/parse/record_parser.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/record_collector.h"

namespace syncline::dataflow {
namespace {

constexpr size_t kBatch = 2000;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
}

struct Coerced {
  Coercion coercion = Coercion::kMalformed;
  KeptValue value;
};

Coerced CoerceToken(ColumnType type, absl::string_view token) {
  ScratchArena scratch;
  Value value;
  Coerced result;
  result.coercion = GetCoercer(type, JsonShape::kAny).from_json(token, &scratch, &value);
  result.value = Keep(value);
  return result;
}

bool Accepted(Coercion coercion) { return coercion == Coercion::kFits; }

class CoercionPostgresTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute("SET timezone = 'UTC'");
    // Evaluates `expression` on the input; null if PostgreSQL refuses it.
    Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                         R"sql(.reading(input text, expression text) RETURNS text
        LANGUAGE plpgsql SET timezone = 'UTC' AS $$
        DECLARE result text;
        BEGIN
          EXECUTE expression INTO result USING input;
          RETURN result;
        EXCEPTION WHEN OTHERS THEN RETURN NULL;
        END $$)sql"));
  }

  // Returns the value of `expression` ($1 is the input, a text) for each input, "NULL" if
  // PostgreSQL refuses it.
  std::vector<std::string> Readings(const std::vector<std::string>& inputs,
                                    const std::string& expression) {
    std::vector<std::string> readings;
    for (size_t begin = 0; begin < inputs.size(); begin += kBatch) {
      std::string rows;
      for (size_t i = begin; i < inputs.size() && i < begin + kBatch; ++i) {
        absl::StrAppend(&rows, rows.empty() ? "" : ",", "(", i, ",", Quoted(inputs[i]), ")");
      }
      const auto result =
          QueryText(absl::StrCat("SELECT ", schema(), ".reading(v, ", Quoted(expression),
                                 ") FROM (VALUES ", rows, ") AS t(i, v) ORDER BY i"));
      for (const auto& row : result) readings.push_back(row[0]);
    }
    return readings;
  }

  // Reads `texts` with both. `expression` converts PostgreSQL's reading to our form.
  void ExpectSameScalars(ColumnType type, const std::vector<std::string>& texts,
                         const std::string& expression) {
    const std::vector<std::string> theirs = Readings(texts, expression);
    ASSERT_EQ(theirs.size(), texts.size());
    size_t accepted = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      const Coerced ours = CoerceToken(type, absl::StrCat("\"", texts[i], "\""));
      std::string reading = "NULL";
      if (Accepted(ours.coercion)) {
        ++accepted;
        reading = absl::StrCat(ours.value.scalar);
        if (type == ColumnType::kTimetz)
          absl::StrAppend(&reading, "/", ours.value.zone_west_seconds);
      }
      EXPECT_EQ(reading, theirs[i]) << texts[i];
    }
    EXPECT_GT(accepted, texts.size() / 4);
    EXPECT_LT(accepted, texts.size());
  }

  int64_t Pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  template <typename T>
  T OneOf(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(Pick(0, static_cast<int64_t>(choices.size()) - 1))];
  }

  // A date that sometimes does not exist, with years around `edge` and anywhere below it.
  std::string Date(int64_t edge) {
    const int64_t year =
        OneOf<int64_t>({Pick(1000, 3000), Pick(1000, edge), Pick(edge - 2, edge + 2)});
    const int64_t month = Pick(0, 20) == 0 ? Pick(0, 14) : Pick(1, 12);
    const int64_t day =
        Pick(0, 20) == 0 ? Pick(0, 33) : OneOf<int64_t>({Pick(1, 28), Pick(28, 31)});
    return absl::StrFormat("%04d-%02d-%02d", year, month, day);
  }
  std::string AncientDate() {
    const int64_t year = OneOf<int64_t>({Pick(1, 4713), Pick(4712, 4716)});
    return absl::StrFormat("%04d-%02d-%02d", year, Pick(1, 12), Pick(1, 30));
  }
  std::string Clock() {
    std::string clock = absl::StrFormat("%02d:%02d", OneOf<int64_t>({Pick(0, 23), Pick(23, 25)}),
                                        OneOf<int64_t>({Pick(0, 59), Pick(58, 61)}));
    if (Pick(0, 4) == 0) return clock;
    absl::StrAppendFormat(&clock, ":%02d", OneOf<int64_t>({Pick(0, 59), Pick(58, 61)}));
    const int64_t digits = Pick(0, 6);
    if (digits > 0)
      absl::StrAppend(
          &clock, ".",
          std::string(static_cast<size_t>(digits), static_cast<char>('0' + Pick(0, 9))));
    return clock;
  }
  std::string Zone() {
    const std::string sign = OneOf<std::string>({"+", "-"});
    const int64_t hour = OneOf<int64_t>({Pick(0, 14), Pick(14, 17)});
    const int64_t minute = OneOf<int64_t>({0, 30, 45, Pick(58, 61)});
    switch (Pick(0, 6)) {
      case 0:
        return "Z";
      case 1:
        return absl::StrFormat("%s%02d", sign, hour);
      case 2:
        return absl::StrFormat("%s%02d%02d", sign, hour, minute);
      case 3:
        return absl::StrFormat("%s%02d:%02d:%02d", sign, hour, minute, Pick(0, 59));
      case 4:
        return "";
      default:
        return absl::StrFormat("%s%02d:%02d", sign, hour, minute);
    }
  }

  std::mt19937 random_{RandomSeed()};
};

TEST_F(CoercionPostgresTest, Dates) {
  std::vector<std::string> texts = {"4714-11-24 BC", "4714-11-23 BC", "5874897-12-31",
                                    "5874898-01-01", "0000-01-01"};
  while (texts.size() < 6000) {
    texts.push_back(Pick(0, 3) == 0 ? AncientDate() + " BC" : Date(5874897));
  }
  ExpectSameScalars(ColumnType::kDate, texts, "SELECT ($1::date - date '2000-01-01')::text");
}

TEST_F(CoercionPostgresTest, TimestampsWithTimeZone) {
  std::vector<std::string> texts = {"294276-12-31 23:59:59.999999Z", "294277-01-01 00:00:00Z",
                                    "294276-12-31 24:00:00Z", "4714-11-24 00:00:00Z BC"};
  while (texts.size() < 6000) {
    const std::string separator = OneOf<std::string>({"T", " "});
    texts.push_back(Pick(0, 4) == 0 ? absl::StrCat(AncientDate(), " ", Clock(), " BC")
                                    : absl::StrCat(Date(294276), separator, Clock(), Zone()));
  }
  ExpectSameScalars(
      ColumnType::kTimestamptz, texts,
      "SELECT ('x' || encode(timestamptz_send($1::timestamptz), 'hex'))::bit(64)::bigint::text");
}

TEST_F(CoercionPostgresTest, TimestampsWithoutTimeZone) {
  std::vector<std::string> texts;
  while (texts.size() < 6000) {
    const std::string zone = OneOf<std::string>({"", "", "Z", "+05:30", "-11"});
    texts.push_back(Pick(0, 4) == 0 ? AncientDate() + " BC"
                                    : absl::StrCat(Date(294276), "T", Clock(), zone));
  }
  ExpectSameScalars(
      ColumnType::kTimestamp, texts,
      "SELECT ('x' || encode(timestamp_send($1::timestamp), 'hex'))::bit(64)::bigint::text");
}

TEST_F(CoercionPostgresTest, Times) {
  std::vector<std::string> texts;
  while (texts.size() < 3000) texts.push_back(Clock());
  ExpectSameScalars(ColumnType::kTime, texts,
                    "SELECT trunc(extract(epoch from $1::time) * 1000000)::bigint::text");
}

TEST_F(CoercionPostgresTest, TimesWithTimeZone) {
  std::vector<std::string> texts;
  while (texts.size() < 4000) texts.push_back(Clock() + Zone());
  ExpectSameScalars(
      ColumnType::kTimetz, texts,
      "SELECT trunc(extract(epoch from ($1::timetz)::time) * 1000000)::bigint::text || '/' || "
      "(-extract(timezone from $1::timetz))::bigint::text");
}

TEST_F(CoercionPostgresTest, Numbers) {
  std::vector<std::string> texts = {"1e131071",      "1e131072",  "-1e131071",  "1e-16383",
                                    "1e-16384",      "0e1000000", "0.1e131072", "0.1e131073",
                                    "1e99999999999", "0e-16383",  "0e-16384"};
  const auto digits = [this](int64_t most) {
    std::string text;
    for (int64_t count = Pick(1, most); count > 0; --count)
      text.push_back(static_cast<char>('0' + Pick(0, 9)));
    return text;
  };
  while (texts.size() < 6000) {
    std::string text = OneOf<std::string>({"", "-", "+"});
    absl::StrAppend(&text, Pick(0, 8) == 0 ? "" : digits(40));
    if (Pick(0, 1) == 0) absl::StrAppend(&text, ".", Pick(0, 8) == 0 ? "" : digits(40));
    if (Pick(0, 2) == 0) {
      const int64_t exponent =
          OneOf<int64_t>({Pick(-50, 50), Pick(131020, 131080), Pick(-16400, -16340)});
      absl::StrAppend(&text, OneOf<std::string>({"e", "E"}), exponent);
    }
    if (Pick(0, 30) == 0) text.push_back(OneOf<char>({'e', '.', 'x', '-', ' '}));
    texts.push_back(text);
  }
  const std::vector<std::string> theirs = Readings(texts, "SELECT $1::numeric::text");
  ASSERT_EQ(theirs.size(), texts.size());
  std::vector<std::string> ours;
  std::vector<size_t> accepted;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Coerced coerced = CoerceToken(ColumnType::kNumeric, absl::StrCat("\"", texts[i], "\""));
    // A number with too many fraction digits is an error to PostgreSQL, while we round it.
    if (coerced.coercion == Coercion::kFits && theirs[i] != "NULL") {
      ours.push_back(coerced.value.text);
      accepted.push_back(i);
    } else if (coerced.coercion == Coercion::kCut || coerced.coercion == Coercion::kFits) {
      EXPECT_EQ(theirs[i], "NULL");
      EXPECT_NE(texts[i].find_first_of("eE"), std::string::npos) << texts[i];
    } else {
      EXPECT_EQ(theirs[i], "NULL") << texts[i];
    }
  }
  EXPECT_GT(accepted.size(), texts.size() / 2);
  const std::vector<std::string> reread = Readings(ours, "SELECT $1::numeric::text");
  for (size_t i = 0; i < accepted.size(); ++i)
    EXPECT_EQ(reread[i], theirs[accepted[i]]) << texts[accepted[i]];
}

TEST_F(CoercionPostgresTest, RoundsNumbersLikePostgres) {
  std::vector<std::string> texts;
  std::vector<std::string> ours;
  while (texts.size() < 100) {
    std::string fraction = std::string(16380, OneOf<char>({'0', '9', '3'}));
    for (int64_t count = Pick(0, 6); count > 0; --count)
      fraction.push_back(OneOf<char>({'0', '4', '5', '9'}));
    texts.push_back(absl::StrCat(OneOf<std::string>({"-", ""}), Pick(0, 99), ".", fraction));
    ours.push_back(CoerceToken(ColumnType::kNumeric, texts.back()).value.text);
  }
  // PostgreSQL cannot read the whole text. It adds two numbers that it can read: the digits up to
  // the 16383rd, and one unit of that digit if the next one rounds up.
  std::vector<std::string> theirs;
  for (const std::string& text : texts) {
    const size_t keep = text.find('.') + 1 + 16383;
    const std::string sign = text[0] == '-' ? "-" : "";
    const bool up = text.size() > keep && text[keep] >= '5';
    theirs.push_back(absl::StrCat(text.substr(0, keep), " ", up ? sign + "1e-16383" : "0"));
  }
  const std::vector<std::string> expected = Readings(
      theirs, "SELECT (split_part($1, ' ', 1)::numeric + split_part($1, ' ', 2)::numeric)::text");
  const std::vector<std::string> got = Readings(ours, "SELECT $1::numeric::text");
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    // The scale is not compared for zero and for numbers that were short enough.
    EXPECT_EQ(
        Readings({got[i] + " " + expected[i]},
                 "SELECT split_part($1, ' ', 1)::numeric = split_part($1, ' ', 2)::numeric")[0],
        "true")
        << texts[i].substr(0, 10) << "..." << texts[i].substr(16370);
  }
}

TEST_F(CoercionPostgresTest, Json) {
  const std::vector<std::string> seeds = {
      R"({"id":12,"name":"Jo \"x\" \u00e9","tags":["a",{"b":null}],"ok":true,"n":-1.5e-3})",
      R"([[1,2],[],{},"",{"a":{"b":{"c":[true,false,null]}}}])",
      R"("\ud83d\ude00 text \\ \/ \u0000 \ud800")",
      R"({ "a" : 1 , "a" : [ ] , "c" : "x\u0001" })",
      R"([1e131071,1e-16383,0e5,-0.0,1e10,12345678901234567890.5])",
  };
  const std::string bytes = "{}[],:\"\\ue0123456789.+-truefalsn \t\n/bd8";
  std::vector<std::string> texts;
  while (texts.size() < 10000) {
    std::string json = OneOf(seeds);
    for (int64_t changes = Pick(0, 3); changes > 0 && !json.empty(); --changes) {
      const auto at = static_cast<size_t>(Pick(0, static_cast<int64_t>(json.size()) - 1));
      const char byte = bytes[static_cast<size_t>(Pick(0, static_cast<int64_t>(bytes.size()) - 1))];
      if (Pick(0, 2) == 0) {
        json[at] = byte;
      } else if (Pick(0, 1) == 0) {
        json.insert(at, 1, byte);
      } else {
        json.erase(at, 1);
      }
    }
    if (!json.empty() && json.find_first_of(" \t\n") != 0) texts.push_back(json);
  }
  const std::vector<std::string> theirs = Readings(texts, "SELECT $1::jsonb::text");
  ASSERT_EQ(theirs.size(), texts.size());
  std::vector<std::string> ours;
  std::vector<size_t> accepted;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Coerced coerced = CoerceToken(ColumnType::kJsonb, texts[i]);
    if (coerced.coercion == Coercion::kFits || coerced.coercion == Coercion::kCleaned) {
      ours.push_back(coerced.value.text);
      accepted.push_back(i);
    } else {
      EXPECT_EQ(theirs[i], "NULL") << texts[i];
    }
  }
  EXPECT_GT(accepted.size(), texts.size() / 4);
  EXPECT_LT(accepted.size(), texts.size());
  const std::vector<std::string> reread = Readings(ours, "SELECT $1::jsonb::text");
  for (size_t i = 0; i < accepted.size(); ++i) {
    EXPECT_NE(reread[i], "NULL") << ours[i];
    // A text that PostgreSQL accepts unchanged must not have changed.
    if (theirs[accepted[i]] != "NULL") {
      EXPECT_EQ(reread[i], theirs[accepted[i]]) << ours[i];
    }
  }
}

TEST_F(CoercionPostgresTest, LargestJsonFits) {
  std::string array = "[1";
  while (array.size() < (size_t{2} << 20)) array += ",1";
  const std::string deep = std::string(512, '[') + std::string(512, ']');
  for (const std::string& json : {array + "]", deep}) {
    ASSERT_EQ(CoerceToken(ColumnType::kJsonb, json).coercion, Coercion::kFits);
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT jsonb_typeof(", Quoted(json), "::jsonb)")), "array");
  }
}

// A table of `columns` of `type` accepts every row that the parser accepts. The widest such row is
// close to the limit.
TEST_F(CoercionPostgresTest, AcceptedRowsFitOnAPage) {
  const std::vector<std::pair<ColumnType, std::string>> types = {
      {ColumnType::kBigint, "1"},
      {ColumnType::kTimetz, "\"10:00:00+01\""},
      {ColumnType::kVarchar, "\"0123456789012345678901\""},
      {ColumnType::kVarchar, "\"" + std::string(200, 'x') + "\""},
      {ColumnType::kNumeric, "12345678901234567890.123456789"},
      {ColumnType::kNumeric, std::string(120, '7')},
      {ColumnType::kJsonb, "{\"a\":\"bcdefgh\"}"},
  };
  for (const auto& [type, token] : types) {
    int passed = 0;
    for (int columns = 320; columns <= 1050; columns += 2) {
      TableSchema schema;
      std::vector<std::string> fields;
      for (int i = 0; i < columns; ++i) {
        const std::string name = absl::StrCat("c", i);
        schema.columns.push_back({name, name, type});
        fields.push_back(absl::StrCat("\"", name, "\":", token));
      }
      v1::RecordBatch batch;
      batch.set_jsonl("{" + absl::StrJoin(fields, ",") + "}");
      RecordCollector sink;
      RecordParser parser(schema, {});
      parser.Parse(&batch, 0, &sink);
      if (sink.records.empty()) break;
      passed = columns;
    }
    ASSERT_GE(passed, 320) << token;
    std::vector<std::string> columns = {"r varchar", "e timestamptz", "m jsonb", "g bigint"};
    std::vector<std::string> values = {"gen_random_uuid()::text", "now()",
                                       "'{\"sync_id\":1,\"changes\":[]}'", "1"};
    std::string text = token;
    if (text[0] == '"') text = text.substr(1, text.size() - 2);
    for (int i = 0; i < passed; ++i) {
      columns.push_back(absl::StrCat("c", i, " ", PostgresTypeName(type)));
      values.push_back(Quoted(text));
    }
    const std::string table = absl::StrCat(Table("wide"));
    Execute(absl::StrCat("CREATE TABLE ", table, " (", absl::StrJoin(columns, ","), ")"));
    Execute(absl::StrCat("INSERT INTO ", table, " VALUES (", absl::StrJoin(values, ","), ")"));
    Execute(absl::StrCat("DROP TABLE ", table));
  }
}

}  // namespace
}  // namespace syncline::dataflow
