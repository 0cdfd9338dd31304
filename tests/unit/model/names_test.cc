#include "server/model/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/model/table_schema.h"
#include "tests/support/map_table_names.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<TableName> Tables(const std::vector<StreamDescriptor>& streams) {
  const absl::StatusOr<std::vector<TableName>> tables = MapTableNames(streams, "public");
  EXPECT_TRUE(tables.ok()) << tables.status();
  return tables.value_or(std::vector<TableName>{});
}

TEST(NormalizeNameTest, Rules) {
  const std::map<std::string, std::string> cases = {
      {"users", "users"},
      {"Users", "Users"},
      {"CamelCase_9", "CamelCase_9"},
      {"_x", "_x"},
      {"caf\u00e9", "cafe"},   // composed
      {"cafe\u0301", "cafe"},  // combining acute
      {"\u00c5ngstr\u00f6m", "Angstrom"},
      {"\ufb01le", "file"},           // ligature: compatibility decomposition
      {"\uff21\uff22\uff23", "ABC"},  // full width
      {"x\u00b2", "x2"},              // superscript two
      {"a b", "a_b"},
      {"a \t\r\n b", "a_b"},
      {"a\u00a0\u2003b", "a_b"},  // no-break space, em space
      {"a\u3000b", "a_b"},        // ideographic space
      {" a ", "_a_"},
      {"a - b", "a___b"},  // white space, hyphen, white space
      {"a--b", "a__b"},    // only white space is collapsed
      {"9lives", "_9lives"},
      {"\u0662x", "_x"},  // a digit, but not an ASCII one
      {"stra\u00dfe", "stra_e"},
      {"gr\U0001F600n", "gr_n"},  // one character, not four bytes
      {"a\u4e16b", "a_b"},
      {"a\"b", "a_b"},
      {"\"; DROP TABLE x;--", "___DROP_TABLE_x___"},
      {"a.b", "a_b"},
      {"$$", NormalizeName("$$")},
      {"../x", "___x"},
      {"select", "select"},  // always quoted, so no word is reserved
  };
  for (const auto& [name, expected] : cases) EXPECT_EQ(NormalizeName(name), expected) << name;
}

// Computed by another program. If these change, tables of running syncs are renamed.
TEST(NormalizeNameTest, EmptyResultGetsAStableHash) {
  EXPECT_EQ(NormalizeName(""), "unnamed_e3b0c44298fc1c14");
  EXPECT_EQ(NormalizeName("_"), "unnamed_d2e2adf7177b7a8a");
  EXPECT_NE(NormalizeName("__"), NormalizeName("_"));
  EXPECT_NE(NormalizeName("\u4e16\u754c"), NormalizeName("\u4e16\u4e16"));
  EXPECT_THAT(NormalizeName("\u4e16\u754c"), StartsWith("unnamed_"));
  EXPECT_THAT(NormalizeName("\u0301"), StartsWith("unnamed_"));
}

TEST(NormalizeNameTest, InvalidUtf8GetsAHash) {
  for (const char* name : {"a\xff", "\xc0\x80", "\xed\xa0\x80", "\xe4\xb8"}) {
    EXPECT_THAT(NormalizeName(name), StartsWith("unnamed_")) << name;
  }
}

TEST(ShortenNameTest, KeepsUpTo63Bytes) {
  EXPECT_EQ(ShortenName(std::string(63, 'x')), std::string(63, 'x'));
  EXPECT_EQ(ShortenName(std::string(64, 'x')), std::string(54, 'x') + "_7ce10097");
  EXPECT_NE(ShortenName(std::string(64, 'x')), ShortenName(std::string(65, 'x')));
}

TEST(ShortenNameTest, CutsBetweenCharacters) {
  // 54 bytes are kept. Three-byte characters end there, or one or two bytes earlier.
  for (const int lead : {0, 1, 2}) {
    std::string name(static_cast<size_t>(lead), 'a');
    while (name.size() < 80) name += "\u4e16";
    const std::string cut = ShortenName(name);
    EXPECT_LE(cut.size(), kMaxIdentifierBytes);
    const size_t kept = cut.size() - 9;
    EXPECT_EQ((kept - static_cast<size_t>(lead)) % 3, 0u);
    EXPECT_EQ(cut.substr(0, kept), name.substr(0, kept));
    EXPECT_GT(kept, 51u);
  }
}

