#include "bench/token_hash.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cbr/errors.h>

namespace cbr::bench {
namespace {

void require(int result) {
  if (result != 1) throw Error("the crypto library can't compute SHA-256");
}

template <std::size_t Bytes>
std::array<unsigned char, Bytes> little_endian(std::uint64_t number) {
  std::array<unsigned char, Bytes> bytes{};
  for (std::size_t i = 0; i < Bytes; ++i) {
    bytes[i] = static_cast<unsigned char>((number >> (8 * i)) & 0xFFU);
  }
  return bytes;
}

}  // namespace

struct TokenHash::State {
  struct Deleter {
    void operator()(EVP_MD_CTX* to_free) const { EVP_MD_CTX_free(to_free); }
  };
  std::unique_ptr<EVP_MD_CTX, Deleter> context{EVP_MD_CTX_new()};
};

TokenHash::TokenHash() : state_(std::make_unique<State>()) {
  require(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

TokenHash::TokenHash(TokenHash&&) noexcept = default;
TokenHash& TokenHash::operator=(TokenHash&&) noexcept = default;
TokenHash::~TokenHash() = default;

void TokenHash::add(std::span<const std::uint32_t> tokens) {
  for (const std::uint32_t token : tokens) add_bytes(little_endian<4>(token));
}

void TokenHash::add(std::uint64_t checksum) {
  add_bytes(little_endian<8>(checksum));
}

void TokenHash::add_bytes(std::span<const unsigned char> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

std::string TokenHash::finish() {
  std::array<unsigned char, 32> digest{};
  require(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr));
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace cbr::bench
