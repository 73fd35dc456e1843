#include <algorithm>
#include <utility>

#include <cbr/dependency.h>

namespace cbr {

Dependencies::Dependencies(std::initializer_list<Dependency> list) {
  for (const Dependency& dependency : list) add(dependency);
}

Dependencies::Dependencies(std::span<const Ticket> tickets) {
  for (const Ticket& ticket : tickets) add(ticket);
}

Dependencies::Dependencies(Dependencies&& other) noexcept {
  *this = std::move(other);
}

Dependencies& Dependencies::operator=(const Dependencies& other) {
  return *this = Dependencies(other);
}

Dependencies& Dependencies::operator=(Dependencies&& other) noexcept {
  if (this == &other) return *this;
  if (empty()) {
    // The way of a submission, from the program to the record.
    for (std::size_t i = 0; i < other.few_count_; ++i) few_[i] = std::move(other.few_[i]);
    few_count_ = std::exchange(other.few_count_, 0);
    more_.swap(other.more_);
    return *this;
  }
  const std::size_t filled = std::max(few_count_, other.few_count_);
  for (std::size_t i = 0; i < filled; ++i) std::swap(few_[i], other.few_[i]);
  std::swap(few_count_, other.few_count_);
  more_.swap(other.more_);
  // What this had goes last, for that may call the program's code.
  other.clear();
  return *this;
}

void Dependencies::clear() noexcept {
  for (; few_count_ > 0; --few_count_) few_[few_count_ - 1] = Dependency();
  more_.clear();
}

void Dependencies::add(Dependency dependency) {
  if (few_count_ < few_.size()) {
    few_[few_count_++] = std::move(dependency);
  } else {
    more_.push_back(std::move(dependency));
  }
}

}  // namespace cbr
