// A lock that its waiters get in the order in which they came. With std::mutex,
// a thread that unlocks and locks again at once keeps all others out. Use with
// std::lock_guard. Thread-safe.
#ifndef ODDVERB_PIPELINE_FAIR_MUTEX_H_
#define ODDVERB_PIPELINE_FAIR_MUTEX_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace oddverb {

class FairMutex {
 public:
  void lock() {
    std::unique_lock<std::mutex> guard(mutex_);
    uint64_t mine = next_++;
    turn_.wait(guard, [&] { return serving_ == mine; });
  }

  void unlock() {
    {
      std::lock_guard<std::mutex> guard(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ = 0;     // guarded by mutex_
  uint64_t serving_ = 0;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_FAIR_MUTEX_H_
