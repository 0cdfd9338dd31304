#include "server/model/raw_id.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

namespace syncline {
namespace {

std::string IdOf(const RawIdGenerator& generator, int64_t offset) {
  std::string id(RawIdGenerator::kLength, '?');
  generator.Write(offset, id.data());
  return id;
}

// Computed by a separate program from the rule in raw_id.h. If these change, records of running
// syncs are duplicated.
TEST(RawIdTest, GoldenIds) {
  const RawIdGenerator users("nightly", {"public", "users"}, "w1");
  EXPECT_EQ(IdOf(users, 0), "68dfaba5-a80f-8596-8c9e-c69924b89217");
  EXPECT_EQ(IdOf(users, 7), "68dfaba5-a80f-8596-8c9e-c69924b8921e");
  EXPECT_EQ(IdOf(users, (int64_t{1} << 61) - 1), "68dfaba5-a80f-8596-ac9e-c69924b89216");
  EXPECT_EQ(IdOf(RawIdGenerator("", {"", ""}, ""), 0), "66687aad-f862-8d77-8c8f-c18b8e9f8e20");
  EXPECT_EQ(IdOf(RawIdGenerator("n\u00e4chtlich", {"", "gr\u00f6\u00dfen"}, "writer-2"), 123456789),
            "9061d533-900c-833e-9a00-6db06abff7b8");
}

TEST(RawIdTest, PartsAreDelimited) {
  const std::string id = IdOf(RawIdGenerator("nightly", {"public", "users"}, "w1"), 0);
  EXPECT_NE(id, IdOf(RawIdGenerator("nightly", {"pub", "licusers"}, "w1"), 0));
  EXPECT_NE(id, IdOf(RawIdGenerator("nightl", {"ypublic", "users"}, "w1"), 0));
  EXPECT_NE(id, IdOf(RawIdGenerator("nightly", {"public", "usersw"}, "1"), 0));
  EXPECT_NE(id, IdOf(RawIdGenerator("nightly", {"public", "users"}, "w2"), 0));
}

TEST(RawIdTest, IsUuidVersion8OfVariant10) {
  for (int writer = 0; writer < 200; ++writer) {
    const std::string id =
        IdOf(RawIdGenerator("sync", {"public", "users"}, std::to_string(writer)), writer);
    for (size_t i = 0; i < id.size(); ++i) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        ASSERT_EQ(id[i], '-') << id;
      } else {
        ASSERT_TRUE(std::isdigit(id[i]) || (id[i] >= 'a' && id[i] <= 'f')) << id;
      }
    }
    EXPECT_EQ(id[14], '8') << id;
    EXPECT_TRUE(id[19] == '8' || id[19] == '9' || id[19] == 'a' || id[19] == 'b') << id;
  }
}

TEST(RawIdTest, IsDistinctAndOrderedByOffset) {
  std::set<std::string> all;
  for (int writer = 0; writer < 20; ++writer) {
    const RawIdGenerator generator("sync", {"public", "users"}, std::to_string(writer));
    std::string last;
    for (int64_t offset = 0; offset < 1000; ++offset) {
      std::string id = IdOf(generator, offset);
      EXPECT_LT(last, id);
      last = id;
      all.insert(std::move(id));
    }
    EXPECT_LT(last, IdOf(generator, int64_t{1} << 60));
  }
  EXPECT_EQ(all.size(), 20000u);
}

}  // namespace
}  // namespace syncline