TEST(MapColumnNamesTest, DistinctNamesRemainUnchanged) {
  EXPECT_THAT(MapColumnNames({"id", "Id", "ID", "caf\u00e9", "order"}),
              ElementsAre("id", "Id", "ID", "cafe", "order"));
}

TEST(MapColumnNamesTest, ExactNameStaysPlainInAnyOrder) {
  EXPECT_THAT(MapColumnNames({"\u00c9", "E"}), ElementsAre("E_a755f65d", "E"));
  EXPECT_THAT(MapColumnNames({"E", "\u00c9"}), ElementsAre("E", "E_a755f65d"));
}

TEST(MapColumnNamesTest, FirstInByteOrderStaysPlain) {
  EXPECT_THAT(MapColumnNames({"a-b", "a b", "a.b"}),
              ElementsAre(StartsWith("a_b_"), "a_b", StartsWith("a_b_")));
}

TEST(MapColumnNamesTest, MetaAndSystemColumnsAreSuffixed) {
  EXPECT_THAT(MapColumnNames({"_airbyte_raw_id", "ctid"}),
              ElementsAre("_airbyte_raw_id_8f649b7c", "ctid_a6768917"));
  const std::vector<std::string> reserved = {kRawIdColumn, kExtractedAtColumn,
                                             kMetaColumn,  kGenerationIdColumn,
                                             "tableoid",   "xmin",
                                             "xmax",       "cmin",
                                             "cmax",       "ctid"};
  const std::vector<std::string> columns = MapColumnNames(reserved);
  for (size_t i = 0; i < reserved.size(); ++i) {
    EXPECT_THAT(columns[i], StartsWith(reserved[i] + "_"));
  }
  // A name that only normalizes to one is suffixed, too. A name that only looks like one is not.
  EXPECT_THAT(MapColumnNames({"\u0441tid", "cti\u0301d", "CTID", "_airbyte_other"}),
              ElementsAre("_tid", StartsWith("ctid_"), "CTID", "_airbyte_other"));
}

TEST(MapColumnNamesTest, SuffixedNameNeverTakesAnExactOne) {
  // The third field has the name that the first would get.
  const std::vector<std::string> columns = MapColumnNames({"\u00c9", "E", "E_a755f65d"});
  EXPECT_EQ(columns[1], "E");
  EXPECT_EQ(columns[2], "E_a755f65d");
  EXPECT_THAT(columns[0], StartsWith("E_"));
  EXPECT_NE(columns[0], columns[2]);
}

TEST(MapColumnNamesTest, UnrelatedColumnChangesNothing) {
  const std::vector<std::string> before = MapColumnNames({"a-b", "a b", "\u00c9", "E", "xmin"});
  std::vector<std::string> after =
      MapColumnNames({"z", "a-b", "a b", "new", "\u00c9", "E", "xmin"});
  after.erase(after.begin() + 3);
  after.erase(after.begin());
  EXPECT_EQ(before, after);
}

TEST(MapTableNamesTest, NamespaceOrDefaultSchema) {
  EXPECT_THAT(Tables({{"", "users"}, {"crm", "users"}, {"My Space", "Order Items"}}),
              ElementsAre(TableName{"public", "users"}, TableName{"crm", "users"},
                          TableName{"My_Space", "Order_Items"}));
}

TEST(MapTableNamesTest, EqualNormalizedNamespacesDoNotMix) {
  const std::vector<TableName> tables = Tables({{"\u00e9", "users"}, {"e", "users"}});
  EXPECT_EQ(tables[1], (TableName{"e", "users"}));
  EXPECT_EQ(tables[0], (TableName{"e", "users_fe627a59"}));
}

