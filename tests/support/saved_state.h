// What holds for whatever has Save() and Load(): it comes back whole, and bytes
// that end early are refused and change nothing.
#ifndef ODDVERB_TESTS_SUPPORT_SAVED_STATE_H_
#define ODDVERB_TESTS_SUPPORT_SAVED_STATE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/state_io.h"
#include "gtest/gtest.h"

namespace oddverb {

template <class State>
std::string SavedState(const State& state) {
  StateWriter out;
  state.Save(out);
  return out.Release();
}

// What came back, which is then as `state` is if its owner finds it so.
template <class State>
State ExpectComesBackWhole(const State& state) {
  const std::string saved = SavedState(state);
  State loaded;
  StateReader in(saved);
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(SavedState(loaded), saved);
  for (size_t size = 0; size < saved.size(); ++size) {
    StateReader cut(std::string_view(saved).substr(0, size));
    loaded.Load(cut);
    EXPECT_FALSE(cut.status().ok()) << size << " of " << saved.size();
  }
  EXPECT_EQ(SavedState(loaded), saved);
  return loaded;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SAVED_STATE_H_
