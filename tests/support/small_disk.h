// A small file system of its own, to be filled up; absent where we may not
// mount.
#ifndef ODDVERB_TESTS_SUPPORT_SMALL_DISK_H_
#define ODDVERB_TESTS_SUPPORT_SMALL_DISK_H_

#include <string>

namespace oddverb {

class SmallDisk {
 public:
  // `path` is made; `size` as tmpfs takes it ("8m").
  SmallDisk(const std::string& path, const char* size);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  bool MakeReadOnly();

  // To the last page, with a file of its own; Free() removes it.
  void Fill();
  void Free();

 private:
  std::string filler() const { return path_ + "/filler"; }

  std::string path_;
  bool mounted_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SMALL_DISK_H_
