#include "server/model/sql_name.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace syncline {
namespace {

TEST(ParseTableNameTest, ReadsNamesAsSqlDoes) {
  const std::vector<std::pair<std::string, TableName>> cases = {
      {"orders", {"public", "orders"}},
      {"Orders", {"public", "orders"}},
      {"\"Orders\"", {"public", "Orders"}},
      {"crm.orders", {"crm", "orders"}},
      {"CRM.\"My Orders\"", {"crm", "My Orders"}},
      {"\"My Schema\".\"T\"", {"My Schema", "T"}},
      {"\"a.b\".\"say \"\"hi\"\"\"", {"a.b", "say \"hi\""}},
      {" crm . orders ", {"crm", "orders"}},
      {"_x$1", {"public", "_x$1"}},
      {"\u00c9t\u00e9", {"public", "\u00c9t\u00e9"}},
      {std::string(63, 'x'), {"public", std::string(63, 'x')}},
  };
  for (const auto& [text, table] : cases) {
    const absl::StatusOr<TableName> parsed = ParseTableName(text, "public");
    ASSERT_TRUE(parsed.ok()) << text << parsed.status();
    EXPECT_EQ(*parsed, table) << text;
  }
}

TEST(ParseTableNameTest, RefusesEverythingElse) {
  for (const std::string& text :
       {std::string("."), std::string("a."), std::string(".a"), std::string("a.b.c"),
        std::string("1a"), std::string("a b"), std::string("a-b"), std::string("\"\""),
        std::string("\"a"), std::string("a\""), std::string("\"a\"b"), std::string("a;drop"),
        std::string("U&\"a\""), std::string("\"a\0b\"", 5), std::string(64, 'x'),
        std::string("s._syncline_tmp_x"), std::string(" ")}) {
    const absl::StatusOr<TableName> parsed = ParseTableName(text, "public");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    const ErrorDetail detail = GetDetail(parsed.status());
    EXPECT_EQ(detail.reason, "INVALID_NAME") << text;
    ASSERT_EQ(detail.violations.size(), 1u) << text;
    EXPECT_EQ(detail.violations[0].field, "table_name") << text;
  }
}

}  // namespace
}  // namespace syncline
