#include "server/engine/fifo.h"

#include <deque>
#include <memory>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure::engine {
namespace {

using ::testing::ElementsAreArray;

TEST(FifoTest, IsADeque) {
  std::mt19937 random(7);
  Fifo<int> fifo;
  std::deque<int> model;
  for (int i = 0; i < 20'000; ++i) {
    // Grows for a while, shrinks for a while.
    const bool push = model.empty() || random() % 100 < (i / 500 % 2 == 0 ? 70 : 30);
    if (push) {
      fifo.push_back(i);
      model.push_back(i);
    } else {
      ASSERT_EQ(fifo.front(), model.front());
      fifo.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(fifo.size(), model.size());
    ASSERT_EQ(fifo.empty(), model.empty());
    if (i % 97 == 0) ASSERT_THAT(fifo, ElementsAreArray(model));
  }
}

TEST(FifoTest, LetsGoOfWhatIsPopped) {
  Fifo<std::shared_ptr<int>> fifo;
  const auto item = std::make_shared<int>(1);
  for (int i = 0; i < 3; ++i) fifo.push_back(item);
  fifo.pop_front();
  EXPECT_EQ(item.use_count(), 3);
  fifo.clear();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(FifoTest, ComparesWhatIsInIt) {
  Fifo<int> a;
  Fifo<int> b;
  for (int i = 0; i < 5; ++i) a.push_back(i);
  a.pop_front();
  for (int i = 1; i < 5; ++i) b.push_back(i);
  EXPECT_EQ(a, b);
  b.pop_front();
  EXPECT_FALSE(a == b);
}

}  // namespace
}  // namespace perdure::engine
