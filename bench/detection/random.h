// Random numbers that are the same everywhere for one seed (splitmix64; Steele,
// Lea, Flood 2014). The standard library's distributions differ by
// implementation, so they are not used. One thread.
#ifndef ODDVERB_BENCH_DETECTION_RANDOM_H_
#define ODDVERB_BENCH_DETECTION_RANDOM_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oddverb {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // In [0, n). REQUIRES: n > 0
  size_t Below(size_t n) { return static_cast<size_t>(Next() % n); }
  // In [low, high].
  int Between(int low, int high) {
    return low + static_cast<int>(Below(static_cast<size_t>(high - low) + 1));
  }
  double Between(double low, double high) {
    return low + (high - low) * Uniform();
  }
  bool Chance(double p) { return Uniform() < p; }
  double Exponential(double mean) { return -mean * std::log(1 - Uniform()); }

  template <class T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  template <class T>
  T& Pick(std::vector<T>& from) {
    return from[Below(from.size())];
  }
  template <class T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[Below(i)]);
    }
  }
  // A stream of its own for a part, so that parts do not disturb each other.
  Random Fork() { return Random(Next()); }

 private:
  uint64_t state_;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_RANDOM_H_
