// One hash over all that a run has computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace cbr::bench {

/// A SHA-256 over numbers that are added one after another, each as little-endian bytes.
/// Move-only. Used by one thread at a time.
class TokenHash {
 public:
  /// Throws Error if the crypto library refuses.
  TokenHash();
  TokenHash(TokenHash&&) noexcept;
  TokenHash& operator=(TokenHash&&) noexcept;
  ~TokenHash();

  /// Adds tokens, four bytes each.
  void add(std::span<const std::uint32_t> tokens);
  /// Adds one checksum, eight bytes.
  void add(std::uint64_t checksum);

  /// The hash of all that was added, in 64 lower-case hexadecimal digits. May be called once.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  void add_bytes(std::span<const unsigned char> bytes);
  std::unique_ptr<State> state_;
};

}  // namespace cbr::bench
