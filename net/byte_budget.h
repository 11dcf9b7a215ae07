// A shared allowance of bytes, and the part of it that one request holds.
#ifndef ODDVERB_NET_BYTE_BUDGET_H_
#define ODDVERB_NET_BYTE_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace oddverb {

// Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // All or nothing.
  bool TryTake(size_t bytes) {
    size_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_bytes_ - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes,
                                                std::memory_order_relaxed));
    return true;
  }
  void Give(size_t bytes) {
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
};

// Gives back what it holds at its end. One thread at a time.
class ByteLease {
 public:
  explicit ByteLease(std::shared_ptr<ByteBudget> budget)
      : budget_(std::move(budget)) {}
  ByteLease(ByteLease&& other) noexcept
      : budget_(std::move(other.budget_)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  ByteLease& operator=(ByteLease&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ByteLease() { Release(); }

  // Holds at least `bytes` in all; false (and nothing changed) where the
  // budget does not have them.
  bool GrowTo(size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_->TryTake(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  void Release() {
    if (bytes_ > 0) budget_->Give(std::exchange(bytes_, 0));
  }

 private:
  std::shared_ptr<ByteBudget> budget_;
  size_t bytes_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_BYTE_BUDGET_H_
