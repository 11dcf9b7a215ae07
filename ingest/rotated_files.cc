#include "ingest/rotated_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ingest/stored_file.h"

namespace oddverb {
namespace {

constexpr std::string_view kGzipSuffix = ".gz";
// 'd' is a digit. In UTC, to the millisecond: lumberjack's backupTimeFormat.
constexpr std::string_view kLumberjackTime = "dddd-dd-ddTdd-dd-dd.ddd";
// logrotate counts up: the largest number is the oldest file.
constexpr size_t kMostNumberDigits = 5;
constexpr uint64_t kAboveNumbers = 1'000'000;

bool HasForm(std::string_view text, std::string_view form) {
  return text.size() == form.size() &&
         std::equal(
             text.begin(), text.end(), form.begin(), [](char c, char wanted) {
               return wanted == 'd'
                          ? absl::ascii_isdigit(static_cast<unsigned char>(c))
                          : c == wanted;
             });
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() <= kMostNumberDigits &&
         HasForm(text, std::string_view("ddddd").substr(0, text.size()));
}

// "20060102", perhaps with "-150405" or another number behind it.
bool IsDate(std::string_view text) {
  return text.size() >= 8 && HasForm(text.substr(0, 8), "dddddddd") &&
         text.find_first_not_of("0123456789-") == std::string_view::npos;
}

}  // namespace

bool SameNames(const std::vector<LogFile>& a, const std::vector<LogFile>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const LogFile& x, const LogFile& y) {
                      return x.path == y.path && x.SameInodeAs(y);
                    });
}

struct RotatedFiles::Candidate {
  std::string order;
  std::string name;
  auto operator<=>(const Candidate&) const = default;
};

RotatedFiles::RotatedFiles(const std::string& active_path)
    : active_path_(active_path) {
  size_t slash = active_path.rfind('/');
  if (slash == std::string::npos) {
    folder_ = ".";
    active_name_ = active_path;
  } else {
    folder_ = slash == 0 ? "/" : active_path.substr(0, slash);
    active_name_ = active_path.substr(slash + 1);
  }
  size_t dot = active_name_.rfind('.');
  if (dot == std::string::npos || dot == 0) dot = active_name_.size();
  stem_ = active_name_.substr(0, dot);
  extension_ = active_name_.substr(dot);
}

// By what rotated names are sorted; empty for names of other files.
std::string RotatedFiles::OrderOf(std::string_view name) const {
  if (name.ends_with(kGzipSuffix)) name.remove_suffix(kGzipSuffix.size());
  if (name.starts_with(active_name_)) {
    std::string_view rest = name.substr(active_name_.size());
    if (rest.empty() || (rest[0] != '.' && rest[0] != '-')) return "";
    rest.remove_prefix(1);
    if (IsDate(rest)) return absl::StrCat("1", std::string(rest));
    if (!IsNumber(rest)) return "";
    return absl::StrCat("0", kAboveNumbers - std::stoul(std::string(rest)));
  }
  if (!name.starts_with(stem_) || !name.ends_with(extension_)) return "";
  size_t around = stem_.size() + extension_.size();
  if (name.size() <= around || name[stem_.size()] != '-') return "";
  std::string_view time =
      name.substr(stem_.size() + 1, name.size() - around - 1);
  if (!HasForm(time, kLumberjackTime)) return "";
  return absl::StrCat("1", std::string(time));
}

absl::StatusOr<std::vector<RotatedFiles::Candidate>> RotatedFiles::ListNames()
    const {
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder_.c_str()),
                                              &::closedir);
  if (listing == nullptr) return FileError(folder_, errno);
  std::vector<Candidate> names;
  while (const dirent* entry = ::readdir(listing.get())) {
    std::string name = entry->d_name;
    if (name == active_name_) continue;
    std::string order = OrderOf(name);
    if (!order.empty()) names.push_back({std::move(order), std::move(name)});
  }
  std::sort(names.begin(), names.end());  // "X" comes directly before "X.gz"
  for (size_t i = names.size(); i-- > 1;) {
    if (names[i].name ==
        absl::StrCat(names[i - 1].name, std::string(kGzipSuffix))) {
      names.erase(names.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  names.push_back({"", active_name_});
  return names;
}

absl::StatusOr<std::vector<LogFile>> RotatedFiles::List() const {
  ODDVERB_ASSIGN_OR_RETURN(std::vector<Candidate> names, ListNames());
  std::vector<LogFile> files;
  for (const Candidate& candidate : names) {
    LogFile file;
    file.active = candidate.name == active_name_;
    file.path =
        file.active ? active_path_ : absl::StrCat(folder_, "/", candidate.name);
    struct stat facts;
    if (::stat(file.path.c_str(), &facts) != 0) {
      if (errno != ENOENT) return FileError(file.path, errno);
      // But for a link to nothing, it may have a name that is not in `names`.
      struct stat entry;
      const bool is_link =
          ::lstat(file.path.c_str(), &entry) == 0 && S_ISLNK(entry.st_mode);
      if (!file.active && !is_link) {
        return absl::AbortedError(absl::StrCat(file.path, ": was renamed"));
      }
      continue;
    }
    if (!S_ISREG(facts.st_mode)) {
      if (!file.active) continue;
      return S_ISDIR(facts.st_mode)
                 ? FileError(file.path, EISDIR)
                 : absl::InvalidArgumentError(
                       absl::StrCat(file.path,
                                    ": is not a file: only files can be "
                                    "followed (a pipe is read once, with -)"));
    }
    file.device = facts.st_dev;
    file.inode = facts.st_ino;
    file.size_bytes = static_cast<uint64_t>(facts.st_size);
    file.changed_ns =
        int64_t{facts.st_ctim.tv_sec} * 1'000'000'000 + facts.st_ctim.tv_nsec;
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace oddverb
