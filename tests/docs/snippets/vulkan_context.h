// What the C++ of the pages takes for granted: a test fixture for each situation.
#pragma once

#include <algorithm>
#include <cassert>
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/config.h>
#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/submit_policy.h>
#include <cbr/validation.h>
#include <cbr/vulkan.h>

#include "support/vulkan_fixture.h"

namespace cbr::docs {

using namespace std::chrono_literals;

/// A block that brings all it needs.
class Nothing : public testing::Test {
 protected:
  static std::uint32_t queue_count() {
    const auto devices = vulkan::list_devices();
    std::uint32_t most = 0;
    for (const auto& device : devices) {
      std::uint32_t queues = 0;
      for (const auto& family : device.compute_families) queues += family.queue_count;
      most = std::max(most, queues);
    }
    return most;
  }
};

/// A device with validation, and backends on it.
class Backend : public Nothing {
 protected:
  static void record(VkCommandBuffer commands) { EXPECT_NE(commands, nullptr); }

  std::shared_ptr<vulkan::Device> device = test::validated_device();
  std::shared_ptr<cbr::Backend> backend = vulkan::make_backend(device);
  std::shared_ptr<cbr::Backend> new_backend = vulkan::make_backend(device);
};

/// A device of the program's own, to be wrapped.
class OwnDevice : public Nothing {
 protected:
  std::shared_ptr<vulkan::Device> owner = test::validated_device();
  VkInstance my_instance = owner->instance();
  VkPhysicalDevice my_physical_device = owner->physical_device();
  VkDevice my_device = owner->handle();
  VkQueue my_queue = owner->queue();
  std::uint32_t my_queue_family = owner->queue_family();
  /// One for the whole program, as blocks use it in lambdas without captures.
  inline static std::mutex my_queue_mutex;
};

/// A ring of three.
class Ring : public Backend {
 protected:
  CommandBufferRing ring{backend};
};

/// A ring with a lease, and semaphores of the program's.
class OwnSemaphores : public Ring {
 protected:
  OwnSemaphores() { vulkan::submit(ring.acquire(), {.signal = {{image_available}}}); }
  ~OwnSemaphores() override {
    ring.drain();
    const auto destroy =
        reinterpret_cast<PFN_vkDestroySemaphore>(device->function("vkDestroySemaphore"));
    for (const VkSemaphore semaphore : {image_available, image_rendered, my_timeline}) {
      destroy(device->handle(), semaphore, nullptr);
    }
  }
  [[nodiscard]] VkSemaphore make_semaphore(VkSemaphoreType kind) const {
    VkSemaphoreTypeCreateInfo type{};
    type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
    type.semaphoreType = kind;
    VkSemaphoreCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    create.pNext = &type;
    VkSemaphore semaphore = VK_NULL_HANDLE;
    const auto make =
        reinterpret_cast<PFN_vkCreateSemaphore>(device->function("vkCreateSemaphore"));
    EXPECT_EQ(make(device->handle(), &create, nullptr, &semaphore), VK_SUCCESS);
    return semaphore;
  }

  VkSemaphore image_available = make_semaphore(VK_SEMAPHORE_TYPE_BINARY);
  VkSemaphore image_rendered = make_semaphore(VK_SEMAPHORE_TYPE_BINARY);
  VkSemaphore my_timeline = make_semaphore(VK_SEMAPHORE_TYPE_TIMELINE);
  Lease lease = ring.acquire();
};

/// A ring, and another one of the same device.
class TwoRings : public Ring {
 protected:
  CommandBufferRing uploads{new_backend};
};

/// A ring with a submission in flight or just ended.
class Submitted : public Ring {
 protected:
  Ticket ticket = ring.acquire().submit();
};

/// A coroutine that starts at once, and keeps its failure.
struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {ended.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() { ended.set_value(); }
    void unhandled_exception() { ended.set_exception(std::current_exception()); }
    std::promise<void> ended;
  };
  std::future<void> ended;
};

/// A ring with a lease, and several tickets.
class Leased : public Submitted {
 protected:
  static void run_coroutine(const std::function<Task()>& start) { start().ended.get(); }

  void TearDown() override { lease.discard(); }

  Lease lease = ring.acquire();
  std::vector<Ticket> tickets = {ticket, ring.acquire().submit()};
  std::shared_ptr<std::vector<std::byte>> buffer = std::make_shared<std::vector<std::byte>>(16);
  Executor executor = [](std::coroutine_handle<> coroutine) { coroutine.resume(); };
};

/// A graph of commands to be recorded into several submissions.
class Graph : public Ring {
 protected:
  struct Node {
    std::uint64_t weight_bytes = 0;
    std::uint64_t flops = 0;
    const char* name = "node";
  };
  void encode(const Node& /*node*/, const Lease& recording) {
    EXPECT_TRUE(recording.valid());
    ++encoded;
  }
  Ticket submit_and_acquire_next() {
    Ticket ticket = std::move(lease).submit();
    ++submissions;
    lease = ring.acquire();
    return ticket;
  }
  void TearDown() override {
    lease.discard();
    EXPECT_EQ(encoded, graph.size());
    EXPECT_GE(submissions, 1);
  }

  std::vector<Node> graph =
      std::vector<Node>(300, {.weight_bytes = 1 << 10, .flops = 1 << 11, .name = "node"});
  Lease lease = ring.acquire();
  std::size_t encoded = 0;
  int submissions = 0;
};

/// The same by constants.
class GraphByConstants : public Graph {
 protected:
  void TearDown() override {
    Graph::TearDown();
    // By the hundred, with a ramp: 12, 25, 50, 100, 100, and 13 that wait for more.
    EXPECT_EQ(submissions, 5);
  }
};

/// A file with a configuration in the working folder.
class ConfigFile : public Backend {
 protected:
  void SetUp() override {
    std::filesystem::copy_file(example, file, std::filesystem::copy_options::overwrite_existing);
  }
  void TearDown() override { std::filesystem::remove(file); }

  std::filesystem::path example = CBR_SOURCE_DIR "/docs/reference/config.example.yaml";
  std::filesystem::path file = "ring.yaml";
};

}  // namespace cbr::docs