TEST(MapTableNamesTest, NamedAndOmittedDefaultSchemaAreEqual) {
  const std::vector<TableName> tables = Tables({{"public", "users"}, {"", "users"}});
  EXPECT_THAT(tables, ElementsAre(TableName{"public", "users"}, TableName{"public", "users"}));
  // This also holds if normalization changes the schema's name.
  ASSERT_EQ(NameStream({"", "users"}, "my-schema")->stream,
            NameStream({"my-schema", "users"}, "my-schema")->stream);
}

NameFacts Owned(const TableName& table, const StreamDescriptor& stream) {
  NameFacts facts;
  facts.owners[MakeScopedName(table)] = GetIdentity(stream);
  return facts;
}

TEST(AssignTablesTest, StreamInTheLedgerKeepsItsTable) {
  const StreamName exact = *NameStream({"ns", "a_b"}, "public");
  const StreamName mapped = *NameStream({"ns", "a.b"}, "public");
  EXPECT_THAT(AssignTables({mapped}), ElementsAre(TableName{"ns", "a_b"}));
  const NameFacts facts = Owned({"ns", "a_b"}, mapped.stream);
  EXPECT_THAT(AssignTables({mapped}, facts), ElementsAre(TableName{"ns", "a_b"}));
  const std::vector<TableName> tables = AssignTables({exact}, facts);
  EXPECT_THAT(tables[0].name, StartsWith("a_b_"));
  // The result does not depend on the other streams.
  EXPECT_EQ(AssignTables({mapped, exact}, facts)[1], tables[0]);
}

TEST(AssignTablesTest, StreamTakesTableWithoutOwner) {
  const StreamName exact = *NameStream({"ns", "a_b"}, "public");
  const StreamName mapped = *NameStream({"ns", "a.b"}, "public");
  NameFacts facts;
  facts.taken.insert({"ns", "a_b"});
  EXPECT_THAT(AssignTables({mapped}, facts), ElementsAre(TableName{"ns", "a_b"}));
  const TableName first = AssignTables({exact, mapped}, facts)[1];
  facts.taken.insert(MakeScopedName(first));
  const TableName second = AssignTables({exact, mapped}, facts)[1];
  EXPECT_NE(second, first);
  EXPECT_THAT(second.name, StartsWith("a_b_"));
}

TEST(MapTableNamesTest, EqualNamesInOtherSchemasDoNotCollide) {
  EXPECT_THAT(Tables({{"a", "x y"}, {"b", "x-y"}}),
              ElementsAre(TableName{"a", "x_y"}, TableName{"b", "x_y"}));
}

