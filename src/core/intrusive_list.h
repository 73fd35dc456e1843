// A doubly linked list of objects that have its links in themselves, so that nothing is allocated.
#pragma once

namespace cbr::detail {

/// `Previous` and `Next` are the members that link. An object is in one such list at most.
template <typename T, T* T::*Previous, T* T::*Next>
class IntrusiveList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] T* front() const { return first_; }
  [[nodiscard]] T* back() const { return last_; }
  static T* next(const T& object) { return object.*Next; }
  static T* previous(const T& object) { return object.*Previous; }

  void push_back(T& object) { insert_after(last_, object); }
  /// At the front if `before` is null.
  void insert_after(T* before, T& object) {
    T* const after = before != nullptr ? before->*Next : first_;
    object.*Previous = before;
    object.*Next = after;
    (before != nullptr ? before->*Next : first_) = &object;
    (after != nullptr ? after->*Previous : last_) = &object;
  }
  /// `object` is in this list.
  void remove(T& object) {
    T* const before = object.*Previous;
    T* const after = object.*Next;
    (before != nullptr ? before->*Next : first_) = after;
    (after != nullptr ? after->*Previous : last_) = before;
    object.*Previous = nullptr;
    object.*Next = nullptr;
  }
  /// Null if the list is empty.
  T* pop_front() {
    T* const object = first_;
    if (object != nullptr) remove(*object);
    return object;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace cbr::detail
