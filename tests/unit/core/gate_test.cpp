#include "core/gate.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cbr::detail {
namespace {

TEST(Gate, LetsVisitsInUntilItCloses) {
  Gate gate;
  EXPECT_TRUE(gate.is_open());
  {
    const Visit one(gate);
    const Visit another(gate);
    EXPECT_TRUE(one.allowed());
    EXPECT_TRUE(another.allowed());
    EXPECT_FALSE(one.forked());
  }
  gate.close();
  EXPECT_FALSE(gate.is_open());
  gate.wait_until_empty();
  const Visit late(gate);
  EXPECT_FALSE(late.allowed());
  EXPECT_FALSE(late.forked());
}

TEST(Gate, ARefusedVisitLeavesNothingBehind) {
  Gate gate;
  gate.close();
  for (int i = 0; i < 3; ++i) {
    const Visit refused(gate);
    EXPECT_FALSE(refused.allowed());
    // Would block if it counted, or if it had taken one too many away.
    gate.wait_until_empty();
    EXPECT_FALSE(gate.is_open());
  }
}

TEST(Gate, AVisitUnaskedIsLetInAndWaitedFor) {
  Gate gate;
  gate.close();
  std::optional<Visit> visit(std::in_place, gate, Visit::Unasked{});
  EXPECT_TRUE(visit->allowed());
  std::atomic<bool> empty = false;
  std::thread waiting([&] {
    gate.wait_until_empty();
    empty = true;
  });
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_FALSE(empty);
  visit.reset();
  waiting.join();
  EXPECT_FALSE(gate.is_open());
}

TEST(Gate, ClosingTwiceIsClosingOnce) {
  Gate gate;
  std::optional<Visit> visit(std::in_place, gate);
  gate.close();
  gate.close();
  EXPECT_FALSE(gate.is_open());
  visit.reset();
  gate.wait_until_empty();
  EXPECT_FALSE(gate.is_open());
}

TEST(Gate, ItsEndWaitsForEveryVisitUnderWay) {
  Gate gate;
  std::vector<std::unique_ptr<Visit>> visits;
  for (int i = 0; i < 3; ++i) visits.push_back(std::make_unique<Visit>(gate));
  gate.close();
  for (const auto& visit : visits) EXPECT_TRUE(visit->allowed()) << "it came before";
  std::atomic<int> left = 0;
  std::atomic<bool> waits = false;
  std::thread leaver([&] {
    while (!waits) std::this_thread::yield();
    for (auto& visit : visits) {
      // Those that are refused meanwhile must not end the wait.
      { const Visit refused(gate); }
      ++left;
      visit.reset();
    }
  });
  waits = true;
  gate.wait_until_empty();
  EXPECT_EQ(left, 3);
  leaver.join();
}

TEST(Gate, VisitsThatRaceItsEndAreEitherInOrOut) {
  for (int round = 0; round < 200; ++round) {
    auto gate = std::make_unique<Gate>();
    std::atomic<bool> ended = false;
    std::atomic<bool> go = false;
    std::vector<std::thread> visitors;
    for (int i = 0; i < 2; ++i) {
      visitors.emplace_back([&] {
        while (!go) std::this_thread::yield();
        for (;;) {
          const Visit visit(*gate);
          if (!visit.allowed()) return;
          EXPECT_FALSE(ended) << "the end did not wait";
        }
      });
    }
    go = true;
    gate->close();
    gate->wait_until_empty();
    ended = true;
    for (std::thread& visitor : visitors) visitor.join();
  }
}

TEST(Gate, ItMayGoOnceItsEndHasWaited) {
  // For the sanitizers to see: the last visitor has let go of the gate by then.
  for (int round = 0; round < 500; ++round) {
    auto gate = std::make_unique<Gate>();
    std::atomic<bool> in = false;
    std::thread visitor([&in, &its_gate = *gate] {
      const Visit visit(its_gate);
      in = true;
    });
    while (!in) std::this_thread::yield();
    gate->close();
    gate->wait_until_empty();
    gate.reset();
    visitor.join();
  }
}

/// Exit code of a child that runs `body`.
template <typename Body>
int in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Gate, InAForkedChildNothingGoesThrough) {
  Gate gate;
  EXPECT_TRUE(gate.same_process());
  const Visit before(gate);
  EXPECT_EQ(in_child([&] {
              if (gate.same_process()) return 1;
              const Visit visit(gate);
              if (visit.allowed()) return 2;
              return visit.forked() ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(Visit(gate).allowed()) << "the parent's goes on";
}

TEST(Gate, AClosedOneIsForkedToAChild) {
  Gate gate;
  gate.close();
  EXPECT_EQ(in_child([&] { return Visit(gate).forked() ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace cbr::detail
