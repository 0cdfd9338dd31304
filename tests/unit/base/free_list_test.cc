#include "base/free_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace syncline {
namespace {

using Numbers = FreeList<std::unique_ptr<int>>;

void Give(Numbers& list, int count) {
  for (int i = 0; i < count; ++i) list.Give(std::make_unique<int>(i), 100);
}

TEST(FreeListTest, TakesTheLastGivenFirst) {
  Numbers list(1000);
  EXPECT_EQ(list.Take(), nullptr);
  Give(list, 3);
  EXPECT_EQ(list.size(), 3);
  EXPECT_EQ(*list.Take(), 2);
  EXPECT_EQ(*list.Take(), 1);
  EXPECT_EQ(list.size(), 1);
}

TEST(FreeListTest, KeepsAtMostTheLimit) {
  Numbers list(299);
  Give(list, 5);
  EXPECT_EQ(list.size(), 2);
  list.Give(std::make_unique<int>(6), 99);
  EXPECT_EQ(list.size(), 3);
  // Buffers that are taken or freed make room again.
  EXPECT_EQ(*list.Take(), 6);
  list.FreeUnused();
  list.FreeUnused();
  EXPECT_EQ(list.size(), 0);
  Give(list, 5);
  EXPECT_EQ(list.size(), 2);
}

TEST(FreeListTest, DropsLargeBuffers) {
  Numbers list(10 * kMaxKeptBufferBytes);
  list.Give(std::make_unique<int>(1), kMaxKeptBufferBytes + 1);
  EXPECT_EQ(list.size(), 0);
  list.Give(std::make_unique<int>(2), kMaxKeptBufferBytes);
  EXPECT_EQ(list.size(), 1);
}

TEST(FreeListTest, FreesUnusedBuffers) {
  Numbers list(1000);
  Give(list, 4);
  list.FreeUnused();
  EXPECT_EQ(list.size(), 4) << "they were given after the list was created";

  // Only one of the four buffers is used.
  for (int i = 0; i < 3; ++i) list.Give(list.Take(), 100);
  list.FreeUnused();
  EXPECT_EQ(list.size(), 1);

  list.FreeUnused();
  EXPECT_EQ(list.size(), 0);
}

TEST(FreeListTest, ThreadsNeverShareABuffer) {
  FreeBlocks blocks(400);
  std::vector<std::thread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([&blocks, name] {
      for (int i = 0; i < 2000; ++i) {
        ByteBuffer block = blocks.Take();
        block.Clear();
        for (int byte = 0; byte < 16; ++byte) block.AppendByte(name);
        ASSERT_EQ(block.view(), std::string(16, name));
        if (i % 100 == 0) blocks.FreeUnused();
        blocks.Give(std::move(block), 100);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(blocks.size(), 4);
}

}  // namespace
}  // namespace syncline
