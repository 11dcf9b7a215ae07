#include "net/http_body.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

struct Received {
  BodyOutcome outcome = BodyOutcome::kOk;
  std::string body = {};
};

Received Receive(ContentCoding coding, size_t max_bytes, std::string_view wire,
                 size_t piece_bytes, size_t budget_bytes = 1 << 30) {
  auto budget = std::make_shared<ByteBudget>(budget_bytes);
  BodyReceiver receiver({.coding = coding, .max_bytes = max_bytes},
                        ByteLease(budget));
  for (size_t at = 0; at < wire.size(); at += piece_bytes) {
    receiver.Put(wire.substr(at, piece_bytes));
  }
  Received received{.outcome = receiver.Finish()};
  received.body = std::string(receiver.TakeBody()->view());
  return received;
}

std::string Text(size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += std::to_string(text.size()) + " ";
  text.resize(bytes);
  return text;
}

TEST(BodyReceiverTest, ReadsTheSameInPiecesOfAnySize) {
  std::string text = Text(300'000);
  for (size_t piece : {1, 7, 1000, 1 << 20}) {
    EXPECT_EQ(Receive(ContentCoding::kIdentity, 1 << 20, text, piece).body,
              text);
    Received received =
        Receive(ContentCoding::kGzip, 1 << 20, GzipOf(text), piece);
    EXPECT_EQ(received.outcome, BodyOutcome::kOk);
    EXPECT_EQ(received.body, text);
  }
}

TEST(BodyReceiverTest, LimitsTheDecodedBytesToTheByte) {
  for (size_t bytes : {size_t{1}, size_t{1000}, size_t{65'536}, size_t{65'537},
                       size_t{200'000}}) {
    std::string packed = GzipOf(Text(bytes));
    for (size_t piece : {1, 1 << 20}) {
      // The limit holds for the bytes sent too, so it is above them here.
      if (packed.size() >= bytes) continue;
      EXPECT_EQ(Receive(ContentCoding::kGzip, bytes, packed, piece).outcome,
                BodyOutcome::kOk);
      EXPECT_EQ(Receive(ContentCoding::kGzip, bytes - 1, packed, piece).outcome,
                BodyOutcome::kTooLarge);
    }
  }
  EXPECT_EQ(Receive(ContentCoding::kIdentity, 3, "abc", 1).outcome,
            BodyOutcome::kOk);
  EXPECT_EQ(Receive(ContentCoding::kIdentity, 3, "abcd", 1).outcome,
            BodyOutcome::kTooLarge);
}

TEST(BodyReceiverTest, ReadsSeveralGzipMembers) {
  std::string wire = GzipOf("one,") + GzipOf("") + GzipOf("two");
  Received received = Receive(ContentCoding::kGzip, 1000, wire, 3);
  EXPECT_EQ(received.outcome, BodyOutcome::kOk);
  EXPECT_EQ(received.body, "one,two");
}

TEST(BodyReceiverTest, RefusesDamagedGzip) {
  std::string packed = GzipOf(Text(10'000));
  std::string flipped = packed;
  flipped[packed.size() / 2] = static_cast<char>(~flipped[packed.size() / 2]);
  std::string wrong_sum = packed;
  wrong_sum[packed.size() - 6] =
      static_cast<char>(~wrong_sum[packed.size() - 6]);
  for (const std::string& wire :
       {std::string(), std::string("plain"), packed + "x",
        packed.substr(0, packed.size() - 1), flipped, wrong_sum}) {
    EXPECT_EQ(Receive(ContentCoding::kGzip, 1 << 20, wire, 100).outcome,
              BodyOutcome::kBadEncoding);
  }
}

TEST(BodyReceiverTest, StopsAtTheBudgetAndGivesItBack) {
  auto budget = std::make_shared<ByteBudget>(100'000);
  {
    BodyReceiver receiver({.max_bytes = 1 << 20}, ByteLease(budget));
    EXPECT_EQ(receiver.Put(Text(60'000)), BodyOutcome::kOk);
    EXPECT_EQ(receiver.Put(Text(60'000)), BodyOutcome::kOverBudget);
    EXPECT_EQ(receiver.Put("x"), BodyOutcome::kOverBudget);
    EXPECT_FALSE(budget->TryTake(50'000));
  }
  EXPECT_TRUE(budget->TryTake(100'000));
  EXPECT_EQ(Receive(ContentCoding::kGzip, 10 << 20,
                    GzipOf(std::string(5 << 20, '0')), 1000, 1 << 20)
                .outcome,
            BodyOutcome::kOverBudget);
}

TEST(BodyReceiverTest, LeasesTheAnnouncedBytesBeforeTheFirstIsRead) {
  EXPECT_EQ(FirstLeaseBytes(500'000, ContentCoding::kIdentity, 1 << 20),
            500'000u);
  EXPECT_EQ(FirstLeaseBytes(500'000, ContentCoding::kGzip, 1 << 20), 65'536u);
  EXPECT_EQ(FirstLeaseBytes({}, ContentCoding::kIdentity, 1 << 20), 65'536u);
  EXPECT_EQ(FirstLeaseBytes({}, ContentCoding::kIdentity, 1000), 1000u);
}

}  // namespace
}  // namespace oddverb
