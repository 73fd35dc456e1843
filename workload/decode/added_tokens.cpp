#include "decode/added_tokens.h"

namespace cbr::decode {

void AddedTokens::add(std::string_view content, TokenId token) {
  std::uint32_t node = 0;
  for (const char byte : content) {
    const auto next = static_cast<std::uint32_t>(nodes_.size());
    const auto [edge, is_new] = nodes_[node].edges.emplace(byte, next);
    node = edge->second;
    if (is_new) nodes_.emplace_back();
  }
  nodes_[node].token = token;
}

TextSpan AddedTokens::longest_at_front(std::string_view text) const {
  TextSpan longest;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto edge = nodes_[node].edges.find(text[i]);
    if (edge == nodes_[node].edges.end()) break;
    node = edge->second;
    if (nodes_[node].token) longest = {text.substr(0, i + 1), nodes_[node].token};
  }
  return longest;
}

std::vector<TextSpan> AddedTokens::split(std::string_view text) const {
  std::vector<TextSpan> spans;
  std::size_t done = 0;
  std::size_t position = 0;
  while (position < text.size()) {
    const TextSpan found = longest_at_front(text.substr(position));
    if (!found.token) {
      ++position;
      continue;
    }
    if (position > done) spans.push_back({text.substr(done, position - done), std::nullopt});
    spans.push_back(found);
    position += found.text.size();
    done = position;
  }
  if (done < text.size()) spans.push_back({text.substr(done), std::nullopt});
  return spans;
}

}  // namespace cbr::decode