TEST(MapTableNamesTest, ReservedSchemasAreDenied) {
  for (const char* schema :
       {"pg_catalog", "pg_toast", "pg_", "pg_x", "pg catalog", "information_schema",
        "information schema", "p\u0301g_temp", "syncline"}) {
    const absl::Status status = MapTableNames({{schema, "users"}}, "public").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << schema;
    EXPECT_EQ(GetReason(status), "RESERVED_SCHEMA") << schema;
    EXPECT_FALSE(MapTableNames({{"", "users"}}, schema).ok()) << schema;
  }
  EXPECT_TRUE(MapTableNames({{"pgx", "pg_class"}, {"PG_x", "users"}}, "public").ok());
  EXPECT_EQ(MapTableNames({{"ledger", "users"}}, "public", "ledger").status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(MapTableNames({{"syncline", "users"}}, "public", "ledger").ok());
}

TEST(MapTableNamesTest, RefusesUnusableNames) {
  const std::vector<StreamDescriptor> bad = {{"", ""},
                                             {"", "a\xff"},
                                             {"\xc0\x80", "a"},
                                             {"", std::string("a\0b", 3)},
                                             {std::string("\0", 1), "a"},
                                             {"", "\xed\xa0\x80"}};
  for (size_t i = 0; i < bad.size(); ++i) {
    const absl::Status status = MapTableNames({{"", "good"}, bad[i]}, "public").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << i;
    const ErrorDetail detail = GetDetail(status);
    EXPECT_EQ(detail.reason, "INVALID_NAME") << i;
    ASSERT_EQ(detail.violations.size(), 1u) << i;
    EXPECT_THAT(detail.violations[0].field, StartsWith("descriptor.name")) << i;
  }
  EXPECT_EQ(MapTableNames({{"", "users"}}, "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(MapTableNames({{"a", "users"}}, "").ok());
}

TEST(TempTableNameTest, IsDeterministicShortAndDistinct) {
  const TableName temp = GetStagingTableName({"public", "users"}, "ledger");
  EXPECT_EQ(temp, (TableName{"ledger", "_syncline_tmp_3ab2afaa9e09b13e_users"}));
  EXPECT_NE(temp, GetStagingTableName({"crm", "users"}, "ledger"));
  const std::string name(63, 'x');
  EXPECT_EQ(GetStagingTableName({"public", name}, "ledger").name.size(), 63u);
  EXPECT_NE(GetStagingTableName({"public", name}, "ledger"),
            GetStagingTableName({"public", name.substr(1) + "y"}, "ledger"));
  // Long names are cut between characters.
  std::string wide;
  while (wide.size() < 60) wide += "\u4e16";
  EXPECT_EQ(GetStagingTableName({"public", wide}, "ledger").name.substr(31), wide.substr(0, 30));
}

TEST(TempTableNameTest, NoStreamMapsToOne) {
  const std::string temp = GetStagingTableName({"public", "users"}, "ledger").name;
  const std::vector<TableName> tables = Tables({{"", "users"},
                                                {"", temp},
                                                {"", "_" + temp},
                                                {"", "_syncline_tmp_"},
                                                {"", "_syncline tmp_x"},
                                                {"", temp + std::string(60, 'x')}});
  std::set<std::string> distinct;
  for (const TableName& table : tables) {
    EXPECT_THAT(table.name, Not(StartsWith(kStagingTablePrefix)));
    distinct.insert(table.name);
  }
  EXPECT_EQ(distinct.size(), tables.size());
  EXPECT_EQ(tables[2].name, "_" + temp);  // the exact name is kept
}

// Random names that are likely to collide: few letters, their accented and spaced variants, and
// lengths around 63 bytes.
class NamePropertyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const uint32_t seed = std::random_device{}();
    std::cout << "seed " << seed << std::endl;
    random_.seed(seed);
  }

  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  std::string RandomName() {
    static const std::vector<std::string> pieces = {
        "a",  "A",      "\u00e1",       "a\u0301",    "_",      "-",      " ",  "\u00a0",
        ".",  "1",      "\u4e16",       "\U0001F600", "\u00df", "\ufb01", "\"", "\u200d",
        "\t", "\u0130", "\u1e9b\u0323", "\uac00",     "\u202e"};
    if (Below(30) == 0) {
      static const std::vector<std::string> special = {
          "ctid",         "xmin", kRawIdColumn, kMetaColumn, "cti\u0301d", kStagingTablePrefix,
          "_airbyte meta"};
      return special[Below(special.size())];
    }
    const size_t count = Below(6) == 0 ? 30 + Below(60) : 1 + Below(4);
    const size_t variety = 2 + Below(pieces.size() - 1);
    std::string name;
    for (size_t i = 0; i < count; ++i) name += pieces[Below(variety)];
    return name;
  }

  std::vector<std::string> RandomNames(size_t count) {
    std::set<std::string> names;
    while (names.size() < count) names.insert(RandomName());
    std::vector<std::string> shuffled(names.begin(), names.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random_);
    return shuffled;
  }

  static bool IsIdentifier(const std::string& name) {
    return !name.empty() && name.size() <= kMaxIdentifierBytes &&
           !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
           name.find_first_not_of('_') != std::string::npos &&
           std::all_of(name.begin(), name.end(),
                       [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
  }

  std::mt19937 random_;
};

TEST_F(NamePropertyTest, NormalizedNamesAreStableIdentifiers) {
  for (int i = 0; i < 20000; ++i) {
    const std::string name = RandomName();
    const std::string normal = NormalizeName(name);
    ASSERT_TRUE(IsIdentifier(normal)) << name << " -> " << normal;
    ASSERT_EQ(NormalizeName(normal), normal);
    ASSERT_EQ(NormalizeName(name), normal);
  }
}

TEST_F(NamePropertyTest, AnyBytesAreSafe) {
  for (int i = 0; i < 20000; ++i) {
    std::string bytes;
    for (size_t k = Below(100); k > 0; --k) bytes += static_cast<char>(Below(256));
    ASSERT_TRUE(IsIdentifier(NormalizeName(bytes)));
    const absl::StatusOr<std::vector<TableName>> tables = MapTableNames({{"s", bytes}}, "public");
    if (tables.ok()) {
      ASSERT_TRUE(IsIdentifier(tables->front().name));
    }
  }
}

TEST_F(NamePropertyTest, ColumnsAreDistinctAndIndependentOfOrder) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::string> fields = RandomNames(2 + Below(80));
    const std::vector<std::string> columns = MapColumnNames(fields);
    std::map<std::string, std::string> mapping;
    std::set<std::string> distinct;
    for (size_t i = 0; i < fields.size(); ++i) {
      ASSERT_TRUE(IsIdentifier(columns[i])) << columns[i];
      ASSERT_NE(columns[i], "ctid");
      ASSERT_NE(columns[i], kRawIdColumn);
      distinct.insert(columns[i]);
      mapping[fields[i]] = columns[i];
    }
    ASSERT_EQ(distinct.size(), fields.size());

    std::vector<std::string> shuffled = fields;
    std::shuffle(shuffled.begin(), shuffled.end(), random_);
    const std::vector<std::string> again = MapColumnNames(shuffled);
    for (size_t i = 0; i < shuffled.size(); ++i) ASSERT_EQ(again[i], mapping[shuffled[i]]);
  }
}

TEST_F(NamePropertyTest, ColumnWithoutCollisionRenamesNone) {
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> fields = RandomNames(2 + Below(40));
    const std::vector<std::string> before = MapColumnNames(fields);
    fields.push_back(absl::StrCat("other_", round, "_", Below(1000000)));
    std::vector<std::string> after = MapColumnNames(fields);
    ASSERT_EQ(after.back(), fields.back());
    after.pop_back();
    ASSERT_EQ(before, after);
  }
}

