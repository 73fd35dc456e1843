// The C structures of DLPack, by which libraries of arrays hand each other memory:
// https://dmlc.github.io/dlpack/latest/c_api.html. As much of them as is used here.
#pragma once

#include <cstdint>

namespace cbr::python::dlpack {

/// Memory that the CPU reaches.
inline constexpr std::int32_t cpu = 1;

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType type;
  std::int64_t* shape;
  /// In elements; null for C's order without gaps.
  std::int64_t* strides;
  std::uint64_t byte_offset;
};

/// What a capsule named "dltensor" holds.
struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};
inline constexpr const char* name = "dltensor";
inline constexpr const char* used_name = "used_dltensor";

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};
inline constexpr Version version = {1, 0};

inline constexpr std::uint64_t read_only_flag = 1;
inline constexpr std::uint64_t copied_flag = 2;

/// What a capsule named "dltensor_versioned" holds, from DLPack 1.0 on.
struct VersionedTensor {
  Version version;
  void* context;
  void (*deleter)(VersionedTensor*);
  std::uint64_t flags;
  Tensor tensor;
};
inline constexpr const char* versioned_name = "dltensor_versioned";
inline constexpr const char* used_versioned_name = "used_dltensor_versioned";

}  // namespace cbr::python::dlpack
