#include "tests/e2e/person_records.h"

#include <array>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

// Values that incorrect quoting, splitting or encoding would corrupt.
constexpr std::array<absl::string_view, 8> kPieces = {"plain",     "\"quoted\"",  "back\\slash",
                                                      "tab\there", "line\nbreak", "caf\u00e9",
                                                      "\u732b",    ",;{}[]"};

// Both JSON and COPY escape the backslash first.
std::string JsonText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\t", "\\t"}, {"\n", "\\n"}});
}
std::string CopyText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\t", "\\t"}, {"\n", "\\n"}});
}

constexpr char kColumns[] = "id, name, amount, active, created_at, tags";

int64_t CountOf(postgres::Connection& connection, const std::string& sql) {
  const absl::StatusOr<postgres::Result> result = connection.Query(sql, {});
  EXPECT_OK(result) << sql;
  return result.ok() && result->size() == 1 ? result->Int(0, 0) : -1;
}

}  // namespace

const char kPersonSchema[] =
    R"({"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},)"
    R"("amount":{"type":"number"},"active":{"type":["null","boolean"]},)"
    R"("created_at":{"type":"string","format":"date-time"},"tags":{"type":"array"}}})";

struct PersonRecords::Person {
  std::string name;
  std::string amount;
  int active = 0;  // 2: null
  std::string created_at;
  std::string tags;
};

PersonRecords::PersonRecords(int64_t count, uint32_t seed) : count_(count), seed_(seed) {}

PersonRecords::Person PersonRecords::Make(int64_t id) const {
  std::minstd_rand random(seed_ ^ static_cast<uint32_t>(id * 2654435761));
  random.discard(2);
  Person person;
  person.name = absl::StrCat(kPieces[random() % kPieces.size()], " ", id, " ",
                             kPieces[random() % kPieces.size()]);
  person.amount = absl::StrCat(random() % 1000000, ".", random() % 10, random() % 9 + 1);
  person.active = static_cast<int>(random() % 3);
  person.created_at = absl::StrFormat("20%02d-%02d-%02dT%02d:%02d:%02d.%06dZ", random() % 30,
                                      random() % 12 + 1, random() % 28 + 1, random() % 24,
                                      random() % 60, random() % 60, random() % 1000000);
  person.tags = absl::StrCat("[", random() % 100, ",\"", id % 7, "\"]");
  return person;
}

std::string PersonRecords::Lines(int64_t begin, int64_t end) const {
  std::string lines;
  for (int64_t id = begin; id < end; ++id) {
    const Person person = Make(id);
    absl::StrAppend(&lines, "{\"id\":", id, ",\"name\":\"", JsonText(person.name),
                    "\",\"amount\":", person.amount);
    absl::StrAppend(&lines, ",\"active\":",
                    person.active == 2 ? "null" : (person.active == 1 ? "true" : "false"),
                    ",\"created_at\":\"", person.created_at, "\",\"tags\":", person.tags, "}\n");
  }
  return lines;
}

void PersonRecords::ExpectIn(postgres::Connection& connection, absl::string_view table,
                             absl::string_view expected) const {
  ASSERT_OK(connection.Execute(absl::StrCat(
      "CREATE TABLE ", expected, " (id bigint, name text, amount numeric, active boolean, ",
      "created_at timestamptz, tags jsonb)")));
  ASSERT_OK(connection.BeginCopy(absl::StrCat("COPY ", expected, " FROM STDIN")));
  for (int64_t id = 0; id < count_; ++id) {
    const Person person = Make(id);
    ASSERT_OK(connection.PutCopyData(
        absl::StrCat(id, "\t", CopyText(person.name), "\t", person.amount, "\t",
                     person.active == 2 ? "\\N" : (person.active == 1 ? "t" : "f"), "\t",
                     person.created_at, "\t", absl::StrCat(CopyText(person.tags), "\n"))));
  }
  ASSERT_OK_AND_ASSIGN(const int64_t copied, connection.EndCopy());
  ASSERT_EQ(copied, count_);

  EXPECT_EQ(CountOf(connection, absl::StrCat("SELECT count(*) FROM ", table)), count_);
  EXPECT_EQ(CountOf(connection, absl::StrCat("SELECT count(DISTINCT id) FROM ", table)), count_);
  EXPECT_EQ(
      CountOf(connection, absl::StrCat("SELECT count(DISTINCT _airbyte_raw_id) FROM ", table)),
      count_);
  // EXCEPT ALL counts duplicates: both results are empty only if each row occurs equally often.
  EXPECT_EQ(CountOf(connection,
                    absl::StrCat("SELECT count(*) FROM (SELECT ", kColumns, " FROM ", expected,
                                 " EXCEPT ALL SELECT ", kColumns, " FROM ", table, ") AS lost")),
            0);
  EXPECT_EQ(CountOf(connection, absl::StrCat("SELECT count(*) FROM (SELECT ", kColumns, " FROM ",
                                             table, " EXCEPT ALL SELECT ", kColumns, " FROM ",
                                             expected, ") AS added")),
            0);
  // No value was changed to fit.
  EXPECT_EQ(CountOf(connection, absl::StrCat("SELECT count(*) FROM ", table,
                                             " WHERE _airbyte_meta->'changes' <> '[]'")),
            0);
}

}  // namespace syncline::testing
