// What a misspelt word was meant to be. Pure logic.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cbr::config {

/// How many letters must be put in, left out, changed or swapped with their neighbour to get from
/// one word to the other. Case counts for nothing, and neither does - or _.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// The word that `misspelt` is closest to, the first of equals; nothing if more than a third of its
/// letters (at least one) would have to change.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view misspelt,
                                                      const std::vector<std::string_view>& words);

/// The words that have `fragment` in them, or that it has in it, as `size` and `my_ring_size`
/// belong to ring_size. At least four letters must be the same; case counts for nothing, nor does -
/// or _.
[[nodiscard]] std::vector<std::string_view> relatives(std::string_view fragment,
                                                      const std::vector<std::string_view>& words);

/// "; did you mean ring_size?": the nearest word, else its relatives if they are few, else nothing.
[[nodiscard]] std::string suggestion(std::string_view misspelt,
                                     const std::vector<std::string_view>& words);

}  // namespace cbr::config
