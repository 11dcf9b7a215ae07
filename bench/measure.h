// What programs of bench/ measure with: CPU time, and the median of rounds.
#ifndef ODDVERB_BENCH_MEASURE_H_
#define ODDVERB_BENCH_MEASURE_H_

#include <time.h>

#include <algorithm>
#include <vector>

namespace oddverb {

inline double CpuSecondsOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double CpuSecondsOfThread() {
  return CpuSecondsOf(CLOCK_THREAD_CPUTIME_ID);
}
inline double CpuSecondsOfProcess() {
  return CpuSecondsOf(CLOCK_PROCESS_CPUTIME_ID);
}

// REQUIRES: there are values. Of an even number the upper one.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace oddverb

#endif  // ODDVERB_BENCH_MEASURE_H_
