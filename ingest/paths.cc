#include "ingest/paths.h"

#include <dirent.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ingest/stored_file.h"

namespace oddverb {
namespace {

constexpr std::string_view kGzipSuffix = ".gz";

// "X" for "X.gz"; empty for other names.
std::string PlainSibling(const std::string& path) {
  if (!path.ends_with(kGzipSuffix)) return "";
  return path.substr(0, path.size() - kGzipSuffix.size());
}

bool IsRegular(const std::string& path) {
  absl::StatusOr<StoredFile> file = InspectFile(path);
  return file.ok() && file->kind == StoredFile::Kind::kRegular;
}

bool IsIncompleteGzip(const std::string& path) {
  std::string plain = PlainSibling(path);
  return !plain.empty() && IsRegular(plain);
}

absl::StatusOr<std::vector<std::string>> FilesOfFolder(
    const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()),
                                              &::closedir);
  if (listing == nullptr) return FileError(folder, errno);
  std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(listing.get())) {
    std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    std::string path = prefix + name;
    if (IsRegular(path) && !IsIncompleteGzip(path)) {
      files.push_back(std::move(path));
    }
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder,
        ": this folder holds no files to read (sub-folders are not "
        "searched: name them, or use a pattern such as '",
        prefix, "*/*.log')"));
  }
  std::sort(files.begin(), files.end());  // readdir has no order
  return files;
}

absl::StatusOr<std::vector<std::string>> FilesOfPattern(
    const std::string& pattern) {
  glob_t found = {};
  int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> matches;
  if (result == 0) {
    matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  std::erase_if(matches, IsIncompleteGzip);
  if (matches.empty()) {
    return absl::NotFoundError(
        absl::StrCat(pattern, ": no file matches this pattern"));
  }
  // Not glob's own order: that depends on the locale.
  std::sort(matches.begin(), matches.end());
  return matches;
}

bool IsPattern(const std::string& argument) {
  return argument.find_first_of("*?[") != std::string::npos;
}

// Gathers inputs and mistakes.
class Expansion {
 public:
  void AddArgument(const std::string& argument) {
    absl::StatusOr<StoredFile> file = InspectFile(argument);
    if (file.ok()) return AddFileOrFolder(*std::move(file));
    if (!absl::IsNotFound(file.status()) || !IsPattern(argument)) {
      return AddMistake(file.status());
    }
    absl::StatusOr<std::vector<std::string>> matches = FilesOfPattern(argument);
    if (!matches.ok()) return AddMistake(matches.status());
    for (const std::string& match : *matches) {
      absl::StatusOr<StoredFile> matched = InspectFile(match);
      if (!matched.ok()) {
        AddMistake(matched.status());
      } else {
        AddFileOrFolder(*std::move(matched));
      }
    }
  }

  absl::StatusOr<std::vector<std::string>> Finish() && {
    ODDVERB_RETURN_IF_ERROR(mistakes_);
    std::set<std::string> named(paths_.begin(), paths_.end());
    std::erase_if(paths_, [&named](const std::string& path) {
      return named.contains(PlainSibling(path));
    });
    return std::move(paths_);
  }

 private:
  void AddFileOrFolder(StoredFile file) {
    if (file.kind != StoredFile::Kind::kFolder) return AddFile(file);
    absl::StatusOr<std::vector<std::string>> paths = FilesOfFolder(file.path);
    if (!paths.ok()) return AddMistake(paths.status());
    for (const std::string& path : *paths) {
      absl::StatusOr<StoredFile> inside = InspectFile(path);
      if (!inside.ok()) {
        AddMistake(inside.status());
      } else {
        AddFile(*inside);
      }
    }
  }

  void AddFile(const StoredFile& file) {
    if (!seen_.insert({file.device, file.inode}).second) return;
    absl::Status readable = CheckReadable(file);
    if (!readable.ok()) return AddMistake(readable);
    paths_.push_back(file.path);
  }

  void AddMistake(const absl::Status& mistake) {
    mistakes_ = mistakes_.ok()
                    ? mistake
                    : absl::Status(mistakes_.code(),
                                   absl::StrCat(mistakes_.message(), "\n",
                                                mistake.message()));
  }

  std::vector<std::string> paths_;
  std::set<std::pair<uint64_t, uint64_t>> seen_;
  absl::Status mistakes_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandPaths(
    const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return absl::InvalidArgumentError(
        "nothing to read: name files or folders, or - for standard input");
  }
  Expansion expansion;
  for (const std::string& argument : arguments) {
    expansion.AddArgument(argument);
  }
  return std::move(expansion).Finish();
}

}  // namespace oddverb
