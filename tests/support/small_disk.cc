#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace oddverb {

SmallDisk::SmallDisk(const std::string& path, const char* size) : path_(path) {
  std::filesystem::create_directory(path);
  mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0,
                     absl::StrCat("size=", size, ",mode=0700").c_str()) == 0;
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
}

bool SmallDisk::MakeReadOnly() {
  return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "") ==
         0;
}

void SmallDisk::Fill() {
  int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string page(4096, 'f');
  while (::write(file, page.data(), page.size()) > 0) {
  }
  ::close(file);
}

void SmallDisk::Free() { std::filesystem::remove(filler()); }

}  // namespace oddverb
