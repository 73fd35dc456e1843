#include "core/callback_node.h"

#include <set>

#include <gtest/gtest.h>

#include "core/node_pool.h"
#include "unit/core/core_for_records.h"

namespace cbr::detail {
namespace {

TEST(NodePool, GivesANodeToOneAtATime) {
  const CoreForRecords core;
  NodePool<CallbackNode> pool(*core);
  EXPECT_EQ(pool.in_use(), 0U);
  std::set<CallbackNode*> taken;
  for (int i = 0; i < 20; ++i) {
    CallbackNode& node = pool.take();
    EXPECT_EQ(node.core, &*core);
    EXPECT_TRUE(node.is_callback);
    EXPECT_EQ(node.queued_on, nullptr);
    EXPECT_FALSE(node.callback);
    EXPECT_EQ(node.pool_next, nullptr);
    taken.insert(&node);
  }
  EXPECT_EQ(taken.size(), 20U);
  EXPECT_EQ(pool.in_use(), 20U);
  for (CallbackNode* node : taken) pool.give_back(*node);
  EXPECT_EQ(pool.in_use(), 0U);
  std::set<CallbackNode*> again;
  for (int i = 0; i < 20; ++i) again.insert(&pool.take());
  EXPECT_EQ(again, taken) << "it doesn't grow when it need not";
}

TEST(NodePool, ANodeStaysWhereItIsWhenThePoolGrows) {
  const CoreForRecords core;
  NodePool<CallbackNode> pool(*core);
  CallbackNode& first = pool.take();
  first.references = 2;
  for (int i = 0; i < 100; ++i) EXPECT_NE(&pool.take(), &first);
  EXPECT_EQ(first.references, 2U);
}

TEST(CallbackNode, RunsItsCallbackWithTheTicket) {
  const CoreForRecords core;
  NodePool<CallbackNode> pool(*core);
  CallbackNode& node = pool.take();
  Submission submission;
  submission.core = &*core;
  // One that the ticket's end doesn't reach.
  submission.references = 2;
  int calls = 0;
  node.callback = [&](const Ticket& ticket) {
    ++calls;
    EXPECT_EQ(TicketAccess::record(ticket), &submission);
  };
  {
    const Ticket ticket = TicketAccess::make(submission);
    node.run(ticket);
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace cbr::detail
