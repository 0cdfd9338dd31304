#include "server/write/load/locked_tables.h"

#include <gtest/gtest.h>

#include <optional>

#include "absl/time/time.h"

namespace syncline::write {
namespace {

using Turn = LockedTables::Turn;

constexpr absl::Duration kStart = absl::Hours(5);

TEST(LockedTablesTest, UnknownTableIsFree) {
  LockedTables tables(1);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kFree);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kFree);
}

TEST(LockedTablesTest, OneFlushProbesALockedTable) {
  LockedTables tables(2);
  tables.SetLocked(1, kStart);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kProbe);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kWait);
  EXPECT_EQ(tables.Enter(2, kStart), Turn::kFree);
  tables.EndProbe(1);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kProbe);
  tables.SetFree(1);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kFree);
  tables.EndProbe(1);
}

TEST(LockedTablesTest, ProbesOfAllTablesAreLimited) {
  LockedTables tables(2);
  for (int64_t table = 1; table <= 3; ++table) tables.SetLocked(table, kStart);
  EXPECT_EQ(tables.Enter(1, kStart), Turn::kProbe);
  EXPECT_EQ(tables.Enter(2, kStart), Turn::kProbe);
  EXPECT_EQ(tables.Enter(3, kStart), Turn::kWait);
  tables.SetFree(1);
  tables.EndProbe(1);
  EXPECT_EQ(tables.Enter(3, kStart), Turn::kProbe);
}

TEST(LockedTablesTest, ReportsAfterTenSecondsAndEachMinute) {
  LockedTables tables(1);
  const auto after = [&](int seconds) {
    return tables.SetLocked(1, kStart + absl::Seconds(seconds));
  };
  EXPECT_EQ(after(0), std::nullopt);
  EXPECT_EQ(after(9), std::nullopt);
  EXPECT_EQ(after(11), absl::Seconds(11));
  EXPECT_EQ(after(12), std::nullopt);
  EXPECT_EQ(after(70), std::nullopt);
  EXPECT_EQ(after(71), absl::Seconds(71));
  tables.SetFree(1);
  EXPECT_EQ(after(72), std::nullopt);
}

// The calls of a locked table may all end before it is free.
TEST(LockedTablesTest, TableWithoutFlushesIsForgotten) {
  LockedTables tables(1);
  tables.SetLocked(1, kStart);
  tables.SetLocked(2, kStart);
  EXPECT_EQ(tables.Enter(2, kStart + absl::Seconds(8)), Turn::kProbe);
  tables.EndProbe(2);
  EXPECT_EQ(tables.Enter(1, kStart + absl::Seconds(11)), Turn::kFree);
  EXPECT_EQ(tables.Enter(2, kStart + absl::Seconds(11)), Turn::kProbe);
}

}  // namespace
}  // namespace syncline::write
