#include "core/intrusive_list.h"

#include <array>
#include <cstddef>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Item {
  int number = 0;
  Item* previous = nullptr;
  Item* next = nullptr;
  /// For a list of another kind.
  Item* other_previous = nullptr;
  Item* other_next = nullptr;
};
using List = IntrusiveList<Item, &Item::previous, &Item::next>;
using OtherList = IntrusiveList<Item, &Item::other_previous, &Item::other_next>;

class IntrusiveListTest : public testing::Test {
 protected:
  IntrusiveListTest() {
    for (std::size_t i = 0; i < items_.size(); ++i) items_[i].number = static_cast<int>(i);
  }
  /// The numbers from the front, having looked at the links in both directions.
  template <typename AnyList>
  static std::vector<int> numbers(const AnyList& list) {
    std::vector<int> forwards;
    for (Item* item = list.front(); item != nullptr; item = AnyList::next(*item)) {
      forwards.push_back(item->number);
    }
    std::vector<int> backwards;
    for (Item* item = list.back(); item != nullptr; item = AnyList::previous(*item)) {
      backwards.insert(backwards.begin(), item->number);
    }
    EXPECT_EQ(forwards, backwards);
    EXPECT_EQ(list.empty(), forwards.empty());
    return forwards;
  }
  std::array<Item, 5> items_;
  List list_;
};

TEST_F(IntrusiveListTest, IsEmptyAtFirst) {
  EXPECT_THAT(numbers(list_), IsEmpty());
  EXPECT_EQ(list_.pop_front(), nullptr);
}

TEST_F(IntrusiveListTest, TakesObjectsAtItsEnd) {
  for (Item& item : items_) list_.push_back(item);
  EXPECT_THAT(numbers(list_), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(IntrusiveListTest, TakesObjectsAnywhere) {
  list_.insert_after(nullptr, items_[2]);
  list_.insert_after(nullptr, items_[0]);
  list_.insert_after(&items_[0], items_[1]);
  list_.insert_after(&items_[2], items_[4]);
  list_.insert_after(&items_[2], items_[3]);
  EXPECT_THAT(numbers(list_), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(IntrusiveListTest, LetsGoOfThemWhereverTheyStand) {
  for (std::size_t removed = 0; removed < 3; ++removed) {
    List list;
    for (std::size_t i = 0; i < 3; ++i) list.push_back(items_.at(i));
    list.remove(items_.at(removed));
    EXPECT_EQ(items_.at(removed).previous, nullptr);
    EXPECT_EQ(items_.at(removed).next, nullptr);
    std::vector<int> rest{0, 1, 2};
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(removed));
    EXPECT_EQ(numbers(list), rest);
    list.push_back(items_.at(removed));
    EXPECT_EQ(list.back(), &items_.at(removed));
  }
}

TEST_F(IntrusiveListTest, PopsFromItsFront) {
  for (std::size_t i = 0; i < 2; ++i) list_.push_back(items_.at(i));
  EXPECT_EQ(list_.pop_front(), items_.data());
  EXPECT_EQ(items_[0].next, nullptr);
  EXPECT_THAT(numbers(list_), ElementsAre(1));
  list_.push_back(items_[0]);
  EXPECT_EQ(list_.pop_front(), &items_[1]);
  EXPECT_EQ(list_.pop_front(), items_.data());
  EXPECT_EQ(list_.pop_front(), nullptr);
  EXPECT_THAT(numbers(list_), IsEmpty());
}

TEST_F(IntrusiveListTest, AnObjectMayBeInListsOfTwoKinds) {
  OtherList other;
  for (Item& item : items_) {
    list_.push_back(item);
    other.insert_after(nullptr, item);
  }
  list_.remove(items_[2]);
  EXPECT_THAT(numbers(list_), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(numbers(other), ElementsAre(4, 3, 2, 1, 0));
}

}  // namespace
}  // namespace cbr::detail