TEST_F(NamePropertyTest, TablesAreDistinctAndIndependentOfOrder) {
  for (int round = 0; round < 100; ++round) {
    std::set<StreamDescriptor> set;
    while (set.size() < 40) {
      static const std::vector<std::string> spaces = {"",       "publ\u00edc", "a",
                                                      "\u00e1", "a b",         "a-b"};
      set.insert({spaces[Below(spaces.size())], RandomName()});
    }
    std::vector<StreamDescriptor> streams(set.begin(), set.end());
    std::shuffle(streams.begin(), streams.end(), random_);
    const std::vector<TableName> tables = Tables(streams);
    std::map<StreamDescriptor, TableName> mapping;
    std::set<TableName> distinct;
    for (size_t i = 0; i < streams.size(); ++i) {
      ASSERT_TRUE(IsIdentifier(tables[i].name));
      ASSERT_FALSE(absl::StartsWith(tables[i].name, kStagingTablePrefix));
      const TableName temp = GetStagingTableName(tables[i], "ledger");
      ASSERT_TRUE(IsIdentifier(temp.name));
      ASSERT_TRUE(absl::StartsWith(temp.name, kStagingTablePrefix));
      distinct.insert(tables[i]);
      distinct.insert(temp);
      mapping[streams[i]] = tables[i];
    }
    ASSERT_EQ(distinct.size(), 2 * streams.size());
    std::shuffle(streams.begin(), streams.end(), random_);
    const std::vector<TableName> again = Tables(streams);
    for (size_t i = 0; i < streams.size(); ++i) ASSERT_EQ(again[i], mapping[streams[i]]);
  }
}

}  // namespace
}  // namespace syncline
