#include "telemetry/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

std::string_view LevelName(LogLevel level) {
  return kLevelNames[static_cast<size_t>(level)];
}

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void AppendUnicodeEscape(char32_t value, std::string& out) {
  uint32_t code = value;
  if (code >= 0x10000) {  // JSON knows only UTF-16 surrogate pairs
    code -= 0x10000;
    out += absl::StrFormat("\\u%04x", 0xD800 + (code >> 10));
    code = 0xDC00 + (code & 0x3FF);
  }
  out += absl::StrFormat("\\u%04x", code);
}

// A JSON string, which logfmt readers take as well; unlike plain JSON it holds
// nothing that a terminal obeys or hides (C1 controls, bidirectional marks).
void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    if (!point.valid) {
      AppendUtf8(0xFFFD, out);
    } else if (point.value == '"' || point.value == '\\') {
      out += '\\';
      out += static_cast<char>(point.value);
    } else if (point.value == '\n') {
      out += "\\n";
    } else if (!IsVisible(point.value)) {
      AppendUnicodeEscape(point.value, out);
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  out += '"';
}

bool IsBareWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

// Writes the members of one entry in either format.
class EntryWriter {
 public:
  explicit EntryWriter(LogFormat format) : json_(format == LogFormat::kJson) {
    if (json_) line_ = '{';
  }

  void Add(std::string_view key, std::string_view value) {
    if (line_.size() > 1) line_ += json_ ? ',' : ' ';
    if (json_) {
      AppendQuoted(key, line_);
      line_ += ':';
    } else {
      line_ += key;
      line_ += '=';
    }
    const std::string_view kept = Utf8Prefix(value, Logger::kMaxTextBytes);
    if (kept.size() < value.size()) {
      AppendQuoted(std::string(kept) + "...", line_);
    } else if (!json_ && IsBareWord(value)) {
      line_ += value;
    } else {
      AppendQuoted(value, line_);
    }
  }

  std::string Finish() {
    if (json_) line_ += '}';
    return std::move(line_);
  }

 private:
  const bool json_;
  std::string line_;
};

}  // namespace

bool ParseLogLevel(std::string_view name, LogLevel& out) {
  const auto found =
      std::find(std::begin(kLevelNames), std::end(kLevelNames), name);
  if (found == std::end(kLevelNames)) return false;
  out = static_cast<LogLevel>(found - std::begin(kLevelNames));
  return true;
}

// spdlog decides by level and writes whole lines under its lock; the line is
// ours, as spdlog's patterns do not escape. A sink that fails (closed standard
// error) is spdlog's to swallow: the log must not end the program.
class Logger::Impl {
 public:
  Impl(const LogOptions& options, const Clock& clock, spdlog::sink_ptr sink)
      : format_(options.format), clock_(clock), logger_("oddverb", {sink}) {
    logger_.set_pattern("%v");
    logger_.set_level(SpdlogLevel(options.level));
    logger_.flush_on(spdlog::level::debug);
    logger_.set_error_handler([](const std::string&) {});
  }

  void SetLevel(LogLevel level) { logger_.set_level(SpdlogLevel(level)); }

  void Log(LogLevel level, std::string_view message, Fields fields) {
    const spdlog::level::level_enum spdlog_level = SpdlogLevel(level);
    if (!logger_.should_log(spdlog_level)) return;
    EntryWriter entry(format_);
    entry.Add("ts", absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E6SZ", clock_.Now(),
                                     absl::UTCTimeZone()));
    entry.Add("level", LevelName(level));
    entry.Add("msg", message);
    for (const LogField& field : fields) entry.Add(field.key, field.value);
    logger_.log(spdlog_level, entry.Finish());
  }

 private:
  const LogFormat format_;
  const Clock& clock_;
  spdlog::logger logger_;
};

Logger::Logger(const LogOptions& options, const Clock& clock)
    : impl_(std::make_unique<Impl>(
          options, clock, std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

Logger::Logger(const LogOptions& options, const Clock& clock, std::ostream& out)
    : impl_(std::make_unique<Impl>(
          options, clock,
          std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}

Logger::~Logger() = default;

void Logger::SetLevel(LogLevel level) { impl_->SetLevel(level); }

void Logger::Debug(std::string_view message, Fields fields) {
  Log(LogLevel::kDebug, message, fields);
}

void Logger::Info(std::string_view message, Fields fields) {
  Log(LogLevel::kInfo, message, fields);
}

void Logger::Warn(std::string_view message, Fields fields) {
  Log(LogLevel::kWarn, message, fields);
}

void Logger::Error(std::string_view message, Fields fields) {
  Log(LogLevel::kError, message, fields);
}

void Logger::Log(LogLevel level, std::string_view message, Fields fields) {
  impl_->Log(level, message, fields);
}

}  // namespace oddverb
